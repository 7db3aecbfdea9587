"""Archives of learning platforms: read member by member in memory, and never unpacked.

No path that an archive names is ever opened or written. What could cost too much is refused before
it is read: too many entries, too much text in all, a member that grows too much.
"""

import io
import os
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dlcourse.classroom.grading.limits import MEGABYTE

MAX_ENTRIES = 20_000  # of one archive
MAX_DIRECTORY = 4 * MEGABYTE  # of its table of contents, which is read as a whole
MAX_MEMBER = 5 * MEGABYTE  # a notebook; longer ones can't be graded anyway
MAX_INNER = 50 * MEGABYTE  # an archive in an archive
MAX_TOTAL = 2048 * MEGABYTE  # all notebooks and inner archives of one archive, unpacked
MAX_RATIO = 200  # unpacked over packed, for members above RATIO_FROM
RATIO_FROM = MEGABYTE
MAX_DEPTH = 3  # archives in archives

_END = b"PK\x05\x06"
_END_LENGTH = 22
_END_OF_64 = b"PK\x06\x07"
_LONGEST_COMMENT = 65_535


class Refused(Exception):  # noqa: N818 - a finding about an archive, not a failure of ours
    """An archive or a member that is not read. Its text says why, in our words."""


@dataclass(frozen=True)
class Member:
    """One file of an archive. number: its place in the table of contents (names may repeat)."""

    number: int
    parts: tuple[str, ...]  # the folders and the name
    size: int
    refused: str  # why it is not read, or ""


class Archive:
    """An open zip archive. inner: it was found in another one, and comes from a learner.

    Raises:
        Refused: it is no zip archive, is damaged, or holds too many entries.
    """

    def __init__(self, source: str | os.PathLike[str] | bytes, inner: bool = False) -> None:
        file = io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb")  # noqa: SIM115
        try:
            _require_small_directory(file, inner)
            self._zip = zipfile.ZipFile(file)
        except Refused:
            file.close()
            raise
        except Exception as error:  # zipfile raises many kinds for a damaged or hostile file
            file.close()
            raise Refused("a damaged archive") from error
        self._file = file
        infos = self._zip.infolist()
        if len(infos) > MAX_ENTRIES:
            self.close()
            raise Refused(f"an archive with more than {MAX_ENTRIES} entries")

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._zip.close()
        self._file.close()

    def members(self) -> Iterator[Member]:
        """The files, in the order of the table of contents."""
        total = 0
        for number, info in enumerate(self._zip.infolist()):
            if info.is_dir():
                continue
            parts = _parts(info)
            wanted = parts is not None and parts[-1].lower().endswith((".ipynb", ".zip"))
            total += info.file_size if wanted else 0
            refused = _refusal(info, parts)
            if not refused and total > MAX_TOTAL:
                refused = f"an archive of more than {MAX_TOTAL // MEGABYTE} MB"
            yield Member(number, parts or ("(a forbidden name)",), info.file_size, refused)

    def read(self, number: int, limit: int) -> bytes:
        """The bytes of a member, whatever size its entry claims.

        Raises:
            Refused: it has more than `limit` bytes, or is damaged.
        """
        info = self._zip.infolist()[number]
        refused = _refusal(info, _parts(info))
        if refused:
            raise Refused(refused)
        try:
            with self._zip.open(info) as member:
                content = member.read(limit + 1)
        except Exception as error:  # a wrong checksum, an unknown method, overlapping members
            raise Refused("damaged") from error
        if len(content) > limit:
            raise Refused("too large")
        return content


def _parts(info: zipfile.ZipInfo) -> tuple[str, ...] | None:
    """The folders and the name of an entry, or None where they could lead out of a folder."""
    name = info.filename
    if not name or name.startswith("/") or "\\" in name or "\0" in name or name[1:2] == ":":
        return None
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    return None if not parts or ".." in parts else parts


def _refusal(info: zipfile.ZipInfo, parts: tuple[str, ...] | None) -> str:
    """Why an entry is not read, or ""."""
    if parts is None:
        return "a path that leads out of its folder"
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "a link or a device"
    if info.flag_bits & 0x1:
        return "encrypted"
    if info.file_size > RATIO_FROM and info.file_size > MAX_RATIO * max(1, info.compress_size):
        return "packed far more tightly than a notebook can be"
    return ""


def _require_small_directory(file: IO[bytes], inner: bool) -> None:
    """Look at the table of contents before zipfile reads it as a whole."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _END_LENGTH - _LONGEST_COMMENT))
    tail = file.read()
    # zipfile looks at the very end first, then for the last mark within reach
    plain = tail[-_END_LENGTH:]
    exact = plain.startswith(_END) and plain.endswith(b"\0\0")
    place = len(tail) - _END_LENGTH if exact else tail.rfind(_END)
    if place < 0 or place + _END_LENGTH > len(tail):
        raise Refused("no zip archive")
    if tail[max(0, place - 20) :].startswith(_END_OF_64):
        if inner:
            raise Refused("an archive of the 64-bit form inside another one")
    elif int.from_bytes(tail[place + 12 : place + 16], "little") > MAX_DIRECTORY:
        raise Refused(f"an archive with more than {MAX_ENTRIES} entries")
    file.seek(0)


def is_archive(name: str) -> bool:
    """Whether a file's name says that it is a zip archive."""
    return Path(name).suffix.lower() == ".zip"
