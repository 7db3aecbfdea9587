"""What a data set is here, and how it is split into a part to learn from and a part to test on."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples, their classes, and where they come from."""

    x: np.ndarray  # (samples, features), float32
    y: np.ndarray  # (samples,), int64: the class of each sample, from 0
    names: tuple[str, ...]  # the classes
    features: tuple[str, ...]  # the columns of x, with their units
    source: str  # who collected or defined it, when, and what to know about it

    def __repr__(self) -> str:
        classes = ", ".join(self.names[:10])
        return f"Dataset(x {self.x.shape}, y {self.y.shape}, classes: {classes})"


class Split(NamedTuple):
    """The four parts in scikit-learn's order."""

    x_train: Any
    x_test: Any
    y_train: Any
    y_test: Any


def train_test(x: Any, y: Any, test_share: float = 0.25, seed: int = 0) -> Split:
    """Split the samples at random: x_train, x_test, y_train, y_test.

    x, y        arrays with one row per sample, equally many
    test_share  share of the rows that is held out for the test, between 0 and 1
    seed        the same seed gives the same split
    Raises:     ValueError if x and y differ in length, or if one part would be empty
    """
    x, y = np.asarray(x), np.asarray(y)
    if len(x) != len(y):
        raise ValueError(f"train_test: x has {len(x)} rows and y has {len(y)}; expected as many.")
    held_out = round(len(x) * test_share)
    if not 0 < held_out < len(x):
        raise ValueError(
            f"train_test: {test_share=} of {len(x)} rows leaves one part empty. "
            "Choose a share between 0 and 1, such as 0.25."
        )
    order = np.random.default_rng(seed).permutation(len(x))
    test, train = order[:held_out], order[held_out:]
    return Split(x[train], x[test], y[train], y[test])
