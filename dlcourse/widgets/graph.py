"""The graph of a computation, to step through: values forward, gradients backward."""

import html
import math
from typing import Any

import numpy as np
import traitlets as t

from dlcourse.backprop import Tensor
from dlcourse.graph import GraphNode, trace
from dlcourse.widgets.base import DualWidget

SIGNS = {"add": "+", "sub": "−", "mul": "×", "div": "÷", "power": "^"}  # as in js/graph.js
TASK = "Step forward to the end, then backward. Say each product aloud before you look."
GUESS_TASK = "Step forward to the end. Then type each gradient yourself before it is shown."


class ComputationGraph(DualWidget):
    """The graph behind a single number, as the engine has recorded it.

    The reader steps forward (values) and backward (gradients), and changes the inputs. Backward
    multiplies what arrives with the local derivative, and adds over all uses of a value.
    Make it before `backward()`, which frees the graph.

    Args:
        root: a tensor with one entry, computed from tensors with requires_grad=True
        label: the widget's name
        guess: the reader types each gradient before it is shown
        task: what the reader should try
    After use: `values` (all nodes by name; Python may set those of the inputs too) and `step`
    (steps done: first one for each operation forward, then one for each gradient backward).
    Nodes without a name are called v1, v2, …; the last one is L.

    Raises:
        TypeError: root is no Tensor
        ValueError: nothing was computed, or a value in the graph has more than one entry
        RuntimeError: backward() has freed the graph
    Source: Linnainmaa 1970; Rumelhart, Hinton and Williams 1986
    """

    js = "graph"
    task = t.Unicode(TASK).tag(sync=True)
    nodes = t.List(t.Dict(), default_value=[]).tag(sync=True)
    values = t.Dict(default_value={}).tag(sync=True)
    step = t.Int(0, min=0).tag(sync=True)
    guess = t.Bool(False).tag(sync=True)

    def __init__(
        self,
        root: Tensor,
        label: str = "A computation and its graph",
        guess: bool = False,
        **kwargs: Any,
    ) -> None:
        nodes = _records(_checked(root))
        kwargs.setdefault("task", GUESS_TASK if guess else TASK)
        kwargs.setdefault("values", {node["name"]: node["value"] for node in nodes})
        super().__init__(label=label, nodes=nodes, guess=guess, **kwargs)

    def fallback_html(self) -> str:
        """The finished graph as a table: one row for each node, in the order of the forward."""
        head = ("Node", "Operation", "Value", "Local derivatives", f"d{self.nodes[-1]['name']}/d…")
        rows = [
            (
                node["name"],
                _operation(node, self.nodes),
                _shown(node["value"]),
                _locals(node, self.nodes),
                _shown(gradient) if gradient is not None else "not needed",
            )
            for node, gradient in zip(self.nodes, gradients(self.nodes), strict=True)
        ]
        return (
            f"<p><strong>{html.escape(self.label)}.</strong> {html.escape(self.task)}</p>"
            "<table><caption>The graph in forward order. A gradient is the sum, over all uses, of "
            "the user's gradient times the local derivative.</caption>"
            f"<thead><tr>{_cells('th', head)}</tr></thead><tbody>"
            + "".join(f"<tr>{_cells('td', row)}</tr>" for row in rows)
            + "</tbody></table>"
        )


def gradients(nodes: list[dict[str, Any]]) -> list[float | None]:
    """d(last node)/d(node) for each node, from the local derivatives; None for constants."""
    found: list[float | None] = [0.0 if n["kind"] in ("leaf", "op") else None for n in nodes]
    found[-1] = 1.0
    for place, node in reversed(list(enumerate(nodes))):
        arrived = found[place]
        for source, slope in zip(node["inputs"], node["local"], strict=True):
            before = found[source]
            if before is not None and arrived is not None:
                found[source] = before + arrived * (math.nan if slope is None else slope)
    return found


