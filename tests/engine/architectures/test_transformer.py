"""The Transformer: layers, stacks and the whole against torch.nn, masks, caches, learning."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import dlcourse as dl
from dlcourse.architectures.sampling import continue_text
from dlcourse.architectures.transformer import (
    DecoderLayer,
    EncoderLayer,
    Transformer,
    TransformerDecoder,
    TransformerEncoder,
)
from tests.engine.agree import draw
from tests.engine.architectures.test_recurrent_lm import (
    assert_moves,
    assert_sound,
    draw_tokens,
    learn,
)
from tests.engine.compare import DEVICES, TOLERANCE, as_numpy, gap
from tests.engine.twins import assert_models_agree, pair_layers

COVERS = {
    "EncoderLayer",
    "DecoderLayer",
    "TransformerEncoder",
    "TransformerDecoder",
    "Transformer",
}
on_all = pytest.mark.parametrize("device", DEVICES)
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
orders = pytest.mark.parametrize("norm_first", [True, False], ids=["pre", "post"])
nn = torch.nn
ACTIVATIONS = {"relu": functional.relu, "gelu": lambda x: functional.gelu(x, approximate="tanh")}


def torch_options(activation: str, norm_first: bool) -> dict[str, Any]:
    return {
        "dropout": 0.0,
        "activation": ACTIVATIONS[activation],
        "norm_first": norm_first,
        "batch_first": True,
    }


def blocked(lengths: list[int], n: int) -> torch.Tensor:
    """PyTorch's padding mask for these layers, where True means: do not look."""
    return torch.arange(n) >= torch.tensor(lengths)[:, None]


def later(n: int) -> torch.Tensor:
    """PyTorch's causal mask for these layers."""
    return torch.ones(n, n, dtype=torch.bool).triu(1)


# --- One layer --------------------------------------------------------------------------------
@orders
@on_all
@dtypes
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("sizes", [(6, 2, 5, 3, 4), (8, 4, None, 1, 7)], ids=str)
def test_encoder_layer_agrees_with_torch(
    norm_first, device, dtype, activation, masked, sizes
) -> None:
    embed_dim, heads, width, batch, time = sizes
    with dl.use(device, dtype):
        layer = EncoderLayer(embed_dim, heads, width, 0.0, activation, norm_first, seed=1)
    options = torch_options(activation, norm_first)
    twin = nn.TransformerEncoderLayer(embed_dim, heads, width or 4 * embed_dim, **options)
    lengths = [time, *range(2, 1 + batch)]
    mask = dl.padding_mask(lengths, time) if masked else None
    theirs = {"src_key_padding_mask": blocked(lengths, time), "src_mask": later(time)}
    assert_models_agree(
        layer,
        twin,
        pair_layers(layer, twin),
        draw([(batch, time, embed_dim)]),
        device,
        dtype,
        ours=lambda x: layer(x, mask, causal=masked),
        theirs=lambda x: twin(x, **(theirs if masked else {})),
    )


@orders
@on_all
@dtypes
@pytest.mark.parametrize("masked", [False, True])
def test_decoder_layer_agrees_with_torch(norm_first, device, dtype, masked) -> None:
    with dl.use(device, dtype):
        layer = DecoderLayer(6, 3, 7, 0.0, "gelu", norm_first, seed=1)
    twin = nn.TransformerDecoderLayer(6, 3, 7, **torch_options("gelu", norm_first))
    target, source = [4, 2], [3, 5]
    ours = {"mask": dl.padding_mask(target, 4), "memory_mask": dl.padding_mask(source, 5)}
    theirs = {
        "tgt_key_padding_mask": blocked(target, 4),
        "memory_key_padding_mask": blocked(source, 5),
    }
    assert_models_agree(
        layer,
        twin,
        pair_layers(layer, twin),
        draw([(2, 4, 6), (2, 5, 6)]),
        device,
        dtype,
        ours=lambda x, memory: layer(x, memory, **(ours if masked else {})),
        theirs=lambda x, memory: twin(x, memory, tgt_mask=later(4), **(theirs if masked else {})),
    )


