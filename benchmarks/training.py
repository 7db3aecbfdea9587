"""The time of a training step against PyTorch, tinygrad and micrograd.

    python -m benchmarks.training                          all cases, one and two threads
    python -m benchmarks.training mlp lenet --threads 1    two of them

A step is zero_grad, forward, loss, backward, Adam. Both contestants have the same weights, data
and learning rate, and must reach the same losses. Writes training-DEVICE.json, .md and .png.
"""

import importlib.util
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import click
from tqdm import tqdm

from benchmarks import report
from benchmarks.contest import Row, Settings, compare
from benchmarks.contestants import SCALAR, versions
from benchmarks.models import CASES
from benchmarks.training_report import chart, page
from benchmarks.worker import CLOCKS, WorkerError

TITLES = {name: title for name, (title, _) in CASES.items()} | {
    SCALAR: "Single numbers: MLP 2-16-16-1, 20 points"
}

NOT_COMPILED = ("lstm", "lstm-plain")  # tinygrad needs many minutes for their unrolled steps


class Contest(NamedTuple):
    """One comparison to be made."""

    case: str
    engines: tuple[str, str]
    settings: Settings


def plan(
    names: Sequence[str], threads: Sequence[int], settings: dict[str, Any], opponents: Sequence[str]
) -> tuple[list[Contest], list[str]]:
    """All comparisons, and one line for each opponent that is not installed.

    PyTorch always takes part. opponents: the others, "micrograd" and "tinygrad", which take part
    on the CPU with one thread.
    """
    cases, contests = names or list(TITLES), []
    missing: list[str] = []
    for count in threads:
        apart = settings["apart"] or count > 1
        now = Settings(**settings | {"threads": count, "apart": apart})
        contests += [Contest(c, ("dlcourse", "PyTorch"), now) for c in cases if c != SCALAR]
    if 1 in threads and settings["device"] == "cpu":
        # micrograd's graphs are cycles: the garbage collector frees them some steps later.
        one = Settings(**settings | {"threads": 1, "seconds": 5 * settings["seconds"]})
        if SCALAR in cases and _takes_part("micrograd", opponents, missing):
            contests.append(Contest(SCALAR, ("chapter 15", "micrograd"), one))
        compiled = [c for c in cases if c not in (SCALAR, *NOT_COMPILED)]
        if compiled and _takes_part("tinygrad", opponents, missing):
            # To compile a step may take a minute, and a step of the GPT takes seconds.
            few = {"processes": 1, "pairs": min(5, settings["pairs"]), "checked": 5}
            own = Settings(**settings | few | {"threads": 1, "apart": True})
            contests += [Contest(c, ("dlcourse", "tinygrad"), own) for c in compiled]
    return contests, missing


def _takes_part(opponent: str, opponents: Sequence[str], missing: list[str]) -> bool:
    """Whether it is wanted and installed; if it is wanted and not there, a line says what to do."""
    needs: dict[str, Any] = {f"pip install {opponent}": importlib.util.find_spec(opponent)}
    if opponent == "tinygrad":
        needs["a C compiler, clang"] = shutil.which("clang")
    lacking = [name for name, found in needs.items() if not found]
    if lacking and opponent in opponents:
        missing.append(f"{opponent}: left out. It needs: {', '.join(lacking)}.")
    return opponent in opponents and not lacking


def measure(contests: list[Contest]) -> tuple[list[Row], list[str]]:
    """The rows, and one line for each comparison that could not be made."""
    rows: list[Row] = []
    left_out: list[str] = []
    total = sum(c.settings.pairs * c.settings.processes for c in contests)
    with tqdm(total=total, desc="Measuring", unit="pair", disable=None) as bar:
        for case, engines, settings in contests:
            bar.set_postfix_str(f"{case}, {engines[1]}, {settings.threads} thr.")
            try:
                row = compare(case, TITLES[case], engines, settings, bar.update)
            except WorkerError as error:
                left_out.append(f"{case} against {engines[1]}: left out. {error}")
                bar.write(left_out[-1])
                continue
            rows.append(row)
            bar.write(_line(row))
    return rows, left_out


def _line(row: Row) -> str:
    """One row for the terminal."""
    lower, upper = row.quartiles
    return (
        f"{row.case:13s} {row.threads} thr. {row.first} {row.first_ms:8.3f} ms, {row.second} "
        f"{row.second_ms:8.3f} ms, ratio {row.ratio:.2f} [{lower:.2f} … {upper:.2f}]"
        f"{'' if row.valid else f'  INVALID, losses {row.losses}'}"
    )


@click.command(help=__doc__)
@click.argument("names", nargs=-1, type=click.Choice(list(TITLES)))
@click.option("--device", type=click.Choice(["cpu", "cuda", "torch"]), default="cpu")
@click.option("--threads", multiple=True, type=click.IntRange(1), help="1 and 2 unless told")
@click.option("--processes", type=click.IntRange(1), default=3, help="fresh ones per case")
@click.option("--pairs", type=click.IntRange(2), default=11, help="per process")
@click.option("--seconds", type=float, default=0.1, help="per block")
@click.option("--clock", type=click.Choice(list(CLOCKS)), default="wall")
@click.option("--apart", is_flag=True, help="separate processes with one thread too")
@click.option("--tinygrad/--no-tinygrad", default=True, help="it compiles for minutes")
@click.option("--quick", is_flag=True, help="a few short blocks: does it run?")
@click.option("--out", type=click.Path(path_type=Path), default=report.RESULTS)
def main(
    names: tuple[str, ...], threads: tuple[int, ...], tinygrad: bool, quick: bool, out: Path,
    **settings: Any,
) -> None:  # fmt: skip
    threads = threads or ((1, 2) if settings["device"] == "cpu" else (1,))
    if settings["clock"] == "cpu" and (max(threads) > 1 or settings["device"] == "cuda"):
        raise click.UsageError("--clock cpu needs --threads 1 and arrays on the CPU.")
    if quick:
        settings |= {"processes": 1, "pairs": 2, "seconds": 0.0, "checked": 2}
    opponents = ["micrograd", "tinygrad"] if tinygrad else ["micrograd"]
    about = report.machine() | versions()
    contests, missing = plan(names, threads, settings, opponents)
    rows, left_out = measure(contests)
    content = {"machine": about, "settings": settings, "left out": missing + left_out}
    _write(out / f"training-{settings['device']}", content, rows)


def _write(stem: Path, content: dict[str, Any], rows: list[Row]) -> None:
    content["rows"] = [asdict(row) for row in rows]
    report.write_json(stem.with_suffix(".json"), content)
    if rows:
        report.save_picture(chart(rows), stem.with_suffix(".png"))
    stem.with_suffix(".md").write_text(page(content, rows, stem.name), "utf8")
    click.echo(f"Written: {stem}.json, .md and .png")


if __name__ == "__main__":
    main()
