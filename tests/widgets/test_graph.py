"""ComputationGraph: its records, its arithmetic in the page, its layout, its steps and guesses."""

from __future__ import annotations

import json
import math
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

import dlcourse as dl
from dlcourse.widgets import ComputationGraph
from dlcourse.widgets.graph import gradients
from tests.widgets.hands import says

UNARY = ("exp", "tanh", "sigmoid", "relu", "abs", "neg", "square", "log", "sqrt")


def variable(value: float, name: str | None = None) -> dl.Tensor:
    return dl.Tensor(np.array(value, dtype="float64"), requires_grad=True, name=name)


def neuron(w: float = 3.0, x: float = 2.0, b: float = -4.0) -> dl.Tensor:
    """The example of chapter 15: L = e², e = w x + b - 5."""
    e = variable(w, "w") * variable(x, "x") + variable(b, "b") - 5.0
    return e * e


def apply(name: str, x: dl.Tensor) -> dl.Tensor:
    if name in ("log", "sqrt"):
        return getattr(x * x + 1.0, name)()
    return {"neg": lambda: -x, "square": lambda: x**2.0, "abs": x.abs}.get(
        name, lambda: getattr(x, name)()
    )()


def random_root(seed: int, leaves: list[float], operations: int = 8) -> dl.Tensor:
    """A random expression of these inputs: the same seed gives the same formula."""
    rng = np.random.default_rng(seed)
    tensors = [variable(value, f"x{i}") for i, value in enumerate(leaves)]
    pool = list(tensors)
    for _ in range(operations):
        a, b = (pool[int(i)] for i in rng.integers(0, len(pool), size=2))
        kind = int(rng.integers(0, 7))
        pool.append(
            [
                lambda a, b: a + b,
                lambda a, b: a - b,
                lambda a, b: a * b,
                lambda a, b: a / (b * b + 1.0),
                dl.maximum,
                lambda a, b: apply(UNARY[int(rng.integers(0, len(UNARY)))], a.tanh()),
                lambda a, b: a * 0.5 + 2.0 * b,
            ][kind](a, b)
        )
    return sum((x * x for x in tensors), pool[-1] + pool[-2])


def deep_graph(size: int) -> dl.Tensor:
    """Graphs of exactly `size` nodes: 5, 12 or 25, with reuse and lines that skip layers."""
    w, x = variable(-0.123456, "weight_of_x"), variable(2.0, "x")
    if size == 5:
        return (w * x).tanh() * w
    if size == 12:
        e = w * x + variable(-4.0, "b") - 5.0
        return e * e + 0.001 * (w * w)
    h = variable(-0.5, "h0")
    bias = variable(1e-7, "b")
    for _ in range(3):
        h = (w * h + bias * x).tanh() * -1234.5
    return h + (w * bias).exp()


def test_records_are_plain_and_named() -> None:
    graph = ComputationGraph(neuron())
    found = {node["name"]: (node["kind"], node["value"]) for node in graph.nodes}
    assert found == {
        "w": ("leaf", 3.0), "x": ("leaf", 2.0), "b": ("leaf", -4.0), "v1": ("op", 6.0),
        "v2": ("op", 2.0), "c1": ("number", 5.0), "v3": ("op", -3.0), "L": ("op", 9.0),
    }  # fmt: skip
    assert graph.nodes[-1]["inputs"] == [6, 6]
    assert graph.nodes[-1]["local"] == [-3.0, -3.0]
    assert graph.values == {name: value for name, (_, value) in found.items()}


def test_names_are_never_given_twice() -> None:
    a, b, c = variable(1.0, "w"), variable(2.0, "w"), variable(3.0, "L")
    names = [n["name"] for n in ComputationGraph(a * b + c * variable(1.0, "v1")).nodes]
    assert len(set(names)) == len(names)
    assert {"w", "w′", "L", "v1"} <= set(names)
    assert names[-1] not in ("L", "v1")


