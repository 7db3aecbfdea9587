"""What may be handed in instead of a notebook: damaged files, links, pipes, far too much."""

import copy
import json
import os
import tempfile
from pathlib import Path

import pytest

from dlcourse.classroom.grading import intake, reasons
from dlcourse.classroom.grading.intake import Unreadable, read
from tests.grading.assignment import (
    IMPORTS,
    MATMUL,
    PARAMETERS,
    SOFTMAX,
    as_bytes,
    code,
    submission,
)
from tests.grading.conftest import outcomes

RIGHT = ["right", "right", "right"]


def _book(**changes):
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, **changes}).encode()


DAMAGED = {
    "half a file": (b'{"cells": [', reasons.NO_NOTEBOOK),
    "nothing": (b"", reasons.EMPTY),
    "white space": (b" \n\n ", reasons.EMPTY),
    "a picture": (bytes(range(256)) * 20, reasons.NO_TEXT),
    "UTF-16": (as_bytes(submission()).decode().encode("utf-16"), reasons.NO_TEXT),
    "a list": (b"[1, 2, 3]", reasons.NO_NOTEBOOK),
    "a number": (b"7", reasons.NO_NOTEBOOK),
    "200,000 brackets": (b"[" * 200_000, reasons.NO_NOTEBOOK),
    "200,000 braces": (b'{"cells":' * 200_000, reasons.NO_NOTEBOOK),
    "a huge number": (b'{"cells": [' + b"9" * 1_000_000 + b"]}", reasons.NO_NOTEBOOK),
    "no cells": (_book(), reasons.NO_NOTEBOOK),
    "null cells": (_book(cells=None), reasons.NO_NOTEBOOK),
    "cells that are texts": (_book(cells=["code"]), reasons.NO_NOTEBOOK),
    "a source that is a number": (
        _book(cells=[{"cell_type": "code", "source": 5}]),
        reasons.NO_NOTEBOOK,
    ),
    "a source of numbers": (
        _book(cells=[{"cell_type": "code", "source": [5]}]),
        reasons.NO_NOTEBOOK,
    ),
    "no source": (_book(cells=[{"cell_type": "code"}]), reasons.NO_NOTEBOOK),
    "20 MB": (b'{"cells": ["' + b"x" * (20 << 20) + b'"]}', reasons.TOO_LARGE),
    "5,000 cells": (_book(cells=[code("pass")] * 5000), reasons.TOO_MANY_CELLS),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_unreadable_for_a_reason(name):
    content, reason = DAMAGED[name]
    with pytest.raises(Unreadable) as caught:
        read(content)
    assert str(caught.value) == reason
    assert reason in reasons.REASONS


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_gets_a_grade_and_a_message(grader, name):
    content, reason = DAMAGED[name]
    grade = grader.grade(content)
    assert outcomes(grade) == [f"ungraded: {reason}"] * 3
    assert {exercise["message"] for exercise in grade["exercises"]} == {reasons.REASONS[reason]}


@pytest.fixture
def folder():
    """A folder that an ordinary user may enter too."""
    with tempfile.TemporaryDirectory(prefix="dl-files-", dir="/tmp") as name:
        os.chmod(name, 0o755)
        yield Path(name)


def _link(path):
    os.symlink("/etc/passwd", path)


def _link_to_a_notebook(path):
    other = path.with_name("other.ipynb")
    other.write_bytes(as_bytes(submission()))
    os.symlink(other, path)


def _device(path):
    os.symlink("/dev/zero", path)


def _socket(path):
    import socket

    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def _unreadable(path):
    path.write_bytes(as_bytes(submission()))
    path.chmod(0)


NO_FILES = {
    "a link": (_link, reasons.NO_FILE),
    "a link to another's notebook": (_link_to_a_notebook, reasons.NO_FILE),
    "a link to a device": (_device, reasons.NO_FILE),
    "a pipe": (os.mkfifo, reasons.NO_FILE),
    "a folder": (os.mkdir, reasons.NO_FILE),
    "a socket": (_socket, reasons.NO_FILE),
    "nothing": (lambda path: None, reasons.NOT_THERE),
}


@pytest.mark.parametrize("name", NO_FILES)
def test_what_is_no_file_is_not_opened(grader, folder, name):
    make, reason = NO_FILES[name]
    path = folder / "15.ipynb"
    make(path)
    assert outcomes(grader.grade(path)) == [f"ungraded: {reason}"] * 3


def test_a_name_that_no_file_can_have(one_grader):
    assert outcomes(one_grader.grade(Path("15\0.ipynb"))) == [f"ungraded: {reasons.NO_FILE}"] * 3


def test_a_disk_that_fails(folder, monkeypatch):
    path = folder / "15.ipynb"
    path.write_bytes(as_bytes(submission()))

    def fail(mode):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(intake.stat, "S_ISREG", fail)
    with pytest.raises(Unreadable, match=reasons.NO_FILE):
        read(path)


def test_a_file_without_permission(graders, folder):
    path = folder / "15.ipynb"
    _unreadable(path)
    grade = graders("ordinary").grade(path)
    assert outcomes(grade) == [f"ungraded: {reasons.NO_PERMISSION}"] * 3


def test_files_beside_the_notebook_are_not_used(grader, folder):
    """pytest and Python would load these, if they were looked for here."""
    for name in ("conftest.py", "numpy.py", "ipykernel_launcher.py", "sitecustomize.py"):
        (folder / name).write_text("raise SystemExit('mischief')")
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --collect-only\n")
    path = folder / "15.ipynb"
    path.write_bytes(as_bytes(submission()))
    assert outcomes(grader.grade(path)) == RIGHT
    assert not list(folder.glob("**/*.pyc"))


# ---------------------------------------------------------------- odd, but readable


def _cells(change):
    book = submission()
    for cell in book["cells"]:
        change(cell)
    return as_bytes(book)


def _format_3():
    texts = (IMPORTS, SOFTMAX, PARAMETERS, MATMUL)
    cells = [
        {"cell_type": "code", "language": "python", "collapsed": False, "outputs": [],
         "input": text.splitlines(keepends=True), "prompt_number": 1, "metadata": {}}
        for text in texts
    ]  # fmt: skip
    book = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}}
    return json.dumps({**book, "worksheets": [{"cells": cells, "metadata": {}}]}).encode()


