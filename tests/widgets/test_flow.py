"""GradientFlow: the measured sizes, and the bars and words that show them."""

from __future__ import annotations

import json
import math
import time
from typing import Any

import numpy as np
import pytest
import torch

import dlcourse as dl
from dlcourse.widgets import Flow, GradientFlow, gradient_flow
from tests.widgets.hands import says


@pytest.fixture(scope="module")
def flow() -> Flow:
    digits = dl.data.digits()
    return gradient_flow(digits.x[:256], digits.y[:256])


@pytest.fixture(scope="module")
def small() -> Flow:
    digits = dl.data.digits()
    return gradient_flow(digits.x[:32], digits.y[:32], depths=(1, 3), gains=(1.0, 2.0))


# ---- what was measured ------------------------------------------------------------------------
def test_the_chapters_statements(flow: Flow) -> None:
    assert 0 < flow.ratio("sigmoid", depth=20) <= 1e-9
    assert 1e-3 <= flow.ratio("tanh", depth=20) <= 1e3
    assert 1e-2 <= flow.ratio("relu", depth=20, gain=1.41) <= 1e2
    assert 0.1 <= flow.ratio("sigmoid", depth=20, shortcut=True) <= 10


def test_single_changes_that_mend_twenty_sigmoid_layers(flow: Flow) -> None:
    mended = {
        "shortcut": flow.ratio("sigmoid", 20, shortcut=True),
        "tanh": flow.ratio("tanh", 20),
        "depth 2": flow.ratio("sigmoid", 2),
    }
    assert all(ratio > 0.01 for ratio in mended.values())
    assert flow.ratio("relu", 20) < 0.01
    assert all(flow.ratio("sigmoid", depth) < 0.01 for depth in (5, 10, 20))
    assert all(flow.ratio("sigmoid", 20, gain) < 0.01 for gain in flow.gains)
    assert flow.ratio("relu", 20, gain=4.0) > 1e6  # a setting that explodes


def test_the_trap_of_relu(flow: Flow) -> None:
    signal = [flow.ratio("relu", 20, gain) for gain in flow.gains]
    weights = [flow.ratio("relu", 20, gain, quantity="weights") for gain in flow.gains]
    assert max(signal) / min(signal) > 1e15
    assert max(weights) / min(weights) < 10


def test_all_sizes_are_positive_rounded_and_complete(flow: Flow) -> None:
    assert len(flow.table) == 3 * 4 * 6 * 2
    for (_, depth, _, _), sizes in flow.table.items():
        assert len(sizes.signal) == len(sizes.weights) == depth + 2
        for value in (*sizes.signal, *sizes.weights):
            assert value > 0
            assert float(f"{value:.3g}") == value


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("shortcut", [False, True])
def test_sizes_are_those_of_torch(small: Flow, name: str, shortcut: bool) -> None:
    depth, gain, rng = 3, 2.0, np.random.default_rng(0)
    digits = dl.data.digits()
    h = torch.tensor(digits.x[:32], dtype=torch.float64)
    layers, outputs = [], []
    for n, m in [(64, 64)] * (depth + 1) + [(64, 10)]:
        start = rng.standard_normal((n, m)) * gain / math.sqrt(n)
        layers.append(torch.tensor(start, requires_grad=True))
        z = h @ layers[-1]
        if 1 < len(layers) < depth + 2:
            new = getattr(torch, name)(z)
            z = h + new / depth if shortcut else new
        h = z
        h.retain_grad()
        outputs.append(h)
    torch.nn.functional.cross_entropy(h, torch.tensor(digits.y[:32])).backward()
    sizes = small.sizes(name, depth, gain, shortcut)
    expected = [float(out.grad.norm()) for out in outputs]
    assert sizes.signal == pytest.approx(expected, rel=6e-3)
    assert sizes.weights == pytest.approx([float(w.grad.norm()) for w in layers], rel=6e-3)


