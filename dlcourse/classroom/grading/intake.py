"""From an untrusted file to a list of code cells: only their text leaves this module.

Whatever a file holds, `read` gives cells or raises `Unreadable` with one of our reasons.
"""

import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlcourse.classroom.grading import reasons

MAX_BYTES = 5 * 2**20
MAX_CELLS = 400
GRADE_ID = re.compile(r"exercise-(\d+)-(\d+)-")


class Unreadable(Exception):  # noqa: N818 - a finding about a submission, not a failure of ours
    """A submission that can't be read. Its text is one of REASONS."""


@dataclass(frozen=True)
class Cell:
    """A code cell. exercise: the id in its metadata, such as "15.1", or ""."""

    exercise: str
    source: str


def read(submission: str | os.PathLike[str] | bytes) -> list[Cell]:
    """The code cells of a submission: a path, or the file's bytes.

    Raises:
        Unreadable: it is no notebook that can be graded.
    """
    content = submission if isinstance(submission, bytes) else content_of(Path(submission))
    if len(content) > MAX_BYTES:
        raise Unreadable(reasons.TOO_LARGE)
    if not content.strip():
        raise Unreadable(reasons.EMPTY)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(reasons.NO_TEXT) from error
    try:
        return _code_cells(json.loads(text))
    except Unreadable:
        raise
    except Exception as error:  # whatever else a hostile file may cause is the file's fault
        raise Unreadable(reasons.NO_NOTEBOOK) from error


def content_of(path: Path) -> bytes:
    """The bytes of a regular file: never of a link, a device, or a pipe that keeps us waiting."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise Unreadable(reasons.NOT_THERE) from error
    except PermissionError as error:
        raise Unreadable(reasons.NO_PERMISSION) from error
    except (OSError, ValueError) as error:  # a symbolic link, a socket, a name with a NUL
        raise Unreadable(reasons.NO_FILE) from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable(reasons.NO_FILE)
        if status.st_size > MAX_BYTES:
            raise Unreadable(reasons.TOO_LARGE)
        with open(handle, "rb", closefd=False) as file:
            return file.read(MAX_BYTES + 1)  # it may have grown since
    except OSError as error:  # a disk that fails
        raise Unreadable(reasons.NO_FILE) from error
    finally:
        os.close(handle)


def _code_cells(notebook: Any) -> list[Cell]:
    if not isinstance(notebook, dict):
        raise Unreadable(reasons.NO_NOTEBOOK)
    cells = notebook["cells"] if "cells" in notebook else _cells_of_format_3(notebook)
    found: list[Cell] = []
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        if len(found) == MAX_CELLS:
            raise Unreadable(reasons.TOO_MANY_CELLS)
        found.append(Cell(_exercise(cell.get("metadata")), _source(cell)))
    return found


def _cells_of_format_3(notebook: dict[str, Any]) -> list[Any]:
    return [cell for sheet in notebook["worksheets"] for cell in sheet["cells"]]


def _source(cell: dict[str, Any]) -> str:
    """The text of a cell: one string or a list of lines. What UTF-8 can't store becomes "?"."""
    source = cell["source"] if "source" in cell else cell["input"]
    text = source if isinstance(source, str) else "".join(source)
    return text.encode("utf-8", "replace").decode("utf-8")


def _exercise(metadata: Any) -> str:
    """The exercise that a cell says it belongs to: by our key, or by nbgrader's."""
    metadata = metadata if isinstance(metadata, dict) else {}
    ours, other = metadata.get("dlcourse"), metadata.get("nbgrader")
    label = ours.get("exercise") if isinstance(ours, dict) else None
    if isinstance(label, str):
        return label
    grade_id = other.get("grade_id") if isinstance(other, dict) else None
    found = GRADE_ID.match(grade_id) if isinstance(grade_id, str) else None
    return f"{found[1]}.{found[2]}" if found else ""
