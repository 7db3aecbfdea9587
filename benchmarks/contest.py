"""Two contestants on the same case, block by block in turn: neighbours in time are compared.

A machine does other things too, and its clock goes up and down. Two blocks that follow each other
meet much the same machine, so their ratio wanders less than either time; the median over many
pairs forgets the few that were disturbed. Where arrays happen to lie in memory makes a process
quicker or slower as a whole, so the pairs come from several fresh processes.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks.worker import Worker

AGREE = 1e-4  # relative gap of the two losses; a larger one makes a row invalid
PAUSE = 0.12  # seconds until the threads of the process that computed before stop spinning


@dataclass(frozen=True)
class Settings:
    """How a measurement is done.

    device     "cpu", "cuda", or "torch": ours on torch tensors on the CPU
    threads    of NumPy and of torch, at least 1
    processes  fresh processes per case, at least 1
    pairs      pairs of blocks in each of them, at least 2
    seconds    how long a block takes, about
    checked    so many first steps must have the same losses
    clock      "wall" (what a person waits for) or "cpu" (processor time of the process: steadier
               on a busy machine; for one thread)
    apart      True: each contestant in a process of its own. With several threads it must be so:
               threads of one library that wait in a loop slow the other one down.
    """

    device: str = "cpu"
    threads: int = 1
    processes: int = 3
    pairs: int = 11
    seconds: float = 0.1
    checked: int = 20
    clock: str = "wall"
    apart: bool = False


@dataclass
class Row:
    """The result for one case. A ratio is first / second: below 1 the first is quicker."""

    case: str
    title: str
    first: str
    second: str
    threads: int
    pairs: list[tuple[float, float]] = field(default_factory=list)  # seconds per step
    losses: tuple[float, float] = (0.0, 0.0)  # of both, after the same number of steps
    valid: bool = True  # the two losses agree
    first_ms: float = 0.0  # per step, median over the blocks
    second_ms: float = 0.0
    ratio: float = 0.0  # median over the pairs
    quartiles: tuple[float, float] = (0.0, 0.0)

    def summarise(self) -> None:
        """Fill in medians and quartiles from the pairs."""
        ratios = [a / b for a, b in self.pairs]
        lower, self.ratio, upper = statistics.quantiles(ratios, n=4, method="inclusive")
        self.quartiles = (lower, upper)
        self.first_ms = 1000 * statistics.median(a for a, _ in self.pairs)
        self.second_ms = 1000 * statistics.median(b for _, b in self.pairs)

    def check_losses(self, first: list[float], second: list[float]) -> None:
        """Two engines that compute the same have the same losses from step to step."""
        self.losses = (first[-1], second[-1])
        gaps = [abs(a - b) / abs(b) for a, b in zip(first, second, strict=True)]
        self.valid = self.valid and all(gap <= AGREE for gap in gaps)  # NaN is no agreement


def compare(
    case: str, title: str, engines: tuple[str, str], settings: Settings,
    after_pair: Callable[[], Any] = lambda: None,
) -> Row:  # fmt: skip
    """Measure one case with two engines.

    after_pair  is called after each pair, for a progress bar
    Raises:     WorkerError if a contestant can't be built or fails
    """
    row = Row(case, title, *engines, settings.threads)
    for _ in range(settings.processes):
        with _workers(engines, settings) as held:
            for engine, worker in held.items():
                build = {"device": settings.device, "threads": settings.threads}
                worker.ask("build", engine=engine, case=case, **build)
            check = {"steps": settings.checked}
            row.check_losses(*(held[e].ask("first_losses", engine=e, **check) for e in engines))
            steps = _steps_per_block(held, settings)
            for number in range(settings.pairs):
                turns = engines if number % 2 == 0 else engines[::-1]
                seconds = {e: _block(held[e], e, steps, settings) for e in turns}
                row.pairs.append((seconds[engines[0]], seconds[engines[1]]))
                after_pair()
    row.summarise()
    return row


@contextmanager
def _workers(engines: tuple[str, str], settings: Settings) -> Iterator[dict[str, Worker]]:
    """The worker of each engine: one for both, or one for each."""
    with ExitStack() as stack:
        if settings.apart:
            yield {e: stack.enter_context(Worker(settings.threads)) for e in engines}
        else:
            yield dict.fromkeys(engines, stack.enter_context(Worker(settings.threads)))


def _steps_per_block(held: dict[str, Worker], settings: Settings) -> int:
    """So many steps that a block of the slower one takes about the wanted time."""
    slower = max(_block(worker, engine, 1, settings) for engine, worker in held.items())
    return max(1, round(settings.seconds / max(slower, 1e-6)))


def _block(worker: Worker, engine: str, steps: int, settings: Settings) -> float:
    if settings.apart:
        time.sleep(PAUSE)
    return worker.ask("block", engine=engine, steps=steps, clock=settings.clock)
