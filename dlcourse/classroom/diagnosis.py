"""Why a function's results are wrong: an exception, a type, a shape, or how the numbers differ."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlcourse.classroom.base import Verdict, wrong
from dlcourse.classroom.messages import from_difference, from_error, inputs_text, part_name
from dlcourse.classroom.observe import Record
from dlcourse.classroom.patterns import PATTERNS, right_inputs
from dlcourse.classroom.relations import RELATIONS, Case
from dlcourse.classroom.values import Difference, array_of, small, value_of

Fault = list[Difference] | str  # the differences of one call (none: []), or "error"
Path = tuple[int | str, ...]


EXACT = RELATIONS[:-1]  # the last one, "close", comes after everything else
IN_ORDER = (*EXACT, *PATTERNS, RELATIONS[-1])


def explain(cases: list[Case], names: tuple[str, ...], relations=IN_ORDER) -> str | None:
    """The sentence of the first relation or pattern that holds in all cases, or None."""
    if sum(case.got.size for case in cases) < 2:
        return None
    with np.errstate(all="ignore"):
        for relation in relations:
            sentence = relation(cases, names)
            if sentence:
                return sentence
    return None


@dataclass(frozen=True)
class Report:
    """All calls of one check. args: the inputs; names: theirs; returns: the results' names."""

    observed: list[Record]
    expected: list[Record]
    faults: list[Fault]
    args: list[tuple]
    names: tuple[str, ...]
    returns: tuple[str, ...]

    def verdict(self, diagnose: Sequence[tuple[Callable[..., bool], str]] = ()) -> Verdict:
        """The diagnosis. diagnose: the exercise's own predicates and messages."""
        number = next(i for i, fault in enumerate(self.faults) if fault)
        fault = self.faults[number]
        if isinstance(fault, str):
            return self._error(number)
        first = next((d for d in fault if d.kind != "values"), None)
        if first is None:
            return self._values(number, fault, diagnose)
        cause = "shape" if first.kind == "shape" else "type"
        text = from_difference(first, self.names, self.returns)
        return wrong(cause, text, self._details(number, first))

    def _details(self, number: int, found: Difference) -> tuple[tuple[str, str], ...]:
        """One difference in small: the input, what was expected, what came back."""
        return (
            ("Input", inputs_text(self.args[number], self.names)),
            ("Expected", small(found.expected)),
            ("Got", small(found.got)),
        )

    def _error(self, number: int) -> Verdict:
        record = self.observed[number]
        if "not_started" in record:
            text = "The function stops with NotImplementedError for some inputs. What is left?"
            return wrong("error", text)
        text = from_error(record["error"], self.args[number], self.names)
        if number:
            text = f"{number} inputs give a right result, and then one fails. {text}"
        return wrong("error", text)

    def _values(self, number: int, fault: list[Difference], diagnose) -> Verdict:
        """Right shapes, wrong numbers. number: the first wrong input; fault: its differences."""
        first = self._details(number, fault[0])
        own = self._own_diagnosis(diagnose)
        if own:
            return wrong(f"diagnosis:{own[0]}", own[1], first)
        for found in fault:
            cases = self._cases(found.path)
            sentence = explain(cases, self.names)
            if sentence:
                head = self._head(found.path, cases)
                return wrong("relation", head + sentence, self._details(number, found))
        paths = [found.path for found in fault]
        whole = self._dict_cases()
        sentence = explain(whole, self.names) if whole else None
        sentence = sentence or self._right_inputs()
        head = self._head(paths[0], self._cases(paths[0]))
        if sentence:
            return wrong("relation", head + sentence, first)
        single = self._one_input()
        if single:
            return single
        return wrong("values", head + self._where(number, paths), first)

    def _own_diagnosis(self, diagnose) -> tuple[int, str] | None:
        for position, (predicate, message) in enumerate(diagnose, start=1):
            for fault, record, args in zip(self.faults, self.observed, self.args, strict=True):
                shaped = isinstance(fault, list) and all(d.kind == "values" for d in fault)
                if fault and shaped and predicate(value_of(record["result"]), *args):
                    return position, message
        return None

    def _cases(self, path: Path) -> list[Case]:
        """The wrong results at one path, over all calls."""
        return [
            Case(array_of(d.got), array_of(d.expected), args)
            for fault, args in zip(self.faults, self.args, strict=True)
            for d in (fault if isinstance(fault, list) else [])
            if d.kind == "values" and d.path == path
        ]

    def _dict_cases(self) -> list[Case]:
        """Where results are dictionaries of numbers: each as one list of numbers."""
        cases = []
        for fault, record, known, args in zip(
            self.faults, self.observed, self.expected, self.args, strict=True
        ):
            if not fault:
                continue
            if isinstance(fault, str) or known["result"]["kind"] != "dict":
                return []
            got, want = value_of(record["result"]), value_of(known["result"])
            if any(np.ndim(value) for value in want.values()):
                return []
            pair = [np.array([float(part[key]) for key in want]) for part in (got, want)]
            cases.append(Case(pair[0], pair[1], args))
        return cases

    def _right_inputs(self) -> str | None:
        right = [args for fault, args in zip(self.faults, self.args, strict=True) if not fault]
        bad = [args for fault, args in zip(self.faults, self.args, strict=True) if fault]
        return right_inputs(right, bad, self.names) if right else None

    def _one_input(self) -> Verdict | None:
        """A relation that holds for one input at least, for instance the one with a single step."""
        for number, fault in enumerate(self.faults):
            for found in fault if isinstance(fault, list) else []:
                if found.kind != "values" or len(found.got["values"]) < 3:
                    continue
                case = Case(array_of(found.got), array_of(found.expected), self.args[number])
                sentence = explain([case], self.names, EXACT) if np.ptp(case.expected) else None
                if sentence:
                    given = inputs_text(case.args, self.names)
                    text = f"Look at input {number + 1} ({given}). {sentence}"
                    head = self._head(found.path, [case])
                    return wrong("relation", head + text, self._details(number, found))
        return None

    def _head(self, path: Path, cases: list[Case]) -> str:
        shape = ", its shape is" if cases[0].got.ndim else ""
        return f"{part_name(path, self.returns)} is not right yet{shape}. "

    def _where(self, number: int, paths: Sequence[Any]) -> str:
        bad = sum(bool(fault) for fault in self.faults)
        case = self._cases(paths[0])[0]
        off = (~np.isclose(case.got, case.expected, rtol=1e-4, atol=1e-7)).sum()
        where = f"{off} of {case.got.size} numbers differ" if case.got.size > 1 else "it differs"
        return (
            f"Of {len(self.faults)} inputs {bad} give something else than expected. In input "
            f"{number + 1}, {where}. Work through it with small numbers, print each step, "
            "and compare it with the formula."
        )
