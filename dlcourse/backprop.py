"""Backpropagation: tensors that remember how they were made, and the walk back through them.

Read it in this order. `op` makes an ordinary function record what it does. `Tensor` holds a value
and its gradient. `Tensor.backward` walks from the loss back to the parameters.
The operations themselves (+, @, tanh, …) are in ops.py and nonlinear.py, beside their derivatives.

Source: Linnainmaa 1970 (reverse mode); Rumelhart, Hinton and Williams 1986 (networks).
"""

import functools
import math
from collections.abc import Callable, Iterator
from contextlib import ContextDecorator
from typing import Any, NamedTuple

from dlcourse import anomaly
from dlcourse.device import (
    Array,
    asarray,
    check_same_device,
    float_array,
    namespace,
    plain_number,
    to_device,
    to_numpy,
)
from dlcourse.gradients import GradientSum, as_array, fitted

# --- Recording --------------------------------------------------------------------------------
OPS: dict[str, Callable[..., "Tensor"]] = {}  # every operation by its name, so that + finds add


def op(forward: Callable[..., Any]) -> Callable[..., "Tensor"]:
    """Turn a function on arrays into a differentiable operation on tensors.

    The function returns its value first, then one derivative per input: given g = dLoss/dValue,
    each returns dLoss/dInput as a new array and leaves g and the inputs unchanged.

        @op
        def mul(x, y):
            return x * y, (lambda g: g * y, lambda g: g * x)

    Where inputs share work, one function may return all their gradients as a tuple instead.
    Inputs come by position, options such as axis after them or by keyword. Broadcasting needs no
    care here: each gradient is summed back to the shape of its input. The result has the dtype of
    the tensors that went in. Raises ValueError, with all shapes, where shapes do not fit.
    """
    name = forward.__name__.strip("_")

    @functools.wraps(forward)
    def operation(*inputs: Any, **options: Any) -> Tensor:
        places = [i for i, x in enumerate(inputs) if isinstance(x, Tensor)]
        arrays = [plain_number(x) for x in inputs]
        for i in places:
            arrays[i] = inputs[i].data
        check_same_device(name, arrays)
        try:
            result = forward(*arrays, **options)
        except (ValueError, RuntimeError) as error:
            if str(error).startswith(f"{name}: "):  # the operation has found good words itself
                raise
            raise _with_shapes(name, arrays, error) from error
        if not (isinstance(result, tuple) and len(result) == 2):
            raise TypeError(f"@op {name}: return the value, then the derivatives: `return y, dx`.")
        value, derivatives = result
        dtypes = {arrays[i].dtype for i in places}
        value = as_array(value, dtypes.pop() if len(dtypes) == 1 else value.dtype)
        sources = () if _pauses else tuple([i for i in places if inputs[i].requires_grad])
        origin = Origin(name, inputs, derivatives, sources) if sources else None
        if anomaly.is_watching():
            anomaly.check_value(name, arrays, value)
            origin = origin and origin._replace(place=anomaly.caller())
        return Tensor.wrap(value, origin)

    OPS.setdefault(name, operation)  # a learner's own `add` does not replace the one behind +
    return operation


class Origin(NamedTuple):
    """How a tensor was made: the operation, what went in, and the derivatives."""

    name: str
    inputs: tuple[Any, ...]  # tensors, and plain numbers or arrays
    derivatives: Any  # one function per input, or one function for all of them
    sources: tuple[int, ...] = ()  # the places of the inputs that want their gradient
    place: str | None = None  # where it was called, if detect_anomaly was watching

    def input_gradients(self, g: Array) -> Iterator[tuple["Tensor", Any]]:
        """The chain rule for this operation: each tensor that went in, and its gradient."""
        gradients = self.derivatives
        if callable(gradients):
            together = gradients(g)
            gradients = together if isinstance(together, tuple) else (together,)
        for i in self.sources:
            x, dx = self.inputs[i], gradients[i] if i < len(gradients) else None
            if dx is None:
                raise TypeError(f"{self.name}: there is no derivative for input {i}.")
            dx = fitted(dx(g) if callable(dx) else dx, x.data, self.name)
            if self.place is not None:
                anomaly.check_gradient(self.name, self.place, i, g, dx)
            yield x, _own(dx, g) if x.origin is None else dx


FREED = Origin("freed", (), ())
_pauses = 0  # how many no_grad() blocks are open


class no_grad(ContextDecorator):  # noqa: N801  (PyTorch's name)
    """`with no_grad():` or `@no_grad()`: compute without recording, as in an evaluation."""

    def __enter__(self) -> None:
        global _pauses
        _pauses += 1

    def __exit__(self, *error: object) -> None:
        global _pauses
        _pauses -= 1


