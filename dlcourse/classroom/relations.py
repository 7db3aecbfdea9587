"""How wrong numbers relate to the expected ones: the sign, a factor, a missing term, one axis.

Each function looks for one relation that holds for every wrong result at once, and gives its
sentence, or None. Coincidence is unlikely: the inputs are random.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from dlcourse.classroom.values import array_of, plain


@dataclass(frozen=True)
class Case:
    """One wrong result: what came back, what was expected (same shape), and the inputs."""

    got: np.ndarray
    expected: np.ndarray
    args: tuple


def near(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays are equal up to rounding (relative 1e-4)."""
    with np.errstate(all="ignore"):
        return bool(np.allclose(a, b, rtol=1e-4, atol=1e-7, equal_nan=True))


def every(cases: list[Case], test: Callable[[np.ndarray, np.ndarray], bool]) -> bool:
    """Whether test(got, expected) holds in every case."""
    return all(test(case.got, case.expected) for case in cases)


def flat(cases: list[Case]) -> tuple[np.ndarray, np.ndarray]:
    """All numbers that came back, and all that were expected."""
    got = np.concatenate([case.got.ravel() for case in cases])
    return got, np.concatenate([case.expected.ravel() for case in cases])


def arguments(cases: list[Case], names: tuple[str, ...]) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Each argument that is an array of numbers in every case, stretched to the result's shape."""
    for position, name in enumerate(names):
        stretched = []
        for case in cases:
            if position >= len(case.args):
                break
            data = plain(case.args[position])
            if data["kind"] != "array" or "too_large" in data:
                break
            try:
                stretched.append(np.broadcast_to(array_of(data), case.expected.shape))
            except ValueError:  # this argument has another shape: no such relation
                break
        if len(stretched) == len(cases):
            yield name, stretched


# ---------------------------------------------------------------- special results


def _not_finite(cases: list[Case], names: tuple[str, ...]) -> str | None:
    got, expected = flat(cases)
    if np.isnan(got).any() and not np.isnan(expected).any():
        return (
            f"{np.isnan(got).sum()} of {got.size} numbers are NaN (not a number). It comes from "
            "0/0, inf - inf, or the logarithm or root of a negative number. Which step can do that?"
        )
    if np.isinf(got).any() and not np.isinf(expected).any():
        return (
            f"{np.isinf(got).sum()} of {got.size} numbers are infinite. It comes from a division "
            "by zero, log(0), or exp of a large number. Which step can do that?"
        )
    return None


def _is_input(cases: list[Case], names: tuple[str, ...]) -> str | None:
    for name, values in arguments(cases, names):
        same = all(near(case.got, value) for case, value in zip(cases, values, strict=True))
        if same:
            return (
                f"What came back is `{name}` unchanged. Which step should still be applied to it?"
            )
    return None


def _constant(cases: list[Case], names: tuple[str, ...]) -> str | None:
    got, expected = flat(cases)
    if np.ptp(expected) == 0:
        return None
    if not got.any():
        return (
            "Every number that came back is 0. Is the result computed, and is it the one returned?"
        )
    if got.size > 1 and np.ptp(got) < 1e-12 * max(1.0, abs(got[0])):
        return (
            f"The same number, {got[0]:.4g}, came back everywhere. Does the result depend on the "
            "inputs, and over which axis was it reduced?"
        )
    same_shape = len({case.got.shape for case in cases}) == 1
    if len(cases) > 1 and same_shape and all(near(c.got, cases[0].got) for c in cases):
        return "The same result came back for different inputs. Does it use the arguments?"
    return None


# ---------------------------------------------------------------- one rule for every number


def _negated(cases: list[Case], names: tuple[str, ...]) -> str | None:
    if every(cases, lambda got, expected: near(got, -expected)):
        return "Every number has the wrong sign. Is something subtracted the wrong way round?"
    return None


