"""The engine itself: the graph, the walk back, its errors, and what it leaves behind."""

import gc
import time
import weakref

import numpy as np
import pytest
import torch

import dlcourse as dl
from dlcourse.backprop import FREED, topological_order
from dlcourse.gradients import unbroadcast
from tests.engine.compare import DEVICES, gap


def parameter(values, name=None) -> dl.Parameter:
    return dl.Parameter(values, name=name)


def test_a_value_used_twice_gets_both_gradients() -> None:
    x = parameter([3.0])
    y = x * x + x
    y.backward()
    assert x.grad.tolist() == [7.0]


def test_diamond_with_many_paths_agrees_with_torch() -> None:
    ours, theirs = parameter(0.7), torch.tensor(0.7, requires_grad=True)
    for x in (ours, theirs):
        a = x.tanh()
        for _ in range(20):  # 2**20 paths: only a graph that is walked once per node is quick
            a = a * 0.5 + a.sigmoid() * 0.5
        a.backward()
    assert gap(ours.grad, theirs.grad) < 1e-6


def test_backward_adds_to_the_gradient_until_zero_grad() -> None:
    x = parameter([1.0, 2.0])
    (x * 3).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    assert x.grad.tolist() == [6.0, 6.0]
    assert first.tolist() == [3.0, 3.0]  # an array that someone has kept does not change
    x.zero_grad()
    assert x.grad is None


def test_no_gradient_stays_on_inner_tensors() -> None:
    x = parameter([1.0, 2.0])
    inner = x * 2
    outer = inner.sum()
    outer.backward()
    assert inner.grad is None
    assert outer.grad is None


def test_second_backward_needs_retain_graph() -> None:
    x = parameter(2.0)
    loss = x * x
    loss.backward()
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        loss.backward()
    assert x.grad == 4
    loss = x * x
    loss.backward(retain_graph=True)
    loss.backward()
    assert x.grad == 12


def test_a_freed_part_of_a_larger_graph_is_noticed_before_anything_changes() -> None:
    x, w = parameter(2.0), parameter(3.0)
    shared = x * x
    shared.backward()
    with pytest.raises(RuntimeError, match="freed"):
        (shared * w).backward()
    assert w.grad is None
    assert x.grad == 4


def test_backward_frees_the_arrays_of_the_graph() -> None:
    x = parameter(np.ones(10))
    inner = x * 2
    loss = (inner * inner).sum()
    ghost = weakref.ref(inner)
    del inner
    gc.collect()
    assert ghost() is not None
    loss.backward()
    assert loss.origin is FREED
    assert ghost() is None  # without any help of the garbage collector: no cycles


def test_a_graph_that_is_never_walked_is_freed_without_the_garbage_collector() -> None:
    gc.disable()
    try:
        x = parameter(np.ones(10))
        inner = x * 2
        loss, ghost = (inner * inner).sum(), weakref.ref(inner)
        del inner, loss
        assert ghost() is None
    finally:
        gc.enable()


def chain(n: int) -> float:
    """Seconds for forward and backward through n operations."""
    x = parameter([1.0])
    start = time.process_time()
    y = x
    for _ in range(n):
        y = y + 0.001
    y.backward()
    assert x.grad.tolist() == [1.0]
    return time.process_time() - start


def test_hundred_thousand_operations_in_linear_time() -> None:
    chain(1000)
    short = min(chain(10_000) for _ in range(3))
    assert chain(100_000) < 60 * short  # 10 times the work; quadratic would be 100 times


def test_a_deep_graph_that_is_never_walked_can_be_deleted() -> None:
    y = parameter([1.0])
    for _ in range(100_000):
        y = y * 1.0
    assert len(topological_order(y)) == 100_001
    del y


def test_many_slices_of_one_tensor_take_linear_time() -> None:
    def seconds(n: int) -> float:
        x = parameter(np.ones((n, 50)))
        start = time.process_time()
        total = x[0].sum()
        for i in range(1, n):
            total = total + x[i].sum()
        total.backward()
        assert (x.grad == 1).all()
        return time.process_time() - start

    seconds(100)
    short = min(seconds(500) for _ in range(3))
    assert seconds(5000) < 30 * short


