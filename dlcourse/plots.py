"""Drawing: values in, a figure with its description out. One look for the whole course.

The colours stand for the same thing in every chapter and in every widget. They differ in lightness
too and the classes have their own marks, so they survive greyscale and colour-blindness
(the palette is that of Okabe and Ito, with a darker purple).
"""

import base64
import html
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from cycler import cycler
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from numpy.typing import ArrayLike
from PIL import Image

COLORS = {
    "weights": "#0072B2",
    "activations": "#009E73",
    "gradients": "#D55E00",
    "loss": "#7B3FA0",
    "class0": "#0072B2",
    "class1": "#D55E00",
    "neutral": "#555555",
}
MARKERS = {"class0": "o", "class1": "s"}  # a circle and a square
INK = "#1f2328"

STYLE: Any = {  # matplotlib's settings
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#8a9099",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(
        color=[COLORS[k] for k in ("weights", "gradients", "activations", "loss", "neutral")]
    ),
    "grid.color": "#e6e8ec",
    "grid.linewidth": 0.8,
    "xtick.color": "#8a9099",
    "ytick.color": "#8a9099",
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 2.0,
    "lines.markersize": 6.0,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "savefig.facecolor": "white",
}


@contextmanager
def style() -> Iterator[None]:
    """The course's look for figures made inside the ``with`` block."""
    with rc_context(STYLE):
        yield


def canvas(width: float = 6.0, height: float = 3.6, **subplots: Any) -> tuple[Canvas, Any]:
    """A new figure and its axes, as from ``plt.subplots``, in the course's look.

    width, height: inches. It belongs to nobody but the caller: nothing to close afterwards.
    """
    with style():
        figure = Canvas(figsize=(width, height))
        FigureCanvasAgg(figure)
        return figure, figure.subplots(**subplots)


def encode(figure: Canvas, scale: float = 2.0) -> tuple[str, tuple[int, int]]:
    """A figure as a lossless WebP data URI and its size (width, height) on the page in pixels.

    scale: image pixels for one pixel on the page; 2 is sharp on dense screens.
    """
    buffer = io.BytesIO()
    with style():
        figure.savefig(buffer, format="png", dpi=100 * scale)
    image = Image.open(buffer).convert("RGB")
    packed = io.BytesIO()
    image.save(packed, "WEBP", lossless=True, quality=100, method=4)
    size = round(image.width / scale), round(image.height / scale)
    return "data:image/webp;base64," + base64.b64encode(packed.getvalue()).decode(), size


class Figure:
    """A finished picture that a notebook shows with its description and its caption.

    alt: says what the picture shows, for someone who can't see it.
    caption: one sentence under the picture, for everyone.

    Raises:
        ValueError: alt or caption is empty.
    """

    def __init__(self, fig: Canvas, alt: str, caption: str) -> None:
        for name, text in (("alt", alt), ("caption", caption)):
            if not text.strip():
                raise ValueError(
                    f"A figure needs {name}: expected a sentence, got {text!r}. "
                    "Say what the picture shows."
                )
        self.alt, self.caption = alt, caption
        self.image, self.size = encode(fig)
        _forget(fig)

    def __repr__(self) -> str:
        return f"Figure: {self.alt}"

    def _repr_html_(self) -> str:
        width, height = self.size
        return (
            f'<figure class="dl-figure"><img alt="{html.escape(self.alt)}" src="{self.image}" '
            f'width="{width}" height="{height}">'
            f"<figcaption>{html.escape(self.caption)}</figcaption></figure>"
        )


def _forget(fig: Canvas) -> None:
    """Close a figure made by pyplot, so that a notebook doesn't show it a second time."""
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close(fig)


def line(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    xlabel: str,
    ylabel: str,
    alt: str,
    caption: str,
    colors: Mapping[str, str] | None = None,
    log: str = "",
) -> Figure:
    """Curves in one plane. curves: name -> (x, y), each of shape (n,).

    colors: name -> key of COLORS. log: the logarithmic axes, "x", "y" or "xy". Labels carry their
    unit, as in "time [s]". One curve gets no legend.
    """
    styles = ["-", "--", "-.", ":"]  # a second sign beside the colour
    fig, ax = canvas()
    with style():
        for i, (name, (x, y)) in enumerate(curves.items()):
            color = COLORS[colors[name]] if colors and name in colors else None
            ax.plot(np.asarray(x), np.asarray(y), styles[i % 4], color=color, label=name)
        for axis in log:
            getattr(ax, f"set_{axis}scale")("log")
        if len(curves) > 1:
            ax.legend()
        ax.set(xlabel=xlabel, ylabel=ylabel)
    return Figure(fig, alt, caption)


def scatter_classes(
    x: ArrayLike,
    y: ArrayLike,
    names: Sequence[str],
    alt: str,
    caption: str,
    line: Sequence[float] | None = None,
    labels: tuple[str, str] = ("input x1", "input x2"),
) -> Figure:
    """Points of two classes, x: (n, 2), y: (n,) with 0 and 1. names: of class 0 and class 1.

    line: bias and two weights (b, w1, w2); draws where b + w1 x1 + w2 x2 = 0.
    """
    points, classes = np.asarray(x, dtype=float), np.asarray(y)
    fig, ax = canvas(5.2, 4.2)
    with style():
        for c, name in enumerate(names):
            ax.scatter(
                *points[classes == c].T,
                color=COLORS[f"class{c}"],
                marker=MARKERS[f"class{c}"],
                edgecolor="white",
                s=55,
                label=name,
                zorder=3,
            )
        if line is not None:
            _boundary(ax, points, line)
        ax.legend()
        ax.set(xlabel=labels[0], ylabel=labels[1])
    return Figure(fig, alt, caption)


def _boundary(ax: Axes, points: np.ndarray, line: Sequence[float]) -> None:
    """The line b + w1 x1 + w2 x2 = 0 inside the frame of the points; none if both weights are 0."""
    b, w1, w2 = line
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.15 * (high - low) + 0.1
    low, high = low - margin, high + margin
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    if w1 == 0 and w2 == 0:
        return
    anchor = -b * np.array([w1, w2]) / (w1**2 + w2**2)
    (x, y) = anchor.tolist()
    ax.axline((x, y), (x - w2, y + w1), color=INK, label="decision line")


def bars(
    names: Sequence[str],
    heights: ArrayLike,
    ylabel: str,
    alt: str,
    caption: str,
    color: str = "neutral",
    log: bool = False,
) -> Figure:
    """One bar a name, heights: (n,), each with its value above it. color: a key of COLORS."""
    values = np.asarray(heights, dtype=float)
    fig, ax = canvas()
    with style():
        drawn = ax.bar(list(names), values, color=COLORS[color], width=0.6)
        ax.bar_label(drawn, labels=[f"{v:.3g}" for v in values], padding=3)
        ax.grid(axis="x", visible=False)
        if log:
            ax.set_yscale("log")
        ax.margins(y=0.12)
        ax.set(ylabel=ylabel)
    return Figure(fig, alt, caption)
