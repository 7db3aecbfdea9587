"""A quick test of the sandbox itself: does it hold on this machine, and if not, what to do?"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dlcourse.classroom.grading import sandbox
from dlcourse.classroom.grading.limits import Limits
from dlcourse.classroom.grading.seccomp import open_filter

OLDEST = (0, 8)  # of bubblewrap: the first that limits the size of /tmp and forbids namespaces
SECONDS = 30
INSTALL = "sudo apt install bubblewrap"
NAMESPACES = (
    "allow user namespaces: sudo sysctl kernel.unprivileged_userns_clone=1, or on Ubuntu sudo "
    "sysctl kernel.apparmor_restrict_unprivileged_userns=0; in a container, start it with "
    "--privileged"
)
ELSEWHERE = "grade as an ordinary user instead of root, or on another machine"


@dataclass(frozen=True)
class Examination:
    """What was found. ok: whether submissions can be graded safely. mend: what to do if not."""

    ok: bool
    detail: str
    mend: str = ""


def examine() -> Examination:
    """Start the sandbox and try to break out of it. It takes less than a second."""
    version = _version()
    if version is None:
        return Examination(False, "bubblewrap is not installed", INSTALL)
    name = f"bubblewrap {'.'.join(map(str, version))}"
    if version < OLDEST:
        return Examination(False, f"{name} is too old; 0.8 or newer is needed", INSTALL)
    for tool in ("setpriv", "prlimit", "choom"):
        if shutil.which(tool) is None:
            return Examination(False, f"{tool} is not there", "sudo apt install util-linux")
    try:
        done = _run_probe()
    except subprocess.TimeoutExpired:
        return Examination(False, f"{name} does not end", NAMESPACES)
    if done.returncode != 0:
        first = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[0]
        return Examination(False, f"{name} does not run here: {first}", NAMESPACES)
    leaks = json.loads(done.stdout)
    if leaks:
        return Examination(False, f"{name}: a submission could {', '.join(leaks)}", ELSEWHERE)
    return Examination(True, f"{name}: no network, no view of other files, limits hold")


def _version() -> tuple[int, ...] | None:
    if shutil.which("bwrap") is None:
        return None
    text = subprocess.run(["bwrap", "--version"], capture_output=True, text=True, check=False)
    return tuple(map(int, re.findall(r"\d+", text.stdout)))


def _run_probe() -> "subprocess.CompletedProcess[str]":
    limits = Limits()
    source = Path(__file__).with_name("probe.py").read_text("utf-8")
    with tempfile.TemporaryDirectory(prefix="dlgrade-") as hidden:
        program = [sys.executable, "-c", source, hidden, str(limits.tasks)]
        filter_fd = open_filter()
        handles = () if filter_fd is None else (filter_fd,)
        try:
            return subprocess.run(
                sandbox.command(program, limits, filter_fd=filter_fd),
                capture_output=True,
                text=True,
                check=False,
                timeout=SECONDS,
                env={},
                pass_fds=handles,
            )
        finally:
            for handle in handles:
                os.close(handle)
