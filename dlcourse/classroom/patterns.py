"""Where wrong numbers stand: other places, some rows, one side of the diagonal, from one step on.

Like relations.py: every function gives a sentence, or None.
"""

import numpy as np

from dlcourse.classroom.relations import Case, arguments, every, flat, near
from dlcourse.classroom.values import plain


def _wrong(case: Case) -> np.ndarray:
    return ~np.isclose(case.got, case.expected, rtol=1e-4, atol=1e-7)


def _places(cases: list[Case], names: tuple[str, ...]) -> str | None:
    if any(case.got.size < 2 for case in cases):
        return None
    if all(case.got.ndim and near(case.got, np.flip(case.expected, 0)) for case in cases):
        return "The right numbers came back in reversed order. Where is the order turned?"
    if every(cases, lambda got, expected: near(np.sort(got, None), np.sort(expected, None))):
        return (
            "The right numbers came back in other places. "
            "Is an array reshaped where it should be transposed, or sorted along another axis?"
        )
    return None


def _prefix(cases: list[Case], names: tuple[str, ...]) -> str | None:
    """A list whose first entries are right and whose later ones are not: a loop's records."""
    if any(case.got.ndim != 1 or case.got.size < 3 for case in cases):
        return None
    wrong = [_wrong(case) for case in cases]
    starts = [int(np.argmax(mask)) for mask in wrong]
    later = [mask[start:].mean() for mask, start in zip(wrong, starts, strict=True)]
    if min(starts) >= 1 and min(later) > 0.7:
        return (
            "It starts right, and a later entry is the first wrong one. What happens between two "
            "entries: which value is not carried over, or carried over wrongly?"
        )
    return None


def right_inputs(right: list[tuple], wrong: list[tuple], names: tuple[str, ...]) -> str | None:
    """A number among the arguments that tells the inputs with right results from the others."""
    for position, name in enumerate(names):
        good, bad = _numbers_at(right, position), _numbers_at(wrong, position)
        if good is None or bad is None:
            continue
        if max(good) < min(bad):
            return (
                f"The result is right where `{name}` is at most {max(good):.4g}, and wrong from "
                f"{min(bad):.4g} on. What is different there?"
            )
        if max(bad) < min(good):
            return (
                f"The result is right where `{name}` is at least {min(good):.4g}, and wrong at "
                f"{max(bad):.4g} and below. What is different there?"
            )
    return None


def _numbers_at(cases: list[tuple], position: int) -> list[float] | None:
    """The single numbers at a place of the arguments, or None where they are something else."""
    found = [plain(args[position]) for args in cases if position < len(args)]
    if not found or any(data.get("shape") != [] for data in found):
        return None
    numbers = [float(data["values"][0]) for data in found]
    return None if any(np.isnan(numbers)) else numbers


def _along_axis(cases: list[Case], names: tuple[str, ...]) -> str | None:
    """Each row, or each column, is off by a factor or an amount of its own."""
    for axis, lines in ((-1, "row"), (0, "column")):
        if any(case.got.ndim < 2 or case.got.shape[axis] < 2 for case in cases):
            continue
        for what, word in ((np.divide, "factor"), (np.subtract, "amount")):
            parts = [what(case.got, case.expected) for case in cases]
            if all(near(np.diff(part, axis=axis), np.zeros(())) for part in parts):
                return (
                    f"Each {lines} is off by one {word} of its own. A sum, mean or maximum of the "
                    "wrong axis does that: along which axis should it run? Is it applied?"
                )
    return None


def _some_right(cases: list[Case], names: tuple[str, ...]) -> str | None:
    """Whole rows, whole columns, or one side of the diagonal are right."""
    if any(case.got.ndim == 0 or case.got.size < 3 for case in cases):
        return None
    wrong = [_wrong(case) for case in cases]
    for axis, word in ((0, "entry" if wrong[0].ndim == 1 else "row"), (-1, "column")):
        if wrong[0].ndim == 1 and axis == -1:
            continue
        lines = [np.moveaxis(mask, axis, 0).reshape(mask.shape[axis], -1) for mask in wrong]
        bad = [tuple(np.flatnonzero(line.any(axis=1))) for line in lines]
        if all(b == (0,) for b in bad):
            return f"Only the first {word} is wrong, the rest is right. Where does your loop start?"
        if all(b == (len(line) - 1,) for b, line in zip(bad, lines, strict=True)):
            return (
                f"Only the last {word} is wrong, the rest is right. Where does your loop end, or "
                "what is special about the last one?"
            )
        if all(b == tuple(range(1, len(line))) for b, line in zip(bad, lines, strict=True)):
            return (
                f"Only the first {word} is right. Is a value not updated, or a result not added up?"
            )
    return _triangle(wrong)


