"""Looking into the graph: `trace` lists it for pictures, `check_gradients` tests it."""

import math
from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

from dlcourse.backprop import Tensor, no_grad, topological_order
from dlcourse.device import Array, asarray, is_float, namespace, to_numpy


class GraphNode(NamedTuple):
    """One value of a computation, as plain data."""

    id: int  # its place in the list
    op: str  # "add", "matmul", …; "leaf" for a tensor to learn, "constant" for any other input
    label: str  # the tensor's name, or ""
    value: Any  # a float, or a NumPy array if there is more than one entry
    inputs: tuple[int, ...] = ()  # ids of what it was computed from
    local: tuple[float | None, ...] = ()  # d(this)/d(input) between single numbers, else None


def trace(root: Tensor) -> list[GraphNode]:
    """The graph behind a tensor, in forward order: each node after its inputs, root last.

    Call it before backward(), which frees the graph (or keep it with retain_graph=True).
    Raises RuntimeError if the graph was freed.
    """
    nodes: list[GraphNode] = []
    places: dict[int, int] = {}  # id of the Python object -> id of the node

    def enter(value: Any, name: str, inputs: tuple[int, ...] = (), local: Any = ()) -> int:
        label = getattr(value, "name", None) or ""
        nodes.append(GraphNode(len(nodes), name, label, _shown(value), inputs, local))
        if isinstance(value, Tensor):  # a number that is used twice becomes two nodes
            places[id(value)] = nodes[-1].id
        return nodes[-1].id

    for tensor in reversed(topological_order(root)):
        if tensor.origin is None:
            enter(tensor, "leaf" if tensor.requires_grad else "constant")
            continue
        inputs = [x for x in tensor.origin.inputs if _is_value(x, tensor)]
        ids = [places[id(x)] if id(x) in places else enter(x, "constant") for x in inputs]
        enter(tensor, tensor.origin.name, tuple(ids), _local_derivatives(tensor, inputs))
    return nodes


def _is_value(x: Any, tensor: Tensor) -> bool:
    """True for what is computed with; an axis, a shape or an index is only a setting."""
    derivatives = tensor.origin.derivatives if tensor.origin else ()
    per_input = isinstance(derivatives, tuple)
    return isinstance(x, Tensor) or (per_input and isinstance(x, int | float))


def _shown(value: Any) -> Any:
    """A single number as a float, everything else as a NumPy array of its own."""
    if not isinstance(value, Tensor):
        return float(value)
    return value.item() if _is_single(value) else value.numpy().copy()


def _is_single(value: Any) -> bool:
    return math.prod(getattr(value, "shape", ())) == 1


def _local_derivatives(tensor: Tensor, inputs: list[Any]) -> tuple[float | None, ...]:
    """d(tensor)/d(input) for each input, where both are single numbers."""
    assert tensor.origin is not None
    found: dict[int, list[float]] = {}
    if _is_single(tensor) and all(_is_single(x) for x in inputs):
        for x, dx in tensor.origin.input_gradients(namespace(tensor.data).ones_like(tensor.data)):
            found.setdefault(id(x), []).append(float(dx.reshape(())))
    return tuple(found[id(x)].pop(0) if id(x) in found else None for x in inputs)


# --- Testing gradients ------------------------------------------------------------------------
def check_gradients(f: Callable[..., Tensor], *inputs: Any, tolerance: float = 1e-6) -> float:
    """Compare backward() with central differences, (f(x + h) - f(x - h)) / 2h, in float64.

    f           a function of tensors that returns a tensor; of several entries a fixed weighted
                sum is taken, so that a wrong sign in one can't cancel out
    inputs      where to test: tensors, arrays or lists of floats; they are copied
    tolerance   largest error allowed

    Returns the largest error, max|a - b| / max|b| per input (a from backward, b from differences;
    below a gradient of 0.001 the error is taken as if max|b| were 0.001).
    Raises AssertionError that names the input and its worst entry if an error is larger.
    """
    tensors = [_test_input(x) for x in inputs]
    _weighted_sum(f(*tensors)).backward()
    errors = [0.0]
    for i, x in enumerate(tensors):
        xp, expected = namespace(x.data), _central_differences(f, tensors, x)
        found = xp.zeros_like(x.data) if x.grad is None else x.grad
        scale = max(float(xp.max(xp.abs(expected))), 1e-3)
        gaps = to_numpy(xp.abs(found - expected)) / scale
        worst = tuple(int(k) for k in namespace(gaps).unravel_index(gaps.argmax(), gaps.shape))
        errors.append(float(gaps[worst]))
        if not errors[-1] <= tolerance:  # "not <=" also catches NaN
            label = f" ({x.name})" if x.name else ""
            raise AssertionError(
                f"check_gradients: input {i}{label}, entry {worst}: backward gives "
                f"{float(found[worst]):.6g}, central differences give {float(expected[worst]):.6g} "
                f"(error {errors[-1]:.2g}, allowed {tolerance:.2g}). Look at this derivative."
            )
    return max(errors)


def _test_input(x: Any) -> Tensor:
    """A copy to test with: float64, on the present device, and a leaf."""
    values = x.data if isinstance(x, Tensor) else asarray(x)
    if not is_float(values):
        raise TypeError("check_gradients: inputs are floats. Fix whole numbers inside f instead.")
    values = to_numpy(values).astype("float64", order="C", copy=True)
    return Tensor(values, requires_grad=True, name=getattr(x, "name", None))


def _weighted_sum(y: Tensor) -> Tensor:
    """One number from all entries, each with its own fixed weight; one entry stays as it is."""
    if _is_single(y):
        return y.sum()
    xp = namespace(y.data)
    places = [float(i) for i in range(math.prod(y.shape))]
    weights = xp.cos(xp.asarray(places, dtype=y.dtype, device=y.data.device))
    return (y * Tensor(weights).reshape(y.shape)).sum()


def _central_differences(f: Callable[..., Tensor], tensors: list[Tensor], x: Tensor) -> Array:
    slopes = namespace(x.data).zeros_like(x.data)
    with no_grad():
        for place in product(*[range(n) for n in x.shape]):
            old = float(x.data[place])
            h = 6e-6 * max(1.0, abs(old))  # the cube root of float64's precision
            x.data[place] = old + h
            above = _weighted_sum(f(*tensors)).item()
            x.data[place] = old - h
            below = _weighted_sum(f(*tensors)).item()
            x.data[place] = old
            slopes[place] = (above - below) / (2 * h)
    return slopes
