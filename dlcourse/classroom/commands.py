"""`dlcourse check`, `dlcourse grade` and `dlcourse release`: exercises at the terminal."""

import os
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
OUTCOMES = {  # outcome -> how it is shown
    "right": "[green]✓ right[/]",
    "wrong": "[yellow]→ not yet[/]",
    "not started": "[cyan]○ not started[/]",
}
console = Console()


def notebook_of(chapter: str, rooms: tuple[str, ...], root: Path | None = None) -> Path:
    """The notebook of a chapter, "15", in the first of some folders that has it.

    Raises:
        click.ClickException: there is none.
    """
    if Path(chapter).suffix == ".ipynb":
        if not Path(chapter).is_file():
            raise click.ClickException(f"There is no notebook {chapter}.")
        return Path(chapter)
    root = root or ROOT
    number = chapter.partition("_")[0].zfill(2)
    for room in rooms:
        found = sorted((root / room).glob(f"{number}_*.ipynb")) if number.isdigit() else []
        if found:
            return found[0]
    known = sorted(path.stem[:2] for path in (root / rooms[0]).glob("[0-9][0-9]_*.ipynb"))
    raise click.ClickException(
        f"There is no notebook of chapter {chapter} in {' or '.join(rooms)}/. "
        f"There are: {', '.join(known) or 'none; run this in a checkout of the course'}."
    )


def all_notebooks(rooms: tuple[str, ...], root: Path | None = None) -> list[Path]:
    """The notebooks of all chapters; of two folders the first that has a chapter counts."""
    root = root or ROOT
    found: dict[str, Path] = {}
    for room in rooms:
        for path in sorted((root / room).glob("[0-9][0-9]_*.ipynb")):
            found.setdefault(path.stem, path)
    return [found[name] for name in sorted(found)]


# ---------------------------------------------------------------- check


@click.command()
@click.argument("chapters", nargs=-1, metavar="[NN | NOTEBOOK]...")
def check(chapters: tuple[str, ...]) -> None:
    """Check your own exercises, from a fresh kernel: chapter numbers, or notebooks (default: all).

    The exit status is 0 only if all of them are right.
    """
    rooms = ("exercises",)
    paths = [notebook_of(chapter, rooms) for chapter in chapters] or all_notebooks(rooms)
    if not paths:
        raise click.ClickException("No notebooks in exercises/. Run this in a checkout.")
    right = [_check_one(path) for path in paths]
    sys.exit(0 if all(right) else 1)


def _check_one(path: Path) -> bool:
    from dlcourse.classroom.check_notebook import check_notebook

    with console.status(f"Running {escape(str(path))} from a fresh kernel ..."):
        try:
            checked = check_notebook(path)
        except ValueError as error:
            raise click.ClickException(str(error)) from error
    table = Table("Exercise", "", "What to do next", title=escape(path.name), title_justify="left")
    for found in checked.exercises:
        details = "".join(f"\n  {name}: {value}" for name, value in found.details)
        name = escape(f"{found.id} {found.title}")
        table.add_row(name, OUTCOMES[found.outcome], escape(found.message + details))
    console.print(table)
    for note in checked.notes:
        console.print(note, markup=False, soft_wrap=True)
    solved = sum(found.outcome == "right" for found in checked.exercises)
    console.print(f"{solved} of {len(checked.exercises)} exercises are right.\n")
    return solved == len(checked.exercises) > 0


# ---------------------------------------------------------------- grade


