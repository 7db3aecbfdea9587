"""The report: how many faults were caught, and which were not. benchmarks/mutants.json and .md.

Some faults change nothing that anyone could notice: they are no faults. equivalent.toml lists
them, each with its reason, and they don't count. An entry that fits no fault, or one that a test
catches, is an error: such a list must not rot.
"""

import math
import tomllib
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.mutation.faults import Fault
from tests.mutation.judging import Verdict

WANTED, WANTED_PER_FILE = 0.95, 0.90
CRASHES = {"AttributeError", "NameError", "TypeError", "UnboundLocalError", "import"}


# --- Faults that are none ---------------------------------------------------------------------
@dataclass(frozen=True)
class Equivalent:
    """An entry of the list: the faults of one line, or some of them, that change nothing."""

    file: str
    where: str
    line: str  # the text of the line
    why: str
    changes: tuple[str, ...] = ()  # none: all changes of this line

    def fits(self, fault: Fault) -> bool:
        """True if the entry speaks of this fault."""
        place = (fault.file, fault.where, fault.source) == (self.file, self.where, self.line)
        return place and (not self.changes or fault.change in self.changes)


def read_equivalents(path: Path) -> list[Equivalent]:
    """The entries of the list: a table for each file, with its entries in it."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return [
        Equivalent(
            file, entry["where"], entry["line"], entry["why"], tuple(entry.get("changes", ()))
        )
        for file, entries in tables.items()
        for entry in entries
    ]


def stale(entries: list[Equivalent], faults: list[Fault]) -> list[str]:
    """What is wrong with the list: entries, or changes in them, that fit no fault."""
    problems = []
    files = {fault.file for fault in faults}
    for entry in entries:
        if entry.file not in files:
            continue
        found = {fault.change for fault in faults if entry.fits(fault)}
        missing = set(entry.changes) - found if entry.changes else set() if found else {"any"}
        problems += [
            f"{entry.file} {entry.where}: {entry.line} | {text}" for text in sorted(missing)
        ]
    return problems


# --- Counting ---------------------------------------------------------------------------------
@dataclass
class Count:
    """The faults of one file, or of all."""

    faults: int = 0  # that there are
    planted: int = 0  # that were tried; the others were not drawn
    equivalent: int = 0
    caught: int = 0
    crashed: int = 0  # of the caught: Python's own errors, such as a TypeError
    ended: int = 0  # of the caught: by the limit of time or memory
    survived: int = 0

    @property
    def share(self) -> float:
        """Caught, of those that count."""
        return self.caught / max(1, self.caught + self.survived)

    @property
    def strict(self) -> float:
        """The same without the faults that made Python itself complain."""
        subtle = self.caught - self.crashed
        return subtle / max(1, subtle + self.survived)

    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of the share (Wilson 1927), for a sample; else the share."""
        n = self.caught + self.survived
        if self.planted == self.faults or not n:
            return self.share, self.share
        z, p = 1.96, self.share
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return middle - half, min(1.0, middle + half)

    def add(self, verdict: Verdict | None, is_equivalent: bool) -> None:
        """Count one fault; None: it was not drawn."""
        self.faults += 1
        if verdict is None:
            return
        self.planted += 1
        self.equivalent += is_equivalent
        self.caught += verdict.caught
        self.crashed += verdict.caught and verdict.error in CRASHES
        self.ended += verdict.error == "limit"
        self.survived += not verdict.caught and not is_equivalent


@dataclass
class Report:
    """What a run found."""

    counts: dict[str, Count]
    survivors: list[Fault]
    problems: list[str]  # with the list of equivalents
    catchers: dict[str, int]  # test file -> faults that it was the first to see
    settings: dict[str, Any]

    @property
    def total(self) -> Count:
        """All files together."""
        total = Count()
        for count in self.counts.values():
            for name, value in asdict(count).items():
                setattr(total, name, getattr(total, name) + value)
        return total

    @property
    def is_good(self) -> bool:
        """True if enough was caught, altogether and in each file, and the list is right."""
        enough = all(count.share >= WANTED_PER_FILE for count in self.counts.values())
        return enough and self.total.share >= WANTED and not self.problems


def make_report(
    faults: list[Fault], verdicts: dict[int, Verdict], entries: list[Equivalent], settings: dict
) -> Report:
    """The report on all faults; verdicts: by the number of those that were tried."""
    counts: dict[str, Count] = {}
    survivors, problems, catchers = [], stale(entries, faults), Counter()
    for i, fault in enumerate(faults):
        verdict, listed = verdicts.get(i), any(entry.fits(fault) for entry in entries)
        counts.setdefault(fault.file, Count()).add(verdict, listed)
        if verdict is None:
            continue
        if verdict.caught:
            catchers[verdict.test.split("::")[0].rsplit("/", 1)[-1]] += 1
            if listed:
                problems.append(f"{described(fault)} is listed, but {verdict.test} catches it")
        elif not listed:
            survivors.append(fault)
    return Report(counts, survivors, problems, dict(catchers), settings)


def described(fault: Fault) -> str:
    """A fault in one line."""
    return f"{fault.file}:{fault.line} {fault.where} | {fault.source} | {fault.change}"
