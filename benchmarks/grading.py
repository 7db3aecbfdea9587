"""How long does grading take, compared with nbgrader and otter, and how does it grow?

    python -m benchmarks.grading                 20 notebooks, 2 at a time, three graders in turn
    python -m benchmarks.grading --scale         500 notebooks, killed in the middle and resumed

nbgrader and otter take part where they are installed. They bring many packages, so they may live in
an environment of their own, with what dlcourse itself imports: --peers names its folder of
programs, such as /opt/peers/bin. The notebooks are the first three exercises of chapter 15, every
other one with a mistake. Ours runs each notebook in its sandbox; nbgrader and otter (without
Docker) run it as the teacher.
"""

import argparse
import csv
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results"
NAME = "15_backpropagation"
EXERCISES = ("15.1", "15.2", "15.3")
MISTAKE = ("g * y * (1 - y)", "g * y")
POINTS = {True: 3, False: 4}  # with the mistake, and without
NBGRADER_CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "course"
"""
OTTER_TESTS: dict[str, tuple[int, list[str]]] = {
    "15.1": (1, ["assert answer_15_1 == 7"]),
    "15.2": (1, [
        "import numpy as np",
        "y, g = np.array([[0.2, 0.7]]), np.array([[3.0, -2.0]])",
        "assert np.allclose(sigmoid_backward(y, g), g * y * (1 - y))",
    ]),
    "15.3": (2, [
        "x, y, g = np.ones((2, 3)), np.arange(12.0).reshape(3, 4), np.full((2, 4), 2.0)",
        "dx, dy = matmul_backward(x, y, g)",
        "assert np.allclose(dx, g @ y.T) and np.allclose(dy, x.T @ g)",
    ]),
}  # fmt: skip


class BenchmarkError(Exception):
    """A grader gave other points than it must, or failed."""


# ---------------------------------------------------------------- notebooks


def assignment() -> dict[str, Any]:
    """The notebook with solutions."""
    book = json.loads((ROOT / "solutions" / f"{NAME}.ipynb").read_text("utf-8"))
    book["cells"] = [
        cell for cell in book["cells"]
        if cell["cell_type"] == "code"
        and cell["metadata"].get("dlcourse", {}).get("exercise", "15.1") in EXERCISES
    ]  # fmt: skip
    return book


def has_mistake(number: int) -> bool:
    """Every other learner has made one."""
    return number % 2 == 1


def answer(number: int) -> dict[str, Any]:
    """A submission. No two are the same, so that none is graded for another."""
    book = assignment()
    for cell in book["cells"]:
        source = "".join(cell["source"])
        source = source.replace(*MISTAKE) if has_mistake(number) else source
        cell.update(source=source, outputs=[], execution_count=None)
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"]["cell_type"] = "code"
    book["cells"][0]["source"] = f"# learner {number}\n{''.join(book['cells'][0]['source'])}"
    return book


def blank(number: int) -> dict[str, Any]:
    """A submission without a line of code."""
    book = assignment()
    for cell in book["cells"]:
        cell.update(source="", outputs=[], execution_count=None)
    book["metadata"]["learner"] = number
    return book


def write(path: Path, book: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(book), "utf-8")


def name_of(number: int) -> str:
    return f"learner{number:04}"


# ---------------------------------------------------------------- graders


def run(command: list[str], folder: Path) -> None:
    """Run a program to its end.

    Raises:
        BenchmarkError: it failed.
    """
    search = f"{Path(command[0]).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader calls alembic
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": search}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr)[-800:]
        raise BenchmarkError(f"{' '.join(command[:3])} failed: {said}")


class Grader:
    """A contestant. workers: so many notebooks are graded at the same time."""

    name = ""

    def __init__(self, programs: Path, workers: int) -> None:
        self.programs, self.workers = programs, workers

    def prepare(self, numbers: list[int], room: Path) -> None:
        """Write the assignment and the submissions of some learners. Not timed."""
        raise NotImplementedError

    def grade(self, room: Path) -> None:
        """Grade them all. Timed."""
        raise NotImplementedError

    def points(self, room: Path) -> dict[int, float]:
        """The points by the learner's number."""
        raise NotImplementedError


class Ours(Grader):
    """dlcourse grade, with its pages."""

    name = "dlcourse grade (sandboxed)"

    def prepare(self, numbers: list[int], room: Path) -> None:
        write(room / "solutions" / f"{NAME}.ipynb", assignment())
        for number in numbers:
            write(room / "in" / name_of(number) / f"{NAME}.ipynb", answer(number))

    def grade(self, room: Path) -> None:
        run(our_command(room, self.workers), room)

    def points(self, room: Path) -> dict[int, float]:
        found: dict[int, float] = {}
        for row in json.loads((room / "out" / "gradebook.json").read_text("utf-8")):
            number = int(row["student"].removeprefix("learner"))
            found[number] = found.get(number, 0) + row["points"]
        return found


