"""In a real kernel: how feedback is displayed, and what nbval makes of it."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
IMPORT = "import numpy as np\nfrom dlcourse.classroom import check, hint"
RIGHT = (
    "def softmax(x):\n"
    "    print('hello')\n"
    "    from IPython.display import display, HTML\n"
    "    display(HTML('<b>shown</b>'))\n"
    "    e = np.exp(x - x.max(axis=1, keepdims=True))\n"
    "    return e / e.sum(axis=1, keepdims=True)"
)
WRONG = "def softmax(x):\n    return -x"
CHECK = 'check("99.1", softmax)'


def notebook(*sources):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells[-1].metadata["tags"] = ["raises-exception"]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def run(book):
    NotebookClient(book, timeout=60).execute(env=dict(os.environ))
    return book.cells[-1].outputs


def test_a_right_answer_displays_the_box_and_nothing_else():
    outputs = run(notebook(IMPORT, RIGHT, CHECK))
    assert [output.output_type for output in outputs] == ["display_data"]
    assert "✓ Right: 99.1" in outputs[0].data["text/html"]
    assert "✓ Right: 99.1" in outputs[0].data["text/plain"]


def test_a_wrong_answer_displays_the_box_and_one_line():
    outputs = run(notebook(IMPORT, WRONG, CHECK))
    assert [output.output_type for output in outputs] == ["display_data", "error"]
    assert outputs[1].ename == "NotYet"
    assert outputs[1].traceback == ["NotYet: 99.1 is not right yet. The box above says more."]


def test_the_learners_line_is_quoted():
    outputs = run(notebook(IMPORT, "def softmax(x):\n    return x @ x", CHECK))
    assert "In `return x @ x`: the inner sizes" in outputs[0].data["text/plain"]


@pytest.fixture
def nbval(tmp_path):
    """Runs nbval on a notebook with stored outputs, after some of its cells were changed."""

    def validate(stored, changes):
        run(stored)
        for position, source in changes.items():
            stored.cells[position].source = source
        path = tmp_path / "nb.ipynb"
        nbformat.write(stored, path)
        command = [
            sys.executable,
            "-m",
            "pytest",
            "--nbval",
            "--noconftest",
            "-q",
            "-c",
            os.devnull,
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(tmp_path),
            str(path),
        ]
        return subprocess.run(command, capture_output=True, text=True, check=False).returncode

    return validate


def test_nbval_accepts_a_right_answer(nbval):
    assert nbval(notebook(IMPORT, RIGHT, CHECK), {}) == 0


def test_nbval_rejects_a_wrong_answer_although_the_cell_may_raise(nbval):
    assert nbval(notebook(IMPORT, RIGHT, CHECK), {1: WRONG}) == 1