# --- The whole --------------------------------------------------------------------------------
class Twin(nn.Module):
    """Embeddings, sinusoids and nn.Transformer, with a last norm only where ours has one."""

    def __init__(self, embed_dim: int, heads: int, layers: int, norm_first: bool) -> None:
        super().__init__()
        self.source_embedding = nn.Embedding(7, embed_dim)
        self.target_embedding = nn.Embedding(5, embed_dim)
        options = torch_options("relu", norm_first)
        sizes = (embed_dim, heads, 4 * embed_dim)
        encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(*sizes, **options),
            layers,
            nn.LayerNorm(embed_dim) if norm_first else None,
            enable_nested_tensor=False,
        )
        decoder = nn.TransformerDecoder(
            nn.TransformerDecoderLayer(*sizes, **options),
            layers,
            nn.LayerNorm(embed_dim) if norm_first else None,
        )
        self.transformer = nn.Transformer(
            embed_dim, heads, custom_encoder=encoder, custom_decoder=decoder, batch_first=True
        )
        self.head = nn.Linear(embed_dim, 5)

    def forward(self, source, target, source_lengths=None, target_lengths=None):
        masks = {}
        if source_lengths:
            padding = blocked(source_lengths, source.shape[1])
            masks = {"src_key_padding_mask": padding, "memory_key_padding_mask": padding}
            masks["tgt_key_padding_mask"] = blocked(target_lengths, target.shape[1])
        x, y = (
            self.placed(self.source_embedding, source),
            self.placed(self.target_embedding, target),
        )
        return self.head(self.transformer(x, y, tgt_mask=later(target.shape[1]), **masks))

    def placed(self, embedding, tokens):
        x = embedding(tokens)
        time, size = x.shape[1:]
        pairs = torch.arange(0, size, 2, dtype=torch.float64) / size
        angles = torch.arange(time, dtype=torch.float64)[:, None] / 10000**pairs
        waves = torch.stack([angles.sin(), angles.cos()], dim=-1).reshape(time, size)
        return x * size**0.5 + waves.to(x.dtype)


@orders
@on_all
@dtypes
@pytest.mark.parametrize("masked", [False, True])
def test_transformer_agrees_with_torch(norm_first, device, dtype, masked) -> None:
    source_lengths, target_lengths = [6, 3, 4], [4, 4, 2]
    with dl.use(device, dtype):
        model = Transformer(7, 5, 8, 2, 2, seed=1, length=6, norm_first=norm_first)
        masks = (dl.padding_mask(source_lengths, 6), dl.padding_mask(target_lengths, 4))
    twin = Twin(8, 2, 2, norm_first)
    assert_models_agree(
        model,
        twin,
        pair_layers(model, twin),
        [draw_tokens(3, 6, vocab=7), draw_tokens(3, 4, vocab=5, seed=1)],
        device,
        dtype,
        ours=lambda *tokens: model(*tokens, *(masks if masked else ())),
        theirs=lambda *tokens: twin(*tokens, *((source_lengths, target_lengths) if masked else ())),
    )


def test_a_causal_encoder_is_a_decoder_without_memory() -> None:
    with dl.use("cpu", "float64"):
        encoder = TransformerEncoder(2, 6, 2, seed=1, dim_feedforward=5)
    twin = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(6, 2, 5, **torch_options("relu", True)),
        2,
        nn.LayerNorm(6),
        enable_nested_tensor=False,
    )
    (x,) = draw([(2, 4, 6)])
    assert_models_agree(
        encoder,
        twin,
        pair_layers(encoder, twin),
        [x],
        "cpu",
        ours=lambda x: encoder(x, causal=True),
        theirs=lambda x: twin(x, mask=later(4)),
    )


# --- Masks ------------------------------------------------------------------------------------
@orders
@on_all
@dtypes
def test_padding_changes_nothing_not_even_the_last_digit(norm_first, device, dtype) -> None:
    source, target = draw_tokens(3, 6, vocab=7), draw_tokens(3, 5, vocab=5)
    source_lengths, target_lengths = np.array([6, 2, 4]), np.array([5, 3, 1])
    real = np.arange(5) < target_lengths[:, None]
    with dl.use(device, dtype):
        model = Transformer(7, 5, 8, 2, 2, seed=1, norm_first=norm_first)
        masks = (dl.padding_mask(source_lengths, 6), dl.padding_mask(target_lengths, 5))
        results = []
        for filler in (0, 3):
            source[np.arange(6) >= source_lengths[:, None]] = filler
            target[~real] = filler
            logits = model(source, target, *masks)
            model.zero_grad()
            (logits * dl.asarray(real[..., None].astype(dtype))).sum().backward()
            gradient = as_numpy(model.encoder.layers[0].self_attn.in_proj.weight.grad).copy()
            results.append((logits.numpy()[real], gradient))
        alone = model(source[1:2, :2], target[1:2, :3])  # the second pair without any padding
    for first, second in zip(*results, strict=True):
        assert np.array_equal(first, second)
    assert gap(results[0][0][5:8], alone.numpy()[0]) < TOLERANCE[dtype]


def test_without_the_mask_padding_would_change_the_result() -> None:
    model, source = Transformer(7, 5, 8, 2, 2, seed=1), draw_tokens(1, 6, vocab=7)
    target, other = draw_tokens(1, 4, vocab=5), source.copy()
    other[:, 4:] = (other[:, 4:] + 1) % 7
    assert not np.array_equal(model(source, target).numpy(), model(other, target).numpy())


