"""Recurrent language models: they read a text token by token and carry a memory along.

A token's number picks its row of an embedding; a recurrent layer mixes the row with its memory;
a linear layer gives one logit for each possible next token. The memory, called the state, is all
that the model knows of the text so far: it goes in and comes out, so that a long text can be read,
learned or written in pieces.

Read rnn_cell and lstm_cell in layers/recurrent.py first.
Source: Mikolov et al. 2010 (a plain recurrent network); Graves 2013, sections 2 and 3 (LSTM)
"""

from itertools import pairwise
from typing import Any

import numpy as np

from dlcourse.architectures.sampling import continue_text, in_eval_mode
from dlcourse.backprop import Tensor
from dlcourse.layers import LSTM, RNN, Embedding, Linear, Module


def detach(state: Any) -> Any:
    """The same state without a history: no gradient flows back into the piece of text before it.

    Truncated backpropagation through time cuts a long text into pieces of equal length. Each piece
    starts with the state that the piece before it has left, but learns from its own steps only:

        state = None
        for x, y in pieces:                            # (batch, time) each, one after the other
            logits, state = model(x, state)
            loss = cross_entropy(logits, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            state = detach(state)

    state    a tensor, or lists and pairs of tensors, as a model returned it; None stays None
    Raises:  TypeError for anything else
    Source:  Williams and Peng 1990
    """
    if state is None or isinstance(state, Tensor):
        return state if state is None else state.detach()
    if isinstance(state, list | tuple):
        return type(state)(detach(part) for part in state)
    raise TypeError(
        "detach: expected the state that a model returned: a tensor, or lists and pairs of them. "
        f"Received: {type(state).__name__}"
    )


class _RecurrentLanguageModel(Module):
    """What both models share: all but the kind of layer.

    embedding (vocab, embed_dim) -> num_layers recurrent layers -> head (hidden, vocab)
    """

    embedding: Embedding
    layers: list[Any]  # the recurrent layers, from the first to the last
    head: Linear

    def __init__(
        self,
        vocab: int,
        embed_dim: int,
        hidden: int,
        num_layers: int,
        seed: int | np.random.Generator,
        **options: Any,
    ) -> None:
        if min(vocab, embed_dim, hidden, num_layers) < 1:
            raise ValueError(
                f"{type(self).__name__} needs sizes of at least 1. "
                f"Received: {vocab=}, {embed_dim=}, {hidden=}, {num_layers=}"
            )
        rng = np.random.default_rng(seed)
        self.embedding = Embedding(vocab, embed_dim, seed=rng)
        sizes = [embed_dim, *[hidden] * num_layers]
        self.layers = [self.new_layer(*pair, seed=rng, **options) for pair in pairwise(sizes)]
        self.head = Linear(hidden, vocab, seed=rng, gain=1.0)

    def new_layer(self, n_in: int, n_hidden: int, **options: Any) -> Module:
        """One recurrent layer. Each model says of which kind."""
        raise NotImplementedError(f"{type(self).__name__} needs a method new_layer.")

    def forward(self, tokens: Any, state: Any = None) -> tuple[Tensor, list[Any]]:
        """The logits of the token after each position, and the state after the last one."""
        if len(np.shape(tokens)) != 2:
            raise ValueError(
                f"{type(self).__name__} expects tokens of shape (batch, time). "
                f"Received: {tuple(np.shape(tokens))}"
            )
        before = [None] * len(self.layers) if state is None else state
        if not isinstance(before, list | tuple) or len(before) != len(self.layers):
            raise ValueError(
                f"{type(self).__name__} expects its state as a list with one entry for each of its "
                f"{len(self.layers)} layers, as it returned it. Received: {type(state).__name__}"
            )
        x, after = self.embedding(tokens), []  # (batch, time, embed_dim)
        for layer, layer_state in zip(self.layers, before, strict=True):
            x, layer_state = layer(x, layer_state)  # (batch, time, hidden)
            after.append(layer_state)
        return self.head(x), after  # (batch, time, vocab)

    def generate(
        self,
        prompt: Any,
        n: int,
        temperature: float = 1.0,
        top_k: int | None = None,
        *,
        seed: int | np.random.Generator,
    ) -> np.ndarray:
        """The prompt and n more tokens. Each step reads one token: the state holds all before it.

        Arguments, shapes and errors as in continue_text. Without dropout or gradients.
        """
        state, seen = None, 0

        def next_logits(text: np.ndarray) -> Tensor:
            nonlocal state, seen
            logits, state = self(text[:, seen:], state)
            seen = text.shape[1]
            return logits[:, -1]

        with in_eval_mode(self):
            return continue_text(next_logits, prompt, n, temperature, top_k, seed=seed)


class RNNLanguageModel(_RecurrentLanguageModel):
    """Embedding, plain recurrent layers, and a linear layer to the logits of the next token.

    vocab        number of different tokens, at least 1
    embed_dim    numbers in the row of one token, at least 1
    hidden       units of each recurrent layer, at least 1
    num_layers   recurrent layers on top of each other, at least 1
    seed         a whole number, or a numpy.random.Generator

    Start:   embedding ~ N(0, 1), recurrent layers as in RNN, head ~ N(0, 1/hidden)
    Shape:   tokens (batch, time) of whole numbers, state None or as returned
             -> logits (batch, time, vocab), state: a list with (batch, hidden) for each layer
             Logits at time t know the tokens 0 … t, and are for the token at t + 1.
    Raises:  ValueError if sizes or shapes do not fit, or if a token is not in the vocabulary;
             TypeError if tokens are not whole numbers
    Source:  Mikolov et al. 2010 (there with sigmoid units and one-hot inputs)
    """

    def __init__(
        self,
        vocab: int,
        embed_dim: int,
        hidden: int,
        *,
        seed: int | np.random.Generator,
        num_layers: int = 1,
    ) -> None:
        super().__init__(vocab, embed_dim, hidden, num_layers, seed)

    def new_layer(self, n_in: int, n_hidden: int, **options: Any) -> Module:
        return RNN(n_in, n_hidden, **options)


class LSTMLanguageModel(_RecurrentLanguageModel):
    """The same with LSTM layers, whose gates decide what to keep.

    vocab, embed_dim, hidden, num_layers, seed   as in RNNLanguageModel
    forget_bias, fused                           see LSTM

    Start:   as in RNNLanguageModel; the bias of the forget gates is forget_bias
    Shape:   as in RNNLanguageModel, where the state has a pair (h, c) for each layer
    Raises:  as in RNNLanguageModel; TypeError if a layer's state is no pair
    Source:  Graves 2013, section 3 (there with peepholes, and each layer sees the input too)
    """

    def __init__(
        self,
        vocab: int,
        embed_dim: int,
        hidden: int,
        *,
        seed: int | np.random.Generator,
        num_layers: int = 1,
        forget_bias: float = 1.0,
        fused: bool = True,
    ) -> None:
        options = {"forget_bias": forget_bias, "fused": fused}
        super().__init__(vocab, embed_dim, hidden, num_layers, seed, **options)

    def new_layer(self, n_in: int, n_hidden: int, **options: Any) -> Module:
        return LSTM(n_in, n_hidden, **options)
