"""Engines of single numbers: the one that a learner writes in chapter 15, against micrograd.

The chapter's `Value`, `order` and `backward` are taken from its text, as they stand there.
Both train the same small network on the same points with the same lines of Python.
micrograd: Karpathy 2020, https://github.com/karpathy/micrograd (pip install micrograd).
"""

import ast
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import dlcourse as dl

CHAPTER = Path(__file__).parents[1] / "book" / "chapters" / "15_backpropagation.md"
SIZES = (2, 16, 16, 1)
POINTS = 20
LEARNING_RATE = 0.05


def chapter_engine() -> dict[str, Any]:
    """`Value`, `order` and `backward` from the code cells of chapter 15."""
    cells = re.findall(r"^```\{code-cell\}.*?\n(.*?)^```", CHAPTER.read_text("utf8"), re.S | re.M)
    found: dict[str, Any] = {}
    for name in ("Value", "order", "backward"):
        cell = next(c for c in cells if re.search(rf"^(class|def) {name}\b", c, re.M))
        tree = ast.parse(cell)
        tree.body = [part for part in tree.body if getattr(part, "name", None) == name]
        exec(compile(tree, str(CHAPTER), "exec"), found)
    return found


class ScalarNetwork:
    """A ReLU network of single numbers that learns to tell two half-moons apart."""

    def __init__(
        self, value: Callable[[float], Any], relu: Callable[[Any], Any],
        backward: Callable[[Any], None],
    ) -> None:  # fmt: skip
        self.value, self.relu, self.backward = value, relu, backward
        moons = dl.data.moons(POINTS)
        self.points = np.asarray(moons.x, "float64").tolist()
        self.targets = (2.0 * np.asarray(moons.y) - 1).tolist()  # -1 or 1

    def reset(self) -> None:
        rng = np.random.default_rng(6)
        self.layers = []
        for n_in, n_out in pairwise(SIZES):
            rows = rng.normal(size=(n_out, n_in + 1)) / np.sqrt(n_in)
            self.layers.append([[self.value(w) for w in row] for row in rows.tolist()])
        self.weights = [w for layer in self.layers for row in layer for w in row]

    def step(self) -> Any:
        for weight in self.weights:
            weight.grad = 0.0
        loss = self._loss()
        self.backward(loss)
        for weight in self.weights:
            weight.data -= LEARNING_RATE * weight.grad
        return np.float64(loss.data)

    def wait(self) -> None:
        pass  # nothing is still running when Python is done

    def _loss(self) -> Any:
        """The mean squared error over all points."""
        total = self.value(0.0)
        for point, target in zip(self.points, self.targets, strict=True):
            error = self._output(point) + self.value(-target)
            total = total + error * error
        return total * self.value(1 / POINTS)

    def _output(self, point: list[float]) -> Any:
        x = [self.value(number) for number in point]
        for layer in self.layers:
            sums = [self._weighted_sum(row, x) for row in layer]
            x = sums if layer is self.layers[-1] else [self.relu(s) for s in sums]
        return x[0]

    def _weighted_sum(self, row: list[Any], x: list[Any]) -> Any:
        *weights, total = row  # the bias comes last
        for weight, value in zip(weights, x, strict=True):
            total = total + weight * value
        return total


def chapter() -> ScalarNetwork:
    """The network on the engine of chapter 15, with ReLU added as the chapter says."""
    engine = chapter_engine()
    value = engine["Value"]

    def relu(a: Any) -> Any:
        return value(a.data, (a,), (1.0,)) if a.data > 0 else value(0.0, (a,), (0.0,))

    return ScalarNetwork(value, relu, engine["backward"])


def micrograd() -> ScalarNetwork:
    """The network on micrograd. Raises ImportError where it is not installed."""
    from micrograd.engine import Value

    return ScalarNetwork(Value, Value.relu, Value.backward)
