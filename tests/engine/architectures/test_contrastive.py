"""Image-text pairs against PyTorch, the clip of the temperature, and pairs never seen before."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import dlcourse as dl
from dlcourse.architectures.contrastive import (
    MAX_SCALE,
    ImageEncoder,
    ImageTextPair,
    TextEncoder,
)
from tests.engine.compare import DEVICES, as_numpy, gap
from tests.engine.twins import assert_models_agree, pair_layers

COVERS = {"ImageEncoder", "ImageTextPair", "TextEncoder"}
on_all = pytest.mark.parametrize("device", DEVICES)
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])


# --- PyTorch's twin ---------------------------------------------------------------------------
class TorchPair(torch.nn.Module):
    def __init__(self, channels: int, words: int, n: int, embed_dim: int) -> None:
        super().__init__()
        nn = torch.nn
        self.image_encoder = nn.Sequential(
            nn.Conv2d(channels, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, n, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.words = nn.Embedding(words, n)
        self.image_projection = nn.Linear(n, embed_dim, bias=False)
        self.text_projection = nn.Linear(n, embed_dim, bias=False)
        self.logit_scale = nn.Parameter(torch.zeros(()))

    def rows(self, images: torch.Tensor, captions: torch.Tensor) -> tuple[Any, Any]:
        there = (captions != 0)[..., None]
        text = (self.words(captions) * there).sum(1) / there.sum(1).clamp(min=1)
        u = self.image_projection(self.image_encoder(images))
        v = self.text_projection(text)
        return functional.normalize(u, dim=-1), functional.normalize(v, dim=-1)

    def forward(self, images: torch.Tensor, captions: torch.Tensor) -> torch.Tensor:
        u, v = self.rows(images, captions)
        return u @ v.T * self.logit_scale.exp()

    def loss(self, images: torch.Tensor, captions: torch.Tensor) -> torch.Tensor:
        scores, partners = self(images, captions), torch.arange(len(images))
        return (
            functional.cross_entropy(scores, partners)
            + functional.cross_entropy(scores.T, partners)
        ) / 2


def build(seed: int = 0, **settings: Any) -> ImageTextPair:
    rng = np.random.default_rng(seed)
    encoders = ImageEncoder(3, 6, seed=rng), TextEncoder(9, 6, seed=rng)
    return ImageTextPair(*encoders, 6, 6, settings.pop("embed_dim", 5), seed=rng, **settings)


def draw(n: int, height: int = 8, width: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    captions = rng.integers(1, 9, (n, 4))
    captions[0, 2:] = 0  # a short one
    return rng.normal(size=(n, 3, height, width)), captions


@on_all
@dtypes
@pytest.mark.parametrize("size", [(2, 8, 6, 5), (5, 7, 9, 3)])
@pytest.mark.parametrize("what", ["loss", "forward"])
def test_loss_scores_and_all_gradients_agree_with_torch(
    device: str, dtype: str, size: tuple[int, int, int, int], what: str
) -> None:
    n, height, width, embed_dim = size
    with dl.use(device, dtype):
        model = build(embed_dim=embed_dim, temperature=0.2)
    twin = TorchPair(3, 9, 6, embed_dim)
    tied = [*pair_layers(model, twin), (model.logit_scale, twin.logit_scale)]
    ours, theirs = (model.loss, twin.loss) if what == "loss" else (model, twin)
    assert_models_agree(
        model, twin, tied, draw(n, height, width), device, dtype, ours=ours, theirs=theirs
    )


# --- The temperature --------------------------------------------------------------------------
def test_the_temperature_starts_where_the_paper_says() -> None:
    assert math.exp(-build().logit_scale.item()) == pytest.approx(0.07)
    assert build(temperature=0.5).logit_scale.item() == pytest.approx(math.log(2))
    assert build().logit_scale.shape == ()


@on_all
def test_the_loss_brings_the_scale_back_to_100(device: str) -> None:
    with dl.use(device, "float64"):
        model = build(temperature=0.01)
        images, captions = draw(4)
        model.logit_scale.data[...] = 7.0
        model.loss(dl.Tensor(images), captions).backward()
    assert model.logit_scale.item() == pytest.approx(math.log(MAX_SCALE), abs=1e-15)
    assert float(model.logit_scale.grad) != 0  # it can come down again by itself
    model.logit_scale.data[...] = 1.5  # below the limit nothing is changed
    model.loss(dl.Tensor(images).to(device), captions)
    assert model.logit_scale.item() == 1.5


def test_the_temperature_is_learned() -> None:
    model, (images, captions) = build(), draw(6)
    x, before = dl.Tensor(images.astype("float32")), model.logit_scale.item()
    optimizer = dl.Adam(model.parameters(), 1e-2)
    for _ in range(5):
        optimizer.zero_grad()
        model.loss(x, captions).backward()
        optimizer.step()
    assert model.logit_scale.item() != before


# --- The encoders -----------------------------------------------------------------------------
def test_padding_counts_for_nothing() -> None:
    encoder = TextEncoder(9, 4, seed=0)
    short = encoder(np.array([[3, 5]])).numpy()
    assert gap(encoder(np.array([[3, 5, 0, 0, 0]])), short) < 1e-7
    assert gap(short[0], encoder.words.weight.numpy()[[3, 5]].mean(axis=0)) < 1e-7
    assert not encoder(np.array([[0, 0]])).numpy().any()


def test_a_bag_of_words_knows_no_order() -> None:
    model = build()
    rows = model.embed_captions(np.array([[3, 5, 0], [5, 3, 0]])).numpy()
    assert rows[0] @ rows[1] == pytest.approx(1)


class LastState(dl.Module):
    """An encoder that reads in order: the last state of a GRU."""

    def __init__(self) -> None:
        self.words, self.gru = dl.Embedding(9, 5, seed=0), dl.GRU(5, 6, seed=1)

    def forward(self, captions: Any) -> dl.Tensor:
        return self.gru(self.words(captions))[1]


def test_any_encoder_will_do() -> None:
    flat = dl.Sequential(dl.Flatten(), dl.Linear(3 * 8 * 6, 7, seed=0))
    model = ImageTextPair(flat, LastState(), 7, 6, 4, seed=0)
    images, captions = draw(3)
    loss = model.loss(dl.Tensor(images.astype("float32")), captions)
    loss.backward()
    assert all(p.grad is not None for p in model.parameters())
    rows = model.embed_captions(np.array([[3, 5], [5, 3]])).numpy()
    assert rows[0] @ rows[1] < 0.999  # now the order counts


# --- In use -----------------------------------------------------------------------------------
def test_cosines_probabilities_and_search_fit_together() -> None:
    model, (images, captions) = build(), draw(7)
    x = dl.Tensor(images.astype("float32"))
    cosines = model.similarity(x, captions[:4]).numpy()
    assert cosines.shape == (7, 4)
    assert np.abs(cosines).max() <= 1 + 1e-6
    rows = model.embed_images(x).numpy()
    assert np.allclose((rows * rows).sum(axis=1), 1)
    scores = cosines / 0.07
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert model.zero_shot(x, captions[:4]) == pytest.approx(expected, rel=1e-4)
    best = model.retrieve(captions[:4], x, k=3)
    assert best.shape == (4, 3)
    for caption in range(4):
        order = sorted(range(7), key=lambda image: -cosines[image, caption])
        assert best[caption].tolist() == order[:3]


@on_all
def test_the_seed_gives_the_weights_and_a_file_brings_them_back(device: str) -> None:
    images, captions = draw(4)
    with dl.use(device):
        model, other = build(3), build(4)
        other.load_state_dict(model.state_dict())
        x = dl.Tensor(images.astype("float32"))
        assert gap(model(x, captions), other(x, captions)) == 0
        assert gap(model.eval()(x, captions), model.train()(x, captions)) == 0
    plain = build(3).state_dict()
    assert "logit_scale" in plain
    assert all(gap(as_numpy(model.state_dict()[name]), plain[name]) == 0 for name in plain)


def test_it_learns_one_batch_by_heart() -> None:
    model, (images, captions) = build(), draw(8, seed=1)
    x, optimizer = dl.Tensor(images.astype("float32")), dl.Adam(model.parameters(), 1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        model.loss(x, captions).backward()
        optimizer.step()
    assert (model.zero_shot(x, captions).argmax(axis=1) == np.arange(8)).all()
    assert (model.retrieve(captions, x)[:, 0] == np.arange(8)).all()
    assert model.loss(x, captions).item() < 0.1


# --- Coloured shapes: some pairs are never shown ----------------------------------------------
SHAPES = ("square", "disk", "cross", "frame")
COLOURS = {
    "red": (1, 0.1, 0.1),
    "green": (0.1, 0.8, 0.1),
    "blue": (0.15, 0.2, 1),
    "yellow": (0.95, 0.9, 0.1),
    "white": (1, 1, 1),
    "cyan": (0.1, 0.9, 0.9),
    "pink": (1, 0.4, 0.8),
}
VOCABULARY = ("", "a", *SHAPES, *COLOURS)
ALL = [(shape, colour) for shape in SHAPES for colour in COLOURS]
HELD_OUT = [("square", "red"), ("disk", "green"), ("cross", "blue"), ("frame", "yellow")]
SHOWN = [pair for pair in ALL if pair not in HELD_OUT]


def picture(shape: str, colour: str, rng: np.random.Generator) -> np.ndarray:
    """A shape of some size at some place, on a dark, noisy background: (3, 16, 16)."""
    radius = rng.uniform(3.5, 5.5)
    y, x = np.mgrid[:16, :16] - rng.uniform(radius, 15 - radius, 2)[:, None, None]
    box, arms = np.maximum(abs(y), abs(x)), np.minimum(abs(y), abs(x))
    inside = {
        "square": box <= 0.9 * radius,
        "disk": x * x + y * y <= radius * radius,
        "cross": (arms <= 0.3 * radius) & (box <= radius),
        "frame": (box <= radius) & (box >= 0.55 * radius),
    }[shape]
    ground = rng.uniform(0, 0.15) + rng.normal(0, 0.04, (3, 16, 16))
    paint = np.array(COLOURS[colour])[:, None, None] * rng.uniform(0.85, 1)
    return np.where(inside, paint, ground) - 0.2


def caption(shape: str, colour: str) -> list[int]:
    return [VOCABULARY.index(word) for word in ("a", colour, shape)]


def pictures(n: int, pairs: list[Any], seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images, their captions, and the number of each pair in ALL."""
    rng = np.random.default_rng(seed)
    chosen = [pairs[i] for i in rng.integers(0, len(pairs), n)]
    images = np.array([picture(*pair, rng) for pair in chosen], "float32")
    return images, np.array([caption(*p) for p in chosen]), np.array([ALL.index(p) for p in chosen])


