"""A release holds what the sandbox may know and, apart from it, what it may not."""

import json
import pickle
from dataclasses import asdict

import numpy as np
import pytest

from dlcourse.classroom import checks
from dlcourse.classroom.base import NOT_STARTED, RIGHT
from dlcourse.classroom.exercise import Code
from dlcourse.classroom.grading import read_release, sandbox
from dlcourse.classroom.grading.assemble import assemble
from dlcourse.classroom.grading.inside import MIME, respond
from dlcourse.classroom.grading.intake import Cell, read
from dlcourse.classroom.grading.release import Task, _require_secrecy, _task
from tests.grading.assignment import as_bytes, check_cell, code, notebook, submission
from tests.grading.conftest import ROOT

CHAPTERS = sorted(path.stem for path in (ROOT / "exercises").glob("*.ipynb"))
ALL = [exercise for exercises in checks.chapters().values() for exercise in exercises]


def written(folder, book):
    path = folder / "99_samples.ipynb"
    path.write_bytes(as_bytes(book))
    return path


def test_the_exercises_and_their_answers_come_from_the_check_cells(release):
    assert release.assignment == "99_samples"
    assert [(task.id, task.answer, task.points) for task in release.tasks] == [
        ("99.1", "softmax", 2),
        ("99.4", "answer_99_4", 1),
        ("99.2", "matmul_backward", 3),
    ]


@pytest.mark.parametrize("chapter", CHAPTERS)
@pytest.mark.parametrize("room", ["exercises", "solutions"])
def test_every_chapter_has_a_release(chapter, room):
    release = read_release(ROOT / room / f"{chapter}.ipynb")
    assert [task.id for task in release.tasks] == [ex.id for ex in checks.load(chapter)]


def test_a_release_is_plain_data(release):
    assert pickle.loads(pickle.dumps(release)) == release
    assert json.loads(json.dumps(asdict(release)))["tasks"][0]["id"] == "99.1"


def test_the_seed_is_secret_and_new_each_time(release, tmp_path):
    path = written(tmp_path, submission())
    questions = {read_release(path).tasks[0].question for _ in range(3)}
    assert len({*questions, release.tasks[0].question}) == 4
    assert read_release(path, seed=5) == read_release(path, seed=5)
    assert str(read_release(path, seed=123456789)).count("123456789") == 3  # once each, in expected
    for task in read_release(path, seed=123456789).tasks:
        assert "123456789" not in task.question


def test_a_question_holds_no_expected_value():
    for exercise in ALL:
        task = _task(exercise, "answer", 7)
        question = json.loads(task.question)
        if question["kind"] == "value":
            assert question == {"kind": "value"}
        else:
            assert set(question) == {"kind", "cases", "names", "changes", "call"}


@pytest.mark.parametrize("exercise", ALL, ids=lambda exercise: exercise.id)
def test_the_answers_to_a_question_are_judged_like_those_to_a_check(exercise):
    """For every exercise of the course: right, wrong and stub, by way of plain data."""
    task = _task(exercise, "answer", 11)
    question = json.loads(task.question)

    def verdict(answer):
        records = json.loads(json.dumps(respond(answer, question), allow_nan=False))
        return exercise.judge(records, json.loads(json.dumps(task.expected)))

    with np.errstate(all="ignore"):
        for answer in (exercise.right_answer(), *exercise.alternatives):
            assert verdict(answer).outcome == RIGHT
        for name, known in exercise.wrong.items():
            assert verdict(known.answer).cause == f"misconception:{name}"
    assert verdict(...).outcome == NOT_STARTED


class Scale:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, x):
        return self.factor * x


HINTS = ("a", "b", "c")


def test_a_class_as_the_answer_is_used_as_the_author_says():
    exercise = Code(
        id="98.2", title="t", points=1, hints=HINTS, wrong={}, reference=Scale,
        call=lambda cls, factor, x: cls(factor)(x),
        inputs=lambda rng: [(rng.normal(), rng.normal(size=(2, 3)))],
    )  # fmt: skip
    task = _task(exercise, "Scale", 3)
    assert "cls(factor)(x)" in task.question
    records = respond(Scale, json.loads(task.question))
    assert exercise.judge(records, task.expected).outcome == RIGHT


