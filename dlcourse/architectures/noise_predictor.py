"""A dense network that finds the noise in a sample: the part of a diffusion model that learns.

It is told how much noise to expect, the time t, and if wanted the class. Large models for images
use convolutions and attention in its place (a U-Net); for points in the plane and for digits of
8 x 8 pixels dense layers are enough. Read `diffusion.py` first.
"""

import math
from typing import Any

import numpy as np

from dlcourse.architectures.generative import placed_like
from dlcourse.backprop import Tensor
from dlcourse.device import asarray, to_numpy
from dlcourse.layers import Embedding, LayerNorm, Linear, Module

# Start weights ~ N(0, 1 / (3 n_in)), as widely spread as PyTorch's own. At first the blocks change
# little and the answer is near 0; with larger ones learning takes far longer.
SMALL = 1 / math.sqrt(3)


def time_features(t: np.ndarray, size: int, base: float = 10000.0) -> np.ndarray:
    """sin and cos of t / base^(2k / size) for k = 0 … size/2 - 1: one number t as many waves.

    Shape:   t (n,) -> (n, size), float64; size is even
    Source:  Vaswani et al. 2017, section 3.5; Ho et al. 2020, appendix B
    """
    angles = np.outer(t, base ** (-np.arange(0, size, 2) / size))
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


class NoisePredictor(Module):
    """ε̂ = network(x_t, t, label): dense layers with a way around them, told the time t.

    h = x W + b, then in each block h ← h + MLP(norm(h + c)), where c is a weighted sum of the waves
    of t plus a learned row for the label. At the end ε̂ = h W' + b'.

    size     numbers in a sample, at least 1
    hidden   width of the layers, at least 1
    blocks   how many of them, at least 1
    classes  0, or the number of classes. There is one row more, for "no label"
    waves    features of the time t, even
    seed     a whole number, or a numpy.random.Generator that several layers share

    Shape:   x (n, size), t (n,) of whole numbers 1 … T, labels (n,) from 0 to classes (the last one
             means "no label"), or None without classes -> ε̂ (n, size)
    Raises:  ValueError if a setting or the input does not fit
    Source:  He et al. 2016 (ways around); Ho et al. 2020, appendix B (the time in every block)
    """

    def __init__(
        self,
        size: int,
        hidden: int = 128,
        blocks: int = 3,
        classes: int = 0,
        waves: int = 64,
        *,
        seed: int | np.random.Generator,
    ) -> None:
        if blocks < 1 or waves < 2 or waves % 2:
            raise ValueError(
                "NoisePredictor: expected at least one block, and an even number of waves. "
                f"Received: {blocks=}, {waves=}"
            )
        rng = np.random.default_rng(seed)
        self.shape, self.classes, self.waves = (size,), classes, waves
        self.entrance = Linear(size, hidden, seed=rng, gain=SMALL)
        self.time = Linear(waves, hidden, seed=rng, gain=SMALL)
        self.label = Embedding(classes + 1, hidden, seed=rng, gain=0.02) if classes else None
        self.blocks = [_Block(hidden, seed=rng) for _ in range(blocks)]
        self.exit = Linear(hidden, size, seed=rng, gain=SMALL)

    def forward(self, x: Tensor, t: Any, labels: Any = None) -> Tensor:
        if (labels is None) != (self.label is None):
            raise ValueError(
                f"NoisePredictor: built for {self.classes} classes. Received: {labels=}. With "
                "classes each sample needs a label, without classes it has none (None)."
            )
        features = time_features(to_numpy(asarray(t)), self.waves)
        condition = self.time(Tensor.wrap(placed_like(features, self.time.weight)))
        if self.label is not None:
            condition = condition + self.label(labels)
        h = self.entrance(x)
        for block in self.blocks:
            h = block(h, condition)
        return self.exit(h)


class _Block(Module):
    """h + MLP(norm(h + condition)), twice as wide inside.   Shape: (n, hidden) -> the same"""

    def __init__(self, hidden: int, *, seed: np.random.Generator) -> None:
        self.norm = LayerNorm(hidden)
        self.widen = Linear(hidden, 2 * hidden, seed=seed, gain=SMALL)
        self.narrow = Linear(2 * hidden, hidden, seed=seed, gain=SMALL)

    def forward(self, h: Tensor, condition: Tensor) -> Tensor:
        return h + self.narrow(self.widen(self.norm(h + condition)).gelu())
