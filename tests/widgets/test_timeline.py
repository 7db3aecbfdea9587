"""Timeline: its data against the sources, the page against Python, and the card game."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pybtex.database import Entry, parse_file
from pybtex.richtext import Text

from dlcourse import course
from dlcourse.widgets import Timeline, timeline
from dlcourse.widgets.base import source
from tests.widgets.hands import says

BOOK = Path(__file__).resolve().parents[2] / "book"
DATA = timeline.history()
EVENTS = {event["id"]: event for event in DATA["events"]}
WIDTHS = [280, 320, 352, 480, 660, 680]


@pytest.fixture(scope="module")
def bib() -> dict[str, Entry]:
    return dict(parse_file(str(BOOK / "references.bib"), bib_format="bibtex").entries)


def first_years(entry: Entry) -> set[int]:
    """The year in which a source appeared, and that of its preprint."""
    found = {int(entry.fields["year"])}
    if match := re.match(r"(\d\d)\d\d\.", entry.fields.get("eprint", "")):
        found.add(2000 + int(match[1]))
    return found


# ---- the data ---------------------------------------------------------------------------------
def test_events_stand_in_the_order_of_time() -> None:
    years = [event["year"] for event in DATA["events"]]
    assert years == sorted(years)
    assert (years[0], years[-1]) == (1943, 2024)
    assert len(EVENTS) == len(DATA["events"]) >= 45


def test_every_event_is_complete() -> None:
    lanes = {lane["id"] for lane in DATA["lanes"]}
    for name, event in EVENTS.items():
        assert event["lane"] in lanes, name
        assert 3 <= len(event["label"]) <= 18, name
        assert event["text"].endswith("."), name
        assert len(event["text"].split()) >= 8, name
        assert ("said" in event) == ("better" in event), name
        assert all(course.chapter(number) for number in event["chapters"]), name
        assert len(event["chapters"]) == len(set(event["chapters"])) >= 1, name
    assert all(used >= 3 for used in Counter(e["lane"] for e in EVENTS.values()).values())
    for field in ("label", "title"):
        assert len({event[field] for event in EVENTS.values()}) == len(EVENTS)


def test_titles_do_not_give_the_year_away() -> None:
    for event in EVENTS.values():
        assert not re.search(r"(19|20)\d\d", event["title"] + event["who"]), event["id"]


def test_sources_stand_in_the_references_and_their_years_match(bib: dict[str, Entry]) -> None:
    for event in EVENTS.values():
        assert event["year"] in first_years(bib[event["sources"][0]]), event["id"]
        assert set(event["sources"]) <= set(DATA["sources"]), event["id"]
    used = {key for event in EVENTS.values() for key in event["sources"]}
    assert used == set(DATA["sources"]) <= set(bib)


def test_citations_and_links_are_those_of_the_references(bib: dict[str, Entry]) -> None:
    for key, told in DATA["sources"].items():
        fields, people = bib[key].fields, bib[key].persons["author"]
        doi, number = fields.get("doi"), fields.get("eprint")
        links = [f"https://doi.org/{doi}"] * bool(doi)
        links += [f"https://arxiv.org/abs/{number}"] * bool(number)
        links += [fields.get("url")] * ("url" in fields)
        assert told["link"] in (links or [""]), key
        names = people[0].prelast_names + people[0].last_names
        assert told["cite"].startswith(str(Text.from_latex(" ".join(names)))), key
        assert told["cite"].endswith(f" {fields['year']}"), key


def test_a_year_that_a_card_tells_about_a_source_is_right(bib: dict[str, Entry]) -> None:
    """ "Geirhos and others 2019" in a text is a source of this event."""
    for event in EVENTS.values():
        cites = {DATA["sources"][key]["cite"] for key in event["sources"]}
        text = event["text"] + event.get("better", "")
        for name, year in re.findall(r"\((\w+)(?: and [\w ]+?)? (\d{4})\)", text):
            assert any(c.startswith(name) and c.endswith(year) for c in cites), (event["id"], name)


@pytest.mark.parametrize("chapter", range(1, 7))
def test_every_chapter_of_part_one_has_events_and_rounds(chapter: int) -> None:
    own = timeline.events(chapter)
    first, last = timeline.span(chapter)
    assert len(own) >= 3
    assert sum(first <= event["year"] <= last for event in own) >= 3
    assert timeline.rounds(chapter)[0]["chapter"] == chapter
    assert len(timeline.rounds(chapter)) == len(DATA["rounds"])
    assert len(Timeline(chapter).task.split()) > 8


def test_other_chapters_take_the_years_of_their_events() -> None:
    assert timeline.span(9) == (1991, 1997)
    assert timeline.span(3) == (1970, 1989)
    with pytest.raises(ValueError, match=r"no event of chapter 34\. It has some of \[1, 2, 3"):
        timeline.span(34)


def test_rounds_have_one_answer_and_do_not_begin_with_it() -> None:
    for entry in DATA["rounds"]:
        years = [EVENTS[name]["year"] for name in entry["cards"]]
        assert len(set(years)) == len(years) == 5
        assert not timeline.judge(entry["cards"])["right"]
        assert len(entry["moral"].split()) >= 10


def test_mixups_are_real_and_can_be_met() -> None:
    cards = [set(entry["cards"]) for entry in DATA["rounds"]]
    pairs = [(mixup["earlier"], mixup["later"]) for mixup in DATA["mixups"]]
    assert len(set(pairs)) == len(pairs)
    for earlier, later in pairs:
        assert EVENTS[earlier]["year"] < EVENTS[later]["year"]
        assert any({earlier, later} <= hand for hand in cards), (earlier, later)


def test_every_round_names_a_mixup_for_most_wrong_orders() -> None:
    for entry in DATA["rounds"]:
        answers = [timeline.judge(order) for order in itertools.permutations(entry["cards"])]
        wrong = [answer for answer in answers if not answer["right"]]
        assert len(wrong) == len(answers) - 1
        assert sum(bool(answer["mixups"]) for answer in wrong) / len(wrong) > 0.6


# ---- the Python side --------------------------------------------------------------------------
def test_judging_orders() -> None:
    right = ["minsky", "linnainmaa", "werbos", "rhw", "lecun89"]
    assert timeline.judge(right) == {"right": True, "in_place": 5, "mixups": [], "pair": []}
    wrong = timeline.judge(["minsky", "rhw", "linnainmaa", "werbos", "lecun89"])
    assert (wrong["right"], wrong["in_place"]) == (False, 2)
    assert wrong["pair"] == ["rhw", "linnainmaa"]
    assert "did not invent" in DATA["mixups"][wrong["mixups"][0]]["text"]


def test_an_unknown_event_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"no event 'xor'\. Those of chapter 3: minsky, linnainmaa"
    ):
        Timeline(3, chosen="xor")


def test_static_html_is_deterministic_safe_and_told_in_words() -> None:
    make = lambda: Timeline(3, label="</script>")  # noqa: E731
    text = make().static_html()
    assert text == make().static_html()
    assert text.count("</script>") == 1
    assert len(text) < 60_000
    words = Timeline(3).fallback_html()
    assert words.count("<li>") == len(EVENTS)
    assert words.count("Often told:") == sum("said" in event for event in timeline.events(3))
    assert "Rumelhart is the first author" in words
    assert "Linnainmaa 1970" in words


# ---- the page's own functions -----------------------------------------------------------------
def test_the_page_judges_as_python_does(functions: Any) -> None:
    js = functions("timeline")
    years = {name: event["year"] for name, event in EVENTS.items()}
    for entry in DATA["rounds"]:
        for order in list(itertools.permutations(entry["cards"]))[::7]:
            assert js("judge", order, years, DATA["mixups"]) == timeline.judge(order)


def test_moving_a_card(functions: Any) -> None:
    js = functions("timeline")
    for i, j in itertools.product(range(4), repeat=2):
        expected = [k for k in range(4) if k != i]
        expected.insert(j, i)
        assert js("moved", [0, 1, 2, 3], i, j) == expected


def test_the_axis_rises_and_fills_the_width(functions: Any) -> None:
    js = functions("timeline")
    for width in WIDTHS:
        places = [js("xOf", year, width) for year in range(1943, 2025)]
        assert all(a < b for a, b in itertools.pairwise(places))
        assert places[0] > 0
        assert places[-1] < width


def test_links_into_the_books_references_lead_to_a_heading(functions: Any) -> None:
    js = functions("timeline")
    page = (BOOK / "references.md").read_text("utf8")
    heads = {head.lower().replace(" ", "-") for head in re.findall(r"^## (.+)$", page, re.M)}
    offline = [told["cite"] for told in DATA["sources"].values() if not told["link"]]
    assert len(offline) >= 8
    assert {js("anchor", cite) for cite in offline} <= heads


# ---- in the page ------------------------------------------------------------------------------
def titles(page: Any) -> list[str]:
    return page.locator(".dlw-order li strong").all_inner_texts()


def put_in_order(page: Any, names: list[str]) -> None:
    """Move cards up with their buttons until they stand in this order."""
    for wanted, name in enumerate(names):
        title = EVENTS[name]["title"]
        while titles(page).index(title) > wanted:
            page.get_by_role("button", name=f"Up: {title}").click()


@pytest.mark.parametrize("chapter", range(1, 7))
@pytest.mark.parametrize("width", [300, 380, 400, 900])
def test_no_label_overlaps(
    page_of: Any, overlaps: Any, faults: Any, chapter: int, width: int
) -> None:
    page = page_of(Timeline(chapter), width=width)
    for where in ("Home", "End"):
        page.get_by_label("event", exact=True).press(where)
        assert overlaps(page) == []
    assert page.locator("svg[role=img] title").count() == len(EVENTS)
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_labels_stay_readable_and_apart_when_the_page_gets_narrow(
    page_of: Any, overlaps: Any
) -> None:
    page = page_of(Timeline(3), width=900)
    wide = page.locator("svg[role=img]").bounding_box()["width"]
    page.set_viewport_size({"width": 360, "height": 900})
    page.wait_for_function(
        "w => document.querySelector('svg[role=img]').getBoundingClientRect().width < w / 1.5",
        arg=wide,
    )
    page.wait_for_function(
        "() => { const svg = document.querySelector('svg[role=img]');"
        " return Math.abs(svg.viewBox.baseVal.width - svg.getBoundingClientRect().width) < 2; }"
    )
    assert overlaps(page) == []


def test_arrow_keys_walk_through_all_events(page_of: Any) -> None:
    page = page_of(Timeline(3))
    slider = page.get_by_label("event", exact=True)
    slider.press("Home")
    seen = [says(page)]
    for _ in range(len(EVENTS) - 1):
        slider.press("ArrowRight")
        seen.append(says(page))
    for event, text in zip(EVENTS.values(), seen, strict=True):
        assert text.startswith(f"{event['year']}: {event['title']}.")
    slider.press("ArrowRight")
    assert says(page) == seen[-1]


def test_a_card_shows_claim_sources_and_chapters(page_of: Any) -> None:
    page = page_of(Timeline(3, chosen="rhw"))
    card = page.locator(".dlw-card")
    assert "1986 · Hidden units learn codes" in card.inner_text()
    assert "Often told: “Hinton and colleagues invented" in card.inner_text()
    assert "In chapters 1, 3 and 15." in card.inner_text()
    links = [link.get_attribute("href") for link in card.locator("a").all()]
    assert links[0] == "https://doi.org/10.1038/323533a0"
    assert links[1] == "../book/references.html#linnainmaa-1970"
    page.get_by_label("event", exact=True).fill("1")
    assert "Often told" not in card.inner_text()


@pytest.mark.parametrize("name", ["mcculloch", "alexnet", "chemistry"])
def test_mouse_and_touch_choose_an_event(page_of: Any, name: str) -> None:
    event = EVENTS[name]
    for touch in (False, True):
        page = page_of(Timeline(2, chosen="hebb"), width=400, has_touch=touch)
        label = page.locator("svg[role=img] text", has_text=re.compile(f"^{event['label']}$"))
        if touch:
            label.tap()
        else:
            label.click()
        assert says(page).startswith(f"{event['year']}: {event['title']}")
        assert f"{event['year']}, {event['label']}" in page.locator("svg[role=img]").get_attribute(
            "aria-label"
        )


def test_buttons_walk_through_the_chapters_events_and_around(page_of: Any) -> None:
    page = page_of(Timeline(3))
    own = [event["title"] for event in timeline.events(3)]
    for title in [*own[1:], own[0]]:
        page.get_by_role("button", name="Next of chapter 3").click()
        assert title in says(page)
    page.get_by_role("button", name="Previous of chapter 3").click()
    assert own[-1] in says(page)


def test_the_game_names_the_misconception_and_ends(page_of: Any, faults: Any) -> None:
    page = page_of(Timeline(3))
    page.get_by_role("button", name="Put cards in order").click()
    assert "Round 1 of" in says(page)
    assert faults(page) == []
    put_in_order(page, ["minsky", "rhw", "linnainmaa", "werbos", "lecun89"])
    page.get_by_role("button", name="Check").click()
    assert says(page).startswith("2 of 5 cards are at their place. 1986 did not invent")
    assert "(1986)" not in page.locator(".dlw-order").inner_text()
    put_in_order(page, ["minsky", "linnainmaa", "werbos", "rhw", "lecun89"])
    page.get_by_role("button", name="Check").click()
    assert says(page).startswith("Right, in 2 tries. The slopes came first")
    assert "(1986)" in page.locator(".dlw-order").inner_text()
    page.get_by_role("button", name="Another round").click()
    assert "Round 2 of" in says(page)
    page.get_by_role("button", name="Back to the time line").click()
    assert "1969: What one layer cannot do" in says(page)


def test_an_order_without_a_known_mixup_gets_the_plain_reason(page_of: Any) -> None:
    page = page_of(Timeline(5, mode="order"))
    put_in_order(page, ["dqn", "alexnet", "alphago", "zero", "alphafold"])
    page.get_by_role("button", name="Check").click()
    assert "“One method learns 49 video games” stands above “A deep network wins" in says(page)
    assert "but is 3 years younger" in says(page)


def test_every_round_can_be_solved(page_of: Any) -> None:
    page = page_of(Timeline(1, mode="order"))
    for entry in timeline.rounds(1):
        put_in_order(page, sorted(entry["cards"], key=lambda name: EVENTS[name]["year"]))
        page.get_by_role("button", name="Check").click()
        assert f"Right, in one try. {entry['moral']}" == says(page)
        page.get_by_role("button", name="Another round").click()
    assert "Round 1 of" in says(page)


def test_the_game_by_keyboard_keeps_the_focus(page_of: Any) -> None:
    page = page_of(Timeline(3, mode="order"))
    first = titles(page)[0]
    page.get_by_role("button", name=f"Down: {first}").focus()
    for place in (1, 2, 3, 4, 4):
        page.keyboard.press("Enter")
        assert titles(page).index(first) == place
        assert says(page) == f"{first} is now card {place + 1} of 5."


def test_a_card_can_be_dragged(page_of: Any) -> None:
    page = page_of(Timeline(3, mode="order"))
    before = titles(page)
    cards = page.locator(".dlw-order li")
    start, end = cards.nth(0).bounding_box(), cards.nth(3).bounding_box()
    page.mouse.move(start["x"] + 15, start["y"] + 20)
    page.mouse.down()
    page.mouse.move(end["x"] + 15, end["y"] + end["height"] - 4, steps=8)
    page.mouse.up()
    assert titles(page) == [*before[1:4], before[0], before[4]]
    page.mouse.move(start["x"] + 15, start["y"] + 20)
    assert titles(page)[3] == before[0]  # a card that was let go stays


def test_python_hears_and_sets(live: Any) -> None:
    page = live(Timeline(3))
    page.get_by_label("event", exact=True).press("End")
    assert page.evaluate("model.get('chosen')") == "chemistry"
    page.evaluate("model.set('chosen', 'werbos')")
    assert says(page).startswith("1974")
    assert page.get_by_label("event", exact=True).input_value() == "7"
    assert page.locator(".dlw-card a").count() == 0  # no page of references beside a notebook
    page.evaluate("model.set('mode', 'order')")
    put_in_order(page, ["minsky", "linnainmaa", "werbos", "rhw", "lecun89"])
    page.get_by_role("button", name="Check").click()
    assert page.evaluate("model.get('solved')") == [1]
    page.evaluate("end()")
    assert page.evaluate("Object.values(listeners).every((set) => set.size === 0)")


def test_without_javascript_there_is_a_list(new_page: Any) -> None:
    page = new_page(java_script_enabled=False, width=400)
    page.set_content(Timeline(4).static_html())
    assert "Events of chapter 4, whose years are 1998 to 2012:" in page.inner_text("body")
    assert page.locator(".dlw-fallback > ul > li").count() == len(timeline.events(4))
    assert page.locator("details li").count() == len(EVENTS) - len(timeline.events(4))


def test_the_page_holds_no_event_of_its_own() -> None:
    script = source("timeline.js")
    assert not any(event["title"] in script for event in EVENTS.values())
