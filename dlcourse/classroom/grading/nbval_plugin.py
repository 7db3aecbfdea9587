"""The pytest plugin of the grader: nbval runs the notebook, this judges the hidden cells.

It is loaded before nbval, by `-p`, in a pytest process of its own for each submission. It puts our
bounded kernel in the place of nbval's, and our comparison of records in the place of nbval's
comparison of texts, and writes a row for each hidden cell. It changes methods of nbval's classes
and no more: nbval names its own classes when it calls their parents.
"""

import json
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

# nbformat loads these where they are installed, and does without them where they are not. Here they
# are of no use, and the first alone takes seconds: a grammar of web addresses is built.
for _unused in ("rfc3987_syntax", "isoduration"):
    sys.modules.setdefault(_unused, None)  # type: ignore[arg-type]

from dlcourse.classroom import checks  # noqa: E402
from dlcourse.classroom.base import NOT_STARTED, WRONG  # noqa: E402
from dlcourse.classroom.grading import reasons, scoring  # noqa: E402
from dlcourse.classroom.grading.inside import MIME  # noqa: E402
from dlcourse.classroom.grading.kernel import GuardedKernel  # noqa: E402
from dlcourse.classroom.grading.limits import MEGABYTE, Limits  # noqa: E402

JUDGE_SECONDS = 10
MAX_RECORDS = 8 * MEGABYTE  # characters of JSON
OWN_MEMORY = 3072 * MEGABYTE  # of address space: what a flood of messages may cost this process


@dataclass
class Grading:
    """One submission while it runs. best: the row that counts so far, for each exercise."""

    folder: Path
    limits: Limits
    sandbox: str
    exercises: list[str]
    kernel: GuardedKernel | None = None
    best: dict[str, dict[str, Any]] = field(default_factory=dict)
    interrupted: set[str] = field(default_factory=set)  # exercises with a cell that ran too long
    failed: set[str] = field(default_factory=set)  # exercises with a cell that had an error

    def write(self, found: dict[str, Any]) -> None:
        """Add a row to the file that the grader reads. It is whole even if we are killed next."""
        with open(self.folder / "rows.jsonl", "a") as file:
            file.write(json.dumps(found) + "\n")

    def start_kernel(self, *args: Any, **kwargs: Any) -> GuardedKernel:
        """In the place of nbval's RunningKernel(...)."""
        self.kernel = kernel = GuardedKernel(self.folder, self.limits, self.sandbox)
        for exercise in self.exercises:  # their files load while the kernel starts
            checks.find(exercise)
        kernel.wait_until_ready()
        self.write({"ready": True})
        return kernel

    def run(self, item: Any, runtest: Any) -> None:
        """Run a cell. Of a hidden cell write the outcome, whatever happens."""
        place = item.cell.metadata["dlcourse"]
        exercise = place.get("ask")
        kernel = item.parent.kernel
        if exercise is None:
            self._run_learners(item, runtest, kernel, place["part_of"])
        elif not (exercise in self.best and scoring.is_settled(self.best[exercise])):
            self._run_hidden(item, runtest, kernel, exercise)

    def _run_learners(self, item: Any, runtest: Any, kernel: GuardedKernel, part_of: list) -> None:
        kernel.begin(keep=False)
        try:
            runtest(item)
        finally:
            self.interrupted.update(part_of if kernel.interrupted else ())
            self.failed.update(part_of if kernel.failed else ())

    def _run_hidden(self, item: Any, runtest: Any, kernel: GuardedKernel, exercise: str) -> None:
        kernel.begin(keep=True)
        started, alive = time.monotonic(), kernel.is_alive()
        item.outcome = None
        try:
            runtest(item)
        finally:
            seconds = time.monotonic() - started
            found = item.outcome or self._without_result(exercise, kernel, alive)
            found = {**found, "seconds": round(seconds, 3)}
            before = self.best.get(exercise)
            if before is None or scoring.rank(found) > scoring.rank(before):
                self.best[exercise] = found
                self.write(found)

    def _without_result(self, exercise: str, kernel: GuardedKernel, alive: bool) -> dict[str, Any]:
        """The row where no record came back."""
        if not alive:
            return scoring.row(exercise, scoring.UNGRADED, kernel.stopped or reasons.KERNEL_DIED)
        if kernel.interrupted:
            return scoring.row(exercise, WRONG, reasons.TIME_LIMIT)
        if not kernel.is_alive():
            return scoring.row(exercise, WRONG, kernel.stopped or reasons.KERNEL_DIED)
        return scoring.row(exercise, WRONG, reasons.NO_RESULT)

    def compare(self, item: Any, outputs: list[Any], reference: list[Any]) -> bool:
        """In the place of nbval's comparison: judge the records of a hidden cell."""
        item.comparison_traceback = []
        exercise = item.cell.metadata["dlcourse"]["ask"]
        known = json.loads(reference[0]["data"][MIME])
        records = _records(outputs, known["nonce"])
        if records is None:
            return False
        if records == [{"missing": True}]:
            item.outcome = self._missing(exercise)
            return False
        item.outcome = _judged(exercise, records, known["expected"])
        return item.outcome is not None and item.outcome["status"] == "right"

    def _missing(self, exercise: str) -> dict[str, Any]:
        """The row where the answer's name is not defined."""
        if exercise in self.interrupted:
            return scoring.row(exercise, WRONG, reasons.TIME_LIMIT)
        if exercise in self.failed:
            return scoring.row(exercise, WRONG, reasons.CELL_FAILED)
        return scoring.row(exercise, NOT_STARTED, reasons.CELL_MISSING)