def _checked(root: Tensor) -> list[GraphNode]:
    """The traced graph, if it is one that this widget can draw."""
    if not isinstance(root, Tensor):
        raise TypeError(
            f"ComputationGraph needs a dl.Tensor, the result of a computation. "
            f"Received: {type(root).__name__}."
        )
    nodes = trace(root)
    arrays = [node for node in nodes if isinstance(node.value, np.ndarray)]
    if arrays:
        shapes = ", ".join(sorted({str(node.value.shape) for node in arrays}))
        raise ValueError(
            f"ComputationGraph draws graphs of single numbers. In this one are arrays of shape "
            f"{shapes}. Build a small example from tensors such as Tensor(2.0)."
        )
    if not nodes[-1].inputs:
        raise ValueError(
            "ComputationGraph: nothing was computed here from a tensor with requires_grad=True. "
            "Compute something first, for example w * x with w = Tensor(3.0, requires_grad=True)."
        )
    return nodes


def _records(nodes: list[GraphNode]) -> list[dict[str, Any]]:
    """The graph as plain JSON. Kinds: leaf (learned), constant (named), number, op."""
    names = _names(nodes)
    return [
        {
            "name": name,
            "kind": _kind(node),
            "op": node.op,
            "value": _rounded(node.value) if node.inputs else _given(node.value),
            "inputs": list(node.inputs),
            "local": [_rounded(slope) for slope in node.local],
        }
        for node, name in zip(nodes, names, strict=True)
    ]


def _kind(node: GraphNode) -> str:
    if node.inputs:
        return "op"
    if node.op == "leaf":
        return "leaf"
    return "constant" if node.label else "number"


def _names(nodes: list[GraphNode]) -> list[str]:
    """A name for every node, no name twice: its label, L for the last one, v1, v2, … or c1."""
    used = {node.label for node in nodes}
    names: list[str] = []
    for node in nodes:
        stem = "v" if node.inputs else "c"
        free = (f"{stem}{i}" for i in range(1, 2 * len(nodes) + 1))
        name = node.label or ("L" if node is nodes[-1] and "L" not in used else "")
        name = name or next(other for other in free if other not in used)
        while name in names:  # two tensors with the same label
            name += "′"
        used.add(name)
        names.append(name)
    return names


def _given(value: float) -> float | None:
    """An input as it was typed: 0.1 in float32 is 0.10000000149, but nobody wrote that."""
    with np.errstate(over="ignore"):
        single = np.float32(value)
    typed = float(str(single)) if float(single) == value else value
    return typed if math.isfinite(typed) else None


def _rounded(value: float | None) -> float | None:
    """Seven digits: all that float32 holds, and the same text on every machine."""
    return float(f"{value:.7g}") if value is not None and math.isfinite(value) else None


# --- The table that is read without JavaScript -------------------------------------------------
def _shown(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "not defined"
    return f"{value + 0.0:.4g}".replace("-", "−")  # + 0.0 turns -0.0 into 0.0


def _title(node: dict[str, Any]) -> str:
    """How a node is called in a formula: a number without a name is written as the number."""
    return _shown(node["value"]) if node["kind"] == "number" else node["name"]


def _operation(node: dict[str, Any], nodes: list[dict[str, Any]]) -> str:
    inputs = [_title(nodes[i]) for i in node["inputs"]]
    if node["kind"] != "op":
        return {"leaf": "input, with gradient"}.get(node["kind"], "constant")
    if node["op"] in SIGNS and len(inputs) == 2:
        return f" {SIGNS[node['op']]} ".join(inputs)
    return f"−{inputs[0]}" if node["op"] == "neg" else f"{node['op']}({', '.join(inputs)})"


def _locals(node: dict[str, Any], nodes: list[dict[str, Any]]) -> str:
    pairs = zip(node["inputs"], node["local"], strict=True)
    return ", ".join(
        f"d{node['name']}/d{nodes[i]['name']} = {_shown(slope)}"
        for i, slope in pairs
        if nodes[i]["kind"] in ("leaf", "op")
    )


def _cells(tag: str, texts: tuple[str, ...]) -> str:
    scope = ' scope="col"' if tag == "th" else ""
    return "".join(f"<{tag}{scope}>{html.escape(text)}</{tag}>" for text in texts)