@pytest.mark.parametrize("device", DEVICES)
def test_leaves_never_share_their_gradients(device: str) -> None:
    with dl.use(device):
        x, y, z = (parameter([1.0, 2.0]) for _ in range(3))
        upstream = dl.asarray([1.0, 1.0])
        (x + y).backward(upstream)
        z.backward(upstream)
        x.grad += 5
        z.grad += 7
        assert y.grad.tolist() == [1.0, 1.0]
        assert upstream.tolist() == [1.0, 1.0]
        a, b = parameter(np.ones((2, 3))), parameter(np.ones((3, 2)))
        (a + b.T).sum().backward()
        a.grad += 5  # sum() sends back a view of one number; each leaf needs memory of its own
        assert (dl.to_numpy(b.grad) == 1).all()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("other", [lambda x: x[0] * 5, lambda x: x * 5], ids=["part", "whole"])
@pytest.mark.parametrize("first", [True, False])
def test_inner_tensors_may_share_a_gradient(first: bool, other, device: str) -> None:
    """x + w sends one array back to both. What else arrives for x must not be added into it."""
    with dl.use(device):
        p, q = parameter(np.ones((2, 3))), parameter(np.ones((2, 3)))
        x, w = p * 1, q * 1
        shared, more = ((x + w) * 2).sum(), other(x).sum()
        (shared + more if first else more + shared).backward()
    assert (dl.to_numpy(q.grad) == 2).all()
    assert dl.to_numpy(p.grad).tolist() == [[7, 7, 7], [2, 2, 2] if other(x).ndim == 1 else [7] * 3]


@pytest.mark.parametrize("device", DEVICES)
def test_a_single_number_is_an_array_too(device: str) -> None:
    """NumPy gives a bare number where no axis is left; the data stay an array."""
    with dl.use(device):
        x = parameter(2.0)
        for y in (x * x, parameter([1.0, 2.0]).sum(), parameter([1.0, 2.0])[0]):
            assert isinstance(y.data, type(dl.asarray([1.0])))
            assert y.data.ndim == 0


@pytest.mark.parametrize("device", DEVICES)
def test_gradients_have_the_dtype_and_shape_of_their_tensor(device: str) -> None:
    with dl.use(device):
        for dtype in ("float32", "float64"):
            for shape in ((), (1,), (2, 3)):
                x = parameter(np.ones(shape, dtype))
                (x * np.float64(2.0) + 1).mean().backward()
                assert x.grad.dtype == x.dtype
                assert tuple(x.grad.shape) == shape
                assert str(x.dtype).endswith(dtype)
        single, double = parameter(np.ones(3, "float32")), parameter(np.ones(3))
        (single * double).sum().backward()
        assert str(single.grad.dtype).endswith("float32")
        assert str(double.grad.dtype).endswith("float64")


def test_floats_are_float32_unless_they_come_as_float64_array() -> None:
    assert dl.Tensor([1, 2]).dtype == np.float32
    assert dl.Tensor(0.1).dtype == np.float32
    assert dl.Tensor(np.arange(3)).dtype == np.float32
    assert dl.Tensor(np.array([True])).dtype == np.float32
    assert dl.Tensor(np.zeros(2)).dtype == np.float64
    assert dl.Tensor(dl.Tensor([1.0])).dtype == np.float32


def test_a_tensor_to_learn_has_its_own_copy_of_the_data() -> None:
    values = np.ones(3)
    parameter(values).data += 1
    assert values.tolist() == [1, 1, 1]
    shared = dl.Tensor(values)
    assert np.shares_memory(shared.data, values)


def test_no_grad_records_nothing_and_nests() -> None:
    x = parameter(2.0)

    @dl.no_grad()
    def double(t):
        return t * 2

    with dl.no_grad(), dl.no_grad():
        assert not (x * x).requires_grad
    assert not double(x).requires_grad
    with pytest.raises(KeyError), dl.no_grad():
        raise KeyError
    assert (x * x).requires_grad


