"""The Transformer: attention and a small network, layer upon layer, with no recurrence at all.

An encoder reads a whole source sequence at once. A decoder writes the target token by token: it
looks at what it has written (self-attention, causal) and at the encoder's result, the memory
(cross-attention). Every sublayer has a way around it and a layer norm.

Where the norm stands is one argument. As published it comes after the sum ("post-norm"). At the
start of such a net the gradients near the output are large, so that the learning rate must begin
low and rise. With the norm in front of the sublayer ("pre-norm", norm_first=True, the default
here) this is not needed (Xiong et al. 2020).

Read layers/attention.py and layers/positions.py first. In every mask True means "may be looked at".
Source: Vaswani et al. 2017, section 3
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dlcourse.architectures.sampling import continue_text, in_eval_mode
from dlcourse.backprop import Tensor
from dlcourse.layers import (
    GELU,
    Dropout,
    Embedding,
    KeyValueCache,
    LayerNorm,
    Linear,
    Module,
    MultiHeadAttention,
    ReLU,
    RotaryPositions,
    Sequential,
    SinusoidalPositions,
)

ACTIVATIONS = {"relu": ReLU, "gelu": GELU}
Caches = Sequence[KeyValueCache | None]  # one for each layer


# --- One layer --------------------------------------------------------------------------------
class _Layer(Module):
    """What encoder and decoder layers share: the parts, and a way around every sublayer."""

    has_memory = False  # True: between its two other sublayers it looks at a memory

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dim_feedforward: int | None = None,
        dropout: float = 0.0,
        activation: str = "relu",
        norm_first: bool = True,
        *,
        seed: int | np.random.Generator,
        rotary: RotaryPositions | None = None,
    ) -> None:
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"{type(self).__name__}: the activation is one of {', '.join(ACTIVATIONS)}. "
                f"Received: {activation!r}"
            )
        rng = np.random.default_rng(seed)
        width = 4 * embed_dim if dim_feedforward is None else dim_feedforward
        self.self_attn = MultiHeadAttention(embed_dim, num_heads, seed=rng, rotary=rotary)
        if self.has_memory:
            self.cross_attn = MultiHeadAttention(embed_dim, num_heads, seed=rng)
        self.feedforward = Sequential(  # the same small network at every position by itself
            Linear(embed_dim, width, seed=rng),
            ACTIVATIONS[activation](),
            Linear(width, embed_dim, seed=rng, gain=1.0),
        )
        self.norm1, self.norm2 = LayerNorm(embed_dim), LayerNorm(embed_dim)
        if self.has_memory:
            self.norm3 = LayerNorm(embed_dim)
        self.dropout, self.norm_first = Dropout(dropout, seed=rng), norm_first

    def _around(self, x: Tensor, norm: LayerNorm, sublayer: Callable[[Tensor], Tensor]) -> Tensor:
        if self.norm_first:
            return x + self.dropout(sublayer(norm(x)))
        return norm(x + self.dropout(sublayer(x)))


class EncoderLayer(_Layer):
    """Self-attention, then a feed-forward network, each with a way around it.

    embed_dim        number of features, a multiple of num_heads
    num_heads        number of attention heads, at least 1
    dim_feedforward  hidden units of the feed-forward network; None: four times embed_dim
    dropout          share of zeros in what a sublayer adds, 0 … below 1, as in section 5.4 there
                     (PyTorch also drops attention weights and hidden units)
    activation       "relu" or "gelu"
    norm_first       True: pre-norm, x + f(norm(x)). False: post-norm as published, norm(x + f(x))
    rotary           RotaryPositions of a head's size, for queries and keys; None: none
    seed             a whole number, or a numpy.random.Generator that several layers share

    Shape:   x (batch, time, embed_dim) -> the same
    Raises:  ValueError if sizes or settings do not fit; TypeError if a mask is not boolean
    Source:  Vaswani et al. 2017, section 3.1; Xiong et al. 2020, figure 1 (both places of the norm)
    """

    def forward(
        self,
        x: Tensor,
        mask: Any = None,
        causal: bool = False,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        """mask, causal, cache: see MultiHeadAttention.forward."""

        def attend(h: Tensor) -> Tensor:
            return self.self_attn(h, mask=mask, causal=causal, cache=cache)

        x = self._around(x, self.norm1, attend)
        return self._around(x, self.norm2, self.feedforward)

    def weights(self, x: Tensor, mask: Any = None) -> Tensor:
        """How much each position looks at each other one: (batch, heads, time, time)."""
        return self.self_attn.weights(self.norm1(x) if self.norm_first else x, mask=mask)


class DecoderLayer(_Layer):
    """Causal self-attention, then attention to the memory, then a feed-forward network.

    Arguments, errors and source as in EncoderLayer.
    Shape:   x (batch, time, embed_dim), memory (batch, source time, embed_dim) -> as x
    """

    has_memory = True

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Any = None,
        memory_mask: Any = None,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        """mask for x and memory_mask for the memory: such as padding_mask. cache: for x."""

        def look_back(h: Tensor) -> Tensor:
            return self.self_attn(h, mask=mask, causal=True, cache=cache)

        def look_across(h: Tensor) -> Tensor:
            return self.cross_attn(h, memory, mask=memory_mask)

        x = self._around(x, self.norm1, look_back)
        x = self._around(x, self.norm2, look_across)
        return self._around(x, self.norm3, self.feedforward)


# --- Many layers ------------------------------------------------------------------------------
class _Stack(Module):
    """num_layers layers of one kind, one after the other, and with pre-norm a norm at the end.

    With post-norm every layer ends with a norm already. (PyTorch's nn.Transformer adds another.)
    """

    kind: type[_Layer]

    def __init__(
        self,
        num_layers: int,
        embed_dim: int,
        num_heads: int,
        *,
        seed: int | np.random.Generator,
        norm_first: bool = True,
        **options: Any,
    ) -> None:
        if num_layers < 1:
            raise ValueError(
                f"{type(self).__name__} needs at least one layer. Received: {num_layers=}"
            )
        options |= {"norm_first": norm_first, "seed": np.random.default_rng(seed)}
        self.layers = [self.kind(embed_dim, num_heads, **options) for _ in range(num_layers)]
        self.norm = LayerNorm(embed_dim) if norm_first else None


class TransformerEncoder(_Stack):
    """num_layers EncoderLayers, at least 1, and with pre-norm a layer norm at the end.

    All other arguments, shapes and errors as in EncoderLayer.
    """

    kind = EncoderLayer

    def forward(self, x: Tensor, mask: Any = None, causal: bool = False) -> Tensor:
        for layer in self.layers:
            x = layer(x, mask, causal)
        return x if self.norm is None else self.norm(x)


class TransformerDecoder(_Stack):
    """num_layers DecoderLayers, at least 1, and with pre-norm a layer norm at the end.

    All other arguments, shapes and errors as in DecoderLayer.
    """

    kind = DecoderLayer

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Any = None,
        memory_mask: Any = None,
        caches: Caches | None = None,
    ) -> Tensor:
        """caches: one for each layer; x holds the new positions only then."""
        each: Caches = caches or [None] * len(self.layers)
        for layer, cache in zip(self.layers, each, strict=True):
            x = layer(x, memory, mask, memory_mask, cache)
        return x if self.norm is None else self.norm(x)


# --- Encoder and decoder together -------------------------------------------------------------
class Transformer(Module):
    """From a source sequence to a target sequence, as in translation.

    Token embeddings times √embed_dim plus sinusoidal positions; encoder; decoder; linear layer.

    source_vocab, target_vocab   numbers of different tokens, at least 1
    embed_dim, num_heads         as in EncoderLayer; embed_dim is even
    num_layers                   layers of the encoder, and as many of the decoder, at least 1
    length                       the longest source or target, at least 1
    dropout                      also acts on the embeddings with their positions; 0.1 as published
    options                      dim_feedforward, activation, norm_first: as in EncoderLayer
    seed                         a whole number, or a numpy.random.Generator

    Start:   embeddings ~ N(0, 1/embed_dim), so that √embed_dim times them has variance 1; the
             linear layer ~ N(0, 1/embed_dim). The paper shares one matrix between the three;
             here source and target may have different vocabularies.
    Shape:   source (batch, source time), target (batch, time), whole numbers
             -> logits (batch, time, target_vocab); those at time t know target[:, : t + 1]
    Raises:  ValueError if sizes do not fit or a token is not in its vocabulary; TypeError if
             tokens are not whole numbers or a mask is not boolean
    Source:  Vaswani et al. 2017, section 3 (base model: embed_dim 512, 8 heads, 6 layers)
    """

    def __init__(
        self,
        source_vocab: int,
        target_vocab: int,
        embed_dim: int,
        num_heads: int,
        num_layers: int,
        *,
        seed: int | np.random.Generator,
        length: int = 256,
        dropout: float = 0.0,
        **options: Any,
    ) -> None:
        rng, gain = np.random.default_rng(seed), 1 / math.sqrt(max(embed_dim, 1))
        options |= {"dropout": dropout, "seed": rng}
        self.source_embedding = Embedding(source_vocab, embed_dim, seed=rng, gain=gain)
        self.target_embedding = Embedding(target_vocab, embed_dim, seed=rng, gain=gain)
        self.positions = SinusoidalPositions(length, embed_dim)
        self.dropout = Dropout(dropout, seed=rng)
        self.encoder = TransformerEncoder(num_layers, embed_dim, num_heads, **options)
        self.decoder = TransformerDecoder(num_layers, embed_dim, num_heads, **options)
        self.head = Linear(embed_dim, target_vocab, seed=rng, gain=1.0)

    def forward(
        self, source: Any, target: Any, source_mask: Any = None, target_mask: Any = None
    ) -> Tensor:
        """The logits of the token after each target position; the target begins with its start.

        source_mask, target_mask   padding_mask(lengths, time) where sequences were filled up.
        What stands in the padding changes nothing at real positions, not even in the last digit.
        The loss should leave the padding out: cross_entropy(logits[real], labels[real]).
        """
        memory = self.encode(source, source_mask)
        return self.decode(target, memory, target_mask, source_mask)

    def encode(self, source: Any, source_mask: Any = None) -> Tensor:
        """The memory: (batch, source time, embed_dim)."""
        return self.encoder(self._embed(self.source_embedding, source), source_mask)

    def decode(
        self,
        target: Any,
        memory: Tensor,
        target_mask: Any = None,
        source_mask: Any = None,
        caches: Sequence[KeyValueCache] | None = None,
    ) -> Tensor:
        """The logits (batch, time, target_vocab); with caches, target holds new positions only."""
        start = len(caches[0]) if caches else 0
        x = self._embed(self.target_embedding, target, start)
        return self.head(self.decoder(x, memory, target_mask, source_mask, caches))

    def _embed(self, embedding: Embedding, tokens: Any, start: int = 0) -> Tensor:
        if len(np.shape(tokens)) != 2:
            raise ValueError(
                "Transformer expects source and target of shape (batch, time). "
                f"Received: {tuple(np.shape(tokens))}"
            )
        x = embedding(tokens) * math.sqrt(embedding.weight.shape[1])
        return self.dropout(self.positions(x, start))

    def generate(
        self,
        source: Any,
        n: int,
        temperature: float = 0.0,
        top_k: int | None = None,
        *,
        start: int,
        stop: int | None = None,
        source_mask: Any = None,
        seed: int | np.random.Generator = 0,
    ) -> np.ndarray:
        """Up to n target tokens for each source. Each step computes one new position only.

        temperature  0: always the most likely token (greedy); else the tokens are drawn
        start        the token that every target begins with; it is not part of the result
        Others:      see continue_text
        Shape:       source (batch, source time) -> (batch, up to n), NumPy, int64
        """
        caches = [KeyValueCache() for _ in self.decoder.layers]
        with in_eval_mode(self):
            memory = self.encode(source, source_mask)

            def next_logits(text: np.ndarray) -> Tensor:
                new = text[:, len(caches[0]) :]
                return self.decode(new, memory, None, source_mask, caches)[:, -1]

            prompt = np.full((memory.shape[0], 1), start)
            options: dict[str, Any] = {"seed": seed, "stop": stop}
            text = continue_text(next_logits, prompt, n, temperature, top_k, **options)
        return text[:, 1:]