def our_command(room: Path, workers: int) -> list[str]:
    start = [sys.executable, "-c", "from dlcourse.cli import main; main()", "grade"]
    notebook = str(room / "solutions" / f"{NAME}.ipynb")
    where = [str(room / "in"), "--out", str(room / "out"), "--notebook", notebook]
    return [*start, *where, "--workers", str(workers)]


class Nbgrader(Grader):
    """nbgrader autograde, which grades one by one.

    Several workers: as many course folders with a process each, as a teacher could split the class.
    """

    name = "nbgrader autograde"

    def __init__(self, programs: Path, workers: int) -> None:
        super().__init__(programs, workers)
        if workers > 1:
            self.name = f"nbgrader autograde, the class split in {workers}"

    def prepare(self, numbers: list[int], room: Path) -> None:
        for worker in range(self.workers):
            course = room / f"course{worker}"
            write(course / "source" / NAME / f"{NAME}.ipynb", assignment())
            (course / "nbgrader_config.py").write_text(NBGRADER_CONFIG)
            run([str(self.programs / "nbgrader"), "generate_assignment", NAME], course)
            for number in numbers[worker :: self.workers]:
                place = course / "submitted" / name_of(number) / NAME / f"{NAME}.ipynb"
                write(place, answer(number))

    def grade(self, room: Path) -> None:
        command = [str(self.programs / "nbgrader"), "autograde", NAME]
        with ThreadPoolExecutor(self.workers) as pool:
            list(pool.map(lambda course: run(command, course), sorted(room.glob("course*"))))

    def points(self, room: Path) -> dict[int, float]:
        found = {}
        for course in sorted(room.glob("course*")):
            run([str(self.programs / "nbgrader"), "export"], course)
            with open(course / "grades.csv", newline="") as file:
                for row in csv.DictReader(file):
                    number = int(row["student_id"].removeprefix("learner"))
                    found[number] = float(row["raw_score"])
        return found


class Otter(Grader):
    """otter run: a process for each notebook, so many at a time."""

    name = "otter run"

    def prepare(self, numbers: list[int], room: Path) -> None:
        (room / "tests").mkdir(parents=True)
        for exercise, (points, test) in OTTER_TESTS.items():
            case = {"code": "".join(f">>> {line}\n" for line in test), "hidden": False}
            suite = {"cases": [case], "type": "doctest", "scored": True, "setup": ""}
            name = f"q{exercise.replace('.', '_')}"
            made = {"name": name, "points": points, "suites": [suite]}
            (room / "tests" / f"{name}.py").write_text(f"OK_FORMAT = True\n\ntest = {made!r}\n")
        command = [str(self.programs / "otter"), "generate", "-t", "tests", "-o", "autograder.zip"]
        run([*command, "--no-environment"], room)
        for number in numbers:
            write(room / "in" / f"{name_of(number)}.ipynb", without_checks(answer(number)))

    def grade(self, room: Path) -> None:
        def one(path: Path) -> None:
            out = room / "out" / path.stem
            out.mkdir(parents=True)
            command = [str(self.programs / "otter"), "run", str(path), "-a"]
            run([*command, str(room / "autograder.zip"), "-o", str(out), "--no-logo"], room)

        with ThreadPoolExecutor(self.workers) as pool:
            list(pool.map(one, sorted((room / "in").glob("*.ipynb"))))

    def points(self, room: Path) -> dict[int, float]:
        found = {}
        for path in (room / "out").glob("*/results.json"):
            tests = json.loads(path.read_text())["tests"]
            number = int(path.parent.name.removeprefix("learner"))
            found[number] = sum(test.get("score", 0) for test in tests)
        return found


def without_checks(book: dict[str, Any]) -> dict[str, Any]:
    """Otter has its own tests: our check cells would only cost it time."""
    book["cells"] = [c for c in book["cells"] if not c["source"].startswith("check(")]
    return book


def contestants(programs: Path, workers: int) -> list[Grader]:
    """Ours, and the peers that are installed."""
    found: list[Grader] = [Ours(programs, workers)]
    if (programs / "nbgrader").is_file():
        found += [Nbgrader(programs, count) for count in sorted({1, workers})]
    found += [Otter(programs, workers)] if (programs / "otter").is_file() else []
    return found


# ---------------------------------------------------------------- the comparison


