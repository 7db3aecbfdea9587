"""The course's own notebooks: solutions get every point, untouched exercises none."""

import json
from dataclasses import asdict

import pytest

from dlcourse.classroom.grading import read_release
from tests.grading.conftest import ROOT, outcomes

CHAPTERS = sorted(path.stem for path in (ROOT / "solutions").glob("*.ipynb"))


def graded(grader, chapter, room):
    release = read_release(ROOT / "solutions" / f"{chapter}.ipynb")
    content = (ROOT / room / f"{chapter}.ipynb").read_bytes()
    job = {**grader.job(content), "release": asdict(release)}
    return grader.send(job)["grade"]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_solution_gets_every_point(one_grader, chapter):
    grade = graded(one_grader, chapter, "solutions")
    assert set(outcomes(grade)) == {"right"}
    assert grade["points"] == grade["max_points"] > 0
    assert grade["assignment"] == chapter


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_an_untouched_notebook_gets_none(one_grader, chapter):
    """A broken function to repair, or a design to improve, is started: it is wrong."""
    grade = graded(one_grader, chapter, "exercises")
    assert grade["points"] == 0
    assert set(outcomes(grade)) <= {"not started", "wrong"}
    assert "not started" in outcomes(grade)
    wrong = [exercise for exercise in grade["exercises"] if exercise["status"] == "wrong"]
    causes = {exercise["cause"].partition(":")[0] for exercise in wrong}
    assert causes <= {"misconception", "diagnosis"}
    json.dumps(grade)
