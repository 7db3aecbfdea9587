"""Convolution: one small set of weights slides over an image and looks for the same thing anywhere.

Read `conv2d_plain` first: it is the definition, window by window. `conv2d` gives the same numbers
with one matrix product per row of windows, much quicker.

Shapes:  N images in the batch, C channels, H rows, W columns; sequences have C channels, length L.
Source:  Fukushima 1980; LeCun et al. 1989 (trained by backpropagation); Dumoulin and Visin 2016
         (sizes)
"""

import math
from typing import Any

import numpy as np

from dlcourse.backprop import Parameter, Tensor, op
from dlcourse.device import new_array
from dlcourse.layers.module import Module
from dlcourse.layers.windows import (
    Pair,
    Windows,
    add_to_windows,
    as_images,
    as_rows,
    check_weights,
    multiply_windows,
    numbers,
    weight_gradient,
    windows_on,
)
from dlcourse.ops import reshape, stack

Sizes = int | tuple[int, ...]  # one number for all axes, or one per axis


def conv2d_plain(x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1) -> Tensor:
    """The definition of conv2d, without padding and groups, for reading and for checking.

    y[n, o, i, j] = bias[o] + Σ_c Σ_a Σ_b weight[o, c, a, b] x[n, c, stride i + a, stride j + b]

    Shape:   x (N, C, H, W), weight (O, C, KH, KW), bias (O,) -> (N, O, OH, OW)
    """
    (n, _, h, w), (o, _, kh, kw) = x.shape, weight.shape
    matrix = weight.reshape(o, -1).T  # (C KH KW, O)
    rows = []
    for i in range(0, h - kh + 1, stride):
        windows = [x[:, :, i : i + kh, j : j + kw] for j in range(0, w - kw + 1, stride)]
        rows.append(stack([window.reshape(n, -1) @ matrix for window in windows], axis=2))
    y = stack(rows, axis=2)  # (N, O, OH, OW)
    return y if bias is None else y + bias.reshape(o, 1, 1)


# --- The operations ---------------------------------------------------------------------------
def conv2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    *,
    groups: int = 1,
) -> Tensor:
    """Slide the kernels over the images; each gives one output channel.

    y[n, o, i, j] = bias[o] + Σ_c Σ_a Σ_b weight[o, c, a, b] x[n, c, stride i + a, stride j + b]

    stride   step from window to window, at least 1: one number, or (rows, columns)
    padding  zeros around the image, at least 0: one number, or (rows, columns)
    groups   input and output channels are split into so many groups that don't see each other

    Shape:   x (N, C, H, W), weight (O, C / groups, KH, KW), bias (O,) or None -> (N, O, OH, OW)
             with OH = (H + 2 padding - KH) // stride + 1, and OW likewise
    Raises:  ValueError if the shapes or settings do not fit
    Source:  LeCun et al. 1989; Krizhevsky et al. 2012 (groups)
    """
    windows = _fit("conv2d", x, weight, bias, stride, padding, groups, axes=2)
    return _conv2d(x, weight, bias, windows=windows, groups=groups)


@op
def _conv2d(x, weight, bias, windows, groups):
    """Each window becomes a column; then the convolution is a matrix product, row by row.

    y = W columns,   dcolumns = Wᵀ g,   dW = Σ_rows columns gᵀ (transposed),   dbias = Σ g
    """
    n, matrix = x.shape[0], weight.reshape(groups, weight.shape[0] // groups, -1)
    padded = windows.pad(x)
    y = multiply_windows(matrix, padded, windows)  # (OH, groups, O/groups, OW N)
    if bias is not None:
        y += bias.reshape(groups, -1, 1)
    return as_images(y, n), (
        lambda g: add_to_windows(matrix, as_rows(g, groups), windows, n),
        lambda g: weight_gradient(padded, as_rows(g, groups), windows).reshape(weight.shape),
        lambda g: g.sum(axis=(0, 2, 3)),
    )


def conv1d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    *,
    groups: int = 1,
) -> Tensor:
    """conv2d for sequences: images with one row.

    y[n, o, i] = bias[o] + Σ_c Σ_a weight[o, c, a] x[n, c, stride i + a]

    Shape:   x (N, C, L), weight (O, C / groups, K), bias (O,) or None -> (N, O, OL)
             with OL = (L + 2 padding - K) // stride + 1
    Raises:  ValueError if the shapes or settings do not fit
    Source:  Waibel et al. 1989 (time-delay networks)
    """
    windows = _fit("conv1d", x, weight, bias, stride, padding, groups, axes=1)
    y = _conv2d(one_row(x), one_row(weight), bias, windows=windows, groups=groups)
    return no_rows(y)


# --- What the operations share ----------------------------------------------------------------
def one_row(x: Any) -> Tensor:
    """(N, C, L) -> (N, C, 1, L)."""
    return reshape(x, *x.shape[:2], 1, x.shape[2])


