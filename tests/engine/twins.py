"""Twins of whole models: PyTorch's layers with the weights of ours, values and gradients compared.

Write the same model with torch.nn, name the layers that belong together, and compare:

    tied = [(model.hidden, twin.hidden), (model.output, twin.output)]     # or pair_layers(...)
    assert_models_agree(model, twin, tied, [x], device, dtype)
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

import dlcourse as dl
from tests.engine.agree import outputs
from tests.engine.compare import TOLERANCE, gap

nn = torch.nn
Pairs = Sequence[tuple[Any, Any]]  # (our layer or Parameter, PyTorch's)

# Our parameter, PyTorch's parameter, and True where one is the other's transpose.
SAME = [("weight", "weight", False), ("bias", "bias", False)]
STATES = [(name, name, False) for name in ("running_mean", "running_var")]
STEPS = [("weight_ih", "weight_ih_l0", True), ("weight_hh", "weight_hh_l0", True)]
LAYOUT: dict[type, list[tuple[str, str, bool]]] = {
    dl.Linear: [("weight", "weight", True), ("bias", "bias", False)],
    dl.MultiHeadAttention: [
        ("in_proj.weight", "in_proj_weight", True),
        ("in_proj.bias", "in_proj_bias", False),
        ("out_proj.weight", "out_proj.weight", True),
        ("out_proj.bias", "out_proj.bias", False),
    ],
    dl.RNN: [*STEPS, ("bias", "bias_ih_l0", False)],
    dl.LSTM: [*STEPS, ("bias", "bias_ih_l0", False)],
    dl.GRU: [*STEPS, ("bias_ih", "bias_ih_l0", False), ("bias_hh", "bias_hh_l0", False)],
    dl.Embedding: SAME[:1],
    dl.LearnedPositions: [("table", "weight", False)],  # torch.nn.Embedding
    dl.BatchNorm1d: [*SAME, *STATES],
    dl.BatchNorm2d: [*SAME, *STATES],
    **dict.fromkeys((dl.Conv1d, dl.Conv2d, dl.ConvTranspose1d, dl.ConvTranspose2d), SAME),
    **dict.fromkeys((dl.LayerNorm, dl.GroupNorm), SAME),
}
THEIRS = (
    nn.Linear, nn.MultiheadAttention, nn.RNN, nn.LSTM, nn.GRU, nn.Embedding, nn.Conv1d, nn.Conv2d,
    nn.ConvTranspose1d, nn.ConvTranspose2d, nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm,
    nn.GroupNorm,
)  # fmt: skip


def pair_layers(model: dl.Module, twin: nn.Module) -> Pairs:
    """The layers with weights of both models in the order of their attributes."""
    ours, theirs = _layers(model), _their_layers(twin)
    assert len(ours) == len(theirs), f"{ours} against {theirs}"
    return list(zip(ours, theirs, strict=True))


def _layers(module: dl.Module) -> list[dl.Module]:
    inside = {id(part) for m in module.modules() if type(m) in LAYOUT for part in m.modules()[1:]}
    return [m for m in module.modules() if type(m) in LAYOUT and id(m) not in inside]


def _their_layers(module: nn.Module) -> list[nn.Module]:
    found = [m for m in module.modules() if isinstance(m, THEIRS)]
    inside = {id(part) for m in found for part in list(m.modules())[1:]}
    return [m for m in found if id(m) not in inside]


def tensors(pairs: Pairs) -> list[tuple[dl.Tensor, torch.Tensor, bool]]:
    """All parameters and states of the pairs: ours, PyTorch's, and whether it is transposed."""
    found = []
    for ours, theirs in pairs:
        if isinstance(ours, dl.Tensor):
            found.append((ours, theirs, False))
            continue
        for our_name, their_name, transposed in LAYOUT[type(ours)]:
            value = _reach(ours, our_name)
            if value is not None:
                found.append((value, _reach(theirs, their_name), transposed))
    return found


