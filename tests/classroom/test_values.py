"""Results become plain JSON data, hostile ones too, and equal results count as equal."""

import json
import math

import numpy as np
import pytest
import torch

from dlcourse.classroom.values import (
    MAX_NUMBERS,
    Tolerance,
    difference,
    differences,
    is_plain,
    plain,
    small,
)


class RaisingArray:
    def __array__(self, *args, **kwargs):
        raise RuntimeError("no array")


class RaisingFloat(float):
    def __float__(self):
        raise RuntimeError("no float")

    def __repr__(self):
        raise RuntimeError("no text")


class HugeText:
    def __repr__(self):
        return "x" * 10_000_000


class RaisingClass:
    @property
    def __class__(self):
        raise RuntimeError("no class")


class EndingArray:
    def __array__(self, *args, **kwargs):
        raise SystemExit


class EqualsAll:
    def __eq__(self, other):
        return True

    __hash__ = None


CIRCLE = [1.0]
CIRCLE.append(CIRCLE)
HOSTILE = [
    RaisingArray(),
    RaisingFloat(1.0),
    HugeText(),
    RaisingClass(),
    EndingArray(),
    EqualsAll(),
    CIRCLE,
    [CIRCLE] * 50,
    "\ud800",
    {"\ud800": "\0"},
    {RaisingFloat(2.0): 1},
    10**400,
    [10**400, 1],
    np.array([object()]),
    np.array(["a", "\ud800"]),
    np.zeros(0),
    [[]],
    {},
    object,
    lambda: 1,
    complex(1, 2),
    b"bytes",
    iter([1]),
    {1, 2},
    np.zeros(MAX_NUMBERS + 1),
    list(range(3 * 10**5)),
    [[[[[[[[[[1]]]]]]]]]],
    np.ma.masked_array([1, 2], mask=[0, 1]),
    float("nan"),
    type,
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_every_object_becomes_small_plain_json(number):
    data = plain(HOSTILE[number])
    text = json.dumps(data, allow_nan=False)
    text.encode("utf-8")
    assert is_plain(json.loads(text))
    assert len(small(data)) < 600
    assert difference(data, plain(np.arange(6.0).reshape(2, 3)), Tolerance()) is not None


@pytest.mark.parametrize(
    "value",
    [
        {"kind": "array"},
        {"kind": "array", "shape": [2], "dtype": "f", "values": [1.0]},
        {"kind": "array", "shape": [-1], "dtype": "f", "values": []},
        {"kind": "array", "shape": [1], "dtype": "f", "values": ["x"]},
        {"kind": "array", "shape": [True], "dtype": "f", "values": [1.0]},
        {"kind": "list", "items": [{}]},
        {"kind": "dict", "items": [["a"]]},
        {"kind": ["array"]},
        {"kind": "text", "value": 1},
        {"kind": "new"},
        [],
        None,
    ],
)
def test_data_of_another_form_is_not_plain(value):
    assert not is_plain(value)


GRID = np.arange(6.0).reshape(2, 3) / 7
EQUAL = [
    (GRID, GRID.tolist()),
    (GRID, tuple(map(tuple, GRID))),
    (GRID, list(GRID)),
    (GRID, GRID.astype(np.float32)),
    (GRID, torch.tensor(GRID, requires_grad=True)),
    (GRID, np.asfortranarray(GRID)),
    (2.0, np.float32(2)),
    (2.0, 2),
    (1, True),
    (3, np.array(3)),
    ([1, 2], np.array([1.0, 2.0])),
    ((GRID, GRID[0]), [GRID.tolist(), GRID[0]]),
    ((GRID, GRID), np.stack([GRID, GRID])),
    (np.stack([GRID, GRID]), (GRID, GRID.tolist())),
    ({"a": 1, "b": GRID}, {"b": GRID, "a": 1.0}),
    ("text", " text"),
    (None, None),
    (np.array([np.nan, np.inf]), [math.nan, math.inf]),
    (1e12, 1e12 * (1 + 1e-9)),
]


@pytest.mark.parametrize(("expected", "got"), EQUAL, ids=range(len(EQUAL)))
def test_equal_results_count_as_equal(expected, got):
    assert differences(plain(got), plain(expected), Tolerance()) == []


DIFFERENT = [
    (GRID, GRID.T, "shape"),
    (GRID[0], GRID[:1], "shape"),
    (1.0, [1.0], "shape"),
    (GRID, 1.0, "shape"),
    (GRID, GRID + 1e-3, "values"),
    (GRID, None, "type"),
    (GRID, "0.5", "type"),
    ((GRID, GRID[0]), GRID[0], "length"),
    ((GRID, GRID[0]), (GRID,), "length"),
    ({"a": 1}, {"b": 1}, "keys"),
    ({"a": 1}, [1], "type"),
    ("a", "b", "text"),
    (np.inf, -np.inf, "values"),
    (np.inf, 1e300, "values"),
    (1.0, np.nan, "values"),
    (np.nan, 1.0, "values"),
    (None, 0, "type"),
]


@pytest.mark.parametrize(("expected", "got", "kind"), DIFFERENT, ids=range(len(DIFFERENT)))
def test_different_results_differ_in_the_right_way(expected, got, kind):
    found = difference(plain(got), plain(expected), Tolerance())
    assert found is not None
    assert found.kind == kind


def test_coarse_number_types_get_a_coarser_tolerance():
    near = GRID + 3e-5
    assert difference(plain(near), plain(GRID), Tolerance()) is not None
    assert difference(plain(near.astype(np.float32)), plain(GRID), Tolerance()) is None


def test_whole_numbers_of_any_size_can_be_judged():
    for number in (2**62, 2**63, -(2**63) - 1, 174_604_259_328 * 300 * 10**9, 10**300):
        assert difference(plain(number), plain(float(number)), Tolerance()) is None
        assert difference(plain(number), plain(2.0 * number), Tolerance())
    assert plain(10**400)["kind"] == "unreadable"
