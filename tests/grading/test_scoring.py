"""Rows of a grade: only our own words, and the attempt that says more."""

import re

import pytest

from dlcourse.classroom.base import NOT_STARTED, NOTHING_YET, RIGHT, WRONG, Verdict, wrong
from dlcourse.classroom.grading import reasons, scoring
from dlcourse.classroom.grading.scoring import row, row_of
from dlcourse.classroom.messages import MAX_WORDS

OURS = ["misconception:sum", "diagnosis:2", "relation", "shape", "values"]


@pytest.mark.parametrize("cause", OURS)
def test_messages_of_ours_are_kept(cause):
    found = row_of("1.1", wrong(cause, "Which axis?"), [])
    assert (found["cause"], found["message"]) == (cause, "Which axis?")
    assert (found["status"], found["reason"]) == (WRONG, "")


@pytest.mark.parametrize("cause", ["type", "in place", "error", "malformed", "new"])
def test_messages_that_may_quote_are_replaced(cause):
    found = row_of("1.1", wrong(cause, "In `mischief`: mischief"), [])
    assert "mischief" not in found["message"]
    assert found["message"]


@pytest.mark.parametrize(
    ("records", "text"),
    [
        ([{"result": 1}, {"error": {"type": "ValueError", "text": "mischief"}}], "with ValueError"),
        ([{"error": {"type": "KeyboardInterrupt"}}], "with KeyboardInterrupt"),
        ([{"error": {"type": "print"}}], "with an error"),
        ([{"error": {"type": "Mischief"}}], "with an error"),
        ([{"error": {"type": ["ValueError"]}}], "with an error"),
        ([{"error": "ValueError"}], "with an error"),
        (["ValueError", 7, None], "with an error"),
        ([], "with an error"),
    ],
)
def test_only_python_s_own_exceptions_are_named(records, text):
    message = row_of("1.1", wrong("error", "x"), records)["message"]
    assert text in message
    assert "ischief" not in message


def test_right_and_not_started_need_no_message():
    assert row_of("1.1", Verdict(RIGHT, "Tested."), [])["message"] == ""
    assert row_of("1.1", NOTHING_YET, [])["status"] == NOT_STARTED


def test_every_reason_has_a_calm_sentence():
    words = [value for name, value in vars(reasons).items() if name.isupper() and name != "REASONS"]
    names = [word for word in words if isinstance(word, str) and not word.startswith("Open it")]
    assert set(names) == set(reasons.REASONS)
    for text in [*reasons.REASONS.values(), *scoring.SENTENCES.values(), scoring.ERROR]:
        assert 5 <= len(text.split()) <= MAX_WORDS
        assert re.match(r"[A-Z]", text)
        assert text.endswith((".", "?"))


def test_the_attempt_that_says_more_counts():
    order = [
        row("1.1", scoring.UNGRADED, reasons.KERNEL_DIED),
        row("1.1", NOT_STARTED, reasons.CELL_MISSING),
        row("1.1", WRONG, reasons.TIME_LIMIT),
        row("1.1", WRONG, "", "relation"),
        row("1.1", RIGHT),
    ]
    assert [scoring.rank(found) for found in order] == [0, 1, 2, 3, 4]
    assert [scoring.is_settled(found) for found in order] == [False, False, False, True, True]
    assert not scoring.is_settled(row("1.1", WRONG, "", "error"))
