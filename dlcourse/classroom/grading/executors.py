"""Where submissions are graded: processes on this machine, or a Dask cluster.

`run.py` works with any `concurrent.futures.Executor`; here are those that the command line offers.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from types import FrameType

MakeExecutor = Callable[[], AbstractContextManager[Executor]]

PROCESSES, DASK = "processes", "dask://"
DASK_RETRIES = 3
CONNECT = 15  # seconds to find the scheduler
PATIENCE = 10.0  # seconds for a worker to clean up


def maker(name: str, workers: int) -> MakeExecutor:
    """What makes a fresh executor. name: "processes", or "dask://host:port" of a scheduler.

    Raises:
        ValueError: there is no such executor, or its package is not installed.
    """
    if workers < 1:
        raise ValueError(f"--workers must be at least 1; got {workers}.")
    if name == PROCESSES:
        return lambda: _processes(workers)
    if name.startswith(DASK):
        try:
            import distributed  # noqa: F401
        except ImportError as error:
            raise ValueError(
                "Grading on a Dask cluster needs the package distributed: "
                "pip install 'dlcourse[scale]', here and on every worker."
            ) from error
        return lambda: _dask(name.removeprefix(DASK))
    raise ValueError(f'The executor is "processes" or "dask://host:port"; got {name!r}.')


@contextmanager
def _processes(workers: int) -> Iterator[Executor]:
    """A pool of processes. Where it is left early, its workers end, and clean up before."""
    before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_prepare_worker)
    try:
        yield pool
        pool.shutdown()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        ours = set(multiprocessing.active_children()) - before
        for worker in ours:
            worker.terminate()
        for worker in ours:
            worker.join(PATIENCE)
        raise


def _prepare_worker() -> None:
    """Ctrl-C is the parent's business; without a parent a worker ends by itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end(number: int, frame: FrameType | None) -> None:
    """As an exception, so that a submission that is being graded is cleaned up."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_leave_later, daemon=True).start()
    raise SystemExit(128 + number)


def _leave_later() -> None:
    """The pool keeps a worker alive whose task has failed: leave once its cleaning is done."""
    threading.Event().wait(PATIENCE / 2)
    os._exit(1)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    """The workers of a Dask cluster. What a lost worker had goes to another one."""
    from distributed import Client

    try:
        opened = Client(f"tcp://{address}", set_as_default=False, timeout=CONNECT)
    except (OSError, TimeoutError, ValueError) as error:
        raise ValueError(f"There is no Dask scheduler at {address}. Start one: dask scheduler"
                         ) from error  # fmt: skip
    with opened as client:
        executor = client.get_executor(retries=DASK_RETRIES, pure=False)
        try:
            yield executor
        finally:
            executor.shutdown(wait=False)
