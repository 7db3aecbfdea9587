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
from dlcourse.classroom.messages import from_error
from dlcourse.classroom.observe import Record, describe_error, is_stub, quiet
from dlcourse.classroom.values import plain


@dataclass(frozen=True, kw_only=True)
class Design(Exercise):
    """Design something within a budget: many answers are right.

    reference: one right answer. measure(answer): a dict of plain numbers. accept(measured): whether
    they are good enough. diagnose: pairs (predicate of measured, message). Messages may name what
    was measured: "Your network has {parameters:.0f} parameters."
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
        """What was measured, as plain data."""
        if answer is Ellipsis or answer is None:
            return [{"not_started": True}] if answer is Ellipsis else [{"none": True}]
        try:
            with quiet():
                measured = dict(self.measure(answer))
        except NotImplementedError as error:
            return [{"not_started": True} if is_stub(error) else {"error": describe_error(error)}]
        except (Exception, SystemExit) as error:  # reported to the learner, in words
            return [{"error": describe_error(error)}]
        return [{"result": plain(measured)}]

    def judge(self, observed: list[Record], expected: Expected) -> Verdict:
        """Right where `accept` says so; else the first diagnosis that fits."""
        record = observed[0] if isinstance(observed, list) and observed else None
        if not isinstance(record, dict):
            return MALFORMED
        if "not_started" in record:
            return NOTHING_YET
        if "none" in record:
            return wrong("type", "The answer is None. Assign your design to it.")
        if isinstance(record.get("error"), dict):
            text = from_error(record["error"], (), ())
            return wrong("error", f"Your design could not be measured. {text}")
        measured = self._measured(observed)
        if measured is None:
            return MALFORMED
        details = tuple((name, _rounded(value)) for name, value in measured.items())
        if self.accept(measured):
            listed = ", ".join(f"{name} = {value}" for name, value in details)
            return Verdict(RIGHT, f"Measured: {listed}. {self.explain}".strip())
        return self._explain(measured, details)

    def _measured(self, observed: list[Record]) -> dict[str, float] | None:
        data = single_result(observed)
        if data is None or data["kind"] != "dict":
            return None
        items = dict(data["items"])
        if any(item["kind"] != "array" or item["shape"] for item in items.values()):
            return None
        return {name: float(item["values"][0]) for name, item in items.items()}

    @cached_property
    def _measured_wrong(self) -> dict[str, dict[str, float] | None]:
        return {}

    def _known(self, name: str) -> dict[str, float] | None:
        """What a labelled wrong design measures; computed once, because it may take a while."""
        if name not in self._measured_wrong:
            measured = self._measured(self.observe(self.wrong[name].answer))
            self._measured_wrong[name] = measured
        return self._measured_wrong[name]

    def _explain(self, measured: dict[str, float], details: tuple) -> Verdict:
        for name, known in self.wrong.items():
            if self._known(name) == measured:
                return wrong(f"misconception:{name}", known.message.format(**measured), details)
        for number, (predicate, message) in enumerate(self.diagnose):
            if predicate(measured):
                return wrong(f"diagnosis:{number + 1}", message.format(**measured), details)
        text = "The design runs, but it does not meet the goal yet. Compare the measured numbers "
        return wrong("values", text + "with the task, and change one setting at a time.", details)


def _rounded(value: float) -> str:
    """Whole numbers in full, others to three digits: the same text on every machine."""
    return f"{value:.0f}" if math.isfinite(value) and value == int(value) else f"{value:.3g}"
