"""Transposed convolution: the backward pass of a convolution used forward, so that images grow.

A convolution collects a window into one number. Backward it spreads one gradient out over a
window, and this file does the same with values: generators and decoders enlarge images with it.

Source:  Zeiler et al. 2010; Dumoulin and Visin 2016, chapter 4; Radford et al. 2016 (generators)
"""

from typing import Any

from dlcourse.backprop import Parameter, Tensor, op
from dlcourse.layers.conv import ConvLayer, Sizes, no_rows, one_row, pair
from dlcourse.layers.windows import (
    Windows,
    add_to_windows,
    as_images,
    as_rows,
    check_weights,
    multiply_windows,
    numbers,
    weight_gradient,
)


def conv_transpose2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    *,
    groups: int = 1,
) -> Tensor:
    """The backward pass of conv2d used forward: every pixel paints its kernel into a larger image.

    y[n, o, stride i + a, stride j + b] += weight[c, o, a, b] x[n, c, i, j],   then + bias[o]

    stride   step between two painted windows, at least 1: the factor by which the image grows
    padding  so many rows and columns are cut off at each edge, at least 0
    output_padding  so many are added below and on the right, less than the stride: several input
             sizes of a convolution give the same output size, and this chooses among them
    groups   as in conv2d

    Shape:   x (N, C, H, W), weight (C, O / groups, KH, KW), bias (O,) or None -> (N, O, OH, OW)
             with OH = (H - 1) stride - 2 padding + KH + output_padding, and OW likewise
    Raises:  ValueError if the shapes or settings do not fit
    Source:  Zeiler et al. 2010; Dumoulin and Visin 2016, chapter 4
    """
    windows = _fit_output(
        "conv_transpose2d", x, weight, bias, stride, padding, output_padding, groups, axes=2
    )
    return _conv_transpose2d(x, weight, bias, windows=windows, groups=groups)


@op
def _conv_transpose2d(x, weight, bias, windows, groups):
    """columns = Wᵀ x, added up where windows overlap.

    dx = W columns(g),   dW = Σ_rows columns(g) xᵀ (transposed),   dbias = Σ g
    """
    n, matrix = x.shape[0], weight.reshape(groups, weight.shape[0] // groups, -1)
    rows = as_rows(x, groups)  # (H, groups, C/groups, W N)
    y = add_to_windows(matrix, rows, windows, n)
    if bias is not None:
        y += bias.reshape(-1, 1, 1)
    return y, (
        lambda g: as_images(multiply_windows(matrix, windows.pad(g), windows), n),
        lambda g: weight_gradient(windows.pad(g), rows, windows).reshape(weight.shape),
        lambda g: g.sum(axis=(0, 2, 3)),
    )


def conv_transpose1d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    *,
    groups: int = 1,
) -> Tensor:
    """conv_transpose2d for sequences: images with one row.

    y[n, o, stride i + a] += weight[c, o, a] x[n, c, i],   then + bias[o]

    Shape:   x (N, C, L), weight (C, O / groups, K), bias (O,) or None -> (N, O, OL)
             with OL = (L - 1) stride - 2 padding + K + output_padding
    Raises:  ValueError if the shapes or settings do not fit
    """
    windows = _fit_output(
        "conv_transpose1d", x, weight, bias, stride, padding, output_padding, groups, axes=1
    )
    y = _conv_transpose2d(one_row(x), one_row(weight), bias, windows=windows, groups=groups)
    return no_rows(y)


# --- Checks -----------------------------------------------------------------------------------
def _fit_output(
    name: str,
    x: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    axes: int,
) -> Windows:
    """The windows on the output of a transposed convolution; ValueError if something is wrong."""
    check_weights(name, x, weight, bias, groups, axes, transposed=True)
    steps = numbers(name, "stride", stride, axes, least=1)
    frame = numbers(name, "padding", padding, axes, least=0)
    more = numbers(name, "output_padding", output_padding, axes, least=0)
    if any(m >= s for m, s in zip(more, steps, strict=True)):
        raise ValueError(
            f"{name}: output_padding must be less than the stride {steps}. Received: {more}"
        )
    sizes, kernel = tuple(x.shape[2:]), tuple(weight.shape[2:])
    grown = tuple(
        (size - 1) * s - 2 * p + k + m
        for size, s, p, k, m in zip(sizes, steps, frame, kernel, more, strict=True)
    )
    if min(grown) < 1:
        raise ValueError(
            f"{name}: an input of size {sizes}, kernel {kernel}, stride {steps}, padding {frame} "
            f"would give an output of size {grown}. Take less padding."
        )
    return Windows(pair(grown, 1), pair(kernel, 1), pair(steps, 1), pair(frame, 0))


# --- The layers -------------------------------------------------------------------------------
class ConvTranspose2d(ConvLayer):
    """Every pixel paints its kernel into a larger image; see conv_transpose2d.

    Settings as in Conv2d, and
    output_padding  rows and columns added below and on the right, 0 … less than the stride

    Start weights ~ N(0, gain² / n_in) with n_in = C / groups KH KW / stride²: so many inputs meet
    in one output on average.

    Shape:   x (N, in_channels, H, W) -> (N, out_channels, OH, OW), sizes as in conv_transpose2d
    Raises:  ValueError if a setting or the input does not fit
    Source:  Zeiler et al. 2010; Radford et al. 2016
    """

    transposed = True
    weight: Parameter  # (in_channels, out_channels / groups, KH, KW)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        **options: Any,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, **options)
        name = type(self).__name__
        self.output_padding = numbers(name, "output_padding", output_padding, self.axes, least=0)

    def forward(self, x: Tensor) -> Tensor:
        settings = (self.stride, self.padding, self.output_padding)
        return conv_transpose2d(x, self.weight, self.bias, *settings, groups=self.groups)


class ConvTranspose1d(ConvTranspose2d):
    """Every entry paints its kernel into a longer sequence. Settings as in ConvTranspose2d.

    Shape:   x (N, in_channels, L) -> (N, out_channels, OL), OL as in conv_transpose1d
    Raises:  ValueError if a setting or the input does not fit
    """

    axes = 1
    weight: Parameter  # (in_channels, out_channels / groups, K)

    def forward(self, x: Tensor) -> Tensor:
        settings = (self.stride, self.padding, self.output_padding)
        return conv_transpose1d(x, self.weight, self.bias, *settings, groups=self.groups)
