"""A fresh notebook for nbval: the learner's cells as text, and our hidden cells among them.

A hidden cell stands after the last cell of its exercise, and once more at the end, where it is
asked only if there was no answer before: learners run their cells out of order. The expected
results are the stored outputs of the hidden cells. nbval compares with them in its own process;
the kernel never gets them.
"""

import json
import re
import secrets
from typing import Any

from dlcourse.classroom.grading.inside import MIME
from dlcourse.classroom.grading.intake import Cell
from dlcourse.classroom.grading.release import Release, Task

INSIDE = "dlcourse.classroom.grading.inside"
CHECK_ALONE = re.compile(r"\s*check\([^\n]*\)\s*")  # a cell that defines nothing
NO_SANDBOX = f'__import__("{INSIDE}", fromlist=["stand_in"]).stand_in()'


def assemble(release: Release, cells: list[Cell], sandboxed: bool = True) -> dict[str, Any]:
    """The notebook to run, as JSON data of notebook format 4."""
    parts = [[task for task in release.tasks if _belongs(cell, task)] for cell in cells]
    last = {task.id: number for number, tasks in enumerate(parts) for task in tasks}
    made = [] if sandboxed else [_cell(NO_SANDBOX, [])]
    for number, (cell, tasks) in enumerate(zip(cells, parts, strict=True)):
        answers = [] if CHECK_ALONE.fullmatch(cell.source) else [task.id for task in tasks]
        made.append(_cell(cell.source, answers))
        made += [_hidden(task) for task in tasks if last[task.id] == number]
    made += [_hidden(task) for task in release.tasks]
    return {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": made}


def _belongs(cell: Cell, task: Task) -> bool:
    """By its label, by a check of this exercise, or, without a label, by defining the answer.

    Only patterns are used: Python's parser can be crashed by text that was made for it.
    """
    if cell.exercise == task.id or re.search(_check_of(task), cell.source):
        return True
    if cell.exercise or not task.answer.isidentifier():
        return False
    return re.search(_definition_of(task.answer), cell.source, re.M) is not None


def _check_of(task: Task) -> str:
    return rf"\bcheck\(\s*[\"']{re.escape(task.id)}[\"']"


def _definition_of(name: str) -> str:
    return rf"^(?:(?:async[ ]+)?def|class)[ ]+{name}\b|^{name}[ ]*(?::[^=\n]*)?=(?!=)"


def _cell(source: str, part_of: list[str]) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"dlcourse": {"part_of": part_of}},
        "outputs": [],
        "source": source,
    }


def _hidden(task: Task) -> dict[str, Any]:
    nonce = secrets.token_hex(8)
    arguments = f"{nonce!r}, {task.id!r}, {task.question!r}, lambda: ({task.answer})"
    reference = {
        "output_type": "display_data",
        "metadata": {},
        "data": {MIME: json.dumps({"nonce": nonce, "expected": task.expected})},
    }
    return {
        "cell_type": "code",
        "execution_count": 1,  # nbval compares only cells that were run
        "metadata": {"dlcourse": {"ask": task.id}},
        "outputs": [reference],
        "source": f'__import__("{INSIDE}", fromlist=["ask"]).ask({arguments})',
    }
