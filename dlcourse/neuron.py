"""The neuron from 1943 to 1982 in plain NumPy: threshold unit, perceptron, Hebb, Oja, sigmoid.

Read this file beside chapter 2. Shapes: n inputs, samples in rows, so `x` is (n,) or (samples, n).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Bits = NDArray[np.int64]


def mcculloch_pitts(x: ArrayLike, weights: ArrayLike, threshold: float) -> Bits:
    """Threshold unit: 1 if w . x >= threshold, else 0.

    Shape:   x (..., n), weights (n,) -> (...), whole numbers 0 or 1
    Raises:  ValueError if x and weights do not have the same number of inputs
    Source:  McCulloch and Pitts 1943. There, one active inhibitory input silenced the unit
             altogether; a negative weight is the later, more general form.
    """
    return (_weighted_sum(x, weights) >= threshold).astype(np.int64)


def sigmoid_neuron(x: ArrayLike, weights: ArrayLike, bias: float) -> Array:
    """The threshold unit with a soft step: 1 / (1 + exp(-(w . x + bias))), between 0 and 1.

    Shape:   x (..., n), weights (n,) -> (...)
    Raises:  ValueError if x and weights do not have the same number of inputs
    Source:  the unit of Rumelhart, Hinton and Williams 1986, eq. 2
    """
    z = _weighted_sum(x, weights) + bias
    # exp of a large positive number overflows, so only exp(-|z|) is ever computed.
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


def truth_table(n: int) -> Bits:
    """All inputs of n bits in counting order, (2**n, n): 00, 01, 10, 11 for n = 2."""
    return np.array(list(product([0, 1], repeat=n)), dtype=np.int64)


def threshold_functions(n: int, max_weight: int) -> set[tuple[int, ...]]:
    """Every Boolean function of n inputs that one unit with small whole weights computes.

    A function is the column of outputs for the rows of `truth_table(n)`: (0, 0, 0, 1) is AND.
    Weights run through -max_weight ... max_weight. A threshold between two neighbouring sums
    changes nothing, so for each choice of weights only the sums themselves (and one number
    above them all, for "never") need a try.

    max_weight 1 is enough for n = 2, max_weight 2 for n = 3, max_weight 3 for n = 4.
    """
    x = truth_table(n)
    found = set()
    for weights in product(range(-max_weight, max_weight + 1), repeat=n):
        sums = x @ np.array(weights)
        for threshold in [*np.unique(sums), sums.max() + 1]:
            found.add(tuple((sums >= threshold).astype(int).tolist()))
    return found


def is_separable(x: ArrayLike, y: ArrayLike) -> bool:
    """Can one straight line (plane, hyperplane) separate the two classes?

    Asks a linear program for weights w and bias b with y (w . x + b) >= 1 for every sample.

    Shape:   x (samples, n), y (samples,) with at most two different labels
    Source:  the inequalities of Minsky and Papert 1969, solved by linear programming
    """
    from scipy.optimize import linprog  # heavy, and only this function needs it

    x, y = with_bias(x), np.asarray(y)
    sign = np.where(y == y.max(), 1, -1)
    n = x.shape[1]
    answer = linprog(
        np.zeros(n), A_ub=-sign[:, None] * x, b_ub=-np.ones(len(x)), bounds=[(None, None)] * n
    )
    return bool(answer.status == 0)


def with_bias(x: ArrayLike) -> Array:
    """Append a last column of ones, so that the last weight acts as the bias.

    Shape:   x (samples, n) -> (samples, n + 1)
    """
    x = np.asarray(x, dtype=float)
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)


def perceptron_predict(w: ArrayLike, x: ArrayLike) -> Bits:
    """+1 where w . x >= 0, else -1.   w (n,), x (..., n) -> (...)"""
    return np.where(_weighted_sum(x, w) >= 0, 1, -1)


def perceptron_step(w: Array, x: Array, y: int) -> Array:
    """One sample: w + y x if the sample is on the wrong side or on the line, else w unchanged.

    Shape:   w (n,), x (n,), y is +1 or -1 -> new weights (n,); w itself is not changed
    Raises:  ValueError if y is not +1 or -1 (labels 0 and 1 would silently learn half the task)
    Source:  Rosenblatt 1962 (error correction); the form used here: Novikoff 1962
    """
    if y not in (1, -1):
        raise ValueError(f"A label must be +1 or -1. Received: y={y}. Use 2 * y - 1 for 0 and 1.")
    wrong = y * (w @ x) <= 0
    return w + y * x if wrong else w


@dataclass(frozen=True)
class PerceptronRun:
    """What happened in training: `weights[k]` are the weights after k mistakes."""

    weights: Array  # (mistakes + 1, n), the first row is the start
    mistakes: list[int]  # mistakes in each round (epoch)
    settled: bool  # True if a round went by without a mistake

    @property
    def w(self) -> Array:
        """The weights at the end, (n,)."""
        return self.weights[-1]


def train_perceptron(
    x: ArrayLike, y: ArrayLike, epochs: int = 100, seed: int | None = 0
) -> PerceptronRun:
    """Visit the samples in random order, round after round, until one has no mistake.

    Shape:   x (samples, n), with a column of ones if a bias is wanted; y (samples,), +1 or -1
    epochs:  at most this many rounds, passes over all the data; 1 or more
    seed:    of the order in which samples come; None keeps the order of the rows
    Source:  Rosenblatt 1962; at most (R / gamma)**2 mistakes if separable (Novikoff 1962)
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y)
    order = np.random.default_rng(seed)
    weights, mistakes = [np.zeros(x.shape[1])], []
    for _ in range(epochs):
        before = len(weights)
        rows = np.arange(len(x)) if seed is None else order.permutation(len(x))
        for i in rows:
            new = perceptron_step(weights[-1], x[i], y[i])
            if new is not weights[-1]:
                weights.append(new)
        mistakes.append(len(weights) - before)
        if mistakes[-1] == 0:
            break
    return PerceptronRun(np.array(weights), mistakes, settled=mistakes[-1] == 0)


