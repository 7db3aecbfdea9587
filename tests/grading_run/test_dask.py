"""A real Dask cluster of two workers, one of which is killed in the middle: nothing is lost."""

import json
import signal
import subprocess
import sys
import time

import pytest

from tests.grading_run.class_of import LEARNERS, hand_in, outcomes
from tests.grading_run.test_class import lines, start

pytest.importorskip("distributed", reason="distributed is not installed (the extra `scale`).")

PATIENCE = 120
CLASS = {name: LEARNERS[name] for name in ("ada", "bob", "cleo", "dan", "ida", "gus", "fay")}
EXPECTED = {name: expected for name, (_, expected) in CLASS.items()}


def program(folder, module, *arguments):
    command = [sys.executable, "-W", "ignore", "-m", f"distributed.cli.{module}", *arguments]
    with open(folder / "log", "a") as log:
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)


@pytest.fixture
def cluster(tmp_path):
    """The scheduler's address, and the processes of two workers without nannies."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    contact = folder / "scheduler.json"
    common = ["--no-dashboard", "--scheduler-file", str(contact)]
    started = [program(folder, "dask_scheduler", "--host", "127.0.0.1", "--port", "0", *common)]
    end = time.monotonic() + PATIENCE
    while not contact.is_file() and time.monotonic() < end:
        time.sleep(0.1)
    for _ in range(2):
        options = ["--nthreads", "1", "--no-nanny", "--local-directory", str(folder)]
        started.append(program(folder, "dask_worker", *options, *common))
    yield json.loads(contact.read_text())["address"].removeprefix("tcp://"), started[1:]
    for process in started:
        process.kill()
        process.wait()


def test_a_killed_worker_loses_nothing(cluster, tmp_path, notebook):
    address, workers = cluster
    hand_in(tmp_path / "in", learners=CLASS)
    out = tmp_path / "out"
    run = start(tmp_path / "in", out, notebook, "/tmp", "--executor", f"dask://{address}")
    end = time.monotonic() + PATIENCE
    while len(lines(out)) < 2 and time.monotonic() < end:
        assert run.poll() is None, run.communicate()
        time.sleep(0.02)
    workers[0].send_signal(signal.SIGKILL)
    said = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, said
    assert outcomes(json.loads((out / "gradebook.json").read_text())) == EXPECTED
    keys = [json.loads(line)["key"] for line in lines(out)]
    assert len(keys) == len(set(keys)) == len(CLASS)
    assert workers[1].poll() is None


def test_a_scheduler_that_is_not_there_is_told(tmp_path, notebook):
    hand_in(tmp_path / "in", learners={"bob": LEARNERS["bob"]})
    nobody = ("--executor", "dask://127.0.0.1:9")
    run = start(tmp_path / "in", tmp_path / "out", notebook, "/tmp", *nobody)
    _, said = run.communicate(timeout=PATIENCE)
    assert run.returncode == 1
    assert "no Dask scheduler at 127.0.0.1:9" in said
    assert "Traceback" not in said
