"""Module: what every layer and every model is. It finds its parameters by looking at itself."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from dlcourse.backprop import Parameter, Tensor
from dlcourse.device import namespace, to_device, to_numpy


class Module:
    """A part of a network, with parameters to learn.

    Write a subclass: make the parameters and the inner modules in __init__, and say in forward()
    what comes out. Whatever stands in an attribute is found, also in lists and dictionaries:
    a Parameter, another Module, or a Tensor that is state but is not learned, such as a running
    mean.
    """

    training = True  # False after eval(): layers such as dropout behave in another way then

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """What the module computes. Each subclass says it."""
        raise NotImplementedError(f"{type(self).__name__} needs a method forward(self, x).")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        return self.forward(*inputs, **options)

    def parameters(self) -> list[Parameter]:
        """All parameters, inner modules included; a shared one comes once."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_parameters(self) -> list[tuple[str, Parameter]]:
        """All parameters with their names, such as ("layers.0.weight", …)."""
        return [(n, value) for n, value in self._named_tensors() if isinstance(value, Parameter)]

    def modules(self) -> list["Module"]:
        """This module and all inside it."""
        return [value for _, value in _walk(self, "") if isinstance(value, Module)]

    def train(self, mode: bool = True) -> "Module":
        """Switch to training behaviour: dropout is on, batch norm uses the batch."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> "Module":
        """Switch to the behaviour for use: the same input gives the same output."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def to(self, device: str) -> "Module":
        """Move all parameters and states to a device: "cpu", "cuda", "mps" or "torch"."""
        for _, tensor in self._named_tensors():
            tensor.data, tensor.grad = to_device(tensor.data, device), None
        return self

    def state_dict(self) -> dict[str, np.ndarray]:
        """A copy of all parameters and states by name, as NumPy arrays: what a file stores."""
        return {name: to_numpy(tensor.data).copy() for name, tensor in self._named_tensors()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the values of a state_dict.

        Raises ValueError if a name is missing, unknown, or its array has another shape; then
        nothing has been changed.
        """
        tensors = dict(self._named_tensors())
        if tensors.keys() != state.keys():
            missing, unknown = tensors.keys() - state.keys(), state.keys() - tensors.keys()
            raise ValueError(
                f"load_state_dict: missing {sorted(missing)}, unknown {sorted(unknown)}. "
                "Build the model with the same settings as the one that was saved."
            )
        for name, tensor in tensors.items():
            if tuple(np.shape(state[name])) != tensor.shape:
                raise ValueError(
                    f"load_state_dict: {name} has shape {tensor.shape} in this model and "
                    f"{tuple(np.shape(state[name]))} in the saved one."
                )
        for name, tensor in tensors.items():
            values = np.array(state[name])
            like = {"dtype": tensor.data.dtype, "device": tensor.data.device}
            tensor.data[...] = namespace(tensor.data).asarray(values, **like)

    def _named_tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Parameters and states: tensors that were made by hand, not computed."""
        for name, value in _walk(self, ""):
            if isinstance(value, Tensor) and value.origin is None:
                yield name, value

    def __repr__(self) -> str:
        """The module and, indented, the modules inside it."""
        inner = [(name, value) for name, value in vars(self).items() if isinstance(value, Module)]
        for name, values in vars(self).items():
            if isinstance(values, list | tuple):
                inner += [(f"{name}.{i}", v) for i, v in enumerate(values) if isinstance(v, Module)]
        lines = [f"  {name}: {value!r}".replace("\n", "\n  ") for name, value in inner]
        return "\n".join([f"{type(self).__name__}(", *lines, ")"] if lines else [self.summary()])

    def summary(self) -> str:
        """One line for a layer without inner modules, such as "Linear(64, 10)"."""
        return f"{type(self).__name__}()"


def _walk(value: Any, name: str, seen: set[int] | None = None) -> Iterator[tuple[str, Any]]:
    """A value and all that is inside it, each thing once, with names such as "layers.0.weight"."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return
    seen.add(id(value))
    yield name, value
    inside: Any = ()
    if isinstance(value, Module):
        inside = vars(value).items()
    elif isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list | tuple):
        inside = enumerate(value)
    for key, item in inside:
        if isinstance(item, Module | Tensor | dict | list | tuple):
            yield from _walk(item, f"{name}.{key}" if name else str(key), seen)
