"""The pytest plugin of `dlcourse check`: prepares nbval's kernel, and notes the cells that fail."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from nbval import plugin as nbval

FOLDER = Path(os.environ.get("DLCOURSE_VERDICTS", "."))
MODULE = "dlcourse.classroom.check_notebook"
PREPARE = f"__import__({MODULE!r}, fromlist=['x']).record_verdicts({str(FOLDER)!r})"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
LONGEST = 300  # characters of an error


def pytest_configure() -> None:
    """Tell the kernel where verdicts go, as soon as it has started."""
    original = nbval.IPyNbFile.setup

    def setup(file: Any) -> None:
        original(file)
        asked = file.kernel.execute_cell_input(PREPARE, allow_stdin=False)
        file.kernel.await_reply(asked, timeout=60)
        file.kernel.await_idle(asked, 60)

    nbval.IPyNbFile.setup = setup
    nbval.IPyNbCell.setup = lambda cell: None  # after a time-out the next cells count as well


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Any:
    """Note a cell that failed, apart from checks: their verdict says it better."""
    report = yield
    if report.failed and call.when == "call":
        note = {"number": item.cell_num, "error": _error(call.excinfo.value)}
        with open(FOLDER / "cells.jsonl", "a") as file:
            file.write(json.dumps(note) + "\n")
    return report


def _error(error: BaseException) -> str:
    """The last line of a traceback, or what nbval says."""
    inner = COLOURS.sub("", str(getattr(error, "inner_traceback", "") or "")).strip()
    text = inner.splitlines()[-1] if inner else str(error)
    return text[:LONGEST]
