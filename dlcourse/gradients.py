"""Gradients as plain arrays: brought into the shape of their input, and added up.

backprop.py uses these helpers, so that no single operation has to think of them.
"""

import math
from dataclasses import dataclass
from typing import Any

from dlcourse.device import Array, namespace


def unbroadcast(g: Array, shape: tuple[int, ...]) -> Array:
    """Sum g over the axes that broadcasting stretched: the gradient for an input of this shape.

    Shape:   g (..., a, b) -> shape. An input used many times gets the sum of its gradients.
    Raises:  ValueError if no broadcasting leads from shape to the shape of g
    """
    extra = g.ndim - len(shape)
    if extra < 0 or any(n not in (1, m) for n, m in zip(shape, g.shape[extra:], strict=True)):
        raise ValueError(f"a gradient of shape {tuple(g.shape)} for an input of shape {shape}")
    xp = namespace(g)
    if extra:  # ones @ rows is the sum of all rows, quicker than sum()
        n = math.prod(g.shape[:extra])
        ones = xp.ones(n, dtype=g.dtype, device=g.device)
        g = (ones @ g.reshape(n, -1)).reshape(g.shape[extra:])
    stretched = tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1)
    return xp.sum(g, axis=stretched, keepdims=True) if stretched else g


def as_array(value: Array, dtype: Any) -> Array:
    """The value as an array of this dtype: with no axis left, NumPy gives a bare number instead."""
    if value.ndim == 0:
        value = namespace(value).asarray(value)
    return value if value.dtype == dtype else namespace(value).astype(value, dtype)


@dataclass(frozen=True)
class Part:
    """A gradient that is zero except at [key]: what indexing sends back, without the zeros."""

    key: Any
    values: Array

    def add_to(self, array: Array, is_zero: bool) -> None:
        """array[key] += values; with index arrays, one position may come more than once."""
        keys = self.key if isinstance(self.key, tuple) else (self.key,)
        if all(k is None or k is Ellipsis or isinstance(k, int | slice) for k in keys):
            if is_zero:
                array[self.key] = self.values
            else:
                array[self.key] += self.values
        else:
            namespace(array).add_at(array, self.key, self.values)


def fitted(dx: Any, x: Array, name: str) -> Any:
    """What a derivative returned, in the shape and dtype of its input x; name: the operation."""
    if isinstance(dx, Part):
        return dx
    if not hasattr(dx, "shape"):
        raise TypeError(f"{name}: a derivative returned {type(dx).__name__}, expected an array.")
    if dx.shape != x.shape:
        try:
            dx = unbroadcast(dx, tuple(x.shape))
        except ValueError as error:
            raise ValueError(f"{name}: a derivative returned {error}.") from None
    return as_array(dx, x.dtype)


class GradientSum:
    """The gradient of one tensor: what arrives from all its uses, added up."""

    __slots__ = ("array", "is_ours")

    def __init__(self) -> None:
        self.array: Array = None
        self.is_ours = False  # True: no one else holds this array, so it may change in place

    def add(self, dx: Any, x: Array) -> None:
        """Add one gradient for the input x."""
        if isinstance(dx, Part):
            xp = namespace(x)
            is_new = self.array is None
            if not self.is_ours:
                self.array = xp.zeros_like(x) if is_new else xp.copy(self.array)
            dx.add_to(self.array, is_zero=is_new)
            self.is_ours = True
        elif self.array is None:
            self.array = dx
        elif self.is_ours:
            self.array += dx
        else:
            self.array, self.is_ours = self.array + dx, True
