"""Attention: each query looks at all keys and takes a weighted mean of their values.

Read attention_weights first: the formula in small operations. scaled_dot_product_attention is the
same in one operation, and MultiHeadAttention the layer around it. In every mask here True means
"may be looked at", as in PyTorch's scaled_dot_product_attention. (The masks of PyTorch's layer
nn.MultiheadAttention mean the opposite.)
"""

import math
from typing import Any

import numpy as np

from dlcourse.backprop import Tensor, op
from dlcourse.device import Array, asarray, namespace
from dlcourse.layers.linear import Linear
from dlcourse.layers.module import Module
from dlcourse.layers.positions import RotaryPositions
from dlcourse.ops import concat, linear, where

MINUS = -1e30  # in place of minus infinity, whose differences would be NaN


# --- Masks ------------------------------------------------------------------------------------
def causal_mask(n_queries: int, n_keys: int | None = None) -> Array:
    """True where a query may look: at its own position and at those before it.

    The last query stands at the last key's position; n_keys is n_queries unless told otherwise.
    With equally many, as nearly always, this is PyTorch's is_causal=True.
    Shape:   -> (n_queries, n_keys), booleans
    Raises:  ValueError if there are fewer keys than queries
    """
    n_keys = n_queries if n_keys is None else n_keys
    if not 1 <= n_queries <= n_keys:
        raise ValueError(
            "causal_mask: expected at least one query, and not fewer keys than queries. "
            f"Received: {n_queries=}, {n_keys=}"
        )
    return asarray(np.tri(n_queries, n_keys, n_keys - n_queries, dtype=bool))


def padding_mask(lengths: Any, n_keys: int) -> Array:
    """True at the real entries of sequences that were filled up to the same length.

    lengths  how many real entries each sequence has, 0 … n_keys; shape (batch,)
    Shape:   -> (batch, 1, 1, n_keys), booleans: the same for all heads and all queries
    Raises:  ValueError if a length lies outside 0 … n_keys
    """
    lengths = np.asarray(lengths)
    if lengths.ndim != 1 or (lengths < 0).any() or (lengths > n_keys).any():
        raise ValueError(
            f"padding_mask: expected a list of lengths from 0 to {n_keys}. Received: {lengths}"
        )
    return asarray((np.arange(n_keys) < lengths[:, None])[:, None, None, :])


# --- The formula ------------------------------------------------------------------------------
def attention_weights(query: Tensor, key: Tensor, mask: Any = None) -> Tensor:
    """softmax(q kᵀ / √d): how much each query looks at each key, of small operations.

    mask     booleans that broadcast to (..., queries, keys); None: everything may be looked at
    Shape:   query (..., queries, d), key (..., keys, d) -> (..., queries, keys)
             Each row has the sum 1; it is 0 everywhere if the mask leaves nothing to look at.
    Raises:  ValueError if shapes do not fit; TypeError if the mask is not boolean
    Source:  Vaswani et al. 2017, eq. 1
    """
    mask = _checked_mask("attention_weights", query, key, mask, causal=False)
    scores = (query @ key.transpose()) * (1 / math.sqrt(query.shape[-1]))
    if mask is None:
        return scores.softmax()
    return where(mask, where(mask, scores, MINUS).softmax(), 0.0)


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Any = None, causal: bool = False
) -> Tensor:
    """softmax(q kᵀ / √d) v, as one operation: attention_weights(query, key, mask) @ value.

    mask     booleans that broadcast to (..., queries, keys); None: everything may be looked at
    causal   True: no query looks at later positions, see causal_mask; also together with a mask
    Shape:   query (..., queries, d), key (..., keys, d), value (..., keys, e)
             -> (..., queries, e). A query that may look at nothing gets zeros.
    Raises:  ValueError if shapes do not fit; TypeError if the mask is not boolean
    Source:  Vaswani et al. 2017, eq. 1
    """
    name = "scaled_dot_product_attention"
    if len(value.shape) < 2 or value.shape[-2] != key.shape[-2]:
        raise ValueError(
            f"{name}: expected one value for each key. "
            f"Received: key {tuple(key.shape)}, value {tuple(value.shape)}"
        )
    return _attention(query, key, value, mask=_checked_mask(name, query, key, mask, causal))


