"""The gradebook: one line for each student and exercise, as CSV and as JSON."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dlcourse.classroom.grading.files import write_file

COLUMNS = ("student", "assignment", "exercise", "points", "max_points", "status", "reason")
FORMULA = tuple("=+-@\t\r\n|%") + tuple("\uff1d\uff0b\uff0d\uff20")  # also in their wide forms


def rows(grades: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines of the gradebook. reason: why there is no result, or what a wrong answer was."""
    return [
        {
            "student": grade["student"],
            "assignment": grade["assignment"],
            "exercise": exercise["id"],
            "points": exercise["points"],
            "max_points": exercise["max_points"],
            "status": exercise["status"],
            "reason": exercise["reason"] or exercise["cause"],
        }
        for grade in grades
        for exercise in grade["exercises"]
    ]


def write(grades: Sequence[dict[str, Any]], folder: Path) -> None:
    """Write gradebook.csv and gradebook.json."""
    found = rows(grades)
    write_file(folder / "gradebook.json", json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    write_file(folder / "gradebook.csv", as_csv(found).encode("utf-8-sig"))


def as_csv(found: Sequence[dict[str, Any]]) -> str:
    """The lines as CSV. Texts are quoted, so that no separator of any country cuts them."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(COLUMNS)
    for row in found:
        writer.writerow([harmless(row[column]) for column in COLUMNS])
    return text.getvalue()


def harmless(cell: Any) -> Any:
    """The cell so that no spreadsheet takes it for a formula: with an apostrophe before it."""
    if isinstance(cell, str) and cell.lstrip().startswith(FORMULA):
        return f"'{cell}"
    return cell