def _own(dx: Any, g: Array) -> Any:
    """A gradient for a leaf, which keeps it: not in the memory of g, which others may hold too."""
    xp = namespace(g)
    return xp.copy(dx) if hasattr(dx, "shape") and xp.shares_memory(dx, g) else dx


def _with_shapes(name: str, arrays: list[Any], error: Exception) -> ValueError:
    """The library's error with the operation and all shapes in front."""
    shapes = [str(tuple(a.shape)) for a in arrays if hasattr(a, "shape")]
    hint = "Sizes must be equal or 1, counted from the right. " if len(shapes) > 1 else ""
    return ValueError(f"{name} does not fit the shapes {' and '.join(shapes)}. {hint}({error})")


# --- The tensor -------------------------------------------------------------------------------
def _calls(name: str, swap: bool = False) -> Callable[..., "Tensor"]:
    """A method that calls the operation of this name; swap: with the other operand first."""

    def method(self: "Tensor", *others: Any, **options: Any) -> "Tensor":
        operands = (*others, self) if swap else (self, *others)
        return OPS[name](*operands, **options)

    method.__name__, method.__doc__ = name, f"See {name} in ops.py or nonlinear.py."
    return method


class Tensor:
    """An array of floating-point numbers that can find its gradient.

    data           the values: a NumPy array, or a torch tensor on a GPU
    grad           dLoss/dData after backward(): same shape and dtype as data; None before
    requires_grad  True for what is to be learned, and for all that was computed from it
    name           a label for messages and for pictures of the graph
    origin         how it was computed; None for a leaf, which was made by hand

    Whole numbers become floats (float32, see `use`); float64 arrays stay float64.
    With requires_grad=True the data are copied, because training changes them in place.
    """

    __slots__ = ("__weakref__", "data", "grad", "name", "origin", "requires_grad")
    __array_ufunc__ = None  # so that `array + tensor` asks the tensor, not NumPy

    def __init__(self, data: Any, requires_grad: bool = False, name: str | None = None) -> None:
        array = float_array(data.data if isinstance(data, Tensor) else data)
        self.data: Array = namespace(array).copy(array) if requires_grad else array
        self.grad: Array | None = None
        self.requires_grad = requires_grad
        self.name = name
        self.origin: Origin | None = None

    @staticmethod
    def wrap(array: Array, origin: Origin | None = None) -> "Tensor":
        """A tensor around an array just as it is. Operations and layers make theirs with it."""
        tensor = Tensor.__new__(Tensor)
        tensor.data, tensor.grad, tensor.name = array, None, None
        tensor.origin, tensor.requires_grad = origin, origin is not None
        return tensor

    # What it holds
    shape = property(lambda self: tuple(self.data.shape), doc="The sizes of the axes.")
    ndim = property(lambda self: self.data.ndim, doc="The number of axes.")
    dtype = property(lambda self: self.data.dtype, doc="float32, float64, …")

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        values = self.numpy()
        kind = type(self).__name__
        shown = namespace(values).array2string(values, separator=", ", prefix=f"{kind}(")
        label = f", name={self.name!r}" if self.name else ""
        return f"{kind}({shown}{label}{', requires_grad=True' if self.requires_grad else ''})"

    def item(self) -> float:
        """The value of a tensor with one entry, as a Python number."""
        if math.prod(self.shape) != 1:
            raise ValueError(f"item() needs exactly one entry; this tensor has shape {self.shape}.")
        return float(self.data.reshape(()))

    __float__ = item

    def numpy(self) -> Any:
        """The values as a NumPy array. On the CPU it shares the tensor's memory."""
        return to_numpy(self.data)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return namespace(self.numpy()).array(self.numpy(), dtype=dtype, copy=copy)

    def detach(self) -> "Tensor":
        """The same values without a history: no gradient flows through here."""
        return Tensor.wrap(self.data)

    def to(self, name: str) -> "Tensor":
        """A new leaf with these values on the device "cpu", "cuda", "mps" or "torch"."""
        if self.origin is not None:
            raise RuntimeError(
                "to(): this tensor was computed, and its history can't move with it. "
                "Move the inputs and the model before the forward pass, or detach() first."
            )
        moved = Tensor.wrap(to_device(self.data, name))
        moved.requires_grad, moved.name = self.requires_grad, self.name
        return moved

    # What can be done with it: see ops.py and nonlinear.py
    __add__ = __radd__ = _calls("add")
    __mul__ = __rmul__ = _calls("mul")
    __sub__, __rsub__ = _calls("sub"), _calls("sub", swap=True)
    __truediv__, __rtruediv__ = _calls("div"), _calls("div", swap=True)
    __pow__, __rpow__ = _calls("power"), _calls("power", swap=True)
    __matmul__, __rmatmul__ = _calls("matmul"), _calls("matmul", swap=True)
    __neg__, __abs__, __getitem__ = _calls("neg"), _calls("abs"), _calls("getitem")
    exp, log, sqrt, abs = _calls("exp"), _calls("log"), _calls("sqrt"), _calls("abs")
    tanh, sigmoid, relu, gelu = _calls("tanh"), _calls("sigmoid"), _calls("relu"), _calls("gelu")
    softmax, log_softmax = _calls("softmax"), _calls("log_softmax")
    sum, mean, max = _calls("sum"), _calls("mean"), _calls("max")
    reshape, transpose, permute = _calls("reshape"), _calls("transpose"), _calls("permute")

    @property
    def T(self) -> "Tensor":  # noqa: N802  (the name that NumPy and PyTorch use)
        """The transpose of a matrix."""
        if self.ndim != 2:
            raise ValueError(f".T needs a matrix, not shape {self.shape}. Use .transpose(a, b).")
        return OPS["transpose"](self)

    # The gradient
    def zero_grad(self) -> None:
        """Forget the gradient. Without this, the next backward() adds to it."""
        self.grad = None

    def backward(self, grad: Any = None, retain_graph: bool = False) -> None:
        """Add d(this tensor)/d(leaf) to the .grad of every leaf that requires a gradient.

        grad          dLoss/d(this tensor), where to start; 1 for a single number
        retain_graph  False frees the graph on the way; True keeps it for another backward()

        Raises RuntimeError when nothing behind this tensor requires a gradient, when it is not a
        single number and no grad is given, and when an earlier backward() has freed the graph.
        """
        order = topological_order(self)
        sums = {id(tensor): GradientSum() for tensor in order}
        sums[id(self)].add(_first_gradient(self, grad), self.data)
        for tensor in order:  # from this tensor back to the leaves
            g = sums.pop(id(tensor)).array
            if tensor.origin is None:
                tensor.grad = g if tensor.grad is None else tensor.grad + g
                continue
            for x, dx in tensor.origin.input_gradients(g):
                sums[id(x)].add(dx, x.data)
            if not retain_graph:
                tensor.origin = FREED