def test_the_same_seed_gives_the_same_table_and_another_another() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 5)), np.arange(8)
    settings = {"activations": ["tanh"], "depths": [2], "gains": [1]}
    first = gradient_flow(x, y, **settings)
    assert gradient_flow(x, y, **settings) == first
    assert gradient_flow(x, y, **settings, seed=1) != first
    assert first.ratio("tanh", 2, gain=1) == first.ratio("tanh", 2, gain=1.0)


def test_the_callers_data_and_settings_stay_as_they_are() -> None:
    x, y = np.ones((4, 3), dtype="float32"), np.zeros(4, dtype="int64")
    gradient_flow(x, y, ["relu"], [1], [1.0])
    assert dl.Tensor(1.0).dtype == "float32"
    assert (x == 1).all()


def test_it_takes_a_few_seconds_at_most() -> None:
    digits = dl.data.digits()
    start = time.process_time()
    gradient_flow(digits.x[:256], digits.y[:256], activations=["sigmoid"])
    assert time.process_time() - start < 5  # a third of the table; the whole one takes about 3 s


def test_wrong_settings_are_refused_with_help(small: Flow) -> None:
    x, y = np.ones((4, 3)), np.zeros(4, dtype="int64")
    for wrong in ({"activations": ["gelu"]}, {"depths": [0]}, {"gains": []}, {"gains": [-1.0]}):
        with pytest.raises(ValueError, match="positive gains, at least one of each"):
            gradient_flow(x, y, **wrong)
    with pytest.raises(ValueError, match=r"No such network was measured.*depths \(1, 3\)"):
        small.ratio("tanh", depth=7)
    with pytest.raises(ValueError, match="quantity is one of"):
        small.ratio("tanh", depth=3, quantity="bias")
    with pytest.raises(TypeError, match="what gradient_flow"):
        GradientFlow({"sigmoid": 1})
    with pytest.raises(ValueError, match="No such network"):
        GradientFlow(small, depth=4)


# ---- the static page --------------------------------------------------------------------------
def test_static_html_is_deterministic_safe_and_small(flow: Flow) -> None:
    label = "</script><b>"
    text = GradientFlow(flow, label=label).static_html()
    assert text == GradientFlow(flow, label=label).static_html()
    assert text.count("</script>") == 1
    assert "<b>" not in text
    assert len(text) < 40_000


def test_the_fallback_is_a_table(flow: Flow) -> None:
    text = GradientFlow(flow).fallback_html()
    assert f"<td>{flow.ratio('sigmoid', 20):.1e}</td>" in text
    assert f"<td>{flow.ratio('relu', 5, shortcut=True):.1e}</td>" in text
    assert text.count("<tr>") == 1 + 3 * 2


# ---- the page's own functions -----------------------------------------------------------------
def test_the_page_finds_the_same_sizes(small: Flow, functions: Any) -> None:
    js, data = functions("flow"), json.loads(json.dumps(GradientFlow(small).data))
    for (activation, depth, gain, shortcut), sizes in small.table.items():
        setting = {"activation": activation, "depth": depth, "gain": gain, "shortcut": shortcut}
        for quantity in ("signal", "weights"):
            found = js("sizesOf", data, {**setting, "quantity": quantity})
            assert tuple(found) == getattr(sizes, quantity)
            ratio = small.ratio(activation, depth, gain, shortcut, quantity)
            assert js("ratioOf", found) == pytest.approx(ratio, rel=1e-12)


def test_verdicts_and_numbers_in_words(functions: Any) -> None:
    js = functions("flow")
    cases = [(1e-13, "silent"), (1e-4, "faint"), (0.5, "even"), (1e3, "loud"), (1e4, "explodes")]
    for ratio, word in cases:
        assert js("verdict", ratio) == word
    assert js("verdict", math.nan) == "none"
    numbers = [(2.7e-13, "3e−13"), (0.28, "0.28"), (12.34, "12"), (3.3e9, "3e9"), (0, "0")]
    for value, text in numbers:
        assert js("shown", value) == text
    assert [js("power", k) for k in (0, -12, 3)] == ["1", "10⁻¹²", "10³"]


