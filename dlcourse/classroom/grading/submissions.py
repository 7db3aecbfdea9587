"""Finds the submissions in a folder or an archive, and says whose they are.

Three layouts, also mixed, and also in zip archives:

    STUDENT/15_backpropagation.ipynb      15_backpropagation/STUDENT.ipynb
    STUDENT_15_backpropagation.ipynb

Who handed something in is told by the outermost name, which the teacher or the platform chose.
Names inside a learner's own folder or archive only say which assignment it is: nobody can hand in
under another one's name.
"""

import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlcourse.classroom.grading import reasons
from dlcourse.classroom.grading.archives import (
    MAX_DEPTH,
    MAX_INNER,
    MAX_MEMBER,
    Archive,
    Refused,
    is_archive,
)
from dlcourse.classroom.grading.intake import MAX_BYTES, Unreadable, content_of
from dlcourse.classroom.values import clean

MAX_SKIPPED = 500  # named in the report
MAX_NAME = 120  # characters of a student's name in the outputs
IGNORED = re.compile(r"\.|__MACOSX$")  # at the start: hidden files, and what macOS adds
COPY = re.compile(r"(?:[ _]?\((\d+)\)|-(\d+))$")  # of a second try: "name (1)", "name-2"
BROWSERS_COPY = re.compile(r" \(\d+\)$")  # a name of a student may end in "-2", but not in this
MOODLE = re.compile(r"_assignsubmission_file_?$")


@dataclass(frozen=True)
class Submission:
    """One notebook of one student.

    student: the name as it was found, text from a stranger. place: where it was found, for the
    teacher. path: the file, or the archive that holds it. members: numbers of the members that lead
    to it, from archive to archive. refused: why it can't be read, or "".
    """

    student: str
    assignment: str
    place: str
    path: Path
    members: tuple[int, ...] = ()
    copy: int = 0
    refused: str = ""

    @property
    def name(self) -> str:
        """The student's name for people: printable, in one line, of bounded length."""
        shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in self.student)
        return clean(shown, MAX_NAME)

    def read(self) -> bytes:
        """The notebook's bytes.

        Raises:
            Unreadable: with one of our reasons.
        """
        if self.refused:
            raise Unreadable(self.refused)
        if not self.members:
            return content_of(self.path)
        try:
            return _read_member(self.path, self.members)
        except Refused as finding:
            large = str(finding) == "too large"
            raise Unreadable(reasons.TOO_LARGE if large else reasons.NO_NOTEBOOK) from finding
        except (OSError, IndexError) as error:  # the archive is gone, or another one
            raise Unreadable(reasons.NO_FILE) from error


@dataclass
class Found:
    """What a search found. skipped: (place, why) of files that are graded for nobody."""

    submissions: list[Submission] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    more_skipped: int = 0

    def skip(self, place: str, why: str) -> None:
        """Note a file that is not graded."""
        if len(self.skipped) < MAX_SKIPPED:
            self.skipped.append((_shown(place), why))
        else:
            self.more_skipped += 1


@dataclass(frozen=True)
class _Whose:
    """What the names on the way to a file have said so far."""

    student: str = ""
    assignment: str = ""


def find(roots: Sequence[str | os.PathLike[str]], assignments: Sequence[str]) -> Found:
    """The submissions to some assignments ("15_backpropagation"), sorted, one per student and each.

    roots: folders, or archives that a platform made.

    Raises:
        ValueError: a root is not there.
    """
    search = _Search(assignments)
    for root in map(Path, roots):
        if root.is_dir():
            search.folder(root, "", _Whose(), depth=0)
        elif root.is_file() and is_archive(root.name):
            search.archive(root, (), root.name, search.of_root(root.stem), 0)
        else:
            raise ValueError(f"{root} is neither a folder nor a zip archive.")
    search.found.submissions = _one_each(search.found)
    return search.found


