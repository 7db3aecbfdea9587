"""CatHierarchy: the page's sketches and activations against Python's, and every control."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcourse as dl
from dlcourse.data.sketches import draw
from dlcourse.widgets import CatHierarchy
from dlcourse.widgets.cat_hierarchy import (
    COUNT,
    GRID,
    INK,
    answers,
    as_faces,
    inputs_of,
    pack,
    some_faces,
    unpack,
)
from tests.widgets.hands import says, slide, slide_all


def network(seed: int = 0, units: tuple[int, ...] = (8, 16, 16)) -> dl.Sequential:
    rng, layers, before = np.random.default_rng(seed), [], 1
    for n in units:
        layers += [dl.Conv2d(before, n, 3, padding=1, seed=rng), dl.ReLU(), dl.MaxPool2d(2)]
        before = n
    side = 24 // 2 ** len(units)
    net = dl.Sequential(*layers, dl.Flatten(), dl.Linear(side * side * before, 2, seed=rng))
    for parameter in net.parameters():  # biases too, so that they are tested
        parameter.data += 0.1 * rng.normal(size=parameter.data.shape)
    return net


NET = network()


def page_face(listed: dict[str, Any], kind: int) -> tuple[list[float], int, list[list[float]]]:
    """What the page's draw() takes."""
    return listed["head"], kind % 3, listed["mixed" if kind == 3 else "home"]


# ---- the Python side --------------------------------------------------------------------------
def test_packing_rounds_to_the_grid_and_keeps_the_network() -> None:
    again = unpack(pack(NET))
    for ours, theirs in zip(again.parameters(), NET.parameters(), strict=True):
        assert np.abs(ours.data - theirs.data).max() <= 0.5 / GRID + 1e-7
    assert pack(again) == pack(NET)


def test_answers_are_those_of_the_network() -> None:
    pictures = inputs_of(as_faces(some_faces(), 0))
    found, p = answers(unpack(pack(NET)), pictures)
    outputs = dl.predict(unpack(pack(NET)), pictures).astype(float)
    assert [maps.shape[1:] for maps in found] == [(8, 12, 12), (16, 6, 6), (16, 3, 3)]
    assert p == pytest.approx(np.exp(outputs[:, 1]) / np.exp(outputs).sum(axis=1), abs=1e-5)


def test_other_networks_are_refused() -> None:
    for wrong in (
        dl.Linear(3, 2, seed=0),
        dl.Sequential(dl.Flatten(), dl.Linear(576, 2, seed=0)),
        dl.Sequential(*list(NET)[:-1], dl.Linear(144, 3, seed=0)),
        dl.Sequential(dl.Conv2d(1, 4, 5, padding=2, seed=0), *list(network(0, (4,)))[1:]),
    ):
        with pytest.raises(ValueError, match="CatHierarchy needs Sequential"):
            CatHierarchy(wrong)


def test_static_html_is_deterministic_safe_and_told_in_words() -> None:
    make = lambda: CatHierarchy(NET, label="</script>")  # noqa: E731
    text = make().static_html()
    assert text == make().static_html()
    assert text.count("</script>") == 1
    assert len(text) < 160_000
    words = CatHierarchy(NET).fallback_html()
    assert "How often the network says “cat”" in words
    assert "scrambled cat:" in words
    assert 'alt="Two sketches with the same parts' in words


# ---- the page's own functions -----------------------------------------------------------------
@pytest.mark.parametrize("kind", range(4))
def test_the_page_draws_the_same_sketch(functions: Any, kind: int) -> None:
    js, listed = functions("cat_hierarchy"), some_faces()
    expected = draw(as_faces(listed, kind))
    for face in range(0, COUNT, 3):
        ink = js("draw", *page_face(listed[face], kind))
        assert np.reshape(ink, (24, 24)) == pytest.approx(expected[face], abs=1e-12)


@pytest.mark.parametrize("units", [(8, 16, 16), (3,), (4, 5)])
def test_the_page_computes_the_same_activations(functions: Any, units: tuple[int, ...]) -> None:
    js, listed = functions("cat_hierarchy"), some_faces()
    packed = pack(network(2, units))
    for face, kind in [(0, 0), (5, 1), (11, 2), (23, 3)]:
        pictures = inputs_of(as_faces(listed[face : face + 1], kind))
        pixels = js("input", js("draw", *page_face(listed[face], kind)), INK)
        assert pixels == pytest.approx(pictures.ravel(), abs=1e-6)
        run = js("forward", packed, pixels, GRID)
        found, p = answers(unpack(packed), pictures)
        assert run["p"] == pytest.approx(p[0], abs=1e-4)
        for layer, maps in zip(run["layers"], found, strict=True):
            assert layer["side"] == maps.shape[-1]
            flat = maps[0].reshape(len(maps[0]), -1)
            assert np.array(layer["maps"]) == pytest.approx(flat, abs=1e-4)


def test_windows_are_what_a_unit_sees(functions: Any) -> None:
    """Change one pixel at a time: a place of a layer answers to those of its window only."""
    js = functions("cat_hierarchy")
    net, place = network(4), 1
    for layer in (1, 2, 3):
        window = js("windowOf", layer, place)
        assert window["size"] == (4, 10, 22)[layer - 1]
        seen = []
        for column in range(24):
            pair = np.zeros((2, 1, 24, 24), dtype=np.float32)
            pair[1, 0, :, column] = np.random.default_rng(1).normal(size=24) * 10
            maps = answers(net, pair)[0][layer - 1]
            if not np.array_equal(maps[0, :, :, place], maps[1, :, :, place]):
                seen.append(column)
        first = max(window["first"], 0)
        assert seen == list(range(first, min(window["first"] + window["size"], 24)))


