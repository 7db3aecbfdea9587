"""Proves a check: right answers pass, wrong ones fail with a message that helps.

`prove(exercise)` tries the labelled answers and all mutants; its `Proof` holds the counts and the
faults found. `python tests/proof 15` prints the table for a chapter.
"""

import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from mutants import mutants

from dlcourse.classroom.base import MALFORMED, NOT_STARTED, RIGHT
from dlcourse.classroom.exercise import Choice, Code, Design, Exercise, Number, Verdict
from dlcourse.classroom.messages import MAX_WORDS

REJECTED_SHARE, SPECIFIC_SHARE = 0.95, 0.85
EXTRA_INPUTS = 200
MAX_TOLERANCE = 0.05  # of a number's size
STEPS = 200_000  # lines of code that a mutant may run in one check


class Endless(BaseException):
    """A mutant ran too long. A BaseException, so that no check takes it for a result."""


class StepLimit:
    """Stops code that was compiled as "<mutant>" after a number of lines."""

    def __init__(self, steps: int = STEPS) -> None:
        self.left = steps

    def __enter__(self) -> None:
        self.before = sys.gettrace()
        sys.settrace(self._enter)

    def __exit__(self, *error: object) -> None:
        sys.settrace(self.before)

    def _enter(self, frame: Any, event: str, arg: object) -> Callable | None:
        return self._line if frame.f_code.co_filename == "<mutant>" else None

    def _line(self, frame: Any, event: str, arg: object) -> Callable:
        self.left -= 1
        if self.left < 0:
            raise Endless
        return self._line


@dataclass
class Proof:
    """The counts for one exercise, and what is wrong with its check."""

    exercise: str
    variants: int = 0
    equivalent: list[str] = field(default_factory=list)
    endless: int = 0
    rejected: int = 0
    specific: int = 0
    own: int = 0
    accepted: list[str] = field(default_factory=list)
    generic: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def rejected_share(self) -> float:
        """Rejected variants among those that are not equivalent to the reference."""
        return self.rejected / max(self.rejected + len(self.accepted), 1)

    @property
    def specific_share(self) -> float:
        """Variants with a specific message among the rejected that end."""
        return self.specific / max(self.rejected - self.endless, 1)

    @property
    def own_share(self) -> float:
        """Variants whose message the exercise's author wrote, among the rejected that end."""
        return self.own / max(self.rejected - self.endless, 1)

    def count(self, name: str, verdict: Verdict | None) -> None:
        """Add the verdict on a variant; None for one that did not end."""
        self.rejected += 1
        self.endless += verdict is None
        if verdict is None:
            return
        self.specific += verdict.specific
        self.own += verdict.cause.startswith(("misconception", "diagnosis"))
        if not verdict.specific:
            self.generic.append(name)
        self.require_message(name, verdict)

    def require_message(self, name: str, verdict: Verdict) -> None:
        """A message of 1 to 80 words that is no bare exception."""
        words = len(verdict.message.split())
        if not 1 <= words <= MAX_WORDS or "Traceback" in verdict.message or verdict == MALFORMED:
            self.faults.append(f"{name}: the message is not fit for learners: {verdict.message!r}")

    def row(self) -> str:
        """One line of the table."""
        return (
            f"{self.exercise:<8}{self.variants:>9}{len(self.equivalent):>12}{self.endless:>9}"
            f"{self.rejected_share:>11.1%}{self.specific_share:>10.1%}"
            f"{self.own_share:>12.1%}"
        )


HEADER = "exercise variants  equivalent  endless   rejected  specific   own words"


def guarded(exercise: Exercise, answer: Any) -> Verdict | None:
    """The verdict, or None where the answer does not end."""
    try:
        with StepLimit(), np.errstate(all="ignore"):
            return exercise.check(answer)
    except Endless:
        return None


