"""Pooling: one number per window, the largest or the mean, so that images shrink. No weights.

Shapes:  N images in the batch, C channels, H rows, W columns; sequences have C channels, length L.
Source:  Fukushima 1980; LeCun et al. 1989 (means); Riesenhuber and Poggio 1999 (maxima)
"""

import math
from typing import Any

from dlcourse.backprop import Tensor, op
from dlcourse.device import Array, namespace
from dlcourse.layers.conv import Sizes, no_rows, one_row, pair
from dlcourse.layers.module import Module
from dlcourse.layers.windows import (
    Windows,
    batch_first,
    batch_last,
    check_axes,
    numbers,
    windows_on,
)
from dlcourse.ops import mean


# --- The operations ---------------------------------------------------------------------------
def max_pool2d(
    x: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0
) -> Tensor:
    """The largest pixel of each window, channel by channel.   dx = g at that pixel, else 0

    y[n, c, i, j] = max over a, b of x[n, c, stride i + a, stride j + b]
    Of several equal pixels the first one, row by row, gets the whole gradient, as in PyTorch.

    kernel_size  rows and columns of the window: one number, or (KH, KW)
    stride       step from window to window, at least 1; None takes kernel_size
    padding      rows and columns of -∞ around the image, 0 … half the kernel

    Shape:   x (N, C, H, W) -> (N, C, OH, OW) with OH = (H + 2 padding - KH) // stride + 1
    Raises:  ValueError if the shape or the settings do not fit
    """
    return _max_pool2d(x, windows=_fit("max_pool2d", x, kernel_size, stride, padding, axes=2))


@op
def _max_pool2d(x, windows):
    """Tap by tap: the largest so far, for all windows at once."""
    xp = namespace(x)
    padded, taps = windows.pad(x, -math.inf), [key for _, _, key in windows.taps()]
    largest = xp.copy(padded[taps[0]])
    for tap in taps[1:]:
        largest = xp.maximum(largest, padded[tap])

    def derivative(g: Array) -> Array:
        full, g = xp.zeros_like(padded), batch_last(g)
        for tap in taps:
            part = g * (padded[tap] == largest)
            full[tap] += part
            g = g - part  # what was handed out: a later equal pixel gets nothing
        return windows.crop(full)

    return batch_first(largest), derivative


def avg_pool2d(
    x: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0
) -> Tensor:
    """The mean of each window, channel by channel.   dx = g / (KH KW), added up over the windows

    y[n, c, i, j] = 1 / (KH KW) Σ_a Σ_b x[n, c, stride i + a, stride j + b]
    Pixels of the padding count as zeros, as in PyTorch. Settings and errors as in max_pool2d.

    Shape:   x (N, C, H, W) -> (N, C, OH, OW) with OH = (H + 2 padding - KH) // stride + 1
    """
    return _avg_pool2d(x, windows=_fit("avg_pool2d", x, kernel_size, stride, padding, axes=2))


@op
def _avg_pool2d(x, windows):
    xp, padded, taps = namespace(x), windows.pad(x), [key for _, _, key in windows.taps()]
    share = 1 / len(taps)
    total = xp.copy(padded[taps[0]])
    for tap in taps[1:]:
        total += padded[tap]

    def derivative(g: Array) -> Array:
        full, part = xp.zeros_like(padded), batch_last(g) * share
        for tap in taps:
            full[tap] += part
        return windows.crop(full)

    return batch_first(total * share), derivative


def max_pool1d(
    x: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0
) -> Tensor:
    """max_pool2d for sequences: the largest of K neighbours.

    Shape:   x (N, C, L) -> (N, C, OL) with OL = (L + 2 padding - K) // stride + 1
    Raises:  ValueError if the shape or the settings do not fit
    """
    windows = _fit("max_pool1d", x, kernel_size, stride, padding, axes=1)
    return no_rows(_max_pool2d(one_row(x), windows=windows))


