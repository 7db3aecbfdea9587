"""Sequential: layers one after the other."""

from collections.abc import Iterator
from typing import Any

from dlcourse.layers.module import Module


class Sequential(Module):
    """layers[-1](… layers[1](layers[0](x))): each layer gets what the one before it gives.

    model[0] is the first layer, len(model) their number.
    Raises:  TypeError if something is not a Module (a class without brackets, for example)
    """

    def __init__(self, *layers: Module) -> None:
        for layer in layers:
            if not isinstance(layer, Module):
                raise TypeError(
                    f"Sequential needs layers, such as ReLU(). Received: {layer!r}. "
                    "Were the brackets forgotten, or is this a list? Then write Sequential(*list)."
                )
        self.layers = list(layers)

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, i: int) -> Module:
        return self.layers[i]

    def __iter__(self) -> Iterator[Module]:
        return iter(self.layers)
