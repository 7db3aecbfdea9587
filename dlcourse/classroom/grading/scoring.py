"""From a verdict to a row of the grade. Only our own words pass.

A verdict may quote the learner's code and the texts of exceptions: good in the learner's own
notebook, but in the grader's files they would be a stranger's text.
"""

import builtins
from typing import Any

from dlcourse.classroom.base import NOT_STARTED, RIGHT, WRONG, Verdict
from dlcourse.classroom.grading.reasons import REASONS

UNGRADED = "ungraded"
OWN_WORDS = ("misconception", "diagnosis", "relation", "shape", "values")

SENTENCES = {
    "type": "Your answer is of another kind than the exercise asks for. Run its check in the "
    "notebook: it says what came back and what was expected.",
    "in place": "Your function changes its input. The caller still needs the old values: compute "
    "a new array, or start from a copy.",
    "error": "Your answer stops with an error on the grader's inputs. Does it run alone after a "
    "restart of the kernel, and for inputs of every size that the exercise allows?",
    "malformed": "The result of your answer could not be read. Return numbers, arrays, texts, or "
    "lists and dictionaries of them.",
}
ERROR = (
    "Your answer stops with {name} on the grader's inputs. Does it run alone after a restart of "
    "the kernel, and for inputs of every size that the exercise allows?"
)


def row(
    exercise: str, status: str, reason: str = "", cause: str = "", message: str = ""
) -> dict[str, Any]:
    """The outcome of one exercise as plain data. message: by default the reason's sentence."""
    return {
        "exercise": exercise,
        "status": status,
        "reason": reason,
        "cause": cause,
        "message": message or REASONS.get(reason, ""),
        "seconds": 0.0,
    }


def row_of(exercise: str, verdict: Verdict, records: list[Any]) -> dict[str, Any]:
    """The outcome of one exercise, for a verdict on its records."""
    if verdict.outcome != WRONG:
        return row(exercise, verdict.outcome)
    kind = verdict.cause.partition(":")[0]
    message = verdict.message if kind in OWN_WORDS else _sentence(verdict.cause, records)
    return row(exercise, WRONG, "", verdict.cause, message)


def _sentence(cause: str, records: list[Any]) -> str:
    name = _error_name(records) if cause == "error" else None
    return ERROR.format(name=name) if name else SENTENCES.get(cause, SENTENCES["malformed"])


def _error_name(records: list[Any]) -> str | None:
    """The type of the first exception among the records, where it is one of Python's own."""
    for record in records:
        error = record.get("error") if isinstance(record, dict) else None
        name = error.get("type") if isinstance(error, dict) else None
        known = getattr(builtins, name, None) if isinstance(name, str) else None
        if isinstance(known, type) and issubclass(known, BaseException):
            return name
    return None


def rank(found: dict[str, Any]) -> int:
    """How much a row says. Of two attempts at an exercise the one that says more counts."""
    if found["status"] == WRONG:
        return 3 if found["cause"] and found["cause"] != "error" else 2
    return {RIGHT: 4, NOT_STARTED: 1, UNGRADED: 0}[found["status"]]


def is_settled(found: dict[str, Any]) -> bool:
    """Whether asking again makes no sense: there was an answer, and it was read to its end."""
    return rank(found) >= 3
