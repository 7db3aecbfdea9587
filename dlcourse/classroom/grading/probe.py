"""Runs inside the sandbox, as a submission would, and prints what it could do but should not.

Arguments: a folder of the host that must not be seen, and the number of tasks that is allowed.
"""

import ctypes
import json
import os
import resource
import sys
from collections.abc import Callable

CLONE_NEWUSER = 0x10000000


def leaks(hidden_folder: str, tasks: int) -> list[str]:
    """What this process can do. In a sandbox that holds: []."""
    attempts: dict[str, Callable[[], object]] = {
        "write to /": lambda: _write("/"),
        "write to /usr": lambda: _write("/usr"),
        "write to /dev": lambda: _write("/dev"),
        "see other folders": lambda: os.stat(hidden_folder),
        "see the exercises": _import_exercises,
        "use a network": _find_network,
        "make user namespaces": _make_namespace,
    }
    found = [what for what, action in attempts.items() if _succeeds(action)]
    if os.geteuid() == 0:
        found.append("be root")
    if resource.getrlimit(resource.RLIMIT_NPROC)[1] != tasks:
        found.append("start any number of processes")
    return found


def _succeeds(action: Callable[[], object]) -> bool:
    try:
        action()
    except (OSError, ImportError):
        return False
    return True


def _write(folder: str) -> None:
    path = os.path.join(folder, f"probe-{os.getpid()}")
    with open(path, "w"):
        os.remove(path)


def _import_exercises() -> None:
    from dlcourse.classroom import checks  # noqa: F401


def _find_network() -> None:
    with open("/proc/net/dev") as file:
        names = [line.partition(":")[0].strip() for line in file if ":" in line]
    if names == ["lo"]:
        raise OSError("only the loopback device")


def _make_namespace() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "unshare")


if __name__ == "__main__":
    print(json.dumps(leaks(sys.argv[1], int(sys.argv[2]))))
