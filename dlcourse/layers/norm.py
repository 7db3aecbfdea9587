"""Normalisation: numbers brought to mean 0 and variance 1, then to a scale that is learned.

Three layers, one formula. They differ only in whose mean and variance they take:
batch norm those of a channel over the batch, layer norm those of one example, group norm those of
a few channels of one example.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from dlcourse.backprop import Parameter, Tensor, op
from dlcourse.device import Array, namespace, new_array
from dlcourse.layers.module import Module
from dlcourse.ops import reshape, sqrt


class _Statistics(NamedTuple):
    """Of an array over some axes, which keep size 1."""

    mean: Array
    variance: Array  # the mean square of the deviations
    deviation: Array  # what is left when the mean is taken away


def _statistics(x: Any, axes: tuple[int, ...]) -> _Statistics:
    array = x.data if isinstance(x, Tensor) else x
    mean = _mean_product(array, None, axes)
    deviation = array - mean
    return _Statistics(mean, _mean_product(deviation, deviation, axes), deviation)


@op
def _standardize(x, weight, bias, statistics, axes, eps):
    """x̂ = (x - μ) / √(σ² + eps),   y = w x̂ + b, with μ and σ² of x over the axes.

    dx = (h - mean h - x̂ mean(h x̂)) / √(σ² + eps) with h = g w,   dw = g x̂,   db = g
    """
    r = 1 / namespace(x).sqrt(statistics.variance + eps)
    standard = statistics.deviation  # from here on x̂, in place
    standard *= r

    def dx(g: Array) -> Array:
        h = g * (1 if weight is None else weight)
        d = standard * _mean_product(h, standard, axes)
        d += _mean_product(h, None, axes)
        h -= d
        h *= r
        return h

    y = standard * (1 if weight is None else weight)
    if bias is not None:
        y += bias
    return y, (dx, lambda g: g * standard, lambda g: g)


def _mean_product(x: Array, y: Array | None, axes: tuple[int, ...]) -> Array:
    """The mean of x y over the axes, which keep size 1; of x alone where y is None.

    Over the last axes it is a product of each row with another one, which BLAS computes quickly.
    """
    xp, n = namespace(x), math.prod(x.shape[i] for i in axes)
    kept = tuple(1 if i in axes else size for i, size in enumerate(x.shape))
    if axes[0] + len(axes) < x.ndim:  # not the last axes
        return xp.mean(x if y is None else x * y, axis=axes, keepdims=True)
    rows = x.reshape(-1, n)
    other = xp.ones(n, dtype=x.dtype, device=x.device) if y is None else y.reshape(-1, n)
    total = rows @ other if y is None else xp.vecdot(rows, other)
    return (total / n).reshape(kept)


# --- The operations ---------------------------------------------------------------------------
def batch_norm(
    x: Any,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """y = weight (x - μ) / √(σ² + eps) + bias, channel by channel.

    Training: μ and σ² are those of the batch, and the running ones move towards them, in place:
        running <- (1 - momentum) running + momentum new,   with σ² n / (n - 1) as the new variance
    Else: μ and σ² are the running ones, so that an example does not depend on its batch.

    momentum  0 … 1, how fast the running values follow; usually 0.1
    eps       a small number above 0 that keeps the division safe

    Shape:   x (N, C) or (N, C, …), all others (C,) or None -> the shape of x
    Raises:  ValueError if shapes or settings do not fit, if a channel has only one value in
             training, or if running values are missing outside training
    Source:  Ioffe and Szegedy 2015, algorithms 1 and 2
    """
    _check_channels("batch_norm", x, running_mean=running_mean, running_var=running_var)
    _check_channels("batch_norm", x, weight=weight, bias=bias)
    _check_eps("batch_norm", eps)
    view = (x.shape[1], *[1] * (len(x.shape) - 2))  # (C, 1, 1): broadcasts against x
    weight, bias = _in_view(weight, view), _in_view(bias, view)
    if not training:
        if running_mean is None or running_var is None:
            raise ValueError(
                "batch_norm: outside training, running_mean and running_var are needed. "
                "Pass both, or training=True."
            )
        y = (x - running_mean.reshape(view)) / sqrt(running_var.reshape(view) + eps)
        y = y if weight is None else y * weight
        return y if bias is None else y + bias
    axes = (0, *range(2, len(x.shape)))
    n = math.prod(x.shape[i] for i in axes)  # values per channel
    if n < 2:
        raise ValueError(
            f"batch_norm: in training each channel needs at least 2 values. Received: shape "
            f"{tuple(x.shape)}. Take a larger batch, or call model.eval() first."
        )
    statistics = _statistics(x, axes)
    _follow(running_mean, statistics.mean, momentum)
    _follow(running_var, statistics.variance * (n / (n - 1)), momentum)
    return _standardize(x, weight, bias, statistics=statistics, axes=axes, eps=eps)


def _follow(running: Tensor | None, new: Array, momentum: float) -> None:
    """running <- (1 - momentum) running + momentum new, in place."""
    if not 0 <= momentum <= 1:
        raise ValueError(f"batch_norm: momentum lies in 0 … 1. Received: {momentum=}")
    if running is not None:
        running.data *= 1 - momentum
        running.data += momentum * new.reshape(-1)


def layer_norm(
    x: Any,
    normalized_shape: int | tuple[int, ...],
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
) -> Tensor:
    """y = weight (x - μ) / √(σ² + eps) + bias, with μ and σ² of each example over the last axes.

    normalized_shape  the sizes of these axes: 128, or (4, 5) for two
    eps               a small number above 0 that keeps the division safe

    Shape:   x (…, *normalized_shape), weight and bias normalized_shape or None -> that of x
    Raises:  ValueError if shapes or eps do not fit
    Source:  Ba, Kiros and Hinton 2016
    """
    sizes = _sizes(normalized_shape)
    if not sizes or tuple(x.shape[-len(sizes) :]) != sizes:
        raise ValueError(
            f"layer_norm: the last sizes of the input must be {sizes}. "
            f"Received: shape {tuple(x.shape)}"
        )
    for name, value in (("weight", weight), ("bias", bias)):
        if value is not None and tuple(value.shape) != sizes:
            raise ValueError(
                f"layer_norm: expected {name} of shape {sizes}. Received: {tuple(value.shape)}"
            )
    _check_eps("layer_norm", eps)
    axes = tuple(range(len(x.shape) - len(sizes), len(x.shape)))
    return _standardize(x, weight, bias, statistics=_statistics(x, axes), axes=axes, eps=eps)


def group_norm(
    x: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """y = weight (x - μ) / √(σ² + eps) + bias, with μ and σ² of each example and group of channels.

    num_groups  1 … C, a divisor of C. 1: all channels together; C: each alone (instance norm)
    eps         a small number above 0 that keeps the division safe

    Shape:   x (N, C) or (N, C, …), weight and bias (C,) or None -> the shape of x
    Raises:  ValueError if shapes or settings do not fit
    Source:  Wu and He 2018, eq. 7
    """
    _check_channels("group_norm", x, weight=weight, bias=bias)
    _check_eps("group_norm", eps)
    n, c = x.shape[:2]
    if num_groups < 1 or c % num_groups:
        raise ValueError(f"group_norm: {num_groups=} does not divide the {c} channels of x.")
    groups = reshape(x, n, num_groups, math.prod(x.shape[1:]) // num_groups)
    statistics = _statistics(groups, (2,))
    y = _standardize(groups, None, None, statistics=statistics, axes=(2,), eps=eps)
    y = y.reshape(tuple(x.shape))
    view = (c, *[1] * (len(x.shape) - 2))
    y = y if weight is None else y * _in_view(weight, view)
    return y if bias is None else y + _in_view(bias, view)


def _in_view(value: Any, view: tuple[int, ...]) -> Any:
    return None if value is None else reshape(value, view)


def _sizes(shape: int | tuple[int, ...]) -> tuple[int, ...]:
    return (shape,) if isinstance(shape, int) else tuple(shape)


def _check_eps(name: str, eps: float) -> None:
    if not eps > 0:
        raise ValueError(f"{name}: eps is a small number above 0, such as 1e-5. Received: {eps=}")


def _check_channels(name: str, x: Any, **per_channel: Any) -> None:
    """Raise ValueError unless x has channels and each of the others one number per channel."""
    if len(x.shape) < 2:
        raise ValueError(
            f"{name}: expected an input (N, C) or (N, C, …). Received: shape {tuple(x.shape)}"
        )
    for setting, value in per_channel.items():
        if value is not None and tuple(value.shape) != (x.shape[1],):
            raise ValueError(
                f"{name}: expected {setting} of shape ({x.shape[1]},), one number per channel. "
                f"Received: {tuple(value.shape)}"
            )


# --- The layers -------------------------------------------------------------------------------
class _BatchNorm(Module):
    """What BatchNorm1d and BatchNorm2d share. The running values are state, not parameters."""

    ndims: tuple[int, ...] = ()  # how many axes the input may have
    accepts = ""  # the same in words
    weight: Parameter | None  # (num_features,)
    bias: Parameter | None  # (num_features,)
    running_mean: Tensor  # (num_features,)
    running_var: Tensor  # (num_features,)

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = True
    ) -> None:
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight, self.bias = _scale_and_shift(type(self).__name__, (num_features,), affine)
        self.running_mean = Tensor(new_array(np.zeros(num_features)), name="running_mean")
        self.running_var = Tensor(new_array(np.ones(num_features)), name="running_var")

    def forward(self, x: Tensor) -> Tensor:
        shape = tuple(x.shape)
        if len(shape) not in self.ndims or shape[1] != self.num_features:
            raise ValueError(
                f"{self.summary()} expects {self.num_features} channels in an input "
                f"{self.accepts}. Received: shape {shape}"
            )
        running, learned = (self.running_mean, self.running_var), (self.weight, self.bias)
        return batch_norm(x, *running, *learned, self.training, self.momentum, self.eps)

    def summary(self) -> str:
        """For example "BatchNorm2d(16)"."""
        return f"{type(self).__name__}({self.num_features})"


class BatchNorm1d(_BatchNorm):
    """Batch norm for rows of features or sequences; see batch_norm for formula and settings.

    affine   False leaves weight and bias out
    Shape:   x (N, num_features) or (N, num_features, L) -> the same
    Raises:  ValueError if a setting or the input does not fit
    Source:  Ioffe and Szegedy 2015
    """

    ndims, accepts = (2, 3), "(N, C) or (N, C, L)"


class BatchNorm2d(_BatchNorm):
    """Batch norm for images; see batch_norm for formula and settings.

    affine   False leaves weight and bias out
    Shape:   x (N, num_features, H, W) -> the same
    Raises:  ValueError if a setting or the input does not fit
    Source:  Ioffe and Szegedy 2015
    """

    ndims, accepts = (4,), "(N, C, H, W)"


class LayerNorm(Module):
    """Each example by itself, over its last axes; see layer_norm for formula and settings.

    elementwise_affine  False leaves weight and bias out
    Shape:   x (…, *normalized_shape) -> the same
    Raises:  ValueError if a setting or the input does not fit
    Source:  Ba, Kiros and Hinton 2016
    """

    weight: Parameter | None  # normalized_shape
    bias: Parameter | None  # normalized_shape

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
    ) -> None:
        self.normalized_shape, self.eps = _sizes(normalized_shape), eps
        self.weight, self.bias = _scale_and_shift(
            "LayerNorm", self.normalized_shape, elementwise_affine
        )

    def forward(self, x: Tensor) -> Tensor:
        return layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def summary(self) -> str:
        """For example "LayerNorm((128,))"."""
        return f"LayerNorm({self.normalized_shape})"


class GroupNorm(Module):
    """Each example by itself, group of channels by group; see group_norm for formula and settings.

    num_channels  C; num_groups must divide it
    affine        False leaves weight and bias out
    Shape:        x (N, num_channels, …) -> the same
    Raises:       ValueError if a setting or the input does not fit
    Source:       Wu and He 2018
    """

    weight: Parameter | None  # (num_channels,)
    bias: Parameter | None  # (num_channels,)

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True
    ) -> None:
        if num_groups < 1 or num_channels < 1 or num_channels % num_groups:
            raise ValueError(
                "GroupNorm: num_groups must divide num_channels. "
                f"Received: {num_groups=}, {num_channels=}"
            )
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        self.weight, self.bias = _scale_and_shift("GroupNorm", (num_channels,), affine)

    def forward(self, x: Tensor) -> Tensor:
        if len(x.shape) < 2 or x.shape[1] != self.num_channels:
            raise ValueError(
                f"{self.summary()} expects an input of shape (N, {self.num_channels}, …). "
                f"Received: {tuple(x.shape)}"
            )
        return group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def summary(self) -> str:
        """For example "GroupNorm(4, 16)"."""
        return f"GroupNorm({self.num_groups}, {self.num_channels})"


def _scale_and_shift(
    name: str, shape: tuple[int, ...], wanted: bool
) -> tuple[Parameter | None, Parameter | None]:
    """Weights that change nothing at the start: scale 1, shift 0."""
    if not shape or min(shape) < 1:
        raise ValueError(f"{name}: sizes are at least 1. Received: {shape}")
    if not wanted:
        return None, None
    weight = Parameter(new_array(np.ones(shape)), name="weight")
    return weight, Parameter(new_array(np.zeros(shape)), name="bias")
