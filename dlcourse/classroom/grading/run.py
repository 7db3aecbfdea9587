"""Grade a class: every notebook once, whatever happens to one of them, to a worker or to us.

At most a few notebooks are in memory at a time. What is done goes into the journal at once, so a
run that was stopped goes on where it was.
"""

import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    wait,
)
from dataclasses import dataclass, field
from typing import Any

from dlcourse.classroom.grading import reasons, sandbox, scoring
from dlcourse.classroom.grading.executors import MakeExecutor
from dlcourse.classroom.grading.intake import Unreadable
from dlcourse.classroom.grading.journal import Journal, notebook_key, release_key
from dlcourse.classroom.grading.limits import Limits
from dlcourse.classroom.grading.one import grade_one
from dlcourse.classroom.grading.release import Release
from dlcourse.classroom.grading.submissions import Submission

TRIES = 3
GRADER_FAILED = "grader failed"
GRADER_FAILED_SENTENCE = (
    "The grader itself failed on your notebook, several times. This is not your fault: ask your "
    "instructor to look at it."
)
NOT_FINAL = (GRADER_FAILED, reasons.NOT_STARTED_KERNEL)  # tried again in the next run


class ClusterLost(RuntimeError):  # noqa: N818 - it names what happened
    """The workers are out of reach. What was graded is kept."""


@dataclass
class Job:
    """A notebook to grade. tries: how often it has failed."""

    key: str
    release: Release
    content: bytes
    tries: int = 0


@dataclass(frozen=True)
class Settings:
    """How a class is graded. window: so many notebooks are handed to the executor at a time."""

    make_executor: MakeExecutor
    window: int
    limits: Limits = field(default_factory=Limits)
    sandbox: str = sandbox.BUBBLEWRAP


def grade_class(
    submissions: Sequence[Submission],
    releases: Mapping[str, Release],
    journal: Journal,
    secret: bytes,
    settings: Settings,
    done: Callable[[int], None] = lambda count: None,
) -> list[dict[str, Any]]:
    """The grades of all submissions, in their order, as JSON data of `grade_one`.

    releases: by assignment. done(count): called after each notebook, for a progress bar.

    Raises:
        ClusterLost: the workers of a cluster are out of reach.
    """
    run = _Run(submissions, releases, journal, secret, settings, done)
    run.grade()
    return [run.result(number) for number in range(len(submissions))]


