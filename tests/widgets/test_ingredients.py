"""Ingredients: the stored trainings, the page's numbers against Python's, and every control."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dlcourse.data.alexnet_runs import CHECKPOINTS, PICTURES, VARIANTS, alexnet_runs
from dlcourse.widgets import Ingredients
from dlcourse.widgets.ingredients import NAMES, ranking, summary, verdict
from tests.widgets.hands import says, slide_all

RUNS = summary(alexnet_runs())
PLACES = [(amount, at) for amount in PICTURES for at in range(len(CHECKPOINTS))]


# ---- the Python side --------------------------------------------------------------------------
def test_the_summary_is_that_of_the_runs() -> None:
    assert set(RUNS) == set(VARIANTS)
    for run in alexnet_runs():
        same = [other for other in alexnet_runs() if other[:2] == run[:2]]
        curves = RUNS[run.ingredients][str(run.pictures)]
        for at in range(len(CHECKPOINTS)):
            errors = [other.test[at] for other in same]
            assert curves["low"][at] == min(errors)
            assert curves["high"][at] == max(errors)
            assert curves["test"][at] == pytest.approx(sum(errors) / len(errors), abs=0.01)
            train = [other.train[at] for other in same]
            assert curves["train"][at] == pytest.approx(sum(train) / len(train), abs=0.01)


def test_the_verdict_needs_every_start() -> None:
    curves = lambda low, high: {"low": [low], "high": [high], "test": [0.0], "train": [0.0]}  # noqa: E731
    assert verdict(curves(1, 2), curves(3, 4), 0) == -1
    assert verdict(curves(5, 6), curves(3, 4), 0) == 1
    assert verdict(curves(2, 3), curves(3, 4), 0) == 0
    assert verdict(curves(3, 4), curves(3, 4), 0) == 0


def test_settings_that_were_not_measured_are_refused() -> None:
    with pytest.raises(ValueError, match="away='pooling'"):
        Ingredients(away="pooling")
    with pytest.raises(ValueError, match="pictures=500"):
        Ingredients(pictures=500)
    with pytest.raises(ValueError, match="updates=60"):
        Ingredients(updates=60)


def test_static_html_is_deterministic_safe_and_told_in_words() -> None:
    make = lambda: Ingredients(label="</script>", away="dropout")  # noqa: E731
    text = make().static_html()
    assert text == make().static_html()
    assert text.count("</script>") == 1
    assert len(text) < 20_000


def table(words: str) -> list[list[str]]:
    """The texts of a table's cells, row by row. Every cell has room around its text."""
    rows = re.findall(r"<tr>(.*?)</tr>", words)
    cells = [re.findall(r"<t[hd]([^>]*)>(.*?)</t[hd]>", row) for row in rows]
    assert all("padding:" in attributes for row in cells for attributes, _ in row)
    return [[text for _, text in row] for row in cells]


@pytest.mark.parametrize("updates", [200, CHECKPOINTS[-1]])
def test_without_javascript_the_table_tells_every_network(updates: int) -> None:
    head, *rows = table(Ingredients(updates=updates).fallback_html())
    moments = sorted({updates, CHECKPOINTS[-1]})
    columns = [(amount, moment) for amount in PICTURES for moment in moments]
    assert head[1:] == [f"{n:,} pictures, {moment:,} updates" for n, moment in columns]
    assert [row[0] for row in rows] == list(NAMES)
    for code, row in zip(VARIANTS, rows, strict=True):
        for (amount, moment), told in zip(columns, row[1:], strict=True):
            curves, at = RUNS[code][str(amount)], CHECKPOINTS.index(moment)
            test, low, high, train = (curves[k][at] for k in ("test", "low", "high", "train"))
            assert told == f"{test:.1f} ({train:.1f})<br>{low:.1f} to {high:.1f}"


# ---- the page's own functions -----------------------------------------------------------------
@pytest.mark.parametrize(("amount", "at"), PLACES)
def test_the_page_ranks_and_judges_as_python_does(functions: Any, amount: int, at: int) -> None:
    js = functions("ingredients")
    assert js("ranking", RUNS, amount, at) == ranking(RUNS, amount, at)
    full = RUNS[VARIANTS[0]][str(amount)]
    for code in VARIANTS:
        curves = RUNS[code][str(amount)]
        assert js("verdict", curves, full, at) == verdict(curves, full, at)
        assert js("ceiling", curves["high"][at]) >= curves["high"][at]


