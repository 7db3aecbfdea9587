"""Activations as layers, so that they can stand in a Sequential."""

from dlcourse.backprop import Tensor
from dlcourse.layers.module import Module


class ReLU(Module):
    """The larger of x and 0.   Shape: (...) -> (...).   Source: Nair and Hinton 2010"""

    def forward(self, x: Tensor) -> Tensor:
        return x.relu()


class GELU(Module):
    """A ReLU with a soft corner, see gelu.   Shape: (...) -> (...)"""

    def forward(self, x: Tensor) -> Tensor:
        return x.gelu()


class Tanh(Module):
    """tanh x, between -1 and 1.   Shape: (...) -> (...)"""

    def forward(self, x: Tensor) -> Tensor:
        return x.tanh()


class Sigmoid(Module):
    """1 / (1 + exp(-x)), between 0 and 1.   Shape: (...) -> (...)"""

    def forward(self, x: Tensor) -> Tensor:
        return x.sigmoid()
