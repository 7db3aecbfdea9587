"""How far a gradient reaches: its size at every layer of deep networks, measured and shown."""

import html
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import traitlets as t

from dlcourse.backprop import Tensor
from dlcourse.device import use
from dlcourse.layers.linear import Linear
from dlcourse.losses import cross_entropy
from dlcourse.widgets.base import DualWidget

WIDTH = 64  # units in a hidden layer
CLASSES = 10
ACTIVATIONS = ("sigmoid", "tanh", "relu")
QUANTITIES = ("signal", "weights")
NAMES = {"sigmoid": "sigmoid", "tanh": "tanh", "relu": "ReLU"}
TASK = (
    "Start with sigmoid and 20 layers. Find two different single changes that bring first / last "
    "above 1/100. Then make the gradient explode."
)

Key = tuple[str, int, float, bool]  # activation, depth, gain, shortcut


@dataclass(frozen=True)
class Sizes:
    """Norms at every layer, from the first to the last, rounded to three digits."""

    signal: tuple[float, ...]  # ‖dLoss/d(the layer's output)‖, the gradient that arrives
    weights: tuple[float, ...]  # ‖dLoss/d(the layer's weights)‖


@dataclass(frozen=True)
class Flow:
    """What `gradient_flow` has measured. `table[activation, depth, gain, shortcut]` is a Sizes."""

    activations: tuple[str, ...]
    depths: tuple[int, ...]
    gains: tuple[float, ...]
    table: dict[Key, Sizes]

    def __repr__(self) -> str:
        return f"Flow: {len(self.table)} networks with up to {max(self.depths)} hidden layers"

    def sizes(
        self, activation: str, depth: int, gain: float = 1.0, shortcut: bool = False
    ) -> Sizes:
        """The sizes in one network. Raises ValueError for a setting that was not measured."""
        key = (activation, depth, float(gain), shortcut)
        if key not in self.table:
            raise ValueError(
                f"No such network was measured: {activation=}, {depth=}, {gain=}, {shortcut=}. "
                f"There are activations {self.activations}, depths {self.depths}, "
                f"gains {self.gains}, each with and without shortcuts."
            )
        return self.table[key]

    def ratio(
        self,
        activation: str,
        depth: int,
        gain: float = 1.0,
        shortcut: bool = False,
        quantity: str = "signal",
    ) -> float:
        """First layer divided by last layer.

        quantity: "signal", the gradient that arrives at a layer's output, or "weights", the
            gradient of its weights
        Raises ValueError for another quantity, or a setting that was not measured.
        """
        if quantity not in QUANTITIES:
            raise ValueError(f"quantity is one of {QUANTITIES}. Received: {quantity!r}")
        sizes = getattr(self.sizes(activation, depth, gain, shortcut), quantity)
        return sizes[0] / sizes[-1] if sizes[-1] else math.nan


def gradient_flow(
    x: np.ndarray,
    y: np.ndarray,
    activations: Sequence[str] = ACTIVATIONS,
    depths: Sequence[int] = (2, 5, 10, 20),
    gains: Sequence[float] = (0.5, 1.0, 1.41, 1.5, 2.0, 4.0),
    seed: int = 0,
) -> Flow:
    """One backward pass through many untrained networks: how large is the gradient, where?

    A network: Linear to 64 units, then `depth` hidden layers, then Linear to 10 classes, with
    cross-entropy. A hidden layer is a(Linear(h)); with a shortcut h + a(Linear(h)) / depth.
    All of it in float64, so that nothing rounds to zero.

    Args:
        x: samples (n, features). y: classes (n,), whole numbers from 0 to 9
        activations: "sigmoid", "tanh", "relu"
        depths: numbers of hidden layers, at least 1
        gains: start weights ~ N(0, gain² / n_in), see `Linear`
        seed: of the start weights; the same draws for every setting, only scaled

    Raises:
        ValueError: an unknown activation, a depth below 1, a gain of 0 or less, or an empty list
    Source: Hochreiter 1991; Glorot and Bengio 2010; He et al. 2015 and 2016 (shortcuts)
    """
    _check_settings(activations, depths, gains)
    kinds, deep = tuple(activations), tuple(int(d) for d in depths)
    scales = tuple(float(g) for g in gains)
    keys = itertools.product(kinds, deep, scales, (False, True))
    with use("cpu", dtype="float64"):
        inputs = Tensor(np.asarray(x, dtype="float64"))
        table = {key: _measure(inputs, np.asarray(y), key, seed) for key in keys}
    return Flow(kinds, deep, scales, table)


def _check_settings(
    activations: Sequence[str], depths: Sequence[int], gains: Sequence[float]
) -> None:
    unknown = [name for name in activations if name not in ACTIVATIONS]
    lists = (activations, depths, gains)
    if unknown or not all(len(values) for values in lists) or min(depths) < 1 or min(gains) <= 0:
        raise ValueError(
            f"gradient_flow: activations from {ACTIVATIONS}, depths from 1 and positive gains, at "
            f"least one of each. Received: {activations}, {depths}, {gains}."
        )


