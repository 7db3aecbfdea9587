"""The learner's version of a notebook with solutions, to hand out: `dlcourse release`.

Cells keep nbgrader's metadata (schema 3), so nbgrader can collect what comes back. A school that
makes its release with nbgrader itself gets the same cells, apart from solutions between functions:
there nbgrader puts its stub, and here a learner finds `name = ...` and the heads of the functions.
"""

import ast
import copy
import json
import re
import textwrap
from pathlib import Path
from typing import Any

from dlcourse.classroom.grading.files import write_file

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
STUB = 'raise NotImplementedError("Your turn.")'
REGION = re.compile(
    rf"^(?P<indent>[ \t]*){BEGIN}[^\n]*\n(?P<body>.*?)^[ \t]*{END}[^\n]*(?:\n|\Z)", re.M | re.S
)


class HandoutError(ValueError):
    """A notebook that can't be handed out, with its cell and what to do."""


def write_handout(notebook: Path, folder: Path) -> Path:
    """Write the learner's version of a notebook into a folder, under the same name.

    Raises:
        HandoutError: a marker has no partner, a solution has no metadata, or it would overwrite
        the notebook itself.
    """
    target = folder / notebook.name
    if target.exists() and target.samefile(notebook):
        raise HandoutError(f"{target} holds the solutions. Choose another folder with --out.")
    try:
        book = json.loads(notebook.read_text("utf-8"))
    except ValueError as error:
        raise HandoutError(f"{notebook} can't be read as a notebook: {error}") from error
    made = strip(book)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(made, indent=1, ensure_ascii=False, sort_keys=True)
    write_file(target, text + "\n")
    return target


def strip(book: dict[str, Any]) -> dict[str, Any]:
    """No solutions and no outputs. nbgrader's key `cell_type` is added, as nbgrader does itself."""
    made = copy.deepcopy(book)
    for number, cell in enumerate(made["cells"], start=1):
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell["source"])
        _require_whole(cell, source, number)
        cell["source"] = strip_source(source)
        cell["outputs"], cell["execution_count"] = [], None
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"]["cell_type"] = "code"
    return made


def _require_whole(cell: dict[str, Any], source: str, number: int) -> None:
    begins, ends = source.count(BEGIN), source.count(END)
    if begins != ends or begins != len(REGION.findall(source)):
        raise HandoutError(f"Cell {number} has {begins} `{BEGIN}` and {ends} `{END}`, "
                           "or not in pairs.")  # fmt: skip
    if begins and not cell["metadata"].get("nbgrader", {}).get("solution"):
        raise HandoutError(f"Cell {number} has a solution, but no metadata of a solution cell.")


def strip_source(source: str) -> str:
    """A cell's text with every solution region replaced by a place to start from.

    Inside a function: `raise NotImplementedError`. Between functions: `name = ...` for each name
    and a stub for each function that the region defines. A name that the cell defines before the
    region keeps that start (a broken function to repair, a design to improve).
    """

    def replace(region: re.Match[str]) -> str:
        if region["indent"]:
            return f"{region['indent']}{STUB}\n"
        known = _defined(source[: region.start()])
        return _starts(region["body"], known)

    return REGION.sub(replace, source).rstrip("\n")


def _defined(source: str) -> set[str]:
    return {name for node in ast.parse(REGION.sub("", source)).body for name in _names(node)}


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets: list[ast.expr] = node.targets if isinstance(node, ast.Assign) else []
    if isinstance(node, ast.AnnAssign):
        targets = [node.target]
    return [leaf.id for t in targets for leaf in ast.walk(t) if isinstance(leaf, ast.Name)]


def _starts(body: str, known: set[str]) -> str:
    """What a learner starts from, for a region that stands between functions."""
    lines = []
    for node in ast.parse(body).body:
        names = [name for name in _names(node) if name not in known]
        if isinstance(node, ast.FunctionDef) and names:
            lines.append(_function_stub(node, body))
        else:
            lines += [f"{name} = ..." for name in names]
        known.update(names)
    return "".join(f"{line}\n" for line in lines)


def _function_stub(node: ast.FunctionDef, body: str) -> str:
    """The head and the docstring as they were written, then the stub."""
    first = node.body[0]
    documented = ast.get_docstring(node) is not None
    last = (first.end_lineno or first.lineno) if documented else first.lineno - 1
    start = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    head = "\n".join(body.splitlines()[start - 1 : last])
    return f"{head}\n{textwrap.indent(STUB, ' ' * first.col_offset)}"
