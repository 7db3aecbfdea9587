"""The plan: which files get faults, and which tests can see them.

All tests run once without a fault, while `coverage` notes which lines each of them runs. A test
that never runs the faulty line can't see the fault, so only the others are tried: those made for
the file first, the quick ones before the slow ones.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import coverage
import pytest

from tests.mutation.faults import Fault
from tests.mutation.planting import clear_caches

# The files of the engine. Not allocator.py, which changes no number: it only saves time.
ENGINE = (
    *("device", "neuron", "gradients", "anomaly", "backprop", "ops", "nonlinear", "graph"),
    *("layers/*", "losses", "optim", "schedules", "train", "checkpoint", "architectures/*"),
    "games",
)
# The tests made for a file, where they are not simply test_NAME.py.
TESTS_OF = {
    "gradients": ["test_backprop"],
    "nonlinear": ["test_ops"],
    "activation": ["test_layers"],
    "container": ["test_layers", "test_attention"],
    "linear": ["test_layers"],
    "module": ["test_layers"],
    "windows": ["test_conv", "test_pooling"],
    "conv_transpose": ["test_conv"],
    "fused_lstm": ["test_recurrent"],
    "positions": ["test_attention"],
    "losses": ["test_losses", "test_distances"],
}
# These look at the heads of all functions, whose lines no test runs again.
OF_HEADS = ("test_defaults.py",)
# These compare durations. On a busy machine they could fail without having seen the fault.
TIMED = ("linear_time",)

QUIET = ("-q", "--tb=no", "--capture=no", "-o", "addopts=--strict-markers",
         "-p", "no:cacheprovider", "-p", "no:faulthandler")  # fmt: skip


@dataclass(frozen=True)
class Project:
    """What is tested: the files of a package, and the folder of its tests."""

    package: Path
    tests: Path
    files: tuple[str, ...]  # such as "layers/conv.py"
    tests_of: dict[str, list[str]] = field(default_factory=dict)
    timed: tuple[str, ...] = ()

    def test_files(self, file: str) -> list[Path]:
        """The test files made for a file of the package."""
        stem = Path(file).stem
        names = self.tests_of.get(stem, [f"test_{stem}"])
        return [path for name in names for path in sorted(self.tests.rglob(f"{name}.py"))]

    def is_timed(self, test: str) -> bool:
        """True for a test that must not decide."""
        return any(name in test for name in self.timed)


def engine(root: Path) -> Project:
    """The engine of the course."""
    package = root / "dlcourse"
    files = [
        path.relative_to(package).as_posix()
        for pattern in ENGINE
        for path in sorted(package.glob(f"{pattern}.py"))
        if path.stem != "__init__"
    ]
    return Project(package, root / "tests" / "engine", tuple(files), TESTS_OF, TIMED)


# --- What the tests run -----------------------------------------------------------------------
@dataclass
class Record:
    """One run of all tests without a fault."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))  # of each test
    failed: list[str] = field(default_factory=list)
    lines: dict[str, dict[int, list[str]]] = field(default_factory=dict)  # file -> line -> tests
    at_import: dict[str, set[int]] = field(default_factory=dict)  # file -> lines run by an import


class _Recorder:
    """A pytest plugin that tells `coverage` which test is running."""

    def __init__(self, project: Project, watch: coverage.Coverage) -> None:
        self.project, self.watch, self.record = project, watch, Record()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if not self.project.is_timed(item.nodeid)]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        clear_caches(self.project.package.name)
        self.watch.switch_context(item.nodeid)
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.record.seconds[report.nodeid] += report.duration
        if report.failed:
            self.record.failed.append(report.nodeid)


def record(project: Project) -> Record:
    """Run all tests once. Call it in a process that has not imported the package."""
    watch = coverage.Coverage(data_file=None, config_file=False, include=[f"{project.package}/*"])
    recorder = _Recorder(project, watch)
    watch.start()
    status = pytest.main([*QUIET, str(project.tests)], plugins=[recorder])
    watch.stop()
    found = recorder.record
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        found.failed.append(f"pytest ended with status {int(status)}")
    data = watch.get_data()
    for file in project.files:
        by_line = data.contexts_by_lineno(str(project.package / file))
        found.lines[file] = {n: [t for t in tests if t] for n, tests in by_line.items()}
        found.at_import[file] = {n for n, tests in by_line.items() if "" in tests}
    found.seconds = dict(found.seconds)
    return found


def chosen_tests(
    fault: Fault, project: Project, known: Record, limits: tuple[float, float], imported: bool
) -> list[str]:
    """The tests that can see a fault, in the order in which they are tried.

    limits    seconds of tests made for the fault's file, and of others; the slow ones are left out
    imported  True if the fault is imported anew: then every test that runs the file may see it
    """
    own_files = {path.name for path in project.test_files(fault.file)}
    lines = known.lines[fault.file]
    which = lines if imported and fault.is_local else fault.lines
    tests = {test for line in which for test in lines.get(line, [])}
    if not fault.is_local:
        tests |= {test for test in known.seconds if is_in(test, set(OF_HEADS))}
    chosen, totals = [], {True: 0.0, False: 0.0}
    order = sorted(tests, key=lambda t: (known.seconds[t], t))
    for is_own, limit in zip((True, False), limits, strict=True):
        for test in order:
            if is_in(test, own_files) == is_own:
                totals[is_own] += known.seconds[test]
                if totals[is_own] <= limit:
                    chosen.append(test)
    return chosen


def is_in(test: str, files: set[str]) -> bool:
    """True if the test stands in one of these files."""
    return test.split("::")[0].rsplit("/", 1)[-1] in files
