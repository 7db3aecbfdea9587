"""Recurrent layers: one step that reads an input and a memory, repeated along a sequence.

Read the three cells first: each is the whole idea in a few lines. The layers below them hold the
weights and walk along time. Sequences lie as (batch, time, features) everywhere, which PyTorch
calls batch_first=True. Weights lie as in Linear, (inputs, outputs); PyTorch stores the transpose.
"""

import math
from typing import Any

import numpy as np

from dlcourse.backprop import Parameter, Tensor
from dlcourse.device import namespace, new_array
from dlcourse.layers.fused_lstm import fused_lstm
from dlcourse.layers.module import Module
from dlcourse.ops import linear, stack


# --- One step ---------------------------------------------------------------------------------
def rnn_cell(x: Any, h: Any, weight_ih: Tensor, weight_hh: Tensor, bias: Tensor) -> Tensor:
    """One step of a plain recurrent network:  h' = tanh(x W + h U + b).

    Shape:   x (n, n_in), h (n, hidden), W = weight_ih (n_in, hidden),
             U = weight_hh (hidden, hidden), b = bias (hidden,) -> h' (n, hidden), in -1 … 1
    Raises:  ValueError if the sizes do not fit
    Source:  Elman 1990
    """
    return (linear(x, weight_ih, bias) + h @ weight_hh).tanh()


def lstm_cell(
    x: Any, h: Any, c: Any, weight_ih: Tensor, weight_hh: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor]:
    """One step of an LSTM: the cell c is a memory that is erased and written by gates.

    z = x W + h U + b, cut into four parts of equal size
    i, f, o = sigmoid of parts 1, 2, 4     input, forget and output gate, each in 0 … 1
    g = tanh of part 3                     what could be written
    c' = f c + i g,   h' = o tanh c'

    Shape:   x (n, n_in), h and c (n, hidden), W = weight_ih (n_in, 4 hidden),
             U = weight_hh (hidden, 4 hidden), b = bias (4 hidden,) -> h', c', both (n, hidden)
    Raises:  ValueError if the sizes do not fit
    Source:  Hochreiter and Schmidhuber 1997; Gers et al. 2000 (forget gate)
    """
    z = linear(x, weight_ih, bias) + h @ weight_hh  # (n, 4 hidden)
    size = h.shape[-1]
    i = z[:, :size].sigmoid()
    f = z[:, size : 2 * size].sigmoid()
    g = z[:, 2 * size : 3 * size].tanh()
    o = z[:, 3 * size :].sigmoid()
    c = f * c + i * g
    return o * c.tanh(), c


def gru_cell(
    x: Any, h: Any, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor
) -> Tensor:
    """One step of a GRU: the memory h itself is kept or replaced, by one gate.

    a = x W + b_ih and u = h U + b_hh, each cut into three parts of equal size
    r = sigmoid(a₁ + u₁)       reset gate: how much of the memory helps to propose
    z = sigmoid(a₂ + u₂)       update gate: how much of the memory stays
    n = tanh(a₃ + r u₃)        the proposal
    h' = (1 - z) n + z h

    Shape:   x (n, n_in), h (n, hidden), W = weight_ih (n_in, 3 hidden),
             U = weight_hh (hidden, 3 hidden), bias_ih and bias_hh (3 hidden,) -> h' (n, hidden)
    Raises:  ValueError if the sizes do not fit
    Source:  Cho et al. 2014; in the form of PyTorch, where r acts on u₃ and not on h
    """
    a, u = linear(x, weight_ih, bias_ih), linear(h, weight_hh, bias_hh)  # (n, 3 hidden)
    size = h.shape[-1]
    r = (a[:, :size] + u[:, :size]).sigmoid()
    z = (a[:, size : 2 * size] + u[:, size : 2 * size]).sigmoid()
    n = (a[:, 2 * size :] + r * u[:, 2 * size :]).tanh()
    return (1 - z) * n + z * h


# --- Layers over a sequence -------------------------------------------------------------------
class _Recurrent(Module):
    """What the three layers share: start weights, checks, and the walk along time."""

    parts = 1  # how many blocks of size hidden the weights have

    weight_ih: Parameter  # (n_in, parts * hidden)
    weight_hh: Parameter  # (hidden, parts * hidden)

    def __init__(self, n_in: int, n_hidden: int, seed: int | np.random.Generator) -> None:
        name = type(self).__name__
        if n_in < 1 or n_hidden < 1:
            raise ValueError(f"{name} needs sizes of at least 1. Received: {n_in=}, {n_hidden=}")
        rng, bound, n_out = np.random.default_rng(seed), 1 / math.sqrt(n_hidden), self.parts
        for weight, rows in (("weight_ih", n_in), ("weight_hh", n_hidden)):
            start = rng.uniform(-bound, bound, (rows, n_out * n_hidden))
            setattr(self, weight, Parameter(new_array(start), name=weight))

    def step(self, x: Any, state: Any) -> Any:
        """One step: x (n, n_in) and the state before it -> the state after it."""
        raise NotImplementedError(f"{type(self).__name__} needs a method step(self, x, state).")

    def _walk(self, x: Any, state: Any) -> tuple[Tensor, Any]:
        """All steps, one after the other: h of each, stacked along time, and the last state."""
        outputs = []
        for t in range(x.shape[1]):
            state = self.step(x[:, t], state)
            outputs.append(state[0] if isinstance(state, tuple) else state)
        return stack(outputs, axis=1), state

    def _bias(self, name: str) -> Parameter:
        return Parameter(new_array(np.zeros(self.weight_hh.shape[1])), name=name)

    def _checked(self, x: Any, state: Any) -> Any:
        """One state, zeros if there is none, after a look at all shapes."""
        (n_in, _), hidden = self.weight_ih.shape, len(self.weight_hh)
        if len(x.shape) != 3 or x.shape[2] != n_in or not x.shape[1]:
            raise ValueError(
                f"{self.summary()} expects a sequence of shape (batch, time, {n_in}), with at "
                f"least one step. Received: shape {tuple(x.shape)}"
            )
        if state is None:
            like = self.weight_hh.data
            options = {"dtype": like.dtype, "device": like.device}
            return Tensor.wrap(namespace(like).zeros((x.shape[0], hidden), **options))
        if tuple(getattr(state, "shape", ())) != (x.shape[0], hidden):
            raise ValueError(
                f"{self.summary()} expects a state of shape {(x.shape[0], hidden)}, one row for "
                f"each sequence. Received: {getattr(state, 'shape', type(state).__name__)}"
            )
        return state

    def summary(self) -> str:
        """For example "LSTM(8, 64)"."""
        return f"{type(self).__name__}({self.weight_ih.shape[0]}, {len(self.weight_hh)})"


