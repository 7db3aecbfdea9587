"""ThresholdUnit: its logic against dlcourse.neuron, and every control."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from traitlets import TraitError

from dlcourse.neuron import mcculloch_pitts, truth_table
from dlcourse.widgets import ThresholdUnit
from dlcourse.widgets.threshold import FUNCTIONS
from tests.widgets.hands import says

XOR = [[1.0, -1.0, 1.0], [-1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]


# ---- the Python side --------------------------------------------------------------------------
def test_it_names_the_function_and_keeps_what_was_reached() -> None:
    unit = ThresholdUnit()
    assert (unit.function, unit.reached) == ("AND", ["0001"])
    unit.threshold = 1.0
    assert (unit.function, unit.reached) == ("OR", ["0001", "0111"])
    unit.threshold = 2.0
    assert unit.reached == ["0001", "0111"]


def test_three_units_make_xor() -> None:
    unit = ThresholdUnit(mode="network", network=XOR)
    assert (unit.function, unit.outputs()) == ("XOR", "0110")
    assert unit.reached_network == ["0110"]
    assert unit.reached == []


def test_fourteen_functions_end_the_search() -> None:
    unit = ThresholdUnit(max_weight=1)
    for w1, w2, half in itertools.product((-1, 0, 1), (-1, 0, 1), range(-4, 5)):
        unit.weights, unit.threshold = [w1, w2], half / 2
    assert len(unit.reached) == 14
    assert {"0110", "1001"}.isdisjoint(unit.reached)
    assert unit.revealed


@pytest.mark.parametrize(
    ("setting", "message"),
    [({"weights": [2, 0]}, "from -1 to 1"), ({"threshold": 2.5}, "multiple of 0.5 from -2 to 2"),
     ({"threshold": 0.3}, "multiple of 0.5"), ({"weights": [1]}, "length 2")],
)  # fmt: skip
def test_wrong_settings_are_refused(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(TraitError, match=message):
        ThresholdUnit(**setting)


def test_static_html_is_deterministic_and_safe() -> None:
    text = ThresholdUnit(label="</script>").static_html()
    assert text == ThresholdUnit(label="</script>").static_html()
    assert text.count("</script>") == 1
    assert text.count("<tr>") == 17
    assert "the unit computes AND" in text


# ---- the page's own functions -----------------------------------------------------------------
def test_the_unit_fires_as_in_the_package(functions: Any) -> None:
    js = functions("threshold")
    for w1, w2, half in itertools.product((-2, 0, 1), (-1, 2), range(-4, 5)):
        expected = [int(y) for y in mcculloch_pitts(truth_table(2), [w1, w2], half / 2)]
        corners = [(0, 0), (0, 1), (1, 0), (1, 1)]
        assert [js("fires", [w1, w2, half / 2], x) for x in corners] == expected


def test_the_network_is_that_of_python(functions: Any) -> None:
    js, unit = functions("threshold"), ThresholdUnit(mode="network", network=XOR)
    found = [js("network", XOR, x)[2] for x in [(0, 0), (0, 1), (1, 0), (1, 1)]]
    assert "".join(map(str, found)) == unit.outputs()


@pytest.mark.parametrize("most", [1, 2])
def test_one_unit_reaches_fourteen(functions: Any, most: int) -> None:
    assert functions("threshold")("reachable", most) == sorted(set(FUNCTIONS) - {"0110", "1001"})


def test_lines_and_areas_agree_with_the_unit(functions: Any) -> None:
    js, square = functions("threshold"), [[-0.5, -0.5], [1.5, -0.5], [1.5, 1.5], [-0.5, 1.5]]
    for unit in ([1, 1, 1.5], [1, -1, 0.5], [0, 1, 0.5], [-1, 0, -1]):
        for x1, x2 in js("lineEnds", unit, -0.5, 1.5):
            assert unit[0] * x1 + unit[1] * x2 == pytest.approx(unit[2])
        areas = [area(js("clip", square, unit, want)) for want in (0, 1)]
        assert sum(areas) == pytest.approx(4)
        assert min(areas) > 0
    assert js("lineEnds", [0, 0, 1], -0.5, 1.5) is None


def area(polygon: list[list[float]]) -> float:
    pairs = zip(polygon, polygon[1:] + polygon[:1], strict=True)
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairs)) / 2


# ---- in the page ------------------------------------------------------------------------------
def test_each_end_of_each_slider(page_of: Any) -> None:
    page = page_of(ThresholdUnit())
    for values in itertools.product((-1, 0, 1), (-1, 0, 1), (-2, 0.5, 2)):
        for i, value in enumerate(values):
            page.locator("input[type=range]").nth(i).fill(str(value))
        outputs = mcculloch_pitts(truth_table(2), list(values[:2]), values[2])
        code = "".join(str(int(y)) for y in outputs)
        assert f"This is {FUNCTIONS[code]}." in says(page)
        assert page.locator(f"[data-code='{code}']").get_attribute("data-lit") == "true"
    assert "A corner on the line counts" in set_unit(page, 1, 1, 1)


def set_unit(page: Any, *values: float) -> str:
    for i, value in enumerate(values):
        page.locator("input[type=range]").nth(i).fill(str(value))
    return says(page)


def test_giving_up_tells_which_two_stay_dark(page_of: Any) -> None:
    page = page_of(ThresholdUnit())
    page.get_by_role("button", name="I give up").click()
    assert "XOR and XNOR stay dark" in page.locator(".dlw-box").inner_text()
    assert page.locator("[data-code='0110']").inner_text().count("no single unit can") == 1
    assert not page.get_by_role("button", name="I give up").is_visible()


def test_xor_with_three_units_by_keyboard(page_of: Any, faults: Any) -> None:
    page = page_of(ThresholdUnit())
    page.get_by_label("One unit").focus()
    page.keyboard.press("ArrowDown")
    assert "The network fires" in says(page)
    for unit, values in zip("ABY", XOR, strict=True):
        page.get_by_role("radio", name=unit, exact=True).check()
        set_unit(page, *values)
    assert "XOR is lit" in says(page)
    assert page.locator("[data-code='0110']").get_attribute("data-lit") == "true"
    assert faults(page) == []


def test_rows_of_the_truth_table_drive_the_drawing(page_of: Any) -> None:
    page = page_of(ThresholdUnit())
    drawing = page.locator("svg[role=img]").first
    for x1, x2 in itertools.product((0, 1), repeat=2):
        page.get_by_label(f"x₁ = {x1}, x₂ = {x2}").check()
        told = f"inputs {x1} and {x2}, output {x1 & x2}"
        assert told in drawing.get_attribute("aria-label")


def test_python_hears_and_sets(live: Any) -> None:
    page = live(ThresholdUnit())
    set_unit(page, 1, 1, 1)
    assert page.evaluate("model.get('function')") == "OR"
    assert page.evaluate("model.get('reached')") == ["0001", "0111"]
    page.evaluate("model.set('threshold', -2)")
    assert "This is always." in says(page)


@pytest.mark.parametrize("width", [380, 900])
@pytest.mark.parametrize("mode", ["unit", "network"])
def test_no_text_overlaps(page_of: Any, overlaps: Any, faults: Any, mode: str, width: int) -> None:
    page = page_of(ThresholdUnit(mode=mode, max_weight=2), width=width)
    for values in ((-2, -2, -4), (2, 2, 4), (0, 1, 0.5), (1, -1, 0)):
        set_unit(page, *values)
        assert overlaps(page) == []
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_network_from_the_start(page_of: Any) -> None:
    """It starts in two layers, with a task of its own, and its fallback tells of three units."""
    widget = ThresholdUnit(mode="network")
    assert "XOR" in widget.task
    assert "the network computes OR" in widget.fallback_html()
    assert "three units in two layers" in ThresholdUnit().fallback_html()
    page = page_of(widget)
    assert page.get_by_label("Three units in two layers").is_checked()


def test_marks_are_those_of_the_figures(page_of: Any) -> None:
    """An output 1 is a square, 0 a circle: AND has one square among its four corners."""
    plane = page_of(ThresholdUnit()).locator("svg[role=img]").nth(1)
    assert plane.locator("rect[width='26']").count() == 1
    assert plane.locator("circle[r='13']").count() == 3
