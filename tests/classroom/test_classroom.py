"""What a learner meets: check, hint and progress, and the file behind them."""

import html
import json
import os
import re

import numpy as np
import pytest

from dlcourse.classroom import NotYet, check, checks, feedback, hint, progress, record
from dlcourse.classroom.base import RIGHT, Verdict


def right(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def wrong(x):
    return -right(x)


def test_a_right_answer_says_what_was_tested(capsys):
    assert check("99.1", right) is None
    text = capsys.readouterr().out
    assert "✓ Right: 99.1 Softmax of each row (2 points)" in text
    assert "3 random inputs" in text
    assert "The grader uses other random inputs" in text


def test_a_wrong_answer_raises_a_quiet_exception(capsys):
    with pytest.raises(NotYet, match=r"99\.1 is not right yet") as caught:
        check("99.1", wrong)
    assert caught.value._render_traceback_() == [f"NotYet: {caught.value}"]
    assert "wrong sign" in capsys.readouterr().out


def test_not_started_is_no_try(capsys):
    for _ in range(3):
        with pytest.raises(NotYet, match="not started"):
            check("99.1", ...)
    assert record.load()[0] == {}
    assert "Stuck?" not in capsys.readouterr().out


def test_after_two_tries_the_hint_is_named(capsys):
    shown = []
    for _ in range(3):
        with pytest.raises(NotYet):
            check("99.1", wrong)
        shown.append('hint("99.1")' in capsys.readouterr().out)
    assert shown == [False, True, True]


def test_hints_come_one_after_another_and_are_remembered(capsys):
    numbers = []
    for _ in range(4):
        hint("99.1")
        numbers.append(re.search(r"Hint (\d) of 3", capsys.readouterr().out)[1])
    assert numbers == ["1", "2", "3", "3"]
    hint("99.1", 2)
    assert "Hint 2 of 3" in capsys.readouterr().out


@pytest.mark.parametrize("number", [0, 4, "2", 1.5])
def test_there_are_three_hints(number):
    with pytest.raises(ValueError, match="hints 1, 2 and 3"):
        hint("99.1", number)


def test_unknown_exercises_are_named():
    with pytest.raises(ValueError, match=r'no exercise "99\.99".*there are: 99\.1'):
        check("99.99", right)
    with pytest.raises(TypeError, match="in quotes"):
        check(99.1, right)


def test_progress_counts_what_is_solved(capsys):
    check("99.1", right)
    check("99.4", 15)
    with pytest.raises(NotYet):
        check("99.4", 16)  # what is solved stays solved
    capsys.readouterr()
    progress()
    row = next(line for line in capsys.readouterr().out.splitlines() if "99 Samples" in line)
    assert row.split() == ["99", "Samples", "2", "of", "7", "3", "of", "12"]


def test_progress_without_any_file(capsys):
    progress()
    assert "0 of 7" in capsys.readouterr().out


DAMAGED = [
    "",
    "{",
    "[]",
    '{"exercises": 3}',
    '{"exercises": {"99.1": {"solved": 1}}}',
    "\x00\xff",
    '{"exercises": {"99.1": {"solved": true, "tries": -1, "hints": 0}}}',
    "[" * 100_000,
]


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_file_is_set_aside(home, content, capsys):
    home.mkdir()
    raw = content.encode("latin-1")
    for number in (1, 2):
        (home / "progress.json").write_bytes(raw)
        check("99.1", right)
        assert f"kept as progress.damaged-{number}.json" in capsys.readouterr().out
        assert (home / f"progress.damaged-{number}.json").read_bytes() == raw
        assert json.loads((home / "progress.json").read_text())["exercises"]["99.1"]["solved"]


def test_a_place_that_can_not_be_written_costs_a_note_only(home, monkeypatch, capsys):
    home.write_text("a file where the folder should be")
    check("99.1", right)
    text = capsys.readouterr().out
    assert "Right" in text
    assert "can't be" in text


def test_a_failed_write_keeps_the_old_file(home, monkeypatch, capsys):
    check("99.1", right)
    before = (home / "progress.json").read_text()

    def refuse(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    check("99.4", 15)
    assert "No space left on device" in capsys.readouterr().out
    assert (home / "progress.json").read_text() == before
    assert [path.name for path in home.iterdir()] == ["progress.json"]


def test_the_learners_text_is_escaped():
    verdict = Verdict(RIGHT, "<script>alert(1)</script> `<b>`", "", (("Got", "<img src=x>"),))
    box = feedback.verdict_box(checks.find("99.1"), verdict, ["<i>note</i>"])
    shown = box._repr_html_()
    assert not re.search(r"<(script|b|img|i)\b", shown)
    assert html.escape("<img src=x>") in shown


@pytest.mark.parametrize("look", feedback.COLOURS)
def test_code_names_the_colours_of_its_box(look):
    """JupyterLab drops inherited colours from notebooks that are not trusted."""
    text, background, _ = feedback.COLOURS[look]
    shown = feedback.Box(look, "heading", ["`code`"], [("row", "value")])._repr_html_()
    styles = re.findall(r'<code style="([^"]*)"', shown)
    assert len(styles) == 2
    assert all(f"color:{text};background-color:{background}" in style for style in styles)


def test_texts_with_lone_surrogates_can_be_shown(capsys):
    def raises(x):
        raise ValueError("\ud800 <b>")

    with pytest.raises(NotYet):
        check("99.1", raises)
    assert "\\ud800" in capsys.readouterr().out


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("look", feedback.COLOURS)
def test_colours_have_enough_contrast(look):
    text, background, edge = feedback.COLOURS[look]
    assert contrast(text, background) >= 12
    assert contrast(edge, background) >= 4.5


def test_outcomes_differ_without_colour():
    assert len({sign for sign, _ in feedback.HEADINGS.values()}) == 3
    assert len({word for _, word in feedback.HEADINGS.values()}) == 3


def test_a_narrow_terminal_encoding_is_no_error(monkeypatch):
    import io

    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", stream)
    check("99.1", right)
    stream.flush()
    assert b"Right: 99.1" in stream.buffer.getvalue()
