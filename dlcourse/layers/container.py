"""Containers: Sequential, layers one after the other, and Residual, a way around a layer."""

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


class Residual(Module):
    """y = x + layer(x): what goes in also goes around the layer, and is added to what comes out.

    layer     the layer to go around; several ones in a Sequential
    shortcut  what x passes on the way around, where the layer changes its shape; None: nothing

    Options of the call go to the layer: Residual(attention)(x, causal=True).
    Raises:  TypeError if something is not a Module; ValueError if the two shapes differ
    Source:  He et al. 2016, eq. 1 and 2
    """

    def __init__(self, layer: Module, shortcut: Module | None = None) -> None:
        for part in (layer, shortcut):
            if part is not None and not isinstance(part, Module):
                raise TypeError(f"Residual needs a layer, such as ReLU(). Received: {part!r}")
        self.layer, self.shortcut = layer, shortcut

    def forward(self, x: Any, **options: Any) -> Any:
        y = self.layer(x, **options)
        around = x if self.shortcut is None else self.shortcut(x)
        if tuple(y.shape) != tuple(around.shape):
            raise ValueError(
                f"Residual: the layer makes {tuple(y.shape)} from {tuple(x.shape)}, and "
                f"{tuple(around.shape)} comes around it. Both must be equal; a shortcut such as "
                "a Linear can change the shape on the way around."
            )
        return around + y
