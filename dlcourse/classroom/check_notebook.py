"""`dlcourse check`: a learner's own notebook from a fresh kernel, with the verdicts of its checks.

nbval runs the notebook in its folder, without a sandbox: it is the learner's own. Before the first
cell the kernel is told to write each verdict to a file. The checks themselves are the notebook's.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import dlcourse
from dlcourse import classroom
from dlcourse.classroom import checks, record
from dlcourse.classroom.base import NOT_STARTED, RIGHT, WRONG, Verdict

CELL_SECONDS = 120
PLUGIN = "dlcourse.classroom.check_plugin"
CHECK = re.compile(r"""\bcheck\(\s*["'](\d+\.\d+)["']""")
NO_VERDICT = "The check did not run to its end, so nothing is known. Run all cells from the top."


@dataclass(frozen=True)
class Found:
    """One exercise: its outcome, with the message and the details of the check."""

    id: str
    title: str
    outcome: str
    message: str
    details: tuple[tuple[str, str], ...] = ()
    cause: str = ""


@dataclass(frozen=True)
class Checked:
    """A notebook. notes: cells that stopped with an error, and what else there is to know."""

    exercises: tuple[Found, ...]
    notes: tuple[str, ...]


def check_notebook(path: str | os.PathLike[str], cell_seconds: float = CELL_SECONDS) -> Checked:
    """Run a notebook from a fresh kernel and give the verdict on each exercise that it checks.

    A right answer counts in the learner's progress; a wrong one is not counted as a try.

    Raises:
        ValueError: it can't be read, or it checks an exercise that is not known.
    """
    notebook = Path(path).resolve()
    exercises = [checks.find(name) for name in _checked(notebook)]
    with tempfile.TemporaryDirectory(prefix="dlcheck-") as folder:
        ended = _run(notebook, Path(folder), cell_seconds)
        verdicts = _read(Path(folder) / "verdicts.jsonl")
        cells = _read(Path(folder) / "cells.jsonl")
    known = {entry["exercise"]: entry["verdict"] for entry in verdicts}  # the last one counts
    found = [_found(exercise, known.get(exercise.id)) for exercise in exercises]
    notes = [_note(cell) for cell in cells]
    if not ended:
        notes.append("The notebook did not run to its end.")
    for item in found:
        if item.outcome == RIGHT:
            record.update(item.id, solved=True)
    return Checked(tuple(found), tuple(notes))


def _checked(notebook: Path) -> list[str]:
    """The ids of the exercises that a notebook checks, in its order."""
    try:
        cells = json.loads(notebook.read_text("utf-8"))["cells"]
        sources = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{notebook} can't be read as a notebook. Open and save it in JupyterLab."
                         ) from error  # fmt: skip
    return list(dict.fromkeys(name for source in sources for name in CHECK.findall(source)))


def _found(exercise: Any, verdict: dict[str, Any] | None) -> Found:
    if verdict is None:
        return Found(exercise.id, exercise.title, WRONG, NO_VERDICT, cause="no verdict")
    details = tuple((name, value) for name, value in verdict["details"])
    outcome, message = verdict["outcome"], verdict["message"]
    return Found(exercise.id, exercise.title, outcome, message, details, verdict["cause"])


def _note(cell: dict[str, Any]) -> str:
    return f"Code cell {cell['number'] + 1} stops with an error: {cell['error']}"


def _run(notebook: Path, folder: Path, cell_seconds: float) -> bool:
    """Run nbval in a process of its own. Whether it ended by itself."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "nbval.plugin", "-p", PLUGIN),
        *("-p", "no:cacheprovider", "-p", "no:warnings", "--noconftest", "--nbval-lax"),
        *("-c", str(folder / "pytest.ini"), "--rootdir", str(notebook.parent)),
        *("--nbval-current-env", f"--nbval-cell-timeout={cell_seconds:g}", str(notebook)),
    ]
    environment = {
        **os.environ,
        "DLCOURSE_VERDICTS": str(folder),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": os.pathsep.join(
            [str(Path(dlcourse.__file__).parents[1]), *filter(None, [os.getenv("PYTHONPATH")])]
        ),
    }
    process = subprocess.Popen(
        command, env=environment, cwd=folder, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        return process.wait() in (0, 1)
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)  # nbval stops its kernel
        process.wait(10)
        raise


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


# ---------------------------------------------------------------- in the kernel


def record_verdicts(folder: str) -> None:
    """In the kernel, before the first cell: let every `check` write its verdict to a file."""

    def check(exercise_id: str, answer: Any) -> None:
        verdict = checks.find(exercise_id).check(answer)
        write_verdict(Path(folder), exercise_id, verdict)
        if verdict.outcome != RIGHT:
            state = "not started" if verdict.outcome == NOT_STARTED else "not right yet"
            raise classroom.NotYet(f"{exercise_id} is {state}.")

    classroom.check = check  # notebooks import it from there, later than this


def write_verdict(folder: Path, exercise_id: str, verdict: Verdict) -> None:
    """Add a line with a verdict."""
    with open(folder / "verdicts.jsonl", "a") as file:
        file.write(json.dumps({"exercise": exercise_id, "verdict": asdict(verdict)}) + "\n")
