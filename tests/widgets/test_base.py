"""The base of all widgets: one source, two places, safe and deterministic HTML."""

from __future__ import annotations

import importlib.util
import json
import math
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import traitlets as t

import dlcourse as dl
from dlcourse import plots, widgets
from dlcourse.widgets import DualWidget
from dlcourse.widgets.base import classic_script, module, rich, source, to_json, widget_names


class Dial(DualWidget):
    """A smallest widget, on the file of another one."""

    js = "perceptron"
    live_only = frozenset({"secret"})
    value = t.Float(1.0).tag(sync=True)
    secret = t.Unicode("kernel").tag(sync=True)
    private = t.Int(3)


def test_a_label_is_needed() -> None:
    with pytest.raises(ValueError, match="Dial has no label"):
        Dial()


def test_static_state_holds_the_synced_traits_alone() -> None:
    assert Dial(label="a").static_state() == {"label": "a", "value": 1.0}


def test_static_html_is_the_same_text_for_the_same_state() -> None:
    first, second = Dial(label="a", value=0.1), Dial(label="a", value=0.1)
    assert first.static_html() == second.static_html()
    assert first.static_html() != Dial(label="a", value=0.2).static_html()
    assert first.model_id not in first.static_html()


def test_no_text_can_close_the_script() -> None:
    label = "</script><!-- <script>alert('x')</script>"
    text = Dial(label=label).static_html()
    assert text.count("<script") == 1
    assert text.count("</script>") == 1
    state = text.split('json">')[1].split("</script>")[0]
    assert json.loads(state)["label"] == label


def test_state_must_be_plain_json() -> None:
    for wrong in (math.nan, np.ones(2)):
        with pytest.raises(ValueError, match=r"Dial: a widget's state.*\.tolist\(\)"):
            to_json({"a": wrong}, "Dial")
    assert to_json({"b": "é", "a": 1}, "Dial") == '{"a":1,"b":"é"}'


def test_backticks_become_code_and_html_is_escaped() -> None:
    assert rich("a < b and `x<1>`") == "a &lt; b and <code>x&lt;1&gt;</code>"


def test_the_display_carries_live_view_html_and_text() -> None:
    data, _ = Dial(label="a")._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/html"] == Dial(label="a").static_html()
    assert data["text/plain"] == "Dial: a"


@pytest.mark.parametrize("name", widget_names())
def test_each_file_becomes_one_module_and_one_script(name: str) -> None:
    text, script = module(name), classic_script(name)
    assert not re.search(r"^import ", text, flags=re.M)
    assert text.count("export default") == 1
    assert not re.search(r"^(import|export) ", script, flags=re.M)
    assert script.count(f'dlw.define("{name}"') == 1
    assert "const TEXT = {" in source(f"{name}.js")


def test_a_file_without_its_import_line_is_named(monkeypatch: Any) -> None:
    monkeypatch.setattr("dlcourse.widgets.base.source", lambda name: "const a = 1;\n")
    with pytest.raises(ValueError, match=r"js/odd\.js needs exactly one line import"):
        module("odd")


def test_no_file_asks_another_host() -> None:
    for name in [*widget_names(), "common", "host"]:
        hosts = set(re.findall(r"https?://([\w.]+)", source(f"{name}.js")))
        assert hosts <= {"www.w3.org"}  # the name of SVG, never fetched


def test_the_colours_are_those_of_the_figures() -> None:
    css = dict(re.findall(r"--dlw-(\w+): (#\w+);", source("dlw.css")))
    assert {name: css[name] for name in plots.COLORS} == plots.COLORS
    assert css["ink"] == plots.INK


def test_every_widget_is_exported() -> None:
    expected = {"ComputationGraph", "GradientFlow", "Perceptron", "ThresholdUnit", "gradient_flow"}
    assert expected <= set(widgets.__all__)
    assert all(hasattr(widgets, name) for name in widgets.__all__)
    assert dl.widgets is widgets


def test_importing_the_package_loads_no_widget() -> None:
    code = (
        "import sys, dlcourse; "
        "print([m for m in ('anywidget', 'ipywidgets', 'matplotlib', 'torch', 'sklearn') "
        "if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
    assert importlib.util.find_spec("anywidget")


def all_widgets() -> list[DualWidget]:
    w = dl.Tensor(3.0, requires_grad=True, name="w")
    rng = np.random.default_rng(0)
    flow = widgets.gradient_flow(
        rng.normal(size=(6, 4)), np.arange(6), ["tanh", "relu"], [1, 3], [1, 2]
    )
    return [
        widgets.ComputationGraph(w * w, guess=True),
        widgets.GradientFlow(flow),
        widgets.Perceptron([[1, 2, 1], [-1, 0, -1]]),
        widgets.ThresholdUnit(),
    ]


# ---- in the page ------------------------------------------------------------------------------
def test_all_widgets_live_on_one_page(page_of: Any, faults: Any) -> None:
    page = page_of(*all_widgets(), *all_widgets())
    assert page.locator(".dlw-box").count() == 8
    assert faults(page) == []
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((el) => el.id)")
    assert len(ids) == len(set(ids))


def test_twins_keep_their_own_state(page_of: Any) -> None:
    page = page_of(widgets.ThresholdUnit(), widgets.ThresholdUnit())
    page.locator("input[type=range]").nth(2).fill("1")
    said = page.locator("[role=status]").all_inner_texts()
    assert "OR" in said[0]
    assert "AND" in said[1]


def test_without_javascript_there_are_words(new_page: Any) -> None:
    page = new_page(java_script_enabled=False)
    shown = all_widgets()
    page.set_content("".join(widget.static_html() for widget in shown))
    for i, widget in enumerate(shown):
        assert widget.label in page.locator(".dlw-fallback").nth(i).inner_text()
    assert page.locator("table").count() >= 3


def test_a_broken_widget_leaves_its_words(browser: Any) -> None:
    page = browser.new_page()
    page.set_content(
        Dial(label="Still here").static_html()
        + f"<script>{source('host.js')}</script>"
        + "<script>dlw.define('perceptron', { render() { throw Error('no'); } })</script>"
    )
    assert "Still here" in page.locator(".dlw-fallback").inner_text()
    page.close()


def test_pages_ask_nothing_of_any_host(new_page: Any) -> None:
    from tests.widgets.conftest import page_html

    asked: list[str] = []
    page = new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.set_content(page_html(*all_widgets()))
    page.wait_for_function("document.querySelectorAll('.dlw-box').length === 4")
    assert asked == []


def test_helpers_of_the_shared_file(page_of: Any) -> None:
    page = page_of(widgets.ThresholdUnit())
    text = source("common.js").replace("export ", "")
    page.add_script_tag(
        content=f"(() => {{ {text}; window.common = {{ number, fill, clamp }} }})()"
    )
    assert page.evaluate("common.number(-1.005, 1)") == "−1.0"
    assert page.evaluate("common.number(-0.001, 2)") == "0.00"
    assert page.evaluate("common.fill('{a} and {b}', { a: 1, b: 0 })") == "1 and 0"
    assert page.evaluate("[common.clamp(5, 0, 2), common.clamp(-1, 0, 2)]") == [2, 0]
