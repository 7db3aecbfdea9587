"""Dropout: in training some numbers become 0 by chance, so that no unit can rely on one other."""

from typing import Any

import numpy as np

from dlcourse.backprop import Tensor, op
from dlcourse.device import namespace
from dlcourse.layers.module import Module


def dropout(
    x: Any, p: float = 0.5, training: bool = True, *, seed: int | np.random.Generator
) -> Tensor:
    """y = x m / (1 - p), with m = 0 with probability p, else 1.   dx = g m / (1 - p)

    Dividing by 1 - p already in training ("inverted" dropout) keeps the expected value, so that
    nothing needs to be changed later. Outside training y = x.

    p     the share of zeros, 0 … below 1; often 0.1 … 0.5
    seed  a whole number, or a numpy.random.Generator that goes on from call to call. The zeros
          are drawn on the CPU: the same seed gives the same ones on every device.

    Shape:   (...) -> (...)
    Raises:  ValueError if p lies outside 0 … below 1
    Source:  Srivastava et al. 2014
    """
    _check_share(p)
    if not training or p == 0:
        return x if isinstance(x, Tensor) else Tensor(x)
    keep = np.random.default_rng(seed).random(tuple(x.shape), dtype="float32") >= p
    return _dropout(x, keep=keep, p=p)


@op
def _dropout(x, keep, p):
    """y = x m, with m = 0 or 1 / (1 - p).   dx = g m"""
    m = namespace(x).asarray(keep / (1 - p), dtype=x.dtype, device=x.device)
    return x * m, lambda g: g * m


def _check_share(p: float) -> None:
    if not 0 <= p < 1:
        raise ValueError(f"Dropout: p is the share of zeros, 0 … below 1. Received: {p=}")


class Dropout(Module):
    """dropout while training; after eval() the input comes out unchanged.

    p     the share of zeros, 0 … below 1
    seed  a whole number, or a numpy.random.Generator that several layers share

    Shape:   (...) -> (...)
    Raises:  ValueError if p lies outside 0 … below 1
    Source:  Srivastava et al. 2014
    """

    def __init__(self, p: float = 0.5, *, seed: int | np.random.Generator) -> None:
        _check_share(p)
        self.p, self.rng = p, np.random.default_rng(seed)

    def forward(self, x: Tensor) -> Tensor:
        return dropout(x, self.p, self.training, seed=self.rng)

    def summary(self) -> str:
        """For example "Dropout(0.5)"."""
        return f"Dropout({self.p})"
