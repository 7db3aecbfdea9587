"""Mutation testing itself: on a tiny package, some of whose faults its tests can't see."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutation import report
from tests.mutation.faults import faults_of, sample
from tests.mutation.judging import SURVIVED, Verdict
from tests.mutation.writing import as_json, as_markdown

ROOT = Path(__file__).parents[2]
SOURCE = '''"""A tiny package."""

from functools import cache

LARGEST: int = 3
Number = int | float


def area(width: int, height: int) -> int:
    """Width times height: 2 * 3."""
    if width < 0:
        raise ValueError("below 0: " + str(width + 1))
    return width * height


def spaced(text: str, spaces: int = 2) -> str:
    return text + spaces * " "


def held(x):
    """Nobody tests this at the limit itself, where < and <= differ."""
    return x if x < LARGEST else LARGEST


@cache
def constant():
    return 7


def doubled(n):
    total = 0
    while n > 0:
        n -= 1
        total += 2
    return total


def square(x):
    first, second = (lambda: x), (lambda: -x)
    return -first() * second()


def named(function):
    name = function.__name__.strip("_")
    return lambda *inputs: (name, function(*inputs))


@named
def _minus(x, y):
    return x - y
'''
TESTS = """import pytest

from sample import area


def test_area():
    assert area.area(2, 5) == 10
    assert area.area(0, 1) == 0
    with pytest.raises(ValueError, match="below 0"):
        area.area(-1, 2)


def test_spaced():
    assert area.spaced("a") == "a  "


def test_held():
    assert [area.held(x) for x in (1, 2, 9)] == [1, 2, 3]


def test_a_cached_function_is_called():
    assert area.constant() > 0


def test_constant():
    assert area.constant() == 7


def test_doubled():
    assert area.doubled(2) == 4


def test_square():
    assert area.square(3) == 9


def test_minus():
    assert area._minus(5, 2) == ("minus", 3)
"""
RUN = """
import json, os, sys
from pathlib import Path
from tests.mutation.children import be_silent, in_child
from tests.mutation.faults import faults_of
from tests.mutation.judging import Judge
from tests.mutation.plan import Project, record

root = Path(sys.argv[1])
sys.path.insert(0, str(root))
os.chdir(root)
project = Project(root / "sample", root / "checks", ("area.py",))
known = in_child(lambda: (be_silent(1), record(project))[1])
faults = faults_of(root / "sample" / "area.py", "area.py")
verdicts = Judge(project, known, workers=2, least=0.3).verdicts(faults)
print(json.dumps([[f.where, f.change, *vars(v).values()] for f, v in zip(faults, verdicts)]))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("mutation")
    for folder, name, text in (
        ("sample", "__init__.py", ""),
        ("sample", "area.py", SOURCE),
        ("checks", "test_area.py", TESTS),
    ):
        (root / folder).mkdir(exist_ok=True)
        (root / folder / name).write_text(text)
    return root


@pytest.fixture(scope="module")
def verdicts(package: Path) -> dict[tuple[str, str], Verdict]:
    """The verdict on every fault of the tiny package, by function and change."""
    command = [sys.executable, "-c", RUN, str(package)]
    env = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # plugins take seconds to load
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {(where, change): Verdict(*rest) for where, change, *rest in json.loads(done.stdout)}


def faults(package: Path):
    return faults_of(package / "sample" / "area.py", "area.py")


# --- The faults -------------------------------------------------------------------------------
def test_faults_leave_texts_and_hints_alone(package: Path) -> None:
    changes = [(fault.source, fault.change) for fault in faults(package)]
    assert ("return width * height", "`width * height`: Mult becomes Div") in changes
    assert ("def spaced(text: str, spaces: int = 2) -> str:", "`2`: 2 becomes 3") in changes
    assert not [change for source, change in changes if "raise" in source or "Number" in source]
    assert not [change for _, change in changes if "2 * 3" in change]
    assert len(changes) == len(set(changes))


def test_faults_know_their_place(package: Path) -> None:
    found = {fault.change: fault for fault in faults(package)}
    fault = found["`width * height`: Mult becomes Div"]
    assert (fault.file, fault.where, fault.line) == ("area.py", "area", 13)
    assert list(fault.lines) == [13]
    assert fault.is_local
    constant = found["`3`: 3 becomes 4"]
    assert (constant.where, constant.is_local) == ("", False)


def test_a_planted_fault_is_in_the_code_and_nowhere_else(package: Path) -> None:
    fault = next(f for f in faults(package) if "Mult becomes Div" in f.change)
    space: dict = {}
    exec(fault.compiled(), space)
    assert space["area"](6, 3) == 2
    exec(fault.original(), space)
    assert space["area"](6, 3) == 18


