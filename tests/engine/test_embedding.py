"""Embedding: rows of a table, against PyTorch and finite differences."""

import numpy as np
import pytest
import torch
from torch.nn import functional

import dlcourse as dl
from tests.engine import agree
from tests.engine.compare import DEVICES, gap

EMBEDDING = {"embedding", "Embedding"}  # every public name of embedding.py
INDICES = {
    "a row": np.array([2, 0, 2, 4, 2]),
    "a batch": np.array([[1, 1, 3], [0, 4, 1]]),
    "one": np.array(3),
    "none": np.zeros((0, 3), int),
}
on_both = pytest.mark.parametrize("device", DEVICES)
both_dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])


@pytest.mark.parametrize("name", ["a row", "a batch", "one"])
@on_both
@both_dtypes
def test_values_and_gradient_agree_with_torch(name: str, device: str, dtype: str) -> None:
    index = INDICES[name]
    agree.check_parity(
        lambda w: dl.embedding(index, w),
        lambda w: functional.embedding(torch.tensor(index), w),
        agree.draw([(5, 3)], 0, dtype),
        device,
    )


@on_both
def test_gradients_agree_with_finite_differences_and_add_up(device: str) -> None:
    arrays, index = agree.draw([(5, 3)]), INDICES["a batch"]
    agree.check_differences(lambda w: dl.embedding(index, w), arrays, device)
    agree.assert_same_gradient_twice(lambda w: dl.embedding(index, w), arrays, device)


@on_both
def test_it_is_a_one_hot_vector_times_the_table(device: str) -> None:
    index, grads = INDICES["a row"], []
    for form in (dl.embedding, lambda i, w: dl.matmul(dl.Tensor(np.eye(5)[i]), w)):
        with dl.use(device):
            weight = dl.Tensor(agree.draw([(5, 3)])[0], requires_grad=True)
            form(index, weight).backward(agree.draw([(5, 3)], 1)[0])
        grads.append(weight.grad)
    assert gap(*grads) < 1e-14


@on_both
@both_dtypes
def test_the_layer_agrees_with_torch(device: str, dtype: str) -> None:
    with dl.use(device, dtype):
        layer = dl.Embedding(5, 3, seed=1)
        twin = agree.torch_twin(layer, torch.nn.Embedding(5, 3))
        for index in (INDICES["a batch"], INDICES["none"]):
            y, expected = layer(dl.asarray(index)), twin(torch.tensor(index))
            (y * y).sum().backward()
            (expected * expected).sum().backward()
            assert y.shape == tuple(expected.shape)
            assert np.array_equal(y.numpy(), expected.detach().numpy())
    assert gap(layer.weight.grad, twin.weight.grad) < 1e-5


def test_start_values_and_description() -> None:
    layer = dl.Embedding(300, 200, seed=0)
    assert layer.weight.numpy().std() == pytest.approx(1, rel=0.01)
    small = dl.Embedding(300, 200, seed=0, gain=0.02)
    assert gap(small.weight, layer.weight.numpy() * np.float32(0.02)) < 1e-6
    assert repr(layer) == "Embedding(300, 200)"
    assert dl.Embedding(1, 1, seed=0)([0]).shape == (1, 1)
    assert dl.embedding([1, 0], layer.weight).shape == (2, 200)  # a list will do


@pytest.mark.parametrize(
    ("compute", "error", "message"),
    [
        (lambda: table(np.array([0, 5])), ValueError, "from 0 to 4 .* Received: 0 to 5"),
        (lambda: table(np.array([-1])), ValueError, "Received: -1 to -1"),
        (lambda: table(np.array([0.5])), TypeError, "whole numbers.*float64"),
        (lambda: table(np.array([True])), TypeError, "whole numbers.*bool"),
        (lambda: dl.embedding([0], np.ones(3)), ValueError, r"\(rows, d\). Received: \(3,\)"),
        (lambda: dl.Embedding(0, 3, seed=0), ValueError, "num_embeddings=0"),
        (lambda: dl.Embedding(3, 0, seed=0), ValueError, "embedding_dim=0"),
        (lambda: dl.Embedding(3, 3), TypeError, "seed"),
    ],
)
def test_errors_say_what_to_do(compute, error, message: str) -> None:
    with pytest.raises(error, match=message):
        compute()


def table(index: np.ndarray) -> dl.Tensor:
    return dl.Embedding(5, 3, seed=0)(index)
