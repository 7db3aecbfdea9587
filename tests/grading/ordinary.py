"""Runs a program as an ordinary user where the tests run as root.

Python may be installed below a folder that only root may enter. Then the program gets a view of the
file system of its own (a mount namespace), in which that folder holds Python alone.
"""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

USER = 47123  # no account needed

# $1: the folder that others can't enter; $2: Python's folder below it; then the program.
OPEN_FOLDER = """
set -e
closed="$1"; python="$2"; shift 2
hold=$(mktemp -d); mount -t tmpfs -o mode=755 none "$hold"
mkdir "$hold/python"; mount --rbind "$python" "$hold/python"
mount -t tmpfs -o mode=755 none "$closed"
mkdir -p "$python"; mount --move "$hold/python" "$python"
umount "$hold"; rmdir "$hold"
exec "$@"
"""


def command(program: list[str]) -> list[str]:
    """The command line that runs a program as an ordinary user."""
    if os.geteuid() != 0:
        return program
    drop = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *program]
    closed = _closed_folder()
    if closed is None:
        return drop
    python = os.path.dirname(os.path.dirname(os.path.realpath(sys.executable)))
    return ["unshare", "--mount", "sh", "-c", OPEN_FOLDER, "sh", str(closed), python, *drop]


def give(folder: Path) -> None:
    """Make a folder that user's own."""
    if os.geteuid() == 0:
        os.chown(folder, USER, USER)


def _closed_folder() -> Path | None:
    """The topmost folder above Python that others may not enter."""
    python = Path(os.path.realpath(sys.executable))
    return next((p for p in reversed(python.parents) if not p.stat().st_mode & 0o001), None)


@functools.cache
def impossible() -> str:
    """Why no program can be run as an ordinary user here, or ""."""
    if os.geteuid() != 0:
        return ""
    for tool in ("setpriv", "unshare"):
        if shutil.which(tool) is None:
            return f"{tool} is not there, so nothing was graded as an ordinary user."
    imports = [sys.executable, "-c", "import dlcourse, pytest"]
    tried = subprocess.run(
        command(imports), capture_output=True, text=True, env={"PATH": os.environ["PATH"]}, cwd="/"
    )
    if tried.returncode == 0:
        return ""
    return "Python can't be used by an ordinary user here, so nothing was graded as one."