def test_it_names_pairs_of_shape_and_colour_that_it_never_saw() -> None:
    """28 captions to choose from, so that chance is 0.036.

    Measured over 5 seeds: shown pairs 0.99 … 1.00, pairs never shown 0.39 … 0.71. The errors are
    nearly all in the shape, so composing is learned in part only.
    """
    images, captions, _ = pictures(1500, SHOWN, seed=0)
    rng = np.random.default_rng(0)
    encoders = ImageEncoder(3, seed=rng), TextEncoder(len(VOCABULARY), seed=rng)
    model = ImageTextPair(*encoders, seed=rng)
    optimizer = dl.Adam(model.parameters(), 3e-3)
    schedule = dl.CosineSchedule(optimizer, steps=230)
    for _ in range(10):
        order = rng.permutation(1500)
        for start in range(0, 1500 - 63, 64):
            rows = order[start : start + 64]
            optimizer.zero_grad()
            model.loss(dl.Tensor(images[rows]), captions[rows]).backward()
            optimizer.step()
            schedule.step()

    names = np.array([caption(*pair) for pair in ALL])
    found = {}
    for what, pairs in (("shown", SHOWN), ("held out", HELD_OUT)):
        unseen, _, answers = pictures(300, pairs, seed=1000)
        found[what] = model.zero_shot(dl.Tensor(unseen), names).argmax(axis=1) == answers
    assert found["shown"].mean() > 0.93
    assert found["held out"].mean() > 0.25