def prove(exercise: Exercise) -> Proof:
    """Try everything on one exercise."""
    proof = Proof(exercise.id)
    _right_answers(exercise, proof)
    _labelled(exercise, proof)
    _texts(exercise, proof)
    for name, answer in _always_wrong(exercise):
        verdict = guarded(exercise, answer)
        proof.variants += 1
        if verdict is not None and verdict.outcome in (RIGHT, NOT_STARTED):
            proof.faults.append(f"{name} is {verdict.outcome}")
        else:
            proof.count(name, verdict)
    _variants(exercise, proof)
    if proof.rejected_share < REJECTED_SHARE:
        proof.faults.append(f"only {proof.rejected_share:.1%} rejected: {proof.accepted}")
    if proof.specific_share < SPECIFIC_SHARE:
        proof.faults.append(f"only {proof.specific_share:.1%} with a message: {proof.generic}")
    return proof


def _right_answers(exercise: Exercise, proof: Proof) -> None:
    if isinstance(exercise, Code | Design) and len(exercise.alternatives) < 2:
        proof.faults.append(f"{len(exercise.alternatives)} alternatives; at least 2 are needed")
    right = exercise.right_answer()
    answers = [right, *exercise.alternatives, *_other_forms(exercise, right)]
    for number, answer in enumerate(answers):
        for seed in (exercise.seed, 1, 2):
            verdict = exercise.check(answer, seed, hidden=True)
            if verdict.outcome != RIGHT:
                name = f"alternative {number}" if number else "the reference"
                proof.faults.append(f"{name} is rejected (seed {seed}): {verdict.message}")


def _other_forms(exercise: Exercise, right: Any) -> list[Any]:
    """A number or a choice typed in other ways."""
    if isinstance(exercise, Number) and not np.ndim(right):
        return [str(right), float(right), np.float32(right), np.array([right])]
    if isinstance(exercise, Number):
        return [list(right), [str(value) for value in right], np.array(right)]
    if isinstance(exercise, Choice) and isinstance(right, str):
        return [right.upper(), f" {right} ", f"({right})"]
    if isinstance(exercise, Choice):
        return [list(right), (right[0].upper(), right[1]), (f" {right[0]}", str(right[1]))]
    return []


def _labelled(exercise: Exercise, proof: Proof) -> None:
    if len(exercise.wrong) < 4:
        proof.faults.append(f"{len(exercise.wrong)} labelled wrong answers; 4 are needed")
    for name, known in exercise.wrong.items():
        verdict = exercise.check(known.answer)
        proof.variants += 1
        if verdict.cause != f"misconception:{name}":
            proof.faults.append(f"wrong answer {name!r} gets {verdict.outcome}: {verdict.cause}")
        proof.count(f"wrong answer {name}", verdict)


def _texts(exercise: Exercise, proof: Proof) -> None:
    texts = {f"hint {i + 1}": hint for i, hint in enumerate(exercise.hints)}
    texts |= {f"message {name!r}": known.message for name, known in exercise.wrong.items()}
    texts["explain"] = exercise.check(exercise.right_answer()).message
    for name, text in texts.items():
        if not 1 <= len(text.split()) <= MAX_WORDS:
            proof.faults.append(f"{name} has {len(text.split())} words; at most {MAX_WORDS}")
    if isinstance(exercise, Number) and exercise.tolerance > MAX_TOLERANCE:
        proof.faults.append(f"the tolerance is {exercise.tolerance}; at most {MAX_TOLERANCE}")
    if len(set(exercise.hints)) != 3:
        proof.faults.append("two hints are the same")


