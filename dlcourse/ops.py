"""The differentiable operations, in the order in which the course first needs them.

Each one is a function on arrays: the value first, then one derivative per input. A derivative
gets g = dLoss/dValue and returns dLoss/dInput. What broadcasting stretched is summed back in
backprop.py, so that no derivative here has to think of it.
Shapes: "(...)" is any shape. Elementwise operations broadcast as NumPy and PyTorch do.
Activations and softmax follow in nonlinear.py.
"""

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

from dlcourse.backprop import Tensor, op
from dlcourse.device import Array, namespace
from dlcourse.gradients import Part


# --- Arithmetic -------------------------------------------------------------------------------
@op
def add(x, y):
    """x + y.   dx = g,  dy = g"""
    return x + y, (lambda g: g, lambda g: g)


@op
def sub(x, y):
    """x - y.   dx = g,  dy = -g"""
    return x - y, (lambda g: g, lambda g: -g)


@op
def mul(x, y):
    """x * y, entry by entry.   dx = g y,  dy = g x"""
    return x * y, (lambda g: g * y, lambda g: g * x)


@op
def div(x, y):
    """x / y.   dx = g / y,  dy = -g x / y²"""
    return x / y, (lambda g: g / y, lambda g: -g * x / (y * y))


@op
def neg(x):
    """-x.   dx = -g"""
    return -x, lambda g: -g


@op
def power(x, y):
    """x to the power y; y is mostly a plain number.   dx = g y x^(y-1),  dy = g x^y log x

    The derivative for y needs x > 0.
    """
    value = x**y
    return value, (
        lambda g: g * (y * x ** (y - 1)),
        lambda g: g * value * (namespace(x).log(x) if hasattr(x, "shape") else math.log(x)),
    )


# --- Products, sums, shapes -------------------------------------------------------------------
@op
def matmul(x, y):
    """The matrix product x @ y.   dx = g yᵀ,  dy = xᵀ g

    Shape:   (..., n, k) @ (k, m) -> (..., n, m). A vector (k,) on the left is one row, on the
             right one column, and its axis is missing in the result. Stacks of matrices,
             (..., n, k) @ (..., k, m), are multiplied one by one.
    Raises:  ValueError if the inner sizes differ
    """
    _check_matmul("matmul", x, y)
    if x.ndim == y.ndim == 2 or y.ndim > 2:
        return x @ y, (lambda g: g @ y.mT, lambda g: x.mT @ g)
    return _product(x, y)  # with a vector, or a stack of matrices times one matrix


@op
def linear(x, weight, bias):
    """x W + b as one operation, quicker than two.   dx = g Wᵀ,  dW = xᵀ g,  db = g, row by row

    Shape:   x (..., k), weight (k, m), bias (m,) -> (..., m)
    Raises:  ValueError if the sizes k differ
    """
    _check_matmul("linear", x, weight)
    value, (dx, dweight) = _product(x, weight)
    value += bias
    return value, (dx, dweight, lambda g: g)


def _product(x: Array, y: Array) -> tuple[Array, Any]:
    """matmul for a matrix or vector y: all rows of x in one product, however many axes x has."""
    k = y.shape[0]
    rows, matrix = x.reshape(-1, k), y.reshape(k, -1)
    m = matrix.shape[1]
    return (rows @ matrix).reshape(x.shape[:-1] + y.shape[1:]), (
        lambda g: (g.reshape(-1, m) @ matrix.T).reshape(x.shape),
        lambda g: (rows.T @ g.reshape(-1, m)).reshape(y.shape),
    )


def _check_matmul(name: str, x: Any, y: Any) -> None:
    """Raise ValueError, with both shapes, unless rows of x and columns of y are equally long."""
    left, right = getattr(x, "shape", ()), getattr(y, "shape", ())
    if left and right and left[-1] == right[-2:][0] and (len(left) > 1 or len(right) < 3):
        return
    problem = f"{name}: {tuple(left)} @ {tuple(right)}: "
    if not left or not right:
        raise ValueError(problem + "a single number has no rows and columns. Use * instead.")
    inner = right[-2:][0]  # the size of a vector, or the rows of a matrix
    if left[-1] == inner:
        raise ValueError(problem + f"a vector times a stack. Reshape it to {(1, *left)} first.")
    flipped = "Transposed, the right one would fit. " if right[-1] == left[-1] else ""
    raise ValueError(
        f"{problem}the inner sizes {left[-1]} and {inner} differ. {flipped}"
        "The last size of the left one must equal the last but one of the right one."
    )


@op
def sum(x, axis=None, keepdims=False):
    """The sum over one axis, a tuple of axes, or all of them (None).   dx = g for each entry"""
    xp, axes = namespace(x), _axes(x, axis)
    value = xp.sum(x, axis=axes, keepdims=keepdims)
    return value, lambda g: xp.broadcast_to(_with_axes(g, x, axes), x.shape)


@op
def mean(x, axis=None, keepdims=False):
    """The mean over one axis, a tuple of axes, or all (None).   dx = g / n, where n are averaged"""
    xp, axes = namespace(x), _axes(x, axis)
    n = math.prod(x.shape[i] for i in axes)
    value = xp.mean(x, axis=axes, keepdims=keepdims)
    return value, lambda g: xp.broadcast_to(_with_axes(g / n, x, axes), x.shape)


