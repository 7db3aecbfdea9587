"""Exercises whose answer is a value: a number, or a choice with a reason."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
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
from dlcourse.classroom.messages import from_difference
from dlcourse.classroom.observe import Record, observe_value
from dlcourse.classroom.values import (
    Plain,
    Tolerance,
    array_of,
    clean,
    difference,
    is_plain,
    plain,
    value_of,
)


def single_result(observed: object) -> Plain | None:
    """The single plain result of a record, or None where it has another form."""
    if not isinstance(observed, list) or len(observed) != 1 or not isinstance(observed[0], dict):
        return None
    result = observed[0].get("result")
    return result if is_plain(result) else None


@dataclass(frozen=True, kw_only=True)
class Number(Exercise):
    """Predict or compute a number (or several, as a tuple).

    reference: the value, or a function without arguments that computes it. tolerance: relative to
    the value; a reference of whole numbers must be met exactly.
    """

    kind: ClassVar[str] = "number"

    reference: Any
    tolerance: float = 2e-3

    def right_answer(self) -> Any:
        """The reference value."""
        return self.reference() if callable(self.reference) else self.reference

    def observe(self, answer: Any, rng: Any = 0, hidden: bool = False) -> list[Record]:
        """The value as plain data."""
        return observe_value(answer)

    def judge(self, observed: list[Record], expected: Expected) -> Verdict:
        """Right within the tolerance; a number typed as text counts as that number."""
        got = single_result(observed)
        if got is None:
            return MALFORMED
        if got["kind"] == "ellipsis":
            return NOTHING_YET
        want = expected["cases"][0]["result"]
        got = _single(_read_numbers(got), want)
        if self._same(got, want):
            return Verdict(RIGHT, self._success(want))
        for name, known in self.wrong.items():
            if self._same(got, plain(known.answer)):
                return wrong(f"misconception:{name}", known.message)
        found = difference(got, want, self._tolerance(want))
        if found is None or found.kind != "values":
            return wrong("type", _not_a_number(got, want, found))
        return self._explain(array_of(found.got), array_of(found.expected))

    def _success(self, want: Plain) -> str:
        exact = self._tolerance(want).relative == 0
        bound = "exactly" if exact else f"within {100 * self.tolerance:.2g} %"
        return f"Tested: your answer agrees with the computed one, {bound}. {self.explain}".strip()

    def _tolerance(self, want: Plain) -> Tolerance:
        if want.get("dtype", "").startswith(("int", "bool")):
            return Tolerance(1e-9, 0.0)
        return Tolerance(0.0, self.tolerance)

    def _same(self, got: Plain, want: Plain) -> bool:
        bound = self._tolerance(want)
        if want["kind"] == "array" and want["values"] and not np.any(array_of(want)):
            bound = Tolerance(self.tolerance, 0.0)
        return difference(got, want, bound) is None

    def _explain(self, got: np.ndarray, want: np.ndarray) -> Verdict:
        if got.ndim:
            right = np.isclose(got, want, rtol=self.tolerance).sum()
            text = f"{right} of {got.size} numbers are right. Write down how each one comes about."
            return wrong("values", text)
        sentence = _relation(float(got), float(want))
        if sentence:
            return wrong("relation", sentence)
        return wrong(
            "values",
            f"{float(got):.6g} is not the right number. Write the steps of the computation down, "
            "one line each, and compute every line again.",
        )


def _read_numbers(data: Plain) -> Plain:
    """A number typed as text (".5") as a number; everything else as it is."""
    if data["kind"] == "list":
        return plain([value_of(_read_numbers(item)) for item in data["items"]])
    if data["kind"] != "text":
        return data
    try:
        return plain(float(data["value"].strip().replace("−", "-")))
    except ValueError:  # not a number: judged as the text it is
        return data


def _single(got: Plain, want: Plain) -> Plain:
    """An array with one entry counts as that number where one number is expected."""
    if want["kind"] == got["kind"] == "array" and not want["shape"] and len(got["values"]) == 1:
        return {**got, "shape": []}
    return got


def _not_a_number(got: Plain, want: Plain, found: Any) -> str:
    if got["kind"] == "text":
        return (
            f'"{clean(got["value"], 30)}" is a text that Python can\'t read as a number. '
            "Write it with a decimal point and without units, such as 0.25."
        )
    if got["kind"] == "none":
        return "The answer is None. Assign a number to it: `answer = 0.25`."
    return from_difference(found, (), ())


def _relation(got: float, want: float) -> str | None:
    """What a single wrong number tells: its sign, a power of ten, a factor two, rounding."""
    if not math.isfinite(got):
        return f"The answer is {got}. A finite number is expected: where does it leave the range?"
    if want == 0 or got == 0:
        return None if got else "The answer is 0. Does every term really cancel?"
    ratio = got / want
    if abs(ratio + 1) < 1e-2:
        return "The size is right, the sign is not. In which direction does the quantity go?"
    for power in (0.001, 0.01, 0.1, 10, 100, 1000):
        if abs(ratio / power - 1) < 1e-2:
            return "The digits are right, the decimal point is not. Is it a share or a percentage?"
    for factor in (2.0, 0.5):
        if abs(ratio / factor - 1) < 1e-2:
            return "The answer is off by a factor of two. Is something counted twice, or left out?"
    if abs(got - want) == 1:
        return "The answer is off by one. Does the count include both ends?"
    if abs(got * want - 1) < 1e-2:
        return "The answer is upside down: the expected number is 1 divided by it."
    if abs(ratio - 1) < 0.15:
        return "Close, but not close enough. Keep four digits in every step, and round at the end."
    if ratio < 0:
        return "The sign can't be right. In which direction does the quantity go?"
    if not 1 / 3 < ratio < 3:
        size = "large" if ratio > 1 else "small"
        return f"The answer is far too {size}. Estimate it first: {_orders_of_size(want)}"
    return None


def _orders_of_size(want: float) -> str:
    """Three powers of ten to choose from. The right one can stand in each of the three places."""
    nearest = round(math.log10(abs(want)))
    first = nearest - nearest % 3
    a, b, c = (f"{10.0**power:g}" for power in range(first, first + 3))
    return f"is its size nearer to {a}, {b} or {c}?"


@dataclass(frozen=True, kw_only=True)
class Choice(Exercise):
    """Choose an option, and the reason where `reasons` are given.

    options: {"a": "text", ...}. reasons: {1: "text", ...}. reference: "b", or ("b", 2).
    wrong: one for each other option ("a": any reason), and for the right option's wrong reasons.
    """

    kind: ClassVar[str] = "choice"

    options: Mapping[str, str]
    reference: Any
    reasons: Mapping[int, str] = field(default_factory=dict)

    def right_answer(self) -> Any:
        """The right option, or option and reason."""
        return self.reference

    def observe(self, answer: Any, rng: Any = 0, hidden: bool = False) -> list[Record]:
        """The choice as plain data."""
        return observe_value(answer)

    def judge(self, observed: list[Record], expected: Expected) -> Verdict:
        """Right where option and reason are; upper case, spaces and brackets don't matter."""
        data = single_result(observed)
        if data is None:
            return MALFORMED
        items = data["items"] if data["kind"] == "list" else [data]
        if any(item["kind"] == "ellipsis" for item in items):
            return NOTHING_YET
        option, reason = self._read(items)
        if option not in self.options:
            known = ", ".join(f'"{name}"' for name in self.options)
            text = f"Choose one of {known}, as text with quotes"
            pair = f', such as ("{next(iter(self.options))}", 1): option and reason.'
            return wrong("type", text + (pair if self.reasons else "."))
        if self.reasons and reason not in self.reasons and not self._label(option, reason):
            listed = ", ".join(str(number) for number in self.reasons)
            text = f'Add the number of your reason ({listed}): answer = ("{option}", number).'
            return wrong("type", text)
        if (option, reason) == self._pair(self.reference):
            what = "your choice and its reason" if self.reasons else "your choice"
            return Verdict(RIGHT, f"Tested: {what}. {self.explain}".strip())
        return self._diagnose(option, reason)

    def _read(self, items: list[Plain]) -> tuple[str, Any]:
        texts = [item["value"] for item in items if item["kind"] == "text"]
        option = texts[0].strip().strip("().").lower() if texts else ""
        numbers = [item["values"][0] for item in items if item.get("shape") == []]
        reason = numbers[0] if numbers else None
        if reason is None and len(texts) > 1 and texts[1].strip().isdecimal():
            reason = int(texts[1])
        return option, reason if self.reasons else None

    def _pair(self, answer: Any) -> tuple[str, Any]:
        return (answer, None) if isinstance(answer, str) else tuple(answer)

    def _label(self, option: str, reason: Any) -> str:
        """The labelled wrong answer with this option and reason, or with this option alone."""
        for pair in ((option, reason), (option, None)):
            for name, known in self.wrong.items():
                if self._pair(known.answer) == pair:
                    return name
        return ""

    def _diagnose(self, option: str, reason: Any) -> Verdict:
        name = self._label(option, reason)
        if name:
            return wrong(f"misconception:{name}", self.wrong[name].message)
        if option == self._pair(self.reference)[0]:
            return wrong("values", "Your choice is right; its reason is another one.")
        return wrong("values", f'It is not "{option}". Find an example that speaks against it.')
