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
    y = _sigmoid_of_minus(-x)
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
    """y = x s with s = sigmoid(u), u = 2 √(2/π) (x + 0.044715 x³): a ReLU with a soft corner.

    s is (nearly) the probability that a standard normal number is below x. In the article and in
    PyTorch's gelu(approximate="tanh") it is written (1 + tanh(u/2)) / 2, which is the same.
    dx = g (s + y (1 - s) du/dx),   du/dx = 2 √(2/π) (1 + 3 0.044715 x²)
    Source:  Hendrycks and Gimpel 2016, section 2
    """
    slope, bend = 2 * math.sqrt(2 / math.pi), 0.044715
    minus_u = x * x  # from here on in place: x has four times as many entries as its layer's input
    minus_u *= -slope * bend
    minus_u -= slope
    minus_u *= x
    s = _sigmoid_of_minus(minus_u)
    y = x * s

    def derivative(g: Array) -> Array:
        d = x * x
        d *= 3 * slope * bend
        d += slope
        d *= y
        d *= 1 - s
        d += s
        d *= g
        return d

    return y, derivative


def _sigmoid_of_minus(z: Array) -> Array:
    """1 / (1 + exp z), written over z; z is limited to 80, where exp does not overflow yet."""
    xp = namespace(z)
    z = xp.asarray(z)  # NumPy's single numbers can't be written over
    xp.minimum(z, xp.asarray(80.0, dtype=z.dtype, device=z.device), out=z)
    xp.exp(z, out=z)
    z += 1
    return xp.reciprocal(z, out=z)


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
