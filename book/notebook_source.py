"""From a chapter's text to its cells: reading MyST, marking exercise cells."""

import copy
import hashlib
import re
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from dlcourse.classroom import checks
from dlcourse.classroom.grading.handout import BEGIN, END, REGION, strip_source

CHECK = re.compile(r"""^check\(\s*["'](\d+\.\d+)["']""", re.M)

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "pygments_lexer": "ipython3",
    },
}


class SourceError(Exception):
    """A source file that can't become a notebook, with its place and what to do."""


def read(path: Path, name: str) -> NotebookNode:
    """The notebook of a MyST source: cells with stable ids, no outputs. name: for its metadata."""
    text = path.read_text(encoding="utf-8")
    try:
        parsed = jupytext.reads(text, fmt={"extension": ".md", "format_name": "myst"})
    except Exception as error:  # of the reader, about whatever an author may write
        reason = " ".join(str(error).split())
        raise SourceError(f"{name} can't be read as a MyST notebook: {reason}") from error
    notebook = nbformat.v4.new_notebook(metadata={**copy.deepcopy(METADATA)})
    notebook.metadata["dlcourse"] = {"source": name}
    seen: dict[str, int] = {}
    for cell in parsed.cells:
        # From what the learner sees: an id made from a solution could be used to guess it.
        visible = strip_source(cell.source) if cell.cell_type == "code" else cell.source
        digest = hashlib.sha256(f"{cell.cell_type}\n{visible}".encode()).hexdigest()[:12]
        seen[digest] = seen.get(digest, 0) + 1
        suffix = f"-{seen[digest]}" if seen[digest] > 1 else ""
        made = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell,
                "raw": nbformat.v4.new_raw_cell}[cell.cell_type](cell.source)  # fmt: skip
        made.id = digest + suffix
        if cell.metadata.get("tags"):
            made.metadata["tags"] = list(cell.metadata["tags"])
        notebook.cells.append(made)
    return notebook


def line_of(path: Path, source: str) -> int:
    """The line of the source file at which a cell's text starts."""
    text = path.read_text(encoding="utf-8")
    return text[: max(text.find(source), 0)].count("\n") + 1


def mark_exercises(notebook: NotebookNode, path: Path) -> None:
    """Give solution cells and check cells their metadata, with the points of the specification."""
    waiting: list[NotebookNode] = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        found = CHECK.search(cell.source)
        if BEGIN in cell.source or END in cell.source:
            _require_whole_regions(cell, path)
            waiting.append(cell)
        if found:
            if BEGIN in cell.source:
                raise _at(
                    path, cell, "has a solution and its check in one cell. Make it two cells."
                )
            _mark_one(found[1], waiting, cell, path)
            waiting = []
    if waiting:
        raise _at(path, waiting[0], "has a solution, but no check follows it.")


def _mark_one(exercise_id: str, solutions: list, check_cell: NotebookNode, path: Path) -> None:
    try:
        exercise = checks.find(exercise_id)
    except ValueError as error:
        raise _at(path, check_cell, f"checks an unknown exercise. {error}") from error
    if not solutions:
        raise _at(path, check_cell, f"checks {exercise_id}, and no solution stands before it.")
    name = "exercise-" + exercise_id.replace(".", "-")
    for number, cell in enumerate(solutions, start=1):
        end = f"-{number}" if number > 1 else ""
        cell.metadata["nbgrader"] = _nbgrader(f"{name}-solution{end}", solution=True)
        cell.metadata["dlcourse"] = {"exercise": exercise_id, "role": "solution"}
    grading = _nbgrader(f"{name}-check", grade=True, locked=True)
    check_cell.metadata["nbgrader"] = {**grading, "points": exercise.points}
    check_cell.metadata["dlcourse"] = {
        "exercise": exercise_id,
        "kind": exercise.kind,
        "role": "check",
    }
    tags = [*check_cell.metadata.get("tags", []), "raises-exception"]
    check_cell.metadata["tags"] = sorted(set(tags))


def _nbgrader(grade_id: str, **roles: bool) -> dict:
    """nbgrader's cell metadata, schema version 3. It allows no other keys."""
    base = {"grade": False, "locked": False, "solution": False, "task": False}
    return {**base, **roles, "grade_id": grade_id, "schema_version": 3}


def _require_whole_regions(cell: NotebookNode, path: Path) -> None:
    begins, ends = cell.source.count(BEGIN), cell.source.count(END)
    if begins != ends or begins != len(REGION.findall(cell.source)):
        raise _at(path, cell, f"has {begins} {BEGIN} and {ends} {END}, or not in pairs.")


def _at(path: Path, cell: NotebookNode, problem: str) -> SourceError:
    first = cell.source.strip().splitlines()[0]
    return SourceError(f"{path}:{line_of(path, cell.source)}: the cell `{first}` {problem}")
