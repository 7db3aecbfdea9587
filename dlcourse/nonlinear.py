"""The operations that bend: activations, which stand between two layers, and softmax.

Without one of them, layers in a row would be no more than one layer: a product of matrices is a
matrix. Each is written as in ops.py: the value first, then the derivative.
"""

import math

from dlcourse.backprop import op
from dlcourse.device import Array, namespace


# --- Activations ------------------------------------------------------------------------------
@op
def sigmoid(x):
    """y = 1 / (1 + exp(-x)), between 0 and 1.   dx = g y (1 - y)"""
    y = namespace(x).tanh(x * 0.5)  # the same function: (1 + tanh(x/2)) / 2 never overflows
    y = y * 0.5 + 0.5
    return y, lambda g: g * y * (1 - y)


@op
def tanh(x):
    """y = tanh x, between -1 and 1.   dx = g (1 - y²)"""
    y = namespace(x).tanh(x)
    return y, lambda g: g * (1 - y * y)


@op
def relu(x):
    """The larger of x and 0.   dx = g where x > 0, else 0"""
    return x.clip(0), lambda g: g * (x > 0)


@op
def gelu(x):
    """y = x (1 + t) / 2 with t = tanh(√(2/π) (x + 0.044715 x³)): a ReLU with a soft corner.

    x times (nearly) the probability that a standard normal number is below x; PyTorch's
    gelu(approximate="tanh").   dx = g ((1 + t) / 2 + x (1 - t²) √(2/π) (1 + 3 0.044715 x²) / 2)
    Source:  Hendrycks and Gimpel 2016, section 2
    """
    slope, bend = math.sqrt(2 / math.pi), 0.044715
    square = x * x
    t = namespace(x).tanh(x * (slope + slope * bend * square))

    def derivative(g: Array) -> Array:
        inner = x * (1 - t * t) * (slope + 3 * slope * bend * square)
        return g * (0.5 * (1 + t + inner))

    return x * (0.5 + 0.5 * t), derivative


# --- From scores to probabilities -------------------------------------------------------------
@op
def softmax(x, axis=-1):
    """pᵢ = exp xᵢ / Σⱼ exp xⱼ: positive, with sum 1 along the axis.   dx = p (g - Σ g p)

    The largest score is subtracted first. That changes nothing but keeps exp from overflowing.
    """
    xp = namespace(x)
    e = xp.exp(x - xp.max(x, axis=axis, keepdims=True))
    p = e / xp.sum(e, axis=axis, keepdims=True)
    return p, lambda g: p * (g - xp.sum(g * p, axis=axis, keepdims=True))


@op
def log_softmax(x, axis=-1):
    """log pᵢ = xᵢ - log Σⱼ exp xⱼ, safe for scores of any size.   dx = g - p Σ g"""
    xp = namespace(x)
    z = x - xp.max(x, axis=axis, keepdims=True)
    value = z - xp.log(xp.sum(xp.exp(z), axis=axis, keepdims=True))
    return value, lambda g: g - xp.exp(value) * xp.sum(g, axis=axis, keepdims=True)
