"""Pictures for every setting on a grid: computed once by Python, then alive without a kernel."""

import html
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import traitlets as t

from dlcourse.plots import Figure, encode
from dlcourse.widgets.base import DualWidget

Drawing = Callable[..., Any]  # returns a Figure, or a matplotlib figure and its description


class Frames(DualWidget):
    """A picture with one slider a parameter. Made by the decorator ``frames``.

    With a kernel the reader can also ask for values that are not on the grid.
    """

    js = "frames"
    live_only = frozenset({"request", "reply"})

    params: t.List[Any] = t.List().tag(
        sync=True
    )  # name, label, values, shown, start, play: one a slider
    images = t.List(t.Unicode()).tag(sync=True)  # the last parameter runs fastest
    texts = t.List(t.Unicode()).tag(sync=True)  # a description for each image
    size = t.List(t.Int()).tag(sync=True)  # width and height on the page [pixels]
    interval = t.Int(600).tag(sync=True)  # time for one frame when it plays [ms]
    request = t.Dict().tag(sync=True)  # {"count": n, "values": {name: value}}
    reply = t.Dict().tag(sync=True)  # {"image", "text"} or {"error"}, and the request's count

    def __init__(self, function: Drawing, **state: Any) -> None:
        super().__init__(**state)
        self.function = function
        self.__doc__ = function.__doc__

    def __call__(self, **values: Any) -> Any:
        """The decorated function itself."""
        return self.function(**values)

    @t.observe("request")
    def _compute(self, change: Any) -> None:
        asked = change["new"]
        if "values" not in asked:
            return
        try:
            image, text, _ = draw(self.function, asked["values"])
        except Exception as error:  # whatever a reader's values lead to is told in the page
            told = f"Python raised {type(error).__name__}: {error}"
            self.reply = {"count": asked["count"], "error": told}
            raise
        self.reply = {"count": asked["count"], "image": image, "text": text}

    def fallback_html(self) -> str:
        lengths = [len(p["values"]) for p in self.params]
        index = 0
        for p, length in zip(self.params, lengths, strict=True):
            index = index * length + p["start"]
        names = ", ".join(html.escape(p["label"]) for p in self.params)
        width, height = self.size
        return (
            f'<img alt="{html.escape(self.texts[index])}" src="{self.images[index]}" '
            f'width="{width}" height="{height}"><p>{html.escape(self.label)}. {len(self.images)} '
            f"pictures, chosen by {names}.</p>"
        )


def draw(function: Drawing, values: Mapping[str, Any]) -> tuple[str, str, tuple[int, int]]:
    """One frame: image as data URI, description, size on the page.

    Raises:
        TypeError: the function returned something else.
    """
    result = function(**values)
    if isinstance(result, Figure):
        return result.image, result.alt, result.size
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], str):
        image, size = encode(result[0], scale=1.5)
        return image, result[1], size
    raise TypeError(
        f"{function.__name__} must return a Figure, or a figure and its description; "
        f"got {type(result).__name__}."
    )


def frames(
    label: str,
    labels: Mapping[str, str] | None = None,
    start: Mapping[str, Any] | None = None,
    units: Mapping[str, str] | None = None,
    play: str | None = None,
    interval: int = 600,
    **grid: Sequence[Any],
) -> Callable[[Drawing], Frames]:
    """Decorator: draw a function for all combinations of a few values and make a widget of it.

    ::

        @frames("Descent with one learning rate", rate=[0.01, 0.1, 1.0], start={"rate": 0.1})
        def descent(rate):
            ...
            return fig, f"With rate {rate} the loss ends at {loss:.3f}."

    label: the widget's name. labels, units: for a parameter's slider, where its own name is not
    enough. start: the value shown first, instead of a parameter's first. play: a parameter that
    gets a play button, for example an epoch. interval: time for one frame when it plays [ms].

    Raises:
        ValueError: no grid, an empty one, or a start, label, unit or play that fits no parameter.
    """
    given = {**(labels or {}), **(start or {}), **(units or {}), **({play: 0} if play else {})}
    unknown = sorted(set(given) - set(grid))
    if unknown or not grid or not all(len(values) for values in grid.values()):
        raise ValueError(
            f"frames needs at least one value for each parameter, got the grid {dict(grid)}; "
            f"names that are no parameter: {unknown}."
        )
    params = [
        {
            "name": name,
            "label": (labels or {}).get(name, name.replace("_", " ")),
            "values": list(values),
            "shown": [_shown(value, (units or {}).get(name, "")) for value in values],
            "start": _position(name, values, start or {}),
            "play": name == play,
        }
        for name, values in grid.items()
    ]

    def decorate(function: Drawing) -> Frames:
        combinations = itertools.product(*grid.values())
        drawn = [draw(function, dict(zip(grid, c, strict=True))) for c in combinations]
        images, texts, sizes = zip(*drawn, strict=True)
        return Frames(
            function,
            label=label,
            params=params,
            images=list(images),
            texts=list(texts),
            size=list(sizes[0]),
            interval=interval,
        )

    return decorate


def _shown(value: Any, unit: str) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{text} {unit}".strip()


def _position(name: str, values: Sequence[Any], start: Mapping[str, Any]) -> int:
    if name not in start:
        return 0
    if start[name] not in values:
        raise ValueError(f"start={start[name]!r} is not among the values of {name}: {values}.")
    return list(values).index(start[name])
