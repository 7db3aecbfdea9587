"""What the generative models share: noise, labels, one update, the mean of the weights."""

import copy

import numpy as np
import pytest

import dlcourse as dl
from dlcourse.architectures.generative import (
    checked_labels,
    data_like,
    follow_weights,
    noise_like,
    one_hot,
    placed_like,
    update,
)
from tests.engine.compare import DEVICES, as_numpy

COVERS = {
    "checked_labels",
    "data_like",
    "follow_weights",
    "noise_like",
    "one_hot",
    "placed_like",
    "update",
}
on_both = pytest.mark.parametrize("device", DEVICES)
both_dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])


@on_both
@both_dtypes
def test_arrays_are_born_beside_their_model(device: str, dtype: str) -> None:
    """Also while another device is the present one."""
    with dl.use(device, dtype):
        weight = dl.Linear(2, 3, seed=0).weight
    with dl.use("torch" if device == "cpu" else "cpu", "float32"):
        arrays = [
            placed_like(np.ones((2, 2)), weight),
            placed_like(np.array([True, False]), weight),
            data_like([[1, 2], [3, 4]], weight),
            data_like(dl.Tensor(np.ones(3)), weight),
            noise_like(weight, (4, 5), np.random.default_rng(0)).data,
            one_hot(np.array([1, 0]), 3, weight).data,
        ]
    for array in arrays:
        assert array.dtype == weight.dtype
        assert type(array) is type(weight.data)
        assert array.device == weight.data.device


@on_both
@both_dtypes
def test_a_seed_draws_the_same_noise_everywhere(device: str, dtype: str) -> None:
    with dl.use(device, dtype):
        weight = dl.Linear(2, 3, seed=0).weight
    rng = np.random.default_rng(5)
    first, second = (noise_like(weight, (1000, 3), rng) for _ in range(2))
    expected = np.random.default_rng(5).standard_normal((2, 1000, 3)).astype(dtype)
    assert np.array_equal(first.numpy(), expected[0])
    assert np.array_equal(second.numpy(), expected[1])
    assert not first.requires_grad


def test_one_hot_rows() -> None:
    rows = one_hot(np.array([2, 0]), 3, dl.Tensor(np.ones(1)))
    assert rows.numpy().tolist() == [[0, 0, 1], [1, 0, 0]]


def test_labels_that_fit_come_back_and_others_are_refused() -> None:
    assert checked_labels([1, 0, 2], 3, 3).tolist() == [1, 0, 2]
    with dl.use("torch"):
        assert isinstance(checked_labels(dl.asarray([1, 0]), 2, 2), np.ndarray)
    assert checked_labels(None, 0, 3) is None
    wrong = [
        ([0], 0, 1, "Labels for a model without classes"),
        (None, 3, 2, "3 classes.*Received: None"),
        ([0, 1], 3, 3, r"shape \(3,\). Received: shape \(2,\)"),
        ([0.0, 1.0], 3, 2, "whole number.*float32"),
        ([0, 3], 3, 2, "from 0 to 2. Received: 0 to 3"),
        ([-1, 2], 3, 2, "from 0 to 2. Received: -1 to 2"),
    ]
    for labels, classes, n, message in wrong:
        with pytest.raises(ValueError, match=message):
            checked_labels(labels, classes, n)


def test_update_is_three_lines_and_gives_the_loss_before_it() -> None:
    model = dl.Linear(1, 1, bias=False, seed=0)
    model.weight.data[...] = 3
    model.weight.grad = np.full((1, 1), 100.0, "float32")  # of an earlier step, to be forgotten
    sgd = dl.SGD(model.parameters(), lr=0.1)
    loss = (model(dl.Tensor([[2.0]])) ** 2).sum()  # (2 w)², with the derivative 8 w = 24
    assert update(sgd, loss, 1) == 36
    assert model.weight.item() == pytest.approx(3 - 0.1 * 24)
    before = model.weight.item()
    with pytest.raises(FloatingPointError, match=r"loss is nan at step 7.*lr=0.1"):
        update(sgd, model(dl.Tensor([[np.nan]])).sum(), 7)
    assert model.weight.item() == before


@on_both
def test_the_average_follows(device: str) -> None:
    with dl.use(device):
        model = dl.Sequential(dl.Linear(3, 4, seed=0), dl.BatchNorm1d(4))
        average = copy.deepcopy(model)
        start = model.state_dict()
        rng = np.random.default_rng(1)
        for parameter in model.parameters():
            parameter.data += 1.0
        model(noise_like(model[0].weight, (5, 3), rng))  # moves the running values
        follow_weights(average, model, 0.75)
        follow_weights(average, model, 0.75)
    states, now = average.state_dict(), model.state_dict()
    names = {name for name, _ in model.named_parameters()}
    for name, values in start.items():
        if name in names:  # two steps of a quarter of the way: 1 - 0.75²
            assert np.allclose(states[name], values + 0.4375, atol=1e-6)
        else:
            assert np.array_equal(states[name], now[name])
            assert not np.array_equal(states[name], values)
    kept = as_numpy(average[0].weight.data).copy()
    follow_weights(average, model, 1.0)
    assert np.array_equal(average[0].weight.numpy(), kept)
    follow_weights(average, model, 0.0)
    assert np.array_equal(average[0].weight.numpy(), model[0].weight.numpy())


def test_the_average_needs_a_copy_and_a_decay_in_range() -> None:
    model = dl.Linear(2, 3, seed=0)
    for other, decay in ((model, 1.5), (model, -0.1), (dl.Linear(3, 3, seed=0), 0.9)):
        with pytest.raises(ValueError, match=r"copy.deepcopy.*decay of 0 … 1"):
            follow_weights(other, model, decay)
