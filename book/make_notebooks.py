"""Makes notebooks/, solutions/ and exercises/ from the texts in book/chapters and book/exercises.

    python book/make_notebooks.py              run what is stale
    python book/make_notebooks.py --only 15    one chapter
    python book/make_notebooks.py --force      run it all the same
    python book/make_notebooks.py --check      write nothing; say what is stale (exit status 1)

A notebook is stale where its source, or the package's code that it uses, has changed since it ran.
"""

import argparse
import hashlib
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from notebook_run import RunError, run
from notebook_source import SourceError, line_of, mark_exercises, read
from tqdm import tqdm

from dlcourse.classroom.grading.handout import strip

ROOT = Path(__file__).resolve().parents[1]
# Changes in these parts of the package change no notebook.
APART = ("cli.py", "doctor.py", "jupyter", "classroom")
# Changes in these count for the sources that name them: `dl.architectures`, `dlcourse.games`, …
NAMED = ("architectures", "games")
CLASSROOM = (
    "__init__", "values", "observe", "messages", "relations", "patterns", "base", "diagnosis",
    "functions", "answers", "designs", "exercise", "record", "feedback",
)  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One source and what is made from it."""

    source: Path
    is_exercise: bool

    @property
    def name(self) -> str:
        """Chapter and name, "15_backpropagation"."""
        return self.source.stem

    @property
    def place(self) -> str:
        """The source's path from the root, the same on every platform."""
        return f"book/{self.source.parent.name}/{self.source.name}"

    def target(self, root: Path) -> Path:
        """The notebook that is run."""
        folder = "solutions" if self.is_exercise else "notebooks"
        return root / folder / f"{self.name}.ipynb"

    def stripped(self, root: Path) -> Path:
        """The learner's notebook of an exercise."""
        return root / "exercises" / f"{self.name}.ipynb"


def jobs(root: Path, only: list[str]) -> list[Job]:
    """All sources, or those of some chapters ("15")."""
    found = []
    for folder in ("chapters", "exercises"):
        for source in sorted((root / "book" / folder).glob("[0-9][0-9]_*.md")):
            if not only or source.name[:2] in only:
                found.append(Job(source, folder == "exercises"))
    return sorted(found, key=lambda job: (job.name, job.is_exercise))


def fingerprint(job: Job, root: Path) -> str:
    """The hash of the source and of the package's code that its notebook may use."""
    text = job.source.read_text(encoding="utf-8")
    package = root / "dlcourse"
    unused = {name for name in NAMED if not re.search(rf"\b{name}\b", text)}
    paths = [
        path for path in sorted(package.rglob("*")) if _counts(path.relative_to(package), unused)
    ]
    if "classroom" in text:
        paths += [package / "classroom" / f"{name}.py" for name in CLASSROOM]
        shown = "*" if job.name.startswith("00_") else job.name  # the welcome shows all chapters
        for folder in ("checks", "quizzes"):
            paths.append(package / "classroom" / folder / "__init__.py")
            paths += sorted((package / "classroom" / folder).glob(f"{shown}.*"))
    digest = hashlib.sha256(text.encode())
    for path in filter(Path.is_file, paths):
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + content)
    return digest.hexdigest()[:16]


def _counts(path: Path, unused: set[str]) -> bool:
    first = path.parts[0]
    apart = first in APART or first.removesuffix(".py") in unused
    return not (apart or "__pycache__" in path.parts)


def prepare(job: Job, root: Path) -> NotebookNode:
    """The notebook before it is run."""
    notebook = read(job.source, job.place)
    if job.is_exercise:
        mark_exercises(notebook, job.source)
    notebook.metadata["dlcourse"]["hash"] = fingerprint(job, root)
    return notebook


def learners(notebook: NotebookNode) -> NotebookNode:
    """The exercise notebook: stripped, and without a hash, because it holds no outputs."""
    made = strip(notebook)
    del made.metadata["dlcourse"]["hash"]
    return made


