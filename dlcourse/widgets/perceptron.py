"""A perceptron trained by hand: drag its line, or apply Rosenblatt's rule one sample at a time."""

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets as t

from dlcourse.neuron import with_bias
from dlcourse.widgets.base import DualWidget

TASK = (
    "First move the line yourself, by dragging or with the sliders. Then press Reset and let the "
    "rule do it: sample by sample, round by round, or until no mistake is left."
)


class Perceptron(DualWidget):
    """Points of two classes and the line w1 x1 + w2 x2 + b = 0 between them.

    The rule: if y (w . x) <= 0, then w becomes w + y x, where x = (x1, x2, 1), w = (w1, w2, b).

    Args:
        points: one [x1, x2, y] for each sample, y is +1 or -1
        weights: [w1, w2, b] at the start. With w1 = w2 = 0, where the rule begins, there is no
            line to drag; "Reset" goes there too.
        seed: order of the samples; 0 takes the rows as they stand, any other whole number a new
            random order in every round (one pass through all samples, also called an epoch)
        max_epochs: "Until no mistake" gives up after this many rounds
        bound: Novikoff's bound on the number of mistakes, if it is known
        axes: names of x1 and x2, with units
        classes: names of the classes +1 (orange squares) and -1 (blue circles)
        task: what the reader should try
    After use: `weights`, `updates` (mistakes corrected so far), `seen` (samples looked at),
    `accuracy` and `best` (shares from 0 to 1), `history` (mistakes in each round).

    Raises:
        ValueError: no points, not three numbers a point, or a label that is not +1 or -1
    Source: Rosenblatt 1962; the bound: Novikoff 1962
    """

    js = "perceptron"
    task = t.Unicode(TASK).tag(sync=True)
    points: t.List[Any] = t.List(default_value=[]).tag(sync=True)
    weights = t.List(t.Float(), default_value=[0.0, 0.0, 0.0], minlen=3, maxlen=3).tag(sync=True)
    seed = t.Int(0, min=0, max=99).tag(sync=True)
    max_epochs = t.Int(100, min=1, max=1000).tag(sync=True)
    bound = t.Float(None, allow_none=True).tag(sync=True)
    axes = t.List(t.Unicode(), default_value=["x₁", "x₂"], minlen=2, maxlen=2).tag(sync=True)
    classes = t.List(t.Unicode(), default_value=["+1", "−1"], minlen=2, maxlen=2).tag(sync=True)
    updates = t.Int(0).tag(sync=True)
    seen = t.Int(0).tag(sync=True)
    accuracy = t.Float(0.0).tag(sync=True)
    best = t.Float(0.0).tag(sync=True)
    history = t.List(t.Int(), default_value=[]).tag(sync=True)

    def __init__(
        self,
        points: Sequence[Sequence[float]] | np.ndarray,
        label: str = "A perceptron, trained by hand",
        **kwargs: Any,
    ) -> None:
        super().__init__(points=_checked(points), label=label, **kwargs)
        self._measure()

    @t.observe("weights")
    def _measure(self, change: object = None) -> None:
        """Share of samples on their own side of the line. On the line counts as wrong."""
        if self.points:
            data = np.array(self.points)
            right = data[:, 2] * (with_bias(data[:, :2]) @ np.array(self.weights)) > 0
            self.accuracy = float(right.mean())
            self.best = max(self.best, self.accuracy)

    def fallback_html(self) -> str:
        """The data and the present line in words."""
        labels = [point[2] for point in self.points]
        plus, minus = labels.count(1), labels.count(-1)
        w1, w2, b = self.weights
        line = f"The line is {w1:g} x₁ + {w2:g} x₂ + {b:g} = 0"
        if not w1 and not w2:
            line = "The weights w₁ and w₂ are 0, so there is no line yet"
        bound = "" if self.bound is None else f" At most {self.bound:.1f} mistakes (Novikoff)."
        return (
            f"<p><strong>{html.escape(self.label)}.</strong> {html.escape(self.task)}</p>"
            f"<p>{plus} points of class {html.escape(self.classes[0])} and {minus} of class "
            f"{html.escape(self.classes[1])}. {line}; "
            f"{100 * self.accuracy:.0f} % of the points lie on their own side.{bound}</p>"
            "<p>Rosenblatt's rule: take one sample x = (x₁, x₂, 1) with label y (+1 for "
            "the first class, −1 for the second). If y (w · x) is 0 or less, the sample is on the "
            "wrong side: replace w by w + y x. Otherwise change nothing. Go on with "
            "the next sample.</p>"
        )


def _checked(points: Sequence[Sequence[float]] | np.ndarray) -> list[list[float]]:
    data = np.asarray(points, dtype=float)
    if data.ndim != 2 or data.shape[1] != 3 or not len(data):
        raise ValueError(
            f"points must be a list of [x1, x2, y]. Received: shape {data.shape}. "
            "np.column_stack([x, y]) makes it from x (samples, 2) and y (samples,)."
        )
    if not np.isin(data[:, 2], [1, -1]).all():
        raise ValueError(
            f"Labels must be +1 or -1. Received: {sorted(set(data[:, 2].tolist()))}. "
            "Use 2 * y - 1 for 0 and 1."
        )
    return [[float(x1), float(x2), int(y)] for x1, x2, y in data]
