"""GPT: a Transformer that only predicts the next token, and writes by predicting again and again.

There is no source and no memory: one stack of layers with causal self-attention reads the text.
Each layer is an EncoderLayer of transformer.py with the norm in front and GELU; all that makes it
a decoder is the causal mask.

    tokens -> embedding + positions -> block -> block -> … -> norm -> one logit for each token

Follow one sentence through the numbers:

    x = model.embed(tokens)                        # (1, time, embed_dim)
    model.blocks[0].norm1(x)                       # what the first attention sees
    model.attention(tokens)[0, 0]                  # where its heads look: (heads, time, time)
    model.hidden(tokens)[:, 0]                     # x before and after every block
    model.logits(model.hidden(tokens)[1])          # what the first block alone would predict

Read transformer.py and sampling.py first.
Source: Radford et al. 2018 (GPT), 2019 (GPT-2: norms in front, one more at the end)
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from dlcourse.architectures.sampling import continue_text, in_eval_mode
from dlcourse.architectures.transformer import Caches, EncoderLayer
from dlcourse.backprop import Tensor
from dlcourse.device import new_array
from dlcourse.layers import (
    Dropout,
    Embedding,
    KeyValueCache,
    LayerNorm,
    LearnedPositions,
    Linear,
    Module,
    RotaryPositions,
    SinusoidalPositions,
    causal_mask,
)
from dlcourse.ops import stack

POSITIONS = ("learned", "rotary", "sinusoidal", None)


class GPT(Module):
    """A decoder-only Transformer with num_layers blocks.

    vocab        number of different tokens, at least 1
    context      the longest text it can look at, at least 1 token
    embed_dim    number of features, a multiple of num_heads
    num_heads    attention heads in each block, at least 1
    num_layers   blocks, at least 1
    seed         a whole number, or a numpy.random.Generator
    dropout      share of zeros in what each sublayer adds and in the embeddings, 0 … below 1
    positions    "learned": a table is added, as in GPT; "sinusoidal": waves are added to √embed_dim
                 times the embeddings, see Transformer; "rotary": queries and keys are turned, see
                 RotaryPositions; None: the causal mask alone tells what came before
    tie_weights  True: the embedding is the matrix of the last layer too, as in GPT-2
    std          spread of the start weights, above 0; None: 0.02 √(768 / embed_dim). That is 0.02
                 for the 768 features of the smallest GPT-2, and more for a narrow model, whose
                 layers would else start so weak that it learns slowly.

    Start:   weights and embeddings ~ N(0, std²), biases 0. The last matrix of each sublayer has
             std / √(2 num_layers), so that the sum of all 2 num_layers sublayers stays as small
             as one (Radford et al. 2019, section 2.3).
    Size:    see parameter_count: about 12 num_layers embed_dim², and the embeddings
    Shape:   tokens (batch, time) of whole numbers, time 1 … context -> logits (batch, time, vocab)
             Logits at time t know the tokens 0 … t, and are for the token at t + 1.
    Raises:  ValueError if a setting or a shape does not fit, or a token is not in the vocabulary;
             TypeError if tokens are not whole numbers
    Source:  Radford et al. 2019; Su et al. 2021 (rotary); Haviv et al. 2022 (no positions)
    """

    blocks: list[EncoderLayer]
    head: Linear | None  # (embed_dim, vocab) without bias; None: the embedding serves

    def __init__(
        self,
        vocab: int,
        context: int,
        embed_dim: int,
        num_heads: int,
        num_layers: int,
        *,
        seed: int | np.random.Generator,
        dropout: float = 0.0,
        positions: str | None = "learned",
        tie_weights: bool = False,
        std: float | None = None,
    ) -> None:
        _check_settings(vocab, context, embed_dim, num_layers, positions)
        if num_heads < 1 or embed_dim % num_heads:
            raise ValueError(
                "GPT: embed_dim must be a multiple of num_heads. "
                f"Received: {embed_dim=}, {num_heads=}"
            )
        rng, self.context = np.random.default_rng(seed), context
        rotary = RotaryPositions(context, embed_dim // num_heads) if positions == "rotary" else None
        options: dict[str, Any] = {"activation": "gelu", "dropout": dropout, "rotary": rotary}
        self.embedding = Embedding(vocab, embed_dim, seed=rng)
        self.positions = _positions(positions, context, embed_dim, rng)
        self.dropout = Dropout(dropout, seed=rng)
        self.blocks = [
            EncoderLayer(embed_dim, num_heads, seed=rng, **options) for _ in range(num_layers)
        ]
        self.norm = LayerNorm(embed_dim)
        self.head = None if tie_weights else Linear(embed_dim, vocab, bias=False, seed=rng)
        self._draw_weights(0.02 * math.sqrt(768 / embed_dim) if std is None else std, rng)

    def _draw_weights(self, std: float, rng: np.random.Generator) -> None:
        """Start weights as in GPT-2, in place of the layers' own."""
        if not std > 0:
            raise ValueError(f"GPT: std is above 0, often 0.02 … 0.2. Received: {std=}")
        last = ("self_attn.out_proj.weight", "feedforward.layers.2.weight")  # of a sublayer
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                share = 1 / math.sqrt(2 * len(self.blocks)) if name.endswith(last) else 1.0
                weight.data = new_array(rng.standard_normal(weight.shape) * (std * share))

    # Reading
    def forward(self, tokens: Any, caches: Sequence[KeyValueCache] | None = None) -> Tensor:
        """The logits of the token after each position.

        caches   one for each block, see new_caches: tokens are the new ones only then
        """
        return self.logits(self._states(tokens, caches)[-1])

    def _states(self, tokens: Any, caches: Sequence[KeyValueCache] | None = None) -> list[Tensor]:
        x = self.embed(tokens, len(caches[0]) if caches else 0)
        states = [x]
        each: Caches = caches or [None] * len(self.blocks)
        for block, cache in zip(self.blocks, each, strict=True):
            x = block(x, causal=True, cache=cache)
            states.append(x)
        return states

    def embed(self, tokens: Any, start: int = 0) -> Tensor:
        """The tokens' embeddings with their positions, counted from start.

        Shape:   tokens (batch, time) -> (batch, time, embed_dim)
        """
        shape = tuple(np.shape(tokens))
        if len(shape) != 2 or not 1 <= shape[1] <= self.context - start:
            raise ValueError(
                f"GPT expects tokens of shape (batch, time) with a time of 1 to {self.context}, "
                f"those in the caches included. Received: {shape} after {start}. Cut the text, as "
                "in tokens[:, -context:], or build the model with a longer context."
            )
        x = self.embedding(tokens)
        if isinstance(self.positions, SinusoidalPositions):
            x = x * math.sqrt(x.shape[-1])
        return self.dropout(x if self.positions is None else self.positions(x, start))

    def logits(self, x: Tensor) -> Tensor:
        """What the model would predict from these features: the last norm and the last matrix.

        Shape:   x (..., embed_dim) -> (..., vocab)
        """
        x = self.norm(x)
        return x @ self.embedding.weight.T if self.head is None else self.head(x)

    # Looking inside
    def hidden(self, tokens: Any) -> Tensor:
        """The features after the embedding and after each block, without dropout or gradients.

        Shape:   tokens (batch, time) -> (num_layers + 1, batch, time, embed_dim)
        """
        with in_eval_mode(self):
            return stack(self._states(tokens))

    def attention(self, tokens: Any) -> Tensor:
        """How much each position looks at each one before it: all heads of all blocks.

        Shape:   tokens (batch, time) -> (num_layers, batch, num_heads, queries, keys)
                 Each row of keys has the sum 1, and is 0 at later positions.
        """
        with in_eval_mode(self):
            states, mask = self._states(tokens), causal_mask(np.shape(tokens)[1])
            inputs = zip(self.blocks, states[:-1], strict=True)
            return stack([block.weights(x, mask) for block, x in inputs])

    # Writing
    def new_caches(self) -> list[KeyValueCache]:
        """An empty cache for each block."""
        return [KeyValueCache() for _ in self.blocks]

    def generate(
        self,
        prompt: Any,
        n: int,
        temperature: float = 1.0,
        top_k: int | None = None,
        *,
        seed: int | np.random.Generator,
        use_cache: bool = True,
    ) -> np.ndarray:
        """The prompt and n more tokens. Arguments, shapes and errors as in continue_text.

        use_cache  True: keys and values of earlier tokens are kept, and each step computes one
                   position. False: each step computes all of them; the same text, slower.

        When the text is longer than the context, the model sees its last `context` tokens, and
        their positions count from 0 again: every token moves one position down at each step. What
        is in the caches then belongs to other positions, so from there on each step computes the
        whole window.
        """
        caches = self.new_caches()

        def next_logits(text: np.ndarray) -> Tensor:
            if use_cache and text.shape[1] <= self.context:
                return self(text[:, len(caches[0]) :], caches)[:, -1]
            return self(text[:, -self.context :])[:, -1]

        with in_eval_mode(self):
            return continue_text(next_logits, prompt, n, temperature, top_k, seed=seed)


