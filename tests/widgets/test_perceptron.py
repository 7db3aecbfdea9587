"""Perceptron: the rule in the page against dlcourse.neuron, and every control."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcourse as dl
from dlcourse.neuron import perceptron_step, with_bias
from dlcourse.widgets import Perceptron
from tests.widgets.hands import says


def flowers(classes: tuple[int, int] = (0, 1), count: int = 12) -> list[list[float]]:
    """Some irises of two kinds as [x1, x2, ±1]."""
    iris = dl.data.iris()
    rows = np.concatenate([np.flatnonzero(iris.y == c)[:count] for c in classes])
    y = np.where(iris.y[rows] == classes[0], 1.0, -1.0)
    return np.column_stack([iris.x[rows][:, [0, 2]], y]).astype(float).tolist()


def train(points: list[list[float]], count: int) -> tuple[np.ndarray, int]:
    """Python's own rule, sample by sample in the order of the rows."""
    data, w, updates = np.array(points), np.zeros(3), 0
    x = with_bias(data[:, :2])
    for k in range(count):
        new = perceptron_step(w, x[k % len(x)], data[k % len(x), 2])
        updates += int(not np.array_equal(new, w))
        w = new
    return w, updates


# ---- the Python side --------------------------------------------------------------------------
def test_it_measures_its_own_accuracy() -> None:
    widget = Perceptron([[1, 0, 1], [-1, 0, -1], [2, 0, -1]])
    assert widget.accuracy == 0.0  # all on the line
    widget.weights = [1.0, 0.0, 0.0]
    assert widget.accuracy == pytest.approx(2 / 3)
    widget.weights = [-1.0, 0.0, 0.0]
    assert widget.accuracy == pytest.approx(1 / 3)
    assert widget.best == pytest.approx(2 / 3)


def test_wrong_points_are_refused_with_help() -> None:
    with pytest.raises(ValueError, match=r"list of \[x1, x2, y\].*\(1, 2\)"):
        Perceptron([[1, 2]])
    with pytest.raises(ValueError, match=r"Labels must be \+1 or -1.*2 \* y - 1"):
        Perceptron([[1, 2, 0]])


def test_static_html_is_deterministic_safe_and_told_in_words() -> None:
    make = lambda: Perceptron(flowers(), label="</script>", bound=7.25)  # noqa: E731
    text = make().static_html()
    assert text == make().static_html()
    assert text.count("</script>") == 1
    assert "12 points of class +1 and 12 of class −1" in make().fallback_html()
    assert "At most 7.2 mistakes" in make().fallback_html()


# ---- the page's own functions -----------------------------------------------------------------
@pytest.mark.parametrize("classes", [(0, 1), (1, 2)])
def test_the_rule_is_that_of_the_package(functions: Any, classes: tuple[int, int]) -> None:
    js, points = functions("perceptron"), flowers(classes)
    start = {"weights": [0, 0, 0], "seen": 0, "updates": 0, "best": 0, "history": []}
    for count in (1, 5, 24, 100):
        found = js("advance", start, points, 0, count)
        weights, updates = train(points, count)
        assert found["weights"] == pytest.approx(weights.tolist(), abs=1e-9)
        assert found["updates"] == updates == sum(found["history"])
        widget = Perceptron(points, weights=weights.tolist())
        assert js("accuracy", found["weights"], points) == pytest.approx(widget.accuracy)


def test_it_stops_after_a_clean_round_or_at_the_limit(functions: Any) -> None:
    js = functions("perceptron")
    start = {"weights": [0, 0, 0], "seen": 0, "updates": 0, "best": 0, "history": []}
    clean = js("untilClean", start, flowers((0, 1)), 0, 100)
    assert clean["history"][-1] == 0
    assert all(count > 0 for count in clean["history"][:-1])
    never = js("untilClean", start, flowers((1, 2), count=50), 0, 7)
    assert len(never["history"]) == 7
    assert never["history"][-1] > 0


def test_orders_are_permutations_that_a_seed_repeats(functions: Any) -> None:
    js = functions("perceptron")
    assert js("order", 5, 0, 3) == [0, 1, 2, 3, 4]
    first = js("order", 20, 4, 1)
    assert first == js("order", 20, 4, 1)
    assert sorted(first) == list(range(20))
    assert len({tuple(js("order", 20, seed, 1)) for seed in range(1, 6)}) == 5


