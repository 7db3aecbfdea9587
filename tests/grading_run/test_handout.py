"""`dlcourse release`: the learner's version, the same as the course's own and as nbgrader's."""

import json
import warnings

import pytest
from click.testing import CliRunner

from dlcourse.classroom.grading.handout import BEGIN, STUB, HandoutError, strip, write_handout
from dlcourse.cli import main
from tests.grading.assignment import code, notebook, solution_cell
from tests.grading.conftest import ROOT

CHAPTERS = sorted(path.stem for path in (ROOT / "solutions").glob("*.ipynb"))
REGION = "def f(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION"


def cells(path):
    book = json.loads(path.read_text("utf-8"))
    return [{**cell, "source": "".join(cell["source"])} for cell in book["cells"]]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_it_is_the_notebook_in_exercises(chapter, tmp_path):
    done = CliRunner().invoke(main, ["release", chapter[:2], "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    made = tmp_path / "out" / f"{chapter}.ipynb"
    assert cells(made) == cells(ROOT / "exercises" / f"{chapter}.ipynb")
    assert BEGIN not in made.read_text("utf-8")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_nbgrader_makes_the_same_cells(chapter):
    """Its preprocessors for a release, in its own order, with the course's stub."""
    pytest.importorskip("nbgrader", reason="nbgrader is not installed (pip install nbgrader).")
    import nbformat
    from nbgrader import preprocessors as steps
    from traitlets.config import Config

    path = ROOT / "solutions" / f"{chapter}.ipynb"
    book = nbformat.read(path, 4)
    config = Config()
    config.ClearSolutions.code_stub = {"python": STUB}
    for step in (steps.LockCells, steps.ClearSolutions, steps.ClearOutput, steps.CheckCellMetadata):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book, _ = step(config=config).preprocess(book, {})
    ours = strip(json.loads(path.read_text("utf-8")))["cells"]
    assert len(ours) == len(book.cells)
    between = 0
    for mine, theirs in zip(ours, book.cells, strict=True):
        assert mine["cell_type"] == theirs.cell_type
        if mine["cell_type"] != "code":
            continue
        assert (mine["outputs"], mine["execution_count"]) == (theirs.outputs, None)
        assert BEGIN not in theirs.source
        if f"\n{STUB}" in f"\n{theirs.source}":  # a solution between functions
            between += 1
            continue
        assert mine["source"] == theirs.source
    assert between < len([c for c in ours if c["metadata"].get("dlcourse")]) / 2
    graded = [cell for cell in book.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    assert sum(cell.metadata.nbgrader.points for cell in graded) > 0


def test_the_solutions_are_never_overwritten(tmp_path):
    path = tmp_path / "99_x.ipynb"
    path.write_text(json.dumps(notebook(solution_cell("99.1", REGION))))
    before = path.read_bytes()
    with pytest.raises(HandoutError, match="holds the solutions"):
        write_handout(path, tmp_path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (solution_cell("99.1", REGION.replace("### END SOLUTION", "")), "1 .* and 0"),
        (code(REGION), "no metadata of a solution cell"),
    ],
)
def test_what_would_give_away_a_solution_is_refused(cell, message):
    with pytest.raises(HandoutError, match=message):
        strip(notebook(cell))


def test_an_unknown_chapter_is_told():
    done = CliRunner().invoke(main, ["release", "77"])
    assert done.exit_code == 1
    assert "no notebook of chapter 77" in done.output
    assert ", ".join(chapter[:2] for chapter in CHAPTERS) in done.output
