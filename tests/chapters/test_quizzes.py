"""Every chapter has a quiz of six items, some of them on older chapters, each option answered."""

from __future__ import annotations

import pytest

from dlcourse import course
from dlcourse.classroom.quizzes import quiz, quiz_items

WRITTEN = [chapter.number for chapter in course.chapters() if chapter.exists()]


@pytest.mark.parametrize("number", WRITTEN)
def test_six_items_two_of_them_on_other_chapters(number: int) -> None:
    items = quiz_items(number)
    assert len(items) == 6
    assert sum(item["about"] != number for item in items) == 2


@pytest.mark.parametrize("number", WRITTEN)
def test_the_right_answers_have_no_pattern(number: int) -> None:
    items = quiz(number).items
    assert len({item["answer"] for item in items}) >= 3, "the right option stands in one place"
    lengths = [[len(text) for text, _ in item["options"]] for item in items]
    longest = sum(
        sizes[item["answer"]] == max(sizes) for sizes, item in zip(lengths, items, strict=True)
    )
    assert longest <= 4, "the longest option is nearly always right"


def test_a_chapter_without_a_quiz_is_a_clear_error() -> None:
    missing = next(c.number for c in course.chapters() if c.number not in WRITTEN)
    with pytest.raises(ValueError, match=f"Chapter {missing} has no quiz yet"):
        quiz_items(missing)
