"""What every operation with weights is tested for: PyTorch, finite differences, backward twice."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

import dlcourse as dl
from tests.engine.compare import TOLERANCE, gap


def draw(shapes: list[tuple[int, ...]], seed: int = 0, dtype: str = "float64") -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def outputs(result: Any) -> list[Any]:
    """A result, which may be a tuple of tuples, as a flat list of tensors."""
    if isinstance(result, tuple | list):
        return [tensor for part in result for tensor in outputs(part)]
    return [result]


def check_parity(
    ours: Callable[..., Any],
    theirs: Callable[..., Any],
    arrays: Sequence[np.ndarray],
    device: str,
    dtype: str | None = None,
) -> None:
    """Every output, and the gradient of every input, after one and after two backward passes."""
    dtype = dtype or str(arrays[0].dtype)
    arrays = [np.asarray(a, dtype) for a in arrays]
    twins = [torch.tensor(a, requires_grad=True) for a in arrays]
    expected = outputs(theirs(*twins))
    rng = np.random.default_rng(3)
    upstream = [rng.normal(size=tuple(y.shape)).astype(dtype) for y in expected]
    sum((y * torch.tensor(g)).sum() for y, g in zip(expected, upstream, strict=True)).backward()
    with dl.use(device, dtype):
        inputs = [dl.Tensor(a, requires_grad=True) for a in arrays]
        found = outputs(ours(*inputs))
        assert len(found) == len(expected)
        for y, twin in zip(found, expected, strict=True):
            assert gap(y, twin) < TOLERANCE[dtype]
        total = dl.Tensor(np.zeros((), dtype))
        for y, g in zip(found, upstream, strict=True):
            total = total + (y * dl.asarray(g)).sum()
        total.backward(retain_graph=True)
        once = [dl.to_numpy(x.grad).copy() for x in inputs]
        total.backward()
    for x, first, twin, values in zip(inputs, once, twins, arrays, strict=True):
        assert gap(first, twin.grad) < TOLERANCE[dtype]
        assert gap(x.grad, 2 * first) < 1e-6
        assert np.array_equal(x.numpy(), values)


def check_differences(ours: Callable[..., Any], arrays: Sequence[np.ndarray], device: str) -> None:
    """All outputs against finite differences in float64."""

    def joined(*inputs: Any) -> dl.Tensor:
        return dl.concat([y.reshape(-1) for y in outputs(ours(*inputs))])

    with dl.use(device, "float64"):
        dl.check_gradients(joined, *arrays)


def assert_same_gradient_twice(
    ours: Callable[..., Any], arrays: list[np.ndarray], device: str
) -> None:
    """A second backward adds the same gradient; inputs and upstream gradient stay as they were."""
    with dl.use(device):
        inputs = [dl.Tensor(a, requires_grad=True) for a in arrays]
        result = ours(*inputs)
        upstream = dl.asarray(draw([result.shape], seed=8, dtype=str(arrays[0].dtype))[0])
        before = dl.to_numpy(upstream).copy()
        result.backward(upstream, retain_graph=True)
        once = [dl.to_numpy(x.grad).copy() for x in inputs]
        result.backward(upstream)
    assert np.array_equal(dl.to_numpy(upstream), before)
    for x, first, values in zip(inputs, once, arrays, strict=True):
        assert gap(x.grad, 2 * first) < 1e-15
        assert np.array_equal(x.numpy(), values)


def torch_twin(layer: dl.Module, twin: torch.nn.Module) -> torch.nn.Module:
    """The torch layer with the weights and states of ours, which have the same names."""
    twin = twin.to(getattr(torch, str(layer.parameters()[0].numpy().dtype)))
    state = {name: torch.tensor(values) for name, values in layer.state_dict().items()}
    missing, unexpected = twin.load_state_dict(state, strict=False)
    assert not unexpected
    assert set(missing) <= {"num_batches_tracked"}
    return twin


def assert_layers_agree(
    layer: dl.Module, twin: torch.nn.Module, values: np.ndarray, device: str
) -> None:
    """Values, gradients of the input and of every parameter, and states, in two steps."""
    tolerance = TOLERANCE[str(values.dtype)]
    for _ in range(2):
        with dl.use(device):
            x, t = dl.Tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
            y, expected = layer(x), twin(t)
            upstream = draw([tuple(expected.shape)], seed=9, dtype=str(values.dtype))[0]
            y.backward(upstream)
            expected.backward(torch.tensor(upstream))
        assert gap(y, expected) < tolerance
        assert gap(x.grad, t.grad) < tolerance
    parameters = dict(twin.named_parameters())
    assert {name for name, _ in layer.named_parameters()} == set(parameters)
    for name, parameter in layer.named_parameters():
        assert gap(parameter.grad, parameters[name].grad) < tolerance
    for name, state in layer.state_dict().items():
        assert gap(state, twin.state_dict()[name]) < tolerance