def test_detach_stops_the_gradient() -> None:
    x = parameter(3.0)
    (x * x.detach()).backward()
    assert x.grad == 3


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: dl.Tensor([1.0]).backward(), RuntimeError, "nothing behind this tensor"),
        (lambda: (parameter(np.ones((2, 2))) * 2).backward(), RuntimeError, r"shape \(2, 2\)"),
        (lambda: (parameter([1.0, 2.0]) * 2).backward([1.0]), ValueError, r"shape \(1,\)"),
        (lambda: dl.Tensor([1.0, 2.0]).item(), ValueError, r"shape \(2,\)"),
        (lambda: (parameter(1.0) * 2).to("torch"), RuntimeError, "detach"),
        (lambda: dl.Tensor("abc"), TypeError, "expected numbers"),
        (lambda: dl.Tensor([[1.0], [1.0, 2.0]]), TypeError, "equally long"),
        (lambda: np.exp(dl.Tensor([1.0])), TypeError, "ufunc"),
    ],
)
def test_errors_say_what_to_do(make, error, message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_arrays_and_tensors_mix_from_both_sides() -> None:
    x, a = parameter([1.0, 2.0]), np.array([3.0, 5.0])
    for result in (a * x, x * a):
        assert isinstance(result, dl.Tensor)
        assert result.numpy().tolist() == [3, 10]
    assert (a @ x).item() == 13
    assert np.asarray(x).tolist() == [1, 2]
    assert float(x[1]) == 2
    assert [row.item() for row in x] == [1, 2]
    assert repr(x) == "Parameter([1., 2.], requires_grad=True)"
    assert repr(dl.Tensor(2, name="a")) == "Tensor(2., name='a')"


# --- Operations that a learner writes ---------------------------------------------------------
def test_own_operation_with_one_function_for_all_gradients() -> None:
    @dl.op
    def scaled_difference(x, y, scale=1.0):
        return scale * (x - y), lambda g: (scale * g, -scale * g)

    x, y = parameter([1.0, 2.0]), parameter([[0.5], [0.25], [3.0]])
    assert scaled_difference(x, y, scale=3.0).shape == (3, 2)
    assert dl.check_gradients(lambda x, y: scaled_difference(x, y, scale=3.0), x, y) < 1e-6


def test_own_operation_does_not_replace_the_one_behind_the_plus_sign() -> None:
    @dl.op
    def add(x, y):
        return x - y, (lambda g: g, lambda g: -g)

    x = dl.Tensor([5.0])
    assert add(x, 2).item() == 3
    assert (x + 2).item() == 7


@pytest.mark.parametrize(
    ("forward", "error", "message"),
    [
        (lambda x, y: x * y, TypeError, "return the value, then the derivatives"),
        (lambda x, y: (x * y, (lambda g: g * y,)), TypeError, "no derivative for input 1"),
        (lambda x, y: (x * y, lambda g: g * y), TypeError, "no derivative for input 1"),
        (lambda x, y: (x * y, (lambda g: g * y, lambda g: 1.0)), TypeError, "returned float"),
        (
            lambda x, y: (x * y, (lambda g: g * y, lambda g: g[:1])),
            ValueError,
            r"a gradient of shape \(1,\) for an input of shape \(2,\)",
        ),
    ],
)
@pytest.mark.parametrize("device", DEVICES)
def test_mistakes_in_an_own_operation_are_explained(forward, error, message, device) -> None:
    operation = dl.op(forward)
    with dl.use(device), pytest.raises(error, match=message):
        operation(parameter([1.0, 2.0]), parameter([3.0, 4.0])).sum().backward()


@pytest.mark.parametrize("shape", [(2, 3), (1, 2, 2), (2, 2, 3)])
def test_a_gradient_that_no_broadcasting_explains_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"a gradient of shape \(3, 2\) for an input of shape"):
        unbroadcast(np.ones((3, 2)), shape)
