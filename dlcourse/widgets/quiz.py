"""A quiz: several questions in one widget, with feedback for every option."""

from collections.abc import Mapping, Sequence
from typing import Any

import traitlets as t

from dlcourse.widgets.base import DualWidget, rich


class Quiz(DualWidget):
    """Multiple-choice questions that say why an option is right or wrong.

    Each item is a dict with the keys

    - ``question``: the text; ``code`` may stand between backticks,
    - ``options``: option text -> feedback, in the order shown,
    - ``answer``: the text of the right option.

    ``first_answers`` holds the first option chosen for each question (-1: none yet).

    Raises:
        ValueError: an item lacks a key, its answer is none of its options, it has fewer than two
            options, or one of them has no feedback.
    """

    js = "quiz"
    live_only = frozenset({"first_answers"})

    items: t.List[Any] = t.List().tag(sync=True)
    first_answers = t.List(t.Int()).tag(sync=True)

    def __init__(self, label: str, items: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(label=label, items=[_plain(i, item) for i, item in enumerate(items, 1)])

    def fallback_html(self) -> str:
        return f"<ol>{''.join(_fallback(item) for item in self.items)}</ol>"


def _plain(number: int, item: Mapping[str, Any]) -> dict[str, Any]:
    """An author's item, checked, in the form that the page gets."""
    missing = {"question", "options", "answer"} - set(item)
    if missing:
        raise ValueError(f"Question {number} lacks {sorted(missing)}. See help(Quiz).")
    options, answer = dict(item["options"]), item["answer"]
    if len(options) < 2 or answer not in options:
        raise ValueError(
            f"Question {number}: the answer {answer!r} must be one of at least two options, "
            f"got {list(options)}."
        )
    silent = [text for text, feedback in options.items() if not feedback.strip()]
    if silent:
        raise ValueError(f"Question {number}: no feedback for {silent}. Say what makes it wrong.")
    return {
        "question": item["question"],
        "options": [list(pair) for pair in options.items()],
        "answer": list(options).index(answer),
    }


def _fallback(item: dict[str, Any]) -> str:
    options = "".join(f"<li>{rich(text)}</li>" for text, _ in item["options"])
    answer, why = item["options"][item["answer"]]
    others = "".join(
        f"<li>{rich(text)}: {rich(feedback)}</li>"
        for i, (text, feedback) in enumerate(item["options"])
        if i != item["answer"]
    )
    return (
        f"<li><p>{rich(item['question'])}</p><ul>{options}</ul>"
        f"<details><summary>Answer</summary>"
        f"<p><strong>{rich(answer)}</strong> {rich(why)}</p><ul>{others}</ul></details></li>"
    )