def no_rows(y: Tensor) -> Tensor:
    """(N, C, 1, L) -> (N, C, L)."""
    n, c, _, length = y.shape
    return y.reshape(n, c, length)


def pair(sizes: tuple[int, ...], along: int) -> Pair:
    """Sizes as (rows, columns); a sequence is an image with one row, `along` it."""
    return (along, sizes[0]) if len(sizes) == 1 else (sizes[0], sizes[1])


def _fit(
    name: str, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, groups: int, axes: int
) -> Windows:
    """The windows on the input of a convolution; ValueError if something does not fit."""
    check_weights(name, x, weight, bias, groups, axes)
    steps = pair(numbers(name, "stride", stride, axes, least=1), 1)
    frame = pair(numbers(name, "padding", padding, axes, least=0), 0)
    return windows_on(name, pair(x.shape[2:], 1), pair(weight.shape[2:], 1), steps, frame)


# --- The layers -------------------------------------------------------------------------------
class ConvLayer(Module):
    """What the convolution layers share: settings, start weights and their description."""

    axes, transposed = 2, False
    weight: Parameter
    bias: Parameter | None  # (out_channels,)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        *,
        groups: int = 1,
        bias: bool = True,
        seed: int | np.random.Generator,
        gain: float = math.sqrt(2),
    ) -> None:
        name = type(self).__name__
        if (
            min(in_channels, out_channels, groups) < 1
            or in_channels % groups
            or out_channels % groups
        ):
            raise ValueError(
                f"{name}: channels are at least 1 and multiples of groups. "
                f"Received: {in_channels=}, {out_channels=}, {groups=}"
            )
        kernel = numbers(name, "kernel_size", kernel_size, self.axes, least=1)
        self.stride = numbers(name, "stride", stride, self.axes, least=1)
        self.padding = numbers(name, "padding", padding, self.axes, least=0)
        self.groups = groups
        n_in = in_channels // groups * math.prod(kernel)  # inputs that meet in one output
        first, second = out_channels, in_channels // groups
        if self.transposed:  # the windows overlap: an output gets 1 / stride of the kernel
            n_in = max(1, n_in // math.prod(self.stride))
            first, second = in_channels, out_channels // groups
        start = np.random.default_rng(seed).standard_normal((first, second, *kernel))
        self.weight = Parameter(new_array(start * (gain / math.sqrt(n_in))), name="weight")
        self.bias = Parameter(new_array(np.zeros(out_channels)), name="bias") if bias else None

    def summary(self) -> str:
        """For example "Conv2d(1, 6, kernel_size=(5, 5), padding=(2, 2))"."""
        (first, second), groups = self.weight.shape[:2], self.groups
        channels = (first, second * groups) if self.transposed else (second * groups, first)
        text = f"{type(self).__name__}({channels[0]}, {channels[1]}"
        text += f", kernel_size={self.weight.shape[2:]}"
        for setting, usual in (("stride", 1), ("padding", 0), ("output_padding", 0)):
            value = getattr(self, setting, ())
            text += f", {setting}={value}" if any(v != usual for v in value) else ""
        text += f", groups={groups}" if groups > 1 else ""
        return text + (")" if self.bias is not None else ", bias=False)")


class Conv2d(ConvLayer):
    """The same kernels everywhere on an image; see conv2d.

    in_channels, out_channels  at least 1 (1 for grey images, 3 for colours)
    kernel_size   rows and columns of the kernel: one number, or (KH, KW)
    stride        step from window to window, at least 1
    padding       zeros around the image, at least 0; KH // 2 keeps the size of odd kernels
    groups        channels are split into so many groups that don't see each other
    bias          False leaves the bias out
    seed          a whole number, or a numpy.random.Generator that several layers share
    gain          width of the start weights ~ N(0, gain² / n_in) with n_in = C / groups KH KW

    Shape:   x (N, in_channels, H, W) -> (N, out_channels, OH, OW), sizes as in conv2d
    Raises:  ValueError if a setting or the input does not fit
    Source:  LeCun et al. 1989; He et al. 2015, eq. 10 (start weights)
    """

    weight: Parameter  # (out_channels, in_channels / groups, KH, KW)

    def forward(self, x: Tensor) -> Tensor:
        stride, padding = self.stride, self.padding
        return conv2d(x, self.weight, self.bias, stride, padding, groups=self.groups)


class Conv1d(ConvLayer):
    """The same kernels everywhere along a sequence; see conv1d. Settings as in Conv2d.

    Shape:   x (N, in_channels, L) -> (N, out_channels, OL), OL as in conv1d
    Raises:  ValueError if a setting or the input does not fit
    Source:  Waibel et al. 1989
    """

    axes = 1
    weight: Parameter  # (out_channels, in_channels / groups, K)

    def forward(self, x: Tensor) -> Tensor:
        stride, padding = self.stride, self.padding
        return conv1d(x, self.weight, self.bias, stride, padding, groups=self.groups)