def test_float32_inputs_stand_as_they_were_typed() -> None:
    graph = ComputationGraph(dl.Tensor(0.1, requires_grad=True, name="w") * 0.7)
    assert graph.values["w"] == 0.1
    assert graph.values["c1"] == 0.7


@pytest.mark.parametrize("seed", range(20))
def test_python_gradients_are_those_of_the_engine(seed: int) -> None:
    leaves = np.random.default_rng(seed + 100).normal(size=3).tolist()
    root = random_root(seed, leaves)
    graph = ComputationGraph(root)
    expected = engine_gradients(root)
    found = dict(zip((n["name"] for n in graph.nodes), gradients(graph.nodes), strict=True))
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-5, abs=1e-6)


def engine_gradients(root: dl.Tensor) -> dict[str, float]:
    root.backward(retain_graph=True)
    waiting, found = [root], {}
    while waiting:
        tensor = waiting.pop()
        if tensor.origin is not None:
            waiting += [x for x in tensor.origin.inputs if isinstance(x, dl.Tensor)]
        elif tensor.requires_grad:
            found[tensor.name] = float(tensor.grad)
    return found


class Rows(HTMLParser):
    """The cells of a table, row by row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        self.in_cell = tag in ("td", "th")

    def handle_endtag(self, tag: str) -> None:
        self.in_cell = False

    def handle_data(self, data: str) -> None:
        if self.in_cell:
            self.rows[-1][-1] += data


def test_fallback_is_a_table_with_all_numbers() -> None:
    rows = Rows(ComputationGraph(neuron()).fallback_html()).rows
    assert rows[0] == ["Node", "Operation", "Value", "Local derivatives", "dL/d…"]
    assert ["v1", "w × x", "6", "dv1/dw = 2, dv1/dx = 3", "−6"] in rows
    assert ["w", "input, with gradient", "3", "", "−12"] in rows
    assert ["c1", "constant", "5", "", "not needed"] in rows
    assert rows[-1] == ["L", "v3 × v3", "9", "dL/dv3 = −3, dL/dv3 = −3", "1"]


def test_static_html_is_deterministic_and_safe() -> None:
    first = ComputationGraph(neuron(), label="</script><script>alert(1)</script>").static_html()
    again = ComputationGraph(neuron(), label="</script><script>alert(1)</script>").static_html()
    assert first == again
    assert first.count("</script>") == 1
    assert "<script>alert" not in first


def test_wrong_roots_are_refused_with_help() -> None:
    with pytest.raises(TypeError, match=r"needs a dl\.Tensor.*float"):
        ComputationGraph(3.0)
    with pytest.raises(ValueError, match=r"arrays of shape \(2,\)"):
        ComputationGraph((dl.Parameter([1.0, 2.0]) * 2.0).sum())
    with pytest.raises(ValueError, match="nothing was computed"):
        ComputationGraph(dl.Tensor(2.0) * 3.0)
    root = neuron()
    root.backward()
    with pytest.raises(RuntimeError, match="freed"):
        ComputationGraph(root)
    with pytest.raises(ValueError, match="no label"):
        ComputationGraph(neuron(), label=" ")


def test_it_can_be_made_before_backward_without_harm() -> None:
    w = variable(3.0, "w")
    root = w * w
    ComputationGraph(root)
    root.backward()
    assert float(w.grad) == 6.0


# ---- the arithmetic in the page ---------------------------------------------------------------
@pytest.fixture
def js(functions: Any) -> Any:
    return functions("graph")


def in_page(js: Any, graph: ComputationGraph, inputs: dict[str, float] | None = None) -> Any:
    names = [node["name"] for node in graph.nodes]
    result = js("compute", graph.nodes, inputs or {})
    return {key: dict(zip(names, result[key], strict=True)) for key in ("values", "grads")}


def test_values_and_gradients_are_the_engines_also_for_changed_inputs(js: Any) -> None:
    for seed in range(25):
        start, later = np.random.default_rng(seed + 500).normal(size=(2, 3)).tolist()
        graph = ComputationGraph(random_root(seed, start))
        assert js("strangers", graph.nodes) == []
        for leaves in (start, later):
            root = random_root(seed, leaves)
            found = in_page(js, graph, {f"x{i}": value for i, value in enumerate(leaves)})
            last = graph.nodes[-1]["name"]
            assert found["values"][last] == pytest.approx(root.item(), rel=1e-9, abs=1e-12)
            for name, expected in engine_gradients(root).items():
                assert found["grads"][name] == pytest.approx(expected, rel=1e-8, abs=1e-10)


@pytest.mark.parametrize("name", [*UNARY, "sum", "mean", "max", "reshape"])
def test_each_function_of_one_number(js: Any, name: str) -> None:
    def root(value: float) -> dl.Tensor:
        x = variable(value, "x")
        return getattr(x, name)(*([()] if name == "reshape" else [])) if name in (
            "sum", "mean", "max", "reshape") else apply(name, x)  # fmt: skip

    graph = ComputationGraph(root(0.7))
    for value in (0.7, 0.0, -1.3, 2.5):
        expected = root(value)
        found = in_page(js, graph, {"x": value})
        assert found["values"]["L"] == pytest.approx(expected.item(), rel=1e-12)
        assert found["grads"]["x"] == pytest.approx(engine_gradients(expected)["x"], rel=1e-12)


def test_ties_and_corners_follow_the_engine(js: Any) -> None:
    def root(a: float, b: float) -> dl.Tensor:
        x, y = variable(a, "x"), variable(b, "y")
        return dl.maximum(x, y) + x.relu() + y.abs()

    graph = ComputationGraph(root(1.0, 2.0))
    for a, b in ((1.0, 2.0), (2.0, 1.0), (0.0, 0.0), (-1.0, -1.0)):
        found = in_page(js, graph, {"x": a, "y": b})["grads"]
        assert {k: found[k] for k in "xy"} == engine_gradients(root(a, b))


def test_power_gives_both_derivatives(js: Any) -> None:
    root = variable(2.0, "x") ** variable(3.0, "y")
    found = in_page(js, ComputationGraph(root))["grads"]
    assert found["x"] == pytest.approx(12.0)
    assert found["y"] == pytest.approx(8 * math.log(2))


def test_float32_graphs_are_recomputed_too(js: Any) -> None:
    w = dl.Tensor(0.1, requires_grad=True, name="w")
    graph = ComputationGraph(((w * 1000.3 - 100.0).tanh() / 0.3 - w).exp())
    assert js("strangers", graph.nodes) == []


@dl.op
def softsign(x):
    """x / (1 + |x|)"""
    return x / (1 + abs(x)), lambda g: g / (1 + abs(x)) ** 2


@dl.op
def exp(x):
    """A learner's mistake under a known name: the value is right, the derivative is not."""
    return np.exp(x), lambda g: g * x


