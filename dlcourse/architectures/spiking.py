"""Spiking networks: neurons that say nothing but 0 or 1, and say it at a certain time.

A leaky integrate-and-fire neuron collects what comes in, forgets a little of it in each step, and
sends a spike when enough has come together. Nothing else travels between neurons, so that a chip
for such networks adds instead of multiplying, and rests while nothing happens.
A threshold has the derivative 0 nearly everywhere, so training goes backwards through a smooth
stand-in for it, the surrogate gradient.

Read neuron.py (the threshold) and layers/recurrent.py (a memory along time) first.

Source: Lapicque 1907 (the neuron); Maass 1997 (networks of such neurons);
        Neftci, Mostafa and Zenke 2019 (training by surrogate gradients)
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from dlcourse.backprop import Tensor, no_grad, op
from dlcourse.device import Array, float_array, namespace, to_numpy
from dlcourse.layers import Linear, Module
from dlcourse.ops import stack


# --- One neuron, one step ---------------------------------------------------------------------
@op
def spike(x, slope=5.0):
    """1 where x ≥ 0, else 0: a threshold.   dx = g / (1 + slope |x|)², instead of 0

    The value is exact, the derivative is not: it belongs to x / (1 + slope |x|), a fast sigmoid,
    which rises where the threshold jumps. So a neuron learns most when it was close to a spike.

    slope    above 0: how quickly the gradient fades with the distance from the threshold
    Shape:   (...) -> (...)
    Source:  Zenke and Ganguli 2018; Neftci, Mostafa and Zenke 2019
    """
    xp = namespace(x)
    value = xp.where(x == x, x >= 0, x)  # x == x is false for NaN, which must not get lost

    def derivative(g: Array) -> Array:
        steepness = 1 + slope * xp.abs(x)
        return g / (steepness * steepness)

    return value, derivative


def lif_step(
    x: Any, v: Any, decay: float = 0.9, threshold: float = 1.0, slope: float = 5.0
) -> tuple[Tensor, Tensor]:
    """One step of leaky integrate-and-fire neurons: the spikes s, and v before the reset.

    v' = decay v + x           the membrane potential leaks, and takes in the input
    s = 1 if v' ≥ threshold, else 0

    A spike costs one threshold: the next step starts from v' - threshold s (reset by subtraction).

    Shape:   x and v (...), equal -> s, v', both (...)
    Source:  Neftci, Mostafa and Zenke 2019
    """
    v = v * decay + x
    return spike(v - threshold, slope=slope), v


# --- The layer --------------------------------------------------------------------------------
class LIF(Module):
    """A layer of leaky integrate-and-fire neurons: lif_step along time. Nothing in it is learned.

    decay      the share of the potential that stays from step to step, above 0 … 1; 1: no leak.
               exp(-1 / τ) for a time constant of τ steps, so that 0.9 stands for about 10
    threshold  the potential that makes a spike, above 0
    slope      of the surrogate gradient, above 0, see spike

    All potentials start at 0. The gradient also flows through the reset.
    Shape:   x (batch, time, features) -> spikes (batch, time, features), each 0 or 1
    Raises:  ValueError if a setting or the shape of x does not fit
    Source:  Neftci, Mostafa and Zenke 2019
    """

    def __init__(self, decay: float = 0.9, threshold: float = 1.0, slope: float = 5.0) -> None:
        if not (0 < decay <= 1 and threshold > 0 and slope > 0):
            raise ValueError(
                "LIF: decay lies above 0 … 1, threshold and slope are above 0. "
                f"Received: {decay=}, {threshold=}, {slope=}"
            )
        self.decay, self.threshold, self.slope = decay, threshold, slope

    def forward(self, x: Tensor) -> Tensor:
        return self.record(x)[0]

    def record(self, x: Any) -> tuple[Tensor, Tensor]:
        """Spikes, and the potentials before each reset: what a picture of a neuron shows."""
        if len(x.shape) != 3 or not x.shape[1]:
            raise ValueError(
                f"{self.summary()} expects a sequence of shape (batch, time, features), with at "
                f"least one step. Received: shape {tuple(x.shape)}"
            )
        x = x if isinstance(x, Tensor) else Tensor(x)
        spikes, potentials = [], []
        v: Any = 0.0
        for t in range(x.shape[1]):
            s, v = lif_step(x[:, t], v, self.decay, self.threshold, self.slope)
            spikes.append(s)
            potentials.append(v)
            v = v - s * self.threshold
        return stack(spikes, axis=1), stack(potentials, axis=1)

    def summary(self) -> str:
        """For example "LIF(decay=0.9, threshold=1.0)"."""
        return f"LIF(decay={self.decay}, threshold={self.threshold})"


# --- Numbers become spikes --------------------------------------------------------------------
def current_code(x: Any, steps: int) -> Tensor:
    """The same numbers at every step: a constant current, no spikes yet.

    Shape:   x (batch, features) -> (batch, steps, features)
    Raises:  ValueError if x is no batch of rows, or steps is below 1
    """
    values = _rows("current_code", x, steps)
    xp = namespace(values)
    return Tensor.wrap(xp.stack([values] * steps, axis=1))


def rate_code(x: Any, steps: int, *, seed: int | np.random.Generator) -> Tensor:
    """Large numbers spike often: at each step a spike with probability x.

    x        0 … 1
    seed     a whole number, or a numpy.random.Generator; spikes are drawn on the CPU: the same
             seed gives the same ones on every device
    Shape:   x (batch, features) -> (batch, steps, features), each 0 or 1
    Raises:  ValueError if x is no batch of rows or leaves 0 … 1, or steps is below 1
    Source:  Adrian and Zotterman 1926 (nerves that report strength by their rate)
    """
    values = _shares("rate_code", x, steps)
    n, features = values.shape
    drawn = np.random.default_rng(seed).random((n, steps, features))
    return _like(values, drawn < to_numpy(values)[:, None])


def latency_code(x: Any, steps: int) -> Tensor:
    """Large numbers spike early: one spike each, x = 1 at the first step; x = 0 never spikes.

    The step, from 0, is (1 - x) (steps - 1), rounded to the nearest whole number.
    Arguments, shapes and errors as in rate_code; at least 2 steps.
    Source:  Thorpe, Delorme and Van Rullen 2001
    """
    values = _shares("latency_code", x, steps, least=2)
    numbers = to_numpy(values)
    when = np.rint((1 - numbers) * (steps - 1))
    at_step = np.arange(steps)[:, None] == when[:, None]  # (batch, steps, features)
    return _like(values, at_step & (numbers > 0)[:, None])


def _shares(name: str, x: Any, steps: int, least: int = 1) -> Array:
    values = _rows(name, x, steps, least)
    if not bool(((values >= 0) & (values <= 1)).all()):
        raise ValueError(
            f"{name}: numbers lie between 0 and 1. "
            f"Received: {float(values.min())} to {float(values.max())}. Scale them first."
        )
    return values


def _rows(name: str, x: Any, steps: int, least: int = 1) -> Array:
    values = float_array(x.data if isinstance(x, Tensor) else x)
    if values.ndim != 2 or not values.shape[0] or not values.shape[1] or steps < least:
        raise ValueError(
            f"{name}: expected rows of numbers, (batch, features), and at least {least} steps. "
            f"Received: shape {tuple(values.shape)}, {steps=}"
        )
    return values


def _like(values: Array, spikes: np.ndarray) -> Tensor:
    """Spikes as floats, where the values live."""
    options = {"dtype": values.dtype, "device": values.device}
    return Tensor.wrap(namespace(values).asarray(spikes, **options))


# --- The network ------------------------------------------------------------------------------
class Work(NamedTuple):
    """What one sample costs on average: a stand-in for energy, see SpikingNet.work."""

    spikes: tuple[float, ...]  # of each hidden layer
    additions: float  # one for each spike and each neuron that hears it
    multiply_adds: float  # for inputs that are not spikes, and one leak per neuron and step
    dense_multiply_adds: int  # what a dense network of the same size needs for one sample


class SpikingNet(Module):
    """Linear and LIF in turn, and a last Linear that reads the mean of the last spikes over time.

    sizes    numbers of inputs, of neurons in each hidden layer, and of outputs: (64, 100, 10)
    seed     a whole number, or a numpy.random.Generator that several layers share
    decay, threshold, slope   of all neurons, see LIF

    Shape:   x (batch, time, sizes[0]), spikes or other numbers -> scores (batch, sizes[-1])
    Raises:  ValueError if there is no hidden layer, or a size or a setting does not fit
    Source:  Neftci, Mostafa and Zenke 2019
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        seed: int | np.random.Generator,
        decay: float = 0.9,
        threshold: float = 1.0,
        slope: float = 5.0,
    ) -> None:
        if len(sizes) < 3:
            raise ValueError(
                "SpikingNet: expected sizes of inputs, at least one hidden layer, and outputs, "
                f"such as (64, 100, 10). Received: {tuple(sizes)}"
            )
        rng = np.random.default_rng(seed)
        pairs = list(pairwise(sizes))
        self.hidden = [Linear(n_in, n_out, seed=rng) for n_in, n_out in pairs[:-1]]
        self.neurons = LIF(decay, threshold, slope)  # no weights, so that one serves all layers
        self.output = Linear(*pairs[-1], seed=rng, gain=1.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.read(self.spikes(x)[-1])

    def spikes(self, x: Any) -> list[Tensor]:
        """The spikes of each hidden layer, (batch, time, neurons): to draw, or to make them rare.

        For rare spikes add their mean to the loss: + 0.5 * spikes.mean()
        """
        trains = []
        for layer in self.hidden:
            x = self.neurons(layer(x))
            trains.append(x)
        return trains

    def read(self, spikes: Tensor) -> Tensor:
        """Scores from the spikes of the last hidden layer: (batch, time, n) -> (batch, outputs)."""
        return self.output(spikes.mean(axis=1))

    @no_grad()
    def work(self, x: Any) -> Work:
        """Operations per sample, counted on these inputs; x as in the call.

        A spike costs one addition for each weight that it meets. Inputs that are not spikes cost
        one multiply-add for each weight, at every step. A leak is one multiply-add.
        """
        x = x if isinstance(x, Tensor) else Tensor(x)
        trains = [x.numpy(), *(spikes.numpy() for spikes in self.spikes(x))]
        samples, steps = trains[0].shape[:2]
        weights = [layer.weight for layer in (*self.hidden, self.output)]
        active = [np.count_nonzero(train) / samples for train in trains]
        heard = [count * w.shape[1] for count, w in zip(active, weights, strict=True)]
        has_spikes = bool(np.isin(trains[0], (0, 1)).all())
        leaks = steps * sum(layer.weight.shape[1] for layer in self.hidden)
        return Work(
            spikes=tuple(active[1:]),
            additions=sum(heard[0 if has_spikes else 1 :]),
            multiply_adds=leaks + (0 if has_spikes else heard[0]),
            dense_multiply_adds=sum(w.shape[0] * w.shape[1] for w in weights),
        )