def avg_pool1d(
    x: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0
) -> Tensor:
    """avg_pool2d for sequences: the mean of K neighbours.

    Shape:   x (N, C, L) -> (N, C, OL) with OL = (L + 2 padding - K) // stride + 1
    Raises:  ValueError if the shape or the settings do not fit
    """
    windows = _fit("avg_pool1d", x, kernel_size, stride, padding, axes=1)
    return no_rows(_avg_pool2d(one_row(x), windows=windows))


def global_avg_pool2d(x: Any) -> Tensor:
    """The mean of each channel over the whole image.   dx = g / (H W) everywhere

    Shape:   x (N, C, H, W) -> (N, C)
    Raises:  ValueError if x is no batch of images
    Source:  Lin et al. 2014; PyTorch: adaptive_avg_pool2d(x, 1), then flatten
    """
    check_axes("global_avg_pool2d", x, 2)
    return mean(x, axis=(2, 3))


def _fit(name: str, x: Any, kernel: Sizes, stride: Any, padding: Sizes, axes: int) -> Windows:
    """The windows of a pooling; ValueError if something does not fit."""
    check_axes(name, x, axes)
    size = numbers(name, "kernel_size", kernel, axes, least=1)
    steps = numbers(name, "stride", size if stride is None else stride, axes, least=1)
    frame = numbers(name, "padding", padding, axes, least=0)
    if any(2 * p > k for p, k in zip(frame, size, strict=True)):
        raise ValueError(
            f"{name}: padding is at most half of kernel_size {size}, else a window could hold "
            f"nothing of the input. Received: {frame}"
        )
    return windows_on(name, pair(x.shape[2:], 1), pair(size, 1), pair(steps, 1), pair(frame, 0))


# --- The layers -------------------------------------------------------------------------------
class _Pool(Module):
    """What the pooling layers share: settings and their description."""

    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> None:
        self.kernel_size, self.padding = kernel_size, padding
        self.stride = kernel_size if stride is None else stride

    def summary(self) -> str:
        """For example "MaxPool2d(kernel_size=3, stride=2)"."""
        text = f"{type(self).__name__}(kernel_size={self.kernel_size}"
        text += f", stride={self.stride}" if self.stride != self.kernel_size else ""
        return text + (f", padding={self.padding})" if self.padding else ")")


class MaxPool2d(_Pool):
    """The largest pixel of each window. Settings, shapes and errors as in max_pool2d."""

    def forward(self, x: Tensor) -> Tensor:
        return max_pool2d(x, self.kernel_size, self.stride, self.padding)


class AvgPool2d(_Pool):
    """The mean of each window. Settings, shapes and errors as in avg_pool2d."""

    def forward(self, x: Tensor) -> Tensor:
        return avg_pool2d(x, self.kernel_size, self.stride, self.padding)


class MaxPool1d(_Pool):
    """The largest of K neighbours. Settings, shapes and errors as in max_pool1d."""

    def forward(self, x: Tensor) -> Tensor:
        return max_pool1d(x, self.kernel_size, self.stride, self.padding)


class AvgPool1d(_Pool):
    """The mean of K neighbours. Settings, shapes and errors as in avg_pool1d."""

    def forward(self, x: Tensor) -> Tensor:
        return avg_pool1d(x, self.kernel_size, self.stride, self.padding)


class GlobalAvgPool2d(Module):
    """The mean of each channel.   Shape: (N, C, H, W) -> (N, C).   Source: Lin et al. 2014"""

    def forward(self, x: Tensor) -> Tensor:
        return global_avg_pool2d(x)


class Flatten(Module):
    """All axes but the batch in one: the step from images to Linear.

    Shape:   (N, C, H, W) -> (N, C H W), or (N, …) -> (N, product of the rest)
    Raises:  ValueError if the input has no axis
    """

    def forward(self, x: Tensor) -> Tensor:
        if not x.shape:
            raise ValueError("Flatten: expected a batch, shape (N, …). Received: a single number.")
        return x.reshape(x.shape[0], math.prod(x.shape[1:]))