def _measure(x: Tensor, y: np.ndarray, key: Key, seed: int) -> Sizes:
    """One network, one backward pass, two norms for each layer."""
    activation, depth, gain, shortcut = key
    rng = np.random.default_rng(seed)
    sizes = [x.shape[1]] + [WIDTH] * (depth + 1) + [CLASSES]
    layers = [Linear(n, m, seed=rng, gain=gain) for n, m in itertools.pairwise(sizes)]
    probes = [Tensor(np.zeros((len(x), m)), requires_grad=True) for m in sizes[1:]]

    h = layers[0](x) + probes[0]  # adding 0 changes nothing, and its gradient is that of h
    for layer, probe in zip(layers[1:-1], probes[1:-1], strict=True):
        new = getattr(layer(h), activation)()
        h = (h + new / depth if shortcut else new) + probe
    cross_entropy(layers[-1](h) + probes[-1], y).backward()
    return Sizes(
        signal=tuple(_norm(probe) for probe in probes),
        weights=tuple(_norm(layer.weight) for layer in layers),
    )


def _norm(tensor: Tensor) -> float:
    """The gradient's norm with three digits: the same on every machine, and short in the page."""
    assert tensor.grad is not None
    return float(f"{np.linalg.norm(tensor.grad):.3g}")


class GradientFlow(DualWidget):
    """The size of the gradient at every layer, with sliders for the network's settings.

    Args:
        flow: what `gradient_flow` returns
        label: the widget's name
        activation, depth, gain, shortcut, quantity: the setting at the start; without them
            the first activation, the largest depth, gain 1, no shortcuts, the signal
        task: what the reader should try
    After use, these traits hold the reader's setting.

    Raises:
        TypeError: flow is no Flow
        ValueError: a setting that was not measured
    """

    js = "flow"
    task = t.Unicode(TASK).tag(sync=True)
    data = t.Dict(default_value={}).tag(sync=True)
    activation = t.Unicode("").tag(sync=True)
    depth = t.Int(0).tag(sync=True)
    gain = t.Float(1.0).tag(sync=True)
    shortcut = t.Bool(False).tag(sync=True)
    quantity = t.Enum(QUANTITIES, default_value="signal").tag(sync=True)

    def __init__(
        self, flow: Flow, label: str = "The size of the gradient, layer by layer", **kwargs: Any
    ) -> None:
        if not isinstance(flow, Flow):
            raise TypeError(
                "GradientFlow needs what gradient_flow(x, y) returns. "
                f"Received: {type(flow).__name__}."
            )
        self.flow = flow
        start = {
            "activation": flow.activations[0],
            "depth": max(flow.depths),
            "gain": 1.0 if 1.0 in flow.gains else flow.gains[0],
            **kwargs,
        }
        flow.sizes(start["activation"], start["depth"], start["gain"], start.get("shortcut", False))
        super().__init__(label=label, data=_packed(flow), **start)

    def fallback_html(self) -> str:
        """First divided by last, for gain 1 if it was measured, as a table."""
        gain = 1.0 if 1.0 in self.flow.gains else self.flow.gains[0]
        head = "".join(f'<th scope="col">{depth} layers</th>' for depth in self.flow.depths)
        rows = "".join(
            f'<tr><th scope="row">{NAMES[name]}{", shortcuts" if shortcut else ""}</th>'
            + "".join(
                f"<td>{self.flow.ratio(name, depth, gain, shortcut):.1e}</td>"
                for depth in self.flow.depths
            )
            + "</tr>"
            for name in self.flow.activations
            for shortcut in (False, True)
        )
        return (
            f"<p><strong>{html.escape(self.label)}.</strong> {html.escape(self.task)}</p>"
            "<table><caption>The gradient that arrives at the first layer, divided by that at the "
            f"last layer; start weights with gain {gain:g}.</caption><thead><tr>"
            f'<th scope="col">Hidden units</th>{head}</tr></thead><tbody>{rows}</tbody></table>'
        )


def _packed(flow: Flow) -> dict[str, Any]:
    """The table as nested lists: [activation][depth][gain][shortcut][layer]."""
    packed: dict[str, Any] = {
        "activations": list(flow.activations),
        "names": [NAMES[name] for name in flow.activations],
        "depths": list(flow.depths),
        "gains": list(flow.gains),
    }
    for quantity in QUANTITIES:
        packed[quantity] = [
            [[_both(flow, (a, d, g), quantity) for g in flow.gains] for d in flow.depths]
            for a in flow.activations
        ]
    return packed


def _both(flow: Flow, setting: tuple[str, int, float], quantity: str) -> list[list[float]]:
    """The layers without and with shortcuts."""
    return [list(getattr(flow.sizes(*setting, shortcut), quantity)) for shortcut in (False, True)]