def _factor(cases: list[Case], names: tuple[str, ...]) -> str | None:
    factors = [_ratio(case.got, case.expected) for case in cases]
    if any(k is None for k in factors):
        return None
    ratios = np.array(factors, dtype=float)
    if np.ptp(ratios) < 1e-4 * abs(ratios[0]):
        return _factor_sentence(float(ratios[0]), cases)
    sizes = [{n for arg in case.args for n in np.shape(_numbers(arg))} for case in cases]
    pairs = list(zip(ratios, sizes, strict=True))
    if all(any(abs(k - n) < 1e-3 * n for n in size) for k, size in pairs):
        return "Every number is n times too large, n being a size of the inputs: sum or mean?"
    if all(any(abs(1 / k - n) < 1e-3 * n for n in size) for k, size in pairs):
        return "Every number is n times too small, n being a size of the inputs: sum or mean?"
    if len(cases) > 1 and all(case.got.size > 1 for case in cases):
        return (
            "For each input all numbers are off by one common factor, another one each time. "
            "Which factor, taken from the inputs, is missing or too much?"
        )
    return None


def _numbers(arg: object) -> np.ndarray:
    data = plain(arg)
    return array_of(data) if data["kind"] == "array" and "too_large" not in data else np.zeros(())


def _ratio(got: np.ndarray, expected: np.ndarray) -> float | None:
    """The k of got = k * expected, or None."""
    k = float(np.sum(got * expected) / np.sum(expected * expected))
    tiny = 1e-12 * float(np.max(np.abs(expected)))  # each number must fit, the small ones too
    if not np.isfinite(k) or abs(k) < 1e-9:
        return None
    return k if np.allclose(got, k * expected, rtol=1e-4, atol=tiny) else None


def _factor_sentence(k: float, cases: list[Case]) -> str | None:
    if abs(k - 1) < 1e-4:
        return None
    sizes = {n for case in cases for arg in case.args for n in np.shape(_numbers(arg))}
    for n in sorted(sizes - {1}):
        for ratio, word in ((k, "large"), (1 / k, "small")):
            if abs(ratio - n) < 1e-3 * n:
                return (
                    f"Every number is {n} times too {word}. {n} is also a size of the input: sum "
                    f"or mean? If neither, look for another factor {n}."
                )
    ask = "Which constant factor is missing, or too much, or on the wrong side of a division?"
    if _simple(k):
        return f"Every number is {k:.4g} times what was expected. {ask}"
    if len(cases) < 2:
        return None  # an odd factor that holds for one input alone is a coincidence
    return f"Every number is off by one constant factor, the same for all inputs. {ask}"


def _simple(k: float) -> bool:
    """Whether a factor names its own cause: 3, 1/3, 2/3, 3/2 or a power of ten, of either sign."""
    sizes = [n / m for n in range(1, 5) for m in range(1, 5)]
    sizes += [10.0**power for power in range(-6, 7)]
    sizes += [float(n) for n in range(5, 13)] + [1 / n for n in range(5, 13)]
    return any(abs(abs(k) / size - 1) < 1e-4 for size in sizes)


def _offset(cases: list[Case], names: tuple[str, ...]) -> str | None:
    got, expected = flat(cases)
    steps = got - expected
    if np.ptp(steps) < 1e-6 * max(1.0, abs(steps[0])):
        size = "larger" if steps[0] > 0 else "smaller"
        return (
            f"Every number is {abs(steps[0]):.4g} {size} than expected. "
            "Which constant is added or left out, or where is the count off by one?"
        )
    if all(c.got.size > 1 and np.ptp(c.got - c.expected) < 1e-6 for c in cases):
        return (
            "For each input all numbers are off by one common amount, another one each time. "
            "Which term, taken from the inputs, is missing or too much?"
        )
    return None


def _function_of(cases: list[Case], names: tuple[str, ...]) -> str | None:
    """The result before a last step, or after one step too many."""
    steps: list[tuple[Callable[[np.ndarray], np.ndarray], str]] = [
        (
            np.abs,
            "Every number has the right size but no sign. Is there an absolute value too much?",
        ),
        (
            lambda e: 1 / e,
            "Every number is 1 divided by the expected one: is a fraction upside down?",
        ),
        (
            lambda e: 1 - e,
            "Every number is 1 minus the expected one: which class or side is meant?",
        ),
        (np.square, "Every number is the square of the expected one: a root is missing."),
        (np.sqrt, "Every number is the root of the expected one: is there a root too much?"),
        (np.exp, "Every number is e to the power of the expected one: is an exp too much?"),
        (np.log, "Every number is the logarithm of the expected one: is a log too much?"),
        (np.tanh, "Every number is the tanh of the expected one: is it applied once too often?"),
    ]
    for step, sentence in steps:
        if all(near(case.got, step(case.expected)) for case in cases):
            return sentence
    if every(cases, lambda got, expected: near(np.abs(got), np.abs(expected))):
        return "Every number has the right size, but some signs are wrong. Which part is turned?"
    return None


