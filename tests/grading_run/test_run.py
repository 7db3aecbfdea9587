"""The run over a class: whatever breaks, each notebook is graded once and nothing is lost."""

import itertools
import json
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from dlcourse.classroom.grading import reasons, run, scoring
from dlcourse.classroom.grading.executors import maker
from dlcourse.classroom.grading.journal import Busy, Journal, locked, read_secret
from dlcourse.classroom.grading.run import ClusterLost, Settings, grade_class, ungraded
from dlcourse.classroom.grading.submissions import Submission
from tests.grading_run.conftest import NAME

SECRET = b"k" * 32


class Calls:
    """In the place of `grade_one`: notes each notebook, and gives full points."""

    def __init__(self, release):
        self.release, self.seen = release, []

    def __call__(self, release, content, **options):
        self.seen.append(content)
        grade = ungraded(release, "")
        for exercise in grade["exercises"]:
            exercise.update(status="right", points=exercise["max_points"])
        return grade


class Immediate(Executor):
    """Runs a call at once. broken(content): this call takes the whole executor down."""

    def __init__(self, broken):
        self.broken, self.down, self.most = broken, False, 0

    def submit(self, function, /, *args, **kwargs):
        if self.down:
            raise BrokenExecutor("it is down")
        future = Future()
        if self.broken(args[1]):
            self.down = True
            future.set_exception(BrokenExecutor("a worker died"))
        else:
            try:
                future.set_result(function(*args, **kwargs))
            except Exception as error:
                future.set_exception(error)
        return future


def settings(broken=lambda content: False, window=4):
    @contextmanager
    def make():
        yield Immediate(broken)

    return Settings(make, window)


@pytest.fixture
def calls(release, monkeypatch):
    made = Calls(release)
    monkeypatch.setattr(run, "grade_one", made)
    return made


@pytest.fixture
def submissions(tmp_path):
    def make(count, content=lambda n: f"notebook {n}".encode()):
        found = []
        for number in range(count):
            path = tmp_path / f"{number}.ipynb"
            path.write_bytes(content(number))
            found.append(Submission(f"s{number}", NAME, path.name, path))
        return found

    return make


def graded(submissions, release, folder, chosen):
    with Journal(folder) as journal:
        return grade_class(submissions, {NAME: release}, journal, SECRET, chosen)


def statuses(grades):
    return [grade["exercises"][0]["status"] for grade in grades]


def test_a_notebook_that_kills_its_worker_takes_no_other_along(
    calls, submissions, release, tmp_path
):
    deadly = b"notebook 3"
    grades = graded(submissions(8), release, tmp_path, settings(lambda content: content == deadly))
    assert statuses(grades) == ["right"] * 3 + [scoring.UNGRADED] + ["right"] * 4
    assert grades[3]["exercises"][0]["reason"] == run.GRADER_FAILED
    assert grades[3]["trouble"] == "BrokenExecutor: a worker died"
    assert len(calls.seen) == len(set(calls.seen)) == 7


def test_a_worker_that_dies_once_loses_nothing(calls, submissions, release, tmp_path):
    dies = iter([False, False, True, *[False] * 20])
    grades = graded(submissions(6), release, tmp_path, settings(lambda content: next(dies)))
    assert statuses(grades) == ["right"] * 6
    assert len(calls.seen) == len(set(calls.seen)) == 6


def test_what_failed_for_the_graders_own_reasons_is_tried_in_the_next_run(
    calls, submissions, release, tmp_path
):
    handed_in = submissions(3)
    first = graded(handed_in, release, tmp_path, settings(lambda content: content[-1:] == b"1"))
    assert statuses(first) == ["right", scoring.UNGRADED, "right"]
    second = graded(handed_in, release, tmp_path, settings())
    assert statuses(second) == ["right"] * 3
    assert calls.seen == [b"notebook 0", b"notebook 2", b"notebook 1"]


def test_an_error_of_our_own_stops_nobody_else(submissions, release, tmp_path, monkeypatch):
    def fails(release, content, **options):
        if content.endswith(b"2"):
            raise RuntimeError("a bug")
        return ungraded(release, reasons.NOT_STARTED_KERNEL)

    monkeypatch.setattr(run, "grade_one", fails)
    grades = graded(submissions(4), release, tmp_path, settings())
    assert [g["exercises"][0]["reason"] for g in grades].count(run.GRADER_FAILED) == 1
    assert (tmp_path / "journal.jsonl").read_text() == ""  # none of them is final


