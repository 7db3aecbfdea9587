"""Each kind of exercise accepts what is right and says what is wrong."""

import json
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from dlcourse.classroom.base import MALFORMED, NOT_STARTED, RIGHT, WRONG
from dlcourse.classroom.exercise import Code, Number, Wrong
from dlcourse.classroom.messages import MAX_WORDS


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def spoils_input(x):
    x -= x.max(axis=1, keepdims=True)
    return softmax(x)


def prints(x):
    import sys
    import warnings

    print("debugging", x)
    print("more", file=sys.stderr)
    warnings.warn("careful", stacklevel=1)
    return softmax(x)


def test_prints_and_warnings_cost_no_points(sample, capsys):
    assert sample.softmax.check(prints).outcome == RIGHT
    assert capsys.readouterr() == ("", "")


SOFTMAX_MESSAGES = [
    (spoils_input, "in place", "changed its input `x`"),
    (lambda x: None, "type", "without `return`"),
    (lambda x: softmax, "type", "is a function"),
    (lambda x: "abc", "type", "Leave out the quotes"),
    (lambda x: softmax(x).T, "shape", "transposed"),
    (lambda x: softmax(x).sum(axis=1), "shape", "Axis 1 (size 3) is gone"),
    (lambda x: softmax(x)[None], "shape", "axis of size 1"),
    (lambda x: softmax(x).sum(), "shape", "one number"),
    (lambda x: x @ x, "error", "inner sizes"),
    (lambda x: x + np.ones(99), "error", "can't be combined"),
    (lambda x: x.soft(), "error", "AttributeError"),
    (lambda x: undefined_name, "error", "`undefined_name` is not known"),  # noqa: F821
    (lambda x: x.sum(axis=7), "error", "Axes count from 0"),
    (lambda x: x[99], "error", "last index"),
    (lambda x: 1 / 0, "error", "divides by zero"),
    (lambda x, y: x, "error", "calls your function with 1 argument (x), and yours takes 2"),
    (lambda x: exit(), "error", "ends the whole program"),
    (lambda x: -softmax(x), "relation", "wrong sign"),
    (lambda x: 3 * softmax(x), "relation", "3 times"),
    (lambda x: softmax(x) + 1, "relation", "1 larger"),
    (lambda x: x, "relation", "`x` unchanged"),
    (lambda x: x * 0, "relation", "is 0"),
    (lambda x: x * np.nan, "relation", "NaN"),
    (lambda x: x * np.inf, "relation", "infinite"),
    (lambda x: softmax(x)[::-1], "relation", "reversed order"),
    (lambda x: np.log(softmax(x)), "relation", "logarithm"),
    (lambda x: 1 - softmax(x), "relation", "1 minus"),
]


@pytest.mark.parametrize(
    ("answer", "cause", "text"), SOFTMAX_MESSAGES, ids=[text for _, _, text in SOFTMAX_MESSAGES]
)
def test_messages_name_the_likely_cause(sample, answer, cause, text):
    verdict = sample.softmax.check(answer)
    assert (verdict.outcome, verdict.cause) == (WRONG, cause)
    assert text in verdict.message
    assert len(verdict.message.split()) <= MAX_WORDS


def test_a_part_of_several_results_is_named(sample):
    verdict = sample.matmul.check(lambda x, y, g: (g @ y.T, -(x.T @ g)))
    assert verdict.message.startswith("`dy` is not right yet")
    verdict = sample.matmul.check(lambda x, y, g: g @ y.T)
    assert "parts" in verdict.message or "expected" in verdict.message
    assert verdict.cause == "type"


def stub(x):
    raise NotImplementedError("Your turn.")


def bare_stub(x):
    raise NotImplementedError


def library_error(x):
    raise NotImplementedError("this operation is not available for this type")


@pytest.mark.parametrize("answer", [..., stub, bare_stub])
def test_a_stub_is_not_started(sample, answer):
    assert sample.softmax.check(answer).outcome == NOT_STARTED


