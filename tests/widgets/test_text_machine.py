"""TextMachine: counting, pricing and writing in the page against Python's, and every control."""

from __future__ import annotations

import math
from typing import Any

import pytest

from dlcourse.data import manual
from dlcourse.widgets import TextMachine
from dlcourse.widgets.text_machine import (
    MOST,
    bits,
    count,
    probabilities,
    soften,
    uniform,
    write,
)
from tests.widgets.hands import says, slide, slide_all

TEXT = manual().train[-6_000:]
NEW = manual().test[-600:]
ALPHABET = "".join(sorted(set(TEXT + NEW)))
TABLES = count(TEXT)


def machine(**options: Any) -> TextMachine:
    return TextMachine(TEXT, NEW, **options)


# ---- the Python side --------------------------------------------------------------------------
def test_banana_as_on_paper() -> None:
    tables = count("banana", 1)
    n = "abns".index("n")
    assert probabilities(tables, "abns", "a", 0)[n] == pytest.approx(2.75 / 9)
    p = probabilities(tables, "abns", "a", 1)
    assert p[n] == pytest.approx((2 + 2.75 / 9) / 3)
    assert -math.log2(p[3]) == pytest.approx(5.17, abs=0.005)
    assert sum(p) == pytest.approx(1)


def test_probabilities_price_a_text_as_bits_does() -> None:
    for memory in (0, 3, MOST):
        prices = [
            -math.log2(probabilities(TABLES, ALPHABET, NEW[:i], memory)[ALPHABET.index(NEW[i])])
            for i in range(MOST, 200)
        ]
        found = bits(TABLES, len(ALPHABET), NEW[:200])[memory]
        assert found == pytest.approx(sum(prices) / len(prices), abs=1e-12)


def test_temperature() -> None:
    p = [0.5, 0.3, 0.2]
    assert soften(p, 1) == pytest.approx(p)
    assert soften(p, 0) == [1, 0, 0]
    assert soften(p, 0.5) == pytest.approx([0.25 / 0.38, 0.09 / 0.38, 0.04 / 0.38])
    assert max(soften(p, 100)) < 0.34


def test_random_numbers_are_uniform_and_follow_the_seed() -> None:
    numbers = uniform(1, 4000)
    assert all(0 <= u < 1 for u in numbers)
    assert abs(sum(numbers) / 4000 - 0.5) < 0.02
    assert uniform(1, 3) != uniform(2, 3)


def test_texts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="Received: 5 and 600"):
        TextMachine("short", NEW)
    with pytest.raises(ValueError, match="Received: 6,000 and 3"):
        TextMachine(TEXT, "new")


def test_static_html_is_deterministic_safe_and_told_in_words() -> None:
    make = lambda: machine(label="</script>")  # noqa: E731
    assert make().static_html() == make().static_html()
    assert make().static_html().count("</script>") == 1
    words = machine().fallback_html()
    assert f"3: {bits(TABLES, len(ALPHABET), NEW)[3]:.2f}" in words
    assert "Memory 8: <em>The " in words


# ---- the page's own functions -----------------------------------------------------------------


def test_the_page_counts_prices_and_writes_as_python_does(functions: Any) -> None:
    js = functions("text_machine")
    asked = [["The ", k] for k in range(MOST + 1)] + [["", 5], ["zzz qq", 4], ["a", 8]]
    assert js("uniform", 7, 50) == pytest.approx(uniform(7, 50), abs=0)
    assert js("soften", [0.5, 0.3, 0.2], 0.5) == pytest.approx(soften([0.5, 0.3, 0.2], 0.5))
    assert js("soften", [0.2, 0.5, 0.3], 0) == [0, 1, 0]
    found = js("trial", TEXT, NEW, asked)
    assert found["alphabet"] == ALPHABET
    assert found["bits"] == pytest.approx(bits(TABLES, len(ALPHABET), NEW), abs=1e-9)
    for i, (context, memory) in enumerate(asked):
        own = probabilities(TABLES, ALPHABET, context, memory)
        assert found["p"][i] == pytest.approx(own, abs=1e-12)
        temperature = [0, 0.5, 1, 2][i % 4]
        text = write(TABLES, ALPHABET, context, 80, memory, temperature, i)
        assert found["texts"][i] == text