@pytest.mark.parametrize(
    ("compute", "error", "message"),
    [
        (lambda: build(temperature=0), ValueError, "0.01 … 100. Received: temperature=0"),
        (lambda: build(temperature=101), ValueError, "temperature=101"),
        (lambda: build(embed_dim=0), ValueError, "sizes of at least 1"),
        (lambda: TextEncoder(1, seed=0), ValueError, "word 0 is the padding.*vocabulary=1"),
        (lambda: TextEncoder(5, seed=0)(np.array([1, 2])), ValueError, r"\(N, length\).*\(2,\)"),
        (lambda: TextEncoder(5, seed=0)(np.zeros((2, 0), int)), ValueError, r"\(2, 0\)"),
        (lambda: TextEncoder(5, seed=0)(np.array([[1, 5]])), ValueError, "0 to 4"),
        (lambda: TextEncoder(5, seed=0)(np.array([[1.0]])), TypeError, "whole numbers"),
        (lambda: search(k=0), ValueError, "k lies between 1 and the number of images, 3.*k=0"),
        (lambda: search(k=4), ValueError, "k=4"),
        (lambda: build().loss(*one_pair()), ValueError, "at least two rows"),
    ],
)
def test_errors_say_what_to_do(compute: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        compute()


def search(k: int) -> np.ndarray:
    images, captions = draw(3)
    return build().retrieve(captions, dl.Tensor(images.astype("float32")), k=k)


def one_pair() -> tuple[dl.Tensor, np.ndarray]:
    images, captions = draw(1)
    return dl.Tensor(images.astype("float32")), captions