# ---------------------------------------------------------------- a missing term or factor


def _term_of_input(cases: list[Case], names: tuple[str, ...]) -> str | None:
    """What differs is a multiple of one input, or a factor equal to it."""
    for name, values in arguments(cases, names):
        pairs = list(zip(cases, values, strict=True))
        if any(near(value, np.full_like(value, value.flat[0])) for value in values):
            continue  # an input that is constant over the result explains nothing
        multiples = [_ratio(case.got - case.expected, value) for case, value in pairs]
        if all(k is not None for k in multiples) and all(v.size > 2 for v in values):
            return (
                f"What came back differs from the expected by a multiple of `{name}`. Look at the "
                f"term that holds `{name}`: is it missing, has it the wrong sign or factor?"
            )
        if all(near(case.got * value, case.expected) for case, value in pairs):
            return f"A factor `{name}` is missing: look for the product that should hold it."
        if all(near(case.got, case.expected * value) for case, value in pairs):
            return f"There is a factor `{name}` too much, or a division by it is missing."
    return None


def _step_from_input(cases: list[Case], names: tuple[str, ...]) -> str | None:
    """An update: the way from an input to the result has the wrong direction or length."""
    for name, values in arguments(cases, names):
        if any(case.got.size < 2 or np.ptp(v) == 0 for case, v in zip(cases, values, strict=True)):
            continue
        pairs = list(zip(cases, values, strict=True))
        ratios = [_ratio(case.got - value, case.expected - value) for case, value in pairs]
        if any(k is None for k in ratios):
            continue
        k = np.array(ratios, dtype=float)
        if near(k, np.full_like(k, -1.0)):
            return f"The step from `{name}` to the result goes in exactly the opposite direction."
        if np.all(k < 0):
            return f"The step from `{name}` goes exactly the opposite way, and its length is off."
        many = "the same factor each time" if np.ptp(k) < 1e-4 * abs(k[0]) else "changing factors"
        return (
            f"The step from `{name}` to the result has the right direction, but not the right "
            f"length ({many}, here {k[0]:.3g}). Which factor of the step is missing or too much?"
        )
    return None


def _depends_on(cases: list[Case], names: tuple[str, ...]) -> str | None:
    """What differs rises or falls with one input alone, so it is a function of that input."""
    got, expected = flat(cases)
    for name, values in arguments(cases, names):
        value = np.concatenate([part.ravel() for part in values])
        if value.size < 8 or len(np.unique(value)) < 8:
            continue
        order = np.argsort(value)
        for differs, word in ((got / expected, "factor"), (got - expected, "amount")):
            steps = np.diff(differs[order])
            if np.all(np.isfinite(steps)) and (np.all(steps >= 0) or np.all(steps <= 0)):
                return (
                    f"Your numbers differ from the expected by a {word} that depends on `{name}` "
                    f"alone. Look at the part of the formula that holds `{name}`."
                )
    return None


def _close(cases: list[Case], names: tuple[str, ...]) -> str | None:
    got, expected = flat(cases)
    error = np.max(np.abs(got - expected) / np.maximum(np.abs(expected), 1e-12))
    if error < 0.05:
        return (
            f"Close: every number is within {100 * error:.2g} % of the expected. "
            "Look for a small constant, a rounded step, or n - 1 in place of n."
        )
    return None


RELATIONS = (
    _not_finite,
    _is_input,
    _constant,
    _negated,
    _factor,
    _offset,
    _function_of,
    _term_of_input,
    _step_from_input,
    _depends_on,
    _close,
)
