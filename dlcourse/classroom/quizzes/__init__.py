"""The quiz at a chapter's end: its questions are data, NN_name.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcourse.course import chapter

if TYPE_CHECKING:
    from dlcourse.widgets import Quiz

QUIZZES = Path(__file__).parent


def quiz_items(number: int) -> list[dict[str, Any]]:
    """The questions of a chapter: question, options (text -> feedback), answer, about (a chapter).

    Raises:
        ValueError: there is no such chapter, or it has no quiz.
    """
    path = QUIZZES / f"{chapter(number).name}.toml"
    if not path.is_file():
        raise ValueError(f"Chapter {number} has no quiz yet.")
    return tomllib.loads(path.read_text("utf8"))["items"]


def quiz(number: int) -> Quiz:
    """The quiz of a chapter as a widget."""
    from dlcourse.widgets import Quiz  # heavy, and only a chapter's end needs it

    items = [{k: item[k] for k in ("question", "options", "answer")} for item in quiz_items(number)]
    return Quiz(label=f"Quiz on chapter {number}", items=items)
