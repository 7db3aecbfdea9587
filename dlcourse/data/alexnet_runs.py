"""Small AlexNets with and without each of four ingredients: their measured trainings.

Chapter 4 shows the results. They took a while, so they are stored in `alexnet_table.py`; its lines
come from `train_variant`, and anyone can compute them again:

    python -m dlcourse.data.alexnet_runs              all that is not in the table
    python -m dlcourse.data.alexnet_runs --seconds 60    for a minute; the next call goes on
"""

import argparse
import functools
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dlcourse.architectures.alexnet import SmallAlexNet
from dlcourse.data.clutter import moved_digits
from dlcourse.data.real import digits
from dlcourse.data.sets import Dataset, train_test
from dlcourse.layers import ReLU, Tanh
from dlcourse.losses import cross_entropy
from dlcourse.optim import Adam
from dlcourse.train import accuracy, predict, training

INGREDIENTS = ("relu", "normalized", "overlapping", "dropout")
LETTERS = "RNOD"  # of the ingredients, in this order; "-" stands for one left out
VARIANTS = ("RNOD", "-NOD", "R-OD", "RN-D", "RNO-", "----")  # all, one missing, none
PICTURES = (1_000, 51_200)  # training pictures; the last: no picture comes twice
SEEDS = (0, 1, 2)
CHECKPOINTS = (50, 100, 200, 400, 800, 1_600)  # updates after which the errors are measured
BATCH, SIZE, WIDTH = 32, 16, 6
RATE = 2e-3  # best of 1e-3, 2e-3 and 4e-3 for RNOD, -NOD and RNO- (1,000 pictures, 800 updates)
TABLE = Path(__file__).with_name("alexnet_table.py")
HEAD = '''"""Made by alexnet_runs.py: the trainings' errors in percent, training / test pictures.

Ingredients, pictures, seed, then a pair of errors after 50, 100, 200, 400, 800 and 1600 updates.
"""

TABLE = """'''


class Run(NamedTuple):
    """One training: which ingredients, and the errors in percent at the CHECKPOINTS."""

    ingredients: str  # such as "RNOD" or "R-O-"
    pictures: int
    seed: int
    train: tuple[float, ...]
    test: tuple[float, ...]

    def __str__(self) -> str:
        pairs = [f"{a:.1f}/{b:.1f}" for a, b in zip(self.train, self.test, strict=True)]
        return f"{self.ingredients} {self.pictures} {self.seed} {' '.join(pairs)}"


@functools.cache
def pictures(amount: int) -> tuple[Dataset, Dataset]:
    """Training and test pictures: moved digits, from originals that the other part never shows."""
    originals = digits()
    x_train, x_test, y_train, y_test = train_test(originals.x, originals.y, 0.3, seed=0)
    return (
        moved_digits(x_train, y_train, amount, seed=1, size=SIZE),
        moved_digits(x_test, y_test, 2_000, seed=2, size=SIZE),
    )


def build(ingredients: str, seed: int) -> SmallAlexNet:
    """The network with these ingredients. Its start weights depend on the seed alone."""
    has = {name: letter in ingredients for name, letter in zip(INGREDIENTS, LETTERS, strict=True)}
    return SmallAlexNet(
        SIZE,
        in_channels=1,
        width=WIDTH,
        activation=ReLU if has["relu"] else Tanh,
        normalized=has["normalized"],
        overlapping=has["overlapping"],
        dropout=0.5 if has["dropout"] else 0.0,
        seed=seed,
    )


def train_variant(
    ingredients: str, amount: int, seed: int, checkpoints: tuple[int, ...] = CHECKPOINTS
) -> Run:
    """Train one network and measure its errors at the checkpoints.

    ingredients  such as "RNOD" with all four, "RNO-" without dropout
    amount       training pictures, at least 32
    seed         for the start weights, the dropout and the order of the pictures
    """
    train, test = pictures(amount)
    model = build(ingredients, seed)
    x, optimizer = train.x.reshape(-1, 1, SIZE, SIZE), Adam(model.parameters(), lr=RATE)
    epochs = -(-checkpoints[-1] // -(-amount // BATCH))  # rounded up, both times
    errors = []
    for step in training(
        model, x, train.y, cross_entropy, optimizer, epochs, BATCH, seed, progress=False
    ):
        if step.number in checkpoints:
            errors.append((_error(model, train, 1_000), _error(model, test, 2_000)))
        if step.number == checkpoints[-1]:
            break
    train_errors, test_errors = zip(*errors, strict=True)
    return Run(ingredients, amount, seed, train_errors, test_errors)


def _error(model: SmallAlexNet, part: Dataset, most: int) -> float:
    """The share of wrong pictures in percent, on at most so many of them."""
    outputs = predict(model, part.x[:most].reshape(-1, 1, SIZE, SIZE))
    return round(100 * (1 - accuracy(outputs, part.y[:most])), 1)


def alexnet_runs() -> list[Run]:
    """All stored trainings, in the order in which they were computed."""
    from dlcourse.data.alexnet_table import TABLE as text  # noqa: N811

    return [_parsed(line) for line in text.split("\n") if line]


def _parsed(line: str) -> Run:
    ingredients, amount, seed, *pairs = line.split()
    train, test = np.array([pair.split("/") for pair in pairs], dtype=float).T.tolist()
    return Run(ingredients, int(amount), int(seed), tuple(train), tuple(test))


def plan() -> Iterator[tuple[str, int, int]]:
    """Every training of the table: ingredients, pictures, seed."""
    for seed, amount, ingredients in itertools.product(SEEDS, PICTURES, VARIANTS):
        yield ingredients, amount, seed


def main(arguments: Any = None) -> None:
    """Compute what the table lacks, and write it after each training."""
    parser = argparse.ArgumentParser(description="Compute the trainings that the table lacks.")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    end = time.monotonic() + parser.parse_args(arguments).seconds
    runs = alexnet_runs() if TABLE.exists() else []
    done = {run[:3] for run in runs}
    for job in plan():
        if job in done or time.monotonic() > end:
            continue
        runs.append(train_variant(*job))
        lines = "".join(f"{run}\n" for run in runs)
        TABLE.write_text(f'{HEAD}\n{lines}"""\n', encoding="utf-8")
        print(runs[-1], flush=True)


if __name__ == "__main__":
    main()
