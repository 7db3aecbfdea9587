"""Gradebook and pages: nothing a learner chose becomes a formula, a tag or a path."""

import csv
import io
import re

import pytest
from click.testing import CliRunner

from dlcourse.classroom import checks, commands
from dlcourse.classroom.grading import (
    deliver,
    examine,
    gradebook,
    pages,
    reasons,
    report,
    run,
    sandbox,
)
from dlcourse.classroom.grading.files import write_file
from dlcourse.classroom.grading.intake import Cell
from dlcourse.classroom.grading.similarity import shingles, similar_pairs, tokens
from dlcourse.classroom.grading.submissions import Found, Submission
from tests.grading_run.conftest import NAME

HOSTILE = [
    "<script>alert(1)</script>", "=1+1", "@SUM(A1)", " +2", "-3;=4", "\uff1d5", "../../etc/passwd",
    'x" onload="alert(1)', "{{ 7 * 7 }}", "con", "a,b", "\u00e9\u00fc\u4e2d", "", "x" * 120,
]  # fmt: skip


def grade_of(release, student, **changes):
    grade = run.ungraded(release, reasons.TIME_LIMIT)
    grade["exercises"][0].update(changes)
    return {**grade, "student": student}


@pytest.fixture
def grades(release):
    return [grade_of(release, name) for name in HOSTILE]


@pytest.fixture
def found(tmp_path):
    return Found([Submission(name, NAME, f"in/{name}", tmp_path) for name in HOSTILE],
                 [("<img src=x>.pdf", "not a notebook")])  # fmt: skip


@pytest.fixture
def written(grades, found, tmp_path):
    places = [pages.place_of(item.student, item.assignment) for item in found.submissions]
    summaries = [report.summarise(NAME, grades)]
    summaries[0].pairs = [(HOSTILE[0], HOSTILE[7], 0.9)]
    pages.write_feedback(grades, places, tmp_path)
    pages.write_index(grades, places, summaries, found, tmp_path)
    pages.write_report(summaries, found, tmp_path)
    gradebook.write(grades, tmp_path)
    return tmp_path


def test_no_cell_is_a_formula(written):
    text = (written / "gradebook.csv").read_text("utf-8-sig")
    for row in csv.reader(io.StringIO(text)):
        assert len(row) == len(gradebook.COLUMNS)
        assert not row[0].lstrip().startswith(("=", "+", "-", "@", "\uff1d"))
    assert '"-3;=4"' not in text
    assert "\n=" not in text


def test_no_tag_and_no_expression_gets_into_a_page(written):
    found = list(written.rglob("*.html"))
    assert len(found) == len(HOSTILE) + 2
    for path in found:
        page = path.read_text("utf-8")
        assert "<script" not in page
        assert "<img src=x" not in page
        assert not re.search(r"<[^>]*onload=", page)
        assert "49" not in re.sub(r"<style>.*?</style>|src=\S+|width=\S+", "", page, flags=re.S)


def test_each_learner_has_a_safe_page_alone(written):
    folders = [path.name for path in (written / "feedback").iterdir()]
    assert len(folders) == len(set(HOSTILE))
    assert all(re.fullmatch(r"[a-z0-9-]{1,49}", name) for name in folders)


