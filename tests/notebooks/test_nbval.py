"""Every stored output is what a fresh kernel gives, without a network. Solutions pass their checks.

nbval runs each notebook in a process of its own, so that one kernel can't disturb another.
"""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from made_files import ROOT, made
from notebook_run import environment

SANITIZE = Path(__file__).parent / "sanitize.cfg"
SECONDS = 900


def validate(path, home):
    """nbval on one notebook: its exit status and its report."""
    settings = home / "pytest.ini"
    settings.write_text("[pytest]\n")
    command = [
        *(sys.executable, "-m", "pytest", "-c", str(settings), "--rootdir", str(ROOT)),
        *("--nbval", "--nbval-sanitize-with", str(SANITIZE), "--nbval-cell-timeout", "600"),
        *("--noconftest", "-p", "no:cacheprovider", "-q", "--color=no", str(path)),
    ]
    return subprocess.run(
        command, env=environment(str(home)), capture_output=True, text=True, timeout=SECONDS
    )


@pytest.mark.parametrize("name", made("notebooks", "solutions"))
def test_stored_outputs_are_what_the_notebook_gives(name, tmp_path):
    result = validate(ROOT / name, tmp_path)
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]


def stored_notebook(path, source, text):
    """A notebook with one cell and its stored printed text."""
    output = nbformat.v4.new_output("stream", name="stdout", text=text)
    cell = nbformat.v4.new_code_cell(source, execution_count=1, outputs=[output])
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=metadata), path)
    return path


PICTURE = "print('data:image/webp;base64,' + 'AAAA', object())"
PLANTED = [
    ("print(1 + 1)", "3\n", 1),
    ("print(1 + 1)", "2\n", 0),
    ("1 / 0", "", 1),
    (PICTURE, "data:image/webp;base64,BBBB <object object at 0x7f0000000000>\n", 0),
    ("import socket; socket.create_connection(('192.0.2.1', 80))", "", 1),
]


@pytest.mark.parametrize(("source", "text", "status"), PLANTED)
def test_planted_differences_are_found(tmp_path, source, text, status):
    path = stored_notebook(tmp_path / "planted.ipynb", source, text)
    assert validate(path, tmp_path).returncode == status