@pytest.mark.parametrize(("own", "name"), [(softsign, "softsign"), (exp, "exp")])
def test_unknown_operations_keep_pythons_numbers(js: Any, own: Any, name: str) -> None:
    x = variable(2.0, "x")
    root = own(x) * 3.0
    graph = ComputationGraph(root)
    assert js("strangers", graph.nodes) == [name]
    found = in_page(js, graph, {"x": 5.0})  # can't be changed
    assert found["values"]["L"] == pytest.approx(root.item(), rel=1e-6)
    assert found["grads"]["x"] == pytest.approx(engine_gradients(root)["x"], rel=1e-6)


def test_numbers_in_words(js: Any) -> None:
    cases = [
        (0, "0"), (1e-16, "0"), (-6, "−6"), (0.5, "0.5"), (-1 / 3, "−0.333"), (12345, "12345"),
        (-0.0123, "−0.0123"), (-1.23e-5, "−1.2e−5"), (3.1e7, "3.1e7"), (4.99999, "5"),
        (-1.23e-12, "−1e−12"),
    ]  # fmt: skip
    for value, text in cases:
        assert js("short", value) == text


def test_what_a_reader_types(js: Any) -> None:
    cases = [("-6", -6), ("−6", -6), ("0,5", 0.5), (" 1/4 ", 0.25), ("1e-3", 0.001)]
    for text, value in cases:
        assert js("parseNumber", text) == value
    for text in ("", "six", "1/", "1/2/3", "--1"):
        assert math.isnan(js("parseNumber", text))
    assert js("isRight", -0.33, -1 / 3)
    assert not js("isRight", 6, -6)
    assert js("isRight", 0, 0)
    assert not js("isRight", 0.01, 0)


