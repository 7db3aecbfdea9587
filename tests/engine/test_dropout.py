"""Dropout: its share of zeros, its gradient, its seed, and what it does in use."""

import numpy as np
import pytest
import torch
from torch.nn import functional

import dlcourse as dl
from tests.engine import agree
from tests.engine.compare import DEVICES, gap

DROPOUT = {"dropout", "Dropout"}  # every public name of dropout.py
on_both = pytest.mark.parametrize("device", DEVICES)
both_dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])


@on_both
@both_dtypes
@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_values_and_gradient_are_those_of_torch_for_the_same_zeros(device, dtype, p) -> None:
    """Torch's scale is taken from its own dropout; the zeros are ours."""
    (values,) = agree.draw([(30, 20)], 0, dtype)
    torch.manual_seed(0)
    scale = functional.dropout(torch.ones(500, dtype=getattr(torch, dtype)), p).max()
    kept = dl.dropout(np.ones_like(values), p, seed=3).numpy() > 0
    agree.check_parity(
        lambda x: dl.dropout(x, p, seed=3),
        lambda x: x * torch.tensor(kept) * scale,
        [values],
        device,
    )


@on_both
def test_gradients_agree_with_finite_differences_and_add_up(device: str) -> None:
    arrays = agree.draw([(4, 5)])
    agree.check_differences(lambda x: dl.dropout(x, 0.4, seed=1), arrays, device)
    agree.assert_same_gradient_twice(lambda x: dl.dropout(x, 0.4, seed=1), arrays, device)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_the_share_of_zeros_is_p_and_the_mean_stays(p: float) -> None:
    y = dl.Dropout(p, seed=0)(dl.Tensor(np.ones((400, 300)))).numpy()
    assert (y == 0).mean() == pytest.approx(p, abs=0.005)
    assert y.mean() == pytest.approx(1, abs=0.02)
    assert np.unique(y).tolist() == pytest.approx([0, 1 / (1 - p)])


def test_the_seed_decides_the_zeros_on_every_device() -> None:
    values = np.ones((20, 30))

    def zeros(device: str, seed: int) -> list[np.ndarray]:
        with dl.use(device):
            layer = dl.Dropout(0.5, seed=seed)
            return [layer(dl.Tensor(values)).numpy() == 0 for _ in range(2)]

    first, second = zeros("cpu", 1)
    assert not np.array_equal(first, second)  # new zeros at every call
    for device in DEVICES:
        assert np.array_equal(zeros(device, 1), [first, second])
    assert not np.array_equal(zeros("cpu", 2)[0], first)


def test_in_use_and_for_p_0_nothing_changes() -> None:
    layer, x = dl.Dropout(0.5, seed=0), dl.Tensor([1.0, 2.0], requires_grad=True)
    assert layer.eval()(x) is x
    assert layer.train()(x) is not x
    assert dl.dropout(x, 0, seed=0) is x
    unchanged = dl.dropout(np.ones(3), training=False, seed=0)
    assert isinstance(unchanged, dl.Tensor)
    assert gap(unchanged, np.ones(3)) == 0
    assert dl.Sequential(layer).parameters() == []
    assert repr(layer) == repr(dl.Dropout(seed=0)) == "Dropout(0.5)"


@pytest.mark.parametrize("p", [-0.1, 1.0, 50])
def test_a_share_outside_its_range_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match=f"0 … below 1. Received: p={p}"):
        dl.Dropout(p, seed=0)
    with pytest.raises(ValueError, match="share of zeros"):
        dl.dropout(np.ones(2), p, seed=0)


def test_the_seed_is_required() -> None:
    with pytest.raises(TypeError, match="seed"):
        dl.Dropout(0.5)
    with pytest.raises(TypeError, match="seed"):
        dl.dropout(np.ones(2))
