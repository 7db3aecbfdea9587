"""Runs a notebook in a fresh kernel without a network, and makes its outputs repeatable."""

import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

OFFLINE = Path(__file__).parent / "offline"
CELL_SECONDS = 600
COLOUR_CODES = re.compile(r"\x1b\[[0-9;]*m")
VIEW = "application/vnd.jupyter.widget-view+json"  # names a model that lives only in this run


class RunError(Exception):
    """A cell that failed. cell: its position; reason: the error in readable form."""

    def __init__(self, cell: int, reason: str) -> None:
        super().__init__(reason)
        self.cell, self.reason = cell, reason


def environment(home: str) -> dict[str, str]:
    """The variables of a kernel for course notebooks: no network, one thread, a fresh home."""
    known = {k: v for k, v in os.environ.items() if k not in ("DLCOURSE_CHECKS", "MPLBACKEND")}
    paths = [str(OFFLINE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **known,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONHASHSEED": "0",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "DLCOURSE_PROGRESS": "0",
        "DLCOURSE_HOME": str(Path(home) / "dlcourse"),
        "IPYTHONDIR": str(Path(home) / "ipython"),
    }


def run(notebook: NotebookNode, folder: Path, tick: Callable[[], object]) -> None:
    """Run all cells in place, in this folder. tick() is called after each cell.

    Raises RunError for a cell that ends in an error, also where its tag allows one.
    """
    language = notebook.metadata["language_info"]
    with tempfile.TemporaryDirectory() as home:
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=CELL_SECONDS,
            record_timing=False,
            store_widget_state=False,
            coalesce_streams=True,
            extra_arguments=["--IPKernelApp.log_level=40"],  # errors only, not how it is wired
            resources={"metadata": {"path": str(folder)}},
            on_cell_complete=lambda cell, cell_index: tick(),
        )
        try:
            client.execute(env=environment(home))
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            position = _failed_cell(notebook)
            raise RunError(position, _reason(notebook.cells[position], error)) from error
    notebook.metadata["language_info"] = language  # without this machine's Python version
    for position, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            _require_success(cell, position)
            _tidy(cell)


def _failed_cell(notebook: NotebookNode) -> int:
    """The cell with an error, else (a timeout, a dead kernel) the last one that had started."""
    code = [(i, cell) for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    for position, cell in code:
        if _errors(cell) and "raises-exception" not in cell.metadata.get("tags", []):
            return position
    unfinished = [i for i, cell in code if cell.execution_count is None and cell.source.strip()]
    return unfinished[0] if unfinished else code[-1][0]


def _errors(cell: NotebookNode) -> list[NotebookNode]:
    return [output for output in cell.outputs if output.output_type == "error"]


def _reason(cell: NotebookNode, error: Exception) -> str:
    errors = _errors(cell)
    if not errors:
        return f"{type(error).__name__}: {str(error).strip().splitlines()[-1]}"
    trace = COLOUR_CODES.sub("", "\n".join(errors[0].traceback)).splitlines()
    tail = "\n".join(trace[-12:])
    return f"{errors[0].ename}: {errors[0].evalue}\n{tail}"


def _require_success(cell: NotebookNode, position: int) -> None:
    if _errors(cell):
        shown = [output.data.get("text/plain", "") for output in cell.outputs if "data" in output]
        detail = "\n".join(text for text in shown if text)
        raise RunError(position, f"{_errors(cell)[0].evalue}\n{detail}")


def _tidy(cell: NotebookNode) -> None:
    """Remove what would differ in the next run, and what lives only in this one."""
    cell.metadata.pop("execution", None)
    for output in cell.outputs:
        if "data" in output:
            output.data.pop(VIEW, None)
            output.metadata.pop(VIEW, None)
        output.pop("transient", None)