def test_slider_ranges_hold_the_value(js: Any) -> None:
    for value in (0, 0.003, 1, 3, -4, 5, 77, -1234.5):
        most = js("reach", value)
        assert most >= max(2, 1.9 * abs(value))
        assert most <= max(2, 5.1 * abs(value))


# ---- the layout -------------------------------------------------------------------------------
def test_every_line_runs_to_the_right(js: Any) -> None:
    for seed in range(10):
        nodes = ComputationGraph(random_root(seed, [1.0, 2.0, 3.0])).nodes
        layer = js("layersOf", nodes)
        for i, node in enumerate(nodes):
            assert all(layer[k] < layer[i] for k in node["inputs"])
            if node["inputs"]:
                ops = [layer[k] for k in node["inputs"] if nodes[k]["inputs"]]
                assert layer[i] == 1 + max([0, *ops])


def test_cards_never_overlap_and_lie_in_the_picture(js: Any) -> None:
    for seed in range(10):
        place = js("layout", ComputationGraph(random_root(seed, [1.0, 2.0, 3.0], 6)).nodes)
        cards = place["cards"]
        for i, a in enumerate(cards):
            assert a["x"] >= 0
            assert a["y"] >= 0
            assert a["x"] + a["w"] <= place["width"]
            assert a["y"] + a["h"] <= place["height"]
            for b in cards[i + 1 :]:
                apart_x = abs(a["x"] - b["x"]) >= a["w"]
                assert apart_x or a["y"] + a["h"] < b["y"] or b["y"] + b["h"] < a["y"]


def test_a_value_used_twice_has_two_lines(js: Any) -> None:
    x = variable(3.0, "x")
    edges = js("layout", ComputationGraph(x * x).nodes)["edges"]
    assert [(e["from"], e["to"], e["place"]) for e in edges] == [(0, 1, 0), (0, 1, 1)]
    assert edges[0]["d"] != edges[1]["d"]
    assert edges[1]["y"] - edges[0]["y"] >= 20


INSIDE = """() => [...document.querySelectorAll('[data-node]')].flatMap((g) => {
  const frame = g.querySelector('rect').getBoundingClientRect();
  return [...g.querySelectorAll('text')].filter((el) => {
    const b = el.getBoundingClientRect();
    return b.left < frame.left + 2 || b.right > frame.right - 2 || b.top < frame.top - 1
      || b.bottom > frame.bottom + 1;
  }).map((el) => el.textContent);
})"""


@pytest.mark.parametrize("size", [5, 12, 25])
@pytest.mark.parametrize("width", [400, 900])
def test_no_text_overlaps(page_of: Any, overlaps: Any, faults: Any, size: int, width: int) -> None:
    graph = ComputationGraph(deep_graph(size))
    assert len(graph.nodes) == size
    page = page_of(graph, width=width)
    for _ in range(3):
        assert overlaps(page) == []
        assert page.evaluate(INSIDE) == []
        page.get_by_role("button", name="To the end").click(force=True)
    assert page.locator("[data-node]").count() == size
    assert faults(page) == []
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width  # only the picture's own box scrolls
    small = page.evaluate(
        "Math.min(...[...document.querySelectorAll('svg[role=img]')]"
        ".map((p) => p.getBoundingClientRect().width / p.viewBox.baseVal.width))"
    )
    assert small >= 0.89