def _added(*cells):
    book = submission()
    book["cells"] += cells
    return as_bytes(book)


def _with_nan():
    book = submission()
    book["metadata"]["a"] = [float("nan"), float("inf")]
    return json.dumps(book).encode()


ODD = {
    "format 3": _format_3(),
    "a byte order mark": b"\xef\xbb\xbf" + as_bytes(submission()),
    "NaN in the metadata": _with_nan(),
    "no metadata": _cells(lambda cell: cell.pop("metadata")),
    "metadata that are lists": _cells(lambda cell: cell.update(metadata=[1])),
    "metadata of wrong types": _cells(
        lambda cell: cell.update(metadata={"dlcourse": {"exercise": [1]}, "nbgrader": 7})
    ),
    "strange ids": _cells(lambda cell: cell.update(id="a b/../" * 50)),
    "sources as lists": _cells(
        lambda cell: cell.update(source=cell["source"].splitlines(keepends=True))
    ),
    "a cell type that is a list": _added({"cell_type": ["code"], "source": "x"}),
    "a lone surrogate": _added(code("x = '\ud800'")),
    "a NUL": _added(code("x = 1\x00")),
    "a text made for Python's parser": _added(code("(" * 5000 + ")" * 5000)),
    "an endless expression": _added(code("-" * 50_000 + "1")),
    "a line of 1 MB": _added(code("x = '" + "y" * 10**6 + "'")),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_notebooks_are_graded(one_grader, name):
    assert outcomes(one_grader.grade(ODD[name])) == RIGHT


def test_a_surrogate_spoils_its_own_cell_alone(one_grader):
    answer = "answer_99_4 = '\ud800'"
    grade = one_grader.grade(as_bytes(submission(parameters=answer)))
    assert outcomes(grade) == ["right", "wrong", "right"]


@pytest.mark.parametrize(
    "student",
    [
        "../../etc/passwd", "=HYPERLINK(1)", "<script>alert(1)</script>", "a\nb", "\ud800",
        "x" * 10_000, "", "名前",
    ],
)  # fmt: skip
def test_the_student_is_a_label_and_no_more(one_grader, student):
    grade = one_grader.grade(b"", student=student)
    assert len(grade["student"]) <= 200
    assert grade["student"][:5] == student[:5].replace("\ud800", "\\ud800")[:5]
    json.dumps(grade, ensure_ascii=False).encode()


# ---------------------------------------------------------------- reading


def test_only_the_text_of_code_cells_is_kept():
    book = submission()
    book["cells"].insert(0, {"cell_type": "markdown", "source": "# Title", "metadata": {}})
    cells = read(as_bytes(book))
    assert [cell.exercise for cell in cells] == ["", *["99.1"] * 2, *["99.4"] * 2, *["99.2"] * 2]
    assert cells[1].source == SOFTMAX


def test_the_labels_of_nbgrader_will_do():
    book = submission()
    for cell in book["cells"]:
        cell["metadata"].pop("dlcourse", None)
    assert [cell.exercise for cell in read(as_bytes(book))][1:3] == ["99.1", "99.1"]


def test_a_file_that_grows_while_it_is_read_is_too_large(folder, monkeypatch):
    path = folder / "15.ipynb"
    path.write_bytes(b"x" * 100)
    monkeypatch.setattr(intake, "MAX_BYTES", 50)
    status = os.stat_result((0o100644, 0, 0, 1, 0, 0, 10, 0, 0, 0))
    monkeypatch.setattr(os, "fstat", lambda handle: status)
    with pytest.raises(Unreadable, match=reasons.TOO_LARGE):
        read(path)


def test_the_largest_notebook_is_read():
    book = copy.deepcopy(submission())
    book["cells"] += [code("x = 1")] * (intake.MAX_CELLS - len(book["cells"]))
    assert len(read(as_bytes(book))) == intake.MAX_CELLS