class RNN(_Recurrent):
    """A plain recurrent layer: rnn_cell at each step of a sequence.

    n_in, n_hidden   numbers of features that come in and go out, at least 1
    seed             a whole number, or a numpy.random.Generator that several layers share

    Start:   weights uniform in ±1/√hidden, biases 0
    Shape:   x (batch, time, n_in), state (batch, hidden) or None for zeros
             -> outputs (batch, time, hidden), last state (batch, hidden)
             PyTorch's last state has one more axis in front, for stacked layers.
    Raises:  ValueError if x or the state has another shape
    Source:  Elman 1990
    """

    bias: Parameter  # (hidden,); PyTorch keeps two biases, which only ever act as their sum

    def __init__(self, n_in: int, n_hidden: int, *, seed: int | np.random.Generator) -> None:
        super().__init__(n_in, n_hidden, seed)
        self.bias = self._bias("bias")

    def step(self, x: Any, state: Any) -> Tensor:
        return rnn_cell(x, state, self.weight_ih, self.weight_hh, self.bias)

    def forward(self, x: Any, state: Any = None) -> tuple[Tensor, Tensor]:
        return self._walk(x, self._checked(x, state))


class GRU(_Recurrent):
    """A layer of gated recurrent units: gru_cell at each step of a sequence.

    Arguments, start weights, shapes and errors as in RNN; weights in the order r, z, n.
    Source:  Cho et al. 2014
    """

    parts = 3
    bias_ih: Parameter  # (3 hidden,)
    bias_hh: Parameter  # (3 hidden,): its last part stands inside the reset gate

    def __init__(self, n_in: int, n_hidden: int, *, seed: int | np.random.Generator) -> None:
        super().__init__(n_in, n_hidden, seed)
        self.bias_ih, self.bias_hh = self._bias("bias_ih"), self._bias("bias_hh")

    def step(self, x: Any, state: Any) -> Tensor:
        return gru_cell(x, state, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)

    def forward(self, x: Any, state: Any = None) -> tuple[Tensor, Tensor]:
        return self._walk(x, self._checked(x, state))


class LSTM(_Recurrent):
    """A layer of long short-term memory: lstm_cell at each step of a sequence.

    n_in, n_hidden, seed   as in RNN
    forget_bias            start value of the forget gate's bias; 1 keeps the memory at first
    fused                  True: all steps as one operation; False: of small operations, one after
                           the other. Both give the same numbers up to rounding.

    Start:   weights uniform in ±1/√hidden, biases 0 apart from forget_bias; order i, f, g, o
    Shape:   x (batch, time, n_in), state (h, c), each (batch, hidden), or None for zeros
             -> outputs (batch, time, hidden), last state (h, c)
             PyTorch's h and c have one more axis in front, for stacked layers.
    Raises:  ValueError if x or a state has another shape; TypeError if the state is no pair
    Source:  Hochreiter and Schmidhuber 1997; Jozefowicz et al. 2015 (forget_bias = 1)
    """

    parts = 4
    bias: Parameter  # (4 hidden,); PyTorch keeps two biases, which only ever act as their sum

    def __init__(
        self,
        n_in: int,
        n_hidden: int,
        *,
        seed: int | np.random.Generator,
        forget_bias: float = 1.0,
        fused: bool = True,
    ) -> None:
        super().__init__(n_in, n_hidden, seed)
        self.bias, self.fused = self._bias("bias"), fused
        self.bias.data[n_hidden : 2 * n_hidden] = forget_bias

    def step(self, x: Any, state: Any) -> tuple[Tensor, Tensor]:
        h, c = state
        return lstm_cell(x, h, c, self.weight_ih, self.weight_hh, self.bias)

    def forward(self, x: Any, state: Any = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        if state is not None and not (isinstance(state, tuple | list) and len(state) == 2):
            raise TypeError(
                f"{self.summary()} expects its state as a pair (h, c), as it returned it. "
                f"Received: {type(state).__name__}"
            )
        h, c = (self._checked(x, part) for part in state or (None, None))
        if not self.fused:
            return self._walk(x, (h, c))
        states = fused_lstm(x, h, c, self.weight_ih, self.weight_hh, self.bias)
        return states[:-1].transpose(0, 1), (states[-2], states[-1])