def test_copied_pieces_are_found(functions: Any) -> None:
    js = functions("text_machine")
    found = js("copies", "xx" + TEXT[100:130] + "##" + TEXT[200:210], TEXT, 20)
    assert found["longest"] >= 30
    assert found["marks"][2:32] == [True] * 30
    assert not any(found["marks"][33:])
    assert js("copies", TEXT[:10], TEXT, 20) == {"marks": [False] * 10, "longest": 0}
    assert js("loopLength", "the samples and " * 9) == 25
    assert js("loopLength", TEXT[:100]) == 0


# ---- in the page ------------------------------------------------------------------------------
MEMORY = "memory"


def test_it_says_what_it_shows(page_of: Any, faults: Any) -> None:
    page = page_of(machine())
    fresh, old = bits(TABLES, len(ALPHABET), NEW), bits(TABLES, len(ALPHABET), TEXT)
    text = slide(page, MEMORY, 8)
    assert f"{fresh[8]:.2f} bits per character on new text, {old[8]:.2f} on" in text
    assert "a 9-gram" in text
    assert "is copied; the longest piece has" in text
    assert page.locator("[data-copied]").count() >= 1
    assert "likeliest character" in slide(page, "temperature", 0)
    text = slide(page, MEMORY, 0)
    assert "Nothing longer than 19 characters is copied" in text
    assert faults(page) == []


def test_the_prompt_is_what_it_goes_on_from(page_of: Any) -> None:
    page = page_of(machine(memory=2))
    field = page.get_by_label("It goes on from")
    field.fill("Return ~th")
    box = page.locator("svg[role=img]").first.get_attribute("aria-label")
    p = probabilities(TABLES, ALPHABET, "Return th", 2)
    likeliest = ALPHABET[p.index(max(p))]
    assert box.startswith(f"Likeliest next characters: {likeliest} {100 * max(p):.0f} %")
    field.fill("")
    assert says(page)


def test_another_text(page_of: Any) -> None:
    page = page_of(machine())
    before = page.locator(".dlw-box").inner_text()
    page.get_by_role("button", name="Write another text").click()
    assert page.locator(".dlw-box").inner_text() != before


@pytest.mark.parametrize("where", ["Home", "middle", "End"])
def test_sliders_at_their_ends(page_of: Any, overlaps: Any, faults: Any, where: str) -> None:
    page = page_of(machine())
    slide_all(page, where)
    assert faults(page) == []
    assert overlaps(page) == []


def test_keyboard_alone(page_of: Any) -> None:
    page = page_of(machine())
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert "Memory 4 (a 5-gram)" in says(page)


def test_python_hears_and_sets(live: Any) -> None:
    page = live(machine(memory=3))
    slide(page, MEMORY, 5)
    assert page.evaluate("model.get('memory')") == 5
    written = page.evaluate("model.get('written')")
    assert written == write(TABLES, ALPHABET, "The ", 240, 5, 1.0, 0)
    assert page.evaluate("model.get('bits')") == pytest.approx(
        bits(TABLES, len(ALPHABET), NEW)[5], abs=1e-9
    )
    page.evaluate("model.set('memory', 1)")
    assert "Memory 1" in says(page)
    page.evaluate("model.set('temperature', 0.5)")
    assert "temperature 0.5" in says(page)


@pytest.mark.parametrize("width", [380, 900])
def test_no_text_overlaps(page_of: Any, overlaps: Any, faults: Any, width: int) -> None:
    page = page_of(machine(), width=width)
    for memory in (0, 2, 8):
        for temperature in (0, 1, 2):
            slide(page, MEMORY, memory)
            slide(page, "temperature", temperature)
            assert overlaps(page) == []
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