@on_all
def test_no_later_target_changes_an_earlier_logit(device: str) -> None:
    source, target = draw_tokens(2, 6, vocab=7), draw_tokens(2, 5, vocab=5)
    with dl.use(device):
        model = Transformer(7, 5, 8, 2, 2, seed=1)
        before = model(source, target).numpy().copy()
        target[:, 3:] = (target[:, 3:] + 1) % 5
        after = model(source, target).numpy()
    assert np.array_equal(before[:, :3], after[:, :3])
    assert not np.allclose(before[:, 3:], after[:, 3:])


# --- Around the mathematics -------------------------------------------------------------------
@orders
def test_models_are_sound(norm_first: bool) -> None:
    source, target = draw_tokens(2, 4, vocab=7), draw_tokens(2, 3, vocab=5)

    def make(seed):
        return Transformer(7, 5, 8, 2, 2, seed=seed, dropout=0.1, norm_first=norm_first)

    def forward(model):
        return model.eval()(source, target)

    assert_sound(make, forward)
    assert_moves(make(0), forward)


def test_sizes_and_start_weights() -> None:
    model = Transformer(300, 200, 32, 4, 3, seed=0)
    assert np.std(model.source_embedding.weight.data) * 32**0.5 == pytest.approx(1, rel=0.03)
    assert np.std(model.head.weight.data) * 32**0.5 == pytest.approx(1, rel=0.03)
    twin = nn.Transformer(32, 4, 3, 3, 128, norm_first=False, batch_first=True)
    counts = [
        sum(p.data.size for p in part.parameters()) for part in (model.encoder, model.decoder)
    ]
    assert sum(counts) == sum(p.numel() for p in twin.parameters())
    assert TransformerEncoder(2, 4, 2, seed=0, norm_first=False).norm is None
    big = EncoderLayer(512, 8, seed=0)  # a layer of the base model: 12 d² + 13 d
    assert sum(p.data.size for p in big.parameters()) == 12 * 512**2 + 13 * 512


def test_the_norm_in_front_keeps_the_way_around_free() -> None:
    """Sublayers that add nothing: pre-norm gives x back, post-norm gives norm(x)."""
    x = dl.Tensor(draw([(2, 3, 8)])[0])
    for norm_first in (True, False):
        layer = EncoderLayer(8, 2, norm_first=norm_first, seed=0)
        for part in (layer.self_attn.out_proj, layer.feedforward[-1]):
            part.weight.data[...] = 0
        expected = x if norm_first else dl.layer_norm(x, 8)
        assert gap(layer(x), expected) < (1e-4 if norm_first is False else 1e-15)


def test_dropout_acts_in_training_only_and_on_every_part() -> None:
    source, target = draw_tokens(2, 4, vocab=7), draw_tokens(2, 3, vocab=5)
    model = Transformer(7, 5, 8, 2, 2, seed=0, dropout=0.5)
    plain = Transformer(7, 5, 8, 2, 2, seed=0)
    assert np.array_equal(model.eval()(source, target).numpy(), plain(source, target).numpy())
    model.train()
    assert not np.array_equal(*(model(source, target).numpy() for _ in range(2)))
    for layer in model.encoder.layers:
        layer.dropout.p = 0.0  # the embeddings have dropout of their own
    assert not np.array_equal(*(model.encode(source).numpy() for _ in range(2)))
    post, x = EncoderLayer(4, 2, dropout=0.5, norm_first=False, seed=1), draw([(2, 3, 4)])[0]
    assert not np.array_equal(*(post(dl.Tensor(x)).numpy() for _ in range(2)))
    layer, x = EncoderLayer(4, 2, dropout=0.9, seed=1), dl.Tensor(draw([(4, 50, 4)])[0])
    untouched = (layer(x).numpy() == x.numpy()).mean()  # both sublayers dropped: 0.9²
    assert untouched == pytest.approx(0.81, abs=0.05)


def test_weights_are_those_of_the_attention() -> None:
    x, mask = dl.Tensor(draw([(2, 5, 8)])[0]), dl.causal_mask(5)
    for norm_first in (True, False):
        layer = EncoderLayer(8, 2, norm_first=norm_first, seed=0)
        seen = layer.norm1(x) if norm_first else x
        found = layer.weights(x, mask)
        assert gap(found, layer.self_attn.weights(seen, mask=mask)) == 0
        assert found.shape == (2, 2, 5, 5)


