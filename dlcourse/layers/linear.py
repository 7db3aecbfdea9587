"""Linear: every output is a weighted sum of all inputs, plus a bias."""

import math

import numpy as np

from dlcourse.backprop import Parameter, Tensor
from dlcourse.device import new_array
from dlcourse.layers.module import Module
from dlcourse.ops import linear


class Linear(Module):
    """y = x W + b.

    n_in    number of inputs, at least 1
    n_out   number of outputs, at least 1
    bias    False leaves b out
    seed    a whole number, or a numpy.random.Generator that several layers share
    gain    width of the start weights ~ N(0, gain² / n_in): √2 before ReLU, 1 before tanh

    Shape:   x (..., n_in) -> y (..., n_out)
    Raises:  ValueError if the last size of x is not n_in
    Source:  He et al. 2015, eq. 10 (gain √2); Glorot and Bengio 2010 for the reason
    """

    weight: Parameter  # (n_in, n_out); PyTorch stores the transpose
    bias: Parameter | None  # (n_out,)

    def __init__(
        self,
        n_in: int,
        n_out: int,
        bias: bool = True,
        *,
        seed: int | np.random.Generator,
        gain: float = math.sqrt(2),
    ) -> None:
        if n_in < 1 or n_out < 1:
            raise ValueError(f"Linear needs sizes of at least 1. Received: {n_in=}, {n_out=}")
        start = np.random.default_rng(seed).standard_normal((n_in, n_out)) * gain / math.sqrt(n_in)
        self.weight = Parameter(new_array(start), name="weight")
        self.bias = Parameter(new_array(np.zeros(n_out)), name="bias") if bias else None

    def forward(self, x: Tensor) -> Tensor:
        n_in = len(self.weight)
        if not x.shape or x.shape[-1] != n_in:
            raise ValueError(
                f"{self.summary()} expects {n_in} values in the last axis of its input. "
                f"Received: shape {tuple(x.shape)}"
            )
        return x @ self.weight if self.bias is None else linear(x, self.weight, self.bias)

    def summary(self) -> str:
        """For example "Linear(64, 10)"."""
        n_in, n_out = self.weight.shape
        return (
            f"Linear({n_in}, {n_out})"
            if self.bias is not None
            else f"Linear({n_in}, {n_out}, bias=False)"
        )
