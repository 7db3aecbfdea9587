"""GPT against PyTorch: values and gradients, caches and the sliding window, sizes, learning."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import dlcourse as dl
from dlcourse.architectures.gpt import GPT, POSITIONS, parameter_count
from dlcourse.architectures.sampling import continue_text
from tests.engine.architectures.test_recurrent_lm import (
    assert_moves,
    assert_sound,
    draw_tokens,
    learn,
)
from tests.engine.compare import DEVICES, TOLERANCE, as_numpy, gap
from tests.engine.twins import assert_models_agree, pair_layers

COVERS = {"GPT", "parameter_count"}
on_all = pytest.mark.parametrize("device", DEVICES)
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
all_positions = pytest.mark.parametrize("positions", POSITIONS)
nn = torch.nn


# --- Against PyTorch --------------------------------------------------------------------------
class TorchBlock(nn.Module):
    """Pre-norm, with attention written by hand, because rotary positions act inside it."""

    def __init__(self, size: int, heads: int, rotary: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(size, heads, batch_first=True)  # holds the weights
        self.up, self.down = nn.Linear(size, 4 * size), nn.Linear(4 * size, size)
        self.norm1, self.norm2 = nn.LayerNorm(size), nn.LayerNorm(size)
        self.heads, self.rotary = heads, rotary

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attend(self.norm1(x))
        return x + self.down(functional.gelu(self.up(self.norm2(x)), approximate="tanh"))

    def attend(self, x: torch.Tensor) -> torch.Tensor:
        batch, time, size = x.shape
        a = self.attention
        joined = functional.linear(x, a.in_proj_weight, a.in_proj_bias)
        q, k, v = (
            part.reshape(batch, time, self.heads, -1).transpose(1, 2)
            for part in joined.chunk(3, -1)
        )
        if self.rotary:
            q, k = turned(q), turned(k)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return a.out_proj(y.transpose(1, 2).reshape(batch, time, size))


def angles(time: int, size: int) -> torch.Tensor:
    pairs = torch.arange(0, size, 2, dtype=torch.float64) / size
    return torch.arange(time, dtype=torch.float64)[:, None] / 10000**pairs


def turned(x: torch.Tensor) -> torch.Tensor:
    """Rotary positions: pairs of features as complex numbers, times exp(i angle)."""
    turn = torch.polar(*(torch.ones(1, 1, dtype=torch.float64), angles(*x.shape[-2:])))
    turn = turn.to(torch.complex64 if x.dtype == torch.float32 else torch.complex128)
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * turn).reshape(x.shape)


class Twin(nn.Module):
    def __init__(
        self, vocab: int, context: int, size: int, heads: int, layers: int, positions: str | None
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab, size)
        self.table = nn.Embedding(context, size) if positions == "learned" else None
        rotary = positions == "rotary"
        self.blocks = nn.ModuleList(TorchBlock(size, heads, rotary) for _ in range(layers))
        self.norm = nn.LayerNorm(size)
        self.head = nn.Linear(size, vocab, bias=False)
        self.positions, self.tied = positions, False

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.embedding(tokens)
        time, size = x.shape[1:]
        if self.positions == "learned":
            x = x + self.table.weight[:time]
        if self.positions == "sinusoidal":
            waves = [angles(time, size).sin(), angles(time, size).cos()]
            waves = torch.stack(waves, dim=-1).reshape(time, size).to(x.dtype)
            x = x * math.sqrt(size) + waves
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return x @ self.embedding.weight.T if self.tied else self.head(x)


@all_positions
@on_all
@dtypes
@pytest.mark.parametrize("tie", [False, True], ids=["", "tied"])
@pytest.mark.parametrize("sizes", [(11, 6, 8, 2, 2), (5, 9, 12, 3, 1)], ids=str)
def test_gpt_agrees_with_torch(positions, device, dtype, tie, sizes) -> None:
    with dl.use(device, dtype):
        model = GPT(*sizes, seed=1, positions=positions, tie_weights=tie)
    twin = Twin(*sizes, positions)
    if tie:
        twin.tied, twin.head = True, None
    tokens = draw_tokens(3, 5, vocab=sizes[0])
    assert_models_agree(model, twin, pair_layers(model, twin), [tokens], device, dtype)


# --- Around the mathematics -------------------------------------------------------------------
@all_positions
@pytest.mark.parametrize("tie", [False, True], ids=["", "tied"])
def test_models_are_sound(positions: str | None, tie: bool) -> None:
    tokens = draw_tokens(2, 5, vocab=7)

    def make(seed):
        return GPT(7, 6, 8, 2, 2, seed=seed, dropout=0.1, positions=positions, tie_weights=tie)

    def forward(model):
        return model.eval()(tokens)

    assert_sound(make, forward)
    assert_moves(make(0), forward)


@all_positions
@on_all
def test_no_later_token_changes_an_earlier_logit(positions: str | None, device: str) -> None:
    tokens = draw_tokens(2, 6, vocab=7)
    with dl.use(device):
        model = GPT(7, 6, 8, 2, 2, seed=1, positions=positions)
        before = model(tokens).numpy().copy()
        tokens[:, 4:] = (tokens[:, 4:] + 1) % 7
        after = model(tokens).numpy()
    assert np.array_equal(before[:, :4], after[:, :4])
    assert not np.allclose(before[:, 4:], after[:, 4:])


def test_start_weights_are_those_of_gpt2() -> None:
    model = GPT(500, 300, 64, 4, 8, seed=0, std=0.02)
    block = model.blocks[3]
    for weight in (
        model.embedding.weight,
        model.positions.table,
        model.head.weight,
        block.self_attn.in_proj.weight,
        block.feedforward[0].weight,
    ):
        assert np.std(weight.data) == pytest.approx(0.02, rel=0.04)
    for layer in (block.self_attn.out_proj, block.feedforward[-1]):
        assert np.std(layer.weight.data) == pytest.approx(0.02 / 16**0.5, rel=0.04)
        assert not layer.bias.data.any()
    for size in (64, 768):
        weight = GPT(9, 5, size, 4, 1, seed=0).blocks[0].feedforward[0].weight
        assert np.std(weight.data) == pytest.approx(0.02 * (768 / size) ** 0.5, rel=0.04)


def test_at_the_start_the_loss_is_that_of_a_guess() -> None:
    tokens = draw_tokens(8, 33, vocab=50)
    loss = dl.cross_entropy(GPT(50, 32, 48, 4, 2, seed=0)(tokens[:, :-1]), tokens[:, 1:])
    assert loss.item() == pytest.approx(math.log(50), rel=0.05)


@all_positions
def test_only_positions_tell_the_order(positions: str | None) -> None:
    """The last token looks at two others, which change places."""
    model = GPT(5, 6, 8, 2, 1, seed=0, positions=positions, std=0.5)
    y = model(np.array([[0, 1, 2], [1, 0, 2]])).numpy()[:, -1]
    assert np.allclose(*y, atol=1e-5) == (positions is None)


# --- Sizes ------------------------------------------------------------------------------------
@all_positions
@pytest.mark.parametrize("tie", [False, True])
@pytest.mark.parametrize("sizes", [(11, 6, 8, 2, 2), (96, 64, 12, 3, 1)], ids=str)
def test_the_formula_counts_the_parameters(positions, tie, sizes) -> None:
    vocab, context, embed_dim, _, num_layers = sizes
    options = {"positions": positions, "tie_weights": tie}
    model = GPT(*sizes, seed=0, **options)
    counted = sum(p.data.size for p in model.parameters())
    assert parameter_count(vocab, context, embed_dim, num_layers, **options) == counted


def test_published_sizes() -> None:
    gpt2 = [(12, 768), (24, 1024), (36, 1280), (48, 1600)]  # layers, features
    counts = [parameter_count(50257, 1024, d, layers, tie_weights=True) for layers, d in gpt2]
    assert counts == [124_439_808, 354_823_168, 774_030_080, 1_557_611_200]
    gpt3 = parameter_count(50257, 2048, 12288, 96, tie_weights=True)
    assert round(gpt3 / 1e9, 1) == 174.6
    assert gpt3 - 12 * 96 * 12288**2 == (50257 + 2048) * 12288 + 96 * 13 * 12288 + 2 * 12288
    assert parameter_count(96, 64, 128, 4) == 826_112


# --- Looking inside ---------------------------------------------------------------------------
@all_positions
@on_all
@dtypes
def test_one_sentence_can_be_followed_through_the_numbers(positions, device, dtype) -> None:
    tokens = draw_tokens(1, 5, vocab=7)
    with dl.use(device, dtype):
        model = GPT(7, 6, 8, 2, 3, seed=1, positions=positions, dropout=0.5)
        hidden, attention = model.hidden(tokens), model.attention(tokens)
        assert model.training
        logits = model.eval()(tokens)
        assert hidden.shape == (4, 1, 5, 8)
        assert attention.shape == (3, 1, 2, 5, 5)
        assert not hidden.requires_grad
        assert not attention.requires_grad
        assert gap(hidden[0], model.embed(tokens)) < TOLERANCE[dtype]
        for i, block in enumerate(model.blocks):
            x = hidden[i]
            seen = block.norm1(x)
            q, k, v = block.self_attn._heads(seen, None, None, None)
            weights = dl.attention_weights(q, k, dl.causal_mask(5))
            assert gap(attention[i], weights) < TOLERANCE[dtype]
            heads = (attention[i] @ v).permute(0, 2, 1, 3).reshape(1, 5, 8)
            x = x + block.self_attn.out_proj(heads)
            x = x + block.feedforward(block.norm2(x))
            assert gap(hidden[i + 1], x) < TOLERANCE[dtype]
        assert gap(model.logits(hidden[-1]), logits) < TOLERANCE[dtype]
    rows = attention.numpy()
    assert rows.sum(axis=-1) == pytest.approx(np.ones((3, 1, 2, 5)), abs=1e-5)
    assert not rows[..., np.arange(5)[:, None] < np.arange(5)].any()


# --- Writing ----------------------------------------------------------------------------------
@all_positions
@on_all
@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_the_same_text_with_and_without_the_cache(positions, device, temperature) -> None:
    prompt = draw_tokens(3, 4, vocab=7)
    with dl.use(device):
        model = GPT(7, 10, 8, 2, 2, seed=2, positions=positions, std=0.3)

        def anew(text):
            return model(text[:, -10:])[:, -1]

        expected = continue_text(anew, prompt, 14, temperature, 5, seed=3)
        for use_cache in (True, False):
            text = model.generate(prompt, 14, temperature, 5, seed=3, use_cache=use_cache)
            assert text.tolist() == expected.tolist()
        alone = model.generate(prompt[0], 14, temperature=0, seed=3)
    assert alone.shape == (18,)
    assert len(set(expected[:, 4:].flat)) > 2


@all_positions
@on_all
@dtypes
def test_caches_give_the_logits_of_the_whole_text(positions, device, dtype) -> None:
    tokens = draw_tokens(2, 9, vocab=7)
    with dl.use(device, dtype), dl.no_grad():
        model = GPT(7, 9, 8, 2, 2, seed=2, positions=positions)
        caches, parts = model.new_caches(), []
        for piece in (tokens[:, :4], tokens[:, 4:5], tokens[:, 5:]):
            parts.append(model(piece, caches))
        assert [len(cache) for cache in caches] == [9, 9]
        assert gap(dl.concat(parts, axis=1), model(tokens)) < TOLERANCE[dtype]
        with pytest.raises(ValueError, match=r"1 to 9.*\(2, 1\) after 9"):
            model(tokens[:, :1], caches)


def test_the_cache_saves_work_until_the_context_is_full() -> None:
    lengths = []

    class Watched(GPT):
        def embed(self, tokens, start=0):
            lengths.append(tokens.shape[1])
            return super().embed(tokens, start)

    model = Watched(7, 6, 8, 2, 1, seed=0, dropout=0.5)
    texts = [model.generate([1, 2, 3], 6, temperature=0.7, seed=1) for _ in range(2)]
    assert lengths == [3, 1, 1, 1, 6, 6] * 2
    assert np.array_equal(*texts)  # no dropout
    assert model.training


@all_positions
def test_the_window_forgets_what_has_left_it(positions: str | None) -> None:
    model = GPT(7, 5, 8, 2, 2, seed=0, positions=positions, std=0.3)
    tail = [3, 1, 4, 1, 5]
    texts = [model.generate([*front, *tail], 8, seed=6) for front in ([0, 0], [6, 2, 6], [])]
    new = [text[-8:].tolist() for text in texts]
    assert new[0] == new[1] == new[2]


def test_the_same_seed_writes_the_same_text_on_every_device() -> None:
    texts = []
    for device in DEVICES:
        with dl.use(device):
            texts.append(GPT(20, 16, 16, 2, 2, seed=1).generate([3], 40, seed=9).tolist())
    assert all(text == texts[0] for text in texts)
    assert GPT(20, 16, 16, 2, 2, seed=1).generate([3], 40, seed=8).tolist() != texts[0]


# --- Learning ---------------------------------------------------------------------------------
TEXT = "the cat sat on the mat. the dog sat on the log. " * 3


@on_all
def test_two_layers_learn_a_text_and_write_it(device: str) -> None:
    letters = sorted(set(TEXT))
    numbers, rng = np.array([letters.index(c) for c in TEXT]), np.random.default_rng(0)
    with dl.use(device):
        model = GPT(len(letters), 32, 32, 2, 2, seed=0)

        def loss():
            rows = rng.integers(0, 49, 8)[:, None] + np.arange(33)
            x, y = numbers[rows][:, :-1], numbers[rows][:, 1:]
            return dl.cross_entropy(model(x)[:, 4:], dl.asarray(y[:, 4:]))

        assert learn(model, loss, 300, 0.005, goal=0.05) < 0.05
        written = model.generate(numbers[:12], 100, temperature=0, seed=0)
    assert "".join(letters[i] for i in written) == TEXT[:112]


def copying(num_layers: int, updates: int) -> float:
    """The share of right tokens in the second h of a random sequence h h, after training."""
    model, rng = GPT(12, 24, 32, 2, num_layers, seed=0, positions="sinusoidal"), None
    rng, adam = np.random.default_rng(0), dl.Adam(model.parameters(), 0.004)

    def twice(rows: int, length: int) -> np.ndarray:
        half = rng.integers(0, 12, (rows, length))
        return np.concatenate([half, half], axis=1)

    for _ in range(updates):
        length = int(rng.integers(5, 12))  # changes, so that counting places does not help
        x = twice(32, length)
        loss = dl.cross_entropy(model(x[:, :-1])[:, length:], x[:, length + 1 :])
        adam.zero_grad()
        loss.backward()
        adam.step()
    x = twice(300, 9)
    return float(np.mean(dl.predict(model, x[:, :-1])[:, 9:].argmax(-1) == x[:, 10:]))


def test_two_layers_copy_by_induction_and_one_does_not() -> None:
    """To copy, one layer must mark what came before a token, and the next one look for the mark."""
    one, two = copying(1, 400), copying(2, 400)
    assert two > 0.7
    assert two > one + 0.2


# --- Errors -----------------------------------------------------------------------------------
def small(**options: Any) -> GPT:
    return GPT(7, 6, 8, 2, 1, seed=0, **options)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: GPT(0, 6, 8, 2, 1, seed=0), ValueError, "vocab=0"),
        (lambda: GPT(7, 0, 8, 2, 1, seed=0), ValueError, "context=0"),
        (lambda: GPT(7, 6, 8, 2, 0, seed=0), ValueError, "num_layers=0"),
        (lambda: GPT(7, 6, 8, 3, 1, seed=0), ValueError, "num_heads=3"),
        (lambda: GPT(7, 6, 8, 0, 1, seed=0, positions="rotary"), ValueError, "num_heads=0"),
        (lambda: GPT(7, 6, 6, 2, 1, seed=0, positions="rotary"), ValueError, "even size"),
        (lambda: GPT(7, 6, 7, 1, 1, seed=0, positions="sinusoidal"), ValueError, "even size"),
        (lambda: small(positions="alibi"), ValueError, "learned.*Received: 'alibi'"),
        (lambda: small(dropout=1.0), ValueError, "p=1.0"),
        (lambda: small(std=0.0), ValueError, "std=0.0"),
        (lambda: GPT(7, 6, 8, 2, 1), TypeError, "seed"),
        (lambda: small()(np.zeros(3, int)), ValueError, r"\(batch, time\).*\(3,\)"),
        (lambda: small()(np.zeros((1, 7), int)), ValueError, r"1 to 6.*\(1, 7\).*Cut the text"),
        (lambda: small()(np.zeros((1, 0), int)), ValueError, r"1 to 6.*\(1, 0\)"),
        (lambda: small()(np.full((1, 2), 7)), ValueError, "from 0 to 6"),
        (lambda: small()(np.zeros((1, 2))), TypeError, "whole numbers"),
        (lambda: small()(np.zeros((1, 2), int), small().new_caches()), RuntimeError, "no_grad"),
        (lambda: small().generate([], 3, seed=0), ValueError, "at least one token"),
        (lambda: parameter_count(7, 6, 0, 1), ValueError, "embed_dim=0"),
        (lambda: parameter_count(7, 6, 8, 1, positions="none"), ValueError, "'none'"),
    ],
)
def test_errors_say_what_to_do(make, error, message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_gradients_stay_in_the_dtype_of_the_model() -> None:
    for dtype in ("float32", "float64"):
        with dl.use("cpu", dtype):
            model = small()
            tokens = draw_tokens(2, 5, vocab=7)
            dl.cross_entropy(model(tokens), tokens).backward()
        assert all(as_numpy(p.grad).dtype == dtype for p in model.parameters())