def test_other_kinds_are_not_started_with_an_ellipsis(sample):
    for exercise in (sample.parameters, sample.xor, sample.design):
        assert exercise.check(...).outcome == NOT_STARTED
    assert sample.xor.check(("b", ...)).outcome == NOT_STARTED


def test_a_library_that_lacks_something_is_an_error(sample):
    assert sample.softmax.check(library_error).cause == "error"


def test_a_wrong_answer_fails_with_every_seed(sample):
    for seed in range(20):
        assert sample.softmax.check(lambda x: softmax(x) * 1.001, seed).outcome == WRONG


@pytest.mark.parametrize(
    "answer",
    [15, 15.0, "15", " 15 ", np.int32(15), [15], np.array([[15]]), Fraction(30, 2), Decimal("15")],
)
def test_numbers_in_any_form(sample, answer):
    assert sample.parameters.check(answer).outcome == RIGHT


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (14, "off by one"),
        (-15, "the sign is not"),
        (30, "factor of two"),
        (150, "decimal point"),
        ("fifteen", "can't read"),
        (None, "None"),
        (float("nan"), "finite"),
        (1e9, "far too large"),
        ([15, 15], "shape"),
        (lambda: 15, "function"),
    ],
)
def test_a_wrong_number_gets_a_hint(sample, answer, text):
    verdict = sample.parameters.check(answer)
    assert verdict.outcome == WRONG
    assert text in verdict.message
    assert "15" not in verdict.message.replace("15.", "").replace("-15", "").replace("150", "")


@pytest.mark.parametrize("want", [0.004, 0.3, 7, 39.0625, 4000])
def test_the_size_to_estimate_is_among_the_offers_and_not_told(want):
    exact = Number(id="98.1", title="t", points=1, hints=("a", "b", "c"), wrong={}, reference=want)
    message = exact.check(want * 17).message
    offers = [float(text) for text in re.findall(r"\d[\d.]*", message.split("nearer to")[1])]
    assert len(offers) == 3
    assert min(abs(np.log10(want / offer)) for offer in offers) <= 0.5


@pytest.mark.parametrize("answer", [0.1966, 0.196612, "0.1966", ".1966", 0.1967])
def test_rounding_does_not_cost_points(sample, answer):
    assert sample.slope.check(answer).outcome == RIGHT


def test_whole_numbers_must_be_exact():
    exact = Number(
        id="98.1", title="t", points=1, hints=("a", "b", "c"), wrong={}, reference=1_000_000
    )
    assert exact.check(1_000_000.0).outcome == RIGHT
    assert exact.check(1_000_001).outcome == WRONG


@pytest.mark.parametrize(
    ("answer", "outcome", "text"),
    [
        (("b", 1), RIGHT, "Tested"),
        (["B", "1"], RIGHT, "Tested"),
        (("b", 2), WRONG, "Draw them"),
        ("b", WRONG, "Add the number of your reason"),
        ("a", WRONG, "AND"),
        (("c", 1), WRONG, "OR"),
        ("z", WRONG, "Choose one of"),
        (3, WRONG, "Choose one of"),
    ],
)
def test_choices(sample, answer, outcome, text):
    verdict = sample.xor.check(answer)
    assert verdict.outcome == outcome
    assert text in verdict.message


def test_designs_name_what_was_measured(sample):
    assert sample.design.check(10).outcome == RIGHT
    assert "parameters = 41" in sample.design.check(10).message
    assert "201 parameters are more than 50" in sample.design.check(50).message
    assert "could not be measured" in sample.design.check("ten").message
    assert "function" not in sample.design.check("ten").message


def triple(x):
    return 3 * softmax(x)


def odd_factor(x):
    return 1.167 * softmax(x)


def test_only_a_simple_factor_is_named(sample):
    assert "3 times" in sample.softmax.check(triple).message
    assert "off by one constant factor" in sample.softmax.check(odd_factor).message