THROUGH = """() => {
  const cards = [...document.querySelectorAll('[data-node] > rect')].map((el) => el.getBBox());
  return [...document.querySelectorAll('[data-edge]')].flatMap((path) => {
    const length = path.getTotalLength(), found = [];
    for (let at = 3; at < length - 3; at += 3) {
      const p = path.getPointAtLength(at);
      const inside = (c) => p.x > c.x + 1 && p.x < c.x + c.width - 1
        && p.y > c.y && p.y < c.y + c.height;
      if (cards.some(inside)) {
        found.push(path.dataset.edge);
        break;
      }
    }
    return found;
  });
}"""


@pytest.mark.parametrize("size", [5, 12, 25])
def test_no_line_runs_through_a_card(page_of: Any, size: int) -> None:
    assert page_of(ComputationGraph(deep_graph(size))).evaluate(THROUGH) == []


def test_the_chapters_graph_needs_no_scrolling_in_the_book(page_of: Any) -> None:
    page = page_of(ComputationGraph(neuron()), width=752)  # the book's column and a page margin
    area = page.locator(".dlw-box [tabindex]")
    assert area.evaluate("(el) => el.scrollWidth <= el.clientWidth")


CONTRAST = """() => [...document.querySelectorAll('svg text')].map((el) => {
  const [r, g, b] = getComputedStyle(el).fill.match(/[\\d.]+/g).map((v) => {
    const c = v / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
})"""


def test_texts_are_dark_on_light(page_of: Any) -> None:
    page = page_of(ComputationGraph(neuron(), step=12))
    # The darkest ground is 15 % of a colour on white: its luminance is above 0.7.
    assert all(0.75 / (light + 0.05) >= 4.5 for light in page.evaluate(CONTRAST))


# ---- stepping ---------------------------------------------------------------------------------
def press(page: Any, name: str, times: int = 1) -> str:
    for _ in range(times):
        page.get_by_role("button", name=name).click(force=True)
    return says(page)


def describe(page: Any) -> str:
    return page.locator("svg[role=img]").get_attribute("aria-label")


def test_forward_then_backward_in_words(page_of: Any) -> None:
    page = page_of(ComputationGraph(neuron()))
    assert "not computed yet" in describe(page)
    assert "go forward" in press(page, "Backward one step")
    assert press(page, "Forward one step") == "v1 = w × x = 3 × 2 = 6."
    assert press(page, "Forward one step") == "v2 = v1 + b = 6 + (−4) = 2."
    assert "v3 = v2 − 5 = 2 − 5 = −3." in press(page, "Forward one step")
    last = press(page, "Forward one step")
    assert last.startswith("L = v3 × v3 = −3 × (−3) = 9.")
    assert "Now go backward" in last
    assert "All values are known already" in press(page, "Forward one step")
    assert press(page, "Backward one step").startswith("dL/dL = 1")
    assert press(page, "Backward one step") == (
        "dL/dv3: 1 × (−3) arrives through the first use (L), 1 × (−3) through the second (L); "
        "together −6."
    )
    assert press(page, "Backward one step").startswith("dL/dv2: −6 × 1 = −6.")
    assert "dL/dw" not in describe(page)
    press(page, "Backward one step", 4)
    for text in ("dL/dw = −12", "dL/dx = −18", "dL/db = −6", "v1 = w × x = 6"):
        assert text in describe(page)
    assert "Start again" in press(page, "Backward one step")
    assert press(page, "Start again").startswith("The inputs are given.")
    assert "Gradients: none yet" in describe(page)


