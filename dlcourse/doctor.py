"""What is wrong with this environment, and the one command that mends it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
MEGABYTE = 2**20


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    ok:    True, False, or None where something optional is missing.
    mend:  the one command (or step) that mends it; empty when nothing is wrong.
    """

    subject: str
    ok: bool | None
    detail: str
    mend: str = ""


def examine(root: Path = ROOT) -> Iterator[Finding]:
    """Look at everything the course needs, in the order in which to mend it."""
    yield _python()
    yield from _packages(root)
    yield _disk(root)
    yield _progress_folder()
    yield _gpu()
    yield _sandbox()
    yield _program("chromium", CHROMIUM_NAMES, "the browser tests", "chromium")


def find_chromium() -> str | None:
    """The path of an installed Chromium or Chrome, or None."""
    return next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)


def _python() -> Finding:
    # An older Python cannot install the package at all, so there is nothing to compare here.
    return Finding("Python", True, f"{platform.python_version()} at {sys.executable}")


def pinned_versions(root: Path) -> dict[str, str]:
    """Name and version of every package that constraints.txt pins."""
    path = root / "constraints.txt"
    if not path.is_file():
        return {}
    pins = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)$", path.read_text("utf8"), re.M)
    return dict(pins)


def course_packages(root: Path) -> list[str]:
    """What pyproject.toml lists for a learner: the package's needs and the extra `course`."""
    import tomllib

    path = root / "pyproject.toml"
    if not path.is_file():
        return []
    project = tomllib.loads(path.read_text("utf8"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["course"]
    return [re.split(r"[<>=!~ \[]", name)[0] for name in wanted]


def _packages(root: Path) -> Iterator[Finding]:
    pins, wrong = pinned_versions(root), []
    names = course_packages(root)
    if not names:
        yield Finding(
            "packages", None, "not a checkout of the course, so versions are not compared"
        )
        return
    for name in names:
        try:
            found = importlib.metadata.version(name).split("+")[0]
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{name} is missing")
            continue
        if name in pins and found != pins[name]:
            wrong.append(f"{name} {found}, tested with {pins[name]}")
    mend = f'"{sys.executable}" -m pip install -c constraints.txt -e ".[course]"'
    if wrong:
        yield Finding("packages", False, "; ".join(wrong), mend)
    else:
        yield Finding("packages", True, f"{len(names)} packages, at the tested versions")


def _disk(root: Path) -> Finding:
    free = shutil.disk_usage(root).free // MEGABYTE
    if free >= 500:
        return Finding("disk", True, f"{free / 1024:.1f} GiB free")
    return Finding("disk", False, f"{free} MiB free", "free at least 500 MiB")


def _progress_folder() -> Finding:
    folder = Path(os.environ.get("DLCOURSE_HOME", Path.home() / ".dlcourse"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        mend = "set DLCOURSE_HOME to a folder that you may write to"
        return Finding("progress file", None, f"{folder}: {error.strerror}", mend)
    return Finding("progress file", True, str(folder))


def _gpu() -> Finding:
    try:
        import torch
    except ImportError:
        return Finding("GPU", None, "PyTorch is missing, so no GPU can be used (see packages)")
    if torch.cuda.is_available():
        return Finding("GPU", True, torch.cuda.get_device_name(0))
    if torch.backends.mps.is_available():
        return Finding("GPU", True, "Apple GPU (mps)")
    return Finding("GPU", None, "none found; every chapter runs on the CPU")


def _sandbox() -> Finding:
    """Only those who grade need it, so its absence is no fault."""
    purpose = "needed only for grading submissions safely"
    if sys.platform != "linux":
        return Finding("sandbox", None, f"not on this system; {purpose}", "grade on Linux")
    from dlcourse.classroom.grading.examine import examine as examine_sandbox

    found = examine_sandbox()
    if found.ok:
        return Finding("sandbox", True, found.detail)
    return Finding("sandbox", None, f"{found.detail}; {purpose}", found.mend)


def _program(name: str, names: tuple[str, ...], purpose: str, package: str) -> Finding:
    path = next((found for each in names if (found := shutil.which(each))), None)
    if path:
        return Finding(name, True, path)
    mend = f"sudo apt install {package}"
    if sys.platform == "darwin":
        mend = f"brew install {package}"
    return Finding(name, None, f"missing; needed only for {purpose}", mend)
