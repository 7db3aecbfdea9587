"""From a folder of submissions to a folder of results: what `dlcourse grade` does.

In the output folder: gradebook.csv and .json, index.html, report.html, feedback/STUDENT/*.html.
Readable by their owner alone: the journal and the secret, which a run needs to go on.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from dlcourse.classroom.grading import gradebook, pages, sandbox
from dlcourse.classroom.grading.intake import Unreadable, read
from dlcourse.classroom.grading.journal import Journal, forget, locked, read_secret
from dlcourse.classroom.grading.release import Release, read_release
from dlcourse.classroom.grading.report import Summary, summarise
from dlcourse.classroom.grading.run import Settings, grade_class
from dlcourse.classroom.grading.similarity import MAX_PAIRS, shingles, similar_pairs
from dlcourse.classroom.grading.submissions import Found, Submission, find

Steps = Callable[[int, int], None]  # (how many are done, of how many)


@dataclass(frozen=True)
class Delivered:
    """What a run gave. troubles: what the teacher should know about the grader itself."""

    found: Found
    grades: list[dict[str, Any]]
    troubles: list[str]


def grade_folder(
    roots: Sequence[str | Path],
    out: str | Path,
    notebooks: Sequence[Path],
    settings: Settings,
    *,
    seed: int | None = None,
    fresh: bool = False,
    step: Steps = lambda done, total: None,
) -> Delivered:
    """Grade all submissions below the roots and write the results to `out`.

    notebooks: the assignments, in exercises/ or solutions/. seed: that of the hidden inputs; by
    default a secret one. fresh: forget what an earlier run to the same folder has graded.

    Raises:
        ValueError: there is nothing to grade, or a folder can't be used. Busy: another run writes
        to `out`. ClusterLost: see `run.py`. SandboxMissing: bubblewrap is not installed.
    """
    folder = Path(out)
    _require_apart(roots, folder)
    sandbox.require(settings.sandbox)
    found = find(roots, [path.stem for path in notebooks])
    if not found.submissions:
        raise ValueError(_nothing(roots, notebooks, found))
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        if fresh:
            forget(folder)
        own_seed, secret = read_secret(folder, seed)
        wanted = {submission.assignment for submission in found.submissions}
        used = [path for path in notebooks if path.stem in wanted]
        releases = {path.stem: read_release(path, own_seed) for path in used}
        grades = _grade(found.submissions, releases, folder, secret, settings, step)
        _write(found, grades, used, folder)
    troubles = {grade["trouble"] for grade in grades if "trouble" in grade}
    return Delivered(found, grades, sorted(troubles))


def _grade(
    submissions: Sequence[Submission], releases: dict[str, Release], folder: Path, secret: bytes,
    settings: Settings, step: Steps,
) -> list[dict[str, Any]]:  # fmt: skip
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        step(done, len(submissions))

    step(0, len(submissions))
    with Journal(folder) as journal:
        return grade_class(submissions, releases, journal, secret, settings, count)


def _require_apart(roots: Sequence[str | Path], out: Path) -> None:
    """Submissions must see neither each other nor the results."""
    for path in (*roots, out):
        if sandbox.visible(path):
            raise ValueError(
                f"{path} lies in a folder that all submissions can read (Python's, or /usr). "
                "Take another one."
            )
    if any(out.resolve().is_relative_to(Path(root).resolve()) for root in roots):
        raise ValueError(f"{out} lies among the submissions. Choose a folder beside them.")
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file. --out names a folder.")


def _nothing(roots: Sequence[str | Path], notebooks: Sequence[Path], found: Found) -> str:
    first = ", ".join(f"{place} ({why})" for place, why in found.skipped[:3])
    name = notebooks[0].stem if notebooks else "15_backpropagation"
    return (
        f"No submissions in {', '.join(map(str, roots))}. Expected STUDENT/{name}.ipynb, "
        f"{name}/STUDENT.ipynb or STUDENT_{name}.ipynb." + (f" Found: {first}." if first else "")
    )


def _write(
    found: Found, grades: list[dict[str, Any]], notebooks: Iterable[Path], out: Path
) -> None:
    gradebook.write(grades, out)
    places = [pages.place_of(item.student, item.assignment) for item in found.submissions]
    pages.write_feedback(grades, places, out)
    summaries = _summaries(found, grades, {path.stem: path for path in notebooks})
    pages.write_report(summaries, found, out)
    pages.write_index(grades, places, summaries, found, out)


def _summaries(
    found: Found, grades: Sequence[dict[str, Any]], notebooks: dict[str, Path]
) -> list[Summary]:
    """One for each assignment: submissions are sorted by it."""
    summaries = []
    both = zip(found.submissions, grades, strict=True)
    for name, group in groupby(both, key=lambda pair: pair[0].assignment):
        members = list(group)
        summary = summarise(name, [grade for _, grade in members])
        pairs = similar_pairs(_own_shingles([item for item, _ in members], notebooks[name]))
        named = [(members[pair.first][1]["student"], members[pair.second][1]["student"], pair.alike)
                 for pair in pairs[:MAX_PAIRS]]  # fmt: skip
        summary.pairs, summary.more_pairs = named, max(0, len(pairs) - MAX_PAIRS)
        summaries.append(summary)
    return summaries


def _own_shingles(submissions: Sequence[Submission], notebook: Path) -> list[np.ndarray]:
    """The shingles of each notebook that its assignment does not have itself."""
    given = np.unique(np.concatenate([shingles(read(path)) for path in _versions(notebook)]))
    found = []
    for submission in submissions:
        try:
            own = shingles(read(submission.read()))
        except Unreadable:
            own = np.array([], dtype=np.uint32)
        found.append(np.setdiff1d(own, given, assume_unique=True))
    return found


def _versions(notebook: Path) -> list[Path]:
    """The notebook, and the same one with or without solutions, where that lies beside it."""
    others = [notebook.parent.parent / room / notebook.name for room in ("exercises", "solutions")]
    return [notebook, *(path for path in others if path.is_file() and path != notebook)]
