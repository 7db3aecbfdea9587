"""From logits to tokens: probabilities, draws and texts, against known answers."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

import dlcourse as dl
from dlcourse.architectures.sampling import continue_text, in_eval_mode, probabilities, sample
from tests.engine.compare import DEVICES, gap

COVERS = {"probabilities", "sample", "continue_text", "in_eval_mode"}
on_all = pytest.mark.parametrize("device", DEVICES)


def logits(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape) * 3


# --- Probabilities ----------------------------------------------------------------------------
@pytest.mark.parametrize("temperature", [0.1, 0.7, 1.0, 5.0])
@pytest.mark.parametrize("top_k", [None, 1, 3, 7])
@pytest.mark.parametrize("shape", [(7,), (4, 7), (2, 3, 7)], ids=str)
@on_all
def test_probabilities_are_those_of_torch(temperature, top_k, shape, device) -> None:
    z = logits(*shape)
    twin = torch.tensor(z)
    if top_k is not None:
        border = twin.topk(top_k, dim=-1).values[..., -1:]
        twin = twin.masked_fill(twin < border, -math.inf)
    with dl.use(device):
        for given in (dl.Tensor(z), dl.asarray(z)):
            found = probabilities(given, temperature, top_k)
            assert gap(found, torch.softmax(twin / temperature, dim=-1)) < 1e-12


def test_float32_logits_become_float64_and_stay_as_they_were() -> None:
    z = logits(3, 5).astype("float32")
    before = z.copy()
    p = probabilities(dl.Tensor(z), 0.5, 2)
    assert p.dtype == np.float64
    assert p.sum(axis=-1) == pytest.approx([1, 1, 1], abs=1e-15)
    assert np.array_equal(z, before)


def test_exactly_k_tokens_stay_and_of_equal_ones_the_first() -> None:
    assert probabilities([1.0, 2.0, 2.0, 2.0, 0.0], top_k=2).tolist() == [0, 0.5, 0.5, 0, 0]
    assert probabilities([5.0, 1.0, 1.0], top_k=2)[2] == 0
    assert probabilities([3.0] * 4, top_k=4).tolist() == [0.25] * 4
    assert probabilities([1.0, 7.0, 7.0], temperature=0).tolist() == [0, 1, 0]


def test_temperature_zero_is_the_limit_of_small_temperatures() -> None:
    z = logits(20, 6)
    greedy = probabilities(z, 0)
    assert greedy.tolist() == np.eye(6)[z.argmax(axis=-1)].tolist()
    assert gap(probabilities(z, 1e-6), greedy) < 1e-12
    assert gap(probabilities(z, 1e-320), greedy) == 0  # divides by nearly nothing
    assert gap(probabilities(z, 1e9), np.full((20, 6), 1 / 6)) < 1e-7


def test_a_higher_temperature_is_more_even() -> None:
    z = logits(6)
    entropies = []
    for temperature in (0.2, 0.5, 1.0, 2.0, 8.0):
        p = probabilities(z, temperature)
        entropies.append(-np.sum(p * np.log(p)))
    assert all(low < high for low, high in pairwise(entropies))


def test_huge_logits_and_tokens_that_never_come() -> None:
    assert probabilities([1e30, -1e30]).tolist() == [1, 0]
    assert probabilities([0.0, -math.inf, 0.0]).tolist() == [0.5, 0, 0.5]


# --- Draws ------------------------------------------------------------------------------------
def test_draws_come_as_often_as_they_should() -> None:
    z = np.log([0.5, 0.25, 0.125, 0.125])
    counts = np.bincount(sample(np.tile(z, (40_000, 1)), seed=1), minlength=4)
    expected = 40_000 * np.array([0.5, 0.25, 0.125, 0.125])
    assert np.sum((counts - expected) ** 2 / expected) < 16.3  # χ² with 3 degrees: p = 0.001
    counts = np.bincount(sample(np.tile(z, (40_000, 1)), top_k=2, seed=1), minlength=4)
    assert counts[0] / 40_000 == pytest.approx(2 / 3, abs=0.01)
    assert counts[2:].tolist() == [0, 0]


def test_the_token_is_where_the_sum_passes_the_drawn_number() -> None:
    z, u = logits(50, 9), np.random.default_rng(5).random(50)
    p = probabilities(z, 0.8)
    for row, drawn, token in zip(p, u, sample(z, 0.8, seed=5), strict=True):
        assert row[:token].sum() <= drawn < row[: token + 1].sum()


class Fixed(np.random.Generator):
    """A generator that draws one number only."""

    def __init__(self, value: float) -> None:
        super().__init__(np.random.PCG64(0))
        self.value = value

    def random(self, size):
        return np.full(size, self.value)


@pytest.mark.parametrize(("u", "token"), [(0.0, 1), (1 - 2**-53, 3)])
def test_no_draw_gives_a_token_that_never_comes(u: float, token: int) -> None:
    z = np.array([-math.inf, 0.1, 0.3, 0.2, -math.inf])
    assert sample(z, seed=Fixed(u)) == token
    assert sample(np.zeros(10), seed=Fixed(u)) == (0 if u == 0 else 9)  # 10 · 0.1 is less than 1


@on_all
def test_the_seed_decides_on_every_device(device: str) -> None:
    z = logits(200, 30).astype("float32")
    with dl.use(device):
        drawn = sample(dl.Tensor(z), 1.3, 10, seed=4)
        assert drawn.tolist() == sample(z, 1.3, 10, seed=4).tolist()
        assert drawn.tolist() != sample(dl.Tensor(z), 1.3, 10, seed=5).tolist()
    rng = np.random.default_rng(4)
    assert sample(z, 1.3, 10, seed=rng).tolist() == drawn.tolist()
    assert sample(z, 1.3, 10, seed=rng).tolist() != drawn.tolist()  # it goes on
    assert drawn.dtype == np.int64
    assert sample(z, temperature=0, seed=0).tolist() == z.argmax(axis=-1).tolist()


# --- Texts ------------------------------------------------------------------------------------
def count_up(text: np.ndarray) -> np.ndarray:
    """A model that is sure of one thing: after i comes i + 1, and 0 after 5."""
    return np.where(np.arange(6) == (text[:, -1:] + 1) % 6, 0.0, -math.inf)


def test_a_text_goes_on_from_its_prompt() -> None:
    text = continue_text(count_up, [3, 4], 4, seed=0)
    assert text.tolist() == [3, 4, 5, 0, 1, 2]
    assert text.dtype == np.int64
    texts = continue_text(count_up, np.array([[0, 4], [1, 1]]), 3, seed=0)
    assert texts.tolist() == [[0, 4, 5, 0, 1], [1, 1, 2, 3, 4]]
    assert continue_text(count_up, [2], 0, seed=0).tolist() == [2]


def test_a_text_ends_with_its_stop_token() -> None:
    texts = continue_text(count_up, [[5], [2], [4]], 20, seed=0, stop=5)
    assert texts.tolist() == [[5, 0, 1, 2, 3, 4, 5], [2, 3, 4, 5, 5, 5, 5], [4, *[5] * 6]]
    assert continue_text(count_up, [[2], [4]], 2, seed=0, stop=5).tolist() == [[2, 3, 4], [4, 5, 5]]


def test_each_token_is_drawn_with_the_settings_and_one_generator() -> None:
    z, settings = logits(1, 8), (0.9, 4)
    text = continue_text(lambda text: z, [0], 300, *settings, seed=7)
    rng = np.random.default_rng(7)
    assert text[1:].tolist() == [int(sample(z, *settings, seed=rng)[0]) for _ in range(300)]
    assert len(set(text[1:].tolist())) == 4


def test_the_model_sees_the_whole_text_so_far() -> None:
    seen = []

    def look(text):
        seen.append(text.tolist())
        return count_up(text)

    continue_text(look, [[1, 2]], 2, seed=0)
    assert seen == [[[1, 2]], [[1, 2, 3]]]


def test_eval_mode_is_for_the_block_only() -> None:
    model = dl.Sequential(dl.Linear(2, 2, seed=0), dl.Dropout(0.5, seed=1), dl.Dropout(0.5, seed=2))
    model[1].eval()
    x = dl.Tensor(np.ones((1, 2)))
    with in_eval_mode(model):
        assert not any(part.training for part in model.modules())
        assert not model(x).requires_grad
    assert [part.training for part in model] == [True, False, True]
    assert model.training
    assert model(x).requires_grad
    with pytest.raises(KeyError), in_eval_mode(model):
        raise KeyError
    assert [part.training for part in model] == [True, False, True]


# --- Errors -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: probabilities([1.0, 2.0], -1), ValueError, "temperature=-1"),
        (lambda: probabilities([1.0, 2.0], math.inf), ValueError, "temperature=inf"),
        (lambda: probabilities([1.0, 2.0], math.nan), ValueError, "temperature=nan"),
        (lambda: probabilities([1.0, 2.0], top_k=0), ValueError, "1 … 2.*top_k=0"),
        (lambda: sample([1.0, 2.0], top_k=3, seed=0), ValueError, "1 … 2.*top_k=3"),
        (lambda: probabilities(np.zeros((2, 0))), ValueError, r"shape \(2, 0\)"),
        (lambda: probabilities(1.0), ValueError, r"shape \(\)"),
        (lambda: probabilities([1.0, math.nan]), ValueError, "smaller learning rate"),
        (lambda: probabilities([1.0, math.inf]), ValueError, "smaller learning rate"),
        (lambda: probabilities([[1.0, 2.0], [-math.inf] * 2]), ValueError, "at least one of each"),
        (lambda: sample([1.0, 2.0]), TypeError, "seed"),
        (lambda: continue_text(count_up, [0.5], 1, seed=0), TypeError, "float32"),
        (lambda: continue_text(count_up, [], 1, seed=0), ValueError, r"shape \(0,\)"),
        (lambda: continue_text(count_up, 3, 1, seed=0), ValueError, r"shape \(\)"),
        (lambda: continue_text(count_up, [[[1]]], 1, seed=0), ValueError, r"\(1, 1, 1\)"),
        (lambda: continue_text(count_up, [1], -1, seed=0), ValueError, "n=-1"),
    ],
)
def test_errors_say_what_to_do(make, error, message: str) -> None:
    with pytest.raises(error, match=message):
        make()
