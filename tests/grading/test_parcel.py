"""Inputs arrive exactly as they were, without pickle."""

import json
import math

import numpy as np
import pytest

import dlcourse as dl
from dlcourse.classroom.grading.parcel import pack, source_of, unpack

RNG = np.random.default_rng(3)


def through(value):
    """The value after a journey as JSON text."""
    return unpack(json.loads(json.dumps(pack(value), allow_nan=False)))


def same(a, b):
    """Equal in type, dtype, shape and to the last bit."""
    if isinstance(a, np.ndarray | np.generic):
        parts = (type(a), a.dtype, a.shape, a.tobytes())
        return parts == (type(b), b.dtype, b.shape, b.tobytes())
    if isinstance(a, list | tuple):
        pairs = zip(a, b, strict=True)
        return type(a) is type(b) and all(same(*pair) for pair in pairs)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, float) and math.isnan(a):
        return math.isnan(b)
    return type(a) is type(b) and a == b


VALUES = [
    None, True, False, 0, -7, 2**80, 0.1, -0.0, 1e300, math.nan, math.inf, -math.inf, "", "wörd\n",
    [], (), {}, [1, [2, (3, None)]], ("x", 1.5), {"a": [("b", -3.0)], 2: None, (1, 2): "t"},
    np.float32(0.1), np.float64(0.1), np.int64(-3), np.bool_(True), np.str_("word"),
    np.arange(6).reshape(2, 3), np.zeros((0, 4)), np.float64(3) * np.ones(()), np.array("word"),
    RNG.normal(size=(2, 3, 4)), RNG.normal(size=(3, 4)).T, RNG.normal(size=7).astype(np.float16),
    np.array([math.nan, -0.0, math.inf]), RNG.normal(size=3) + 1j, np.array([True, False]),
    np.array(["ab", "c"]), np.arange(4, dtype=">i2"),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_arrives_as_it_was(value):
    assert same(value, through(value))


def test_many_random_values_arrive_as_they_were():
    makers = [
        lambda: RNG.normal(size=tuple(RNG.integers(0, 4, size=RNG.integers(0, 4)))),
        lambda: float(RNG.normal() * 10.0 ** RNG.integers(-300, 300)),
        lambda: int(RNG.integers(-(2**62), 2**62)),
        lambda: chr(RNG.integers(32, 0xD000)),
        lambda: [value() for value in RNG.choice(makers[:4], size=3)],
        lambda: tuple(value() for value in RNG.choice(makers[:4], size=2)),
        lambda: {str(key): makers[key]() for key in RNG.integers(0, 4, size=2)},
    ]
    for _ in range(300):
        value = RNG.choice(makers)()
        assert same(value, through(value))


def test_an_array_that_arrives_can_be_changed():
    array = through(np.zeros(3))
    array += 1
    assert array.tolist() == [1, 1, 1]


def test_a_generator_continues_where_it_was():
    generator = np.random.default_rng(5)
    generator.normal(size=3)
    arrived = through(generator)
    assert arrived.normal(size=4).tolist() == generator.normal(size=4).tolist()


def test_a_tensor_arrives_with_its_dtype_and_flag():
    tensor = dl.Tensor(RNG.normal(size=(2, 3)), requires_grad=True)
    arrived = through(tensor)
    assert arrived.requires_grad
    assert arrived.data.dtype == np.float64
    assert np.array_equal(arrived.data, tensor.data)
    assert not through(dl.Tensor([1.0])).requires_grad


def double(x: np.ndarray) -> np.ndarray:
    """Annotations and docstring are of no use on the other side."""
    return 2 * x


SQUARE, CUBE = (lambda x: x**2), (lambda x: x**3)


@pytest.mark.parametrize(
    "function",
    [np.tanh, np.sum, np.linalg.norm, math.sin, dl.Linear, double, SQUARE, CUBE, lambda x: x - 1],
)
def test_a_function_arrives(function):
    arrived = through(function)
    if function is dl.Linear:
        assert arrived is dl.Linear
    else:
        x = 0.5 if function is math.sin else np.array([0.5, 2.0])
        assert np.array_equal(arrived(x), function(x))


def test_a_function_of_the_author_travels_as_text():
    assert "def double(x):" in source_of(double)
    assert source_of(CUBE) == "lambda x: x ** 3"


def _half(x):
    return x / 2


def _countdown(n):
    return [] if n == 0 else [n, *_countdown(n - 1)]


def uses_helpers(x):
    return np.sum(_half(x)) + len(_countdown(3))


def test_helpers_travel_with_a_function():
    packed = pack(uses_helpers)
    assert sum("def _half(x):" in text for text in packed["helpers"]) == 1
    assert through(uses_helpers)(np.array([2.0, 4.0])) == 6.0
    assert through(_countdown)(2) == [2, 1]


def test_public_functions_do_not_travel_as_helpers():
    """They may be answers to exercises."""
    assert pack(lambda x: double(_half(x)))["helpers"] == ["def _half(x):\n    return x / 2"]


def test_a_lambda_within_a_lambda_is_told_apart():
    outer = lambda x: lambda y: np.sum(y)  # noqa: E731
    assert source_of(outer) == "lambda x: lambda y: np.sum(y)"
    assert source_of(outer(1)) == "lambda y: np.sum(y)"


def test_no_exercise_travels_by_name():
    from dlcourse.classroom import checks

    assert "source" in pack(checks.find)  # not {"import": "dlcourse.classroom..."}


def _closure():
    factor = 3
    return lambda x: factor * x


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (object(), "type object can't be sent"),
        ({1, 2}, "type set"),
        (b"bytes", "type bytes"),
        (np.array([object()]), "array of object"),
        (_closure(), "without variables from around it"),
        (double.__call__, "can't be sent"),
        (eval("lambda x: x"), "find|source"),
    ],
)
def test_what_can_not_be_sent_is_refused(value, text):
    with pytest.raises((TypeError, OSError), match=text):
        pack(value)
