"""Every listed answer of every exercise has one verdict: in the notebook, by check, by grade."""

import json
import warnings

import pytest

from dlcourse.classroom import checks
from dlcourse.classroom.check_notebook import check_notebook
from dlcourse.classroom.grading import Limits, grade_one, read_release
from dlcourse.classroom.grading.scoring import OWN_WORDS
from tests.grading_run.variants import all_answers, variants, write_checks

SEED = 3  # of the grader's hidden inputs
CHAPTERS = [name for name in checks.files() if name[:2] != "99"]


@pytest.fixture(params=CHAPTERS)
def tried(request, tmp_path, monkeypatch):
    """(name of the answer, exercise, answer, by check, by grade) for each answer of a chapter."""
    chapter = request.param
    found = variants(chapter)
    write_checks(tmp_path / "checks", chapter)
    monkeypatch.setenv("DLCOURSE_CHECKS", str(tmp_path / "checks"))
    monkeypatch.setenv("DLCOURSE_HOME", str(tmp_path / "home"))
    path = tmp_path / f"{chapter[:2]}_variants.ipynb"
    path.write_text(json.dumps(all_answers(chapter)))
    by_check = {item.id: item for item in check_notebook(path).exercises}
    limits = Limits(total_seconds=400, cell_seconds=60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no sandbox: the answers need the specifications
        grade = grade_one(read_release(path, seed=SEED), path, limits=limits, sandbox_kind="none")
    by_grade = {item["id"]: item for item in grade["exercises"]}
    assert len(found) == len(by_check) == len(by_grade) > 20
    return [
        (name, checks.find(new), answer, by_check[new], by_grade[new])
        for new, exercise, name, answer in found
    ]


def test_all_three_say_the_same(tried):
    for name, exercise, answer, checked, graded in tried:
        where = f"{exercise.title}, {name}"
        here = exercise.check(answer)
        right = name.startswith(("reference", "alternative "))
        assert here.outcome == ("right" if right else "wrong"), where
        assert here.outcome == checked.outcome == graded["status"], where
        shown = (checked.message, checked.details, checked.cause)
        assert (here.message, here.details, here.cause) == shown, where
        # On other inputs two mistakes may look alike: then another name for a mistake is right too.
        there = exercise.check(answer, seed=SEED, hidden=True)
        assert graded["cause"] == there.cause, where
        if there.cause.partition(":")[0] in OWN_WORDS:
            assert graded["message"] == there.message, where
