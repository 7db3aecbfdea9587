"""trace and check_gradients."""

import numpy as np
import pytest

import dlcourse as dl
from tests.engine.compare import DEVICES


def test_trace_lists_the_graph_in_forward_order() -> None:
    w = dl.Parameter(3.0, name="w")
    x = dl.Tensor(2.0, name="x")
    nodes = dl.trace((w * x + 1.0) ** 2)
    assert [node.id for node in nodes] == list(range(len(nodes)))
    assert [(n.op, n.label, n.value) for n in nodes] == [
        ("leaf", "w", 3.0),
        ("constant", "x", 2.0),
        ("mul", "", 6.0),
        ("constant", "", 1.0),
        ("add", "", 7.0),
        ("constant", "", 2.0),
        ("power", "", 49.0),
    ]
    assert [n.inputs for n in nodes] == [(), (), (0, 1), (), (2, 3), (), (4, 5)]
    assert [n.local for n in nodes if n.inputs] == [(2.0, None), (1.0, None), (14.0, None)]


def test_trace_gives_both_derivatives_of_a_square() -> None:
    x = dl.Parameter(5.0, name="x")
    square = dl.trace(x * x)[-1]
    assert square.inputs == (0, 0)
    assert square.local == (5.0, 5.0)


@pytest.mark.parametrize("device", DEVICES)
def test_local_derivatives_multiply_to_the_gradient(device: str) -> None:
    with dl.use(device):
        x = dl.Parameter(0.3)
        y = (x * 2).tanh().exp()
        product = np.prod([node.local[0] for node in dl.trace(y) if node.inputs])
        y.backward()
    assert product == pytest.approx(float(x.grad), rel=1e-6)


def test_trace_of_arrays_has_values_but_no_local_derivatives() -> None:
    w = dl.Parameter(np.ones((2, 3)), name="w")
    nodes = dl.trace((dl.Tensor(np.ones((4, 2))) @ w).reshape(6, 2).sum(axis=0).max())
    assert [n.op for n in nodes] == ["leaf", "constant", "matmul", "reshape", "sum", "max"]
    assert nodes[2].value.shape == (4, 3)
    assert nodes[2].local == (None, None)
    w.data += 1
    assert (nodes[0].value == 1).all()  # the record does not change with the tensor


@pytest.mark.parametrize("device", DEVICES)
def test_local_derivatives_are_python_numbers_in_the_order_of_the_inputs(device: str) -> None:
    with dl.use(device):
        x = dl.Parameter([5.0])  # one entry, but an axis
        nodes = dl.trace(x - x * 2)
    assert nodes[-1].local == (1.0, -1.0)
    assert {type(value) for node in nodes for value in (node.value, *node.local) if value} == {
        float
    }
    assert dl.trace(x - x)[-1].local == (1.0, -1.0)


def test_trace_of_many_from_single_numbers_has_no_local_derivatives() -> None:
    x, y = dl.Parameter(2.0), dl.Parameter(3.0)
    assert dl.trace(dl.stack([x, y]))[-1].local == (None, None)


def test_trace_leaves_settings_out() -> None:
    x, y = dl.Parameter([1.0, 2.0]), dl.Parameter([3.0, 4.0])
    nodes = dl.trace(dl.where(np.array([True, False]), x, y))
    assert [n.op for n in nodes] == ["leaf", "leaf", "where"]
    assert [n.op for n in dl.trace(x.sum(0))] == ["leaf", "sum"]


def test_trace_leaves_the_graph_usable_and_refuses_a_freed_one() -> None:
    x = dl.Parameter(2.0)
    y = x * x
    dl.trace(y)
    y.backward()
    assert x.grad == 4
    with pytest.raises(RuntimeError, match="freed"):
        dl.trace(y)
    assert [n.op for n in dl.trace(x)] == ["leaf"]


@dl.op
def wrong_square(x):
    """A planted mistake: the derivative of x² is 2 x g."""
    return x * x, lambda g: g * x


@pytest.mark.parametrize("device", DEVICES)
def test_check_gradients_finds_a_wrong_derivative_and_names_the_place(device: str) -> None:
    x = dl.Parameter([[0.0, 0.0], [0.0, 3.0]], name="x")
    with dl.use(device), pytest.raises(AssertionError, match=r"input 1 \(x\), entry \(1, 1\)"):
        dl.check_gradients(lambda y, x: y * wrong_square(x), 2.0, x)


def test_check_gradients_accepts_arrays_numbers_and_unused_inputs() -> None:
    error = dl.check_gradients(lambda x, y: x.exp() * 2, np.linspace(-1, 1, 4), [0.5])
    assert 0 < error < 1e-8


def test_check_gradients_leaves_its_inputs_alone() -> None:
    x, values = dl.Parameter([1.0, 2.0]), np.array([3.0, 4.0])
    dl.check_gradients(lambda x, y: x * y, x, values)
    assert x.grad is None
    assert x.dtype == np.float32
    assert values.tolist() == [3.0, 4.0]


def test_check_gradients_sees_errors_that_cancel_in_a_sum() -> None:
    @dl.op
    def shifted(x):
        return x * 1.0, lambda g: g + np.array([1.0, -1.0])

    with pytest.raises(AssertionError, match="backward gives"):
        dl.check_gradients(shifted, [1.0, 2.0])


def test_check_gradients_sees_errors_that_cancel_between_two_outputs() -> None:
    @dl.op
    def twice(x):
        return np.stack([x, x]), lambda g: 2 * g[0]  # g[0] + g[1] would be right

    with pytest.raises(AssertionError, match="backward gives"):
        dl.check_gradients(twice, 1.0)


@pytest.mark.parametrize(
    ("slope", "mistake", "error"), [(4.0, 1e-4, 2.5e-5), (0.5, -1e-4, 2e-4), (1e-4, 1e-5, 1e-2)]
)
def test_check_gradients_returns_the_error_in_its_measure(slope, mistake, error) -> None:
    @dl.op
    def line(x):
        return slope * x, lambda g: (slope + mistake) * g

    found = dl.check_gradients(line, 1.0, tolerance=1)
    assert found == pytest.approx(error, rel=1e-4)
    assert type(found) is float


def test_check_gradients_allows_no_more_than_its_tolerance() -> None:
    @dl.op
    def line(x):
        return x * 1.0, lambda g: g * (1 + 1.5e-6)

    with pytest.raises(AssertionError, match="allowed 1e-06"):
        dl.check_gradients(line, 1.0)
    assert dl.check_gradients(lambda x: x * 0, 1.0, tolerance=0) == 0


def test_check_gradients_takes_steps_of_the_size_of_the_input() -> None:
    assert dl.check_gradients(lambda x: x * x, [1e7, -1e7]) < 1e-9


def test_check_gradients_reports_nan() -> None:
    @dl.op
    def broken(x):
        return x * 1.0, lambda g: g * np.nan

    with pytest.raises(AssertionError, match="nan"):
        dl.check_gradients(broken, [1.0, 2.0])


def test_check_gradients_needs_floats() -> None:
    with pytest.raises(TypeError, match="floats"):
        dl.check_gradients(lambda x: x, np.array([1, 2]))