# --- Writing ----------------------------------------------------------------------------------
@orders
@on_all
@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_generate_is_the_text_without_caches(norm_first, device, temperature) -> None:
    source, settings = draw_tokens(3, 6, vocab=7), {"seed": 5, "stop": 4}
    with dl.use(device):
        model = Transformer(7, 5, 8, 2, 2, seed=2, norm_first=norm_first)
        mask = dl.padding_mask([6, 2, 4], 6)
        memory = model.encode(source, mask)

        def anew(text):
            return model.decode(text, memory, source_mask=mask)[:, -1]

        start = np.full((3, 1), 1)
        expected = continue_text(anew, start, 10, temperature, **settings)[:, 1:]
        found = model.generate(source, 10, temperature, start=1, source_mask=mask, **settings)
    assert found.tolist() == expected.tolist()


def test_generate_computes_each_position_once() -> None:
    lengths = []

    class Watched(Transformer):
        def decode(self, target, *others, **options):
            lengths.append(target.shape[1])
            return super().decode(target, *others, **options)

    model = Watched(7, 5, 8, 2, 2, seed=2, dropout=0.5)
    texts = [model.generate(np.array([[1, 2, 3]]), 4, start=0) for _ in range(2)]
    assert lengths == [1] * 8
    assert texts[0].shape == (1, 4)
    assert np.array_equal(*texts)  # no dropout
    assert model.training


@pytest.mark.parametrize(
    ("norm_first", "device"), [(False, "cpu"), *((True, device) for device in DEVICES)]
)
def test_it_learns_to_reverse(norm_first: bool, device: str) -> None:
    """Sequences of several lengths, filled up, read backwards: one small batch by heart."""
    lengths = np.array([5, 2, 4, 3, 5, 1, 3, 2])
    source, start, stop = draw_tokens(8, 5, vocab=6, seed=3), 6, 7
    target = np.full((8, 7), stop)
    target[:, 0] = start
    for row, length in enumerate(lengths):
        target[row, 1 : length + 1] = source[row, :length][::-1]
    real = np.arange(6) <= lengths[:, None]  # the stop token counts
    with dl.use(device):
        model = Transformer(6, 8, 16, 2, 1, seed=0, length=8, norm_first=norm_first)
        mask = dl.padding_mask(lengths, 5)
        labels = dl.asarray(target[:, 1:][real])

        def loss():
            return dl.cross_entropy(model(source, target[:, :-1], mask)[dl.asarray(real)], labels)

        assert learn(model, loss, 200, 0.005, goal=0.01) < 0.01
        written = model.generate(source, 6, start=start, stop=stop, source_mask=mask)
    assert written.tolist() == target[:, 1:].tolist()


# --- Errors -----------------------------------------------------------------------------------
def small(**options: Any) -> Transformer:
    return Transformer(7, 5, 8, 2, 1, seed=0, length=6, **options)


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, int)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: EncoderLayer(6, 4, seed=0), ValueError, "num_heads=4"),
        (lambda: EncoderLayer(6, 2, 0, seed=0), ValueError, "n_out=0"),
        (
            lambda: DecoderLayer(6, 2, activation="tanh", seed=0),
            ValueError,
            "DecoderLayer: the activation is one of relu, gelu. Received: 'tanh'",
        ),
        (lambda: EncoderLayer(6, 2, dropout=1.0, seed=0), ValueError, "p=1.0"),
        (lambda: EncoderLayer(6, 2), TypeError, "seed"),
        (lambda: TransformerEncoder(0, 6, 2, seed=0), ValueError, "TransformerEncoder.*=0"),
        (lambda: TransformerDecoder(0, 6, 2, seed=0), ValueError, "TransformerDecoder.*=0"),
        (lambda: Transformer(7, 5, 0, 2, 1, seed=0), ValueError, "embedding_dim=0"),
        (lambda: Transformer(7, 5, 9, 3, 1, seed=0), ValueError, "even size"),
        (lambda: small()(zeros(4), zeros(1, 2)), ValueError, r"\(batch, time\). Received: \(4,\)"),
        (lambda: small()(zeros(1, 4), zeros(2)), ValueError, r"\(batch, time\). Received: \(2,\)"),
        (lambda: small()(zeros(1, 7), zeros(1, 2)), ValueError, "0 to 5.*0 to 6"),
        (lambda: small()(zeros(1, 4) + 7, zeros(1, 2)), ValueError, "from 0 to 6"),
        (lambda: small()(zeros(1, 4), zeros(1, 2) + 5), ValueError, "from 0 to 4"),
        (lambda: small()(zeros(1, 4), zeros(1, 2), np.ones((1, 4))), TypeError, "booleans"),
        (lambda: small().generate(zeros(1, 4), 9, start=0), ValueError, "0 to 5.*6 to 6"),
    ],
)
def test_errors_say_what_to_do(make, error, message: str) -> None:
    with pytest.raises(error, match=message):
        make()