class _Search:
    """A walk through folders and archives."""

    def __init__(self, assignments: Sequence[str]) -> None:
        self.known = {name.casefold(): name for name in assignments}
        self.found = Found()

    def of_root(self, stem: str) -> _Whose:
        """A platform's archive may be named like the assignment."""
        return _Whose("", self.known.get(stem.casefold(), ""))

    def folder(self, folder: Path, place: str, whose: _Whose, depth: int) -> None:
        """All files of a folder. Links are never followed."""
        if depth > 20:
            self.found.skip(place, "a folder too deep")
            return
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            self.found.skip(place or str(folder), f"can't be read ({error.strerror})")
            return
        for entry in entries:
            inner = f"{place}/{entry.name}" if place else entry.name
            if IGNORED.match(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                self.folder(Path(entry.path), inner, self._enter(whose, entry.name), depth + 1)
            elif entry.is_symlink() and os.path.isdir(entry.path):
                self.found.skip(inner, "a link to a folder")
            elif is_archive(entry.name) and entry.is_file(follow_symlinks=False):
                self._archive_in_folder(Path(entry.path), inner, whose)
            else:
                self._file(Path(entry.path), (), inner, entry.name, whose)

    def _archive_in_folder(self, path: Path, place: str, whose: _Whose) -> None:
        """Named like the assignment it is a platform's; every other one is a learner's own."""
        if not whose.student:
            platform = self.of_root(path.stem)
            whose = platform if platform.assignment else self._owner(whose, path.stem)
        self.archive(path, (), place, whose, 0)

    def archive(
        self, path: Path, members: tuple[int, ...], place: str, whose: _Whose, depth: int,
        content: bytes | None = None,
    ) -> None:  # fmt: skip
        """All files of an archive: of a path, or of the content of a member."""
        if depth >= MAX_DEPTH:
            self.found.skip(place, "an archive in too many others")
            return
        try:
            with Archive(path if content is None else content, content is not None) as opened:
                for member in opened.members():
                    way = (*members, member.number)
                    self._member(opened, member, path, way, place, whose, depth)
        except Refused as finding:
            self.found.skip(place, str(finding))
        except OSError as error:
            self.found.skip(place, f"can't be read ({error.strerror})")

    def _member(
        self, opened: Archive, member: Any, path: Path, way: tuple[int, ...], place: str,
        whose: _Whose, depth: int,
    ) -> None:  # fmt: skip
        *folders, name = member.parts
        if any(IGNORED.match(part) for part in member.parts):
            return
        for folder in folders:
            whose = self._enter(whose, folder)
        inner = f"{place}/{'/'.join(member.parts)}"
        if not is_archive(name):
            self._file(path, way, inner, name, whose, member.refused, member.size)
        elif member.refused:
            self.found.skip(inner, member.refused)
        else:
            try:
                content = opened.read(way[-1], MAX_INNER)
            except Refused as finding:
                self.found.skip(inner, str(finding))
                return
            owner = whose if whose.student else self._owner(whose, Path(name).stem)
            self.archive(path, way, inner, owner, depth + 1, content)

    def _enter(self, whose: _Whose, folder: str) -> _Whose:
        """What a folder's name adds: the assignment if it is one, else the student."""
        assignment = self.known.get(folder.casefold())
        if assignment and not whose.assignment:
            return _Whose(whose.student, assignment)
        return whose if whose.student else self._owner(whose, folder)

    def _owner(self, whose: _Whose, name: str) -> _Whose:
        """The student of a top folder, or of an archive that is a learner's own."""
        student, assignment, _ = self._split(name)
        if student and assignment:
            return _Whose(student, assignment)
        return _Whose(MOODLE.sub("", name) or name, whose.assignment)

    def _file(
        self, path: Path, members: tuple[int, ...], place: str, name: str, whose: _Whose,
        refused: str = "", size: int = 0,
    ) -> None:  # fmt: skip
        if Path(name).suffix.lower() != ".ipynb":
            self.found.skip(place, "not a notebook")
            return
        student, assignment, copy = self._split(name[: -len(".ipynb")])
        if not whose.student and whose.assignment and not assignment:
            student = BROWSERS_COPY.sub("", name[: -len(".ipynb")])
        student = whose.student or student
        assignment = assignment or whose.assignment
        if not assignment:
            self.found.skip(place, "the name of no assignment of this run")
        elif not student:
            self.found.skip(place, "whose it is can't be told from its name")
        else:
            problem = reasons.NO_FILE if refused else ""
            problem = reasons.TOO_LARGE if not problem and size > MAX_BYTES else problem
            student = unicodedata.normalize("NFC", student)
            self.found.submissions.append(
                Submission(student, assignment, _shown(place), path, members, copy, problem)
            )

    def _split(self, stem: str) -> tuple[str, str, int]:
        """A file's stem as student, assignment, number of the copy; "" for what it does not say."""
        number = 0
        found = COPY.search(stem)
        if found:
            stem, number = stem[: found.start()], int((found[1] or found[2])[:9])
        folded = stem.casefold()
        for known, name in self.known.items():
            if folded == known:
                return "", name, number
            if folded.endswith(f"_{known}") and len(folded) == len(stem):
                return stem[: -len(known) - 1], name, number
        return "", "", number


def _one_each(found: Found) -> list[Submission]:
    """Of several notebooks of one student for one assignment: the latest copy, else the first."""
    chosen: dict[tuple[str, str], Submission] = {}
    for item in found.submissions:
        key = (item.assignment, item.student)
        known = chosen.get(key)
        if known is None:
            chosen[key] = item
            continue
        keep, drop = (item, known) if item.copy > known.copy else (known, item)
        chosen[key] = keep
        found.skip(drop.place, f"{keep.place} of the same student was graded instead")
    return [chosen[key] for key in sorted(chosen)]


def _read_member(path: Path, members: tuple[int, ...]) -> bytes:
    """Through the archives to the notebook: only the innermost content is kept."""
    source: Path | bytes = path
    for number in members[:-1]:
        with Archive(source, isinstance(source, bytes)) as archive:
            source = archive.read(number, MAX_INNER)
    with Archive(source, isinstance(source, bytes)) as archive:
        return archive.read(members[-1], MAX_MEMBER)


def _shown(place: str) -> str:
    return clean("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in place), 300)