def test_the_axis_holds_every_setting(flow: Flow, functions: Any) -> None:
    data = json.loads(json.dumps(GradientFlow(flow).data))
    low, high = functions("flow")("decades", data, "signal")
    ratios = [v / s.signal[-1] for s in flow.table.values() for v in s.signal]
    assert low <= math.log10(min(ratios)) <= low + 3
    assert high - 3 <= math.log10(max(ratios)) <= high


# ---- in the page ------------------------------------------------------------------------------
def test_it_starts_with_the_silent_network(flow: Flow, page_of: Any, faults: Any) -> None:
    page = page_of(GradientFlow(flow))
    assert "20 hidden layers of sigmoid units, gain 1, no shortcuts." in says(page)
    assert "Signal, first / last = 3e−13: the first layer hears nothing." in says(page)
    assert page.locator("rect[data-layer]").count() == 22
    assert page.locator("svg[role=img]").get_attribute("aria-label").count(",") >= 22
    assert faults(page) == []


def test_each_control_changes_words_and_bars(flow: Flow, page_of: Any) -> None:
    page = page_of(GradientFlow(flow))
    first = "document.querySelector('rect[data-layer]').getBoundingClientRect().height"
    silent = page.evaluate(first)
    page.get_by_label("with shortcuts").check()
    assert "about as much as the last" in says(page)
    assert page.evaluate(first) < silent / 10
    page.get_by_label("with shortcuts").uncheck()
    page.get_by_label("ReLU").check()
    page.get_by_label("gain of the weights").fill("5")
    assert "relu" not in says(page)
    assert "gain 4, no shortcuts." in says(page)
    assert "the gradient explodes" in says(page)
    assert "Careful" not in says(page)
    page.get_by_label("the weights' gradient").check()
    assert "Weights' gradient, first / last = 0.7" in says(page)
    assert "hardly depends on the gain" in says(page)
    page.get_by_label("sigmoid").check()
    assert "Careful" not in says(page)


@pytest.mark.parametrize("width", [380, 900])
def test_every_setting_of_the_sliders(flow: Flow, page_of: Any, overlaps: Any, width: int) -> None:
    page = page_of(GradientFlow(flow), width=width)
    for i, depth in enumerate(flow.depths):
        page.get_by_label("hidden layers").fill(str(i))
        for k in (0, 2, len(flow.gains) - 1):
            page.get_by_label("gain of the weights").fill(str(k))
            assert f"{depth} hidden layers of sigmoid units, gain {flow.gains[k]:g}," in says(page)
            assert page.locator("rect[data-layer]").count() == depth + 2
            assert overlaps(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_keyboard_alone(flow: Flow, page_of: Any) -> None:
    page = page_of(GradientFlow(flow))
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert "tanh units" in says(page)
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    assert "10 hidden layers" in says(page)
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    assert "gain 4" in says(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert "with shortcuts" in says(page)
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert "Weights' gradient" in says(page)


def test_a_last_layer_without_gradient_is_said(page_of: Any, faults: Any) -> None:
    flow = gradient_flow(np.zeros((4, 3)), np.zeros(4, dtype="int64"), ["relu"], [1], [1.0])
    assert math.isnan(flow.ratio("relu", 1, quantity="weights"))
    page = page_of(GradientFlow(flow, quantity="weights"))
    assert "the last layer itself gets no gradient" in says(page)
    assert faults(page) == []


def test_python_sets_and_hears_the_setting(flow: Flow, live: Any) -> None:
    page = live(GradientFlow(flow))
    page.get_by_label("hidden layers").fill("0")
    assert page.evaluate("model.get('depth')") == 2
    page.evaluate("model.set('activation', 'tanh')")
    assert "2 hidden layers of tanh units" in says(page)
    assert page.get_by_label("tanh").is_checked()
    page.evaluate("end()")
    assert page.evaluate("Object.values(listeners).every((all) => all.size === 0)")
