"""tinygrad as a contestant: the PyTorch model, layer by layer, in tinygrad's operations.

tinygrad compiles the whole training step for this processor (TinyJit) and then only replays it.
Recurrent networks are not here: their unrolled steps take many minutes to compile.
It needs a C compiler: pip install tinygrad, and clang. Source: https://github.com/tinygrad/tinygrad
"""

import os
from collections.abc import Callable
from typing import Any

from torch import nn
from torch.nn import functional

from benchmarks.models import (
    Case,
    TorchAttention,
    TorchBlock,
    TorchPositions,
)


class TinyGrad:
    """The case on tinygrad, compiled, on the CPU with so many threads."""

    def __init__(self, case: Case, threads: int, learning_rate: float) -> None:
        os.environ |= {"DEV": "CPU", "TRAINING": "1", "NUM_CPU_THREADS": str(threads)}
        from tinygrad import Tensor, TinyJit
        from tinygrad.nn.optim import Adam

        self.tensor, self.twin = Tensor, case.twin
        learned = [p for p in case.twin.parameters() if p.requires_grad]
        self.weights = {id(p): Tensor(p.detach().numpy()).realize() for p in learned}
        self.inputs, self.targets = Tensor(case.inputs).realize(), Tensor(case.targets).realize()
        self.is_regression = case.twin_loss is functional.mse_loss
        adam = self.optimizer = Adam(list(self.weights.values()), learning_rate)
        self.state = [*self.weights.values(), adam.b1_t, adam.b2_t, *adam.m, *adam.v]
        self.start = [tensor.numpy().copy() for tensor in self.state]
        self.step = TinyJit(self._step)

    def reset(self) -> None:
        for tensor, values in zip(self.state, self.start, strict=True):
            tensor.assign(self.tensor(values)).realize()

    def wait(self) -> None:
        from tinygrad import Device

        Device[Device.DEFAULT].synchronize()

    def _step(self) -> Any:
        self.optimizer.zero_grad()
        outputs = self.run(self.twin, self.inputs)
        if self.is_regression:
            loss = (outputs - self.targets).square().mean()
        else:
            loss = outputs.sparse_categorical_crossentropy(self.targets)
        loss.backward()
        return loss.realize(*self.optimizer.schedule_step())

    def run(self, layer: nn.Module, x: Any) -> Any:
        """The layer's output, with the weights as they are now."""
        return FORWARD[type(layer)](self, layer, x)

    def values(self, parameter: Any) -> Any:
        return self.weights[id(parameter)]


# --- Layer by layer ---------------------------------------------------------------------------
def _sequential(net: TinyGrad, layers: Any, x: Any) -> Any:
    for layer in layers:
        x = net.run(layer, x)
    return x


def _linear(net: TinyGrad, layer: nn.Linear, x: Any) -> Any:
    bias = None if layer.bias is None else net.values(layer.bias)
    return x.linear(net.values(layer.weight).transpose(), bias)


def _conv2d(net: TinyGrad, layer: nn.Conv2d, x: Any) -> Any:
    return x.conv2d(net.values(layer.weight), net.values(layer.bias), padding=layer.padding[0])


def _layer_norm(net: TinyGrad, layer: nn.LayerNorm, x: Any) -> Any:
    return x.layernorm(eps=layer.eps) * net.values(layer.weight) + net.values(layer.bias)


def _embedding(net: TinyGrad, layer: nn.Embedding, x: Any) -> Any:
    from tinygrad.nn import Embedding

    table = Embedding(*layer.weight.shape)
    table.weight = net.values(layer.weight)
    return table(x)


def _attention(net: TinyGrad, layer: TorchAttention, x: Any) -> Any:
    batch, time, size = x.shape
    parts = net.run(layer.in_proj, x).reshape(batch, time, 3, layer.heads, size // layer.heads)
    q, k, v = parts.permute(2, 0, 3, 1, 4)
    y = q.scaled_dot_product_attention(k, v, is_causal=True)
    return net.run(layer.out_proj, y.transpose(1, 2).reshape(batch, time, size))


def _block(net: TinyGrad, layer: TorchBlock, x: Any) -> Any:
    x = x + net.run(layer.attention, net.run(layer.norm1, x))
    return x + net.run(layer.feedforward, net.run(layer.norm2, x))


FORWARD: dict[type, Callable[[TinyGrad, Any, Any], Any]] = {
    nn.Sequential: _sequential,
    nn.Linear: _linear,
    nn.Conv2d: _conv2d,
    nn.LayerNorm: _layer_norm,
    nn.Embedding: _embedding,
    nn.ReLU: lambda net, layer, x: x.relu(),
    nn.GELU: lambda net, layer, x: x.gelu(),
    nn.Sigmoid: lambda net, layer, x: x.sigmoid(),
    nn.MaxPool2d: lambda net, layer, x: x.max_pool2d(layer.kernel_size),
    nn.Flatten: lambda net, layer, x: x.flatten(1),
    TorchPositions: lambda net, layer, x: x + net.values(layer.table)[: x.shape[1]],
    TorchAttention: _attention,
    TorchBlock: _block,
}
