"""The experiments of chapter 6 keep their thresholds, run with its own code.

Five pieces of new text stand in for five seeds where nothing is random. Trainings
are as long as in the chapter, with one to three seeds, for the sake of time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlcourse.architectures.gpt import GPT
from dlcourse.data.gpt_runs import RUNS, bits_after
from dlcourse.widgets import text_machine
from tests.chapters.cells import run_cells

SEEDS = range(5)


@pytest.fixture(scope="module")
def chapter() -> dict[str, Any]:
    """The names that the chapter defines: its counts, its networks, their training and price."""
    wanted = [
        "text = dl.data.manual()",
        "class NGram:",
        "def write(",
        "def prices(",
        "class ContextMLP(",
        "def learn(",
        "def bits(",
        "def fit(",
        "def copying(",
    ]
    return run_cells("06_transformer_era", wanted)


@pytest.mark.parametrize("piece", SEEDS)
def test_a_medium_memory_is_best_on_new_text(chapter: dict[str, Any], piece: int) -> None:
    new = chapter["text"].test[12_000 * piece : 12_000 * (piece + 1)]
    found = chapter["prices"](chapter["counts"], new, 64).mean(axis=0)
    assert found[3] <= found[1] - 0.8
    assert found.argmin() in (4, 5)
    assert found[7] > found[5]


def test_the_price_on_paper(chapter: dict[str, Any]) -> None:
    banana = chapter["NGram"]("banana", 1, "abns")
    first, second = banana.steps("a")
    assert first[2] == pytest.approx(2.75 / 9)
    assert -np.log2(second[2:]) == pytest.approx([0.38, 5.17], abs=0.005)


def test_the_widget_counts_as_the_chapter(chapter: dict[str, Any]) -> None:
    part, new = chapter["text"].train[-20_000:], chapter["text"].test[-1_000:]
    alphabet = "".join(sorted(set(part + new)))
    counts = chapter["NGram"](part, 7, alphabet)
    own = text_machine.bits(text_machine.count(part, 7), len(alphabet), new)
    assert chapter["prices"](counts, new, 7).mean(axis=0) == pytest.approx(own, abs=1e-9)


def test_counting_wins_against_a_short_training(chapter: dict[str, Any]) -> None:
    """Seed 1 in full; the chapter itself holds seed 0."""
    size, learn, bits = chapter["V"], chapter["learn"], chapter["bits"]
    best = chapter["prices"](chapter["counts"], chapter["new"], 64).mean(axis=0).min()
    mlp = learn(chapter["ContextMLP"](12, 16, 256, seed=1), 12, 1200, 256, 0.003, seed=1)
    gpt = learn(GPT(size, 64, 64, 4, 2, seed=1, positions="rotary"), 64, 350, 16, 0.005, seed=1)
    found = bits(mlp, 12), bits(gpt, 64, scored=32)
    assert best + 0.1 < min(found)
    assert min(found) < 2.7


def test_the_stored_runs_can_be_made_again(chapter: dict[str, Any]) -> None:
    """The shortest one; the others take minutes. They fall, and the last one passes counting."""
    shortest = min(RUNS)
    assert bits_after(shortest, text=chapter["text"]) == pytest.approx(RUNS[shortest], abs=0.1)
    assert list(RUNS) == sorted(RUNS)
    assert (np.diff(list(RUNS.values())) < 0).all()
    best = chapter["prices"](chapter["counts"], chapter["new"], 64).mean(axis=0).min()
    assert min(RUNS.values()) < best


@pytest.mark.parametrize("seed", range(2))
def test_two_layers_copy_what_they_never_saw(chapter: dict[str, Any], seed: int) -> None:
    """Two seeds here; the engine's tests hold a third."""
    one, two = chapter["copying"](1, seed), chapter["copying"](2, seed)
    assert two > 0.7
    assert two > one + 0.2


def test_more_text_helps_the_counts(chapter: dict[str, Any]) -> None:
    found = []
    for n in (3_000, 10_000, 30_000, 100_000, 300_000):
        counts = chapter["NGram"](chapter["text"].train[:n], 4, chapter["text"].alphabet)
        found.append(chapter["prices"](counts, chapter["new"][:8_000], 64).mean(axis=0)[4])
    assert (np.diff(found) < -0.05).all()


@pytest.mark.parametrize("seed", range(3))
def test_the_fit_forecasts_the_held_out_network(chapter: dict[str, Any], seed: int) -> None:
    """As in the chapter, with three seeds."""
    sizes, found = [], []
    for width in (4, 8, 16, 32, 64, 128):
        net = chapter["learn"](
            chapter["ContextMLP"](8, 8, width, seed=seed), 8, 500, 256, 0.02, seed=seed
        )
        sizes.append(sum(p.data.size for p in net.parameters()))
        found.append(chapter["bits"](net, 8))
    assert (np.diff(found) < 0).all()
    curve, floor, exponent = chapter["fit"](sizes[:-1], found[:-1])
    assert curve(sizes[-1]) == pytest.approx(found[-1], rel=0.06)
    assert 0 <= floor < found[-1]
    assert 0 < exponent < 1.5
