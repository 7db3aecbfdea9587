"""Plants faults into the engine and counts those that its tests catch: `make mutants`.

python -m tests.mutation                              all files; writes benchmarks/mutants.*
python -m tests.mutation --share 0.2                  one fault of five, in every file
python -m tests.mutation --file layers/conv.py --per-file 25
"""

import argparse
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# What a run needs of the repository.
PARTS = ("benchmarks", "dlcourse", "tests", "constraints.txt", "pyproject.toml")
HEAVY = ("numpy", "pytest", "scipy.optimize", "sklearn.datasets", "torch.nn", "tqdm")
BRIEF = 2.0  # seconds of tests on a fault that is listed as equivalent: the list may be wrong
INSIDE = "DLCOURSE_MUTANTS_WRITE_TO"  # set in the copy: the folder for the report


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m tests.mutation",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        "--file", action="append", help="only this file of dlcourse; again for more"
    )
    parser.add_argument("--share", type=float, default=1.0, help="of each file's faults, 0 … 1")
    parser.add_argument("--per-file", type=int, help="so many faults of each file")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--seconds", type=float, default=5.0,
                        help="of tests on a fault, beside those made for its file")  # fmt: skip
    return parser.parse_args()


def in_a_copy() -> int:
    """Start again in a copy of the repository, so that work may go on here in the meantime."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        for part in PARTS:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, Path(folder) / part)
        changes = {
            INSIDE: str(ROOT / "benchmarks"),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_DEBUG_TEMPROOT": folder,
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        command = [sys.executable, "-m", "tests.mutation", *sys.argv[1:]]
        return subprocess.run(command, cwd=folder, env=os.environ | changes).returncode


def main(options: argparse.Namespace, folder: Path) -> int:
    """Plant, judge, report; 1 if the tests are not good enough."""
    from tests.mutation import report
    from tests.mutation.faults import faults_of, sample
    from tests.mutation.plan import engine
    from tests.mutation.writing import as_markdown, write_report

    start, project = time.monotonic(), engine(ROOT)
    unknown = set(options.file or ()) - set(project.files)
    if unknown:
        print(f"Not in the engine: {', '.join(unknown)}. Known: {', '.join(project.files)}")
        return 2
    chosen = [f for f in project.files if f in (options.file or project.files)]
    faults = [fault for file in chosen for fault in faults_of(project.package / file, file)]
    tried = sample(faults, options.share, options.per_file, options.seed)
    entries = report.read_equivalents(Path(__file__).with_name("equivalent.toml"))
    print(f"{len(tried)} of {len(faults)} faults. First all tests run without one …", flush=True)
    verdicts = judged(project, tried, entries, options)
    if not verdicts:
        return 2
    numbers = {id(fault): i for i, fault in enumerate(faults)}
    found = {numbers[key]: verdict for key, verdict in verdicts.items()}
    settings = {"seed": options.seed, "seconds": options.seconds}
    result = report.make_report(faults, found, entries, settings)
    print(as_markdown(result), *result.problems, sep="\n")
    print(f"{time.monotonic() - start:.0f} seconds")
    if not options.file:
        write_report(result, folder)
    return 0 if result.is_good else 1


def judged(project: Any, tried: list[Any], entries: list[Any], options: Any) -> dict[int, Any]:
    """The verdict on each fault by its id(); none at all if tests fail without a fault."""
    from tests.mutation.children import be_silent, in_child
    from tests.mutation.judging import Judge
    from tests.mutation.plan import Record, record

    for name in HEAVY:  # imported once, here; every child has them
        importlib.import_module(name)

    def first_run() -> Record:
        be_silent(1)
        return record(project)

    known = in_child(first_run)
    if known.failed:
        print("Without a fault all tests must pass. These failed:", *known.failed, sep="\n  ")
        return {}
    listed = [f for f in tried if any(entry.fits(f) for entry in entries)]
    ids = {id(fault) for fault in listed}
    others = [fault for fault in tried if id(fault) not in ids]
    full = Judge(project, known, options.workers, options.seconds)
    brief = Judge(project, known, options.workers, BRIEF, is_brief=True)
    pairs = [(others, full.verdicts(others)), (listed, brief.verdicts(listed))]
    return {id(f): v for part, found in pairs for f, v in zip(part, found, strict=True)}


if __name__ == "__main__":
    inside = os.environ.get(INSIDE)
    sys.exit(main(arguments(), Path(inside)) if inside else in_a_copy())
