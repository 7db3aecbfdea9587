"""What every kind of exercise has: its description, its labelled wrong answers, its verdict."""

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from dlcourse.classroom.messages import limit_words

RIGHT, WRONG, NOT_STARTED = "right", "wrong", "not started"
GENERIC = ("values", "malformed")  # causes whose message names no likely mistake

Expected = dict[str, Any]  # {"seed": int, "hidden": bool, "cases": [records]}


@dataclass(frozen=True)
class Wrong:
    """A wrong answer that learners give, and the message that helps with it (at most 80 words)."""

    answer: Any
    message: str


@dataclass(frozen=True)
class Verdict:
    """The outcome of a check: "right", "wrong" or "not started".

    cause: why it is wrong, e.g. "misconception:sum", "shape", "error", "relation", "values".
    details: rows of a small table, such as ("Expected", "[0.25, 0.75]").
    """

    outcome: str
    message: str
    cause: str = ""
    details: tuple[tuple[str, str], ...] = ()

    @property
    def specific(self) -> bool:
        """Whether the message names a likely mistake, not only that values differ."""
        return self.outcome == WRONG and self.cause not in GENERIC


def wrong(cause: str, message: str, details: tuple[tuple[str, str], ...] = ()) -> Verdict:
    """A verdict "wrong" with its message."""
    return Verdict(WRONG, limit_words(message), cause, details)


NOTHING_YET = Verdict(
    NOT_STARTED,
    "This exercise is not started yet. Replace the line with `NotImplementedError` or `...` in the "
    "cell above by your answer, run that cell, then run this check again.",
)
MALFORMED = wrong("malformed", "The result of your answer could not be read. Run its cell again.")


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """The specification of one exercise. Use one of the kinds Code, Debug, Number, Choice, Design.

    id: chapter and number, "15.1". points: what it is worth. hints: three, each stronger.
    wrong: labelled wrong answers, {"name": Wrong(answer, message)}, at least four.
    alternatives: at least two other right answers. explain: a sentence shown when it is right.
    equivalent: mutants of the reference that are right after all, {"mutant": "reason"}.
    """

    kind: ClassVar[str] = ""

    id: str
    title: str
    points: int
    hints: tuple[str, str, str]
    wrong: Mapping[str, Wrong]
    alternatives: Sequence[Any] = ()
    explain: str = ""
    equivalent: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\d+\.\d+", self.id):
            raise ValueError(f'An exercise\'s id looks like "15.1"; this one is {self.id!r}.')
        if len(self.hints) != 3:
            raise ValueError(f"Exercise {self.id} needs three hints; it has {len(self.hints)}.")
        if self.points < 1:
            raise ValueError(f"Exercise {self.id} needs at least 1 point; it has {self.points}.")

    @property
    def chapter(self) -> str:
        """The chapter's number with two digits, "05"."""
        return self.id.split(".")[0].zfill(2)

    @property
    def seed(self) -> int:
        """The seed of the check in the notebook. The grader takes a secret one."""
        return zlib.crc32(self.id.encode())

    def observe(self, answer: Any, rng: Any, hidden: bool = False) -> list[dict[str, Any]]:
        """Try the answer and write down what came out, as plain JSON data. Never raises for it.

        rng: a seed or a NumPy generator. hidden: with the inputs that only the grader uses.
        """
        raise NotImplementedError(f"{type(self).__name__} has no observe")

    def judge(self, observed: list[dict[str, Any]], expected: Expected) -> Verdict:
        """Compare what was observed with `expect(seed)`, in any process, and explain it."""
        raise NotImplementedError(f"{type(self).__name__} has no judge")

    def expect(self, seed: int, hidden: bool = False) -> Expected:
        """What the reference gives for this seed, as plain JSON data for `judge`."""
        cases = self.observe(self.right_answer(), np.random.default_rng(seed), hidden)
        return {"seed": seed, "hidden": hidden, "cases": cases}

    def right_answer(self) -> Any:
        """The reference answer."""
        raise NotImplementedError(f"{type(self).__name__} has no right_answer")

    def check(self, answer: Any, seed: int | None = None, hidden: bool = False) -> Verdict:
        """Observe and judge in one process: what the notebook's check does."""
        seed = self.seed if seed is None else seed
        observed = self.observe(answer, np.random.default_rng(seed), hidden)
        return self.judge(observed, self.expect(seed, hidden))