def helper(x):
    return x


def test_an_input_that_means_something_else_there_is_refused():
    exercise = Code(
        id="98.3", title="t", points=1, hints=HINTS, wrong={}, reference=lambda f, x: f(x),
        inputs=lambda rng: [(lambda x: helper(x), rng.normal())],
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"98\.3 can't be graded"):
        _task(exercise, "apply", 3)


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ([code("x = 1")], "no check cells"),
        ([check_cell("99.1"), check_cell("99.1")], "twice"),
        ([{**check_cell("99.1"), "source": "print(1)"}], "no check"),
        ([{**check_cell("99.1"), "source": "check('99.99', x)"}], 'no exercise "99.99"'),
    ],
)
def test_a_notebook_that_can_not_be_graded_is_refused(tmp_path, cells, text):
    with pytest.raises(ValueError, match=text):
        read_release(written(tmp_path, notebook(*cells)))


def test_a_notebook_that_submissions_could_read_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "PACKAGE", tmp_path)
    with pytest.raises(ValueError, match="Submissions could read"):
        read_release(written(tmp_path, submission()))


def test_a_question_that_holds_an_answer_is_refused(tmp_path):
    leak = Task("99.4", "t", 1, "answer_99_4", '{"source": "def softmax(x): ..."}', {})
    tasks = read_release(written(tmp_path, submission())).tasks
    with pytest.raises(ValueError, match=r"99\.4 sends softmax, the answer to 99\.1"):
        _require_secrecy([tasks[0], leak])


# ---------------------------------------------------------------- the notebook that is run


def asked(book):
    """For each cell: the exercise that it asks for, or the first word of its text."""
    return [
        cell["metadata"]["dlcourse"].get("ask") or cell["source"].split()[0]
        for cell in book["cells"]
    ]


def test_a_hidden_cell_follows_the_last_cell_of_its_exercise(release):
    book = assemble(release, read(as_bytes(submission())))
    assert asked(book) == [
        "import", "def", 'check("99.1",', "99.1", "answer_99_4", 'check("99.4",', "99.4",
        "def", 'check("99.2",', "99.2", "99.1", "99.4", "99.2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "belongs"),
    [
        ("def softmax(x): pass", True),
        ("async  def softmax(x): pass", True),
        ("class softmax: pass", True),
        ("x = 1\nsoftmax = 2", True),
        ("softmax: object = 2", True),
        ("y = check( '99.1', 3)", True),
        ("def softmax_of(x): pass", False),
        ("    softmax = 2", False),
        ("softmax == 2", False),
        ("softmax(x)", False),
        ("check('99.11', 3)", False),
    ],
)
def test_what_belongs_to_an_exercise(release, source, belongs):
    book = assemble(release, [Cell("", source), Cell("", "other")])
    first = ["99.1"] if belongs else []
    assert asked(book)[1 : 1 + len(first)] == first
    assert len(book["cells"]) == 5 + len(first)


def test_the_expected_values_are_stored_outputs_and_not_in_a_source(release):
    book = assemble(release, read(as_bytes(submission())))
    for cell in book["cells"]:
        assert "expected" not in cell["source"]
        for output in cell["outputs"]:
            assert set(json.loads(output["data"][MIME])) == {"nonce", "expected"}
    nonces = [cell["source"].split("'")[1] for cell in book["cells"] if cell["outputs"]]
    assert len(set(nonces)) == 6


def test_nothing_of_the_learners_but_text_is_kept(release):
    book = assemble(release, [Cell("99.1", "# NBVAL_SKIP\nx")])
    assert book["metadata"] == {}
    assert book["cells"][0] == {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"dlcourse": {"part_of": ["99.1"]}},
        "outputs": [],
        "source": "# NBVAL_SKIP\nx",
    }