def compare(programs: Path, count: int, rounds: int, workers: int) -> dict[str, Any]:
    """In each round every contestant grades the same few notebooks, in turn, in changing order."""
    graders = contestants(programs, workers)
    seconds: dict[str, list[float]] = {grader.name: [] for grader in graders}
    for number in range(rounds):
        learners = list(range(number, count, rounds))
        for grader in graders[number % len(graders) :] + graders[: number % len(graders)]:
            seconds[grader.name].append(_timed(grader, learners) / len(learners))
    return {
        "what": "seconds per notebook, wall clock",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        "notebooks": count,
        "workers": workers,
        "rounds": rounds,
        "seconds": seconds,
        "median": {name: statistics.median(values) for name, values in seconds.items()},
    }


def _timed(grader: Grader, learners: list[int]) -> float:
    room = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        grader.prepare(learners, room)
        started = time.perf_counter()
        grader.grade(room)
        seconds = time.perf_counter() - started
        expected = {number: POINTS[has_mistake(number)] for number in learners}
        found = grader.points(room)
        if found != expected:
            raise BenchmarkError(f"{grader.name} gave {found}; expected {expected}.")
        return seconds
    finally:
        shutil.rmtree(room, ignore_errors=True)


# ---------------------------------------------------------------- many notebooks


def scale(count: int, running: int, workers: int) -> dict[str, Any]:
    """A large class, killed in the middle: memory of the grader, time, and the same gradebook.

    running: so many of the notebooks hold code; the others are blank, and need no kernel.
    """
    room = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        write(room / "solutions" / f"{NAME}.ipynb", assignment())
        every = max(1, count // running)
        for number in range(count):
            book = blank(number) if number % every else answer(number)
            write(room / "in" / name_of(number) / f"{NAME}.ipynb", book)
        first = watch(room, workers, count // 2)
        second = watch(room, workers, None)
        found = Ours(Path(), workers).points(room)
        expected = {n: 0 if n % every else POINTS[has_mistake(n)] for n in range(count)}
        if found != expected:
            raise BenchmarkError("The gradebook after a kill differs from what it must be.")
        lines = len((room / "out" / "journal.jsonl").read_text().splitlines())
        if lines != count:
            raise BenchmarkError(f"{lines} notebooks were graded; expected {count}.")
    finally:
        shutil.rmtree(room, ignore_errors=True)
    return {
        "notebooks": count,
        "with code": len(range(0, count, every)),
        "workers": workers,
        "killed after": first["notebooks"],
        "peak memory, MB": max(first["memory"], second["memory"]),
        "seconds until so many": {**first["times"], **second["times"]},
    }


def watch(room: Path, workers: int, kill_after: int | None) -> dict[str, Any]:
    """Grade, and look at the grader's memory and its journal while it works."""
    process = subprocess.Popen(
        our_command(room, workers), cwd=room, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    journal, memory, times = room / "out" / "journal.jsonl", 0.0, {}
    started, done, before = time.perf_counter(), 0, None
    while process.poll() is None:
        memory = max(memory, _memory(process.pid))
        done = journal.read_bytes().count(b"\n") if journal.is_file() else 0
        before = done if before is None else before
        if done // 50 * 50 > before:
            times.setdefault(done // 50 * 50, round(time.perf_counter() - started, 1))
        if kill_after is not None and done >= kill_after:
            process.send_signal(signal.SIGKILL)
        time.sleep(0.05)
    if kill_after is None and process.returncode != 0:
        raise BenchmarkError(f"The grader ended with status {process.returncode}.")
    return {"memory": memory, "times": times, "notebooks": done}


def _memory(pid: int) -> float:
    """The memory of the process that grades (its workers have their own), in MB. Linux."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return int(text.partition("VmHWM:")[2].split()[0]) / 1024 if "VmHWM:" in text else 0.0


# ---------------------------------------------------------------- the command line


def table(found: dict[str, Any]) -> str:
    """The comparison as Markdown."""
    least = found["median"][Ours.name]
    lines = ["| Grader | Seconds per notebook | Ours = 1 |", "|---|---|---|"]
    for name, seconds in found["median"].items():
        lines.append(f"| {name} | {seconds:.2f} | {seconds / least:.2f} |")
    note = f"{found['notebooks']} notebooks, {found['workers']} at a time, {found['machine']}."
    return "\n".join([*lines, "", note, ""])


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", action="store_true", help="the large class")
    parser.add_argument("--count", type=int, help="notebooks (default: 20, or 500 with --scale)")
    parser.add_argument(
        "--running", type=int, default=20, help="of them with code, in the large class"
    )
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--peers", type=Path, default=Path(sys.executable).parent)
    options = parser.parse_args()
    if options.scale:
        found = scale(options.count or 500, options.running, options.workers)
        name, text = "grading-scale", json.dumps(found, indent=1)
    else:
        found = compare(options.peers, options.count or 20, options.rounds, options.workers)
        name, text = "grading", table(found)
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.md").write_text(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
    print(text)


if __name__ == "__main__":
    main()
