"""How feedback looks: a calm coloured box in Jupyter, plain text in a terminal.

Each box brings its own background and text colour, so it reads alike in light and dark themes.
The word and the sign say the outcome; the colour only repeats it.
"""

import html
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from dlcourse.classroom.base import NOT_STARTED, RIGHT, WRONG, Exercise, Verdict
from dlcourse.classroom.observe import running_shell
from dlcourse.classroom.values import clean

HEADINGS = {RIGHT: ("✓", "Right"), WRONG: ("→", "Not yet"), NOT_STARTED: ("○", "Not started")}
NOTE = "note"

# Text, background and edge: text on background has a contrast of at least 12:1, the edge 4.5:1.
COLOURS = {
    RIGHT: ("#10231b", "#e6f4ec", "#00704f"),
    WRONG: ("#2b1a0e", "#fdf1e5", "#a84300"),
    NOT_STARTED: ("#161c28", "#eceff5", "#46587a"),
    NOTE: ("#161c28", "#eceff5", "#46587a"),
}


class Box:
    """Something to show: a heading, paragraphs and rows, as HTML and as text."""

    def __init__(
        self,
        look: str,
        heading: str,
        paragraphs: Sequence[str],
        rows: Sequence[tuple[str, str]] = (),
        notes: Sequence[str] = (),
    ) -> None:
        self.look, self.heading = look, clean(heading)
        self.paragraphs = [clean(text, 2000) for text in paragraphs if text]
        self.rows = [(clean(name), _own_line(clean(value))) for name, value in rows]
        self.notes = [clean(text, 2000) for text in notes]

    def _repr_html_(self) -> str:
        text, background, edge = COLOURS[self.look]
        style = (
            f"color:{text};background:{background};border-left:6px solid {edge};"
            "padding:8px 14px;margin:6px 0;border-radius:4px;max-width:48em;line-height:1.45"
        )
        # JupyterLab's own style for code is white in a dark theme, and it drops "inherit" from
        # notebooks that are not trusted: so code names its colours.
        code = f"color:{text};background-color:{background};padding:0px;white-space:pre-wrap"
        parts = [f"<strong>{html.escape(self.heading)}</strong>"]
        parts += [_paragraph(paragraph, code) for paragraph in self.paragraphs]
        parts += [_row(name, value, code) for name, value in self.rows]
        parts += [_paragraph(note, code) for note in self.notes]
        name = f"dl-feedback dl-{self.look.replace(' ', '-')}"
        return f'<div class="{name}" role="status" style="{style}">{"".join(parts)}</div>'

    def __repr__(self) -> str:
        lines = [self.heading, *self.paragraphs]
        lines += [f"  {name}: {value}" for name, value in self.rows]
        return "\n".join([*lines, *self.notes])


def _own_line(value: str) -> str:
    """An array of several rows starts on its own line, so that its columns stand in line."""
    return f"\n{value}" if "\n" in value else value


def _paragraph(text: str, code: str) -> str:
    """Escaped text, with `code` between backticks in the style given."""
    inner = re.sub(r"`([^`]+)`", rf'<code style="{code}">\1</code>', html.escape(text))
    return f'<div style="margin-top:4px">{inner}</div>'


def _row(name: str, value: str, code: str) -> str:
    return (
        f'<div style="margin-top:4px"><span style="display:inline-block;min-width:6em">'
        f'{html.escape(name)}</span> <code style="{code}">{html.escape(value)}</code></div>'
    )


def verdict_box(exercise: Exercise, verdict: Verdict, notes: Sequence[str]) -> Box:
    """The feedback for a check."""
    sign, word = HEADINGS[verdict.outcome]
    heading = f"{sign} {word}: {exercise.id} {exercise.title}"
    if verdict.outcome == RIGHT:
        heading += f" ({exercise.points} point{'s' * (exercise.points != 1)})"
    return Box(verdict.outcome, heading, [verdict.message], verdict.details, notes)


def hint_box(exercise: Exercise, number: int, notes: Sequence[str]) -> Box:
    """One of the three hints."""
    left = 3 - number
    end = f'`hint("{exercise.id}")` gives the next one.' if left else "This is the last hint."
    heading = f"Hint {number} of 3: {exercise.id} {exercise.title}"
    return Box(NOTE, heading, [exercise.hints[number - 1], end], (), notes)


class ProgressTable:
    """How many exercises are solved in each chapter, as a table."""

    def __init__(self, chapters: Mapping[str, Sequence[Exercise]], entries: Mapping[str, Any],
                 notes: Sequence[str]) -> None:  # fmt: skip
        self.rows = [_chapter_row(*chapter, entries) for chapter in chapters.items()]
        self.notes = list(notes)

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{name}</th>' for name in COLUMNS)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self.rows
        )
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes)
        return (
            '<table class="dl-progress"><caption>Your progress</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"
        )

    def __repr__(self) -> str:
        width = max((len(row[0]) for row in self.rows), default=0)
        lines = [f"{name:<{width}}  {solved:>8}  {points}" for name, solved, points in self.rows]
        return "\n".join(["Your progress", *lines, *self.notes])


COLUMNS = ("Chapter", "Solved", "Points")


def _chapter_row(name: str, exercises: Sequence[Exercise], entries: Mapping[str, Any]) -> tuple:
    solved = [ex for ex in exercises if entries.get(ex.id, {}).get("solved")]
    points = f"{sum(ex.points for ex in solved)} of {sum(ex.points for ex in exercises)}"
    number, _, words = name.partition("_")
    title = f"{number} {words.replace('_', ' ').capitalize()}"
    return title, f"{len(solved)} of {len(exercises)}", points


def show(thing: Any) -> None:
    """Display in Jupyter, print elsewhere."""
    if running_shell() is not None:
        from IPython.display import display

        display(thing)
        return
    text = repr(thing)
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding))
