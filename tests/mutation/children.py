"""Work in child processes: each starts as a copy of this one, with all that is imported here.

A faulty engine may never end, or eat all memory. In a child it can do so without harm: limits of
time and memory end it. Copies of a process (fork) exist on Linux and macOS.
"""

import multiprocessing
import multiprocessing.connection
import os
import resource
import signal
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

MEMORY = 3 * 2**30  # bytes that a child may take beside what it starts with
WAIT = 3600.0  # seconds: so long may a machine sleep

_fork = multiprocessing.get_context("fork")


def in_children(
    work: Callable[[Any], Any], jobs: Iterable[Any], workers: int = 1
) -> Iterator[tuple[Any, Any]]:
    """(job, work(job)) for every job, in the order in which they end, `workers` at a time.

    The answer is None where a child ended without one: killed by a limit, for example.
    Raises:  RuntimeError, with the child's own message, if work raised an error
    """
    waiting, running = list(jobs)[::-1], {}
    while waiting or running:
        while waiting and len(running) < workers:
            job = waiting.pop()
            ours, theirs = _fork.Pipe(duplex=False)
            child = _fork.Process(target=_answer, args=(work, job, theirs))
            child.start()
            theirs.close()
            running[ours] = (job, child)
        for pipe in multiprocessing.connection.wait(list(running)):
            job, child = running.pop(pipe)
            answer, problem = _received(pipe)
            child.join()
            if problem:
                raise RuntimeError(f"An error in a child process:\n{problem}")
            yield job, answer


def in_child(work: Callable[[], Any]) -> Any:
    """work() in a child process."""
    ((_, answer),) = in_children(lambda _: work(), [None])
    return answer


def _answer(work: Callable[[Any], Any], job: Any, pipe: Any) -> None:
    try:
        answer, problem = work(job), ""
    except MemoryError:  # the limit was reached outside a test
        return
    except Exception:
        answer, problem = None, traceback.format_exc()
    pipe.send((answer, problem))
    pipe.close()


def _received(pipe: Any) -> tuple[Any, str]:
    try:
        return pipe.recv()
    except EOFError:
        return None, ""
    finally:
        pipe.close()


# --- Limits -----------------------------------------------------------------------------------
def be_silent(*streams: int) -> None:
    """Send what this process prints nowhere: 1 is stdout, 2 is stderr."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nowhere, stream)


def limit_memory() -> None:
    """This process may take MEMORY more; then Python raises MemoryError."""
    status = Path("/proc/self/statm")
    if status.exists():  # Linux; elsewhere the limit of time has to do
        taken = int(status.read_text().split()[0]) * resource.getpagesize()
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, hard))


def limit_time(seconds: float) -> None:
    """From now on so many seconds of computing, or WAIT of anything; then it ends.

    A busy machine makes a test wait, but not compute: it must not be ended for that.
    """
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, WAIT)
