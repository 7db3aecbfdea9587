"""Losses against torch.nn.functional, and their words for wrong labels."""

import numpy as np
import pytest
import torch
from torch.nn import functional

import dlcourse as dl
from tests.engine.compare import DEVICES, TOLERANCE, gap

LOSSES = {
    "mse_loss": "any",
    "l1_loss": "any",
    "huber_loss": "any",
    "binary_cross_entropy_with_logits": "probability",
    "cross_entropy": "label",
}


def draw_targets(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if kind == "label":
        return rng.integers(0, shape[-1], shape[:-1])
    return rng.uniform(0, 1, shape) if kind == "probability" else rng.normal(size=shape)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(6, 4), (2, 3, 5)])
def test_loss_and_gradient_agree_with_torch(name: str, device: str, dtype: str, shape) -> None:
    rng = np.random.default_rng(8)
    values, target = 3 * rng.normal(size=shape), draw_targets(LOSSES[name], shape, rng)
    target = target if LOSSES[name] == "label" else target.astype(dtype)
    t = torch.tensor(values.astype(dtype), requires_grad=True)
    twin, twin_target = t, torch.tensor(target)
    if LOSSES[name] == "label":  # torch wants the classes on axis 1
        twin, twin_target = t.reshape(-1, shape[-1]), twin_target.reshape(-1)
    expected = getattr(functional, name)(twin, twin_target)
    (expected * 3).backward()
    with dl.use(device):
        x = dl.Tensor(values.astype(dtype), requires_grad=True)
        loss = getattr(dl, name)(x, dl.asarray(target))
        tripled = loss * 3
        tripled.backward(retain_graph=True)
        assert gap(loss, expected) < TOLERANCE[dtype]
        assert gap(x.grad, t.grad) < TOLERANCE[dtype]
        tripled.backward()
        assert gap(x.grad, 2 * t.grad) < TOLERANCE[dtype]


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("device", DEVICES)
def test_gradient_agrees_with_finite_differences(name: str, device: str) -> None:
    rng = np.random.default_rng(9)
    with dl.use(device, "float64"):
        target = dl.asarray(draw_targets(LOSSES[name], (5, 3), rng))
        dl.check_gradients(lambda x: getattr(dl, name)(x, target), rng.normal(size=(5, 3)))


def test_both_arguments_of_the_regression_losses_get_gradients() -> None:
    x, y = dl.Parameter([1.0, 2.0]), dl.Parameter([3.0, 5.0])
    for loss in (dl.mse_loss, dl.l1_loss):
        assert dl.check_gradients(loss, x, y) < 1e-6


@pytest.mark.parametrize("size", [50.0, 1e4, 1e30])
def test_huge_logits_give_finite_losses_and_gradients(size: float) -> None:
    x = dl.Tensor([[size, -size], [-size, size]], requires_grad=True)
    loss = dl.cross_entropy(x, np.array([0, 0])) + dl.binary_cross_entropy_with_logits(
        x, np.array([[1, 1], [0, 0]])
    )
    loss.backward()
    assert loss.item() == pytest.approx(size + size / 2, rel=1e-6)
    assert np.isfinite(x.grad).all()


def test_rows_of_cross_entropy_may_have_sizes_of_their_own() -> None:
    logits = np.array([[1e4, 1e4 + 1], [-1e4, -1e4 - 1]], "float32")
    labels = np.array([0, 0])
    expected = functional.cross_entropy(torch.tensor(logits), torch.tensor(labels))
    assert gap(dl.cross_entropy(dl.Tensor(logits), labels), expected) < 1e-6


def zeros(*shape: int) -> dl.Tensor:
    return dl.Tensor(np.zeros(shape))


@pytest.mark.parametrize(
    ("compute", "error", "message"),
    [
        (lambda: dl.cross_entropy(zeros(4, 3), np.zeros(4)), TypeError, "float64"),
        (lambda: dl.cross_entropy(zeros(4, 3), [0, 1, 2, 0]), TypeError, "list"),
        (lambda: dl.cross_entropy(zeros(4, 3), zeros(4)), TypeError, "whole numbers"),
        (lambda: dl.cross_entropy(zeros(4, 3), np.zeros((4, 3), int)), ValueError, "argmax"),
        (lambda: dl.cross_entropy(zeros(4, 3), np.zeros(5, int)), ValueError, r"\(5,\)"),
        (lambda: dl.cross_entropy(zeros(3), np.array(3)), ValueError, "0 to 2"),
        (lambda: dl.cross_entropy(zeros(), np.array(0)), ValueError, r"logits \(\) need labels"),
        (lambda: dl.cross_entropy(zeros(2, 3), np.array([0, -1])), ValueError, "-1 to 0"),
        (lambda: dl.mse_loss(zeros(4, 1), np.zeros(4)), ValueError, r"\(4, 1\).*\(4,\)"),
        (lambda: dl.l1_loss(zeros(4, 1), np.zeros(4)), ValueError, "l1_loss"),
        (
            lambda: dl.binary_cross_entropy_with_logits(zeros(2), np.array([-1, 1])),
            ValueError,
            r"\(t \+ 1\) / 2",
        ),
        (
            lambda: dl.binary_cross_entropy_with_logits(zeros(2), np.array([0.5, 1.5])),
            ValueError,
            "Received: 0.5 to 1.5",
        ),
        (
            lambda: dl.binary_cross_entropy_with_logits(zeros(4, 1), np.zeros(4)),
            ValueError,
            "reshape",
        ),
    ],
)
def test_wrong_targets_are_explained(compute, error, message: str) -> None:
    with pytest.raises(error, match=message):
        compute()
