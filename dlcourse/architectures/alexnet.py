"""AlexNet: the network that won the ImageNet contest of 2012 by a wide margin.

Five convolutions and three fully connected layers: not much deeper than LeNet-5, but with a
thousand times as many parameters, and trained on 1.2 million photographs. Alex Krizhevsky, Ilya
Sutskever and Geoffrey Hinton combined ReLU, dropout, overlapping pooling, local response
normalisation and altered copies of the images. Read `lenet.py` and `layers/dropout.py` first.

`alexnet_plan` counts every layer from the settings without making one. `AlexNet` makes the layers
of the same plan. `SmallAlexNet` has the same ingredients in a size for small images and a CPU.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from dlcourse.architectures.mlp import start_gain
from dlcourse.backprop import Tensor, op
from dlcourse.device import Array, namespace
from dlcourse.layers import Conv2d, Dropout, Flatten, Linear, MaxPool2d, Module, ReLU, Sequential
from dlcourse.layers.windows import Pair, windows_on


# --- Local response normalisation -------------------------------------------------------------
class LocalResponseNorm(Module):
    """A channel that is strong at one place weakens its neighbours there.

    y_i = x_i / s_i^β   with   s_i = k + α Σ_j x_j²,   j from i - size // 2 to i + size // 2

    This is the paper's formula. PyTorch divides α by size: its alpha=5e-4 is 1e-4 here.

    size   how many channels meet, an odd number; at the edges there are fewer
    alpha  how strongly they weaken each other, 0 or more. Numbers around 1 hardly notice 1e-4: the
           layer then does little more than divide by 2^0.75
    beta   the exponent, 0 or more
    k      above 0, keeps the division safe

    Shape:   x (N, C) or (N, C, …) -> the same
    Raises:  ValueError if a setting or the shape does not fit
    Source:  Krizhevsky et al. 2012, section 3.3
    """

    def __init__(
        self, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0
    ) -> None:
        if size < 1 or size % 2 == 0 or min(alpha, beta) < 0 or not k > 0:
            raise ValueError(
                "LocalResponseNorm: size is an odd number, so that both sides have as many "
                "neighbours; alpha and beta are 0 or more, k above 0. "
                f"Received: {size=}, {alpha=}, {beta=}, {k=}"
            )
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: Tensor) -> Tensor:
        if len(x.shape) < 2:
            raise ValueError(
                "LocalResponseNorm expects an input (N, C) or (N, C, …). "
                f"Received: shape {tuple(x.shape)}"
            )
        return _local_response_norm(x, size=self.size, alpha=self.alpha, beta=self.beta, k=self.k)

    def summary(self) -> str:
        """For example "LocalResponseNorm(5)"."""
        return f"LocalResponseNorm({self.size})"


@op
def _local_response_norm(x, size, alpha, beta, k):
    """x_j stands in its own numerator, and in the s_i of all neighbours i:

    dx_j = g_j / s_j^β - 2 α β x_j Σ_i g_i y_i / s_i   over the same channels as in the formula
    """
    s = k + alpha * _sum_of_neighbours(x * x, size)
    shrink = s**-beta
    y = x * shrink

    def derivative(g: Array) -> Array:
        return g * shrink - (2 * alpha * beta) * x * _sum_of_neighbours(g * y / s, size)

    return y, derivative


def _sum_of_neighbours(x: Array, size: int) -> Array:
    """Each channel and the size // 2 channels on either side of it, added up."""
    total = namespace(x).copy(x)
    for step in range(1, size // 2 + 1):
        total[:, step:] += x[:, :-step]
        total[:, :-step] += x[:, step:]
    return total


# --- The settings -----------------------------------------------------------------------------
@dataclass(frozen=True)
class ConvSettings:
    """One convolution and what follows it. The defaults fit most of the five."""

    channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    groups: int = 1
    start_bias: float = 0.0  # where the weights start as in the paper
    normalized: bool = False  # local response normalisation after the activation
    pooled: bool = False  # max pooling at the end


@dataclass(frozen=True)
class AlexNetSettings:
    """All numbers of the network; the defaults are those of the paper.

    The groups come from its two graphics cards: the kernels of three layers saw only the maps on
    their own card. Raises TypeError if the activation is not a class of layers.
    """

    image: tuple[int, int, int] = (3, 227, 227)  # (C, H, W)
    convolutions: tuple[ConvSettings, ...] = (
        ConvSettings(96, 11, stride=4, normalized=True, pooled=True),
        ConvSettings(256, 5, padding=2, groups=2, start_bias=1.0, normalized=True, pooled=True),
        ConvSettings(384, 3, padding=1),
        ConvSettings(384, 3, padding=1, groups=2, start_bias=1.0),
        ConvSettings(256, 3, padding=1, groups=2, start_bias=1.0, pooled=True),
    )
    pool: tuple[int, int, int] = (3, 2, 0)  # kernel, stride, padding: windows overlap
    hidden: tuple[int, ...] = (4096, 4096)
    classes: int = 1000
    activation: type[Module] = ReLU
    dropout: float = 0.5
    paper_start: bool = True  # weights ~ N(0, 0.01²), some biases 1; False: as in He et al. 2015

    def __post_init__(self) -> None:
        start_gain(self.activation)  # raises TypeError unless it is a class of layers


PUBLISHED = AlexNetSettings()


# --- The plan ---------------------------------------------------------------------------------
class LayerPlan(NamedTuple):
    """One layer that has not been made yet."""

    name: str
    shape: tuple[int, ...]  # of its output, for one image
    parameters: int
    make: Callable[[np.random.Generator], Module]


def alexnet_plan(settings: AlexNetSettings = PUBLISHED) -> list[LayerPlan]:
    """Every layer in order: its name, the shape of its output, its number of parameters.

        for layer in alexnet_plan():
            print(layer.name, layer.shape, layer.parameters)

    No weights are made. A convolution has O (C / groups K K + 1) parameters, a fully connected
    layer n_out (n_in + 1).
    Raises:  ValueError if the settings do not fit each other
    """
    plan: list[LayerPlan] = []
    shape: tuple[int, ...] = settings.image
    for number, conv in enumerate(settings.convolutions, start=1):
        plan += _convolution(number, conv, shape, settings)
        shape = plan[-1].shape
    n = math.prod(shape)
    plan.append(LayerPlan("flatten", (n,), 0, lambda rng: Flatten()))
    for number, n_out in enumerate(settings.hidden, start=len(settings.convolutions) + 1):
        plan += _hidden(number, n, n_out, settings)
        n = n_out
    number = len(settings.convolutions) + len(settings.hidden) + 1
    plan.append(_fully_connected(number, n, settings.classes, settings, start_bias=0.0))
    return plan


def _convolution(
    number: int, conv: ConvSettings, shape: tuple[int, ...], settings: AlexNetSettings
) -> Iterator[LayerPlan]:
    """A convolution, its activation, then normalisation and pooling where the settings say so."""
    c, maps = shape[0], conv.channels
    if c % conv.groups or maps % conv.groups:
        raise ValueError(f"conv{number}: groups must divide {c} and {maps}. Received: {conv}")
    n_in = c // conv.groups * conv.kernel**2  # inputs that meet in one output

    def make(rng: np.random.Generator) -> Module:
        sizes, gain = (conv.kernel, conv.stride, conv.padding), _gain(n_in, settings)
        layer = Conv2d(c, maps, *sizes, groups=conv.groups, seed=rng, gain=gain)
        return _with_bias(layer, conv.start_bias, settings)

    name = f"conv{number}"
    image = _windows(name, shape, conv.kernel, conv.stride, conv.padding)
    yield LayerPlan(name, (maps, *image), maps * (n_in + 1), make)
    yield _activation(number, (maps, *image), settings)
    if conv.normalized:
        yield LayerPlan(f"norm{number}", (maps, *image), 0, lambda rng: LocalResponseNorm())
    if conv.pooled:
        pooled = _windows(f"pool{number}", (maps, *image), *settings.pool)
        yield LayerPlan(f"pool{number}", (maps, *pooled), 0, lambda rng: MaxPool2d(*settings.pool))


def _hidden(number: int, n_in: int, n_out: int, settings: AlexNetSettings) -> Iterator[LayerPlan]:
    """A hidden fully connected layer, its activation and dropout."""
    yield _fully_connected(number, n_in, n_out, settings, start_bias=1.0)
    yield _activation(number, (n_out,), settings)
    yield LayerPlan(f"drop{number}", (n_out,), 0, lambda rng: Dropout(settings.dropout, seed=rng))


def _fully_connected(
    number: int, n_in: int, n_out: int, settings: AlexNetSettings, start_bias: float
) -> LayerPlan:
    def make(rng: np.random.Generator) -> Module:
        layer = Linear(n_in, n_out, seed=rng, gain=_gain(n_in, settings))
        return _with_bias(layer, start_bias, settings)

    return LayerPlan(f"fc{number}", (n_out,), n_out * (n_in + 1), make)


def _activation(number: int, shape: tuple[int, ...], settings: AlexNetSettings) -> LayerPlan:
    name = f"{settings.activation.__name__.lower()}{number}"
    return LayerPlan(name, shape, 0, lambda rng: settings.activation())


def _windows(name: str, shape: tuple[int, ...], kernel: int, stride: int, padding: int) -> Pair:
    """Rows and columns of what a convolution or pooling makes from (C, H, W)."""
    sizes = ((n, n) for n in (kernel, stride, padding))
    return windows_on(name, (shape[1], shape[2]), *sizes).count


def _gain(n_in: int, settings: AlexNetSettings) -> float:
    """The layers start with N(0, gain² / n_in): this gain makes it N(0, 0.01²), as in the paper."""
    return 0.01 * math.sqrt(n_in) if settings.paper_start else start_gain(settings.activation)


def _with_bias(layer: Any, start_bias: float, settings: AlexNetSettings) -> Module:
    if settings.paper_start:
        layer.bias.data += start_bias
    return layer


# --- The networks -----------------------------------------------------------------------------
class AlexNet(Sequential):
    """The layers of alexnet_plan, made: 60,965,224 parameters with the settings of the paper.

    settings  an AlexNetSettings, such as AlexNetSettings(classes=10)
    seed      a whole number, or a numpy.random.Generator that several layers share

    The paper prints images of 224 x 224 pixels, but the 55 x 55 maps of its first layer need 227:
    (227 - 11) / 4 + 1 = 55. Two things differ from the paper: dropout scales in training, not
    afterwards (see dropout), and the network is not spread over two graphics cards.
    The weights take 244 MB in float32, and four times as much in training with Adam.

    Shape:   x (N, *settings.image) -> scores (N, settings.classes)
    Raises:  ValueError if a setting or the input does not fit
    Source:  Krizhevsky et al. 2012, sections 3.5, 4.2 and 5, and figure 2
    """

    def __init__(
        self, settings: AlexNetSettings = PUBLISHED, *, seed: int | np.random.Generator
    ) -> None:
        rng = np.random.default_rng(seed)
        super().__init__(*(layer.make(rng) for layer in alexnet_plan(settings)))
        self.settings = settings

    def forward(self, x: Tensor) -> Tensor:
        image = self.settings.image
        if tuple(x.shape[1:]) != image:
            raise ValueError(
                f"{type(self).__name__} expects images, shape (N, {', '.join(map(str, image))}). "
                f"Received: {tuple(x.shape)}. Cut or scale the images, or set `image` (`size` in "
                "SmallAlexNet) when you build the network."
            )
        return super().forward(x)


class SmallAlexNet(AlexNet):
    """AlexNet's ingredients for small images, small enough to train on a CPU in minutes.

    Four convolutions with pooling after the first, second and fourth, and two hidden layers. Each
    ingredient can be left out and nothing else changes: the shapes stay, and the same seed draws
    the same start weights.

    size         rows and columns of the images, a multiple of 8: each pooling halves them
    in_channels  1 for grey images, 3 for colours
    classes      number of outputs, at least 1
    width        channels of the first convolution; the others have 2, 3 and 2 times as many
    activation   ReLU, or Tanh without it (the start weights get the gain that suits it)
    normalized   True: local response normalisation after the first two convolutions
    overlapping  True: pooling windows of 3 x 3 overlap; False: of 2 x 2, edge to edge
    dropout      0.5, or 0 without it
    seed         a whole number, or a numpy.random.Generator that several layers share

    There are no groups, and the weights start as in He et al. 2015: with 0.01 the signal would
    fade in layers with so few inputs.

    Shape:   x (N, in_channels, size, size) -> scores (N, classes)
    Raises:  ValueError if a setting or the input does not fit; TypeError if the activation is not
             a class of layers
    Source:  Krizhevsky et al. 2012, sections 3 and 4.2 (the ingredients)
    """

    def __init__(
        self,
        size: int = 32,
        in_channels: int = 3,
        classes: int = 10,
        width: int = 16,
        *,
        activation: type[Module] = ReLU,
        normalized: bool = True,
        overlapping: bool = True,
        dropout: float = 0.5,
        seed: int | np.random.Generator,
    ) -> None:
        if size < 8 or size % 8 or min(in_channels, classes, width) < 1:
            raise ValueError(
                "SmallAlexNet: size is a multiple of 8, the others are at least 1. "
                f"Received: {size=}, {in_channels=}, {classes=}, {width=}"
            )
        settings = AlexNetSettings(
            image=(in_channels, size, size),
            convolutions=(
                ConvSettings(width, 5, padding=2, normalized=normalized, pooled=True),
                ConvSettings(2 * width, 5, padding=2, normalized=normalized, pooled=True),
                ConvSettings(3 * width, 3, padding=1),
                ConvSettings(2 * width, 3, padding=1, pooled=True),
            ),
            pool=(3, 2, 1) if overlapping else (2, 2, 0),  # both halve an even size
            hidden=(128, 128),
            classes=classes,
            activation=activation,
            dropout=dropout,
            paper_start=False,
        )
        super().__init__(settings, seed=seed)