class EqualsAll:
    """An object that claims to equal everything."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


def _always_wrong(exercise: Exercise) -> Iterator[tuple[str, Any]]:
    """What no exercise may accept."""
    yield "None", None
    yield "an object equal to everything", EqualsAll()
    if not isinstance(exercise, Code):
        yield "a function", lambda: 0
        return
    visible = exercise.observe(exercise.reference, exercise.seed)[0]
    yield "returns None", lambda *args: None
    yield "returns 0", lambda *args: 0
    yield "returns an object equal to everything", lambda *args: EqualsAll()
    yield "returns its arguments", lambda *args: args
    first = exercise.draw(exercise.seed)[0]
    if not exercise.changes:
        answer = exercise.call(exercise.reference, *first) if exercise.call else exercise.reference(*first)  # noqa: E501  # fmt: skip
        yield "the visible answer, fixed", lambda *args: answer
    if any(isinstance(arg, np.ndarray) for arg in first) and "result" in visible:
        yield "right, but changes its input", _spoils_inputs(exercise)


def _spoils_inputs(exercise: Code) -> Callable:
    names = exercise.arguments()

    def spoiled(*args):
        result = exercise.reference(*args)
        for name, arg in zip(names, args, strict=False):
            if isinstance(arg, np.ndarray) and arg.size and name not in exercise.changes:
                arg.flat[0] = 7 if arg.flat[0] != 7 else 5
        return result

    return spoiled


def _variants(exercise: Exercise, proof: Proof) -> None:
    if isinstance(exercise, Code):
        _mutants_of(exercise, proof)
        return
    candidates = {Number: _numbers, Choice: _choices, Design: _designs}[type(exercise)](exercise)
    for name, answer in candidates:
        verdict = guarded(exercise, answer)
        proof.variants += 1
        if verdict is not None and verdict.outcome == RIGHT:
            # Many designs are right, and `accept` decides; for the other kinds none of these is.
            (proof.equivalent if isinstance(exercise, Design) else proof.accepted).append(name)
        else:
            proof.count(name, verdict)


def _mutants_of(exercise: Code, proof: Proof) -> None:
    listed = set(exercise.equivalent)
    for name, mutant in mutants(exercise.reference):
        verdict = guarded(exercise, mutant)
        proof.variants += 1
        if verdict is None or verdict.outcome != RIGHT:
            proof.count(name, verdict)
        elif name in listed or _equal_on_many(exercise, mutant):
            proof.equivalent.append(name)
            listed.discard(name)
        else:
            proof.accepted.append(name)
    proof.faults += [f"listed as equivalent, but it is none: {name}" for name in sorted(listed)]


def _equal_on_many(exercise: Code, mutant: Callable) -> bool:
    """Whether a mutant gives what the reference gives on at least 200 more inputs."""
    tried = 0
    for seed in itertools.count(10_000):
        try:
            with StepLimit(), np.errstate(all="ignore"):
                verdict = exercise.check(mutant, seed, hidden=True)
        except Endless:
            return False
        if verdict.outcome != RIGHT:
            return False
        tried += len(exercise.draw(seed, hidden=True))
        if tried >= EXTRA_INPUTS:
            return True


def _numbers(exercise: Number) -> Iterator[tuple[str, Any]]:
    right = exercise.right_answer()
    yield "NaN", float("nan")
    yield "infinity", float("inf")
    yield "a word", "about a third"
    yield "an empty list", []
    if np.ndim(right):
        for i in range(len(right)):
            yield f"entry {i} one more", [v + (j == i) for j, v in enumerate(right)]
        yield "one entry left out", list(right)[1:]
        yield "reversed", list(right)[::-1]
        return
    changes = {"negated": -right, "doubled": 2 * right, "halved": right / 2, "one more": right + 1,
               "one less": right - 1, "5 % more": right * 1.05, "5 % less": right * 0.95,
               "ten times": 10 * right, "a tenth": right / 10, "hundred times": 100 * right,
               "squared": right**2, "upside down": 1 / right if right else 1}  # fmt: skip
    bound = 2e-9 if isinstance(right, int | np.integer) else 2 * exercise.tolerance
    for name, value in changes.items():
        if abs(value - right) > bound * max(abs(right), 1e-12):
            yield name, value


def _choices(exercise: Choice) -> Iterator[tuple[str, Any]]:
    for option in exercise.options:
        for reason in exercise.reasons or (None,):
            answer = option if reason is None else (option, reason)
            if answer != exercise.reference:
                yield f"choice {answer}", answer
    yield "an unknown option", "z"
    yield "a number", 3


def _designs(exercise: Design) -> Iterator[tuple[str, Any]]:
    right = exercise.right_answer()
    yield "a word", "good"
    yield "an empty dictionary", {}
    if isinstance(right, dict):
        for key, value in right.items():
            yield f"without {key}", {k: v for k, v in right.items() if k != key}
            for name, new in _other_values(value):
                yield f"{key} {name}", {**right, key: new}
    else:
        yield from _other_values(right)


def _other_values(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = type(value)
        yield "doubled", value * 2
        yield "halved", number(value / 2)
        yield "a tenth", number(value / 10)
        yield "zero", number(0)
        yield "negated", -value
    yield "a word", "much"
