"""The site as files: it builds without a warning, its links lead somewhere, nothing is foreign."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from dlcourse.course import PARTS
from dlcourse.widgets.base import classic_script
from tests.book.site import ROOT, Page, Site, broken_links, build, is_foreign

BUILD_SECONDS = 60


def test_builds_without_a_word_in_time(
    site: Site, record_property: Callable[[str, object], None]
) -> None:
    record_property("site", f"built in {site.seconds:.1f} s")
    assert site.said.strip() == ""
    assert site.seconds < BUILD_SECONDS


def test_every_written_chapter_and_exercise_is_a_page_in_the_contents(site: Site) -> None:
    contents = [link for link in site.pages["book/index.html"].links if "html" in link]
    for chapter in (chapter for part in PARTS for chapter in part.chapters):
        page = f"notebooks/{chapter.name}.html"
        assert (page in site.pages) == chapter.exists()
        assert (f"../{page}" in contents) == chapter.exists()
        if f"exercises/{chapter.name}.html" in site.pages:
            assert f"../exercises/{chapter.name}.html" in contents
    assert not any(name.startswith("solutions/") for name in site.pages)


def test_contents_are_grouped_by_part(site: Site) -> None:
    text = site.text("book/index.html")
    captions = re.findall(r'class="caption-text">([^<]+)<', text)
    for part in PARTS:
        written = any(chapter.exists() for chapter in part.chapters)
        assert (f"Part {part.numeral}: {part.title}" in captions) == written
    assert captions[0] == "Start here"
    assert "Reference" in captions


def test_all_links_and_anchors_lead_somewhere(site: Site) -> None:
    assert broken_links(site) == []


def test_a_broken_link_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<p id="x"><a href="#y"></a><a href="b.html"></a>')
    found = broken_links(Site(tmp_path, 0, ""))
    assert found == [
        "a.html: #y leads to no place on that page",
        "a.html: b.html leads to no file",
    ]


def test_pages_load_local_files_only(site: Site) -> None:
    loads = {load for page in site.pages.values() for load in page.loads}
    assert loads
    assert [load for load in loads if is_foreign(load) or load.startswith("//")] == []
    for sheet in site.folder.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", sheet.read_text("utf8"))


def test_links_to_notebooks_became_links_to_pages(site: Site) -> None:
    links = [link for page in site.pages.values() for link in page.links if not is_foreign(link)]
    assert [link for link in links if re.search(r"\.(ipynb|md)(#|$)", link)] == []
    assert "02_threshold_neuron.html" in site.pages["notebooks/00_welcome.html"].links


def test_pictures_are_files_and_described(site: Site) -> None:
    pictures = list((site.folder / "_images").glob("*.webp"))
    assert len(pictures) >= 5
    for name, page in site.pages.items():
        assert ";base64," not in site.text(name), f"{name} carries a picture in its text"
        silent = [image.get("src") for image in page.images if not (image.get("alt") or "").strip()]
        assert silent == [], name


def test_scripts_are_loaded_where_their_widgets_are(site: Site) -> None:
    assert any(page.widgets for page in site.pages.values())
    for name, page in site.pages.items():
        loaded = {load for load in map(_widget_script, page.loads) if load}
        assert loaded == (page.widgets | {"host"} if page.widgets else set()), name


def _widget_script(load: str) -> str:
    found = re.search(r"_static/dlw/(\w+)\.js", load)
    return found[1] if found else ""


def test_widget_scripts_are_the_packages_own(site: Site) -> None:
    text = site.text("_static/dlw/quiz.js")
    assert text == classic_script("quiz")
    assert not re.search(r"^\s*(import|export)\b", text, flags=re.M)


def test_index_forwards_to_the_first_page(site: Site) -> None:
    text = site.text("index.html")
    assert 'http-equiv="refresh" content="0; url=book/index.html"' in text
    assert site.pages["index.html"].links == ["book/index.html"]


def test_formulas_are_set(site: Site) -> None:
    text = site.text("notebooks/02_threshold_neuron.html")
    assert text.count('class="katex"') > 50
    assert not any("katex-error" in site.text(name) for name in site.pages)
    loads = [load for page in site.pages.values() for load in page.loads]
    assert not any("mathjax" in load.lower() for load in loads)


def test_katex_styles_fit_the_version_that_sets_the_formulas(site: Site) -> None:
    from sphinxcontrib import katex

    styles = site.text("_static/katex/katex.min.css")
    assert f'content:"{katex.katex_version}"' in styles
    fonts = set(re.findall(r"fonts/(KaTeX_[\w-]+\.woff2)", styles))
    assert fonts == {path.name for path in (site.folder / "_static/katex/fonts").iterdir()}


def test_texts_can_be_translated(tmp_path: Path) -> None:
    _, said = build(tmp_path / "gettext", "gettext", "-W", "--keep-going")
    assert said.strip() == ""
    chapter = (tmp_path / "gettext/notebooks/02_threshold_neuron.pot").read_text("utf8")
    source = (ROOT / "book/chapters/02_threshold_neuron.md").read_text("utf8")
    headings = re.findall(r"^## (\w+)$", source, re.M)
    assert headings
    assert all(f'msgid "{heading}"' in chapter for heading in headings)
    glossary = (tmp_path / "gettext/book/glossary.pot").read_text("utf8")
    assert 'msgid "Glossary"' in glossary


def test_a_translation_appears_on_its_page(tmp_path: Path) -> None:
    catalogue = tmp_path / "locale/de/LC_MESSAGES/book/glossary.po"
    catalogue.parent.mkdir(parents=True)
    head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    catalogue.write_text(f'{head}msgid "Glossary"\nmsgstr "Wörterbuch"\n', encoding="utf-8")
    options = ["-D", "language=de", "-D", f"locale_dirs={tmp_path / 'locale'}"]
    build(tmp_path / "html", "html", "-D", "include_patterns=book/*.md", *options)
    page = (tmp_path / "html/book/glossary.html").read_text("utf8")
    assert re.search(r"<h1>Wörterbuch", page)
    assert 'lang="de"' in page


@pytest.mark.parametrize("attribute", ["src", "href"])
def test_the_reader_of_pages_sees_what_it_should(attribute: str) -> None:
    tag = {"src": "img", "href": "a"}[attribute]
    page = Page(f'<div data-dlw="quiz" id="k"><{tag} {attribute}="u.webp" alt="A line">')
    assert (page.widgets, page.ids) == ({"quiz"}, {"k"})
    assert "u.webp" in page.links + page.loads