def novikoff_bound(x: ArrayLike, y: ArrayLike) -> float:
    """(R / gamma)**2: no order of separable samples brings more mistakes than this.

    R is the length of the longest sample. gamma is the widest margin: the largest distance that
    the nearest sample can have from a separating line through the origin.

    Shape:   x (samples, n), y (samples,) with +1 and -1
    Raises:  ValueError if no line through the origin separates the samples
    Source:  Novikoff 1962
    """
    from scipy.optimize import nnls  # heavy, and only this function needs it

    points = np.asarray(y)[:, None] * np.asarray(x, dtype=float)
    radius = np.linalg.norm(points, axis=1).max()
    # gamma is the distance from the origin to the convex hull of the points y x. The shares
    # must be >= 0 (nnls) and sum to 1 (the last row below, scaled to weigh as much as the data).
    rows = np.vstack([points.T, np.full(len(points), radius)])
    shares = nnls(rows, np.append(np.zeros(points.shape[1]), radius))[0]
    gamma = np.linalg.norm(points.T @ shares) / shares.sum()
    if gamma < 1e-6 * radius:
        raise ValueError("No line through the origin separates these samples, so gamma is 0.")
    return float((radius / gamma) ** 2)


def hebb_step(w: Array, x: Array, lr: float) -> Array:
    """Units that are active together bind more strongly: w + lr s x, score s = w . x.

    Shape:   w (n,), x (n,) -> new weights (n,)
    lr:      learning rate, a small positive number
    Source:  Hebb 1949 states the idea in words; this is the usual formula for it
    """
    score = w @ x
    return w + lr * score * x


def oja_step(w: Array, x: Array, lr: float) -> Array:
    """Hebb with a brake that keeps the length of w near 1: w + lr s (x - s w), score s = w . x.

    Shape:   w (n,), x (n,), from data with mean 0 -> new weights (n,)
    lr:      learning rate, a small positive number
    Source:  Oja 1982
    """
    score = w @ x
    return w + lr * score * (x - score * w)


def _weighted_sum(x: ArrayLike, weights: ArrayLike) -> Array:
    x, weights = np.asarray(x, dtype=float), np.asarray(weights, dtype=float)
    if weights.ndim != 1 or x.shape[-1:] != weights.shape:
        raise ValueError(
            f"One weight for each input is needed. Received: x of shape {x.shape}, "
            f"weights of shape {weights.shape}."
        )
    return x @ weights
