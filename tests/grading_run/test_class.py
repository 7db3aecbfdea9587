"""A class from end to end: interrupted, killed, finished; the gradebook and the pages."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.grading.conftest import NO_BUBBLEWRAP
from tests.grading_run.class_of import LEARNERS, hand_in, outcomes

if not any(os.access(Path(p) / "bwrap", os.X_OK) for p in os.environ["PATH"].split(os.pathsep)):
    pytest.skip(NO_BUBBLEWRAP, allow_module_level=True)

EXPECTED = {name: expected for name, (_, expected) in LEARNERS.items()}
DIFFERENT = 11  # notebooks: one is the same as another
PATIENCE = 90


def start(submissions, out, notebook, temporary, *options):
    command = [sys.executable, "-c", "from dlcourse.cli import main; main()", "grade"]
    command += [str(submissions), "--out", str(out), "--notebook", str(notebook), "--workers", "2"]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    return subprocess.Popen(
        [*command, *options], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip


def lines(out):
    path = out / "journal.jsonl"
    return path.read_text().splitlines() if path.is_file() else []


def stop_after(process, out, count, number):
    """Send a signal once the journal has so many lines."""
    end = time.monotonic() + PATIENCE
    while len(lines(out)) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    os.kill(process.pid, number)
    _, said = process.communicate(timeout=PATIENCE)
    return said


def gone(temporary):
    """Whether nothing is left of a run: no temporary folder, no process that names it."""
    end = time.monotonic() + 15
    while time.monotonic() < end:
        if not list(temporary.glob("dlgrade-*")):
            return True
        time.sleep(0.1)
    return False


@pytest.fixture(scope="module")
def graded(tmp_path_factory, notebook):
    """A class graded in three goes: Ctrl-C, kill -9 and a torn line, then to the end."""
    room = tmp_path_factory.mktemp("class")
    submissions, out, temporary = room / "in", room / "out", Path(f"/tmp/dl-class-{os.getpid()}")
    temporary.mkdir()
    hand_in(submissions)
    first = start(submissions, out, notebook, temporary)
    stop_after(first, out, 2, signal.SIGINT)
    clean = [gone(temporary)]
    stopped = lines(out)
    second = start(submissions, out, notebook, temporary)
    stop_after(second, out, 5, signal.SIGKILL)
    clean.append(gone(temporary))
    killed = lines(out)
    with open(out / "journal.jsonl", "a") as journal:
        journal.write('{"key": "torn')  # as when the machine stops while a line is written
    third = start(submissions, out, notebook, temporary)
    said = third.communicate(timeout=PATIENCE)
    clean.append(gone(temporary))
    temporary.rmdir()
    codes = [process.returncode for process in (first, second, third)]
    return {"out": out, "in": submissions, "codes": codes, "said": said, "clean": clean,
            "stopped": stopped, "killed": killed}  # fmt: skip


def test_each_go_ends_as_it_should(graded):
    assert graded["codes"] == [130, -signal.SIGKILL, 0], graded["said"]
    assert graded["clean"] == [True, True, True]


def test_nothing_is_graded_twice_and_nothing_is_lost(graded):
    whole = lines(graded["out"])
    assert len(graded["stopped"]) >= 2
    assert len(graded["killed"]) >= 5
    assert whole[: len(graded["stopped"])] == graded["stopped"]
    assert whole[: len(graded["killed"])] == graded["killed"]
    keys = [json.loads(line)["key"] for line in whole]
    assert len(keys) == len(set(keys)) == DIFFERENT


def test_everybody_has_the_right_outcomes(graded):
    rows = json.loads((graded["out"] / "gradebook.json").read_text())
    assert outcomes(rows) == EXPECTED
    reasons = {row["student"]: row["reason"] for row in rows if row["status"] == "ungraded"}
    assert reasons == {"fay": "unreadable: not a notebook", "gus": "kernel died"}
    points = {row["student"]: 0 for row in rows}
    for row in rows:
        points[row["student"]] += row["points"]
    assert points["ada"] == points["=1+1"] == 6
    assert points["dan"] == 5
    assert points["cleo"] == 0


def test_the_csv_says_the_same_and_holds_no_formula(graded):
    with open(graded["out"] / "gradebook.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["student"] for row in rows} == {*EXPECTED} - {"=1+1"} | {"'=1+1"}
    plain = json.loads((graded["out"] / "gradebook.json").read_text())
    assert [row["points"] for row in rows] == [str(row["points"]) for row in plain]


def test_pages_link_only_to_what_is_there(graded):
    out = graded["out"]
    index = (out / "index.html").read_text()
    links = re.findall(r'href="([^"#]+)"', index)
    assert len([link for link in links if link.startswith("feedback/")]) == len(LEARNERS)
    for link in links:
        assert re.fullmatch(r"[\w./-]+", link)
        assert (out / link).is_file()
    assert "&lt;b&gt;eve" in index
    assert "<b>eve" not in index


def test_feedback_says_what_the_notebook_says(graded):
    page = next((graded["out"] / "feedback").glob("cleo-*/99_samples.html")).read_text()
    assert "0 of 6 points" in page
    from dlcourse.classroom import checks

    message = checks.find("99.4").check(12).message
    assert message.split(".")[0].replace("'", "&#39;")[:40] in page


def test_the_report_has_numbers_pictures_and_pairs(graded):
    page = (graded["out"] / "report.html").read_text()
    assert page.count("<img ") == 2
    assert len(re.findall(r'alt="[^"]{30,}"', page)) == 2
    assert "Most frequent mistakes" in page
    assert "kernel died" in page
    assert "http" not in re.sub(r'http-equiv="', "", page)  # nothing is loaded from elsewhere


def test_secrets_are_for_their_owner_alone_and_in_no_page(graded):
    out = graded["out"]
    secret = json.loads((out / ".secret.json").read_text())
    for name in (".secret.json", "journal.jsonl"):
        assert (out / name).stat().st_mode & 0o077 == 0
    for path in out.rglob("*"):
        if path.is_file() and path.name != ".secret.json":
            text = path.read_text(errors="replace")
            assert str(secret["seed"]) not in text
            assert secret["key"] not in text


def test_a_further_run_grades_nothing_and_writes_the_same(graded, notebook):
    names = ("gradebook.csv", "gradebook.json", "index.html", "report.html")
    before = [(graded["out"] / name).read_bytes() for name in names]
    journal = lines(graded["out"])
    again = start(graded["in"], graded["out"], notebook, "/tmp")
    assert again.wait(PATIENCE) == 0
    again.communicate()
    assert lines(graded["out"]) == journal
    assert [(graded["out"] / name).read_bytes() for name in names] == before
