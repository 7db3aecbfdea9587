"""The multilayer perceptron: rows of weighted sums with a bend between them.

One hidden layer bends a straight border into a curve; more of them bend it again. With such
networks Rumelhart, Hinton and Williams made backpropagation known in 1986, and many of the larger
networks in this folder contain one. Read `layers/linear.py` and `layers/activation.py` first.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from dlcourse.backprop import Tensor
from dlcourse.layers import GELU, Linear, Module, ReLU, Sequential


class MLP(Sequential):
    """Linear layers with an activation between them, and none after the last.

    h₁ = f(x W₁ + b₁),   h₂ = f(h₁ W₂ + b₂),   …,   y = h W + b

    sizes       how many numbers each layer has, inputs first and outputs last: (64, 32, 10) takes
                64 numbers, makes 32 of them, then 10. At least two sizes, each at least 1
    activation  the class that stands between the layers: ReLU, GELU, Tanh or Sigmoid
    seed        a whole number, or a numpy.random.Generator that several layers share

    All start weights have the gain that suits the activation, see start_gain.

    Shape:   x (..., sizes[0]) -> (..., sizes[-1])
    Raises:  ValueError if sizes are missing or below 1, or if the last size of x is not sizes[0];
             TypeError if the activation is not a class of layers
    Source:  Rumelhart, Hinton and Williams 1986
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: type[Module] = ReLU,
        *,
        seed: int | np.random.Generator,
    ) -> None:
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError(
                "MLP: sizes are at least two numbers, inputs first and outputs last, each at "
                f"least 1, such as (64, 32, 10). Received: {tuple(sizes)}"
            )
        gain, rng = start_gain(activation), np.random.default_rng(seed)
        layers: list[Module] = []
        for n_in, n_out in pairwise(sizes):
            layers += [Linear(n_in, n_out, seed=rng, gain=gain), activation()]
        super().__init__(*layers[:-1])
        self.n_in = sizes[0]

    def forward(self, x: Tensor) -> Tensor:
        shape = tuple(x.shape)
        if shape[-1:] != (self.n_in,):
            raise ValueError(
                f"MLP expects rows of {self.n_in} numbers, shape (N, {self.n_in}). "
                f"Received: {shape}. {_advice(shape, self.n_in)}"
            )
        return super().forward(x)


def start_gain(activation: type[Module]) -> float:
    """The gain of start weights that keeps numbers at one scale through this activation.

    √2 for ReLU and GELU, which lose about half of the mean square of what comes in; 1 else: Tanh
    and Sigmoid are nearly straight around 0.

    activation  a class of layers, such as Tanh
    Raises:     TypeError if it is something else, such as the layer Tanh() or the function tanh
    Source:     He et al. 2015, eq. 10 (ReLU); Glorot and Bengio 2010 (near-linear activations)
    """
    if not (isinstance(activation, type) and issubclass(activation, Module)):
        raise TypeError(
            "Expected the class of the activation, such as ReLU, without brackets. "
            f"Received: {activation!r}"
        )
    return math.sqrt(2) if issubclass(activation, ReLU | GELU) else 1.0


def _advice(shape: tuple[int, ...], n_in: int) -> str:
    """What to do about an input of a wrong shape."""
    if len(shape) > 2 and math.prod(shape[1:]) == n_in:
        return (
            "These are images that have not been flattened: take x.reshape(len(x), -1), or "
            "Sequential(Flatten(), model)."
        )
    return f"Arrange the data in such rows, or build the MLP with other sizes than {n_in}, … ."