def _triangle(wrong: list[np.ndarray]) -> str | None:
    if any(mask.ndim < 2 for mask in wrong):
        return None
    if not any(np.tril(mask).any() for mask in wrong):
        return "All wrong numbers lie above the diagonal. Is the mask on the right side?"
    if not any(np.triu(mask).any() for mask in wrong):
        return "All wrong numbers lie below the diagonal. Is the mask on the right side?"
    return None


def _where_negative(cases: list[Case], names: tuple[str, ...]) -> str | None:
    """The wrong numbers are those where one input is negative (or positive)."""
    for name, values in arguments(cases, names):
        wrong = np.concatenate([_wrong(case).ravel() for case in cases])
        value = np.concatenate([part.ravel() for part in values])
        if value.size < 6 or not ((value > 0).any() and (value < 0).any()):
            continue
        if not wrong[value > 0].any():
            return f"Where `{name}` is positive all is right, where it is negative it is not. Why?"
        if not wrong[value < 0].any():
            return f"Where `{name}` is negative all is right, where it is positive it is not. Why?"
    return None


def _sums(cases: list[Case], names: tuple[str, ...]) -> str | None:
    """Rows (or columns) that should all have one sum, and don't."""
    for axis, line in ((-1, "row"), (0, "column")):
        if any(case.got.ndim < 2 or case.got.shape[axis] < 2 for case in cases):
            continue
        want = np.concatenate([case.expected.sum(axis=axis).ravel() for case in cases])
        have = np.concatenate([case.got.sum(axis=axis).ravel() for case in cases])
        off = np.flatnonzero(~np.isclose(have, want, rtol=1e-4, atol=1e-6))
        if near(want, np.full_like(want, want[0])) and off.size:
            return (
                f"Each {line} should sum to {want[0] + 0:.3g}, and one of yours sums to "
                f"{have[off[0]]:.3g}. Which step makes the sums right, and along which axis?"
            )
    return None


def _bounds(cases: list[Case], names: tuple[str, ...]) -> str | None:
    """Numbers outside 0 to 1 where none should be; a curve that should fall, and rises."""
    got, expected = flat(cases)
    if expected.min() >= 0 > got.min():
        return (
            f"There are negative numbers, the smallest is {got.min():.3g}; none should be. "
            "Which step makes numbers positive, or which subtraction goes too far?"
        )
    if expected.max() <= 1 < got.max() and expected.min() >= 0:
        return (
            f"There are numbers above 1, the largest is {got.max():.3g}; none should be. "
            "Which step keeps them between 0 and 1?"
        )
    curves = all(case.got.ndim == 1 and case.got.size > 2 for case in cases)
    if curves and all(c.expected[-1] < c.expected[0] and c.got[-1] >= c.got[0] for c in cases):
        return "The numbers should fall from first to last, and yours rise. Which way is each step?"
    return None


def _direction_and_size(cases: list[Case], names: tuple[str, ...]) -> str | None:
    """Coarse: the result, or the step to it from an input, turns around or has another size."""
    starts = [("", [np.zeros_like(case.expected) for case in cases])]
    for name, values in arguments(cases, names):
        if all(np.ptp(value) > 0 for value in values):  # not a single number, stretched
            starts.append((name, values))
    for name, values in starts:
        pairs = [(c.got - v, c.expected - v) for c, v in zip(cases, values, strict=True)]
        if any(got.size < 2 or not want.any() for got, want in pairs):
            continue
        what = f"The step from `{name}` to the result" if name else "The result"
        cosines = [np.sum(g * w) / np.sqrt(np.sum(g * g) * np.sum(w * w)) for g, w in pairs]
        if max(cosines) < -0.3:
            return f"{what} points roughly the opposite way. Which sign is turned on the way to it?"
        sizes = [np.sqrt(np.sum(g * g) / np.sum(w * w)) for g, w in pairs]
        if min(sizes) > 5:
            return (
                f"{what} is far too large, at least {min(sizes):.1f} times. Which factor is lost?"
            )
        if max(sizes) < 0.2:
            return f"{what} is far too small, at most {max(sizes):.2g} times the expected size."
    return None


PATTERNS = (
    _places,
    _along_axis,
    _some_right,
    _prefix,
    _where_negative,
    _sums,
    _bounds,
    _direction_and_size,
)