class _Run:
    def __init__(
        self, submissions: Sequence[Submission], releases: Mapping[str, Release], journal: Journal,
        secret: bytes, settings: Settings, done: Callable[[int], None],
    ) -> None:  # fmt: skip
        self.submissions, self.releases, self.journal = submissions, releases, journal
        self.settings, self.done = settings, done
        self.release_keys = {
            name: release_key(secret, release, settings.limits, settings.sandbox)
            for name, release in releases.items()
        }
        self.keys: list[str] = []  # of each submission; "" where it was unreadable
        self.grades: dict[str, dict[str, Any]] = {}  # of this run, by key
        self.refused: dict[int, dict[str, Any]] = {}  # by the submission's number
        self.started: set[str] = set()
        self.again: deque[Job] = deque()

    def grade(self) -> None:
        """Grade what is not in the journal. A pool that breaks is replaced by a new one."""
        jobs = self._jobs()
        first = self._next(jobs)
        if first is None:
            return
        self.again.append(first)
        while not self._finished(jobs):
            pass

    def _finished(self, jobs: Iterator[Job]) -> bool:
        """Work until all is done, or until the executor is broken."""
        flying: dict[Future, Job] = {}
        with self.settings.make_executor() as executor:
            while True:
                try:
                    self._fill(executor, flying, jobs)
                    if not flying:
                        return True
                    for future in wait(flying, return_when=FIRST_COMPLETED).done:
                        self._receive(future, flying)
                except BrokenExecutor as error:
                    self._land(flying, error)
                    return False

    def _fill(self, executor: Executor, flying: dict[Future, Job], jobs: Iterator[Job]) -> None:
        """Hand out work. A notebook that has failed before runs alone, so it takes none along."""
        while len(flying) < self._room(flying):
            job = self._next(jobs)
            if job is None:
                return
            try:
                future = executor.submit(
                    _grade, job.release, job.content, self.settings.limits, self.settings.sandbox
                )
            except BrokenExecutor:
                self.again.appendleft(job)  # it has not even begun
                raise
            flying[future] = job

    def _land(self, flying: dict[Future, Job], error: Exception) -> None:
        """The executor is broken: keep what was done, and try the rest again."""
        for future, job in flying.items():
            if future.done() and not future.cancelled() and future.exception() is None:
                self._graded(job, future.result())
            else:
                self._failed(job, error)

    def _room(self, flying: dict[Future, Job]) -> int:
        suspects = [*self.again, *flying.values()]
        return 1 if any(job.tries for job in suspects) else self.settings.window

    def _next(self, jobs: Iterator[Job]) -> Job | None:
        return self.again.popleft() if self.again else next(jobs, None)

    def _receive(self, future: Future, flying: dict[Future, Job]) -> None:
        job = flying[future]
        try:
            grade = future.result()
        except BrokenExecutor:
            raise  # the job stays among those that were in the air
        except CancelledError as error:
            raise ClusterLost(
                "The cluster is out of reach. What was graded is kept: run the same command again."
            ) from error
        except Exception as error:  # of our own code, or of a worker that died too often
            del flying[future]
            self._failed(job, error)
        else:
            del flying[future]
            self._graded(job, grade)

    def _failed(self, job: Job, error: Exception) -> None:
        job.tries += 1
        if job.tries < TRIES:
            self.again.append(job)
            return
        grade = ungraded(job.release, GRADER_FAILED, GRADER_FAILED_SENTENCE)
        self._graded(job, {**grade, "trouble": f"{type(error).__name__}: {error}"})

    def _graded(self, job: Job, grade: dict[str, Any]) -> None:
        self.grades[job.key] = grade
        if not any(exercise["reason"] in NOT_FINAL for exercise in grade["exercises"]):
            self.journal.add(job.key, grade)
        self.done(1)

    def _jobs(self) -> Iterator[Job]:
        """What is left to grade. Equal notebooks are graded once."""
        for number, submission in enumerate(self.submissions):
            release = self.releases[submission.assignment]
            try:
                content = submission.read()
            except Unreadable as finding:
                self.keys.append("")
                self.refused[number] = ungraded(release, str(finding))
                self.done(1)
                continue
            key = notebook_key(self.release_keys[submission.assignment], content)
            self.keys.append(key)
            if key in self.journal.known or key in self.started:
                self.done(1)
                continue
            self.started.add(key)
            yield Job(key, release, content)

    def result(self, number: int) -> dict[str, Any]:
        """The grade of a submission, with its student."""
        key = self.keys[number]
        known = self.grades.get(key) or self.journal.known.get(key) or self.refused[number]
        return {**known, "student": self.submissions[number].name}


def _grade(release: Release, content: bytes, limits: Limits, kind: str) -> dict[str, Any]:
    """In the worker. A warning is for the teacher: it travels with the grade."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        grade = grade_one(release, content, limits=limits, sandbox_kind=kind)
    troubles = [str(w.message) for w in caught if "could not start" in str(w.message)]
    return {**grade, "trouble": troubles[0]} if troubles else grade


def ungraded(release: Release, reason: str, message: str = "") -> dict[str, Any]:
    """The grade of a notebook that never ran, in the form of `grade_one`."""
    exercises = []
    for task in release.tasks:
        row = scoring.row(task.id, scoring.UNGRADED, reason, message=message)
        del row["exercise"]
        shown = {"id": task.id, "title": task.title, "points": 0, "max_points": task.points}
        exercises.append({**shown, **row})
    return {
        "student": "",
        "assignment": release.assignment,
        "points": 0,
        "max_points": sum(task.points for task in release.tasks),
        "exercises": exercises,
        "seconds": 0.0,
    }