def test_how_often_a_picture_was_seen(functions: Any) -> None:
    js = functions("ingredients")
    assert js("passes", 800, 25_600) == 1
    assert js("passes", 800, 300) == pytest.approx(800 * 32 / 300)


# ---- in the page ------------------------------------------------------------------------------
def test_every_choice_tells_its_numbers(page_of: Any, faults: Any) -> None:
    page = page_of(Ingredients())
    assert "With all four ingredients" in says(page)
    for name, code in zip(NAMES[1:], VARIANTS[1:], strict=True):
        page.get_by_label(name, exact=True).check()
        told, curves = says(page), RUNS[code]["1000"]
        head = "With none of the four" if name == "all four" else f"Without {name}"
        low, high = curves["low"][-1], curves["high"][-1]
        assert f"{head}: {curves['test'][-1]:.1f} % ({low:.1f} to {high:.1f})" in told
        words = ["Better, with every", "ranges overlap", "Worse, with every"]
        full = RUNS[VARIANTS[0]]["1000"]
        assert words[verdict(curves, full, len(CHECKPOINTS) - 1) + 1] in told
        rank = ranking(RUNS, 1000, len(CHECKPOINTS) - 1).index(code) + 1
        assert f"Place {rank} of 6" in told
    assert faults(page) == []


@pytest.mark.parametrize("where", ["Home", "middle", "End"])
def test_sliders_at_their_ends(page_of: Any, overlaps: Any, faults: Any, where: str) -> None:
    page = page_of(Ingredients(away="dropout"))
    slide_all(page, where)
    amount, updates = {
        "Home": (PICTURES[0], CHECKPOINTS[0]),
        "middle": (PICTURES[(len(PICTURES) - 1) // 2], CHECKPOINTS[2]),
        "End": (PICTURES[-1], CHECKPOINTS[-1]),
    }[where]
    assert f"{amount:,} training pictures, {updates:,} updates" in says(page)
    assert faults(page) == []
    assert overlaps(page) == []


def test_pieces_of_the_network_disappear(page_of: Any) -> None:
    page = page_of(Ingredients())
    network = page.locator("svg[role=img]").first
    assert network.text_content().count("norm") == 2
    assert network.text_content().count("dropout") == 2
    page.get_by_label("all four", exact=True).check()
    text = network.text_content()
    assert (text.count("norm"), text.count("dropout"), text.count("✕")) == (0, 0, 4)
    assert text.count("tanh") == 6
    assert text.count("pool 2 x 2") == 3
    assert "Taken away: all four" in network.get_attribute("aria-label")


def test_play_runs_to_the_end(page_of: Any) -> None:
    page = page_of(Ingredients(updates=CHECKPOINTS[-2]))
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        "n => document.querySelector('[role=status]').textContent.includes(n)",
        arg=f"{CHECKPOINTS[-1]:,} updates",
    )
    assert f"{CHECKPOINTS[-1]:,} updates" in says(page)


def test_keyboard_alone(page_of: Any) -> None:
    page = page_of(Ingredients())
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert "Without ReLU" in says(page)
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    assert f"{PICTURES[-1]:,} training pictures" in says(page)
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    assert f"{CHECKPOINTS[-2]} updates" in says(page)


def test_python_hears_and_sets(live: Any) -> None:
    page = live(Ingredients())
    page.get_by_label("dropout", exact=True).check()
    assert page.evaluate("model.get('away')") == "dropout"
    assert page.evaluate("model.get('error')") == RUNS["RNO-"]["1000"]["test"][-1]
    page.get_by_label("training pictures").fill("0")
    assert page.evaluate("model.get('pictures')") == PICTURES[0]
    page.evaluate("model.set('away', 'overlap')")
    assert "Without overlap" in says(page)
    page.evaluate("model.set('updates', 100)")
    assert "100 updates" in says(page)


@pytest.mark.parametrize("width", [380, 900])
def test_no_text_overlaps(page_of: Any, overlaps: Any, faults: Any, width: int) -> None:
    page = page_of(Ingredients(), width=width)
    for name in NAMES:
        page.get_by_label(name, exact=True).check()
        for amount in range(len(PICTURES)):
            page.get_by_label("training pictures").fill(str(amount))
            for at in (0, len(CHECKPOINTS) - 1):
                page.get_by_label("updates so far").fill(str(at))
                assert overlaps(page) == []
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
