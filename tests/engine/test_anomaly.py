"""detect_anomaly: the operation that makes the first NaN is named, forward and backward."""

import re

import numpy as np
import pytest

import dlcourse as dl
from dlcourse import anomaly
from tests.engine.compare import DEVICES

on_both = pytest.mark.parametrize("device", DEVICES)
quiet = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's own words, without a place


def watched(compute) -> str:
    """The message of the error that compute() raises under the watch."""
    with pytest.raises(FloatingPointError) as caught, dl.detect_anomaly():
        compute()
    return str(caught.value)


@quiet
@on_both
@pytest.mark.parametrize(
    ("compute", "words"),
    [
        (lambda x: x.log(), "log: the inputs are finite, .* 1 of 4 NaN, the first at \\(1, 1\\)"),
        (lambda x: x.log(), "1 of 4 infinite, the first at \\(0, 1\\). Input 0 lies in -3 … 2"),
        (lambda x: (x * 100).exp(), "exp: .* 2 of 4 infinite, .* subtract the largest entry"),
        (lambda x: 1 / (x - x), "div: .* 4 of 4 infinite, the first at \\(0, 0\\).* divided by 0"),
        (lambda x: x**0.5, "power: .* NaN, .* broken or negative power"),
        (lambda x: (x * 1e30) @ (x * 1e30), "matmul: .* infinite.* Scale the inputs"),
    ],
)
def test_the_operation_that_made_it_is_named(compute, words: str, device: str) -> None:
    with dl.use(device):
        x = dl.Tensor([[1.0, 0.0], [2.0, -3.0]], requires_grad=True)
        message = watched(lambda: compute(x) * 2 + 1)
    assert re.search(words, message)


@on_both
def test_what_came_in_from_outside_is_told_apart(device: str) -> None:
    with dl.use(device):
        x = dl.Tensor([[1.0, 2.0], [float("nan"), 4.0]])
        message = watched(lambda: dl.Linear(2, 3, seed=0)(x))
    assert message.startswith(
        "linear: input 0, shape (2, 2), holds 1 of 4 NaN, the first at (1, 0)"
    )
    assert "look at the data" in message


@quiet
@on_both
def test_the_backward_pass_names_operation_and_line(device: str) -> None:
    def compute() -> None:
        root = x.sqrt()  # a line to be found
        (root * 3).sum().backward()

    with dl.use(device):
        x = dl.Tensor([4.0, 0.0], requires_grad=True)
        message = watched(compute)
    assert message.startswith("backward of sqrt (called in line ")
    assert "of test_anomaly.py: root = x.sqrt()  # a line to be found)" in message
    assert "of input 0, shape (2,), holds 1 of 2 infinite, the first at (1,)" in message


@on_both
def test_a_gradient_that_arrives_bad_is_told_apart(device: str) -> None:
    with dl.use(device):
        x = dl.Tensor([1.0, 2.0], requires_grad=True)
        bad = dl.Tensor([1.0, float("inf")])
        message = watched(lambda: (x * 2).backward(bad))
    assert message.startswith("backward of mul (called in line ")
    assert "the gradient that arrives holds 1 of 2 infinite" in message


@on_both
def test_gradients_of_parts_are_examined(device: str) -> None:
    with dl.use(device):
        x = dl.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
        bad = dl.Tensor([float("nan"), 1.0])
        message = watched(lambda: x[1].backward(bad))
    assert message.startswith("backward of getitem")


@on_both
def test_finite_numbers_pass_and_change_nothing(device: str) -> None:
    def step() -> tuple[float, np.ndarray]:
        model = dl.Sequential(dl.Linear(3, 4, seed=0), dl.Tanh(), dl.Linear(4, 2, seed=1))
        x = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
        loss = dl.cross_entropy(model(dl.Tensor(x)), dl.asarray(np.array([0, 1, 1, 0, 1])))
        loss.backward()
        return loss.item(), dl.to_numpy(model[0].weight.grad)

    with dl.use(device):
        free = step()
        with dl.detect_anomaly():
            seen = step()
    assert free[0] == seen[0]
    assert np.array_equal(free[1], seen[1])


@quiet
def test_outside_the_block_nothing_is_examined() -> None:
    assert np.isinf(dl.Tensor([0.0]).log().item())
    with dl.detect_anomaly():
        assert anomaly.is_watching()
        with dl.detect_anomaly():
            pass
        assert anomaly.is_watching()
    assert not anomaly.is_watching()
    with pytest.raises(FloatingPointError), dl.detect_anomaly():
        dl.Tensor([0.0]).log()
    assert not anomaly.is_watching()  # closed by the error, too


@quiet
def test_it_decorates_a_function() -> None:
    @dl.detect_anomaly()
    def compute() -> None:
        dl.Tensor([-1.0]).log()

    with pytest.raises(FloatingPointError, match="log"):
        compute()


def test_a_failing_training_says_how_to_find_the_operation() -> None:
    class Broken(dl.Module):
        def __init__(self) -> None:
            self.weight = dl.Parameter([1.0])

        def forward(self, x: dl.Tensor) -> dl.Tensor:
            return x * self.weight * float("nan")

    model = Broken()
    x = np.ones((4, 1), "float32")
    with pytest.raises(FloatingPointError, match="detect_anomaly"):
        dl.fit(model, x, x, dl.mse_loss, dl.SGD(model.parameters(), 0.1), progress=False)