def _records(outputs: list[Any], nonce: str) -> list[Any] | None:
    """The records that were sent, or None: exactly one message must bear the nonce."""
    found = []
    for output in outputs:
        try:
            text = output["data"][MIME]
            message = json.loads(text if len(text) <= MAX_RECORDS else "")
            if message["nonce"] == nonce and isinstance(message["records"], list):
                found.append(message["records"])
        except Exception:  # a forged message: it counts as none
            continue
    return found[0] if len(found) == 1 else None


def _judged(exercise: str, records: list[Any], expected: dict[str, Any]) -> dict[str, Any] | None:
    """The row for some records; None where they can't be judged."""
    try:
        with _time_limit(JUDGE_SECONDS):
            verdict = checks.find(exercise).judge(records, expected)
    except _TooSlow:  # a design that takes too long to measure
        return scoring.row(exercise, WRONG, reasons.TIME_LIMIT)
    except Exception:  # records may be forged: nothing in them may stop the grader
        return None
    return scoring.row_of(exercise, verdict, records)


class _TooSlow(BaseException):
    """Not an Exception: a check must not take it for an error of the learner's."""


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise _TooSlow

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# ---------------------------------------------------------------- hooks of pytest

GRADING = pytest.StashKey[Grading]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that names the plan of one submission."""
    parser.addoption("--grading-plan", help="JSON file: limits and kind of the sandbox")


def pytest_configure(config: pytest.Config) -> None:
    """Put our parts in the place of nbval's."""
    path = Path(config.getoption("--grading-plan"))
    plan = json.loads(path.read_text())
    limits = Limits(**plan["limits"])
    grading = Grading(path.parent, limits, plan["sandbox"], plan["exercises"])
    config.stash[GRADING] = grading
    _, most = resource.getrlimit(resource.RLIMIT_AS)  # the sandbox may need more than we do
    resource.setrlimit(resource.RLIMIT_AS, (OWN_MEMORY, most))
    _change_nbval(grading)


def _change_nbval(grading: Grading) -> None:
    from nbval import plugin

    original = plugin.IPyNbCell.runtest

    def setup(item: Any) -> None:
        """nbval would mark all cells after one that ran too long as expected to fail."""

    def runtest(item: Any) -> None:
        grading.run(item, original)

    def compare_outputs(item: Any, outputs: list[Any], reference: list[Any]) -> bool:
        return grading.compare(item, outputs, reference)

    plugin.RunningKernel = grading.start_kernel
    plugin.IPyNbCell.setup = setup
    plugin.IPyNbCell.runtest = runtest
    plugin.IPyNbCell.compare_outputs = compare_outputs


def pytest_collection_modifyitems(config: pytest.Config, items: list[Any]) -> None:
    """Our own settings for each cell, whatever markers stand in the learner's text."""
    for item in items:
        hidden = "ask" in item.cell.metadata["dlcourse"]
        item.options = {"check": hidden, "check_exception": True, "skip": False}
        item.output_timeout = config.stash[GRADING].limits.total_seconds


def pytest_unconfigure(config: pytest.Config) -> None:
    """nbval stops a kernel that lives; what is left of a dead one ends here."""
    kernel = config.stash[GRADING].kernel
    if kernel is not None:
        kernel.stop()