def test_a_sample_repeats_with_its_seed(package: Path) -> None:
    every = faults(package)
    few = sample(every, 0.5, None, seed=1)
    assert len(few) == round(len(every) / 2)
    assert few == sample(every, 0.5, None, seed=1)
    assert few != sample(every, 0.5, None, seed=2)
    assert len(sample(every, 1.0, 4, seed=0)) == 4


# --- The verdicts -----------------------------------------------------------------------------
def test_planted_faults_are_caught_by_the_first_test_that_sees_them(verdicts) -> None:
    verdict = verdicts["area", "`width * height`: Mult becomes Div"]
    assert verdict == Verdict(True, "checks/test_area.py::test_area", "AssertionError")
    assert verdicts["area", "`width < 0`: Lt becomes LtE"].error == "ValueError"


def test_what_no_test_sees_survives(verdicts) -> None:
    survivors = {key for key, verdict in verdicts.items() if not verdict.caught}
    assert ("held", "`x < LARGEST`: Lt becomes LtE") in survivors
    assert all(verdicts[key] == SURVIVED for key in survivors)
    assert {where for where, _ in survivors} == {"held"}


def test_a_cached_function_shows_its_fault_to_every_test(verdicts) -> None:
    assert verdicts["constant", "`7`: 7 becomes 8"].test.endswith("test_constant")


def test_endless_faults_are_ended_and_count_as_caught(verdicts) -> None:
    assert verdicts["doubled", "statement dropped"].error in ("limit", "AssertionError")
    assert any(v.error == "limit" for (where, _), v in verdicts.items() if where == "doubled")


def test_faults_outside_functions_and_in_decorators_act(verdicts) -> None:
    assert verdicts["", "`3`: 3 becomes 4"].test.endswith("test_held")
    assert verdicts["spaced", "`2`: 2 becomes 3"].test.endswith("test_spaced")  # a default value
    assert verdicts["_minus", "`x - y`: Sub becomes Add"].test.endswith("test_minus")
    dropped = [
        v for (where, change), v in verdicts.items() if where == "named" and "strip" in change
    ]
    assert dropped
    assert all(verdict.caught for verdict in dropped)


# --- The report -------------------------------------------------------------------------------
ENTRY = report.Equivalent(
    "area.py", "held", "return x if x < LARGEST else LARGEST", "both give the limit",
    ("`x < LARGEST`: Lt becomes LtE",),
)  # fmt: skip


def made(package: Path, entries: list[report.Equivalent]) -> report.Report:
    """A report where all was caught but what the entry speaks of."""
    every = faults(package)
    verdicts = {
        i: SURVIVED if ENTRY.fits(fault) else Verdict(True, "test_area.py::test_area", "TypeError")
        for i, fault in enumerate(every)
    }
    return report.make_report(every, verdicts, entries, {"seed": 0, "seconds": 5.0})


def test_the_report_names_survivors(package: Path) -> None:
    found = made(package, [])
    assert [report.described(fault) for fault in found.survivors] == [
        "area.py:22 held | return x if x < LARGEST else LARGEST | `x < LARGEST`: Lt becomes LtE"
    ]
    total = found.total
    assert total.survived == 1
    assert total.share == total.caught / (total.caught + 1)
    assert total.strict == 0  # all others made Python itself complain
    assert "| `area.py:22` | `return x if x < LARGEST else LARGEST` |" in as_markdown(found)
    assert json.loads(as_json(found))["files"]["area.py"]["survived"] == 1


def test_equivalent_faults_do_not_count(package: Path) -> None:
    found = made(package, [ENTRY])
    assert found.survivors == []
    assert found.total.share == 1
    assert found.is_good


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"line": "return x"}, "held: return x | "),
        ({"changes": ("`x`: gone",)}, "`x`: gone"),
        ({"where": "square", "line": "return -first() * second()", "changes": ()}, "catches it"),
    ],
)
def test_a_stale_list_of_equivalents_is_an_error(package: Path, changes, problem: str) -> None:
    entry = report.Equivalent(**(vars(ENTRY) | changes))
    found = made(package, [entry])
    assert not found.is_good
    assert problem in " ".join(found.problems)


def test_a_sample_has_an_interval_and_all_faults_have_none() -> None:
    count = report.Count(faults=1000, planted=200, caught=190, survived=10)
    low, high = count.interval()
    assert (round(low, 4), round(high, 4)) == (0.9104, 0.9726)  # Wilson's interval for 190 of 200
    count.faults = 200
    assert count.interval() == (0.95, 0.95)


def test_the_list_of_equivalents_fits_the_engine() -> None:
    """An entry that fits no fault, and one without a reason, would hide something."""
    path = Path(__file__).with_name("equivalent.toml")
    entries = report.read_equivalents(path)
    package = ROOT / "dlcourse"
    files = sorted({entry.file for entry in entries})
    every = [fault for file in files for fault in faults_of(package / file, file)]
    assert report.stale(entries, every) == []
    assert all(len(entry.why.split()) > 2 for entry in entries)
