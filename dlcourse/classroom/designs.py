"""Exercises whose answer is a design that must meet a goal within a budget."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from dlcourse.classroom.answers import single_result
from dlcourse.classroom.base import (
    MALFORMED,
    NOTHING_YET,
    RIGHT,
    Exercise,
    Expected,
    Verdict,
    wrong,
)
from dlcourse.classroom.messages import from_design_error
from dlcourse.classroom.observe import Record, describe_error, observe_value, quiet
from dlcourse.classroom.values import value_of


@dataclass(frozen=True, kw_only=True)
class Design(Exercise):
    """Design something within a budget: many answers are right.

    A design is plain data: numbers, texts, lists and dicts of them. reference: one right answer.
    measure(design): a dict of numbers; it must refuse, with an error, what would take too long.
    accept(measured): whether they are good enough. diagnose: pairs (predicate of measured,
    message). Messages may name what was measured: "Your network has {parameters:.0f} parameters."
    """

    kind: ClassVar[str] = "design"

    reference: Any
    measure: Callable[[Any], Mapping[str, float]]
    accept: Callable[[dict[str, float]], bool]
    diagnose: Sequence[tuple[Callable[[dict[str, float]], bool], str]] = ()

    def right_answer(self) -> Any:
        """One right design."""
        return self.reference

    def expect(self, seed: int, hidden: bool = False) -> Expected:
        """Nothing to compare with: what was measured is judged by itself."""
        return {"seed": seed, "hidden": hidden, "cases": []}

    def observe(self, answer: Any, rng: Any = 0, hidden: bool = False) -> list[Record]:
        """The design as plain data. It is measured by `judge`, out of the learner's reach."""
        return observe_value(answer)

    def judge(self, observed: list[Record], expected: Expected) -> Verdict:
        """Measure the design. Right where `accept` says so; else the first diagnosis that fits."""
        data = single_result(observed)
        if data is None:
            return MALFORMED
        if data["kind"] == "ellipsis":
            return NOTHING_YET
        if data["kind"] == "none":
            return wrong("type", "The answer is None. Assign your design to it.")
        try:
            measured = self._measured(value_of(data))
        except Exception as error:  # of the design, told to the learner in words
            return wrong("error", from_design_error(describe_error(error)))
        details = tuple((name, _rounded(value)) for name, value in measured.items())
        if self.accept(measured):
            listed = ", ".join(f"{name} = {value}" for name, value in details)
            return Verdict(RIGHT, f"Measured: {listed}. {self.explain}".strip())
        return self._explain(measured, details)

    def _measured(self, design: Any) -> dict[str, float]:
        with quiet():
            return {name: float(value) for name, value in self.measure(design).items()}

    @cached_property
    def _known(self) -> dict[str, dict[str, float]]:
        """What the labelled wrong designs measure."""
        return {name: self._measured(known.answer) for name, known in self.wrong.items()}

    def _explain(self, measured: dict[str, float], details: tuple) -> Verdict:
        for name, known in self.wrong.items():
            if self._known[name] == measured:
                return wrong(f"misconception:{name}", known.message.format(**measured), details)
        for number, (predicate, message) in enumerate(self.diagnose):
            if predicate(measured):
                return wrong(f"diagnosis:{number + 1}", message.format(**measured), details)
        text = "The design runs, but it does not meet the goal yet. Compare the measured numbers "
        return wrong("values", text + "with the task, and change one setting at a time.", details)


def _rounded(value: float) -> str:
    """Whole numbers in full, others to three digits: the same text on every machine."""
    return f"{value:.0f}" if math.isfinite(value) and value == int(value) else f"{value:.3g}"
