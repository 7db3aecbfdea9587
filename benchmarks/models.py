"""The benchmark models, each one twice: with the layers of `dlcourse` and with those of PyTorch.

Both have the same layers in the same order, and `tie` gives them the same weights. So both
compute the same numbers, and only the time differs.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import dlcourse as dl

CLASSES = 10


@dataclass(frozen=True)
class Case:
    """One model for both libraries, with a batch of data and the loss."""

    model: dl.Module
    twin: nn.Module
    inputs: np.ndarray
    targets: np.ndarray
    loss: Callable[[Any, Any], Any] = dl.cross_entropy
    twin_loss: Callable[[Any, Any], Any] = functional.cross_entropy


# --- The same weights -------------------------------------------------------------------------
TRANSPOSED = (dl.Linear, dl.LSTM)  # PyTorch stores the matrices of these layers as (out, in)


def tie(model: dl.Module, twin: nn.Module) -> None:
    """Give the twin the weights of the model. Both name their layers in the same order.

    Raises:  ValueError if the numbers of parameters or their shapes differ
    """
    ours = [
        (parameter, isinstance(layer, TRANSPOSED))
        for layer in model.modules()
        for parameter in vars(layer).values()
        if isinstance(parameter, dl.Parameter)
    ]
    theirs = [p for p in twin.parameters() if p.requires_grad]
    for (parameter, transposed), other in zip(ours, theirs, strict=True):
        values = parameter.numpy()
        values = values.T if transposed else values
        if values.shape != tuple(other.shape):
            raise ValueError(f"tie: {values.shape} against {tuple(other.shape)}, {parameter.name}")
        other.data.copy_(other.data.new_tensor(values))  # into its own memory, laid out its own way


def count_parameters(module: Any) -> int:
    """How many numbers a model of either library learns."""
    return sum(math.prod(p.shape) for p in module.parameters() if p.requires_grad)


def _tied(model: dl.Module, twin: nn.Module, *rest: Any) -> Case:
    tie(model, twin)
    return Case(model, twin, *rest)


def _numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype("float32")


def _labels(*shape: int, classes: int = CLASSES) -> np.ndarray:
    return np.random.default_rng(1).integers(0, classes, shape)


# --- Layers in a row --------------------------------------------------------------------------
Layers = list[tuple[dl.Module, nn.Module]]  # each layer of ours beside PyTorch's


def _sequential(layers: Layers, *rest: Any) -> Case:
    ours, theirs = zip(*layers, strict=True)
    return _tied(dl.Sequential(*ours), nn.Sequential(*theirs), *rest)


def _dense(sizes: Sequence[int]) -> Layers:
    """Linear layers with a ReLU between two of them."""
    rng = np.random.default_rng(2)
    layers: Layers = []
    for n_in, n_out in pairwise(sizes):
        layers.append((dl.Linear(n_in, n_out, seed=rng), nn.Linear(n_in, n_out)))
        layers.append((dl.ReLU(), nn.ReLU()))
    return layers[:-1]


def mlp(sizes: Sequence[int], batch: int) -> Case:
    """A multilayer perceptron for classes; sizes: the number of inputs, of each layer's outputs."""
    return _sequential(_dense(sizes), _numbers(batch, sizes[0]), _labels(batch, classes=sizes[-1]))


def autoencoder(size: int, code: int, batch: int) -> Case:
    """size -> code -> size, a sigmoid at the end, mean squared error against the input."""
    layers = [*_dense([size, code, size]), (dl.Sigmoid(), nn.Sigmoid())]
    x = np.random.default_rng(0).random((batch, size), dtype="float32")  # 0 … 1, like pixels
    return _sequential(layers, x, x, dl.mse_loss, functional.mse_loss)


def cnn(
    side: int, channels: Sequence[int], kernel: int, paddings: Sequence[int],
    dense: Sequence[int], batch: int,
) -> Case:  # fmt: skip
    """Convolution, ReLU, max pooling by 2 for each number of channels; then dense layers."""
    rng, images = np.random.default_rng(3), _numbers(batch, 1, side, side)
    layers: Layers = []
    for n_in, n_out, padding in zip([1, *channels], channels, paddings, strict=False):
        ours = dl.Conv2d(n_in, n_out, kernel, padding=padding, seed=rng)
        layers.append((ours, nn.Conv2d(n_in, n_out, kernel, padding=padding)))
        layers += [(dl.ReLU(), nn.ReLU()), (dl.MaxPool2d(2), nn.MaxPool2d(2))]
        side = (side + 2 * padding - kernel + 1) // 2
    layers.append((dl.Flatten(), nn.Flatten()))
    layers += _dense([channels[-1] * side * side, *dense, CLASSES])
    return _sequential(layers, images, _labels(batch))


# --- A recurrent network ----------------------------------------------------------------------
class LastOutput(dl.Module):
    """An LSTM along the sequence; its last output chooses a class."""

    def __init__(self, n_in: int, n_hidden: int, fused: bool) -> None:
        self.recurrent = dl.LSTM(n_in, n_hidden, seed=4, fused=fused)
        self.output = dl.Linear(n_hidden, CLASSES, seed=5)

    def forward(self, x: Any) -> Any:
        outputs, _ = self.recurrent(x)
        return self.output(outputs[:, -1])


