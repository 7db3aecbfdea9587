"""In the grader's sandbox this file stands in for dlcourse.classroom: no exercises, no solutions.

A submission's own `check(...)` calls may stand anywhere. Here they only note what they were given.
"""

from typing import Any

__all__ = ["NotYet", "check", "hint", "progress", "quiz", "solved"]

GIVEN: dict[str, Any] = {}  # exercise id -> the answer last passed to check


class NotYet(Exception):  # noqa: N818 - as in the real package
    """Never raised here; submissions may name it."""


def check(exercise_id: str, answer: Any) -> None:
    """Note the answer. Whether it is right is not known here."""
    if isinstance(exercise_id, str):
        GIVEN[exercise_id] = answer


def hint(exercise_id: str, number: int | None = None) -> None:
    """Nothing: hints help while one learns."""


def progress() -> None:
    """Nothing: the sandbox knows of no progress."""


def quiz(number: int) -> None:
    """Nothing: a quiz is not graded."""


def solved() -> dict[int, tuple[int, int]]:
    """No chapter has a solved exercise here."""
    return {}
