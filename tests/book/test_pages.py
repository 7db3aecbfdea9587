"""The site in a real browser: every page is visited once, and everything on it is looked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.book.site import SITE_ONLY, Site
from tests.conftest import Serve

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.book.crawl import Visit

PAGE_KIB = 1500  # the most that a page may weigh, with everything it loads, uncompressed


LEFT_OUT = ("index.html", *SITE_ONLY)


@pytest.fixture(scope="module")
def address(site: Site, serve: Serve) -> str:
    return serve(site.folder)


@pytest.fixture(scope="module")
def visits(browser: Browser, site: Site, address: str) -> list[Visit]:
    """What was found on each page, index.html (which only forwards) left out."""
    from tests.book.crawl import look

    return [look(browser, address, name) for name in site.pages if name not in LEFT_OUT]


def faults(visits: list[Visit], kind: str) -> list[str]:
    return [f"{visit.page}: {fault}" for visit in visits for fault in getattr(visit, kind)]


def test_nothing_is_asked_from_another_host(visits: list[Visit], address: str) -> None:
    assert sum(len(visit.requests) for visit in visits) > len(visits)
    assert [url for visit in visits for url in visit.foreign(urlsplit(address).netloc)] == []


@pytest.mark.parametrize(
    "kind", ["errors", "axe", "dollars", "images", "wide", "unreachable", "widgets"]
)
def test_no_page_has_faults(visits: list[Visit], kind: str) -> None:
    assert faults(visits, kind) == []


def test_all_widgets_were_used(visits: list[Visit], site: Site) -> None:
    for visit in visits:
        assert (visit.driven > 0) == bool(site.pages[visit.page].widgets), visit.page


def test_pages_are_light(
    visits: list[Visit], site: Site, record_property: Callable[[str, object], None]
) -> None:
    for visit in visits:
        kib = round(sum(map(site.size, set(visit.requests))) / 1024)
        count = len(set(visit.requests))
        line = f"{visit.page:42} {kib:5} KiB {count:3} requests, {visit.driven:4} uses of controls"
        record_property("site", line)
        assert kib < PAGE_KIB, visit.page


def test_pages_work_as_files(browser: Browser, site: Site) -> None:
    from tests.book.crawl import Visit, open_page

    with browser.new_context() as context:
        for name in (name for name in site.pages if name not in LEFT_OUT):
            visit = Visit(name)
            page = open_page(context, (site.folder / name).as_uri(), visit)
            dead = page.locator("[data-dlw]:not(:has(.dlw-box))").count()
            assert (visit.errors, dead) == ([], 0), name
            assert all(url.startswith("file:") for url in visit.requests), name
            page.close()
        page = context.new_page()
        page.goto((site.folder / "index.html").as_uri())
        page.wait_for_url("**/book/index.html")


def test_the_top_forwards_to_the_first_page(browser: Browser, address: str) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{address}/")
        page.wait_for_url("**/book/index.html")
        assert page.locator("h1").first.inner_text().startswith("Deep Learning")


def test_search_finds_a_word(browser: Browser, site: Site) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{(site.folder / 'search.html').as_uri()}?q=perceptron")
        page.wait_for_selector("#search-results li a")
        assert page.locator("#search-results li a").count() >= 2


def test_without_javascript_a_widget_is_a_text(browser: Browser, address: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{address}/notebooks/02_threshold_neuron.html")
        texts = page.locator(".dlw-fallback").all()
        assert len(texts) >= 4
        assert all(text.is_visible() and text.inner_text().strip() for text in texts)


def test_figures_stand_on_white_paper_in_the_dark(browser: Browser, address: str) -> None:
    with browser.new_context(color_scheme="dark") as context:
        page = context.new_page()
        page.goto(f"{address}/notebooks/02_threshold_neuron.html")
        background = "e => getComputedStyle(e).backgroundColor"
        pictures = page.locator(".dl-figure img, .dlw-paper, .dlw-box img").all()
        assert len(pictures) >= 4
        assert {each.evaluate(background) for each in pictures} == {"rgb(255, 255, 255)"}
        assert page.locator("body").evaluate(background) != "rgb(255, 255, 255)"


BAD = """<!doctype html><html lang="en"><title>Bad</title><article>
<p style="color:#bbb">Cost $5</p>
<img src="none.png">
<div style="width:900px">wide</div>
<div data-dlw="x"></div>
<div data-dlw="y"><div class="dlw-box"><p role="status"></p><button>Go</button>
<input type="range" min="0" max="9" onkeydown="return false"></div></div>
<pre style="overflow:auto;width:50px">long long long long line</pre>
<script>throw new Error("oops")</script></article></html>"""


def test_the_crawler_sees_what_is_wrong(browser: Browser, serve: Serve, tmp_path: Path) -> None:
    from tests.book.crawl import look

    (tmp_path / "bad.html").write_text(BAD)
    visit = look(browser, serve(tmp_path), "bad.html")
    for text, found in (("oops", visit.errors), ("404", visit.errors), ("image-alt", visit.axe)):
        assert any(text in line for line in found), text
    assert any(line.startswith("light: serious color-contrast") for line in visit.axe)
    assert visit.dollars == ["Cost $5"]
    assert "the page scrolls sideways" in visit.wide
    assert "x (widget 1): not alive" in visit.widgets
    assert "y (widget 2), slider 1: the keys moved it to [5.0, 5.0, 5.0]" in visit.widgets
    assert "y (widget 2), button 1: the status sentence is empty" in visit.widgets
    assert (len(visit.images), visit.unreachable[:1]) == (1, ["PRE."])
    assert visit.foreign("elsewhere.example") != []
