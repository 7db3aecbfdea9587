"""The LSTM over a whole sequence as one operation: the same numbers as lstm_cell, in less time.

Read lstm_cell in recurrent.py first. Three things make this form quick. All inputs meet their
weights in one product. The states lie in memory as (features, batch), so that each gate is one
block of rows. And sigmoid(z) = tanh(z / 2) / 2 + 1/2, so that one tanh serves all four gates.
"""

from functools import partial
from typing import Any, NamedTuple

from dlcourse.backprop import op
from dlcourse.device import Array, namespace


@op
def fused_lstm(x, h, c, weight_ih, weight_hh, bias):
    """h of every step, and after them the last c, as one array.

    Shape:   x (n, time, n_in), h and c (n, hidden), weight_ih (n_in, 4 hidden),
             weight_hh (hidden, 4 hidden), bias (4 hidden,) -> (time + 1, n, hidden)
    Formula: lstm_cell for each step; the gates stand in the order i, f, g, o
    Source:  Hochreiter and Schmidhuber 1997; Gers et al. 2000 (forget gate)
    """
    memory = _forward(x, h, c, weight_ih, weight_hh, bias)
    value = namespace(x).swapaxes(memory.h[1:], 1, 2)  # (time + 1, n, hidden)
    return value, lambda g: _backward(g, memory, x, weight_ih, weight_hh)


class _Memory(NamedTuple):
    """What the way back needs, with the batch in the last axis."""

    gates: Array  # (time, 4 hidden, n): i, f, g and o of every step
    h: Array  # (time + 2, hidden, n): the first h, h after every step, and the last c
    c: Array  # (time + 1, hidden, n): the first c, and c after every step
    tanh_c: Array  # (time, hidden, n)


def _forward(x: Array, h: Array, c: Array, weight_ih: Array, weight_hh: Array, bias: Array) -> Any:
    xp = namespace(x)
    (n, steps, _), hidden = x.shape, h.shape[1]
    new = partial(xp.empty, dtype=x.dtype, device=x.device)
    half = new((4, hidden, n))  # 1/2 for the three sigmoids, 1 for g, which is a tanh
    half[:], half[2] = 0.5, 1
    half = half.reshape(4 * hidden, n)
    lift, column = 1 - half, half[:, :1]

    z = (weight_ih.T * column) @ xp.permute_dims(x, (1, 2, 0))  # (time, 4 hidden, n)
    z += bias[:, None] * column
    recurrent = weight_hh.T * column  # (4 hidden, hidden)
    hs, cs = new((steps + 2, hidden, n)), new((steps + 1, hidden, n))
    tanh_c = new((steps, hidden, n))
    hs[0], cs[0] = h.T, c.T
    for t in range(steps):
        gates = z[t]  # from here on the gates take the place of z
        gates += recurrent @ hs[t]
        xp.tanh(gates, out=gates)
        gates *= half
        gates += lift
        i, f, g, o = gates.reshape(4, hidden, n)
        xp.multiply(f, cs[t], out=cs[t + 1])
        cs[t + 1] += i * g
        xp.tanh(cs[t + 1], out=tanh_c[t])
        xp.multiply(o, tanh_c[t], out=hs[t + 1])
    hs[-1] = cs[-1]
    return _Memory(z, hs, cs, tanh_c)


def _backward(
    gradient: Array, memory: _Memory, x: Array, weight_ih: Array, weight_hh: Array
) -> tuple[Any, ...]:
    """The gradients of all six inputs, in their order."""
    xp = namespace(x)
    (n, steps, n_in), hidden = x.shape, len(weight_hh)
    from_outputs = xp.swapaxes(gradient, 1, 2)  # (time + 1, hidden, n)
    dz, dc_per_dh = _slopes(memory, hidden)
    f = memory.gates[:, hidden : 2 * hidden]
    dh, dc = xp.zeros_like(memory.c[0]), xp.copy(from_outputs[-1])
    for t in reversed(range(steps)):  # only what truly waits for the step after it
        dh += from_outputs[t]
        dc += dh * dc_per_dh[t]
        dz[t, :3] *= dc
        dz[t, 3] *= dh
        dc *= f[t]
        dh = weight_hh @ dz[t].reshape(4 * hidden, n)

    dz = dz.reshape(steps, 4 * hidden, n)
    flat = xp.swapaxes(dz, 0, 1).reshape(4 * hidden, steps * n)
    rows = xp.swapaxes(x, 0, 1).reshape(steps * n, n_in)
    states = xp.swapaxes(memory.h[:steps], 0, 1).reshape(hidden, steps * n)
    return (
        lambda _: xp.permute_dims(weight_ih @ dz, (2, 0, 1)),
        dh.T,
        dc.T,
        lambda _: rows.T @ flat.T,
        lambda _: states @ flat.T,
        lambda _: xp.sum(flat, axis=1),
    )


def _slopes(memory: _Memory, hidden: int) -> tuple[Array, Array]:
    """For each step: the gates' own derivatives with their partners, and dc/dh.

    c' = f c + i g and h' = o tanh c', so i has the partner g, f has c, g has i, o has tanh c'.
    """
    steps, _, n = memory.gates.shape
    gates = memory.gates.reshape(steps, 4, hidden, n)
    i, g, o = gates[:, 0], gates[:, 2], gates[:, 3]
    dz = (1 - gates) * gates  # sigmoid' = s (1 - s)
    dz[:, 2] = 1 - g * g  # tanh' = 1 - t²
    dz[:, 0] *= g
    dz[:, 1] *= memory.c[:-1]
    dz[:, 2] *= i
    dz[:, 3] *= memory.tanh_c
    return dz, o * (1 - memory.tanh_c * memory.tanh_c)
