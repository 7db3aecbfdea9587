"""The prover itself: it finds the faults of weak checks that are planted here."""

import dataclasses

import numpy as np
import pytest
from mutants import mutants
from prover import Endless, StepLimit, prove

from dlcourse.classroom.exercise import Code, Number, Wrong


def scaled_sum(x, factor):
    total = 0.0
    for value in x:
        total += factor * value
    return total


def forgets_factor(x, factor):
    return float(x.sum())


def takes_mean(x, factor):
    return factor * x.mean()


def last_only(x, factor):
    return factor * x[-1]


def adds_factor(x, factor):
    return x.sum() + factor


GOOD = Code(
    id="98.1", title="A scaled sum", points=1, reference=scaled_sum, hints=("a", "b", "c"),
    inputs=lambda rng: [(rng.normal(size=n), float(rng.uniform(2, 3))) for n in (3, 5, 4)],
    alternatives=[lambda x, factor: factor * x.sum(), lambda x, factor: (factor * x).sum()],
    wrong={
        "no factor": Wrong(forgets_factor, "Where does the factor enter?"),
        "mean": Wrong(takes_mean, "This is the mean. What is asked for?"),
        "last": Wrong(last_only, "Only the last value counts here. What should pile up?"),
        "added": Wrong(adds_factor, "The factor is added. What does it do to each value?"),
    },
)  # fmt: skip


def test_a_good_check_has_no_faults():
    proof = prove(GOOD)
    assert proof.faults == []
    assert proof.rejected_share == 1.0


def weak(**changes):
    return " ".join(prove(dataclasses.replace(GOOD, **changes)).faults)


def fixed(rng):
    return [(np.array([1.0, 2.0, 4.0]), 2.0)]


def test_one_fixed_input_is_not_enough():
    assert "the visible answer, fixed is right" in weak(inputs=fixed)


def test_a_wide_tolerance_is_noticed():
    assert "rejected" in weak(tolerance=10.0)


def test_inputs_that_hide_a_mistake_are_noticed():
    """With a factor of 1 the missing factor can't show."""
    ones = weak(inputs=lambda rng: [(rng.normal(size=n), 1.0) for n in (3, 5)])
    assert "wrong answer 'no factor' gets right" in ones


def test_wrong_alternatives_and_references_are_noticed():
    assert "alternative 1 is rejected" in weak(alternatives=[takes_mean, scaled_sum])
    with pytest.raises(RuntimeError, match=r"reference of exercise 98\.1 fails"):
        weak(inputs=lambda rng: [("text", 1.0)])
    assert "at least 2 are needed" in weak(alternatives=[])


def test_missing_and_doubled_misconceptions_are_noticed():
    assert "3 labelled" in weak(wrong=dict(list(GOOD.wrong.items())[:3]))
    twice = {**GOOD.wrong, "again": Wrong(takes_mean, "The same mistake under another name.")}
    assert "wrong answer 'again' gets wrong: misconception:mean" in weak(wrong=twice)


def test_long_and_equal_texts_are_noticed():
    assert "hint 2 has 81 words" in weak(hints=("a", "word " * 81, "c"))
    assert "two hints are the same" in weak(hints=("a", "a", "c"))
    wordy = {**GOOD.wrong, "mean": Wrong(takes_mean, "word " * 81)}
    assert "message 'mean' has 81 words" in weak(wrong=wordy)


def test_a_listed_equivalent_that_is_none_is_noticed():
    assert "listed as equivalent, but it is none" in weak(equivalent={"line 9: nothing": "why"})


def test_a_number_with_a_wide_tolerance_is_noticed():
    number = Number(id="98.2", title="t", points=1, hints=("a", "b", "c"), reference=0.4,
                    tolerance=3.0, wrong={})  # fmt: skip
    faults = " ".join(prove(number).faults)
    assert "0 labelled wrong answers" in faults
    assert "the tolerance is 3.0" in faults


def test_mutants_are_many_and_different():
    found = dict(mutants(scaled_sum))
    assert len(found) >= 12
    assert "line 4: no accumulation" in found
    assert found["line 4: no accumulation"](np.array([1.0, 2.0]), 3.0) == 6.0
    assert found["line 4 in `factor * value`: left side dropped"](np.array([1.0, 2.0]), 3.0) == 3.0


def calls_helper(x):
    return helper(x) * 2


def helper(x):
    return x + 1


def test_helpers_of_the_reference_are_mutated_too():
    found = dict(mutants(calls_helper))
    assert found["helper, line 2 in `x + 1`: Add becomes Sub"](5) == 8
    assert helper(5) == 6


def test_endless_code_is_stopped():
    code = compile("def endless():\n    while True:\n        pass\n", "<mutant>", "exec")
    space = {}
    exec(code, space)
    with pytest.raises(Endless), StepLimit(1000):
        space["endless"]()


def counts_down(n):
    steps = 0
    while n > 0:
        n -= 1
        steps += 2
    return steps


def test_endless_mutants_count_as_rejected():
    exercise = dataclasses.replace(
        GOOD, reference=counts_down, alternatives=[lambda n: 2 * n, lambda n: n + n], wrong={},
        inputs=lambda rng: [(int(n),) for n in rng.integers(3, 50, size=5)],
    )  # fmt: skip
    proof = prove(exercise)
    assert proof.endless > 0
    assert proof.accepted == []
