"""A process of its own that holds contestants and lets one of them compute when asked.

`Worker` is the handle on the asking side. The process itself reads one request per line from
standard input and writes one answer per line, both as JSON. While it waits for a request it takes
no processor time, so workers can take turns. The number of threads is in its environment before
NumPy and torch are loaded.
"""

import gc
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
WARM_UP = 2  # steps before the clock starts: caches are cold and the optimiser is new


class WorkerError(RuntimeError):
    """A request could not be carried out; the message is the worker's."""


class Worker:
    """Starts the process; ask(...) sends a request and waits for the answer. Use it in a `with`."""

    def __init__(self, threads: int) -> None:
        environment = os.environ | dict.fromkeys(THREADS, str(threads))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=environment,
            text=True,
        )

    def ask(self, request: str, **arguments: Any) -> Any:
        """The answer to a request: a method of `Host` below, by its name."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):  # it has ended: the empty answer below says so
            self.process.stdin.write(json.dumps([request, arguments]) + "\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise WorkerError(f"The worker has ended at {request!r}, {arguments}.")
        kind, answer = json.loads(line)
        if kind == "error":
            raise WorkerError(answer)
        return answer

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *error: object) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()  # no more requests: the process ends by itself
        self.process.wait()
        self.process.stdout.close()


# --- Inside the process -----------------------------------------------------------------------
class Host:
    """The contestants of this process, by the name of their engine; each request is a method."""

    def __init__(self) -> None:
        self.contestants: dict[str, Any] = {}

    def build(self, engine: str, case: str, device: str, threads: int) -> None:
        """Build a contestant."""
        from benchmarks.contestants import make

        self.contestants[engine] = make(engine, case, device, threads)
        gc.collect()
        gc.freeze()  # later collections look only at what the steps leave behind

    def first_losses(self, engine: str, steps: int) -> list[float]:
        """The losses of the first steps."""
        from benchmarks.contestants import losses

        return losses(self.contestants[engine], steps)

    def block(self, engine: str, steps: int, clock: str) -> float:
        """Seconds per step, over a block of steps from the start weights."""
        contestant, now = self.contestants[engine], CLOCKS[clock]
        contestant.reset()
        for _ in range(WARM_UP):
            contestant.step()
        contestant.wait()
        gc.collect()
        start = now()
        for _ in range(steps):
            contestant.step()
        contestant.wait()
        return (now() - start) / steps

    def peak(self, engine: str, device: str) -> float:
        """MiB that a training takes, see memory.py."""
        from benchmarks.peak import peak_memory

        return peak_memory(self.contestants[engine], device)


def serve() -> None:
    """Answer requests until there are no more."""
    host = Host()
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints goes to standard error, not among the answers
    for line in sys.stdin:
        request, arguments = json.loads(line)
        try:
            answer = ["answer", getattr(host, request)(**arguments)]
        except Exception as error:
            answer = ["error", f"{type(error).__name__}: {error}"]
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    serve()
