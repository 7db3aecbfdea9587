"""A small assignment of three sample exercises, and submissions to it."""

import copy
import json
from typing import Any

SOFTMAX = """
def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
""".strip()
PARAMETERS = "answer_99_4 = 15"
MATMUL = """
def matmul_backward(x, y, g):
    return g @ y.T, x.T @ g
""".strip()
SOLUTIONS = {"99.1": SOFTMAX, "99.4": PARAMETERS, "99.2": MATMUL}
ANSWERS = {"99.1": "softmax", "99.4": "answer_99_4", "99.2": "matmul_backward"}
POINTS = {"99.1": 2, "99.4": 1, "99.2": 3}
IMPORTS = "import numpy as np\n\nfrom dlcourse.classroom import check, hint"

WRONG_SOFTMAX = "def softmax(x):\n    return np.exp(x) / np.exp(x).sum()"
WRONG_PARAMETERS = "answer_99_4 = 12"
WRONG_MATMUL = "def matmul_backward(x, y, g):\n    return g @ y.T, -(x.T @ g)"


def code(source: str, **metadata: Any) -> dict[str, Any]:
    """A code cell."""
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": metadata,
        "outputs": [],
        "source": source,
    }


def solution_cell(exercise: str, source: str) -> dict[str, Any]:
    """The cell for the answer, with the metadata that learners' notebooks carry."""
    return code(
        source,
        dlcourse={"exercise": exercise, "role": "solution"},
        nbgrader=_nbgrader(exercise, "solution", solution=True),
    )


def check_cell(exercise: str) -> dict[str, Any]:
    """The locked cell with the visible check."""
    return code(
        f'check("{exercise}", {ANSWERS[exercise]})',
        dlcourse={"exercise": exercise, "role": "check", "kind": "code"},
        nbgrader=_nbgrader(exercise, "check", grade=True, locked=True, points=POINTS[exercise]),
        tags=["raises-exception"],
    )


def _nbgrader(exercise: str, part: str, **roles: Any) -> dict[str, Any]:
    name = f"exercise-{exercise.replace('.', '-')}-{part}"
    base = {"grade": False, "locked": False, "solution": False, "task": False}
    return {**base, **roles, "grade_id": name, "schema_version": 3, "cell_type": "code"}


def notebook(*cells: dict[str, Any]) -> dict[str, Any]:
    """A notebook of these cells."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": [copy.deepcopy(cell) for cell in cells],
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 4,
    }


def submission(
    softmax: str = SOFTMAX,
    parameters: str = PARAMETERS,
    matmul: str = MATMUL,
    first: str = "",
    last: str = "",
) -> dict[str, Any]:
    """A submission. first: a cell after the imports; last: one at the end."""
    return notebook(
        code(IMPORTS),
        *([code(first)] if first else []),
        solution_cell("99.1", softmax),
        check_cell("99.1"),
        solution_cell("99.4", parameters),
        check_cell("99.4"),
        solution_cell("99.2", matmul),
        check_cell("99.2"),
        *([code(last)] if last else []),
    )


def wrong_submission(**changes: str) -> dict[str, Any]:
    """One whose three answers are wrong, unless changed."""
    answers = {"softmax": WRONG_SOFTMAX, "parameters": WRONG_PARAMETERS, "matmul": WRONG_MATMUL}
    return submission(**{**answers, **changes})


def as_bytes(book: dict[str, Any]) -> bytes:
    """The notebook as a file holds it."""
    return json.dumps(book).encode()