class Parameter(Tensor):
    """A tensor that training changes, such as a weight. Modules find parameters by this type."""

    __slots__ = ()

    def __init__(self, data: Any, name: str | None = None) -> None:
        super().__init__(data, requires_grad=True, name=name)


# --- The walk back ----------------------------------------------------------------------------
def topological_order(root: Tensor) -> list[Tensor]:
    """The tensors behind root, each before all that it was computed from; root comes first.

    A stack instead of recursion: the graph may be 100,000 operations deep.
    """
    order, seen, stack = [], set(), [(root, False)]
    while stack:
        tensor, inputs_are_done = stack.pop()
        if inputs_are_done:
            order.append(tensor)
        elif id(tensor) not in seen:
            seen.add(id(tensor))
            stack.append((tensor, True))
            if tensor.origin is FREED:
                raise RuntimeError(
                    "An earlier backward() has freed this graph. Compute the forward pass again, "
                    "or call the earlier backward with retain_graph=True."
                )
            if tensor.origin is not None:
                origin = tensor.origin
                stack.extend([(origin.inputs[i], False) for i in origin.sources])
    return order[::-1]


def _first_gradient(tensor: Tensor, grad: Any) -> Array:
    """dLoss/dTensor at the start of the walk: what the caller gives, or 1 for a single number."""
    xp, shape = namespace(tensor.data), tensor.shape
    if not tensor.requires_grad:
        raise RuntimeError(
            "backward(): nothing behind this tensor requires a gradient. Make what you want to "
            "learn a Parameter, or a Tensor with requires_grad=True."
        )
    if grad is None:
        if math.prod(shape) != 1:
            raise RuntimeError(
                f"backward() starts from one number; this tensor has shape {shape}. "
                "Take .sum() or .mean() first, or pass grad=."
            )
        return xp.ones_like(tensor.data)
    grad = grad.data if isinstance(grad, Tensor) else asarray(grad)
    if tuple(grad.shape) != shape:
        raise ValueError(f"backward(): grad has shape {tuple(grad.shape)}, the tensor {shape}.")
    return xp.copy(xp.astype(grad, tensor.dtype))  # a copy: it may become the .grad of a leaf
