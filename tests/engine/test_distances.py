"""Losses with a form of their own: huber_loss with delta, kl_div, contrastive_loss; normalize."""

from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional

import dlcourse as dl
from tests.engine.agree import check_differences, check_parity
from tests.engine.compare import DEVICES

on_all = pytest.mark.parametrize("device", DEVICES)
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def torch_kl_div(log_q: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """The sum over all classes, the mean over all rows."""
    return functional.kl_div(log_q.flatten(0, -2), p.flatten(0, -2), reduction="batchmean")


def torch_contrastive(a: torch.Tensor, b: torch.Tensor, temperature=0.1) -> torch.Tensor:
    scores = functional.normalize(a) @ functional.normalize(b).T / temperature
    labels = torch.arange(len(a))
    losses = [functional.cross_entropy(s, labels) for s in (scores, scores.T)]
    return sum(losses) / 2


# for test_package.py: the losses that are compared here, with their twins
OTHER_LOSSES = {
    "kl_div": torch_kl_div,
    "contrastive_loss": torch_contrastive,
    "normalize": partial(functional.normalize, dim=-1),
}


def draw(*shapes: tuple[int, ...], seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


@pytest.mark.parametrize("delta", [0.3, 1.0, 2.5])
@on_all
@dtypes
def test_huber_loss_agrees_with_torch(delta: float, device: str, dtype: str) -> None:
    check_parity(
        lambda x, y: dl.huber_loss(x, y, delta),
        lambda x, y: functional.huber_loss(x, y, delta=delta),
        draw((5, 4), (5, 4)),
        device,
        dtype,
    )
    check_differences(lambda x, y: dl.huber_loss(x, y, delta), draw((5, 4), (5, 4)), device)


def probabilities(*shape: int) -> np.ndarray:
    e = np.exp(draw(shape, seed=2)[0])
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize("shape", [(6, 4), (2, 3, 5)])
@on_all
@dtypes
def test_kl_div_agrees_with_torch(shape, device: str, dtype: str) -> None:
    arrays = [draw(shape)[0], probabilities(*shape)]
    check_parity(dl.kl_div, torch_kl_div, arrays, device, dtype)
    check_differences(lambda x, p: dl.kl_div(x.log_softmax(), p), arrays, device)


@on_all
def test_kl_div_takes_targets_of_zero_and_is_zero_for_equal_ones(device: str) -> None:
    p = np.array([[1.0, 0.0, 0.0], [0.25, 0.75, 0.0]])
    check_parity(
        lambda z: dl.kl_div(z.log_softmax(), dl.asarray(p)),
        lambda z: torch_kl_div(z.log_softmax(-1), torch.tensor(p)),
        draw((2, 3)),
        device,
        "float64",
    )
    q = probabilities(4, 3)
    assert dl.kl_div(dl.Tensor(np.log(q)), q).item() == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("shape", [(6, 4), (5,), (2, 3, 4)])
@on_all
@dtypes
def test_normalize_agrees_with_torch(shape, device: str, dtype: str) -> None:
    check_parity(dl.normalize, OTHER_LOSSES["normalize"], draw(shape), device, dtype)


def test_normalize_leaves_rows_of_zeros() -> None:
    rows = dl.normalize(dl.Tensor(np.array([[0.0, 0.0], [3.0, -4.0]])))
    assert np.allclose(rows.numpy(), [[0, 0], [0.6, -0.8]])


@pytest.mark.parametrize("shape", [(6, 4), (2, 3), (3, 8)])
@on_all
@dtypes
def test_contrastive_loss_agrees_with_torch(shape, device: str, dtype: str) -> None:
    arrays = [*draw(shape, shape), np.array(0.7)]
    check_parity(dl.contrastive_loss, torch_contrastive, arrays[:2], device, dtype)
    check_parity(dl.contrastive_loss, torch_contrastive, arrays, device, dtype)


@on_all
def test_contrastive_loss_agrees_with_finite_differences(device: str) -> None:
    check_differences(dl.contrastive_loss, [*draw((4, 3), (4, 3)), np.array(0.7)], device)


def test_contrastive_loss_prefers_the_right_partners_and_takes_rows_of_zeros() -> None:
    a, b = draw((5, 8), (5, 8))
    right = dl.contrastive_loss(dl.Tensor(a), dl.Tensor(a)).item()
    assert right < 0.1 < dl.contrastive_loss(dl.Tensor(a), dl.Tensor(a[::-1].copy())).item()
    assert right < dl.contrastive_loss(dl.Tensor(a), dl.Tensor(b)).item()
    a[2] = 0
    x = dl.Tensor(a.astype("float32"), requires_grad=True)
    dl.contrastive_loss(x, dl.Tensor(b.astype("float32"))).backward()
    assert np.isfinite(x.grad).all()


def zeros(*shape: int) -> dl.Tensor:
    return dl.Tensor(np.zeros(shape))


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda: dl.huber_loss(zeros(4, 1), np.zeros(4)), r"\(4, 1\).*\(4,\)"),
        (lambda: dl.huber_loss(zeros(4), np.zeros(4), delta=0), "delta=0"),
        (lambda: dl.kl_div(zeros(4, 3), np.zeros((3, 4))), "kl_div: the prediction has shape"),
        (lambda: dl.kl_div(zeros(4, 3), np.full((4, 3), -1.0)), "first argument"),
        (lambda: dl.contrastive_loss(zeros(4, 3), zeros(4, 2)), r"\(4, 3\).*\(4, 2\)"),
        (lambda: dl.contrastive_loss(zeros(1, 3), zeros(1, 3)), "at least two rows"),
        (lambda: dl.contrastive_loss(zeros(4), zeros(4)), r"\(n, size\)"),
        (lambda: dl.contrastive_loss(zeros(4, 3), zeros(4, 3), 0), "temperature 0.0"),
    ],
)
def test_errors_say_what_to_do(compute, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compute()
