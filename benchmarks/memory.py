"""The memory that a training takes, against PyTorch's.

    python -m benchmarks.memory                 all cases
    python -m benchmarks.memory gpt lenet       two of them

Each measurement has a fresh process. Writes memory-DEVICE.json and .md.

What is measured: by how much the process grows beyond what it holds with the model and the data
loaded, up to the peak during three full training steps. That is gradients, Adam's means, all that
is kept for the way back, working arrays, and what an allocator holds back: what the machine must
really have. Before, one step with a single sample loads all code (PyTorch's first step alone
imports modules of 60 MB), and what that step has left is given back.

Why not count allocations: tracemalloc does not see what a BLAS library takes for itself, torch's
profiler does not see what oneDNN takes, and both count memory that nobody ever touches.
On a GPU both sides use torch's allocator, so there its own peak is taken.
"""

import statistics
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from benchmarks import report
from benchmarks.contestants import versions
from benchmarks.models import CASES
from benchmarks.peak import CLEAR_REFS
from benchmarks.worker import Worker, WorkerError

ENGINES = ("dlcourse", "PyTorch")
GOAL = 1.5  # ours / PyTorch's, at most


def measure(names: list[str], device: str, repeats: int) -> tuple[list[dict[str, Any]], list[str]]:
    """A row per case, with the peaks of every process, and one line for each that failed."""
    rows, left_out = [], []
    with tqdm(total=len(names) * repeats, desc="Measuring", unit="pair", disable=None) as bar:
        for name in names:
            try:
                row = _row(name, device, repeats, bar.update)
            except WorkerError as error:
                left_out.append(f"{name}: left out. {error}")
                bar.write(left_out[-1])
                continue
            rows.append(row)
            bar.write("  ".join(_cells(row)))
    return rows, left_out


def _row(name: str, device: str, repeats: int, after_pair: Any) -> dict[str, Any]:
    peaks: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    for _ in range(repeats):
        for engine in ENGINES:
            with Worker(threads=1) as worker:
                worker.ask("build", engine=engine, case=name, device=device, threads=1)
                peaks[engine].append(worker.ask("peak", engine=engine, device=device))
        after_pair()
    ours, theirs = (statistics.median(peaks[engine]) for engine in ENGINES)
    return {
        "case": name,
        "title": CASES[name][0],
        "dlcourse MiB": ours,
        "PyTorch MiB": theirs,
        "ratio": ours / theirs,
        "peaks": peaks,
    }


def _cells(row: dict[str, Any]) -> list[str]:
    spread = [f"{min(peaks):.1f}–{max(peaks):.1f}" for peaks in row["peaks"].values()]
    numbers = [f"{row[f'{engine} MiB']:.1f}" for engine in ENGINES]
    verdict = f"**{row['ratio']:.2f}**" + ("" if row["ratio"] <= GOAL else " above the goal")
    return [row["title"], *numbers, verdict, *spread]


def page(result: dict[str, Any]) -> str:
    """The Markdown page: machine, table, and how it was measured."""
    head = ["Model", *(f"{e}, MiB" for e in ENGINES), "ratio", *(f"{e}, range" for e in ENGINES)]
    explanation = (__doc__ or "").split("\n\n", 3)[3]
    parts = [
        "# Memory of a training, " + result["device"],
        report.machine_line(result["machine"]),
        f"Medians of {result['repeats']} processes each. The goal is a ratio of at most {GOAL}.",
        report.table(head, [_cells(row) for row in result["rows"]]),
        explanation.strip(),
    ]
    parts += result["left out"]
    return "\n\n".join(parts) + "\n"


@click.command(help=__doc__)
@click.argument("names", nargs=-1, type=click.Choice(list(CASES)))
@click.option("--device", type=click.Choice(["cpu", "cuda", "torch"]), default="cpu")
@click.option("--repeats", type=click.IntRange(1), default=5, help="fresh processes per model")
@click.option("--quick", is_flag=True, help="one process each: does it run?")
@click.option("--out", type=click.Path(path_type=Path), default=report.RESULTS)
def main(names: tuple[str, ...], device: str, repeats: int, quick: bool, out: Path) -> None:
    if device != "cuda" and not CLEAR_REFS.exists():
        click.echo("memory: left out. Peaks are read from /proc/self, which only Linux has.")
        return
    about = report.machine() | versions()
    repeats = 1 if quick else repeats
    rows, left_out = measure(list(names or CASES), device, repeats)
    result = {
        "machine": about,
        "device": device,
        "repeats": repeats,
        "left out": left_out,
        "rows": rows,
    }
    stem = out / f"memory-{device}"
    report.write_json(stem.with_suffix(".json"), result)
    stem.with_suffix(".md").write_text(page(result), "utf8")
    click.echo(f"Written: {stem}.json and .md")


if __name__ == "__main__":
    main()