@click.command()
@click.argument("submissions", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("--out", required=True, type=click.Path(), help="The folder for the results.")
@click.option(
    "--notebook", "notebooks", multiple=True, metavar="NN|PATH",
    help="An assignment (again for more). Default: all of solutions/ or exercises/.",
)  # fmt: skip
@click.option("--seed", type=int, help="Seed of the hidden inputs. Default: a secret one.")
@click.option(
    "--workers", type=click.IntRange(1), default=os.cpu_count() or 1, show_default=True,
    help="Notebooks graded at the same time.",
)  # fmt: skip
@click.option(
    "--executor", default="processes", show_default=True, metavar="processes|dask://HOST:PORT",
    help="Where notebooks are graded: here, or on a Dask cluster.",
)  # fmt: skip
@click.option(
    "--sandbox", "kind", type=click.Choice(["bubblewrap", "none"]), default="bubblewrap",
    show_default=True, help="none: submissions can read and change all that you can.",
)  # fmt: skip
@click.option(
    "--resume/--fresh", default=True,
    help="Go on with what is already in --out (default), or grade everything again.",
)  # fmt: skip
def grade(
    submissions: tuple[str, ...], out: str, notebooks: tuple[str, ...], seed: int | None,
    workers: int, executor: str, kind: str, resume: bool,
) -> None:  # fmt: skip
    """Grade the notebooks of a class: folders, or zip archives of a learning platform.

    Recognised: STUDENT/NN_name.ipynb, NN_name/STUDENT.ipynb, STUDENT_NN_name.ipynb. In --out you
    get gradebook.csv, a feedback page for each student (index.html) and report.html on the class.
    Interrupt it with Ctrl-C and run the same command again: it goes on where it was.
    """
    from dlcourse.classroom.grading import deliver, executors, journal, run
    from dlcourse.classroom.grading import sandbox as sandboxes

    rooms = ("solutions", "exercises")
    paths = [notebook_of(name, rooms) for name in notebooks] or all_notebooks(rooms)
    _require_sandbox(kind)
    try:
        maker = executors.maker(executor, workers)
        settings = run.Settings(maker, window=2 * workers, sandbox=kind)
        with _progress() as progress:
            task = progress.add_task("Grading", total=None)
            given = deliver.grade_folder(
                submissions, out, paths, settings, seed=seed, fresh=not resume,
                step=lambda done, total: progress.update(task, completed=done, total=total),
            )  # fmt: skip
    except (ValueError, journal.Busy, run.ClusterLost, sandboxes.SandboxMissing) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("Stopped. What was graded is kept: run the same command again to go on.")
        sys.exit(130)
    _print_summary(given, Path(out))


def _require_sandbox(kind: str) -> None:
    """Try to break out of the sandbox before anything untrusted runs in it."""
    from dlcourse.classroom.grading import sandbox
    from dlcourse.classroom.grading.examine import examine

    if kind == sandbox.NONE:
        return
    found = examine()
    if not found.ok:
        raise click.ClickException(f"No sandbox: {found.detail}. Mend it: {found.mend}")


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))


def _print_summary(given: Any, out: Path) -> None:
    table = Table("Assignment", "Notebooks", "Mean points", "Not graded", title="Graded")
    by_name: dict[str, list[dict]] = {}
    for item in given.grades:
        by_name.setdefault(item["assignment"], []).append(item)
    for name, grades in by_name.items():
        mean = sum(item["points"] for item in grades) / len(grades)
        bad = sum(any(e["status"] == "ungraded" for e in item["exercises"]) for item in grades)
        table.add_row(name, str(len(grades)), f"{mean:.1f} of {grades[0]['max_points']}", str(bad))
    console.print(table)
    if given.found.skipped:
        count = len(given.found.skipped) + given.found.more_skipped
        console.print(f"{count} files count for nobody; index.html says why.")
    for trouble in given.troubles:
        console.print(f"Trouble of the grader itself: {trouble}", markup=False, soft_wrap=True)
    console.print(f"Open {out / 'index.html'}", markup=False, soft_wrap=True)


# ---------------------------------------------------------------- release


@click.command()
@click.argument("chapters", nargs=-1, required=True, metavar="NN | NOTEBOOK...")
@click.option("--out", default="release", show_default=True, type=click.Path(), help="Folder.")
def release(chapters: tuple[str, ...], out: str) -> None:
    """Make the learner's version of notebooks with solutions, to hand out."""
    from dlcourse.classroom.grading.handout import HandoutError, write_handout

    for chapter in chapters:
        path = notebook_of(chapter, ("solutions",))
        try:
            made = write_handout(path, Path(out))
        except HandoutError as error:
            raise click.ClickException(str(error)) from error
        console.print(f"{made}", markup=False, soft_wrap=True)


COMMANDS = (check, grade, release)
