"""The McCulloch-Pitts playground: set weights and a threshold, and collect logic functions."""

import html
from typing import Any, Literal

import traitlets as t

from dlcourse.neuron import mcculloch_pitts, truth_table
from dlcourse.widgets.base import DualWidget

# A function is its outputs for the inputs 00, 01, 10, 11. The names are those of js/threshold.js.
FUNCTIONS = {
    "0000": "never",
    "0001": "AND",
    "0010": "x₁ and not x₂",
    "0011": "x₁",
    "0100": "x₂ and not x₁",
    "0101": "x₂",
    "0110": "XOR",
    "0111": "OR",
    "1000": "NOR",
    "1001": "XNOR",
    "1010": "not x₂",
    "1011": "x₁ or not x₂",
    "1100": "not x₁",
    "1101": "x₂ or not x₁",
    "1110": "NAND",
    "1111": "always",
}
TASK_NETWORK = "Set the three units so that the network computes XOR. Y sees only A and B."
TASK = "Light as many tiles as you can. How many of the 16 can one unit reach, and which stay dark?"


class ThresholdUnit(DualWidget):
    """A unit with two inputs: output 1 if w1 x1 + w2 x2 >= threshold, else 0.

    An output 1 is an orange square, 0 a blue circle. A tile for each of the 16 logic functions
    lights up when the reader reaches it. XOR and XNOR stay dark, until the reader takes three
    units in two layers.

    Args:
        weights: the two weights at the start, whole numbers from -max_weight to max_weight
        threshold: the threshold at the start, a multiple of 0.5 up to 2 max_weight
        max_weight: the largest weight to choose, 1 or 2
        mode: "unit", or "network" for three units in two layers
        network: three units, each [w1, w2, threshold]; the first two feed the third
        layers: whether the reader may change the mode
        task: what the reader should try; each mode has one of its own
    After use, `function` holds the name of the present function, `reached` and
    `reached_network` the outputs of those found, for example "0001" for AND.

    Raises:
        TraitError: a weight or a threshold lies outside its range, or there are not two weights
    Source: McCulloch and Pitts 1943; negative weights are the later, more general form
    """

    js = "threshold"
    task = t.Unicode(TASK).tag(sync=True)
    weights = t.List(t.Int(), default_value=[1, 1], minlen=2, maxlen=2).tag(sync=True)
    threshold = t.Float(2.0).tag(sync=True)
    max_weight = t.Int(1, min=1, max=2).tag(sync=True)
    mode = t.Enum(["unit", "network"], default_value="unit").tag(sync=True)
    layers = t.Bool(True).tag(sync=True)
    network = t.List(
        t.List(t.Float(), minlen=3, maxlen=3),
        default_value=[[1, 1, 1], [1, 1, 2], [1, 1, 1]],
        minlen=3,
        maxlen=3,
    ).tag(sync=True)
    function = t.Unicode("").tag(sync=True)
    reached = t.List(t.Unicode(), default_value=[]).tag(sync=True)
    reached_network = t.List(t.Unicode(), default_value=[]).tag(sync=True)
    revealed = t.Bool(False).tag(sync=True)

    def __init__(self, label: str = "A threshold unit with two inputs", **kwargs: Any) -> None:
        if kwargs.get("mode") == "network":
            kwargs.setdefault("task", TASK_NETWORK)
        super().__init__(label=label, **kwargs)
        self._record()

    @t.validate("weights")
    def _small_weights(self, proposal: dict[str, Any]) -> list[int]:
        if any(abs(w) > self.max_weight for w in proposal["value"]):
            raise t.TraitError(
                f"Weights must be whole numbers from {-self.max_weight} to {self.max_weight}. "
                f"Received: {proposal['value']}. Choose smaller ones, or max_weight=2."
            )
        return proposal["value"]

    @t.validate("threshold")
    def _small_threshold(self, proposal: dict[str, Any]) -> float:
        most = 2 * self.max_weight
        if abs(proposal["value"]) > most or proposal["value"] * 2 % 1:
            raise t.TraitError(
                f"The threshold must be a multiple of 0.5 from {-most} to {most}. "
                f"Received: {proposal['value']}."
            )
        return proposal["value"]

    @t.observe("weights", "threshold", "network", "mode")
    def _record(self, change: object = None) -> None:
        """Keep the function that was just reached: a lit tile stays lit."""
        code = self.outputs()
        self.function = FUNCTIONS[code]
        trait: Literal["reached", "reached_network"]
        trait = "reached" if self.mode == "unit" else "reached_network"
        if code not in getattr(self, trait):
            setattr(self, trait, [*getattr(self, trait), code])
        if len(self.reached) == len(FUNCTIONS) - 2:
            self.revealed = True

    def outputs(self) -> str:
        """The outputs for the inputs 00, 01, 10, 11 as a text: "0001" is AND."""
        x = truth_table(2)
        if self.mode == "unit":
            y = mcculloch_pitts(x, self.weights, self.threshold)
        else:
            *first, (*weights, threshold) = self.network
            hidden = [mcculloch_pitts(x, unit[:2], unit[2]) for unit in first]
            y = mcculloch_pitts(
                [list(pair) for pair in zip(*hidden, strict=True)], weights, threshold
            )
        return "".join(str(int(bit)) for bit in y)

    def fallback_html(self) -> str:
        """The present unit as a sentence and the 16 functions as a table."""
        rows = "".join(
            f"<tr><td>{name}</td>{''.join(f'<td>{bit}</td>' for bit in code)}</tr>"
            for code, name in FUNCTIONS.items()
        )
        return (
            f"<p><strong>{html.escape(self.label)}.</strong> {html.escape(self.task)}</p>"
            f"<p>{self._setting()} computes {html.escape(self.function)}. What is out of reach for "
            "one unit, three units in two layers can do: two of them see the inputs, and the third "
            "sees the outputs of these two. Try it with pencil and paper.</p>"
            "<table><caption>The 16 functions of two inputs x₁ x₂</caption><thead><tr>"
            "<th>Function</th><th>0 0</th><th>0 1</th><th>1 0</th><th>1 1</th></tr></thead>"
            f"<tbody>{rows}</tbody></table>"
        )

    def _setting(self) -> str:
        """The numbers of the present machine in words."""
        if self.mode == "unit":
            w1, w2 = self.weights
            return f"With weights {w1} and {w2}, threshold {self.threshold:g} the unit"
        units = [f"{a:g}, {b:g}, {theta:g}" for a, b, theta in self.network]
        listed = "; ".join(f"{name}: {unit}" for name, unit in zip("ABY", units, strict=True))
        return f"With two weights and a threshold for each unit ({listed}) the network"
