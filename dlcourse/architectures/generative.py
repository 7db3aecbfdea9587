"""What the models that invent share: noise, labels as vectors, and a mean of the weights over time.

Autoencoder, VAE, GAN and diffusion all draw random numbers on the CPU and bring them to where the
model lives: the same seed gives the same numbers on every device.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from dlcourse.backprop import Parameter, Tensor
from dlcourse.device import Array, asarray, namespace, to_numpy
from dlcourse.layers import Module
from dlcourse.optim import Optimizer


def placed_like(values: Any, like: Tensor) -> Array:
    """The values as an array in the dtype and on the device of the tensor `like`."""
    return namespace(like.data).asarray(values, dtype=like.dtype, device=like.data.device)


def data_like(x: Any, like: Tensor) -> Array:
    """A data set, array or tensor, placed_like `like`."""
    return placed_like(asarray(x.data if isinstance(x, Tensor) else x), like)


def noise_like(like: Tensor, shape: Sequence[int], rng: np.random.Generator) -> Tensor:
    """Numbers ~ N(0, 1) of this shape, in the dtype and on the device of the tensor `like`."""
    return Tensor.wrap(placed_like(rng.standard_normal(tuple(shape)), like))


def checked_labels(labels: Any, classes: int, n: int) -> np.ndarray | None:
    """The labels of n samples as a NumPy array; None for a model without classes.

    classes  labels go from 0 to classes - 1; 0: there are none
    Raises:  ValueError if labels are missing, or not expected, or no whole numbers of shape (n,),
             or out of range
    """
    if not classes:
        if labels is not None:
            raise ValueError("Labels for a model without classes. Build its network with classes.")
        return None
    found = None if labels is None else to_numpy(asarray(labels))
    if found is None or found.shape != (n,) or found.dtype.kind not in "iu":
        received = "None" if found is None else f"shape {found.shape} of {found.dtype}"
        raise ValueError(
            f"This model has {classes} classes. Pass labels, one whole number for each of the {n} "
            f"samples, shape ({n},). Received: {received}"
        )
    if n and not (found.min() >= 0 and found.max() < classes):
        raise ValueError(
            f"Labels go from 0 to {classes - 1}. Received: {found.min()} to {found.max()}"
        )
    return found


def one_hot(labels: np.ndarray, classes: int, like: Tensor) -> Tensor:
    """A row for each label: 1 at its place, else 0; in the dtype and on the device of `like`.

    Shape:   labels (n,) of whole numbers 0 … classes - 1 -> (n, classes)
    """
    return Tensor.wrap(placed_like(np.eye(classes)[labels], like))


def update(optimizer: Optimizer, loss: Tensor, number: int) -> float:
    """Backward and update in step `number`; returns the loss, as it was before.

    Raises:  FloatingPointError, before anything has changed, if the loss is no number
    """
    value = loss.item()
    if not math.isfinite(value):
        raise FloatingPointError(
            f"The loss is {value} at step {number}. Try a learning rate ten times smaller than "
            f"lr={optimizer.lr}, and look for NaN in the data."
        )
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return value


def follow_weights(average: Module, model: Module, decay: float = 0.995) -> None:
    """average <- decay average + (1 - decay) model, for every parameter, in place.

    Weights circle around their goal while they learn; the mean of the last 1 / (1 - decay) steps
    lies nearer to it, and samples from it are better. Start with a copy and call this after each
    step:

        average = copy.deepcopy(model)
        for step in …: follow_weights(average, model)

    States, such as the running means of a batch norm, are taken over as they are.

    decay    0 … 1; below 1, or nothing follows
    Raises:  ValueError if decay is out of range or the two models differ
    Source:  Polyak and Juditsky 1992 (means of weights); Ho et al. 2020, appendix B (with 0.9999)
    """
    pairs = list(zip(average.parameters(), model.parameters(), strict=False))
    same = [p.shape for p in average.parameters()] == [p.shape for p in model.parameters()]
    if not 0 <= decay <= 1 or not same:
        raise ValueError(
            "follow_weights: expected two models of one kind, the first a copy.deepcopy of the "
            f"second, and a decay of 0 … 1. Received: {decay=}, equal shapes: {same}"
        )
    for mean, parameter in pairs:
        mean.data *= decay
        mean.data += (1 - decay) * parameter.data
    for mine, state in zip(_states(average), _states(model), strict=True):
        mine.data[...] = state.data


def _states(model: Module) -> list[Tensor]:
    """The tensors that are state and not learned."""
    inside = [value for module in model.modules() for value in vars(module).values()]
    return [v for v in inside if isinstance(v, Tensor) and not isinstance(v, Parameter)]