@op
def _attention(q, k, v, mask):
    """With p = softmax(s), s = q kᵀ / √d and ds = p (g vᵀ - Σ p g vᵀ):

    dq = ds k / √d,  dk = dsᵀ q / √d,  dv = pᵀ g
    """
    xp, scale = namespace(q), 1 / math.sqrt(q.shape[-1])
    q = q * scale
    p = q @ k.mT  # (..., queries, keys), from here on in place
    if mask is not None:
        p += _penalty(mask, p)
    p -= xp.max(p, axis=-1, keepdims=True)
    xp.exp(p, out=p)
    share = 1 / (p @ xp.ones(p.shape[-1], dtype=p.dtype, device=p.device))
    if mask is not None:
        share = share * xp.any(mask, axis=-1)  # nothing to look at: zeros
    p *= share[..., None]

    def derivative(g: Array) -> tuple[Any, ...]:
        ds = g @ v.mT
        ds -= xp.vecdot(ds, p)[..., None]
        ds *= p
        return lambda _: (ds @ k) * scale, lambda _: ds.mT @ q, lambda _: p.mT @ g

    return p @ v, derivative


def _penalty(mask: Array, scores: Array) -> Array:
    """What to add to the scores: 0 where a query may look, else a number like minus infinity."""
    xp = namespace(scores)
    return xp.astype(xp.where(mask, 0.0, MINUS), scores.dtype)


def _checked_mask(name: str, query: Any, key: Any, mask: Any, causal: bool) -> Array | None:
    """Both masks in one, where the query lives; None if everything may be looked at."""
    if min(len(query.shape), len(key.shape)) < 2 or query.shape[-1] != key.shape[-1]:
        raise ValueError(
            f"{name}: expected query (..., queries, d) and key (..., keys, d) with the same d. "
            f"Received: {tuple(query.shape)} and {tuple(key.shape)}"
        )
    sizes = (query.shape[-2], key.shape[-2])
    like = query.data if isinstance(query, Tensor) else query
    if mask is not None:
        mask = namespace(like).asarray(mask, device=like.device)
        if not str(mask.dtype).endswith("bool"):
            raise TypeError(
                f"{name}: a mask holds booleans, True where a query may look at a key. "
                f"Received: {mask.dtype}. For a mask of 0 and 1 write mask == 1."
            )
        last = tuple(mask.shape[-2:])
        if any(n not in (1, m) for n, m in zip(last, sizes[2 - len(last) :], strict=True)):
            raise ValueError(
                f"{name}: the mask has shape {tuple(mask.shape)}; its last sizes must be "
                f"{sizes} (queries, keys), or 1 where it is the same for all."
            )
    if not causal:
        return mask
    before = namespace(like).asarray(causal_mask(*sizes), device=like.device)
    return before if mask is None else before & mask


