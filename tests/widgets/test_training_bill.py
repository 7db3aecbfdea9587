"""TrainingBill: the page's bill against Python's and the published one, and every control."""

from __future__ import annotations

from typing import Any

import pytest

from dlcourse.architectures.gpt import parameter_count
from dlcourse.widgets import TrainingBill
from dlcourse.widgets.training_bill import CHIPS, bill
from tests.widgets.hands import says, slide, slide_all

GPT3 = {"parameters": 174_604_259_328.0, "tokens": 300e9}


# ---- the Python side --------------------------------------------------------------------------
def test_the_bill_of_gpt3_is_the_published_one() -> None:
    assert TrainingBill().parameters == parameter_count(50257, 2048, 12288, 96, tie_weights=True)
    now = bill(**GPT3, utilisation=100 * 24.6 / 125)
    assert now.flop == pytest.approx(3.14e23, rel=0.002)
    assert now.days == pytest.approx(14.8, abs=0.05)
    assert now.energy == pytest.approx(1287, rel=0.005)
    assert now.carbon == pytest.approx(552.1, rel=0.005)
    lambda_labs = bill(**GPT3, utilisation=100 * 28 / 125)
    assert lambda_labs.hours / (24 * 365.25) == pytest.approx(355, abs=1)
    assert lambda_labs.cost == pytest.approx(4.6, abs=0.1)


def test_what_the_tasks_answers_say() -> None:
    assert bill(**GPT3, utilisation=60, price=1).cost == pytest.approx(1.2, abs=0.05)
    assert bill(**GPT3, utilisation=10, price=4).cost == pytest.approx(28, abs=0.5)
    assert bill(**GPT3, utilisation=60, grid=20).carbon == pytest.approx(8, abs=0.5)
    assert bill(**GPT3, utilisation=10, grid=420).carbon > 1000


def test_chips_change_the_days_alone() -> None:
    few, many = bill(**GPT3, chips=1000), bill(**GPT3, chips=100_000)
    assert few.days == pytest.approx(100 * many.days)
    assert (few.cost, few.energy, few.carbon) == (many.cost, many.energy, many.carbon)


def test_a_number_of_chips_that_is_not_offered_is_refused() -> None:
    with pytest.raises(ValueError, match="chips=7"):
        TrainingBill(chips=7)


def test_static_html_is_deterministic_safe_and_told_in_words() -> None:
    make = lambda: TrainingBill(label="</script>")  # noqa: E731
    assert make().static_html() == make().static_html()
    assert make().static_html().count("</script>") == 1
    words = TrainingBill().fallback_html()
    assert "need 14.8 days" in words
    assert "that is 552 t of CO₂e" in words
    assert "from 0.6 to 140 million USD" in words


# ---- the page's own functions -----------------------------------------------------------------
@pytest.mark.parametrize("utilisation", [5.0, 19.7, 60.0])
@pytest.mark.parametrize("price", [0.5, 10.0])
def test_the_page_computes_the_same_bill(functions: Any, utilisation: float, price: float) -> None:
    js = functions("training_bill")
    for chips in CHIPS:
        for grid in (20.0, 429.0, 800.0):
            moved = {"utilisation": utilisation, "price": price, "chips": chips, "grid": grid}
            fixed = {**GPT3, "peak": 125e12, "watts": 330.0, "pue": 1.1}
            found, own = js("bill", {**fixed, **moved}), bill(**GPT3, **moved)
            for name in ("flop", "hours", "days", "energy", "cost", "carbon"):
                assert found[name] == pytest.approx(getattr(own, name), rel=1e-12)


def test_numbers_are_short(functions: Any) -> None:
    js = functions("training_bill")
    shown = {0.0123: "0.012", 4.678: "4.68", 14.79: "14.8", 552.1: "552", 3142.4: "3,142"}
    assert {v: js("short", v) for v in shown} == shown
    assert js("power", 3.1429e23) == "3.14·10²³"
    assert js("widen", [1, 2], 5) == [1, 5]


# ---- in the page ------------------------------------------------------------------------------
def test_it_says_what_it_shows_and_how_far_it_went(page_of: Any, faults: Any) -> None:
    page = page_of(TrainingBill())
    assert "peak: 14.8 days" in says(page)
    assert "552 t of CO₂e" in says(page)
    assert "So far" not in says(page)
    assert "that is 25.7 t of CO₂e" in slide(page, "carbon per kWh", 20)
    text = slide(page, "price of a chip-hour", 10)
    assert "5.32 to 35.5 million USD (a factor of 6.67)" in text
    text = slide(page, "number of chips", 5)
    assert "100,000 chips" in text
    assert "peak: 1.48 days" in text
    page.get_by_role("button", name="Back to the start").click()
    assert "peak: 14.8 days" in says(page)
    assert "factor of 6.67" in says(page)  # what was reached stays
    assert faults(page) == []


@pytest.mark.parametrize("where", ["Home", "middle", "End"])
def test_sliders_at_their_ends(page_of: Any, overlaps: Any, faults: Any, where: str) -> None:
    page = page_of(TrainingBill())
    slide_all(page, where)
    assert faults(page) == []
    assert overlaps(page) == []


def test_keyboard_alone(page_of: Any) -> None:
    page = page_of(TrainingBill())
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert "at 19.8 %" in says(page)


def test_python_hears_and_sets(live: Any) -> None:
    page = live(TrainingBill())
    slide(page, "price of a chip-hour", 3)
    assert page.evaluate("model.get('price')") == 3
    assert page.evaluate("model.get('bill').cost") == pytest.approx(bill(**GPT3, price=3).cost)
    page.evaluate("model.set('chips', 1)")
    assert "1 chip at" in says(page)
    page.evaluate("model.set('grid', 20)")
    assert "at 20 g per kWh" in says(page)


@pytest.mark.parametrize("width", [380, 900])
def test_no_text_overlaps(page_of: Any, overlaps: Any, faults: Any, width: int) -> None:
    page = page_of(TrainingBill(), width=width)
    for utilisation in (5, 19.7, 60):
        for grid in (20, 429, 800):
            slide(page, "utilisation", utilisation)
            slide(page, "carbon per kWh", grid)
            assert overlaps(page) == []
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
