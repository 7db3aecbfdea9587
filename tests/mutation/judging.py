"""The judge: plants each fault, runs the tests that can see it, and notes the first that fails."""

import gc
import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pytest
from tqdm import tqdm

from tests.mutation.children import be_silent, in_child, in_children, limit_memory, limit_time
from tests.mutation.faults import Fault
from tests.mutation.plan import QUIET, Project, Record, chosen_tests, is_in
from tests.mutation.planting import CannotPlantError, InPlace, clear_caches, plant_for_import

TIMES = 10.0  # a test may take so many times its usual time
IMPORT = 60.0  # seconds for importing the package and collecting its tests


@dataclass(frozen=True)
class Verdict:
    """What the tests said to a fault."""

    caught: bool
    test: str = ""  # the first that failed
    error: str = ""  # what it raised, such as "AssertionError"; "limit" if it was ended


SURVIVED = Verdict(False)
LIMIT = Verdict(True, error="limit")


@dataclass
class Judge:
    """Plants faults into a project, and asks its tests."""

    project: Project
    known: Record  # what the tests do without a fault
    workers: int = 1
    seconds: float = 60.0  # of tests to try on a fault, beside those made for its file
    least: float = 5.0  # seconds that a test may take in any case
    is_brief: bool = False  # True: `seconds` are for all tests, and nothing is imported anew

    def verdicts(self, faults: list[Fault]) -> list[Verdict]:
        """The verdict on each fault."""
        local = [i for i, fault in enumerate(faults) if fault.is_local]
        found = in_child(lambda: self._in_place(faults, local)) if local else {}
        if self.is_brief:
            return [found.get(i, SURVIVED) for i in range(len(faults))]
        waiting = [i for i, fault in enumerate(faults) if self._is_open(fault, found.get(i))]
        for own in (True, False):  # the tests made for the file come first: it is quicker
            found |= self._imported(faults, waiting, own)
            waiting = [i for i in waiting if not found[i].caught]
        return [found[i] for i in range(len(faults))]

    def tests(self, fault: Fault, imported: bool = False) -> list[str]:
        """The tests to try on a fault."""
        limits = (self.seconds if self.is_brief else math.inf, self.seconds)
        return chosen_tests(fault, self.project, self.known, limits, imported)

    def _is_open(self, fault: Fault, verdict: Verdict | None) -> bool:
        """True if the fault could not be planted in place, or could do more if it were imported."""
        lines = self.known.at_import[fault.file]
        return verdict is None or (not verdict.caught and not lines.isdisjoint(fault.lines))

    def _in_place(self, faults: list[Fault], numbers: list[int]) -> dict[int, Verdict]:
        """Collect all tests once; then a copy of this process for each fault."""
        be_silent(1)
        loop = _Loop(self, faults, numbers)
        status = pytest.main([*QUIET, str(self.project.tests)], plugins=[loop])
        if not loop.is_done:
            raise RuntimeError(
                f"The tests could not be collected: pytest gave status {int(status)}."
            )
        return loop.found

    def _imported(self, faults: list[Fault], numbers: list[int], own: bool) -> dict[int, Verdict]:
        """A new import of the package for each fault, and a new collection of its tests."""

        def work(i: int) -> Verdict:
            fault = faults[i]
            files = self.project.test_files(fault.file) if own else [self.project.tests]
            tests = self.tests(fault, imported=True)
            names = {path.name for path in files}
            tests = [test for test in tests if not own or is_in(test, names)]
            prepare()
            plant_for_import(fault, self.project.package.name)
            run = _Run(self, tests)
            status = pytest.main([*QUIET, *map(str, files)], plugins=[run]) if tests else 0
            failed = status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
            return run.verdict or (Verdict(True, error="import") if failed else SURVIVED)

        text = "imported, own tests" if own else "imported, all tests"
        answers = in_children(work, numbers, self.workers)
        return {i: answer or LIMIT for i, answer in progress(answers, len(numbers), text)}


def progress(answers: Iterable[Any], total: int, text: str) -> Iterable[Any]:
    """The answers, with a bar on stderr."""
    return tqdm(answers, text, total, unit="fault", disable=not total)


def prepare() -> None:
    """What a process does before it takes a fault."""
    be_silent(1, 2)
    limit_memory()
    limit_time(IMPORT)


# --- Plugins for pytest -----------------------------------------------------------------------
class _Watch:
    """Notes the first failure."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.verdict: Verdict | None = None

    def pytest_runtest_makereport(self, item: pytest.Item, call: Any) -> Any:
        """Note a failed test. The usual report, with excerpts of the source, would cost time."""
        if call.excinfo is None or call.excinfo.errisinstance(pytest.skip.Exception):
            return None
        self.note(item.nodeid, call)
        return pytest.TestReport(item.nodeid, item.location, {}, "failed", None, call.when)

    def pytest_exception_interact(self, node: Any, call: Any) -> None:
        """Note a test file that can't be imported."""
        self.note(node.nodeid, call)

    def note(self, name: str, call: Any) -> None:
        """Keep the first failure."""
        self.verdict = self.verdict or Verdict(True, name, call.excinfo.typename)

    def first_failure(self, items: list[pytest.Item]) -> Verdict:
        """Run tests until one fails."""
        for item, following in zip(items, chain(items[1:], [None]), strict=False):
            usual = self.judge.known.seconds[item.nodeid]
            limit_time(self.judge.least + TIMES * usual)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.verdict:
                return self.verdict
        return SURVIVED


class _Loop(_Watch):
    """In place of pytest's loop over the tests: a loop over the faults."""

    def __init__(self, judge: Judge, faults: list[Fault], numbers: list[int]) -> None:
        super().__init__(judge)
        self.faults, self.numbers = faults, numbers
        self.lately: dict[str, list[str]] = {}  # file -> tests that caught a fault, the last first
        self.found: dict[int, Verdict] = {}
        self.is_done = False

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:  # a file could not be imported
            return True
        items = {item.nodeid: item for item in session.items}
        place = InPlace(self.faults)
        gc.collect()
        gc.freeze()  # no process below touches, and so copies, what is here already

        def work(i: int) -> Verdict | str:
            fault = self.faults[i]
            tests = self.judge.tests(fault)
            prepare()
            clear_caches(self.judge.project.package.name)
            try:
                place.plant(fault)
            except CannotPlantError:
                return "to be imported"
            return self.first_failure([items[test] for test in self.in_good_order(fault, tests)])

        answers = in_children(work, self.numbers, self.judge.workers)
        for i, answer in progress(answers, len(self.numbers), "in place"):
            if answer != "to be imported":
                self.found[i] = answer or LIMIT
                self.remember(self.faults[i], self.found[i])
        self.is_done = True
        return True

    def in_good_order(self, fault: Fault, tests: list[str]) -> list[str]:
        """The tests, but first those that have just caught faults of this file."""
        lately = [test for test in self.lately.get(fault.file, [])[:8] if test in tests]
        return lately + [test for test in tests if test not in lately]

    def remember(self, fault: Fault, verdict: Verdict) -> None:
        """Keep the test that caught the fault for in_good_order."""
        lately = self.lately.setdefault(fault.file, [])
        if verdict.test in lately:
            lately.remove(verdict.test)
        if verdict.test:
            lately.insert(0, verdict.test)


class _Run(_Watch):
    """Of all tests only some, in a given order."""

    def __init__(self, judge: Judge, tests: list[str]) -> None:
        super().__init__(judge)
        self.tests = tests

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        if not session.testsfailed:
            self.first_failure([items[test] for test in self.tests if test in items])
        return True
