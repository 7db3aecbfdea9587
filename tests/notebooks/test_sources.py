"""Made notebooks follow from their sources; learners' notebooks hold no solution and can start."""

import re

import nbformat
import notebook_source
import pytest
from made_files import ROOT, made
from make_notebooks import faults, jobs, leftovers
from nbclient import NotebookClient
from notebook_run import environment

from dlcourse.classroom import checks

ALL = jobs(ROOT, [])
EXERCISES = [job for job in ALL if job.is_exercise]


def names(chosen):
    return [job.place for job in chosen]


def test_there_are_sources():
    assert ALL
    assert EXERCISES


@pytest.mark.parametrize("job", ALL, ids=names(ALL))
def test_made_notebooks_equal_their_source(job):
    assert faults(job, ROOT) == []


def test_no_made_notebook_without_a_source():
    assert leftovers(ROOT) == []


def test_every_chapter_has_exercises_of_the_same_name():
    chapters = {job.name for job in ALL if not job.is_exercise and not job.name.startswith("00_")}
    assert {job.name for job in EXERCISES} == chapters
    assert set(checks.files()) == chapters


@pytest.mark.parametrize("job", EXERCISES, ids=names(EXERCISES))
def test_every_specified_exercise_is_in_the_notebook(job):
    found = re.findall(r'^check\("(\d+\.\d+)"', job.source.read_text(encoding="utf-8"), re.M)
    assert found == [exercise.id for exercise in checks.load(job.name)]


def solution_lines(source):
    """The lines inside solution regions that stand nowhere else in the source."""
    outside = {line.strip() for line in notebook_source.REGION.sub("", source).splitlines()}
    regions = [match["body"] for match in notebook_source.REGION.finditer(source)]
    lines = {line.strip() for body in regions for line in body.splitlines()}
    return sorted(line for line in lines - outside if len(line) >= 8 and re.search(r"\W", line))


@pytest.mark.parametrize("job", EXERCISES, ids=names(EXERCISES))
def test_no_solution_reaches_the_learners(job):
    stored = nbformat.read(job.stripped(ROOT), 4)
    lines = solution_lines(job.source.read_text(encoding="utf-8"))
    assert lines
    text = "\n".join(cell.source for cell in stored.cells)
    given = re.compile(r"(async )?(def|class) |\"\"\"|'''")  # heads and docstrings stay
    visible = {line.strip() for line in text.splitlines()}
    leaked = [line for line in lines if line in visible or (len(line) > 15 and line in text)]
    assert [line for line in leaked if not given.match(line)] == []
    assert "SOLUTION" not in text
    assert all(not cell.get("outputs") for cell in stored.cells)


@pytest.mark.parametrize("job", EXERCISES, ids=names(EXERCISES))
def test_an_untouched_exercise_notebook_runs_to_its_end(job, tmp_path):
    """Only the checks stop, each with its one quiet line."""
    stored = nbformat.read(job.stripped(ROOT), 4)
    folder = {"metadata": {"path": str(ROOT / "exercises")}}
    NotebookClient(stored, timeout=300, resources=folder).execute(env=environment(str(tmp_path)))
    errors = [output for cell in stored.cells for output in cell.get("outputs", [])
              if output.output_type == "error"]  # fmt: skip
    assert {error.ename for error in errors} == {"NotYet"}
    assert len(errors) == len(checks.load(job.name))


@pytest.mark.parametrize("name", made("solutions", "exercises"))
def test_nbgrader_metadata_is_complete(name):
    """The keys and types of nbgrader's schema, version 3, and the specification's points."""
    stored = nbformat.read(ROOT / name, 4)
    marked = [cell for cell in stored.cells if "nbgrader" in cell.metadata]
    ids = [cell.metadata["nbgrader"]["grade_id"] for cell in marked]
    assert len(ids) == len(set(ids))
    allowed = {"schema_version", "grade", "locked", "solution", "task", "grade_id"}
    for cell in marked:
        data = cell.metadata["nbgrader"]
        extra = {"points"} if data["grade"] else set()
        extra |= {"cell_type"} if name.startswith("exercises") else set()
        assert set(data) == allowed | extra
        assert data["schema_version"] == 3
        assert re.fullmatch(r"[a-zA-Z0-9_\-]+", data["grade_id"])
        assert data["grade"] == data["locked"] == (not data["solution"])
        if data["grade"]:
            exercise = checks.find(cell.metadata["dlcourse"]["exercise"])
            assert data["points"] == exercise.points
            assert "raises-exception" in cell.metadata["tags"]
