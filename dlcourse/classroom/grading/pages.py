"""The pages: feedback for each learner, an index, and the report on the class.

Every text is escaped by the template engine. Messages are the course's own; of a submission there
is only the learner's name. A page needs no other file, no network and no script.
"""

import hashlib
import html
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from dlcourse.classroom.base import NOT_STARTED, RIGHT, WRONG
from dlcourse.classroom.grading.files import write_file
from dlcourse.classroom.grading.report import Summary
from dlcourse.classroom.grading.scoring import UNGRADED
from dlcourse.classroom.grading.submissions import Found

TEMPLATES = Path(__file__).parent / "templates"
SIGNS = {RIGHT: "✓", WRONG: "→", NOT_STARTED: "○", UNGRADED: "!"}
WORDS = {RIGHT: "Right", WRONG: "Not yet", NOT_STARTED: "Not started", UNGRADED: "Not graded"}


def environment() -> Environment:
    """Jinja with every text escaped, and a name that is missing as an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(prose=prose, title=title, percent=lambda part: f"{100 * part:.0f} %")
    made.globals.update(signs=SIGNS, words=WORDS)
    return made


def prose(text: str) -> Markup:
    """Escaped text with `code` between backticks, and lines as they are."""
    inner = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
    return Markup(inner)


def title(assignment: str) -> str:
    """The name of an assignment for people: "15 · Backpropagation"."""
    number, _, words = assignment.partition("_")
    return f"{number.lstrip('0')} · {words.replace('_', ' ').capitalize()}"


def folder_of(student: str) -> str:
    """A safe and distinct folder name for any name: some of its letters, and a hash of all."""
    letters = re.sub(r"[^a-z0-9]+", "-", student.casefold())[:40].strip("-")
    digest = hashlib.sha256(student.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{letters or 'student'}-{digest}"


def write_feedback(grades: Sequence[dict[str, Any]], places: Sequence[str], out: Path) -> None:
    """The feedback pages. places: of `place_of`, one for each grade. Pages of old runs go."""
    template = environment().get_template("feedback.html")
    for grade, place in zip(grades, places, strict=True):
        path = out / place
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, template.render(grade=grade))
    _remove_others(out / "feedback", {out / place for place in places})


def place_of(student: str, assignment: str) -> str:
    """Where a learner's page lies in the output folder."""
    return f"feedback/{folder_of(student)}/{assignment}.html"


def _remove_others(folder: Path, wanted: set[Path]) -> None:
    """Remove pages that no submission belongs to any more. Only what has our form is touched."""
    if not folder.is_dir():
        return
    for student in folder.iterdir():
        if student.is_symlink() or not student.is_dir():
            continue
        for page in student.glob("[0-9][0-9]_*.html"):
            if page not in wanted:
                page.unlink()
        if not os.listdir(student):
            student.rmdir()


def write_index(
    grades: Sequence[dict[str, Any]], places: Sequence[str], summaries: Sequence[Summary],
    found: Found, out: Path,
) -> None:  # fmt: skip
    """index.html: who has how many points, and what was not graded."""
    assignments = [summary.assignment for summary in summaries]
    table: dict[str, dict[str, tuple[dict[str, Any], str]]] = {}
    for item, grade, place in zip(found.submissions, grades, places, strict=True):
        table.setdefault(item.student, {})[item.assignment] = (grade, place)
    students = [(next(iter(row.values()))[0]["student"], row) for _, row in sorted(table.items())]
    page = environment().get_template("index.html")
    write_file(
        out / "index.html",
        page.render(assignments=assignments, students=students, found=found),
    )


def write_report(summaries: Sequence[Summary], found: Found, out: Path) -> None:
    """report.html: the class."""
    page = environment().get_template("report.html")
    write_file(out / "report.html", page.render(summaries=summaries, found=found))