def text_of(notebook: NotebookNode) -> str:
    """The file's content; the same notebook gives the same bytes."""
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def faults(job: Job, root: Path) -> list[str]:
    """What is wrong with the files made from a source: missing, stale, or edited by hand."""
    notebook = prepare(job, root)
    found = []
    target = job.target(root)
    if not target.exists():
        found.append(f"{target.relative_to(root)} is missing")
    else:
        stored = stored_notebook(target)
        if stored is None:
            found.append(f"{target.relative_to(root)} is damaged")
        elif stored.metadata.get("dlcourse") != notebook.metadata["dlcourse"]:
            found.append(f"{target.relative_to(root)} is stale: {job.place} or the package changed")
        elif _bare(stored) != _bare(notebook):
            found.append(f"{target.relative_to(root)} differs from {job.place}: edited by hand?")
    if job.is_exercise:
        stripped = job.stripped(root)
        old = stripped.read_text(encoding="utf-8") if stripped.exists() else ""
        if old != text_of(learners(notebook)):
            found.append(f"{stripped.relative_to(root)} is missing or differs from {job.place}")
    return found


def stored_notebook(path: Path) -> NotebookNode | None:
    """A made notebook, or None where the file is no notebook (any more)."""
    try:
        return nbformat.read(path, 4)
    except Exception:  # nbformat raises many kinds of errors about damaged files
        return None


def _bare(notebook: NotebookNode) -> list[tuple]:
    return [(cell.id, cell.cell_type, cell.source, dict(cell.metadata)) for cell in notebook.cells]


def leftovers(root: Path) -> list[str]:
    """Made notebooks whose source is gone."""
    known = jobs(root, [])
    wanted = {job.target(root) for job in known}
    wanted |= {job.stripped(root) for job in known if job.is_exercise}
    folders = ("notebooks", "solutions", "exercises")
    found = [path for folder in folders for path in (root / folder).glob("*.ipynb")]
    return [f"{path.relative_to(root)} has no source" for path in sorted(set(found) - wanted)]


def write(path: Path, text: str) -> None:
    """Write a file in one step: it is the old or the new one, never a half."""
    path.parent.mkdir(exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".making-", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def make(job: Job, root: Path) -> str:
    """Run one source and write its notebooks; gives the error's place and text, or ""."""
    notebook = prepare(job, root)
    target = job.target(root)
    target.parent.mkdir(exist_ok=True)
    bar = tqdm(total=len(notebook.cells), desc=str(target.relative_to(root)), unit="cell")
    with bar:
        try:
            run(notebook, target.parent, bar.update)
        except RunError as error:
            return explain(job, notebook, error)
    if job.is_exercise:
        write(job.stripped(root), text_of(learners(notebook)))
    write(target, text_of(notebook))
    return ""


def explain(job: Job, notebook: NotebookNode, error: RunError) -> str:
    """Chapter, cell, line and error of a failed run, to be read by its author."""
    cell = notebook.cells[error.cell]
    number = sum(c.cell_type == "code" for c in notebook.cells[: error.cell + 1])
    line = line_of(job.source, cell.source)
    source = "\n".join(f"    {text}" for text in cell.source.splitlines()[:25])
    return (
        f"\n{job.place}, line {line}: code cell {number} failed.\n\n{source}\n\n{error.reason}\n\n"
        "The stored notebook was left as it was."
    )


def check(root: Path, chosen: list[Job], everything: bool) -> int:
    """Print what differs; 1 where something does."""
    found = [fault for job in chosen for fault in faults(job, root)]
    found += leftovers(root) if everything else []
    print("\n".join(found) if found else f"{len(chosen)} sources: all notebooks are up to date.")
    if found:
        print("Run: make notebooks")
    return 1 if found else 0


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """The command line; 0 where all is well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, say what is stale")
    parser.add_argument("--only", action="append", default=[], metavar="NN", help="one chapter")
    parser.add_argument("--force", action="store_true", help="run also what is not stale")
    options = parser.parse_args(arguments)
    chosen = jobs(root, options.only)
    if not chosen:
        print(f"No source for {', '.join(options.only) or 'any chapter'} in book/.")
        return 1
    try:
        if options.check:
            return check(root, chosen, everything=not options.only)
        stale = [job for job in chosen if options.force or faults(job, root)]
        errors = [error for job in stale if (error := make(job, root))]
    except SourceError as error:
        raise SystemExit(str(error)) from None
    for text in errors:
        print(text)
    print(f"{len(stale) - len(errors)} made, {len(errors)} failed, {len(chosen)} sources in all.")
    for path in leftovers(root):
        print(f"Note: {path}; delete it.")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
