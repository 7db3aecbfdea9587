"""Fixtures: the release of the small assignment, and a worker that grades, as root or not."""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import pytest

from dlcourse.classroom.grading import read_release
from tests.grading import ordinary
from tests.grading.assignment import as_bytes, submission

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "tests" / "classroom" / "samples"
LIMITS = {
    "cell_seconds": 12,
    "total_seconds": 60,
    "memory_mb": 700,
    "disk_mb": 32,
    "output_bytes": 4 * 2**20,
}
NO_BUBBLEWRAP = "bubblewrap is not installed, so nothing was graded. sudo apt install bubblewrap"
MODES = ("root", "ordinary")


def native_mode():
    """The mode of the user who runs the tests."""
    return "root" if os.geteuid() == 0 else "ordinary"


class Grader:
    """Grades in a worker process. grade(book) gives the grade; what is left behind is a failure."""

    def __init__(self, release, mode):
        self.release = asdict(release)
        self.native = mode == native_mode()
        self.folder = Path(tempfile.mkdtemp(prefix="dl-", dir="/tmp"))
        command = [sys.executable, "-m", "tests.grading.worker", str(self.folder)]
        if mode == "ordinary":
            ordinary.give(self.folder)
            command = ordinary.command(command)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(self.folder)}
        environment["DLCOURSE_SECRET"] = "not for submissions"
        self.process = subprocess.Popen(
            command, cwd="/", env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def job(self, book, **options):
        limits = {**LIMITS, **options.pop("limits", {})}
        job = {"release": self.release, "limits": limits, **options}
        if isinstance(book, str | os.PathLike):
            return {**job, "path": str(book)}
        content = book if isinstance(book, bytes) else as_bytes(book)
        return {**job, "content": base64.b64encode(content).decode()}

    def send(self, job):
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert answer["left"] == []
        return answer

    def grade(self, book, **options):
        """The grade of a notebook, of bytes or of a path."""
        return self.send(self.job(book, **options))["grade"]

    def grade_beside(self, book, **options):
        """Two grades: of the notebook, and of a right one that is graded at the same time."""
        other = self.job(submission(), limits=options.get("limits", {}))
        answer = self.send({**self.job(book, **options), "bystander": other})
        return answer["grade"], answer["bystander"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()
        shutil.rmtree(self.folder)


@pytest.fixture(scope="package", autouse=True)
def samples():
    """The sample exercises among the chapters' own."""
    before = os.environ.get("DLCOURSE_CHECKS")
    os.environ["DLCOURSE_CHECKS"] = str(SAMPLES)
    yield
    os.environ.pop("DLCOURSE_CHECKS")
    if before is not None:
        os.environ["DLCOURSE_CHECKS"] = before


@pytest.fixture(scope="package")
def release(tmp_path_factory):
    """The release of the small assignment."""
    path = tmp_path_factory.mktemp("release") / "99_samples.ipynb"
    path.write_bytes(as_bytes(submission()))
    return read_release(path)


@pytest.fixture(scope="module")
def graders(release):
    """A grader for each mode, started when it is first asked for."""
    started = {}

    def start(mode):
        if shutil.which("bwrap") is None:
            pytest.skip(NO_BUBBLEWRAP)
        if mode == "root" and os.geteuid() != 0:
            pytest.skip("Not root, so nothing was graded as root.")
        if mode == "ordinary" and ordinary.impossible():
            pytest.skip(ordinary.impossible())
        if mode not in started:
            started[mode] = Grader(release, mode)
        return started[mode]

    yield start
    for grader in started.values():
        grader.close()


@pytest.fixture(params=MODES)
def grader(request, graders):
    """A grader as root, and one as an ordinary user."""
    return graders(request.param)


@pytest.fixture
def one_grader(graders):
    """The grader of the user who runs the tests."""
    return graders(native_mode())


def outcomes(grade):
    """The outcome of each exercise in short, e.g. ["right", "wrong: time limit"]."""
    return [
        f"{exercise['status']}: {exercise['reason']}" if exercise["reason"] else exercise["status"]
        for exercise in grade["exercises"]
    ]
