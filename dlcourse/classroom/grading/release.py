"""What the grader knows about an assignment: its exercises, their inputs and expected results.

A release is plain data. It is made once per grading run from the instructor's notebook, with a
secret seed, and travels to every worker. The expected results stay on the grader's side.
"""

import ast
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlcourse.classroom import checks
from dlcourse.classroom.exercise import Code, Exercise
from dlcourse.classroom.grading.inside import respond
from dlcourse.classroom.grading.parcel import pack
from dlcourse.classroom.grading.sandbox import visible


@dataclass(frozen=True)
class Task:
    """One exercise of a release.

    answer: the expression that the check cell names, such as "matmul_backward".
    question: what the sandbox gets, as JSON text. expected: what the reference gives for it.
    """

    id: str
    title: str
    points: int
    answer: str
    question: str
    expected: dict[str, Any]


@dataclass(frozen=True)
class Release:
    """An assignment, ready to grade with.

    assignment: the notebook's name, "15_backpropagation". checks: a folder with a school's own
    exercises, or "" (see DLCOURSE_CHECKS).
    """

    assignment: str
    tasks: tuple[Task, ...]
    checks: str = ""


def read_release(notebook: str | os.PathLike[str], seed: int | None = None) -> Release:
    """The release of an assignment, from its notebook in exercises/ or solutions/.

    seed: that of the hidden inputs; by default a secret one, drawn anew.

    Raises:
        ValueError: the notebook has no check cells, or one of them is not usable; or it lies where
            submissions can read it.
    """
    path = Path(notebook)
    own_checks = os.environ.get("DLCOURSE_CHECKS", "")
    for place in filter(None, (str(path), own_checks)):
        if visible(place):
            raise ValueError(f"Submissions could read {place}: it lies among Python's own files.")
    seed = secrets.randbits(63) if seed is None else seed
    answers = _answers(path)
    if not answers:
        raise ValueError(f"{path} has no check cells, so there is nothing to grade.")
    tasks = [_task(checks.find(name), answer, seed) for name, answer in answers.items()]
    _require_secrecy(tasks)
    return Release(path.stem, tuple(tasks), own_checks)


def _require_secrecy(tasks: list[Task]) -> None:
    """A function that is sent as an input must not be the answer to an exercise."""
    for exercise in (checks.find(task.id) for task in tasks):
        name = getattr(exercise.right_answer(), "__name__", None)
        for task in tasks:
            if isinstance(exercise, Code) and f"def {name}(" in task.question:
                raise ValueError(
                    f"Exercise {task.id} sends {name}, the answer to {exercise.id}, to the sandbox."
                )


def _answers(path: Path) -> dict[str, str]:
    """Exercise id -> the expression that its check cell passes, in the notebook's order."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    found: dict[str, str] = {}
    for cell in cells:
        if cell.get("metadata", {}).get("dlcourse", {}).get("role") != "check":
            continue
        source = "".join(cell["source"])
        name, answer = _check_call(source, path)
        if name in found:
            raise ValueError(f"{path} checks exercise {name} twice. Keep one of the cells.")
        found[name] = answer
    return found


def _check_call(source: str, path: Path) -> tuple[str, str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "check":
            name, answer = node.args
            return ast.literal_eval(name), ast.unparse(answer)
    raise ValueError(f"{path}: no check(...) in the check cell `{source[:60]}`.")


def _task(exercise: Exercise, answer: str, seed: int) -> Task:
    question = json.dumps(_question(exercise, seed))
    expected = exercise.expect(seed, hidden=True)
    if isinstance(exercise, Code):
        _require_same(exercise, question, expected)
    return Task(exercise.id, exercise.title, exercise.points, answer, question, expected)


def _question(exercise: Exercise, seed: int) -> dict[str, Any]:
    """What the sandbox needs to try an answer: inputs as plain data, and no expected value."""
    if not isinstance(exercise, Code):
        return {"kind": "value"}
    return {
        "kind": "function",
        "cases": [pack(case) for case in exercise.draw(seed, hidden=True)],
        "names": list(exercise.arguments()),
        "changes": list(exercise.changes),
        "call": pack(exercise.call),
    }


def _require_same(exercise: Code, question: str, expected: dict[str, Any]) -> None:
    """The question must mean on the other side what the check means here."""
    there = respond(exercise.reference, json.loads(question))
    if there != expected["cases"]:
        raise ValueError(
            f"Exercise {exercise.id} can't be graded: with its inputs sent as plain data the "
            "reference gives another result. Draw inputs that `pack` in grading/parcel.py knows."
        )
