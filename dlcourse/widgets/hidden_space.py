"""XOR learned before the reader's eyes: the input plane, and the space that hidden units make."""

import html
from typing import Any

import numpy as np
import traitlets as t

from dlcourse.widgets.base import DualWidget

INPUTS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])  # (4, 2)
TARGETS = np.array([[0.0], [1.0], [1.0], [0.0]])  # (4, 1): XOR
CASES = ("00", "01", "10", "11")
SIZES = (2, 3, 4, 8)  # hidden units to choose from
RATES = (0.1, 0.2, 0.5, 1.0, 2.0)  # learning rates to choose from
MOMENTUM = 0.9
NEAR = 0.2  # an output this near to its target counts as learned
SEEDS = 40
TASK = (
    "Press Play and watch the four points in the hidden space. Then find a seed for which two "
    "hidden units get stuck. What does the hidden space look like then?"
)

Weights = list[np.ndarray]


def start_weights(hidden: int, seed: int) -> Weights:
    """W1 (2, hidden), b1 (1, hidden), W2 (hidden, 1), b2 (1, 1), each number ~ N(0, 1).

    Rounded to three decimals, so that a page can hold them and compute the same numbers.
    """
    rng = np.random.default_rng(seed)
    shapes = [(2, hidden), (1, hidden), (hidden, 1), (1, 1)]
    return [rng.normal(size=shape).round(3) for shape in shapes]


def forward(weights: Weights) -> tuple[np.ndarray, np.ndarray]:
    """The four points in the hidden space (4, hidden), and the four outputs (4, 1)."""
    w1, b1, w2, b2 = weights
    h = _sigmoid(INPUTS @ w1 + b1)
    return h, _sigmoid(h @ w2 + b2)


def train(weights: Weights, lr: float, steps: int) -> tuple[Weights, list[float]]:
    """Gradient descent with momentum on E = ½ Σ (y - d)²: new weights, and E before each step.

    lr: above 0. The four samples are one batch. The page does the same in JavaScript.
    Source: Rumelhart, Hinton and Williams 1986, equations 3 to 9
    """
    weights = [np.array(w, dtype=float) for w in weights]
    changes = [np.zeros_like(w) for w in weights]
    losses = []
    for _ in range(steps):
        h, y = forward(weights)
        losses.append(0.5 * float(np.sum((y - TARGETS) ** 2)))
        delta_out = (y - TARGETS) * y * (1 - y)  # (4, 1)
        delta_hidden = delta_out @ weights[2].T * h * (1 - h)  # (4, hidden)
        gradients = [
            INPUTS.T @ delta_hidden,
            delta_hidden.sum(axis=0, keepdims=True),
            h.T @ delta_out,
            delta_out.sum(axis=0, keepdims=True),
        ]
        for w, change, gradient in zip(weights, changes, gradients, strict=True):
            change *= MOMENTUM
            change -= lr * gradient
            w += change
    return weights, losses


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


class HiddenSpace(DualWidget):
    """A network with 2 inputs, a few hidden units and 1 output learns XOR, step by step.

    Left the input plane with the network's decision regions and a dashed line for each hidden
    unit; right the hidden space, in which the four points move until a line parts them.

    Args:
        hidden: hidden units at the start: 2, 3, 4 or 8
        lr: learning rate at the start: 0.1, 0.2, 0.5, 1 or 2
        seed: which start weights, 0 to 39
        steps: how long one training lasts, a multiple of 100
        step: the step that is shown at the start, 0 to steps
        task: what the reader should try
    After use: `solved` (at the end of the training every output is nearer than 0.2 to its
    target), `stuck` (texts "2 units, rate 0.5, seed 6" of the trainings that did not get there)
    and `weights` (all numbers at the step shown: W1 row by row, b1, W2, b2).

    Raises:
        ValueError: a number of units or a learning rate that is not offered
    Source: the task and the learning rule: Rumelhart, Hinton and Williams 1986
    """

    js = "hidden_space"
    task = t.Unicode(TASK).tag(sync=True)
    hidden = t.Int(2).tag(sync=True)
    lr = t.Float(0.5).tag(sync=True)
    seed = t.Int(0, min=0, max=SEEDS - 1).tag(sync=True)
    steps = t.Int(4000, min=100, max=20000).tag(sync=True)
    step = t.Int(0, min=0).tag(sync=True)
    sizes = t.List(t.Int(), default_value=list(SIZES)).tag(sync=True)
    rates = t.List(t.Float(), default_value=list(RATES)).tag(sync=True)
    starts: Any = t.Dict(default_value={}).tag(sync=True)
    solved = t.Bool(False).tag(sync=True)
    stuck = t.List(t.Unicode(), default_value=[]).tag(sync=True)
    weights = t.List(t.Float(), default_value=[]).tag(sync=True)

    def __init__(self, label: str = "A network learns XOR", **kwargs: Any) -> None:
        super().__init__(label=label, starts=_all_starts(), **kwargs)
        if self.hidden not in SIZES or self.lr not in RATES:
            raise ValueError(
                f"hidden is one of {SIZES} and lr one of {RATES}. "
                f"Received: hidden={self.hidden}, lr={self.lr}"
            )

    def fallback_html(self) -> str:
        """What this training does, in words."""
        start = start_weights(self.hidden, self.seed)
        end, losses = train(start, self.lr, self.steps)
        h, y = forward(end)
        outputs = ", ".join(f"{case} → {v:.2f}" for case, v in zip(CASES, y[:, 0], strict=True))
        places = "; ".join(
            f"{case} at ({', '.join(f'{v:.2f}' for v in row)})"
            for case, row in zip(CASES, h, strict=True)
        )
        return (
            f"<p><strong>{html.escape(self.label)}.</strong> {html.escape(self.task)}</p>"
            f"<p>{self.hidden} hidden units, learning rate {self.lr:g}, seed {self.seed}. The loss "
            f"falls from {losses[0]:.2f} to {losses[-1]:.3f} in {self.steps:,} steps. The outputs "
            f"are then {outputs}; the targets are 0, 1, 1, 0. The four points in the hidden space: "
            f"{places}.</p><p>If two points of different classes lie at the same place there, no "
            "line can part them, and the network is stuck.</p>"
        )


def _all_starts() -> dict[str, list[list[float]]]:
    """The start weights of every size and seed, each as one list of numbers."""
    return {
        str(hidden): [
            np.concatenate([w.ravel() for w in start_weights(hidden, seed)]).tolist()
            for seed in range(SEEDS)
        ]
        for hidden in SIZES
    }
