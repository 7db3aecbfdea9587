"""Exercises whose answer is a function (or a class): write it, or repair a broken one."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dlcourse.classroom.base import (
    MALFORMED,
    NOTHING_YET,
    RIGHT,
    Exercise,
    Expected,
    Verdict,
    wrong,
)
from dlcourse.classroom.diagnosis import Fault, Report
from dlcourse.classroom.messages import changed_in_place, not_a_function
from dlcourse.classroom.observe import Record, observe_function
from dlcourse.classroom.values import Plain, Tolerance, differences, is_plain

Inputs = Callable[[np.random.Generator], Sequence[tuple]]


@dataclass(frozen=True, kw_only=True)
class Code(Exercise):
    """Write a function. The check calls it on random inputs and compares with the reference.

    reference: the right function. inputs(rng): a list of argument tuples, drawn afresh (batch > 1,
    no square or size-1 dimensions, upstream gradients not all ones). tolerance: absolute and
    relative. names: the arguments' names (default: the reference's). returns: the results' names,
    e.g. ("dx", "dy"). changes: arguments that the function is meant to change in place; their new
    values are compared too. call(answer, *args): how to use the answer, where it is a class.
    also: ("a batch of size 1", inputs) that only the grader tests. diagnose: pairs of a predicate
    and a message, tried on wrong results of the right shape: (lambda result, x: ..., "message").
    """

    kind: ClassVar[str] = "code"

    reference: Callable
    inputs: Inputs
    tolerance: float = 1e-6
    names: tuple[str, ...] = ()
    returns: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    call: Callable | None = None
    also: tuple[str, Inputs] | None = None
    diagnose: Sequence[tuple[Callable[..., bool], str]] = ()

    def right_answer(self) -> Callable:
        """The reference function."""
        return self.reference

    def arguments(self) -> tuple[str, ...]:
        """The names of the arguments."""
        if self.names:
            return self.names
        names = tuple(inspect.signature(self.call or self.reference).parameters)
        return names[1:] if self.call else names

    def draw(self, rng: Any, hidden: bool = False) -> list[tuple]:
        """The argument tuples for a seed or generator."""
        rng = np.random.default_rng(rng)
        cases = list(self.inputs(rng))
        if hidden and self.also:
            cases += list(self.also[1](rng))
        return [case if isinstance(case, tuple) else (case,) for case in cases]

    def observe(self, answer: Any, rng: Any, hidden: bool = False) -> list[Record]:
        """Call the answer on each argument tuple; one record a call."""
        cases = self.draw(rng, hidden)
        return observe_function(answer, cases, self.arguments(), self.changes, self.call)

    def expect(self, seed: int, hidden: bool = False) -> Expected:
        """What the reference gives. Raises RuntimeError where the reference itself fails."""
        expected = super().expect(seed, hidden)
        for record in expected["cases"]:
            if "result" not in record:
                raise RuntimeError(f"The reference of exercise {self.id} fails: {record}")
        return expected

    def judge(self, observed: list[Record], expected: Expected) -> Verdict:
        """Right where every result agrees; else the first diagnosis that fits."""
        if not _readable(observed, expected):
            return MALFORMED
        first = observed[0]
        if "not_started" in first or first.get("not_a_function", {}).get("kind") == "ellipsis":
            return NOTHING_YET
        if "not_a_function" in first:
            name = getattr(self.reference, "__name__", "your_function")
            return wrong("type", not_a_function(first["not_a_function"], name))
        faults = [self._fault(*pair) for pair in zip(observed, expected["cases"], strict=True)]
        changed = sorted({name for record in observed for name in record.get("changed", [])})
        if not any(faults) and not changed:
            return Verdict(RIGHT, self._success(len(observed)))
        return self._diagnose(observed, expected, faults, changed)

    def _success(self, count: int) -> str:
        text = f"Tested with {count} random inputs: values, shapes, and that no input is changed. "
        text += "The grader uses other random inputs"
        text += f", and also tests {self.also[0]}. " if self.also else ". "
        return (text + self.explain).strip()

    def _fault(self, record: Record, expected: Record) -> Fault:
        """The differences to the expected result, or "error"."""
        if "result" not in record:
            return "error"
        bound = Tolerance(self.tolerance, self.tolerance)
        return differences(record["result"], expected["result"], bound)

    def _diagnose(self, observed: list[Record], expected: Expected, faults, changed) -> Verdict:
        hit = self._misconception(observed, expected)
        if hit:
            return wrong(f"misconception:{hit}", self.wrong[hit].message)
        if changed:
            return wrong("in place", changed_in_place(changed))
        cases = self.draw(expected["seed"], expected["hidden"])
        results = self.returns + tuple(f"{name} after the call" for name in self.changes)
        report = Report(observed, expected["cases"], faults, cases, self.arguments(), results)
        return report.verdict(self.diagnose)

    def _misconception(self, observed: list[Record], expected: Expected) -> str | None:
        """The labelled wrong function that gives on the same inputs what the learner gave."""
        for name, known in self.wrong.items():
            records = self.observe(known.answer, expected["seed"], expected["hidden"])
            if len(records) == len(observed) and all(map(self._alike, observed, records)):
                return name
        return None

    def _alike(self, record: Record, known: Record) -> bool:
        if "result" in record and "result" in known:
            same_changes = record.get("changed", []) == known["changed"]
            return same_changes and not self._fault(record, known)
        if "error" in record and "error" in known:
            return all(record["error"].get(k) == known["error"][k] for k in ("type", "text"))
        return False


@dataclass(frozen=True, kw_only=True)
class Debug(Code):
    """Repair a broken function. `wrong` holds the broken original and partial repairs."""

    kind: ClassVar[str] = "debug"


def _readable(observed: object, expected: Expected) -> bool:
    """Whether the records have the form that `observe` gives."""
    if not isinstance(observed, list) or not observed:
        return False
    if not all(isinstance(record, dict) for record in observed):
        return False
    if "not_a_function" in observed[0]:
        return is_plain(observed[0]["not_a_function"])
    if len(observed) != len(expected["cases"]):
        return False
    return all(map(_readable_record, observed))


def _readable_record(record: Record) -> bool:
    changed: Any = record.get("changed", [])
    if not isinstance(changed, list) or not all(isinstance(name, str) for name in changed):
        return False
    if "result" in record:
        result: Plain = record["result"]
        return is_plain(result)
    return "not_started" in record or isinstance(record.get("error"), dict)
