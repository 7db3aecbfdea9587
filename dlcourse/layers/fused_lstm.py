"""The LSTM over a whole sequence as one operation: the same numbers as lstm_cell, in less time.

Read lstm_cell in recurrent.py first. Four things make this form quick. Bias, input and memory meet
their weights in one product, because they stand one below the other: 1, x, h. The batch is the last
axis, so that each gate is one block of rows. The gates stand in the order o, i, f, g: the three
sigmoids side by side, and side by side the three that act through the memory c. And sigmoid(z) =
tanh(z / 2) / 2 + 1/2, so that one tanh serves all four gates.
"""

from functools import partial
from typing import Any, NamedTuple

from dlcourse.backprop import op
from dlcourse.device import Array, namespace

OURS, BACK = [3, 0, 1, 2], [1, 2, 3, 0]  # from i, f, g, o to o, i, f, g, and back


@op
def fused_lstm(x, h, c, weight_ih, weight_hh, bias):
    """h of every step, and after them the last c, as one array.

    Shape:   x (n, time, n_in), h and c (n, hidden), weight_ih (n_in, 4 hidden),
             weight_hh (hidden, 4 hidden), bias (4 hidden,) -> (time + 1, n, hidden)
    Formula: lstm_cell for each step; the gates stand in the order i, f, g, o in the weights
    Source:  Hochreiter and Schmidhuber 1997; Gers et al. 2000 (forget gate)
    """
    xp, hidden = namespace(x), len(weight_hh)
    weight = _reordered(xp.concat([bias[None], weight_ih, weight_hh]), OURS)  # (1 + n_in + h, 4 h)
    memory = _forward(x, h, c, weight)
    outputs = [memory.inputs[1:, -hidden:], memory.c[-1:]]
    value = xp.ascontiguousarray(xp.swapaxes(xp.concat(outputs), 1, 2))
    return value, lambda g: _backward(g, memory, weight)


class _Memory(NamedTuple):
    """What the way back needs, with the batch in the last axis."""

    inputs: Array  # (time + 1, 1 + n_in + hidden, n): 1, x and h that each step reads
    gates: Array  # (time, 4 hidden, n): o, i, f and g of every step
    c: Array  # (time + 1, hidden, n): the first c, and c after every step
    tanh_c: Array  # (time, hidden, n)


def _forward(x: Array, h: Array, c: Array, weight: Array) -> _Memory:
    xp = namespace(x)
    (n, steps, n_in), hidden = x.shape, h.shape[1]
    new = partial(xp.empty, dtype=x.dtype, device=x.device)
    inputs, gates = new((steps + 1, len(weight), n)), new((steps, 4 * hidden, n))
    cs, tanh_c = new((steps + 1, hidden, n)), new((steps, hidden, n))
    inputs[:, 0], inputs[:steps, 1 : 1 + n_in] = 1, xp.permute_dims(x, (1, 2, 0))
    inputs[0, 1 + n_in :], cs[0] = h.T, c.T
    halved = xp.copy(weight.T)
    halved[: 3 * hidden] *= 0.5
    for t in range(steps):
        z = xp.matmul(halved, inputs[t], out=gates[t])
        xp.tanh(z, out=z)
        z[: 3 * hidden] *= 0.5
        z[: 3 * hidden] += 0.5
        o, i, f, g = z.reshape(4, hidden, n)
        xp.multiply(f, cs[t], out=cs[t + 1])
        cs[t + 1] += i * g
        xp.tanh(cs[t + 1], out=tanh_c[t])
        xp.multiply(o, tanh_c[t], out=inputs[t + 1, 1 + n_in :])
    return _Memory(inputs, gates, cs, tanh_c)


def _backward(gradient: Array, memory: _Memory, weight: Array) -> tuple[Any, ...]:
    """The gradients of all six inputs, in their order."""
    xp = namespace(weight)
    steps, hidden, n = memory.tanh_c.shape
    n_in = len(weight) - hidden - 1
    from_outputs = xp.swapaxes(gradient, 1, 2)  # (time + 1, hidden, n)
    dz, dc_per_dh = _slopes(memory)
    f, recurrent = memory.gates[:, 2 * hidden : 3 * hidden], weight[1 + n_in :]
    dh, dc = xp.zeros_like(memory.c[0]), xp.copy(from_outputs[-1])
    for t in reversed(range(steps)):  # only what truly waits for the step after it
        dh += from_outputs[t]
        dc += dh * dc_per_dh[t]
        dz[t, 0] *= dh
        dz[t, 1:] *= dc
        dc *= f[t]
        dh = recurrent @ dz[t].reshape(4 * hidden, n)

    flat = xp.swapaxes(dz.reshape(steps, -1, n), 0, 1).reshape(4 * hidden, steps * n)
    read = xp.swapaxes(memory.inputs[:steps], 0, 1).reshape(len(weight), steps * n)
    dweight = _reordered(read @ flat.T, BACK)  # bias, weight_ih and weight_hh below each other
    return (
        lambda _: xp.permute_dims(weight[1 : 1 + n_in] @ dz.reshape(steps, -1, n), (2, 0, 1)),
        dh.T,
        dc.T,
        dweight[1 : 1 + n_in],
        dweight[1 + n_in :],
        dweight[0],
    )


def _reordered(weight: Array, order: list[int]) -> Array:
    """The four blocks of the last axis in another order."""
    blocks = weight.reshape(len(weight), 4, -1)
    return blocks[:, order].reshape(weight.shape)


def _slopes(memory: _Memory) -> tuple[Array, Array]:
    """For each step: the gates' own derivatives with their partners, and dc/dh.

    c' = f c + i g and h' = o tanh c', so o has the partner tanh c', i has g, f has c, g has i.
    """
    steps, hidden, n = memory.tanh_c.shape
    gates = memory.gates.reshape(steps, 4, hidden, n)
    o, i, g = gates[:, 0], gates[:, 1], gates[:, 3]
    dz = (1 - gates) * gates  # sigmoid' = s (1 - s)
    dz[:, 3] = 1 - g * g  # tanh' = 1 - t²
    dz[:, 0] *= memory.tanh_c
    dz[:, 1] *= g
    dz[:, 2] *= memory.c[:-1]
    dz[:, 3] *= i
    return dz, o * (1 - memory.tanh_c * memory.tanh_c)