def parameter_count(
    vocab: int,
    context: int,
    embed_dim: int,
    num_layers: int,
    *,
    positions: str | None = "learned",
    tie_weights: bool = False,
) -> int:
    """How many numbers a GPT learns, without building it. With d = embed_dim:

    block    4 d² + 4 d for attention, 8 d² + 5 d for the feed-forward network, 4 d for two norms
    all      num_layers (12 d² + 13 d) + 2 d for the last norm
    tables   vocab d for the embedding, context d for learned positions, and vocab d for the last
             layer unless it is tied

    The number of heads does not matter: they share the d features. GPT-3 (tied, num_layers 96,
    d 12288, vocab 50257, context 2048) has 174.6·10⁹, nearly all of them in 12 · 96 · 12288².
    Raises:  ValueError if a size is below 1 or there are no such positions
    Source:  sizes of GPT-3: Brown et al. 2020, table 2.1
    """
    _check_settings(vocab, context, embed_dim, num_layers, positions)
    d = embed_dim
    blocks = num_layers * (12 * d**2 + 13 * d) + 2 * d
    table = context * d if positions == "learned" else 0
    return blocks + vocab * d * (1 if tie_weights else 2) + table


def _check_settings(
    vocab: int, context: int, embed_dim: int, num_layers: int, positions: str | None
) -> None:
    if min(vocab, context, embed_dim, num_layers) < 1:
        raise ValueError(
            "GPT: vocab, context, embed_dim and num_layers are at least 1. "
            f"Received: {vocab=}, {context=}, {embed_dim=}, {num_layers=}"
        )
    if positions not in POSITIONS:
        raise ValueError(f"GPT: positions is one of {POSITIONS}. Received: {positions!r}")


def _positions(
    kind: str | None, context: int, embed_dim: int, rng: np.random.Generator
) -> LearnedPositions | SinusoidalPositions | None:
    """What is added to the embeddings; rotary positions stand in the attention instead."""
    if kind == "learned":
        return LearnedPositions(context, embed_dim, seed=rng)
    return SinusoidalPositions(context, embed_dim) if kind == "sinusoidal" else None