def _reach(thing: Any, path: str) -> Any:
    for name in path.split("."):
        thing = getattr(thing, name)
    return thing


def tie(pairs: Pairs) -> None:
    """Give PyTorch's layers the values of ours."""
    for layer, twin in pairs:
        if isinstance(layer, dl.RNN | dl.LSTM):
            twin.bias_hh_l0.data.zero_()  # PyTorch's second bias; ours has one
    for ours, theirs, transposed in tensors(pairs):
        values = torch.tensor(ours.numpy())
        values = values.T if transposed else values
        assert theirs.shape == values.shape
        theirs.data = values.clone()


def assert_models_agree(
    model: dl.Module,
    twin: nn.Module,
    pairs: Pairs,
    inputs: Sequence[np.ndarray],
    device: str,
    dtype: str = "float64",
    ours: Callable[..., Any] | None = None,
    theirs: Callable[..., Any] | None = None,
) -> None:
    """Outputs, gradients of float inputs and of every parameter, and states, in two passes.

    The model has been built under `with dl.use(device, dtype)`. Whole numbers go in as plain
    arrays. ours and theirs: what to call instead of the model and its twin.
    """
    ours, theirs = ours or model, theirs or twin
    twin.to(getattr(torch, dtype))
    tie(pairs)
    known = {id(t) for t, _, _ in tensors(pairs)}
    assert known >= {id(p) for p in model.parameters()}, "a parameter has no twin"
    rng = np.random.default_rng(4)
    for _ in range(2):
        with dl.use(device, dtype):
            xs = [_ours(values, dtype) for values in inputs]
            ts = [_theirs(values, dtype) for values in inputs]
            found, expected = outputs(ours(*xs)), outputs(theirs(*ts))
            upstream = [rng.normal(size=tuple(y.shape)).astype(dtype) for y in expected]
            model.zero_grad()
            twin.zero_grad()
            _sum_of_products(found, [dl.Tensor(g) for g in upstream]).backward()
            _sum_of_products(expected, [torch.tensor(g) for g in upstream]).backward()
        for y, t in zip(found, expected, strict=True):
            assert gap(y, t) < TOLERANCE[dtype]
        for x, t in zip(xs, ts, strict=True):
            if isinstance(x, dl.Tensor):
                assert gap(x.grad, t.grad) < TOLERANCE[dtype]
        assert_gradients_agree(pairs, dtype)


def assert_gradients_agree(pairs: Pairs, dtype: str) -> None:
    """Every parameter's gradient, and every state's value.

    A gradient whose true value is 0, such as that of a bias before a batch norm, is rounding error
    alone; so errors are also small enough when they are small beside 1 % of the largest gradient.
    """
    parameters = [(a, b, turned) for a, b, turned in tensors(pairs) if a.requires_grad]
    floor = 0.01 * max(float(theirs.grad.abs().max()) for _, theirs, _ in parameters)
    for ours, theirs, transposed in parameters:
        gradient = theirs.grad.T if transposed else theirs.grad
        error = gap(ours.grad, gradient) * float(gradient.abs().max())
        scale = max(float(gradient.abs().max()), floor)
        assert error / scale < TOLERANCE[dtype], f"{ours.name} {ours.shape}"
    for ours, theirs, _ in tensors(pairs):
        assert ours.requires_grad or gap(ours.numpy(), theirs) < TOLERANCE[dtype]


def _sum_of_products(values: list[Any], weights: list[Any]) -> Any:
    total = (values[0] * weights[0]).sum()
    for y, g in zip(values[1:], weights[1:], strict=True):
        total = total + (y * g).sum()
    return total


def _ours(values: np.ndarray, dtype: str) -> Any:
    if values.dtype.kind != "f":
        return dl.asarray(values)
    return dl.Tensor(values.astype(dtype), requires_grad=True)


def _theirs(values: np.ndarray, dtype: str) -> torch.Tensor:
    if values.dtype.kind != "f":
        return torch.tensor(values)
    return torch.tensor(values.astype(dtype), requires_grad=True)
