"""How the time of a training step grows with batch, width, depth, length and size of the graph.

    python -m benchmarks.growth                 all curves
    python -m benchmarks.growth width context   two of them

Each curve changes one size and leaves the others. On logarithmic axes a power law t = c nᵖ is a
line with slope p; the slope is fitted to the upper half of the sizes, where the fixed costs of a
step no longer count. PyTorch runs beside it, size by size. One thread.
Writes growth-DEVICE.json, .md and .png.
"""

import gc
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import torch
from threadpoolctl import threadpool_limits
from tqdm import tqdm

import dlcourse as dl
from benchmarks import models, report
from benchmarks.contestants import Ours, PyTorch, versions, waiting
from benchmarks.growth_report import chart, page

SECONDS = 0.4  # per engine and size, about
ROUNDS = (5, 40)  # steps per engine and size, at least and at most


class Curve(NamedTuple):
    """One thing that grows, and how fast the time may grow with it."""

    title: str
    label: str  # of the axis
    sizes: tuple[int, ...]
    build: Callable[[int, str], tuple[Any, Any]]  # size, device -> the two contestants
    least: float  # the exponent that the mathematics allows: from …
    most: float  # … to
    reason: str


@dataclass
class Growth:
    """What was measured for one curve."""

    curve: str
    title: str
    label: str
    allowed: tuple[float, float]
    reason: str
    sizes: list[int] = field(default_factory=list)
    ours_ms: list[float] = field(default_factory=list)
    theirs_ms: list[float] = field(default_factory=list)
    exponent: float = math.nan
    their_exponent: float = math.nan


# --- What grows -------------------------------------------------------------------------------
def _training(make_case: Callable[[int], models.Case]) -> Callable[[int, str], tuple[Any, Any]]:
    """Contestants that train the case of a given size."""

    def build(size: int, device: str) -> tuple[Any, Any]:
        case = make_case(size)
        pair = Ours(case, device), PyTorch(case, device)
        for contestant in pair:
            contestant.reset()
        return pair

    return build