def test_changes_and_counts(functions: Any) -> None:
    js = functions("cat_hierarchy")
    one = {"layers": [{"maps": [[0, 2], [1, 0]]}]}
    other = {"layers": [{"maps": [[4, 0], [0, 1]]}]}
    assert js("change", one, other) == [pytest.approx(2 / 5)]
    assert js("count", ["eye", "head", "eye"]) == [["eye", 2], ["head", 1]]
    assert js("strongest", [0, 3, 3, 1]) == 1


def test_the_part_at_a_place(functions: Any) -> None:
    js, listed = functions("cat_hierarchy"), some_faces()
    for face in listed:
        ear, eye, cheek = face["home"][0], face["home"][3], face["home"][4]
        hair = [cheek[0] - 1.75, cheek[1]]
        assert js("partAt", ear, 0, face["home"]) == "pointed"
        assert js("partAt", ear, 1, face["home"]) == "round"
        assert js("partAt", hair, 0, face["home"]) == "whiskers"
        assert js("partAt", eye, 2, face["home"]) == "eye"
        assert js("partAt", hair, 2, face["home"]) != "whiskers"
        assert js("partAt", [23, 23], 0, [[0, 0]] * 6) == "head"


# ---- in the page ------------------------------------------------------------------------------
def test_a_look_inside_in_words(page_of: Any, faults: Any) -> None:
    page = page_of(CatHierarchy(NET))
    _, p = answers(unpack(pack(NET)), inputs_of(as_faces(some_faces()[:1], 0)))
    assert f"Cat, face 1: the network gives “cat” a probability of {p[0]:.2f}" in says(page)
    assert "Layer 1, unit 1" in says(page)
    page.get_by_label("parts in the wrong places").check()
    text = says(page)
    assert text.startswith("Scrambled cat, face 1")
    assert "% in layer 1" in text
    assert "% in layer 3" in text
    page.get_by_label("a mouse (round ears)").check()
    assert "Mouse with parts in the wrong places, face 1" in says(page)
    page.get_by_label("parts in the wrong places").uncheck()
    assert says(page).startswith("Mouse, face 1")
    assert "Layer 3, unit 1" in slide(page, "layer", 3)
    assert "unit 16" in slide(page, "unit", 16)
    assert "unit 1 " in slide(page, "layer", 1)
    assert page.get_by_label("unit", exact=True).get_attribute("max") == "8"
    assert faults(page) == []


def test_the_strength_and_the_kinds_of_the_windows(page_of: Any) -> None:
    page = page_of(CatHierarchy(NET, layer=2, unit=3))
    maps = [
        answers(unpack(pack(NET)), inputs_of(as_faces(some_faces(), k)))[0][1] for k in range(4)
    ]
    tops = np.array([m[:, 2].max(axis=(1, 2)) for m in maps])  # (4, 24): kinds, faces
    share = round(100 * tops[0, 0] / tops.max())
    assert f"{share} % of the most that it gives to any of 96 sketches" in says(page)
    best = np.argsort(-tops.ravel())[:9] // COUNT
    for kind, name in enumerate(("cat", "mouse", "fox", "scrambled cat")):
        n = int((best == kind).sum())
        assert n == 0 or f"{name} {n}" in says(page).split("They come from:")[1]


def test_a_silent_unit(page_of: Any, faults: Any) -> None:
    net = network()
    net[0].bias.data[2] = -50.0
    page = page_of(CatHierarchy(net, unit=3))
    assert "This unit is silent for all 96 sketches" in says(page)
    assert faults(page) == []


def test_a_click_on_a_tile(page_of: Any) -> None:
    page = page_of(CatHierarchy(NET))
    page.locator("svg[role=img]").nth(2).locator("image").nth(4).click()
    assert "Layer 2, unit 5" in says(page)
    assert page.get_by_label("layer", exact=True).input_value() == "2"


@pytest.mark.parametrize("where", ["Home", "middle", "End"])
def test_sliders_at_their_ends(page_of: Any, overlaps: Any, faults: Any, where: str) -> None:
    page = page_of(CatHierarchy(NET, kind=2, scrambled=True, layer=2))
    slide_all(page, where)
    assert faults(page) == []
    assert overlaps(page) == []


def test_keyboard_alone(page_of: Any) -> None:
    page = page_of(CatHierarchy(NET))
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert says(page).startswith("Mouse")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert "wrong places" in says(page)
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    assert f"face {COUNT}" in says(page)


def test_python_hears_and_sets(live: Any) -> None:
    page = live(CatHierarchy(NET))
    page.get_by_label("parts in the wrong places").check()
    _, p = answers(unpack(pack(NET)), inputs_of(as_faces(some_faces()[:1], 3)))
    assert page.evaluate("model.get('probability')") == pytest.approx(p[0], abs=1e-4)
    assert page.evaluate("model.get('scrambled')") is True
    parts = page.evaluate("model.get('parts')")
    assert sum(int(text.split()[-1]) for text in parts) == 9
    page.evaluate("model.set('layer', 3)")
    assert "Layer 3, unit 1" in says(page)
    page.evaluate("model.set('kind', 2)")
    assert says(page).startswith("Fox with parts")


@pytest.mark.parametrize("width", [380, 900])
def test_no_text_overlaps(page_of: Any, overlaps: Any, faults: Any, width: int) -> None:
    page = page_of(CatHierarchy(NET), width=width)
    for layer in (1, 2, 3):
        slide(page, "layer", layer)
        assert overlaps(page) == []
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