def test_an_if_over_an_array_is_asked_whether_it_is_needed(sample):
    message = sample.softmax.check(lambda x: 1 if x > 0 else 0).message
    assert "Do you need `if` at all?" in message


def test_the_grader_may_test_more_than_the_notebook(sample):
    def only_batches(x):
        return softmax(x) if len(x) > 1 else x

    assert sample.softmax.check(only_batches).outcome == RIGHT
    assert sample.softmax.check(only_batches, hidden=True).outcome == WRONG
    assert "a batch of one row" in sample.softmax.check(softmax).message


def test_observing_and_judging_are_separate(sample):
    """What crosses between the two is JSON text; the judge never sees the answer."""
    for exercise in (sample.softmax, sample.matmul, sample.parameters, sample.xor, sample.design):
        for answer in (exercise.right_answer(), *(w.answer for w in exercise.wrong.values())):
            observed = json.loads(json.dumps(exercise.observe(answer, 7), allow_nan=False))
            expected = json.loads(json.dumps(exercise.expect(7), allow_nan=False))
            assert exercise.judge(observed, expected) == exercise.check(answer, 7)


FORGED = [
    None,
    {},
    [],
    [None],
    [{}],
    [{"result": None}],
    [{"result": {"kind": "array"}}],
    "right",
    [{"result": {"kind": "none"}}] * 99,
    [{"error": 1}],
    [{"changed": 1, "result": {}}],
]


@pytest.mark.parametrize("observed", FORGED, ids=range(len(FORGED)))
def test_forged_observations_are_wrong_and_harmless(sample, observed):
    for exercise in (sample.softmax, sample.parameters, sample.xor, sample.design):
        assert exercise.judge(observed, exercise.expect(3)) == MALFORMED


def test_arguments_that_should_change_are_compared_afterwards(sample):
    assert sample.descend.check(lambda w, g, r: None).outcome == WRONG

    def spoils_gradient(weight, gradient, rate):
        weight -= rate * gradient
        gradient[:] = 0

    verdict = sample.descend.check(spoils_gradient)
    assert verdict.cause == "in place"
    assert "`gradient`" in verdict.message


def test_a_class_can_be_the_answer():
    class Scale:
        def __init__(self, factor):
            self.factor = factor

        def __call__(self, x):
            return self.factor * x

    exercise = Code(
        id="98.2",
        title="t",
        points=1,
        hints=("a", "b", "c"),
        wrong={},
        reference=Scale,
        call=lambda cls, factor, x: cls(factor)(x),
        inputs=lambda rng: [(rng.normal(), rng.normal(size=(2, 3)))],
    )
    assert exercise.arguments() == ("factor", "x")
    assert exercise.check(Scale).outcome == RIGHT
    assert exercise.check(lambda factor: lambda x: x).outcome == WRONG


def test_own_diagnoses_come_before_general_ones():
    def mean(x):
        return x.mean()

    exercise = Code(
        id="98.3",
        title="t",
        points=1,
        hints=("a", "b", "c"),
        wrong={},
        reference=mean,
        inputs=lambda rng: [(rng.normal(size=5),), (rng.normal(size=6),)],
        diagnose=[(lambda result, x: result > x.max(), "No mean is above the maximum.")],
    )
    assert exercise.check(lambda x: x.max() + 1).message == "No mean is above the maximum."
    assert exercise.check(lambda x: x.mean() - 9).cause == "relation"


@pytest.mark.parametrize(
    ("change", "text"),
    [({"id": "x"}, "looks like"), ({"hints": ("a",)}, "three hints"), ({"points": 0}, "1 point")],
)
def test_a_wrong_specification_is_refused(change, text):
    fields = {"id": "98.1", "title": "t", "points": 1, "hints": ("a", "b", "c"), "reference": 1}
    with pytest.raises(ValueError, match=text):
        Number(**{**fields, **change}, wrong={"a": Wrong(2, "no")})
