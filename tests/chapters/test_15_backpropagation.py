"""The experiments of chapter 15 keep their thresholds over five seeds, run with its own code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcourse as dl
from tests.chapters.cells import run_cells

SEEDS = range(5)


@pytest.fixture(scope="module")
def chapter() -> dict[str, Any]:
    """The names that the chapter defines: its network, its scalar engine, its neuron."""
    wanted = ["import dlcourse", "class Deep", "def accuracy_of", "class Value", "def order"]
    wanted += ["def backward(root)", "def tanh(a)", "iris = ", "def neuron", "def right"]
    wanted += ["def backward_that_overwrites"]
    return run_cells("15_backpropagation", wanted)


@pytest.mark.parametrize("seed", SEEDS)
def test_shortcuts_let_20_sigmoid_layers_learn(chapter: dict[str, Any], seed: int) -> None:
    deep, accuracy_of = chapter["Deep"], chapter["accuracy_of"]
    assert accuracy_of(deep(20, False, seed)) <= 0.2
    assert accuracy_of(deep(20, True, seed)) >= 0.93


@pytest.mark.parametrize("seed", SEEDS)
def test_the_gradient_of_20_sigmoid_layers_vanishes(chapter: dict[str, Any], seed: int) -> None:
    def ratio(shortcut: bool) -> float:
        network = chapter["Deep"](20, shortcut, seed)
        x, y = chapter["x_train"][:256], chapter["y_train"][:256]
        dl.cross_entropy(network(dl.Tensor(x)), y).backward()
        norms = [np.linalg.norm(layer.weight.grad) for layer in network.layers]
        return float(norms[0] / norms[-1])

    assert ratio(shortcut=False) <= 1e-9
    assert 0.1 <= ratio(shortcut=True) <= 10


def trained(
    chapter: dict[str, Any], backward: Callable[[Any], None], seed: int
) -> tuple[float, float]:
    """Final loss and share of new flowers right, for the chapter's neuron on another split."""
    split = dl.data.train_test(chapter["features"], chapter["target"], test_share=0.4, seed=seed)
    f_train, f_test, t_train, t_test = split
    centre, spread = f_train.mean(0), f_train.std(0)
    chapter["f_train"], chapter["t_train"] = (f_train - centre) / spread, t_train
    parameters, loss = chapter["train"](backward)
    outputs = [chapter["neuron"](parameters, f).data for f in (f_test - centre) / spread]
    return loss.data, float(np.mean(np.array(outputs) * t_test > 0))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_scalar_engine_learns_and_the_overwriting_one_does_not(
    chapter: dict[str, Any], seed: int
) -> None:
    loss, right = trained(chapter, chapter["backward"], seed)
    broken_loss, _ = trained(chapter, chapter["backward_that_overwrites"], seed)
    assert right >= 0.8
    assert broken_loss >= 2 * loss