def test_the_lines_geometry(functions: Any) -> None:
    js, frame = functions("perceptron"), {"x": [-2, 3], "y": [-1, 4]}
    rng = np.random.default_rng(0)
    for w in rng.normal(size=(30, 3)).tolist():
        ends = js("lineEnds", w, frame)
        for x1, x2 in ends or []:
            assert w[0] * x1 + w[1] * x2 + w[2] == pytest.approx(0, abs=1e-9)
        for x1, x2 in js("positiveSide", w, frame):
            assert w[0] * x1 + w[1] * x2 + w[2] >= -1e-9
        p = rng.uniform(-1, 3, size=2).tolist()
        moved = js("moveTo", w, p)
        assert moved[:2] == w[:2]
        assert js("score", moved, p) == pytest.approx(0, abs=1e-12)
        turned = js("turnTo", w, [0.5, 0.5], p)
        assert np.hypot(*turned[:2]) == pytest.approx(np.hypot(*w[:2]))
        assert js("score", turned, p) == pytest.approx(0, abs=1e-9)
        assert turned[0] * w[0] + turned[1] * w[1] >= -1e-9
    assert js("lineEnds", [0, 0, 1], frame) is None


# ---- in the page ------------------------------------------------------------------------------
def press(page: Any, name: str) -> str:
    page.get_by_role("button", name=name).click()
    return says(page)


def test_sample_by_sample_in_words(page_of: Any, faults: Any) -> None:
    page = page_of(Perceptron([[1, 2, 1], [-1, 1, -1], [3, 0.5, 1]]))
    assert "there is no line yet. 0 of 3" in says(page)
    assert "w ← w + y x = (1, 2, 1)" in press(page, "Next sample")
    assert "Sample 2: x = (−1, 1), y = −1. Score w · x = 2" in press(page, "Next sample")
    assert "3 of 3 points" in press(page, "Until no mistake")
    assert "the rule has settled" in says(page)
    assert "no line yet" in press(page, "Reset")
    assert faults(page) == []


def test_a_round_that_does_not_settle(page_of: Any) -> None:
    page = page_of(Perceptron(flowers((1, 2), count=50), max_epochs=3))
    assert "mistakes in round 1" in press(page, "One round")
    assert "mistakes in round 4" in press(page, "Until no mistake (max 3 rounds)")


@pytest.mark.parametrize("where", ["Home", "middle", "End"])
def test_sliders_at_their_ends(page_of: Any, overlaps: Any, where: str) -> None:
    page = page_of(Perceptron(flowers()))
    for i in range(3):
        slider = page.locator("input[type=range]").nth(i)
        slider.focus()
        if where == "middle":
            slider.fill("0")
        else:
            slider.press(where)
        assert slider.get_attribute("aria-valuetext")
    w = [float(page.locator("input[type=range]").nth(i).input_value()) for i in range(3)]
    data = np.array(flowers())
    right = int((data[:, 2] * (with_bias(data[:, :2]) @ w) > 0).sum())
    assert f"{right} of 24 points" in says(page)
    assert overlaps(page) == []


def test_dragging_the_line(page_of: Any) -> None:
    page = page_of(Perceptron(flowers(), weights=[0.0, 1.0, -3.0]))
    before = says(page)
    grips = page.locator("svg circle[style*=grab]")
    for k in range(grips.count()):
        box = grips.nth(k).bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 5, y + 30, steps=3)
        page.mouse.up()
        assert says(page) != before
        before = says(page)


def test_keyboard_alone(page_of: Any) -> None:
    page = page_of(Perceptron(flowers()))
    button = page.get_by_role("button", name="Next sample")
    for _ in range(20):
        page.keyboard.press("Tab")
        if button.evaluate("(el) => el === document.activeElement"):
            break
    page.keyboard.press("Enter")
    assert "Sample 1" in says(page)


def test_python_hears_the_weights_and_sets_them(live: Any) -> None:
    points = flowers()
    page = live(Perceptron(points))
    press(page, "One round")
    weights, updates = train(points, len(points))
    assert page.evaluate("model.get('weights')") == pytest.approx(weights.tolist(), abs=1e-9)
    assert page.evaluate("model.get('updates')") == updates
    page.evaluate("model.set('weights', [0, 1, -2])")
    assert "0 x₁ + 1 x₂ + −2 = 0" in says(page)


@pytest.mark.parametrize("width", [380, 900])
def test_no_text_overlaps(page_of: Any, overlaps: Any, faults: Any, width: int) -> None:
    page = page_of(
        Perceptron(flowers(), axes=["sepal length [cm]", "petal length [cm]"]), width=width
    )
    for name in ("Next sample", "One round", "Until no mistake"):
        assert overlaps(page) == []
        press(page, name)
    assert overlaps(page) == []
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_marks_are_those_of_the_figures(page_of: Any) -> None:
    """The class +1 is an orange square and -1 a blue circle, in the plane and in the legend."""
    page = page_of(Perceptron([[1, 0, 1], [-1, 0, -1], [2, 1, 1]]))
    squares = page.locator("svg[role=img] rect[width='12'][height='12']")
    assert squares.count() == 2
    assert page.locator("svg[role=img] circle[r='6.5']").count() == 1
    assert "class1" in (squares.first.get_attribute("fill") or "")
    first, second = page.locator("p span svg").all()
    assert first.locator("rect").count() == 1
    assert second.locator("circle").count() == 1
