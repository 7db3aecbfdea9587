"""Small generated data sets. They are made up: good for pictures and tests, no proof of use."""

import numpy as np

from dlcourse.data.sets import Dataset
from dlcourse.neuron import truth_table


def logic(n: int = 2) -> Dataset:
    """All logic functions of n inputs, n from 1 to 4.

    x (2**n, n): all inputs in counting order, 00, 01, 10, 11 for n = 2.
    y (2**n, 2**2**n): one column per function. Column k holds k in binary, so for n = 2 it is
    AND in column 1, XOR in column 6, OR in column 7; names[k] spells out the outputs, "0001".
    """
    if not 1 <= n <= 4:
        raise ValueError(f"logic: n goes from 1 to 4 (65,536 functions). Received: {n=}")
    columns = truth_table(2**n).T  # row k of that table is k in binary
    return Dataset(
        x=truth_table(n).astype(np.float32),
        y=np.ascontiguousarray(columns),
        names=tuple("".join(map(str, outputs)) for outputs in columns.T),
        features=tuple(f"input {i + 1}" for i in range(n)),
        source="Definition: every truth table with n inputs.",
    )


def xor() -> Dataset:
    """Exclusive or: 1 if exactly one of two inputs is 1. x (4, 2), y (4,)"""
    x = truth_table(2)
    return Dataset(
        x=x.astype(np.float32),
        y=x.sum(axis=1) % 2,
        names=("equal", "different"),
        features=("input 1", "input 2"),
        source="Definition. Minsky and Papert 1969: no single threshold unit computes it.",
    )


def moons(n: int = 200, noise: float = 0.1, seed: int = 0) -> Dataset:
    """Two half circles that reach into each other. x (n, 2), y (n,)

    n      samples, half of them in each class
    noise  standard deviation of the error added to both coordinates, 0 or more
    """
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    angle = rng.uniform(0, np.pi, n)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
    points = np.where(y[:, None] == 0, upper, lower) + rng.normal(0, noise, (n, 2))
    source = "Generated: points at random angles on two half circles, plus Gaussian noise."
    return _plane(points, y, ("upper moon", "lower moon"), source)


def spirals(n: int = 300, classes: int = 3, noise: float = 0.1, seed: int = 0) -> Dataset:
    """Arms of a spiral, one per class: no straight lines can part them. x (n, 2), y (n,)

    n        samples, dealt to the classes in turn
    classes  number of arms, at least 2
    noise    standard deviation of the error in the angle, in radians, 0 or more
    """
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    radius = rng.uniform(0.05, 1, n)
    angle = 4 * radius + 2 * np.pi * y / classes + rng.normal(0, noise, n)
    points = radius[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    source = "Generated: angle = 4 radius + 2π class / classes, plus Gaussian noise in the angle."
    return _plane(points, y, tuple(f"arm {k + 1}" for k in range(classes)), source)


def _plane(points: np.ndarray, y: np.ndarray, names: tuple[str, ...], source: str) -> Dataset:
    return Dataset(points.astype(np.float32), y, names, ("x1", "x2"), source)