def test_lines_show_their_local_derivative_when_they_are_used(page_of: Any) -> None:
    page = page_of(ComputationGraph(neuron(), step=4))
    labels = "[...document.querySelectorAll('g:not([data-node]) > text')].map((t) => t.textContent)"
    assert page.evaluate(labels) == []
    press(page, "Backward one step", 2)
    assert page.evaluate(labels) == ["−3", "−3"]
    press(page, "To the end")
    assert sorted(page.evaluate(labels)) == sorted(["−3", "−3", "1", "1", "1", "2", "3"])


def test_to_the_end_goes_to_the_end_of_the_pass(page_of: Any) -> None:
    page = page_of(ComputationGraph(neuron()))
    assert "L = v3 × v3" in press(page, "To the end")
    assert "All gradients are known" in press(page, "To the end")
    assert "Everything is shown" in press(page, "To the end")


def test_all_of_it_with_the_keyboard(page_of: Any) -> None:
    page = page_of(ComputationGraph(neuron()))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith(
        "The graph"
    )
    page.keyboard.press("f")
    assert says(page).startswith("v1 =")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert says(page).startswith("v2 =")
    page.keyboard.press("e")
    page.keyboard.press("B")
    page.keyboard.press("b")
    assert says(page).startswith("dL/dv3")
    page.keyboard.press("Control+s")  # the browser's own key is left alone
    assert says(page).startswith("dL/dv3")
    page.keyboard.press("s")
    assert says(page).startswith("The inputs are given")
    slider = page.locator("input[type=range]").first
    slider.focus()
    slider.press("ArrowRight")
    assert page.locator("input[type=number]").first.input_value() == "3.1"
    number = page.locator("input[type=number]").first
    number.press("e")  # belongs to the number, not to the steps
    assert says(page).startswith("w = 3.1")


@pytest.mark.parametrize("value", ["min", "middle", "max"])
def test_sliders_at_their_ends(page_of: Any, value: str) -> None:
    page = page_of(ComputationGraph(neuron(), step=11))
    for i, name in enumerate("wxb"):
        slider = page.locator("input[type=range]").nth(i)
        numbers = slider.evaluate("(el) => ({ min: el.min, max: el.max, middle: 0 })")
        slider.fill(str(numbers[value]))
        assert says(page).startswith(f"{name} = ")
        number = float(page.locator("input[type=number]").nth(i).input_value())
        assert number == float(numbers[value])
        assert slider.get_attribute("aria-valuetext")
    w, x, b = (float(page.locator("input[type=number]").nth(i).input_value()) for i in range(3))
    e = w * x + b - 5
    assert f"L = v3 × v3 = {e * e:g}" in describe(page)
    assert f"dL/db = {2 * e:g}".replace("-", "−") in describe(page)


def test_the_weight_for_which_all_gradients_vanish(page_of: Any) -> None:
    page = page_of(ComputationGraph(neuron()))
    press(page, "To the end", 2)
    page.locator("input[type=range]").first.fill("4.5")
    assert says(page).startswith("w = 4.5. L = 0,")
    assert "All gradients of the inputs are 0" in says(page)
    press(page, "Inputs as given")
    assert "dL/dw = −12" in describe(page)


def test_a_number_beyond_the_slider(page_of: Any) -> None:
    page = page_of(ComputationGraph(neuron(), step=11))
    page.locator("input[type=number]").first.fill("1000")
    assert "w = 1000" in describe(page)
    assert float(page.locator("input[type=range]").first.input_value()) == 1000
    page.locator("input[type=number]").first.fill("")  # half typed: nothing happens
    assert "w = 1000" in describe(page)


def test_what_is_not_defined_is_said(page_of: Any, faults: Any) -> None:
    page = page_of(ComputationGraph(variable(2.0, "x").log() * 3.0))
    press(page, "To the end", 2)
    page.locator("input[type=number]").first.fill("-1")
    assert "L = not defined" in says(page)
    assert "v1 = log(x) = not defined" in describe(page)
    assert faults(page) == []
    page.locator("input[type=number]").first.fill("2")
    assert "dL/dx = 1.5" in describe(page)


