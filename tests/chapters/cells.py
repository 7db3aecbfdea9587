"""Run chosen code cells of a chapter, so that tests use its own code and not a copy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jupytext

CHAPTERS = Path(__file__).parents[2] / "book" / "chapters"


def run_cells(name: str, wanted: list[str]) -> dict[str, Any]:
    """Run the code cells that contain one of the wanted texts, in their order.

    Returns the names that they define. Raises AssertionError when a wanted text is in no cell.
    """
    notebook = jupytext.read(CHAPTERS / f"{name}.md")
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    missing = [text for text in wanted if not any(text in source for source in code)]
    assert not missing, f"{name}: no code cell contains {missing}"
    names: dict[str, Any] = {}
    for source in code:
        if any(text in source for text in wanted):
            exec(compile(source, name, "exec"), names)
    return names
