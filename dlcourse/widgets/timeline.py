"""A time line of deep learning: events to walk through, and cards to put in order."""

import html
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

import traitlets as t

from dlcourse.widgets.base import DualWidget

TASK = "Walk through the marked events, then put the cards in order."


@cache
def history() -> dict[str, Any]:
    """What timeline.toml holds: lanes, chapters, events, rounds, mixups, sources."""
    text = (files("dlcourse.widgets") / "timeline.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def events(chapter: int | None = None) -> list[dict[str, Any]]:
    """All events in the order of time, or those that this chapter treats."""
    return [e for e in history()["events"] if chapter is None or chapter in e["chapters"]]


def span(chapter: int) -> tuple[int, int]:
    """First and last year of a chapter: those of Part I are given, else its events' years.

    Raises:
        ValueError: no event belongs to this chapter.
    """
    own = [event["year"] for event in events(chapter)]
    if not own:
        known = sorted({number for event in events() for number in event["chapters"]})
        raise ValueError(f"The time line has no event of chapter {chapter}. It has some of {known}")
    given = {entry["number"]: entry["years"] for entry in history()["chapters"]}
    first, last = given.get(chapter, (min(own), max(own)))
    return first, last


def rounds(chapter: int) -> list[dict[str, Any]]:
    """The rounds of the card game: first this chapter's, then the others in their order."""
    return sorted(history()["rounds"], key=lambda entry: entry["chapter"] != chapter)


def judge(order: Sequence[str]) -> dict[str, Any]:
    """How well cards (events' names) are ordered. The page does the same in JavaScript.

    Returns a dict: `right`; `in_place`, the number of cards at their place; `mixups`, the numbers
    of the known mistakes in this order; `pair`, the first two neighbours in the wrong order or [].
    """
    years = {event["id"]: event["year"] for event in events()}
    wanted = sorted(order, key=years.__getitem__)
    wrong = [[a, b] for a, b in pairwise(order) if years[a] > years[b]]
    place = {name: i for i, name in enumerate(order)}
    mixups = [
        i
        for i, mixup in enumerate(history()["mixups"])
        if mixup["earlier"] in place
        and mixup["later"] in place
        and place[mixup["later"]] < place[mixup["earlier"]]
    ]
    return {
        "right": not wrong,
        "in_place": sum(a == b for a, b in zip(order, wanted, strict=True)),
        "mixups": mixups,
        "pair": wrong[0] if wrong else [],
    }


class Timeline(DualWidget):
    """The history of deep learning on one axis, 1943 to 2024, in four lanes.

    The chapter's years are shaded and its events are bold. An event shows its card: what happened,
    what is often told, what the sources say. In the card game the reader puts events in order,
    and a wrong order is answered with the belief behind it.

    Args:
        chapter: whose years and events are marked, any chapter with an event (1 to 6 have some)
        mode: "explore", or "order" for the card game
        chosen: the event at the start, its name in timeline.toml; the chapter's first if not given
        task: what the reader should try; chapters 1 to 6 have one of their own
    After use: `chosen`, the event last shown; `solved`, the numbers of the rounds put in order.

    Raises:
        ValueError: the chapter has no event, or there is no event of this name
    """

    js = "timeline"
    task = t.Unicode(TASK).tag(sync=True)
    chapter = t.Int().tag(sync=True)
    mode = t.Enum(["explore", "order"], default_value="explore").tag(sync=True)
    chosen = t.Unicode("").tag(sync=True)
    years = t.List(t.Int()).tag(sync=True)  # the chapter's first and last year
    lanes: Any = t.List().tag(sync=True)
    events: Any = t.List().tag(sync=True)
    sources: Any = t.Dict().tag(sync=True)
    rounds: Any = t.List().tag(sync=True)
    mixups: Any = t.List().tag(sync=True)
    solved = t.List(t.Int(), default_value=[]).tag(sync=True)

    def __init__(
        self, chapter: int, label: str = "Deep learning, 1943 to 2024", **kwargs: Any
    ) -> None:
        data, years, own = history(), span(chapter), events(chapter)
        tasks = {entry["number"]: entry["task"] for entry in data["chapters"]}
        kwargs.setdefault("task", tasks.get(chapter, TASK))
        kwargs.setdefault("chosen", own[0]["id"])
        if kwargs["chosen"] not in {event["id"] for event in events()}:
            known = ", ".join(event["id"] for event in own)
            raise ValueError(
                f"There is no event {kwargs['chosen']!r}. Those of chapter {chapter}: {known}"
            )
        super().__init__(
            label=label,
            chapter=chapter,
            years=list(years),
            lanes=data["lanes"],
            events=events(),
            sources=data["sources"],
            rounds=rounds(chapter),
            mixups=data["mixups"],
            **kwargs,
        )

    def fallback_html(self) -> str:
        """The chapter's events in full and all others by title, in the order of time."""
        own = [event for event in self.events if self.chapter in event["chapters"]]
        rest = [event for event in self.events if self.chapter not in event["chapters"]]
        first, last = self.years
        return (
            f"<p><strong>{html.escape(self.label)}.</strong> {html.escape(self.task)}</p>"
            f"<p>Events of chapter {self.chapter}, whose years are {first} to {last}:</p>"
            f"<ul>{''.join(self._entry(event) for event in own)}</ul>"
            f"<details><summary>The other {len(rest)} events</summary>"
            f"<ul>{''.join(f'<li>{_head(event)}.</li>' for event in rest)}</ul></details>"
        )

    def _entry(self, event: dict[str, Any]) -> str:
        """One event in full, as an entry of the list."""
        told = ""
        if "said" in event:
            said, better = html.escape(event["said"]), html.escape(event["better"])
            told = f" <em>Often told:</em> “{said}” <em>The sources:</em> {better}"
        cites = html.escape("; ".join(self.sources[key]["cite"] for key in event["sources"]))
        return f"<li>{_head(event)}. {html.escape(event['text'])}{told} ({cites})</li>"


def _head(event: dict[str, Any]) -> str:
    """Year, title and people of an event."""
    title, who = html.escape(event["title"]), html.escape(event["who"])
    return f"{event['year']}: <strong>{title}</strong>, {who}"
