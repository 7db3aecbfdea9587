"""The experiments of chapter 3 keep their thresholds over five seeds, run with its own code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcourse as dl
from dlcourse.widgets import hidden_space
from tests.chapters.cells import run_cells

SEEDS = range(5)


@pytest.fixture(scope="module")
def chapter() -> dict[str, Any]:
    """The names that the chapter defines: its training, its forward and backward pass."""
    wanted = ["def start(", "def train(", "x = np.array([[0, 0]", "def forward(", "def backward("]
    return run_cells("03_hidden_layers_learn", wanted)


def share(chapter: dict[str, Any], hidden: int, first: int, steps: int) -> float:
    x, d = chapter["x"], chapter["d"]
    starts = [chapter["start"](2, hidden, 1, seed) for seed in range(first, first + 40)]
    *_, y, _ = chapter["train"](x, d, starts, 0.5, steps)
    return float((np.abs(y - d) < 0.2).all(axis=(1, 2)).mean())


@pytest.mark.parametrize("seed", SEEDS)
def test_more_hidden_units_are_stuck_less_often(chapter: dict[str, Any], seed: int) -> None:
    assert 0.5 <= share(chapter, 2, 40 * seed, 4000) <= 0.95
    assert share(chapter, 3, 40 * seed, 1500) >= 0.9
    assert share(chapter, 4, 40 * seed, 1500) >= 0.95
    assert share(chapter, 8, 40 * seed, 1500) >= 0.95


def test_the_widget_starts_and_trains_like_the_chapter(chapter: dict[str, Any]) -> None:
    for hidden in hidden_space.SIZES:
        starts = [chapter["start"](2, hidden, 1, seed) for seed in SEEDS]
        weights, *_ = chapter["train"](chapter["x"], chapter["d"], starts, 0.5, 300)
        for seed in SEEDS:
            own = hidden_space.start_weights(hidden, seed)
            assert all(np.array_equal(a, b) for a, b in zip(own, starts[seed], strict=True))
            trained, _ = hidden_space.train(own, 0.5, 300)
            for a, many in zip(trained, weights, strict=True):
                assert a == pytest.approx(many[seed], abs=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_backward_pass_is_that_of_the_engine(chapter: dict[str, Any], seed: int) -> None:
    x, d = chapter["x"], chapter["d"]
    weights = chapter["start"](2, 3, 1, seed)
    h, y = chapter["forward"](x, *weights)
    slopes = chapter["backward"](x, h, y, d, weights[2])
    w1, b1, w2, b2 = tensors = [dl.Tensor(w, requires_grad=True) for w in weights]
    error = ((dl.Tensor(x) @ w1 + b1).sigmoid() @ w2 + b2).sigmoid() - dl.Tensor(d)
    ((error * error).sum() * 0.5).backward()
    for ours, tensor in zip(slopes, tensors, strict=True):
        assert ours == pytest.approx(tensor.grad, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_symmetry_is_learned_with_mirrored_weights(chapter: dict[str, Any], seed: int) -> None:
    rows = dl.neuron.truth_table(6).astype(float)
    mirror = (rows == rows[:, ::-1]).all(axis=1, keepdims=True).astype(float)
    starts = [chapter["start"](6, 2, 1, 20 * seed + k, 0.3) for k in range(20)]
    (w1, *_), _, y, _ = chapter["train"](rows, mirror, starts, 0.1, 3000)
    learned = ((y > 0.5) == mirror).all(axis=(1, 2))
    assert learned.sum() >= 4
    assert np.abs(w1[learned] + w1[learned][:, ::-1]).max() < 0.1
    sizes = np.sort(np.abs(w1[learned][:, :3, 0]), axis=1)
    ratios = sizes / sizes[:, :1]
    known = [np.array([1, 2, 4]), np.array([1, 1.5, 2])]
    near = [min(np.abs(ratio - k).max() for k in known) for ratio in ratios]
    assert np.median(near) < 0.15


@pytest.mark.parametrize("hidden", [3, 2])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_encoder_copies_eight_inputs(chapter: dict[str, Any], hidden: int, seed: int) -> None:
    eight = np.eye(8)
    starts = [chapter["start"](8, hidden, 8, 10 * seed + k, 0.3) for k in range(10)]
    _, h, y, _ = chapter["train"](eight, eight, starts, 0.1, 3000)
    copied = (y.argmax(axis=2) == np.arange(8)).sum(axis=1)
    patterns = [len(np.unique(net > 0.5, axis=0)) for net in h]
    assert copied.min() >= 7
    assert (copied == 8).sum() >= 7
    assert max(patterns) <= 2**hidden
    assert hidden == 2 or min(patterns) < 8  # some code is not binary
