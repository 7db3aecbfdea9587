"""DCGAN: a generator and a discriminator for images, made of convolutions.

The generator starts with small maps of features and doubles their size layer by layer until there
is an image; the discriminator halves an image layer by layer until there is one number. Alec
Radford, Luke Metz and Soumith Chintala published it in 2015 (conference 2016), with
strides instead of pooling, batch norm, and a leaky ReLU in the discriminator.
Read `gan.py`, `layers/conv_transpose.py` and `layers/norm.py` first.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from dlcourse.architectures.gan import LeakyReLU, with_labels
from dlcourse.architectures.generative import checked_labels, one_hot
from dlcourse.backprop import Tensor
from dlcourse.device import namespace
from dlcourse.layers import (
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    Flatten,
    Linear,
    Module,
    ReLU,
    Sequential,
    Tanh,
)
from dlcourse.ops import concat


class ConvGenerator(Module):
    """Noise in, images out: maps of features, doubled in size once for each entry of channels.

    noise_size  numbers of noise, at least 1
    size        rows and columns of the images. Two entries of channels need a multiple of 4, such
                as 8, 16 or 28; k entries a multiple of 2 to the power k
    channels    numbers of maps before each doubling, (64, 32) for example
    image_channels   1 for grey images, 3 for colours
    output      the class of the layer at the end: Tanh for pixels in -1 … 1, Sigmoid for 0 … 1
    classes, seed    as in Generator

    Shape:   noise (n, noise_size), labels (n,) or None -> images (n, image_channels, size, size)
    Raises:  ValueError if sizes or labels do not fit
    Source:  Radford et al. 2016, section 3 and figure 1
    """

    def __init__(
        self,
        noise_size: int = 32,
        size: int = 28,
        channels: Sequence[int] = (64, 32),
        image_channels: int = 1,
        output: type[Module] = Tanh,
        classes: int = 0,
        *,
        seed: int | np.random.Generator,
    ) -> None:
        rng, smallest = np.random.default_rng(seed), _smallest("ConvGenerator", size, channels)
        self.noise_size, self.classes = noise_size, classes
        self.maps = (channels[0], smallest, smallest)
        # No bias before a batch norm, which takes every constant away.
        self.project = Linear(noise_size + classes, math.prod(self.maps), bias=False, seed=rng)
        layers: list[Module] = []
        for i, width in enumerate(channels):
            last = i == len(channels) - 1
            grown = image_channels if last else channels[i + 1]
            layers += [BatchNorm2d(width), ReLU()]
            layers += [ConvTranspose2d(width, grown, 4, 2, 1, bias=last, seed=rng)]
        self.layers = Sequential(*layers, output())

    def forward(self, noise: Tensor, labels: Any = None) -> Tensor:
        maps = self.project(with_labels(noise, labels, self.classes))
        return self.layers(maps.reshape(-1, *self.maps))


class ConvDiscriminator(Module):
    """Images in, one logit each out: maps halved in size once for each entry of channels.

    size, image_channels, classes, seed   as in ConvGenerator. With classes, each image gets so
                many further channels: all ones for its class, all zeros for the others
    channels    numbers of maps after each halving, (32, 64) for example

    Shape:   images (n, image_channels, size, size), labels (n,) or None -> logits (n,)
    Raises:  ValueError if sizes, images or labels do not fit
    Source:  Radford et al. 2016, section 3
    """

    def __init__(
        self,
        size: int = 28,
        channels: Sequence[int] = (32, 64),
        image_channels: int = 1,
        classes: int = 0,
        *,
        seed: int | np.random.Generator,
    ) -> None:
        rng, smallest = np.random.default_rng(seed), _smallest("ConvDiscriminator", size, channels)
        self.classes, self.image = classes, (image_channels, size, size)
        layers: list[Module] = [
            Conv2d(image_channels + classes, channels[0], 4, 2, 1, seed=rng),
            LeakyReLU(),  # the first layer has no batch norm: it must see the images as they are
        ]
        for width, more in pairwise(channels):
            layers += [Conv2d(width, more, 4, 2, 1, bias=False, seed=rng)]
            layers += [BatchNorm2d(more), LeakyReLU()]
        layers += [Flatten(), Linear(channels[-1] * smallest**2, 1, seed=rng, gain=1.0)]
        self.layers = Sequential(*layers)

    def forward(self, x: Tensor, labels: Any = None) -> Tensor:
        if tuple(x.shape[1:]) != self.image:
            raise ValueError(
                f"ConvDiscriminator expects images of shape (N, {', '.join(map(str, self.image))})."
                f" Received: {tuple(x.shape)}. Rows of pixels become images by "
                f"x.reshape{(-1, *self.image)}."
            )
        return self.layers(_with_planes(x, labels, self.classes)).reshape(-1)


def _with_planes(images: Tensor, labels: Any, classes: int) -> Tensor:
    """Images with one further channel for each class: ones for their own, else zeros."""
    labels = checked_labels(labels, classes, len(images))
    if labels is None:
        return images
    ones = namespace(images.data).ones_like(images.data[:, :1])  # (n, 1, H, W)
    planes = one_hot(labels, classes, images).reshape(-1, classes, 1, 1) * ones
    return concat([images, planes], axis=1)  # (n, C + classes, H, W)


def _smallest(name: str, size: int, channels: Sequence[int]) -> int:
    """Rows of the smallest maps; ValueError if the image cannot be halved so often."""
    factor = 2 ** len(channels)
    if not channels or size < factor or size % factor:
        raise ValueError(
            f"{name}: each entry of channels halves the image. With {len(channels)} of them, at "
            f"least one, size is a multiple of {factor}. Received: {size=}, {channels=}"
        )
    return size // factor