# --- The layer --------------------------------------------------------------------------------
class KeyValueCache:
    """Keys and values of the positions seen so far: a generator need not compute them again.

    One cache for each attention layer and each run: cache = KeyValueCache(), then
    attention(x, causal=True, cache=cache) with the new positions only. len(cache) counts them.
    """

    def __init__(self) -> None:
        self.key: Tensor | None = None  # (batch, heads, positions, d)
        self.value: Tensor | None = None

    def __len__(self) -> int:
        return 0 if self.key is None else self.key.shape[-2]

    def extend(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Add new positions, and return all of them.

        Raises:  RuntimeError outside no_grad(); ValueError if the batch differs from before
        """
        if key.requires_grad or value.requires_grad:
            raise RuntimeError("A KeyValueCache is for generating: use it inside `with no_grad():`")
        if self.key is not None and self.value is not None:
            key = concat([self.key, key], axis=-2)
            value = concat([self.value, value], axis=-2)
        self.key, self.value = key, value
        return key, value


class MultiHeadAttention(Module):
    """Several attentions side by side, each on its own part of the features.

    q, k, v = x W + b, each cut into heads;  y = (attention of each head, joined) W_out + b_out

    embed_dim   number of features, a multiple of num_heads
    num_heads   number of heads, at least 1; one head has embed_dim / num_heads features
    seed        a whole number, or a numpy.random.Generator that several layers share
    rotary      RotaryPositions of a head's size, to turn queries and keys; None: no positions

    in_proj holds the weights for q, k and v side by side, as in PyTorch (which stores transposes).
    Shape:   query (batch, queries, embed_dim), key and value (batch, keys, embed_dim)
             -> (batch, queries, embed_dim)
    Raises:  ValueError if sizes do not fit; TypeError if a mask is not boolean
    Source:  Vaswani et al. 2017, section 3.2.2; start weights as Linear with gain 1
    """

    in_proj: Linear  # (embed_dim, 3 embed_dim)
    out_proj: Linear  # (embed_dim, embed_dim)

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        *,
        seed: int | np.random.Generator,
        rotary: RotaryPositions | None = None,
    ) -> None:
        if num_heads < 1 or embed_dim < 1 or embed_dim % num_heads:
            raise ValueError(
                "MultiHeadAttention: embed_dim must be a multiple of num_heads. "
                f"Received: {embed_dim=}, {num_heads=}"
            )
        rng = np.random.default_rng(seed)
        self.num_heads, self.rotary = num_heads, rotary
        self.in_proj = Linear(embed_dim, 3 * embed_dim, seed=rng, gain=1.0)
        self.out_proj = Linear(embed_dim, embed_dim, seed=rng, gain=1.0)

    def forward(
        self,
        query: Any,
        key: Any = None,
        value: Any = None,
        mask: Any = None,
        causal: bool = False,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        """Self-attention with the query alone; cross-attention with a key (value: the key's).

        mask, causal   see scaled_dot_product_attention; the mask against (batch, heads, queries,
                       keys), where padding_mask fits
        cache          a KeyValueCache: the query holds the new positions only
        """
        q, k, v = self._heads(query, key, value, cache)
        y = scaled_dot_product_attention(q, k, v, mask, causal)  # (batch, heads, queries, d)
        return self.out_proj(y.permute(0, 2, 1, 3).reshape(*query.shape))

    def weights(self, query: Any, key: Any = None, mask: Any = None) -> Tensor:
        """How much each query looks at each key: (batch, heads, queries, keys), for a picture."""
        q, k, _ = self._heads(query, key, key, None)
        return attention_weights(q, k, mask)

    def _heads(self, query: Any, key: Any, value: Any, cache: KeyValueCache | None) -> Any:
        """Queries, keys and values, each (batch, heads, positions, d)."""
        key = query if key is None else key
        value = key if value is None else value
        self._check(query, key, value)
        n, size, features = self.num_heads, query.shape[-1], query.shape[-1] // self.num_heads
        if key is query and value is query:  # all three in one product
            joined = self.in_proj(query).reshape(*query.shape[:2], 3, n, features)
            joined = joined.permute(2, 0, 3, 1, 4)  # (3, batch, heads, positions, d)
            q, k, v = joined[0], joined[1], joined[2]
        else:
            weight, bias = self.in_proj.weight, self.in_proj.bias
            assert bias is not None
            columns = [slice(i * size, (i + 1) * size) for i in range(3)]
            q, k, v = (
                linear(x, weight[:, part], bias[part])
                .reshape(*x.shape[:2], n, features)
                .permute(0, 2, 1, 3)
                for x, part in zip((query, key, value), columns, strict=True)
            )
        if self.rotary is not None:
            start = 0 if cache is None else len(cache)
            q, k = self.rotary(q, start), self.rotary(k, start)
        return (q, k, v) if cache is None else (q, *cache.extend(k, v))

    def _check(self, *inputs: Any) -> None:
        embed_dim = self.out_proj.weight.shape[0]
        for x in inputs:
            if len(x.shape) != 3 or x.shape[2] != embed_dim:
                raise ValueError(
                    f"MultiHeadAttention expects inputs of shape (batch, positions, {embed_dim}). "
                    f"Received: {tuple(x.shape)}"
                )
