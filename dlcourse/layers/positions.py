"""Positions: attention alone does not see the order of its inputs; these layers put it in.

Three ways: fixed waves that are added, a learned table that is added, and a rotation of queries
and keys, after which their product depends on the distance between two positions only.
"""

import numpy as np

from dlcourse.backprop import Parameter, Tensor, op
from dlcourse.device import Array, namespace, new_array
from dlcourse.layers.module import Module


def position_angles(length: int, size: int, base: float = 10000.0) -> np.ndarray:
    """angle(t, k) = t / base^(2k / size): quick waves first, then slower and slower ones.

    length   number of positions t = 0, 1, 2, …
    size     number of features, even; two of them share the angle k = 0 … size/2 - 1
    base     above 1; the slowest wave has a period of nearly 2π base positions
    Shape:   -> (length, size / 2), float64, in radians
    Raises:  ValueError if the size is odd or a number is too small
    Source:  Vaswani et al. 2017, section 3.5
    """
    if length < 1 or size < 2 or size % 2 or not base > 1:
        raise ValueError(
            "position_angles: expected length of at least 1, an even size of at least 2, and base "
            f"above 1. Received: {length=}, {size=}, {base=}"
        )
    waves = base ** (-np.arange(0, size, 2) / size)
    return np.arange(length)[:, None] * waves


class SinusoidalPositions(Module):
    """x + table, where feature 2k of position t is sin(angle), and feature 2k + 1 is cos(angle).

    length, size   the longest sequence and its number of features (even)
    Shape:   x (..., time, size) -> the same; start: the position of the first row of x
    Raises:  ValueError if x reaches beyond the table or has another size
    Source:  Vaswani et al. 2017, section 3.5, with the angles of position_angles
    """

    def __init__(self, length: int, size: int) -> None:
        angles = position_angles(length, size)
        waves = np.stack([np.sin(angles), np.cos(angles)], axis=-1)  # (length, size / 2, 2)
        self.table = Tensor(new_array(waves.reshape(length, size)), name="table")

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        return x + _rows(self, self.table, x, start)

    def summary(self) -> str:
        """For example "SinusoidalPositions(64, 128)"."""
        return f"{type(self).__name__}{self.table.shape}"


class LearnedPositions(Module):
    """x + table, where the table of all positions is learned.

    length, size   the longest sequence and its number of features, at least 1
    seed           a whole number, or a numpy.random.Generator that several layers share
    std            spread of the start values ~ N(0, std²)
    Shape:   x (..., time, size) -> the same; start: the position of the first row of x
    Raises:  ValueError if x reaches beyond the table or has another size
    Source:  Gehring et al. 2017; Radford et al. 2018 (std 0.02)
    """

    table: Parameter  # (length, size)

    def __init__(
        self, length: int, size: int, *, seed: int | np.random.Generator, std: float = 0.02
    ) -> None:
        if length < 1 or size < 1:
            raise ValueError(
                f"LearnedPositions needs sizes of at least 1. Received: {length=}, {size=}"
            )
        start = np.random.default_rng(seed).standard_normal((length, size)) * std
        self.table = Parameter(new_array(start), name="table")

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        return x + _rows(self, self.table, x, start)

    def summary(self) -> str:
        """For example "LearnedPositions(64, 128)"."""
        return f"{type(self).__name__}{self.table.shape}"


class RotaryPositions(Module):
    """Each pair of features (2k, 2k + 1) is turned by the angle(t, k) of its position t.

    The product of a turned query and a turned key depends on the distance of their positions
    only. It is for queries and keys, inside MultiHeadAttention: size is that of one head.

    length, size   the longest sequence and the features of one head (even)
    base           see position_angles
    Shape:   x (..., time, size) -> the same; start: the position of the first row of x
    Raises:  ValueError if x reaches beyond the table or has another size
    Source:  Su et al. 2021, eq. 34
    """

    def __init__(self, length: int, size: int, base: float = 10000.0) -> None:
        angles = position_angles(length, size, base)
        self.cos = Tensor(new_array(np.cos(angles)), name="cos")  # (length, size / 2)
        self.sin = Tensor(new_array(np.sin(angles)), name="sin")

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        cos = _rows(self, self.cos, x, start, features=2)
        sin = _rows(self, self.sin, x, start, features=2)
        return rotate_pairs(x, cos=cos.data, sin=sin.data)

    def summary(self) -> str:
        """For example "RotaryPositions(64, 32)"."""
        length, half = self.cos.shape
        return f"RotaryPositions({length}, {2 * half})"


@op
def rotate_pairs(x, cos, sin):
    """Turn each pair of neighbours (a, b) of the last axis:  (a cos - b sin, a sin + b cos).

    dx = g turned back: a rotation is undone by the opposite angle, and that is its transpose.
    Shape:   x (..., time, size), cos and sin (time, size / 2), plain arrays -> as x
    """
    return _turned(x, cos, sin), lambda g: _turned(g, cos, -sin)


def _turned(x: Array, cos: Array, sin: Array) -> Array:
    a, b = x[..., 0::2], x[..., 1::2]
    pairs = namespace(x).stack([a * cos - b * sin, a * sin + b * cos], axis=-1)
    return pairs.reshape(x.shape)


def _rows(layer: Module, table: Tensor, x: Tensor, start: int, features: int = 1) -> Tensor:
    """The table's rows for the positions of x; features: how many share one column."""
    length, size = table.shape[0], table.shape[1] * features
    if len(x.shape) < 2 or x.shape[-1] != size:
        raise ValueError(
            f"{layer.summary()} expects an input of shape (..., time, {size}). "
            f"Received: {tuple(x.shape)}"
        )
    end = start + x.shape[-2]
    if start < 0 or end > length:
        raise ValueError(
            f"{layer.summary()} knows the positions 0 to {length - 1}. Received: {start} to "
            f"{end - 1}. Shorten the sequence, or build the layer with a larger length."
        )
    return table[start:end]
