"""The classroom: instant checks, hints and progress for the exercise notebooks.

from dlcourse.classroom import check, hint

check("15.1", matmul_backward)     # is it right? if not: what to look at
hint("15.1")                       # hint 1, then 2, then 3
progress()                         # what is solved so far
"""

from typing import Any

from dlcourse.classroom import checks, feedback, record
from dlcourse.classroom.base import RIGHT, WRONG
from dlcourse.classroom.quizzes import quiz

__all__ = ["NotYet", "check", "hint", "progress", "quiz", "solved"]

TRIES_BEFORE_HINT = 2


class NotYet(Exception):  # noqa: N818 - "not yet" is an outcome, not an error
    """An exercise is not right yet. Jupyter shows it as one short line."""

    def _render_traceback_(self) -> list[str]:
        return [f"NotYet: {self}"]


def check(exercise_id: str, answer: Any) -> None:
    """Check an answer and show feedback.

    exercise_id: such as "15.1". answer: your function (without parentheses) or your value.
    Raises NotYet where the answer is wrong or not started; ValueError for an unknown id.
    """
    exercise = checks.find(exercise_id)
    verdict = exercise.check(answer)
    notes: list[str] = []
    if verdict.outcome == RIGHT:
        _, notes = record.update(exercise_id, solved=True)
    elif verdict.outcome == WRONG:
        entry, notes = record.update(exercise_id, tries=1)
        if entry["tries"] >= TRIES_BEFORE_HINT:
            notes = [f'Stuck? `hint("{exercise_id}")` helps.', *notes]
    feedback.show(feedback.verdict_box(exercise, verdict, notes))
    if verdict.outcome != RIGHT:
        state = "not right yet" if verdict.outcome == WRONG else "not started"
        raise NotYet(f"{exercise_id} is {state}. The box above says more.")


def hint(exercise_id: str, number: int | None = None) -> None:
    """Show the next hint of an exercise, or hint `number` (1, 2 or 3).

    Raises ValueError for an unknown id or another number.
    """
    exercise = checks.find(exercise_id)
    if number not in (None, 1, 2, 3):
        raise ValueError(f"There are hints 1, 2 and 3; got {number!r}.")
    entries, notes = record.load()
    seen = entries.get(exercise_id, {}).get("hints", 0)
    chosen = number or min(seen + 1, 3)
    _, more = record.update(exercise_id, hints=chosen)
    feedback.show(feedback.hint_box(exercise, chosen, [*notes, *more]))


def progress() -> None:
    """Show how many exercises of each chapter are solved."""
    entries, notes = record.load()
    feedback.show(feedback.ProgressTable(checks.chapters(), entries, notes))


def solved() -> dict[int, tuple[int, int]]:
    """Chapter number -> (solved exercises, all exercises), for the map of the course."""
    entries, _ = record.load()
    return {
        int(name[:2]): (sum(entries.get(ex.id, {}).get("solved", False) for ex in exs), len(exs))
        for name, exs in checks.chapters().items()
    }
