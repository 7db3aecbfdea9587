"""Every stored output is what a fresh kernel gives, without a network. Solutions pass their checks.

nbval runs each notebook in a process of its own, so that one kernel can't disturb another.
"""

import subprocess
import sys
from pathlib import Path

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
