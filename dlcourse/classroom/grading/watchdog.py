"""Watches what all processes of a submission use together: limits of the system count one each."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress

from dlcourse.classroom.grading import reasons
from dlcourse.classroom.grading.limits import MEGABYTE, Limits

INTERVAL = 0.1  # seconds
PAGE = os.sysconf("SC_PAGE_SIZE")


class Watchdog(threading.Thread):
    """Calls stop(reason) once the processes below `pid` use more than the limits allow.

    orphaned() is called instead when the process that started the grader's own is gone.
    """

    def __init__(
        self, pid: int, limits: Limits, stop: Callable[[str], None], orphaned: Callable[[], None]
    ) -> None:
        super().__init__(daemon=True)
        self.pid, self.limits, self.stop, self.orphaned = pid, limits, stop, orphaned
        self.parent = os.getppid()
        self.ended = threading.Event()

    def run(self) -> None:
        """Look ten times a second until `ended` is set."""
        while not self.ended.wait(INTERVAL):
            if os.getppid() != self.parent:
                return self.orphaned()
            reason = self.excess()
            if reason:
                return self.stop(reason)
        return None

    def excess(self) -> str | None:
        """Which limit is passed, as a reason, or None."""
        pids = processes_below(self.pid)
        if len(pids) > self.limits.tasks // 2:
            return reasons.PROCESS_LIMIT
        allowed = self.limits.memory_mb * MEGABYTE
        # Resident pages are quick to read, but count shared ones in each process: an upper bound.
        if sum(map(_resident, pids)) > allowed and sum(map(_proportional, pids)) > allowed:
            return reasons.MEMORY_LIMIT
        return None


def processes_below(pid: int) -> list[int]:
    """A process and all its descendants. In a sandbox orphans stay below its first process."""
    found = [pid]
    for parent in found:
        found += _children(parent)  # the list grows while it is walked
    return found


def _children(pid: int) -> list[int]:
    children: list[int] = []
    with suppress(OSError):  # a process may end at any moment
        for thread in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError), open(f"/proc/{pid}/task/{thread}/children") as file:
                children += map(int, file.read().split())
    return children


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * PAGE
    except OSError:  # it has ended
        return 0


def _proportional(pid: int) -> int:
    """The memory of a process, with each shared page divided by the number of its users."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            lines = [line.split() for line in file]
    except OSError:  # it has ended, or may not be read: then what it shares counts in full
        return _resident(pid)
    return next((int(line[1]) * 1024 for line in lines if line[0] == "Pss:"), 0)
