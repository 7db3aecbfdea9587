"""What has been graded so far: one line of JSON for each notebook, added and never changed.

A line is on the disk before the next notebook counts as done, so a run that was stopped, whatever
stopped it, goes on where it was. A line is found again by a key: a keyed hash of the notebook's
bytes and of the release, made with the run's secret. From the journal alone nobody can tell the
hidden inputs or whether a guess at them is right.
"""

import fcntl
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from dlcourse.classroom.grading.files import PRIVATE, write_file
from dlcourse.classroom.grading.limits import Limits
from dlcourse.classroom.grading.release import Release

SECRET, JOURNAL, LOCK = ".secret.json", "journal.jsonl", ".lock"
SEED_BITS = 63


class Busy(RuntimeError):  # noqa: N818 - it names the state
    """Another run writes to the same folder."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for one run. The lock ends with the process, however it ends.

    Raises:
        Busy: another run holds it.
    """
    with open(folder / LOCK, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy(f"Another run is writing to {folder}. Wait for it, or take another folder."
                       ) from error  # fmt: skip
        yield


def read_secret(folder: Path, seed: int | None = None) -> tuple[int, bytes]:
    """The seed of the hidden inputs and the key of the journal; drawn anew where there are none.

    Raises:
        ValueError: another seed is asked for than the one that this folder was graded with.
    """
    path = folder / SECRET
    if path.is_file():
        known = json.loads(path.read_text())
        if seed is not None and seed != known["seed"]:
            raise ValueError(
                f"{folder} was graded with another seed. Leave out --seed to go on with that one, "
                "or add --fresh to grade everything again."
            )
        return known["seed"], bytes.fromhex(known["key"])
    seed = secrets.randbits(SEED_BITS) if seed is None else seed
    key = secrets.token_bytes(32)
    write_file(path, json.dumps({"seed": seed, "key": key.hex()}), PRIVATE)
    return seed, key


def forget(folder: Path) -> None:
    """Remove what an earlier run left in order to go on: the next one starts afresh."""
    for name in (JOURNAL, SECRET):
        (folder / name).unlink(missing_ok=True)


def release_key(secret: bytes, release: Release, limits: Limits, sandbox: str) -> bytes:
    """A hash of everything besides the notebook that a grade depends on."""
    settings = [asdict(release), asdict(limits), sandbox]
    text = json.dumps(settings, sort_keys=True)
    return hmac.digest(secret, text.encode(), hashlib.sha256)


def notebook_key(release: bytes, content: bytes) -> str:
    """The key of a notebook's line. release: of `release_key`."""
    return hmac.new(release, content, hashlib.sha256).hexdigest()


class Journal:
    """The journal of a folder, open for new lines. known: key -> grade."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / JOURNAL
        self.known: dict[str, dict[str, Any]] = {}
        whole = self._load()
        self._file: IO[bytes] = open(self.path, "ab")  # noqa: SIM115 - see close()
        os.chmod(self.path, PRIVATE)
        self._file.truncate(whole)  # a line that was cut off would spoil the next one

    def _load(self) -> int:
        """Read the lines that are whole. The number of their bytes."""
        if not self.path.is_file():
            return 0
        whole = 0
        with open(self.path, "rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break  # the machine stopped while it was written
                try:
                    entry = json.loads(line)
                    self.known[entry["key"]] = entry["grade"]
                except (ValueError, TypeError, KeyError):  # or before it was all on the disk
                    break
                whole += len(line)
        return whole

    def add(self, key: str, grade: dict[str, Any]) -> None:
        """Add a line. It is on the disk when this returns."""
        line = json.dumps({"key": key, "grade": grade}) + "\n"
        self._file.write(line.encode())
        self._file.flush()
        os.fsync(self._file.fileno())
        self.known[key] = grade

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