class TorchLastOutput(nn.Module):
    """The same. PyTorch's second bias, which only ever acts as a sum with the first, stays 0."""

    def __init__(self, n_in: int, n_hidden: int) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(n_in, n_hidden, batch_first=True)
        nn.init.zeros_(self.recurrent.bias_hh_l0)
        self.recurrent.bias_hh_l0.requires_grad_(False)
        self.output = nn.Linear(n_hidden, CLASSES)

    def forward(self, x: Any) -> Any:
        outputs, _ = self.recurrent(x)
        return self.output(outputs[:, -1])


def lstm(n_in: int, n_hidden: int, steps: int, batch: int, fused: bool = True) -> Case:
    """Sequences to classes. fused=False takes our LSTM of small operations."""
    model, twin = LastOutput(n_in, n_hidden, fused), TorchLastOutput(n_in, n_hidden)
    return _tied(model, twin, _numbers(batch, steps, n_in), _labels(batch))


# --- A GPT ------------------------------------------------------------------------------------
class TorchPositions(nn.Module):
    """x + a learned table of all positions."""

    def __init__(self, context: int, size: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(context, size))

    def forward(self, x: Any) -> Any:
        return x + self.table[: x.shape[1]]


class TorchAttention(nn.Module):
    """Causal self-attention with PyTorch's fused kernel."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.in_proj, self.out_proj = nn.Linear(size, 3 * size), nn.Linear(size, size)
        self.heads = heads

    def forward(self, x: Any) -> Any:
        batch, time, size = x.shape
        parts = self.in_proj(x).view(batch, time, 3, self.heads, size // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # each (batch, heads, time, size / heads)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out_proj(y.transpose(1, 2).reshape(batch, time, size))


class TorchBlock(nn.Module):
    """Attention and a feed-forward network, each behind a norm and with a way around it."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.attention = TorchAttention(size, heads)
        self.feedforward = nn.Sequential(
            nn.Linear(size, 4 * size), nn.GELU(approximate="tanh"), nn.Linear(4 * size, size)
        )
        self.norm1, self.norm2 = nn.LayerNorm(size), nn.LayerNorm(size)

    def forward(self, x: Any) -> Any:
        x = x + self.attention(self.norm1(x))
        return x + self.feedforward(self.norm2(x))


def torch_gpt(vocab: int, context: int, size: int, heads: int, layers: int) -> nn.Module:
    """dlcourse.architectures.gpt.GPT with its usual settings, in PyTorch."""
    return nn.Sequential(
        nn.Embedding(vocab, size),
        TorchPositions(context, size),
        *[TorchBlock(size, heads) for _ in range(layers)],
        nn.LayerNorm(size),
        nn.Linear(size, vocab, bias=False),
    )


def _token_loss(logits: Any, tokens: Any) -> Any:
    return functional.cross_entropy(logits.flatten(0, 1), tokens.flatten())


def gpt(
    vocab: int = 96, context: int = 64, size: int = 128, heads: int = 4, layers: int = 4,
    batch: int = 32,
) -> Case:  # fmt: skip
    """Predict each next token. Raises ImportError as long as the package has no GPT."""
    from dlcourse.architectures.gpt import GPT

    tokens = _labels(batch, context + 1, classes=vocab)
    inputs, targets = np.ascontiguousarray(tokens[:, :-1]), np.ascontiguousarray(tokens[:, 1:])
    model = GPT(vocab, context, size, heads, layers, seed=7)
    twin = torch_gpt(vocab, context, size, heads, layers)
    return _tied(model, twin, inputs, targets, dl.cross_entropy, _token_loss)


# --- The list ---------------------------------------------------------------------------------
CASES: dict[str, tuple[str, Callable[[], Case]]] = {  # name: title in tables, how it is built
    "mlp-small": ("MLP 64-128-10, batch 64", lambda: mlp([64, 128, 10], 64)),
    "mlp": ("MLP 784-256-128-10, batch 128", lambda: mlp([784, 256, 128, 10], 128)),
    "autoencoder": ("Autoencoder 784-64-784, batch 128", lambda: autoencoder(784, 64, 128)),
    "lenet": (
        "LeNet on 28×28, batch 64",
        lambda: cnn(28, [6, 16], kernel=5, paddings=[2, 0], dense=[120, 84], batch=64),
    ),
    "cnn-small": (
        "CNN 16-32 on 8×8, batch 64",
        lambda: cnn(8, [16, 32], kernel=3, paddings=[1, 1], dense=[64], batch=64),
    ),
    "lstm": ("LSTM 64, 50 steps, batch 32", lambda: lstm(32, 64, steps=50, batch=32)),
    "lstm-plain": (
        "LSTM of small operations",
        lambda: lstm(32, 64, steps=50, batch=32, fused=False),
    ),
    "gpt": ("GPT, 4 layers of 128, context 64, batch 32", gpt),
}
