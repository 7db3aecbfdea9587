"""Whole trainings: with the same weights, data and Adam, our losses follow PyTorch's step by step.

One wrong gradient, a wrong running mean in Adam or a gradient that is not forgotten would show
within a few steps, because each step starts from where the one before it has led.
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch

import dlcourse as dl
from benchmarks import models
from benchmarks.models import Case
from tests.engine.compare import DEVICES

STEPS, BATCH = 50, 16
TOLERANCE = 1e-5  # float32; largest gap of two losses relative to PyTorch's
ROWS = 4 * BATCH

CASES: dict[str, Callable[[], Case]] = {
    "mlp": lambda: models.mlp([20, 32, 16, 10], ROWS),
    "cnn": lambda: models.cnn(8, [4, 8], kernel=3, paddings=[1, 1], dense=[16], batch=ROWS),
    "lstm": lambda: models.lstm(6, 16, steps=12, batch=ROWS),
    "lstm of small operations": lambda: models.lstm(6, 16, steps=12, batch=ROWS, fused=False),
    "gpt": lambda: models.gpt(vocab=12, context=10, size=16, heads=2, layers=2, batch=ROWS),
}


def train_ours(case: Case, device: str, batches: list[np.ndarray], rate: float) -> list[float]:
    model, is_float = case.model.to(device), case.inputs.dtype.kind == "f"
    losses = []
    with dl.use(device):
        adam = dl.Adam(model.parameters(), lr=rate)
        for rows in batches:
            x, targets = case.inputs[rows], dl.asarray(case.targets[rows])
            adam.zero_grad()
            loss = case.loss(model(dl.Tensor(x) if is_float else dl.asarray(x)), targets)
            loss.backward()
            adam.step()
            losses.append(loss.item())
    return losses


def train_theirs(case: Case, batches: list[np.ndarray], rate: float) -> list[float]:
    adam = torch.optim.Adam([p for p in case.twin.parameters() if p.requires_grad], lr=rate)
    losses = []
    for rows in batches:
        adam.zero_grad()
        outputs = case.twin(torch.tensor(case.inputs[rows]))
        loss = case.twin_loss(outputs, torch.tensor(case.targets[rows]))
        loss.backward()
        adam.step()
        losses.append(loss.item())
    return losses


def batches(seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.choice(ROWS, BATCH, replace=False) for _ in range(STEPS)]


def gaps(ours: list[float], theirs: list[float]) -> np.ndarray:
    return np.abs(np.subtract(ours, theirs)) / np.abs(theirs)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("device", DEVICES)
def test_losses_follow_those_of_torch(name: str, device: str) -> None:
    case, rows = CASES[name](), batches()
    ours = train_ours(case, device, rows, rate=0.003)
    theirs = train_theirs(case, rows, rate=0.003)
    assert gaps(ours, theirs).max() < TOLERANCE
    assert np.mean(theirs[-5:]) < 0.97 * np.mean(theirs[:5])  # it did learn something


def test_a_small_difference_would_be_noticed() -> None:
    case, rows = CASES["mlp"](), batches()
    theirs = train_theirs(case, rows, rate=0.003)
    assert gaps(train_ours(case, "cpu", rows, rate=0.003001), theirs).max() > TOLERANCE