class Chain:
    """A graph of n operations in a row. Its step is the backward pass alone."""

    def __init__(self, x: Any, size: int, device: str) -> None:
        self.x, self.size, self.wait = x, size, waiting(device)

    def prepare(self) -> None:
        self.x.grad = None
        y = self.x
        for _ in range(self.size // 2):
            y = y * 0.999 + 0.001
        self.end = y.sum()

    def step(self) -> None:
        self.end.backward()


def _chains(size: int, device: str) -> tuple[Any, Any]:
    values = np.linspace(-1, 1, 8, dtype="float32")
    with dl.use(device):
        x = dl.Tensor(values, requires_grad=True)
    place = "cuda" if device == "cuda" else "cpu"
    theirs = torch.tensor(values, device=place, requires_grad=True)
    return Chain(x, size, device), Chain(theirs, size, device)


CURVES = {
    "batch": Curve(
        "MLP, batch", "samples", (32, 64, 128, 256, 512, 1024, 2048),
        _training(lambda n: models.mlp([128, 128, 128, 10], n)), 1, 1,
        "Each sample costs the same.",
    ),
    "width": Curve(
        "MLP, width", "units per layer", (32, 64, 128, 256, 512, 1024),
        _training(lambda n: models.mlp([n, n, n, 10], 64)), 1, 2,
        "A layer from n to n units has n² weights.",
    ),
    "depth": Curve(
        "MLP, depth", "layers", (2, 4, 8, 16, 32, 64),
        _training(lambda n: models.mlp([128] * n + [10], 64)), 1, 1,
        "Each layer costs the same.",
    ),
    "images": Curve(
        "CNN, batch", "images", (8, 16, 32, 64, 128, 256),
        _training(lambda n: models.cnn(16, [8, 16], 3, [1, 1], [32], n)), 1, 1,
        "Each image costs the same.",
    ),
    "side": Curve(
        "CNN, side of the image", "pixels", (8, 16, 32, 64, 128),
        _training(lambda n: models.cnn(n, [8, 16], 3, [1, 1], [], 8)), 1, 2,
        "An image has side² pixels.",
    ),
    "steps": Curve(
        "LSTM, length", "steps", (8, 16, 32, 64, 128, 256, 512),
        _training(lambda n: models.lstm(16, 32, n, 16)), 1, 1,
        "Each step costs the same.",
    ),
    "context": Curve(
        "GPT, length", "tokens", (16, 32, 64, 128, 256, 512),
        _training(lambda n: models.gpt(64, n, 64, 4, 1, 4)), 1, 2,
        "Attention compares each token with each other; all else costs the same per token.",
    ),
    "layers": Curve(
        "GPT, depth", "layers", (1, 2, 4, 8, 16),
        _training(lambda n: models.gpt(64, 32, 64, 4, n, 8)), 1, 1,
        "Each layer costs the same.",
    ),
    "graph": Curve(
        "Backward, graph", "operations", (100, 300, 1000, 3000, 10_000, 30_000, 100_000),
        _chains, 1, 1,
        "Each operation is visited once.",
    ),
}  # fmt: skip


# --- Measuring --------------------------------------------------------------------------------
def measure(
    name: str, sizes: tuple[int, ...], device: str, seconds: float, after_size: Any
) -> Growth:
    """One curve at these sizes. after_size is called after each, for a progress bar."""
    curve = CURVES[name]
    allowed = (curve.least, curve.most)
    growth = Growth(name, curve.title, curve.label, allowed, curve.reason)
    for size in sizes:
        ours, theirs = milliseconds(curve.build(size, device), device, seconds)
        growth.sizes.append(size)
        growth.ours_ms.append(ours)
        growth.theirs_ms.append(theirs)
        after_size()
    growth.exponent = exponent(growth.sizes, growth.ours_ms)
    growth.their_exponent = exponent(growth.sizes, growth.theirs_ms)
    return growth


def milliseconds(pair: tuple[Any, Any], device: str, seconds: float) -> list[float]:
    """The shortest time of a step for each of two contestants that take turns.

    The shortest, because whatever disturbs a step only makes it longer. It is processor time,
    which does not count the work of others on the machine; on a GPU it is the time on the clock.
    """
    now = time.perf_counter if device == "cuda" else time.process_time
    times: list[list[float]] = [[], []]
    gc.collect()
    least, most = ROUNDS
    for turn in range(most + 1):
        for contestant, taken in zip(pair, times, strict=True):
            contestant.prepare()
            contestant.wait()
            start = now()
            contestant.step()
            contestant.wait()
            taken.append(now() - start)
        if turn >= least and sum(map(sum, times)) > 2 * seconds:
            break
    return [1000 * min(taken[1:]) for taken in times]  # the first one warms up


def exponent(sizes: list[int], times: list[float]) -> float:
    """The slope of log t against log n over the upper half of the sizes, by least squares."""
    upper = len(sizes) // 2 if len(sizes) > 3 else 0
    slope, _ = np.polyfit(np.log(sizes[upper:]), np.log(times[upper:]), deg=1)
    return float(slope)


@click.command(help=__doc__)
@click.argument("names", nargs=-1, type=click.Choice(list(CURVES)))
@click.option("--device", type=click.Choice(["cpu", "cuda", "torch"]), default="cpu")
@click.option("--quick", is_flag=True, help="the two smallest sizes: does it run?")
@click.option("--out", type=click.Path(path_type=Path), default=report.RESULTS)
def main(names: tuple[str, ...], device: str, quick: bool, out: Path) -> None:
    torch.set_num_threads(1)
    about = report.machine() | versions()
    sizes = {name: CURVES[name].sizes[: 2 if quick else None] for name in names or CURVES}
    seconds = 0.0 if quick else SECONDS
    total, results = sum(map(len, sizes.values())), []
    with (
        threadpool_limits(1),
        tqdm(total=total, desc="Measuring", unit="size", disable=None) as bar,
    ):
        for name, wanted in sizes.items():
            results.append(measure(name, wanted, device, seconds, bar.update))
            bar.write(f"{name:8s} {results[-1].exponent:5.2f}, ms {results[-1].ours_ms}")
    stem = out / f"growth-{device}"
    content = {"machine": about, "curves": [asdict(growth) for growth in results]}
    report.write_json(stem.with_suffix(".json"), content)
    report.save_picture(chart(results), stem.with_suffix(".png"))
    stem.with_suffix(".md").write_text(page(about, results, stem.name), "utf8")
    click.echo(f"Written: {stem}.json, .md and .png")


if __name__ == "__main__":
    main()
