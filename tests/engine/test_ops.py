"""Every operation: against finite differences, and against PyTorch in value and gradient."""

import numpy as np
import pytest
import torch

import dlcourse as dl
from tests.engine.cases import CASES, Case
from tests.engine.compare import DEVICES, TOLERANCE, gap

table = pytest.mark.parametrize("case", CASES, ids=str)
on_both = pytest.mark.parametrize("device", DEVICES)


@table
@on_both
def test_gradient_agrees_with_finite_differences(case: Case, device: str) -> None:
    with dl.use(device, dtype="float64"):
        assert dl.check_gradients(case.ours, *case.values(seed=1), tolerance=1e-6) < 1e-6


@table
@on_both
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_value_and_gradient_agree_with_torch(case: Case, device: str, dtype: str) -> None:
    arrays = [np.asarray(values, dtype) for values in case.values(seed=2)]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    expected = case.theirs(*theirs)
    upstream = np.random.default_rng(3).normal(size=tuple(expected.shape)).astype(dtype)
    expected.backward(torch.tensor(upstream))
    with dl.use(device):
        ours = [dl.Tensor(a, requires_grad=True) for a in arrays]
        value = case.ours(*ours)
        value.backward(upstream)
    assert gap(value, expected) < TOLERANCE[dtype]
    for x, twin in zip(ours, theirs, strict=True):
        assert gap(x.grad, twin.grad) < TOLERANCE[dtype]


@table
@on_both
def test_second_backward_adds_the_same_gradient(case: Case, device: str) -> None:
    """A derivative that changes its arrays in place would be found here."""
    with dl.use(device):
        inputs = [dl.Tensor(a, requires_grad=True) for a in case.values(seed=4)]
        before = [x.numpy().copy() for x in inputs]
        result = case.ours(*inputs).sum()
        result.backward(retain_graph=True)
        once = [dl.to_numpy(x.grad).copy() for x in inputs]
        result.backward()
    for x, first, values in zip(inputs, once, before, strict=True):
        assert gap(x.grad, 2 * first) < 1e-15
        assert np.array_equal(x.numpy(), values)


@pytest.mark.parametrize("x", [-np.inf, -1e30, 0.0, 1e30])
def test_relu_and_sigmoid_stay_finite_at_the_ends(x: float) -> None:
    inputs = dl.Tensor([x], requires_grad=True)
    (inputs.relu() + inputs.sigmoid()).sum().backward()
    assert np.isfinite(inputs.grad).all()


def test_relu_has_no_slope_at_the_corner() -> None:
    x = dl.Tensor([-1.0, 0.0, 1.0], requires_grad=True)
    x.relu().sum().backward()
    assert x.grad.tolist() == [0, 0, 1]


def test_nan_is_not_swallowed() -> None:
    x = dl.Tensor([np.nan, 1.0])
    for result in (x.relu(), dl.maximum(x, 0), dl.maximum(0, x), x.max(), x.softmax()):
        assert np.isnan(result.numpy()).any()


def test_softmax_takes_scores_of_any_size() -> None:
    x = dl.Tensor([1000.0, 1001.0, 1002.0])
    expected = torch.softmax(torch.tensor([0.0, 1.0, 2.0]), 0)
    assert gap(x.softmax(), expected) < 1e-6
    assert gap(x.log_softmax(), expected.log()) < 1e-6
    rows = torch.tensor([[1e4, 1e4 + 1], [-1e4, -1e4 - 1]])  # each row has a size of its own
    for axis in (0, 1):
        assert gap(dl.Tensor(rows.numpy()).softmax(axis), rows.softmax(axis)) < 1e-6
        assert gap(dl.Tensor(rows.numpy()).log_softmax(axis), rows.log_softmax(axis)) < 1e-6


def test_equal_entries_share_the_gradient_of_max() -> None:
    x = dl.Tensor([2.0, 5.0, 5.0], requires_grad=True)
    x.max().backward()
    assert x.grad.tolist() == [0, 0.5, 0.5]
    y = dl.Tensor([1.0, 3.0], requires_grad=True)
    dl.maximum(y, dl.Tensor([1.0, 0.0])).sum().backward()
    assert y.grad.tolist() == [0.5, 1]


@pytest.mark.parametrize("number", [2, 2.5, np.float64(2.5), np.int64(2), np.array([1.5, 2, 3])])
def test_plain_numbers_and_arrays_keep_the_precision(number: object) -> None:
    x = dl.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    for result in (x * number, number * x, x + number, number - x, x / number, number / x):
        assert result.dtype == np.float32
    (number * x).sum().backward()
    assert x.grad.dtype == np.float32
    assert np.allclose(x.grad, number)


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda: ones(4, 8) @ ones(6, 8), r"matmul: \(4, 8\) @ \(6, 8\): the inner sizes 8 and 6"),
        (lambda: ones(4, 8) @ ones(6, 8), "Transposed, the right one would fit"),
        (lambda: ones(4, 8) @ ones(7), r"matmul: \(4, 8\) @ \(7,\)"),
        (lambda: ones(3) @ 2.0, "single number"),
        (lambda: ones(4) @ ones(2, 4, 3), r"Reshape it to \(1, 4\) first"),
        (lambda: dl.linear(ones(2, 3), ones(4, 2), ones(2)), r"linear: \(2, 3\) @ \(4, 2\)"),
        (lambda: ones(3, 4) + ones(3), r"add does not fit the shapes \(3, 4\) and \(3,\)"),
        (lambda: ones(3, 4).reshape(5, 2), r"reshape does not fit the shapes \(3, 4\)"),
        (lambda: ones(3, 4).sum(2), r"sum does not fit .*axis 2 does not exist"),
        (lambda: dl.concat([ones(2, 3), ones(2, 4)]), r"concat .*\(2, 3\) and \(2, 4\)"),
        (lambda: dl.stack([ones(2), ones(3)]), r"stack .*\(2,\) and \(3,\)"),
        (lambda: dl.concat([]), "at least one"),
        (lambda: dl.stack([]), "at least one"),
        (lambda: ones(2, 3, 4).T, "needs a matrix"),
    ],
)
def test_errors_name_the_shapes(compute, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compute()


def ones(*shape: int) -> dl.Tensor:
    return dl.Tensor(np.ones(shape))
