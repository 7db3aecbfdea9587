"""Grades submissions in a process of its own, as root or as an ordinary user.

It reads one job a line from its input and writes one answer a line: JSON both ways. So the tests
also show that a release and a grade are plain data. After each job it looks for remains.
"""

import base64
import ctypes
import json
import os
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import Any

from dlcourse.classroom.grading import Limits, Release, grade_one
from dlcourse.classroom.grading.release import Task
from dlcourse.classroom.grading.watchdog import processes_below

PR_SET_CHILD_SUBREAPER = 36
PATIENCE = 5.0  # seconds for killed processes to disappear


def main(folder: str) -> None:
    """Work on jobs until the input ends. folder: for temporary files, empty at first."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # whoever is left becomes our child
    tempfile.tempdir = folder
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps(_answer(job, Path(folder))), flush=True)


def _answer(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    bystander: dict[str, Any] = {}
    threads = []
    if "bystander" in job:
        threads = [threading.Thread(target=lambda: bystander.update(_grade(job["bystander"])))]
    for thread in threads:
        thread.start()
    answer = {"grade": _grade(job), "bystander": bystander}
    for thread in threads:
        thread.join()
    return {**answer, "left": _left(folder)}


def _grade(job: dict[str, Any]) -> dict[str, Any]:
    tasks = tuple(Task(**task) for task in job["release"]["tasks"])
    release = Release(job["release"]["assignment"], tasks, job["release"]["checks"])
    submission = job["path"] if "path" in job else base64.b64decode(job["content"])
    try:
        return grade_one(
            release,
            submission,
            student=job.get("student", ""),
            limits=Limits(**job["limits"]),
            sandbox_kind=job.get("sandbox", "bubblewrap"),
        )
    except Exception as error:  # the tests want to see it
        return {"raised": f"{type(error).__name__}: {error}"}


def _left(folder: Path) -> list[str]:
    """Files and processes that are still there."""
    end = time.monotonic() + PATIENCE
    while (found := _remains(folder)) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def _remains(folder: Path) -> list[str]:
    own = os.getpid()
    try:  # those that were left to us and have ended
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
    return [str(path) for path in folder.iterdir()] + [
        f"process {pid}" for pid in processes_below(own) if pid != own
    ]


if __name__ == "__main__":
    main(sys.argv[1])
