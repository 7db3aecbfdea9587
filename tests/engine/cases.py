"""The table of operations: each with its PyTorch twin, the shapes to try and the range of values.

A new public name in ops.py or nonlinear.py needs a row here; test_package.py says so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from dlcourse import ops
from dlcourse.device import asarray

PAIRS = (((3, 4), (3, 4)), ((3, 4), (4,)), ((2, 1, 4), (3, 1)), ((), (2, 3)), ((5,), ()))
ONE = (((3, 4),), ((),), ((2, 1, 5),))
INDEX = np.array([2, 0, 2, 1])
MASK = np.array([[True, False, True, True], [False, False, True, False], [True, True, False, True]])


@dataclass(frozen=True)
class Case:
    """One operation on one combination of shapes."""

    covers: str  # the public name
    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    draw: str = "normal"  # or "positive", or "apart": no two entries close, none near 0

    def __str__(self) -> str:
        return f"{self.covers}-{'-'.join('x'.join(map(str, s)) or 'number' for s in self.shapes)}"

    def values(self, seed: int) -> list[np.ndarray]:
        """Inputs in float64."""
        rng = np.random.default_rng(seed)
        return [_draw(self.draw, shape, rng) for shape in self.shapes]


def _draw(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if kind == "normal":
        return rng.normal(size=shape)
    if kind == "positive":
        return rng.uniform(0.5, 2, size=shape)
    size = int(np.prod(shape))
    steps = rng.permutation(np.arange(size) - size // 2) + rng.uniform(0.2, 0.8, size)
    return steps.reshape(shape) / 4


def cases(covers, ours, theirs, shapes, draw="normal") -> list[Case]:
    return [Case(covers, ours, theirs, s, draw) for s in shapes]


def torch_index(x: torch.Tensor, key: Any) -> torch.Tensor:
    return x[torch.as_tensor(key)]


MATRICES = (
    ((3, 4), (4, 2)),
    ((5, 3, 4), (4, 2)),
    ((2, 5, 3, 4), (4, 2)),
    ((5, 3, 4), (5, 4, 2)),
    ((3, 4), (5, 4, 2)),
    ((2, 1, 3, 4), (5, 4, 2)),
    ((4,), (4, 2)),
    ((3, 4), (4,)),
    ((4,), (4,)),
    ((5, 3, 4), (4,)),
)

CASES = [
    *cases("add", lambda x, y: x + y, torch.add, PAIRS),
    *cases("sub", lambda x, y: x - y, torch.sub, PAIRS),
    *cases("sub", lambda x: 2 - x, lambda x: 2 - x, ONE),
    *cases("mul", lambda x, y: x * y, torch.mul, PAIRS),
    *cases("mul", lambda x: x * x, lambda x: x * x, ONE),
    *cases("div", lambda x, y: x / y, torch.div, PAIRS, "positive"),
    *cases("div", lambda x: 3 / x, lambda x: 3 / x, ONE, "positive"),
    *cases("neg", lambda x: -x, torch.neg, ONE),
    *cases("power", lambda x, y: x**y, torch.pow, PAIRS, "positive"),
    *cases("power", lambda x: x**3, lambda x: x**3, ONE),
    *cases("power", lambda x: 2**x, lambda x: 2**x, ONE),
    *cases("matmul", lambda x, y: x @ y, torch.matmul, MATRICES),
    *cases(
        "linear",
        ops.linear,
        lambda x, w, b: torch.nn.functional.linear(x, w.T, b),
        [((3, 4), (4, 2), (2,)), ((5, 3, 4), (4, 2), (2,)), ((4,), (4, 2), (2,))],
    ),
    *cases("sum", lambda x: x.sum(), torch.sum, ONE),
    *cases("sum", lambda x: x.sum(1), lambda x: x.sum(1), [((3, 4),), ((2, 3, 4),)]),
    *cases("sum", lambda x: x.sum((0, -1), True), lambda x: x.sum((0, -1), True), [((2, 3, 4),)]),
    *cases("mean", lambda x: x.mean(), torch.mean, ONE),
    *cases("mean", lambda x: x.mean(axis=(0, 2)), lambda x: x.mean((0, 2)), [((2, 3, 4),)]),
    *cases("mean", lambda x: x.mean(-1, True), lambda x: x.mean(-1, True), [((2, 3, 4),)]),
    *cases("sigmoid", lambda x: x.sigmoid(), torch.sigmoid, ONE),
    *cases("tanh", lambda x: x.tanh(), torch.tanh, ONE),
    *cases("relu", lambda x: x.relu(), torch.relu, ONE, "apart"),
    *cases(
        "gelu",
        lambda x: x.gelu(),
        lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
        ONE,
    ),
    *cases("exp", lambda x: x.exp(), torch.exp, ONE),
    *cases("log", lambda x: x.log(), torch.log, ONE, "positive"),
    *cases("sqrt", lambda x: x.sqrt(), torch.sqrt, ONE, "positive"),
    *cases("abs", abs, torch.abs, ONE, "apart"),
    *cases("reshape", lambda x: x.reshape(2, -1), lambda x: x.reshape(2, -1), [((3, 4),), ((6,),)]),
    *cases("reshape", lambda x: x.reshape((12,)), lambda x: x.reshape(12), [((3, 4),)]),
    *cases("transpose", lambda x: x.T, lambda x: x.T, [((3, 4),)]),
    *cases("transpose", lambda x: x.transpose(0, 2), lambda x: x.transpose(0, 2), [((2, 3, 4),)]),
    *cases("permute", lambda x: x.permute(2, 0, 1), lambda x: x.permute(2, 0, 1), [((2, 3, 4),)]),
    *cases("getitem", lambda x: x[1], lambda x: x[1], [((3, 4),), ((4,),)]),
    *cases("getitem", lambda x: x[:, 1:3], lambda x: x[:, 1:3], [((3, 4),)]),
    *cases("getitem", lambda x: x[..., None, 2], lambda x: x[..., None, 2], [((3, 4),)]),
    *cases("getitem", lambda x: x[:2] * x[1:], lambda x: x[:2] * x[1:], [((3, 4),)]),
    *cases("getitem", lambda x: x[INDEX], lambda x: torch_index(x, INDEX), [((3, 4),), ((4,),)]),
    *cases("getitem", lambda x: x[:, INDEX], lambda x: x[:, torch.tensor(INDEX)], [((2, 3, 4),)]),
    *cases("getitem", lambda x: x[MASK], lambda x: torch_index(x, MASK), [((3, 4),)]),
    *cases(
        "getitem", lambda x: x[0] * x[1] + x[INDEX][1], lambda x: x[0] * x[1] + x[0], [((3, 4),)]
    ),
    *cases("concat", lambda *xs: ops.concat(xs), lambda *xs: torch.cat(xs), [((3, 4), (2, 4))]),
    *cases(
        "concat",
        lambda *xs: ops.concat(xs, axis=-1),
        lambda *xs: torch.cat(xs, -1),
        [((3, 1), (3, 2), (3, 4)), ((2, 3, 1), (2, 3, 2))],
    ),
    *cases("stack", lambda *xs: ops.stack(xs), lambda *xs: torch.stack(xs), [((3, 4), (3, 4))]),
    *cases(
        "stack",
        lambda *xs: ops.stack(xs, axis=1),
        lambda *xs: torch.stack(xs, 1),
        [((3, 4), (3, 4), (3, 4))],
    ),
    *cases("max", lambda x: x.max(), torch.max, ONE, "apart"),
    *cases(
        "max", lambda x: x.max(1), lambda x: torch.amax(x, 1), [((3, 4),), ((2, 3, 4),)], "apart"
    ),
    *cases(
        "max",
        lambda x: x.max((0, 2), True),
        lambda x: x.amax((0, 2), True),
        [((2, 3, 4),)],
        "apart",
    ),
    *cases("maximum", ops.maximum, torch.maximum, PAIRS, "normal"),
    *cases("maximum", lambda x: ops.maximum(x, 0.1), lambda x: x.clamp(min=0.1), ONE, "apart"),
    *cases(
        "where",
        lambda x, y: ops.where(asarray(MASK), x, y),
        lambda x, y: torch.where(torch.tensor(MASK), x, y),
        PAIRS[:2],
    ),
    *cases(
        "softmax",
        lambda x: x.softmax(),
        lambda x: x.softmax(-1),
        [((3, 4),), ((2, 3, 4),), ((4,),)],
    ),
    *cases("softmax", lambda x: x.softmax(0), lambda x: x.softmax(0), [((3, 4),)]),
    *cases(
        "log_softmax", lambda x: x.log_softmax(), lambda x: x.log_softmax(-1), [((3, 4),), ((4,),)]
    ),
    *cases("log_softmax", lambda x: x.log_softmax(1), lambda x: x.log_softmax(1), [((2, 3, 4),)]),
]