def test_equal_notebooks_are_graded_once(calls, submissions, release, tmp_path):
    grades = graded(submissions(5, lambda number: b"same"), release, tmp_path, settings())
    assert statuses(grades) == ["right"] * 5
    assert [grade["student"] for grade in grades] == [f"s{number}" for number in range(5)]
    assert calls.seen == [b"same"]


def test_few_notebooks_are_in_memory_at_a_time(calls, submissions, release, tmp_path, monkeypatch):
    read, handed = [], []
    original = Submission.read
    monkeypatch.setattr(Submission, "read", lambda item: read.append(1) or original(item))

    class Slow(ThreadPoolExecutor):
        def submit(self, function, /, *args, **kwargs):
            handed.append(len(read) - len(calls.seen))
            return super().submit(function, *args, **kwargs)

    grades = graded(submissions(40), release, tmp_path, Settings(lambda: Slow(2), window=4))
    assert statuses(grades) == ["right"] * 40
    assert max(handed) <= 5


def test_a_cluster_out_of_reach_stops_the_run_and_keeps_what_is_done(
    calls, submissions, release, tmp_path
):
    class Lost(Immediate):
        def submit(self, function, /, *args, **kwargs):
            future = super().submit(function, *args, **kwargs)
            if args[1].endswith(b"3"):
                future = Future()
                future.set_exception(CancelledError())
            return future

    @contextmanager
    def make():
        yield Lost(lambda content: False)

    with pytest.raises(ClusterLost, match="run the same command again"):
        graded(submissions(6), release, tmp_path, Settings(make, 1))
    assert len((tmp_path / "journal.jsonl").read_text().splitlines()) == 3


def test_another_release_another_seed_or_other_limits_are_graded_anew(
    calls, submissions, release, tmp_path, limits
):
    handed_in = submissions(1)
    graded(handed_in, release, tmp_path, settings())
    graded(handed_in, release, tmp_path, settings())
    assert len(calls.seen) == 1
    with Journal(tmp_path) as journal:
        for secret, bounds in itertools.product((SECRET, b"other"), (None, limits)):
            chosen = settings() if bounds is None else Settings(settings().make_executor, 4, bounds)
            grade_class(handed_in, {NAME: release}, journal, secret, chosen)
    assert len(calls.seen) == 4


def test_a_torn_line_is_cut_off_and_graded_again(calls, submissions, release, tmp_path):
    handed_in = submissions(3)
    graded(handed_in, release, tmp_path, settings(window=1))
    path = tmp_path / "journal.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    graded(handed_in, release, tmp_path, settings())
    assert path.read_bytes() == whole
    assert calls.seen[3:] == [b"notebook 2"]


def test_a_folder_belongs_to_one_run_at_a_time(tmp_path):
    with locked(tmp_path), pytest.raises(Busy, match="Another run"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_the_seed_stays_and_is_drawn_anew_elsewhere(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = read_secret(tmp_path / "a")
    assert read_secret(tmp_path / "a") == first
    assert read_secret(tmp_path / "b")[0] != first[0]
    with pytest.raises(ValueError, match="--fresh"):
        read_secret(tmp_path / "a", first[0] + 1)
    assert json.loads((tmp_path / "a" / ".secret.json").read_text())["seed"] == first[0]


@pytest.mark.parametrize("name", ["threads", "dask", ""])
def test_an_unknown_executor_is_told(name):
    with pytest.raises(ValueError, match="processes"):
        maker(name, 1)


def test_no_workers_are_none(tmp_path):
    with pytest.raises(ValueError, match="at least 1"):
        maker("processes", 0)


def test_unreadable_submissions_never_reach_a_worker(calls, release, tmp_path):
    gone = Submission("s", NAME, "x", Path(tmp_path / "gone.ipynb"))
    refused = Submission("t", NAME, "y", Path(tmp_path), (), 0, reasons.NO_FILE)
    grades = graded([gone, refused], release, tmp_path, settings())
    found = [grade["exercises"][0]["reason"] for grade in grades]
    assert found == [reasons.NOT_THERE, reasons.NO_FILE]
    assert calls.seen == []
    assert all(exercise["message"] for grade in grades for exercise in grade["exercises"])
