"""`dlcourse check`: a learner's own notebook at the terminal."""

import json

import pytest
from click.testing import CliRunner

from dlcourse.classroom import check_notebook as module
from dlcourse.classroom import checks, commands, record
from dlcourse.classroom.check_notebook import Checked, Found, check_notebook
from tests.grading.assignment import SOFTMAX, as_bytes, submission


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A notebook in a folder with a file that it reads; a slow cell, an error, a wrong answer."""
    monkeypatch.setenv("DLCOURSE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(commands, "ROOT", tmp_path)
    (tmp_path / "data.txt").write_text("15")
    path = tmp_path / "99_samples.ipynb"
    path.write_bytes(as_bytes(submission(
        parameters='answer_99_4 = int(open("data.txt").read())',
        softmax=SOFTMAX.replace("axis=1", "axis=0"),
        matmul="import time\n\ntime.sleep(30)",
    )))  # fmt: skip
    return path


def test_it_says_what_the_notebook_says(own):
    before = own.read_bytes()
    checked = check_notebook(own, cell_seconds=4)
    found = {item.id: item for item in checked.exercises}
    assert found["99.4"].outcome == "right"
    space = {}
    exec(f"import numpy as np\n{SOFTMAX.replace('axis=1', 'axis=0')}", space)
    here = checks.find("99.1").check(space["softmax"])
    assert (found["99.1"].outcome, found["99.1"].message) == ("wrong", here.message)
    assert found["99.1"].details == here.details
    assert found["99.2"].message == module.NO_VERDICT
    assert len(checked.notes) == 1
    assert checked.notes[0].startswith("Code cell 6 ")
    assert own.read_bytes() == before
    entries, _ = record.load()
    assert entries["99.4"] == {"solved": True, "tries": 0, "hints": 0}
    assert "99.1" not in entries


@pytest.mark.parametrize(("outcomes", "code"), [(("right", "right"), 0), (("right", "wrong"), 1)])
def test_the_exit_status(own, monkeypatch, outcomes, code):
    found = tuple(Found(f"99.{n}", "[red]x", outcome, "m") for n, outcome in enumerate(outcomes))
    monkeypatch.setattr(module, "check_notebook", lambda path: Checked(found, ()))
    done = CliRunner().invoke(commands.check, [str(own)])
    assert done.exit_code == code
    assert f"{outcomes.count('right')} of 2 exercises are right" in done.output


def test_no_notebook_and_no_number(own, tmp_path):
    assert (
        "no notebook nothing.ipynb" in CliRunner().invoke(commands.check, ["nothing.ipynb"]).output
    )
    done = CliRunner().invoke(commands.check, ["15"])
    assert done.exit_code == 1
    broken = tmp_path / "broken.ipynb"
    broken.write_text("{")
    done = CliRunner().invoke(commands.check, [str(broken)])
    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    assert "can't be read as a notebook" in done.output


def test_all_notebooks_of_a_course_are_found(tmp_path):
    for name in ("exercises/02_a.ipynb", "exercises/15_b.ipynb", "solutions/15_b.ipynb"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"cells": []}))
    found = commands.all_notebooks(("solutions", "exercises"), tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in found] == [
        "exercises/02_a.ipynb",
        "solutions/15_b.ipynb",
    ]
    assert commands.notebook_of("2", ("exercises",), tmp_path).name == "02_a.ipynb"