def test_unknown_operations_say_that_inputs_are_fixed(page_of: Any, faults: Any) -> None:
    page = page_of(ComputationGraph(softsign(variable(2.0, "x")) * 3.0))
    assert "The inputs can't be changed here" in page.locator(".dlw-box").inner_text()
    assert page.locator("input").count() == 0
    assert press(page, "To the end").startswith("L = v1 × 3 = 0.667 × 3 = 2.")
    assert "dL/dx: 3 × 0.111 = 0.333" in press(page, "To the end")
    assert faults(page) == []


def test_wide_graphs_scroll_to_the_step(page_of: Any) -> None:
    page = page_of(ComputationGraph(deep_graph(25)), width=400)
    area = page.locator(".dlw-box [tabindex]")
    press(page, "To the end")
    at_loss = area.evaluate("(el) => el.scrollLeft")
    press(page, "To the end")
    assert at_loss > 400 > area.evaluate("(el) => el.clientWidth")
    assert area.evaluate("(el) => el.scrollLeft") < at_loss


# ---- guessing ---------------------------------------------------------------------------------
def test_guess_first_then_see(page_of: Any, faults: Any) -> None:
    page = page_of(ComputationGraph(neuron(), guess=True))
    field = page.locator("input[type=text]")
    assert not field.is_visible()
    press(page, "To the end")
    assert "Next: dL/dv3." in press(page, "Backward one step")
    field.fill("-3")
    field.press("Enter")
    assert says(page) == "dL/dv3: not yet. 1 × (−3) + 1 × (−3): how much is that?"
    assert "dL/dv3" not in describe(page)
    assert "First type dL/dv3" in press(page, "Backward one step")
    field.fill("what")
    field.press("Enter")
    assert says(page).startswith("Type a number for dL/dv3")
    field.fill("−6")
    field.press("Enter")
    assert says(page).startswith("Right. dL/dv3: 1 × (−3) arrives")
    assert "dL/dv3 = −6" in describe(page)
    assert field.input_value() == ""
    assert faults(page) == []
    assert "dL/dv2: −6 × 1 = −6" in press(page, "Show it")
    for answer in ("-6", "-12", "-18", "-6"):
        field.fill(answer)
        page.get_by_role("button", name="Check").click()
        assert says(page).startswith("Right.")
    assert "All gradients are known" in says(page)
    assert not field.is_visible()


# ---- with a kernel ----------------------------------------------------------------------------
def test_python_hears_values_and_steps_and_can_set_them(live: Any) -> None:
    page = live(ComputationGraph(neuron()))
    page.locator("input[type=number]").first.fill("4")
    assert page.evaluate("model.get('values')") == {
        "w": 4, "x": 2, "b": -4, "c1": 5, "v1": 8, "v2": 4, "v3": -1, "L": 1}  # fmt: skip
    press(page, "To the end")
    assert page.evaluate("model.get('step')") == 4
    page.evaluate("model.set('step', 6)")
    assert says(page).startswith("dL/dv3: 1 × (−1)")
    page.evaluate("model.set('values', { ...model.get('values'), w: 4.5 })")
    assert page.evaluate("model.get('values').L") == 0
    assert page.locator("input[type=number]").first.input_value() == "4.5"
    page.evaluate("end()")
    assert page.evaluate("Object.values(listeners).every((all) => all.size === 0)")


def test_the_state_is_json() -> None:
    with np.errstate(invalid="ignore"):
        graph = ComputationGraph(variable(-1.0, "x").log() * 2.0)
    assert graph.values["v1"] is None
    assert json.loads(json.dumps(graph.static_state())) == graph.static_state()
    assert "not defined" in graph.fallback_html()