def test_pages_of_learners_who_are_gone_go_and_other_files_stay(written, grades):
    (written / "feedback" / "notes.txt").write_text("mine")
    kept = pages.place_of(HOSTILE[1], NAME)
    pages.write_feedback(grades[:1], [kept], written)
    assert [p.name for p in (written / "feedback").rglob("*.html")] == [f"{NAME}.html"]
    assert (written / "feedback" / "notes.txt").is_file()


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "gradebook.csv"
    write_file(path, "old")
    monkeypatch.setattr("os.replace", lambda *a: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        write_file(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["gradebook.csv"]


def test_the_summary_counts(release):
    name = next(iter(checks.find("99.4").wrong))
    wrong = {"status": "wrong", "cause": f"misconception:{name}", "reason": "", "message": "m"}
    right = {"status": "right", "points": 2, "reason": "", "message": "", "seconds": 3.0}
    grades = [grade_of(release, "a", **wrong), grade_of(release, "b", **wrong)]
    grades += [grade_of(release, "c", **right), grade_of(release, "d")]
    for grade in grades:
        grade["points"] = sum(exercise["points"] for exercise in grade["exercises"])
    summary = report.summarise(NAME, grades)
    assert summary.counts["99.1"] == {"wrong": 2, "right": 1, "ungraded": 1}
    assert [(m.exercise, m.name, m.count) for m in summary.mistakes] == [("99.1", name, 2)]
    assert summary.slowest == [("c", "99.1", 3.0)]
    assert ("d", "all", "time limit") in summary.ungraded
    assert ("a", "99.4, 99.2", "time limit") in summary.ungraded
    assert (summary.mean, summary.median, summary.students) == (0.5, 0, 4)
    assert "1 not graded" in summary.figures[0].alt


CODE = """
def spread(values, limit):  # my own
    total = 0
    for place, value in enumerate(values):
        if value > limit and place % 2 == 0:
            total += value * place
        elif value < -1:
            total -= value / (place + 1)
        else:
            total = total + 1
    while total > 100:
        total = total // 2
    return [total, sum(v ** 2 for v in values)]
"""


def test_renaming_and_comments_hide_nothing():
    other = CODE.replace("total", "acc").replace("my own", "really").replace("100", "99")
    different = "\n".join(f"x{n} = [{n}, 'a'][{n}:] if y[{n}] else -z({n})" for n in range(40))
    books = [shingles([Cell("", source)]) for source in (CODE, different, other)]
    pairs = similar_pairs(books)
    assert [(pair.first, pair.second, pair.alike) for pair in pairs] == [(0, 2, 1.0)]


def test_what_everybody_has_is_no_likeness():
    books = [shingles([Cell("", CODE)])] * 20
    assert similar_pairs(books) == []
    assert similar_pairs([]) == []


def test_a_hostile_text_costs_little():
    assert len(tokens('"' * 100_000)) <= 10_000
    assert len(tokens("(" * 1_000_000)) == 10_000
    assert shingles([Cell("", "\ud800 x" * 20)]).size > 0


@pytest.mark.parametrize("place", ["submissions/out", "submissions"])
def test_results_never_lie_among_submissions(tmp_path, notebook, place):
    (tmp_path / "submissions" / "ada").mkdir(parents=True)
    settings = run.Settings(lambda: None, 1)
    with pytest.raises(ValueError, match="among the submissions"):
        deliver.grade_folder([tmp_path / "submissions"], tmp_path / place, [notebook], settings)


def test_submissions_that_all_could_read_are_refused(tmp_path, notebook, monkeypatch):
    monkeypatch.setattr(sandbox, "visible", lambda path: True)
    with pytest.raises(ValueError, match="all submissions can read"):
        deliver.grade_folder([tmp_path], tmp_path / "out", [notebook], run.Settings(None, 1))


def test_nothing_to_grade_says_what_was_expected(tmp_path, notebook):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "essay.pdf").write_text("x")
    with pytest.raises(ValueError, match=r"STUDENT/99_samples.ipynb.*essay.pdf"):
        deliver.grade_folder([tmp_path / "in"], tmp_path / "out", [notebook], run.Settings(None, 1))
    assert not (tmp_path / "out").exists()


def test_without_a_sandbox_nothing_runs(tmp_path, notebook, monkeypatch):
    (tmp_path / "in").mkdir()
    broken = examine.Examination(
        False, "bubblewrap is not installed", "sudo apt install bubblewrap"
    )
    monkeypatch.setattr(examine, "examine", lambda: broken)
    command = [str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--notebook", str(notebook)]
    done = CliRunner().invoke(commands.grade, command)
    assert done.exit_code == 1
    assert f"bubblewrap is not installed. Mend it: {broken.mend}" in done.output
    assert not (tmp_path / "out").exists()
