"""The list of chapters is one truth: every made file belongs to it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dlcourse import course

ROOT = Path(__file__).parents[2]


def test_numbers_run_from_1_without_gaps() -> None:
    assert [c.number for c in course.chapters()] == list(range(1, len(course.chapters()) + 1))


@pytest.mark.parametrize(
    "folder", ["notebooks", "exercises", "solutions", "book/chapters", "book/exercises"]
)
def test_every_file_is_a_chapter_of_the_list(folder: str) -> None:
    known = {chapter.name for chapter in course.chapters()} | {"00_welcome"}
    found = {path.stem for path in (ROOT / folder).iterdir() if path.suffix in (".md", ".ipynb")}
    assert found
    assert found <= known


def test_the_map_links_what_exists_and_nothing_else() -> None:
    page = course.CourseMap()._repr_html_()
    linked = set(re.findall(r'href="([^"]+)\.ipynb"', page))
    assert linked == {chapter.name for chapter in course.chapters() if chapter.exists()}
    assert page.count("<li") == len(course.chapters())


def test_the_map_shows_progress() -> None:
    page = course.CourseMap(done={15: (3, 8)})
    assert "3 of 8 exercises solved" in page._repr_html_()
    assert "3 of 8 exercises solved" in repr(page)


def test_an_unknown_chapter_is_a_clear_error() -> None:
    with pytest.raises(ValueError, match="chapters 1 to 36"):
        course.chapter(99)
