"""HiddenSpace: the training in the page against Python's and the engine's, and every control."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcourse as dl
from dlcourse.widgets import HiddenSpace
from dlcourse.widgets.hidden_space import (
    INPUTS,
    SEEDS,
    SIZES,
    TARGETS,
    forward,
    start_weights,
    train,
)
from tests.widgets.hands import says, slide, slide_all


def flat(weights: list[np.ndarray]) -> list[float]:
    return [float(v) for w in weights for v in w.ravel()]


def stuck(hidden: int, seed: int, lr: float = 0.5) -> bool:
    weights, _ = train(start_weights(hidden, seed), lr, 4000)
    return bool((np.abs(forward(weights)[1] - TARGETS) >= 0.2).any())


# ---- the Python side --------------------------------------------------------------------------
@pytest.mark.parametrize("hidden", SIZES)
def test_python_trains_as_the_engine_does(hidden: int) -> None:
    start = start_weights(hidden, 3)
    w1, b1, w2, b2 = tensors = [dl.Tensor(w, requires_grad=True) for w in start]
    optimizer = dl.SGD(tensors, lr=0.5, momentum=0.9)
    losses = []
    for _ in range(50):
        optimizer.zero_grad()
        error = ((dl.Tensor(INPUTS) @ w1 + b1).sigmoid() @ w2 + b2).sigmoid() - dl.Tensor(TARGETS)
        loss = (error * error).sum() * 0.5
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    ours, our_losses = train(start, 0.5, 50)
    assert our_losses == pytest.approx(losses, abs=1e-9)
    for a, b in zip(ours, tensors, strict=True):
        assert a == pytest.approx(b.data, abs=1e-9)


def test_training_leaves_the_start_as_it_is() -> None:
    start = start_weights(2, 0)
    before = flat(start)
    train(start, 0.5, 10)
    assert flat(start) == before


def test_settings_that_are_not_offered_are_refused() -> None:
    with pytest.raises(ValueError, match=r"hidden is one of \(2, 3, 4, 8\).*hidden=5"):
        HiddenSpace(hidden=5)
    with pytest.raises(ValueError, match=r"lr=0.3"):
        HiddenSpace(lr=0.3)


def test_static_html_is_deterministic_safe_and_told_in_words() -> None:
    make = lambda: HiddenSpace(label="</script>", seed=6)  # noqa: E731
    text = make().static_html()
    assert text == make().static_html()
    assert text.count("</script>") == 1
    assert len(text) < 40_000
    words = HiddenSpace(seed=6).fallback_html()
    assert "2 hidden units, learning rate 0.5, seed 6" in words
    assert "to 0.250 in 4,000 steps" in words
    assert "01 → 0.50, 10 → 0.99, 11 → 0.50" in words


# ---- the page's own functions -----------------------------------------------------------------
@pytest.mark.parametrize("hidden", SIZES)
def test_the_page_computes_the_same_gradient(functions: Any, hidden: int) -> None:
    js = functions("hidden_space")
    for seed in range(5):
        start = start_weights(hidden, seed)
        tensors = [dl.Tensor(w, requires_grad=True) for w in start]
        w1, b1, w2, b2 = tensors
        error = ((dl.Tensor(INPUTS) @ w1 + b1).sigmoid() @ w2 + b2).sigmoid() - dl.Tensor(TARGETS)
        loss = (error * error).sum() * 0.5
        loss.backward()
        found = js("gradient", flat(start), hidden)
        assert found["loss"] == pytest.approx(loss.item(), abs=1e-12)
        assert found["g"] == pytest.approx(flat([p.grad for p in tensors]), abs=1e-12)


@pytest.mark.parametrize("hidden", SIZES)
@pytest.mark.parametrize("lr", [0.1, 0.5, 2.0])
def test_the_page_trains_to_the_same_numbers(functions: Any, hidden: int, lr: float) -> None:
    js = functions("hidden_space")
    for seed in (0, 6, 17, 39):
        start = start_weights(hidden, seed)
        kept = js("train", flat(start), hidden, lr, [0, 1, 150, 4000])
        for entry in kept:
            weights, _ = train(start, lr, entry["step"])
            assert entry["weights"] == pytest.approx(flat(weights), abs=1e-6)
            points = js("pointsOf", entry["weights"], hidden)
            h, y = forward(weights)
            assert [p["y"] for p in points] == pytest.approx(y[:, 0].tolist(), abs=1e-6)
            assert np.array([p["hidden"] for p in points]) == pytest.approx(h, abs=1e-6)


def test_every_seed_ends_as_in_python(functions: Any) -> None:
    js = functions("hidden_space")
    for seed in range(SEEDS):
        end = js("train", flat(start_weights(2, seed)), 2, 0.5, [4000])[-1]
        points = js("pointsOf", end["weights"], 2)
        assert (js("learned", points) < 4) == stuck(2, seed)


def test_points_that_merge_are_found(functions: Any) -> None:
    js = functions("hidden_space")
    for seed in (6, 10, 15):
        end = js("train", flat(start_weights(2, seed)), 2, 0.5, [4000])[-1]
        assert js("mergedPairs", js("pointsOf", end["weights"], 2))
    end = js("train", flat(start_weights(2, 0)), 2, 0.5, [4000])[-1]
    assert js("mergedPairs", js("pointsOf", end["weights"], 2)) == []
    assert js("groups", [[0, 0], [50, 50], [3, 4], [90, 0]], [10, 10]) == [[0, 2], [1], [3]]


def test_the_lines_geometry(functions: Any) -> None:
    js = functions("hidden_space")
    for a, b, c in np.random.default_rng(0).normal(size=(30, 3)).tolist():
        for x, y in js("cross", a, b, c, 0, 1) or []:
            assert a * x + b * y + c == pytest.approx(0, abs=1e-9)
        for x, y in js("positive", a, b, c, 0, 1):
            assert a * x + b * y + c >= -1e-9
    assert js("cross", 0, 0, 1, 0, 1) is None


def test_the_schedule_is_dense_at_first_and_ends_at_the_end(functions: Any) -> None:
    steps = functions("hidden_space")("schedule", 4000)
    assert (steps[0], steps[-1]) == (0, 4000)
    assert np.all(np.diff(steps) > 0)
    assert np.diff(steps)[0] == 1


# ---- in the page ------------------------------------------------------------------------------
def test_a_training_in_words(page_of: Any, faults: Any) -> None:
    page = page_of(HiddenSpace())
    assert "Nothing is learned yet" in says(page)
    assert "of 4 outputs are near" in slide(page, "step", 20)
    assert "All four are learned" in slide(page, "step", 200)
    text = slide(page, "start weights", 6)
    assert "Stuck: 2 of 4" in text
    assert "share one place" in text
    assert "so far: 6." in text
    assert "so far: 6, 10." in slide(page, "start weights", 10)
    assert "All four are learned" in slide(page, "hidden units", 3)
    assert faults(page) == []


def test_play_runs_to_the_end_or_stops(page_of: Any) -> None:
    page = page_of(HiddenSpace(step=3800))
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        "() => document.querySelector('[role=status]').textContent.includes('step 4000')"
    )
    assert "All four are learned" in says(page)


@pytest.mark.parametrize("where", ["Home", "middle", "End"])
def test_sliders_at_their_ends(page_of: Any, overlaps: Any, faults: Any, where: str) -> None:
    page = page_of(HiddenSpace(hidden=4))
    slide_all(page, where)
    assert faults(page) == []
    assert overlaps(page) == []


def test_the_choice_of_two_units_appears_for_more_than_two(page_of: Any) -> None:
    page = page_of(HiddenSpace())
    assert not page.get_by_label("unit across").is_visible()
    slide(page, "hidden units", 3)
    page.get_by_label("unit across").fill("8")
    assert "unit 8 across" in page.locator("svg[role=img]").nth(1).get_attribute("aria-label")
    slide(page, "hidden units", 0)
    assert "unit 1 across" in page.locator("svg[role=img]").nth(1).get_attribute("aria-label")


def test_keyboard_alone(page_of: Any) -> None:
    page = page_of(HiddenSpace())
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    assert "step 4000" in says(page)
    page.keyboard.press("ArrowLeft")
    assert "step 3960" in says(page)


def test_python_hears_and_sets(live: Any) -> None:
    page = live(HiddenSpace(step=4000, seed=6))
    slide(page, "start weights", 10)
    assert page.evaluate("model.get('solved')") is False
    found = [f"2 units, rate 0.5, seed {seed}" for seed in (6, 10)]
    assert page.evaluate("model.get('stuck')") == found
    weights, _ = train(start_weights(2, 10), 0.5, 4000)
    assert page.evaluate("model.get('weights')") == pytest.approx(flat(weights), abs=1e-6)
    page.evaluate("model.set('hidden', 4)")
    assert "4 hidden units" in says(page)
    page.evaluate("model.set('step', 0)")
    assert "Nothing is learned yet" in says(page)


@pytest.mark.parametrize("width", [380, 900])
def test_no_text_overlaps(page_of: Any, overlaps: Any, faults: Any, width: int) -> None:
    page = page_of(HiddenSpace(), width=width)
    for hidden in (0, 3):
        slide(page, "hidden units", hidden)
        for seed in (0, 6, 25, 39):
            slide(page, "start weights", seed)
            for step in (0, 60, 200):
                slide(page, "step", step)
                assert overlaps(page) == []
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
