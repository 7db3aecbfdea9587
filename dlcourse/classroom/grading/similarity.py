"""Pairs of notebooks that are nearly the same: a reason to talk to two learners, never a proof.

Code is cut into tokens by patterns, without running or parsing it. Names become one word, numbers
and texts another, comments and layout disappear: renaming hides nothing. Runs of K tokens in a row
(shingles) are compared, those left that the handed-out notebook or the solution does not have, and
that only few learners share. Source: Broder 1997, "On the resemblance and containment of documents"
(resemblance = shared shingles / all shingles of both).
"""

import keyword
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from dlcourse.classroom.grading.intake import Cell

K = 8  # tokens in a shingle
MAX_TOKENS = 10_000  # of one notebook
MIN_OWN = 25  # shingles of their own that both need: with fewer, likeness means nothing
ALIKE = 0.8  # from this resemblance on a pair is named
COMMON = 0.25  # what more than this part of a class has (and more than FEW) is everybody's
FEW = 4
MAX_PAIRS = 50  # named in the report

TOKEN = re.compile(
    r"""
    (?P<comment>\#[^\n]*)
  | (?P<text>[rbfuRBFU]{0,2}(?:\"\"\"[^\"]*\"\"\"|'''[^']*'''|"[^"\n]*"|'[^'\n]*'))
  | (?P<number>\d[\w.]*)
  | (?P<name>[^\W\d]\w*)
  | (?P<sign>[^\w\s])
    """,
    re.X,
)


@dataclass(frozen=True)
class Pair:
    """Two submissions by their numbers, and how much of their own code is the same, 0 to 1."""

    first: int
    second: int
    alike: float


def tokens(source: str) -> list[str]:
    """The tokens of a text of Python, normalised."""
    found = []
    for match in TOKEN.finditer(source):
        kind = match.lastgroup
        if kind == "comment":
            continue
        if kind == "name":
            found.append(match[0] if keyword.iskeyword(match[0]) else "name")
        else:
            found.append(match[0] if kind == "sign" else str(kind))
        if len(found) == MAX_TOKENS:
            break
    return found


def shingles(cells: Iterable[Cell]) -> np.ndarray:
    """The runs of K tokens of a notebook, as sorted numbers. A run never spans two cells."""
    found: set[int] = set()
    left = MAX_TOKENS
    for cell in cells:
        row = tokens(cell.source)[:left]
        left -= len(row)
        runs = (" ".join(row[start : start + K]) for start in range(len(row) - K + 1))
        found.update(zlib.crc32(run.encode("utf-8", "replace")) for run in runs)
    return np.array(sorted(found), dtype=np.uint32)


def similar_pairs(notebooks: Sequence[np.ndarray]) -> list[Pair]:
    """The pairs that are alike, the most alike first.

    notebooks: the shingles of each one, without those of the handed-out notebook and the solution.
    """
    if not notebooks:
        return []
    values, counts = np.unique(np.concatenate(notebooks), return_counts=True)
    limit = max(FEW, COMMON * len(notebooks))
    everybodys = values[counts > limit]
    shared_by_two = values[(counts >= 2) & (counts <= limit)]
    own = [np.setdiff1d(notebook, everybodys, assume_unique=True) for notebook in notebooks]
    holders: dict[int, list[int]] = defaultdict(list)
    for number, notebook in enumerate(own):
        if len(notebook) >= MIN_OWN:
            for shingle in np.intersect1d(notebook, shared_by_two, assume_unique=True).tolist():
                holders[shingle].append(number)
    shared: Counter[tuple[int, int]] = Counter()
    for numbers in holders.values():
        shared.update(combinations(numbers, 2))
    pairs = []
    for (first, second), count in shared.items():
        alike = count / (len(own[first]) + len(own[second]) - count)
        if alike >= ALIKE:
            pairs.append(Pair(first, second, alike))
    return sorted(pairs, key=lambda pair: (-pair.alike, pair.first, pair.second))
