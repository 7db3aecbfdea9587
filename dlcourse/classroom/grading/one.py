"""Grade one submission: a plain call with a plain result, so that any executor can run it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dlcourse.classroom.base import NOT_STARTED, RIGHT
from dlcourse.classroom.grading import intake, reasons, sandbox, scoring
from dlcourse.classroom.grading.assemble import assemble
from dlcourse.classroom.grading.limits import Limits
from dlcourse.classroom.grading.release import Release, Task
from dlcourse.classroom.values import clean

Submission = str | os.PathLike[str] | bytes
LONGEST_FOLDER = 60  # characters: below it come sockets, and their paths may have about 100
MARGIN = 30  # seconds for everything that is not the submission's
LAST_WORDS = 600  # characters
ATTEMPTS = 2  # to start a kernel, on a machine that is busy
PLUGIN = "dlcourse.classroom.grading.nbval_plugin"


def grade_one(
    release: Release,
    submission: Submission,
    *,
    student: str = "",
    limits: Limits | None = None,
    sandbox_kind: str = sandbox.BUBBLEWRAP,
) -> dict[str, Any]:
    """Grade one submission and give the result as JSON data.

    submission: the notebook's path, or its bytes. student: a label for the result. sandbox_kind:
    "bubblewrap", or "none" to run submissions without protection.

    The result: student, assignment, points, max_points, seconds, and exercises: a list with id,
    title, points, max_points, status ("right", "wrong", "not started" or "ungraded"), reason (of
    grading/reasons.py, or ""), cause (such as "misconception:sum"), message and seconds.

    Raises:
        SandboxMissing: bubblewrap is not installed. ValueError: there is no such kind of sandbox,
            or the submission lies where every submission can read it. Nothing that a submission
            holds or does raises.
    """
    sandbox.require(sandbox_kind)
    started = time.monotonic()
    rows = _rows(release, submission, limits or Limits(), sandbox_kind)
    exercises = [_exercise(task, rows[task.id]) for task in release.tasks]
    return {
        "student": clean(student, 200),
        "assignment": release.assignment,
        "points": sum(exercise["points"] for exercise in exercises),
        "max_points": sum(exercise["max_points"] for exercise in exercises),
        "exercises": exercises,
        "seconds": round(time.monotonic() - started, 2),
    }


def _exercise(task: Task, found: dict[str, Any]) -> dict[str, Any]:
    """One exercise of the result. Points come from the release, and only for what is right."""
    return {
        "id": task.id,
        "title": task.title,
        "points": task.points if found["status"] == RIGHT else 0,
        "max_points": task.points,
        **{key: found[key] for key in ("status", "reason", "cause", "message", "seconds")},
    }


def _rows(
    release: Release, submission: Submission, limits: Limits, kind: str
) -> dict[str, dict[str, Any]]:
    """Exercise id -> its row."""
    try:
        cells = intake.read(submission)
    except intake.Unreadable as finding:
        return _all(release, scoring.UNGRADED, str(finding))
    if not isinstance(submission, bytes) and sandbox.visible(submission):
        raise ValueError(
            f"{submission} lies in a folder of Python's, which all submissions can read. "
            "Move the submissions to another folder."
        )
    if not any(cell.source.strip() for cell in cells):
        return _all(release, NOT_STARTED, reasons.CELL_MISSING)
    for _ in range(ATTEMPTS):
        lines, ended, said = _run(release, cells, limits, kind)
        if {"ready": True} in lines:
            break
    else:  # nothing of the submission has run: what was printed is about our own machinery
        warnings.warn(f"The grader could not start a kernel. Last it said: {said}", stacklevel=3)
        return _all(release, scoring.UNGRADED, reasons.NOT_STARTED_KERNEL)
    found = _all(release, scoring.UNGRADED, reasons.KERNEL_DIED if ended else reasons.TIME_LIMIT)
    for line in lines:  # a later row of an exercise says more than an earlier one
        if "exercise" in line:
            found[line["exercise"]] = line
    return found


def _all(release: Release, status: str, reason: str) -> dict[str, dict[str, Any]]:
    return {task.id: scoring.row(task.id, status, reason) for task in release.tasks}


def _run(
    release: Release, cells: list[intake.Cell], limits: Limits, kind: str
) -> tuple[list[dict[str, Any]], bool, str]:
    """Run the notebook in a process of its own: its rows, whether it ended, and its last words."""
    folder = Path(tempfile.mkdtemp(prefix="dlgrade-", dir=_short_folder()))
    try:
        notebook = assemble(release, cells, sandboxed=kind == sandbox.BUBBLEWRAP)
        plan = {
            "limits": asdict(limits),
            "sandbox": kind,
            "exercises": [task.id for task in release.tasks],
        }
        (folder / "notebook.ipynb").write_text(json.dumps(notebook))
        (folder / "plan.json").write_text(json.dumps(plan))
        (folder / "pytest.ini").write_text("[pytest]\n")
        ended = _run_pytest(folder, limits, release.checks)
        return _read_rows(folder / "rows.jsonl"), ended, _last_words(folder / "log")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _short_folder() -> str:
    usual = tempfile.gettempdir()
    return usual if len(usual) <= LONGEST_FOLDER else "/tmp"


def _run_pytest(folder: Path, limits: Limits, checks: str) -> bool:
    """Whether pytest ended by itself. If not, it is killed, and the sandbox goes with it."""
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", PLUGIN, "-p", "nbval.plugin"),
        *("-p", "no:cacheprovider", "-p", "no:warnings", "-p", "no:doctest", "--noconftest"),
        *("-c", str(folder / "pytest.ini"), "--rootdir", str(folder)),
        *("--color=no", "--tb=no", "--assert=plain"),
        *("--nbval-lax", f"--nbval-cell-timeout={limits.cell_seconds}"),
        *("--grading-plan", str(folder / "plan.json"), str(folder / "notebook.ipynb")),
    ]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(folder, checks),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        process.wait(limits.start_seconds + limits.total_seconds + MARGIN)
    except subprocess.TimeoutExpired:
        return False
    finally:
        _end(process)
    return True


def _end(process: subprocess.Popen) -> None:
    """Kill the process and all of its group, also where we were interrupted."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _environment(folder: Path, checks: str) -> dict[str, str]:
    """Nothing of ours but what is needed to find Python and the exercises."""
    settings = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "DLCOURSE_CHECKS": checks,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": sandbox.python_path(),
        "PYTHONSAFEPATH": "1",
    }
    return {name: value for name, value in settings.items() if value}


def _last_words(path: Path) -> str:
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - LAST_WORDS))
        return clean(" ".join(file.read().decode("utf-8", "replace").split()), LAST_WORDS)


def _read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows that were written in full."""
    if not path.is_file():
        return []
    lines = path.read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]
