"""From logits to the next token, and from the next token to a text.

A language model gives one number for each token of its vocabulary, a logit. Softmax makes
probabilities of them, one token is drawn, it joins the text, and the model is asked again. All
models that write text share these functions. They work on the host in float64, so that the same
seed draws the same numbers on every device.

Source: Ackley, Hinton and Sejnowski 1985 (temperature); Fan, Lewis and Dauphin 2018 (top k)
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from dlcourse.backprop import Tensor, no_grad
from dlcourse.device import asarray, to_numpy
from dlcourse.layers import Module


# --- One token --------------------------------------------------------------------------------
def probabilities(logits: Any, temperature: float = 1.0, top_k: int | None = None) -> np.ndarray:
    """pᵢ = exp(zᵢ / T) / Σⱼ exp(zⱼ / T), where only the k largest logits zⱼ take part.

    temperature  T, 0 or more. 1: as the model has learned; below 1: the likely ones even more
                 likely; above 1: more even. 0: the largest alone, with probability 1 (greedy)
    top_k        k, 1 … vocab; None: all. Exactly k tokens stay: of equal logits at the border,
                 those with the smaller numbers. At temperature 0 equal ones are told apart likewise
    Shape:   logits (..., vocab), a tensor or an array on any device -> (..., vocab), float64, NumPy
             A logit of minus infinity means: never this token.
    Raises:  ValueError if a setting is out of its range, or a row is empty, has NaN or infinity,
             or leaves nothing to choose from
    """
    z = _rows(logits)
    if not (np.isfinite(temperature) and temperature >= 0):
        raise ValueError(f"temperature is a number, 0 or more. Received: {temperature=}")
    vocab = z.shape[-1]
    if top_k is not None and not 1 <= top_k <= vocab:
        raise ValueError(
            f"top_k lies in 1 … {vocab}, the size of the vocabulary, or is None. Received: {top_k=}"
        )
    kept = 1 if temperature == 0 else vocab if top_k is None else top_k
    order = np.argsort(-z, axis=-1, kind="stable")  # stable: equal logits keep their order
    np.put_along_axis(z, order[..., kept:], -np.inf, axis=-1)
    z -= z.max(axis=-1, keepdims=True)  # the largest becomes 0: exp can't overflow
    with np.errstate(over="ignore"):  # a tiny temperature makes minus infinity, whose exp is 0
        p = np.exp(z / (temperature or 1.0))
    return p / p.sum(axis=-1, keepdims=True)


def sample(
    logits: Any,
    temperature: float = 1.0,
    top_k: int | None = None,
    *,
    seed: int | np.random.Generator,
) -> Any:
    """The number of a token for each row of logits, drawn with the row's probabilities.

    One number u is drawn for each row, uniform in 0 … 1. The token is the first one for which the
    sum p₀ + p₁ + … up to it is larger than u.

    temperature, top_k   see probabilities
    seed     a whole number, or a numpy.random.Generator that goes on from call to call
    Shape:   logits (..., vocab) -> (...), int64, NumPy
    Raises:  ValueError as in probabilities
    """
    sums = np.cumsum(probabilities(logits, temperature, top_k), axis=-1)
    u = np.random.default_rng(seed).random(sums.shape[:-1])
    reached = u[..., None] * sums[..., -1:]  # the last sum is 1 up to rounding
    return np.sum(sums <= reached, axis=-1)


def _rows(logits: Any) -> np.ndarray:
    """A copy of the logits on the host, in float64, after a look at every row."""
    values = logits.data if isinstance(logits, Tensor) else asarray(logits)
    z = np.array(to_numpy(values), dtype="float64")
    if z.ndim < 1 or not z.shape[-1]:
        raise ValueError(f"expected logits of shape (..., vocab). Received: shape {z.shape}")
    if np.isnan(z).any() or np.isposinf(z).any() or np.isneginf(z).all(axis=-1).any():
        raise ValueError(
            "expected logits that are numbers, at least one of each row above minus infinity. "
            "NaN and infinity come from a training that went wrong: take a smaller learning rate."
        )
    return z


# --- A text -----------------------------------------------------------------------------------
def continue_text(
    next_logits: Callable[[np.ndarray], Any],
    prompt: Any,
    n: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    *,
    seed: int | np.random.Generator,
    stop: int | None = None,
) -> np.ndarray:
    """The prompt and up to n more tokens, each drawn with the logits that the text before it gives.

    next_logits  a function of the whole text so far, (batch, time) -> (batch, vocab). A model that
                 remembers what it has read looks at the new end only.
    prompt   whole numbers, at least one token
    n        how many tokens to add, 0 or more
    temperature, top_k, seed   see sample
    stop     a token that ends a text. A row that has drawn it is filled up with it; when all rows
             have, the text ends there. None: exactly n tokens are added
    Shape:   prompt (time,) -> (time + n,), or (batch, time) -> (batch, time + n); NumPy, int64
    Raises:  TypeError if the prompt is not made of whole numbers; ValueError for another shape, an
             empty prompt or a negative n
    """
    start = _checked_prompt(prompt, n)
    rng, (batch, length) = np.random.default_rng(seed), np.atleast_2d(start).shape
    text = np.empty((batch, length + n), dtype="int64")
    text[:, :length] = start
    ended, end = np.zeros(batch, dtype=bool), length
    while end < length + n and not ended.all():
        token = sample(next_logits(text[:, :end]), temperature, top_k, seed=rng)
        if stop is not None:
            token[ended] = stop
            ended = token == stop
        text[:, end] = token
        end += 1
    return text[:, :end].reshape(*start.shape[:-1], end)


def _checked_prompt(prompt: Any, n: int) -> np.ndarray:
    tokens = to_numpy(asarray(prompt))
    if tokens.dtype.kind not in "iu" and tokens.size:
        raise TypeError(
            f"a prompt is made of whole numbers, one for each token. Received: dtype {tokens.dtype}"
        )
    if tokens.ndim not in (1, 2) or not tokens.size:
        raise ValueError(
            "a prompt has the shape (time,) or (batch, time), with at least one token. "
            f"Received: shape {tokens.shape}"
        )
    if n < 0:
        raise ValueError(f"n tokens are added, 0 or more. Received: {n=}")
    return tokens


@contextmanager
def in_eval_mode(model: Module) -> Iterator[None]:
    """`with in_eval_mode(model):` no dropout and no recording; afterwards all is as it was."""
    before = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with no_grad():
            yield
    finally:
        for module, training in before:
            module.training = training