def _axes(x: Array, axis: Any) -> tuple[int, ...]:
    """The axes to work on, counted from the left: None means all."""
    if axis is None:
        return tuple(range(x.ndim))
    axes = axis if isinstance(axis, tuple) else (axis,)
    for a in axes:
        if not -x.ndim <= a < x.ndim:
            raise ValueError(f"axis {a} does not exist: there are {x.ndim} axes, from 0")
    return tuple(a % x.ndim for a in axes)


def _with_axes(g: Array, x: Array, axes: tuple[int, ...]) -> Array:
    """g with size 1 where an axis of x was summed away, so that it broadcasts against x."""
    return g.reshape(tuple(1 if i in axes else n for i, n in enumerate(x.shape)))


# --- Functions of one number ------------------------------------------------------------------
@op
def exp(x):
    """y = e to the power x.   dx = g y"""
    y = namespace(x).exp(x)
    return y, lambda g: g * y


@op
def log(x):
    """The natural logarithm, for x > 0.   dx = g / x"""
    return namespace(x).log(x), lambda g: g / x


@op
def sqrt(x):
    """y = √x, for x > 0.   dx = g / (2 y)"""
    y = namespace(x).sqrt(x)
    return y, lambda g: g / (2 * y)


@op
def abs(x):
    """|x|.   dx = g sign(x)"""
    xp = namespace(x)
    return xp.abs(x), lambda g: g * xp.sign(x)


# --- The same numbers, arranged in another way ------------------------------------------------
@op
def reshape(x, *shape):
    """The same entries in another shape: reshape(x, 2, -1) or reshape(x, (2, -1)).

    One size may be -1: it is found from the others.   dx = g in the shape of x
    """
    new = shape[0] if isinstance(shape[0], tuple | list) else shape
    return x.reshape(tuple(new)), lambda g: g.reshape(x.shape)


@op
def transpose(x, axis1=-2, axis2=-1):
    """Two axes swapped; the last two unless told otherwise.   dx = g, swapped back"""
    xp = namespace(x)
    return xp.swapaxes(x, axis1, axis2), lambda g: xp.swapaxes(g, axis1, axis2)


@op
def permute(x, *axes):
    """The axes in a new order: permute(x, 2, 0, 1) or permute(x, (2, 0, 1)).   dx = g, put back"""
    order = _axes(x, tuple(axes[0]) if isinstance(axes[0], tuple | list) else axes)
    back = tuple(order.index(i) for i in range(x.ndim))
    xp = namespace(x)
    return xp.permute_dims(x, order), lambda g: xp.permute_dims(g, back)


@op
def getitem(x, key):
    """x[key]: rows, columns, slices, or the entries at integer arrays.   dx = g at key, else 0"""
    return x[key], lambda g: Part(key, g)


def concat(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """Tensors joined along an axis that exists: (2, 3) and (4, 3) -> (6, 3).   dxᵢ = its part of g

    Raises:  ValueError if the list is empty, or if the other sizes differ
    """
    if not len(tensors):
        raise ValueError("concat: expected at least one tensor. Received: an empty list")
    return _concat(*tensors, axis=axis)


@op
def _concat(*arrays, axis):
    sizes = [a.shape[axis] for a in arrays]
    ends = list(accumulate(sizes))

    def part(size: int, end: int) -> Callable[[Array], Array]:
        return lambda g: namespace(g).moveaxis(
            namespace(g).moveaxis(g, axis, 0)[end - size : end], 0, axis
        )

    value = namespace(*arrays).concat(arrays, axis=axis)
    return value, tuple(part(size, end) for size, end in zip(sizes, ends, strict=True))


def stack(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """Tensors of one shape along a new axis: three of (4,) -> (3, 4).   dxᵢ = g[i] on that axis

    Raises:  ValueError if the list is empty, or if the shapes differ
    """
    if not len(tensors):
        raise ValueError("stack: expected at least one tensor. Received: an empty list")
    return _stack(*tensors, axis=axis)


@op
def _stack(*arrays, axis):
    xp = namespace(*arrays)

    def part(i: int) -> Callable[[Array], Array]:
        return lambda g: xp.moveaxis(g, axis, 0)[i]

    return xp.stack(arrays, axis=axis), tuple(part(i) for i in range(len(arrays)))


# --- Choices ----------------------------------------------------------------------------------
@op
def max(x, axis=None, keepdims=False):
    """The largest entry over one axis, a tuple of axes, or all (None).

    dx = g at the largest entry; several equal ones share it in equal parts.
    """
    xp, axes = namespace(x), _axes(x, axis)
    top = xp.max(x, axis=axes, keepdims=True)

    def derivative(g: Array) -> Array:
        hits = xp.astype(x == top, x.dtype)
        return hits * (_with_axes(g, x, axes) / xp.sum(hits, axis=axes, keepdims=True))

    kept = tuple(n for i, n in enumerate(x.shape) if i not in axes)
    return top if keepdims else top.reshape(kept), derivative


@op
def maximum(x, y):
    """The larger of x and y, entry by entry.   dx = g where x is larger; equal ones share g"""
    xp = namespace(x, y)
    value = xp.where((x > y) | (x != x), x, y)  # x != x is true for NaN, which must not get lost
    return value, (
        lambda g: g * xp.where(x == y, 0.5, x > y),
        lambda g: g * xp.where(x == y, 0.5, x < y),
    )


@op
def where(condition, x, y):
    """x where the condition (booleans) holds, else y.   dx = g there,  dy = g elsewhere"""
    xp = namespace(x, y, condition)
    return xp.where(condition, x, y), (
        None,
        lambda g: xp.where(condition, g, 0),
        lambda g: xp.where(condition, 0, g),
    )
