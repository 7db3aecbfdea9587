"""What a teacher wants to know about a class: plain numbers, and two pictures an assignment."""

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dlcourse import plots
from dlcourse.classroom import checks
from dlcourse.classroom.base import NOT_STARTED, RIGHT, WRONG, Wrong
from dlcourse.classroom.grading.scoring import UNGRADED

NAMES = {UNGRADED: "not graded"}
STATUSES = (RIGHT, WRONG, NOT_STARTED, UNGRADED)
LOOKS = {  # colour and pattern: the pattern tells them apart without colours
    RIGHT: ("#00704f", ""),
    WRONG: ("#e39a4f", "///"),
    NOT_STARTED: ("#c3cad8", ""),
    UNGRADED: ("#ffffff", "xxx"),
}
MOST_FREQUENT = 10
SLOWEST = 5
MOST_UNGRADED = 100


@dataclass(frozen=True)
class Mistake:
    """A frequent mistake: where, how many learners made it, and the message that they read."""

    exercise: str
    name: str
    count: int
    message: str


@dataclass
class Summary:
    """One assignment of a class."""

    assignment: str
    students: int
    max_points: int
    mean: float
    median: float
    counts: dict[str, Counter[str]]  # exercise -> status -> learners
    titles: dict[str, str]
    mistakes: list[Mistake]
    slowest: list[tuple[str, str, float]]  # student, exercise, seconds
    seconds: float
    ungraded: list[tuple[str, str, str]]  # student, exercises, reason
    more_ungraded: int
    pairs: list[tuple[str, str, float]] = field(default_factory=list)  # students, how much alike
    more_pairs: int = 0
    figures: list[plots.Figure] = field(default_factory=list)


def summarise(assignment: str, grades: Sequence[dict[str, Any]]) -> Summary:
    """The numbers of one assignment, from the grades of all who handed it in."""
    first = grades[0]["exercises"]
    pairs = [(grade, exercise) for grade in grades for exercise in grade["exercises"]]
    counts = {exercise["id"]: Counter[str]() for exercise in first}
    for _, exercise in pairs:
        counts[exercise["id"]][exercise["status"]] += 1
    timed = sorted(
        ((grade["student"], exercise["id"], exercise["seconds"]) for grade, exercise in pairs),
        key=lambda row: -row[2],
    )
    ungraded = [row for grade in grades for row in _ungraded(grade)]
    points = [grade["points"] for grade in grades]
    summary = Summary(
        assignment=assignment,
        students=len(grades),
        max_points=grades[0]["max_points"],
        mean=statistics.mean(points),
        median=statistics.median(points),
        counts=counts,
        titles={exercise["id"]: exercise["title"] for exercise in first},
        mistakes=_mistakes(pairs),
        slowest=[row for row in timed[:SLOWEST] if row[2] > 0],
        seconds=sum(grade["seconds"] for grade in grades),
        ungraded=ungraded[:MOST_UNGRADED],
        more_ungraded=max(0, len(ungraded) - MOST_UNGRADED),
    )
    summary.figures = [_distribution(summary), _histogram(summary, points)]
    return summary


def _ungraded(grade: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What was not graded of one notebook, and why: (student, exercises, reason)."""
    by_reason: dict[str, list[str]] = {}
    for exercise in grade["exercises"]:
        if exercise["status"] == UNGRADED:
            by_reason.setdefault(exercise["reason"], []).append(exercise["id"])
    everything = len(grade["exercises"])
    return [
        (grade["student"], "all" if len(names) == everything else ", ".join(names), reason)
        for reason, names in by_reason.items()
    ]


def _mistakes(pairs: Sequence[tuple[Any, dict[str, Any]]]) -> list[Mistake]:
    """The causes of wrong answers that occur most often."""
    found = Counter(
        (exercise["id"], exercise["cause"] or exercise["reason"])
        for _, exercise in pairs
        if exercise["status"] == WRONG
    )
    messages = {(ex["id"], ex["cause"] or ex["reason"]): ex["message"] for _, ex in pairs}
    return [
        Mistake(
            exercise, _name(cause), count, _message(exercise, cause) or messages[exercise, cause]
        )
        for (exercise, cause), count in found.most_common(MOST_FREQUENT)
    ]


def _name(cause: str) -> str:
    """The name of a mistake in the exercise's specification, or the kind of fault."""
    kind, _, name = cause.partition(":")
    if kind == "misconception":
        return name
    names = {
        "shape": "another shape",
        "values": "other values",
        "error": "stops with an error",
        "type": "another type",
        "in place": "changes its input",
        "relation": "a simple relation to the right values",
        "diagnosis": f"diagnosis {name}",
        "malformed": "can't be read",
    }
    return names.get(kind, cause)


def _message(exercise: str, cause: str) -> str:
    """A misconception's message as the specification has it: for all learners the same."""
    kind, _, name = cause.partition(":")
    known = checks.find(exercise).wrong.get(name) if kind == "misconception" else None
    plain = isinstance(known, Wrong) and "{" not in known.message
    return known.message if known and plain else ""


def _distribution(summary: Summary) -> plots.Figure:
    """A bar for each exercise, divided by outcome."""
    names = list(summary.counts)
    figure, axes = plots.canvas(7.2, 1.3 + 0.34 * len(names))
    left = [0] * len(names)
    for status in STATUSES:
        values = [summary.counts[name][status] for name in names]
        colour, pattern = LOOKS[status]
        axes.barh(
            names, values, left=left, label=NAMES.get(status, status), color=colour, hatch=pattern,
            edgecolor=plots.INK, linewidth=0.6,
        )  # fmt: skip
        left = [a + b for a, b in zip(left, values, strict=True)]
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set(xlabel="learners", ylabel="exercise", xlim=(0, summary.students))
    axes.legend(ncols=4, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    shares = "; ".join(
        f"{name}: " + ", ".join(f"{summary.counts[name][s]} {NAMES.get(s, s)}" for s in STATUSES
                                if summary.counts[name][s])
        for name in names
    )  # fmt: skip
    return plots.Figure(
        figure,
        f"Bars, one for each exercise, divided by outcome. {shares}.",
        "How many learners have each exercise right.",
    )


def _histogram(summary: Summary, points: Sequence[int]) -> plots.Figure:
    """How many learners have how many points."""
    most = summary.max_points
    counts = Counter(points)
    figure, axes = plots.canvas(7.2, 2.4)
    axes.bar(range(most + 1), [counts[n] for n in range(most + 1)], color=plots.COLORS["neutral"])
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="x", visible=False)
    axes.set(xlabel=f"points (of {most})", ylabel="learners", xlim=(-0.6, most + 0.6))
    listed = ", ".join(f"{counts[n]} with {n}" for n in sorted(counts))
    return plots.Figure(
        figure,
        f"Bars: the number of learners for each number of points. {listed}.",
        f"Points of {summary.students} learners: mean {summary.mean:.1f}, median "
        f"{summary.median:g} of {most}.",
    )
