"""The author's tool: stripping, marking, running, and noticing what is stale."""

import json
from pathlib import Path

import nbformat
import pytest
from make_notebooks import main
from notebook_source import SourceError, mark_exercises, read

from dlcourse.classroom.grading.handout import strip_source

SAMPLES = Path(__file__).parents[1] / "classroom" / "samples"
STUB = 'raise NotImplementedError("Your turn.")'
B, E = "### BEGIN SOLUTION", "### END SOLUTION"

STRIPPED = {
    "inside a function": (f"def f(x):\n    a = 1\n    {B}\n    return x\n    {E}",
                          f"def f(x):\n    a = 1\n    {STUB}"),
    "a value": (f"{B}\nanswer = 7\n{E}", "answer = ..."),
    "two values": (f"{B}\na, b = 1, 2\nc: int = 3\n{E}", "a = ...\nb = ...\nc = ..."),
    "a whole function": (f'{B}\ndef f(x,\n      y=2):\n    """Text."""\n    return x\n{E}',
                         f'def f(x,\n      y=2):\n    """Text."""\n    {STUB}'),
    "no docstring": (f"{B}\n@cache\ndef f(x):\n    return x\n{E}",
                     f"@cache\ndef f(x):\n    {STUB}"),
    "a start is kept": (f"answer = 1\n{B}\nanswer = 7\n{E}", "answer = 1"),
    "a broken function": (f"def f(x):\n    return -x\n\n\n{B}\ndef f(x):\n    return x\n{E}",
                          "def f(x):\n    return -x"),
    "two regions": (f"def f():\n    {B}\n    a = 1\n    {E}\n    b = 2\n    {B}\n    c\n    {E}",
                    f"def f():\n    {STUB}\n    b = 2\n    {STUB}"),
    "a class": (f"class A:\n    def f(self):\n        {B}\n        return 1\n        {E}",
                f"class A:\n    def f(self):\n        {STUB}"),
    "nothing to strip": ("x = 1\nprint(x)", "x = 1\nprint(x)"),
    "other statements go": (f"{B}\nimport os\nprint(1)\nanswer = 2\n{E}\nprint(3)",
                            "answer = ...\nprint(3)"),
}  # fmt: skip


@pytest.mark.parametrize("name", STRIPPED)
def test_solutions_are_replaced_by_a_start(name):
    source, expected = STRIPPED[name]
    assert strip_source(source) == expected


def cell(source):
    return f"```{{code-cell}} ipython3\n{source}\n```\n\n"


@pytest.fixture
def exercise(tmp_path, monkeypatch):
    """Reads a source with some cells and marks its exercises."""
    monkeypatch.setenv("DLCOURSE_CHECKS", str(SAMPLES))

    def marked(*sources):
        path = tmp_path / "99_samples.md"
        path.write_text("# Title\n\n" + "".join(map(cell, sources)), encoding="utf-8")
        notebook = read(path, "book/exercises/99_samples.md")
        mark_exercises(notebook, path)
        return notebook

    return marked


def test_cells_are_marked_for_nbgrader(exercise):
    notebook = exercise("import numpy", f"{B}\na = 15\n{E}", 'check("99.4", a)')
    assert "nbgrader" not in notebook.cells[1].metadata
    assert notebook.cells[2].metadata["nbgrader"] == {
        "schema_version": 3, "grade": False, "solution": True, "locked": False, "task": False,
        "grade_id": "exercise-99-4-solution",
    }  # fmt: skip
    assert notebook.cells[3].metadata["nbgrader"] == {
        "schema_version": 3, "grade": True, "solution": False, "locked": True, "task": False,
        "grade_id": "exercise-99-4-check", "points": 1,
    }  # fmt: skip
    assert notebook.cells[3].metadata["tags"] == ["raises-exception"]
    assert notebook.cells[3].metadata["dlcourse"]["exercise"] == "99.4"


def test_a_cells_id_does_not_tell_its_solution(exercise):
    first = exercise(f"{B}\na = 15\n{E}", 'check("99.4", a)')
    second = exercise(f"{B}\na = 16\n{E}", 'check("99.4", a)')
    assert [c.id for c in first.cells] == [c.id for c in second.cells]


@pytest.mark.parametrize(
    ("sources", "text"),
    [
        ([f"{B}\na = 15\n{E}"], "no check follows"),
        (['check("99.4", 15)'], "no solution stands before"),
        ([f"{B}\na = 15\n{E}", 'check("99.44", a)'], "unknown exercise"),
        ([f"{B}\na = 15", 'check("99.4", a)'], "not in pairs"),
        ([f"a = 15\n{E}", 'check("99.4", a)'], "not in pairs"),
        ([f'{B}\na = 15\n{E}\ncheck("99.4", a)'], "Make it two cells"),
    ],
)
def test_mistakes_in_a_source_are_named_with_their_line(exercise, sources, text):
    with pytest.raises(SourceError, match=rf"99_samples\.md:\d+: .*{text}"):
        exercise(*sources)


@pytest.fixture
def root(tmp_path):
    """A small course of one chapter."""
    (tmp_path / "book" / "chapters").mkdir(parents=True)
    (tmp_path / "dlcourse").mkdir()
    (tmp_path / "dlcourse" / "code.py").write_text("x = 1\n")
    return tmp_path


def write_chapter(root, *sources):
    path = root / "book" / "chapters" / "97_chapter.md"
    path.write_text("# Title\n\n" + "".join(map(cell, sources)), encoding="utf-8")
    return root / "notebooks" / "97_chapter.ipynb"


def test_the_same_source_gives_the_same_file(root, capsys):
    path = write_chapter(root, "import sys\nprint(1)\nprint(2, file=sys.stderr)\nprint(3)", "1 + 1")
    assert main([], root) == 0
    first = path.read_bytes()
    assert main(["--force"], root) == 0
    assert path.read_bytes() == first
    stored = json.loads(first)
    assert set(stored["metadata"]) == {"dlcourse", "kernelspec", "language_info"}
    assert "version" not in stored["metadata"]["language_info"]
    assert stored["cells"][2]["outputs"][0]["data"]["text/plain"] == ["2"]
    assert sum(o["name"] == "stdout" for o in stored["cells"][1]["outputs"]) == 1
    assert all(set(c["metadata"]) <= {"tags"} for c in stored["cells"])
    assert list((root / "notebooks").iterdir()) == [path]


def test_notebooks_run_in_their_folder_and_offline(root, capsys):
    path = write_chapter(
        root,
        "import os\nos.path.basename(os.getcwd())",
        "import socket\ntry:\n    socket.create_connection(('192.0.2.1', 80))\n"
        "except OSError as error:\n    print(error)",
    )
    assert main([], root) == 0
    cells = nbformat.read(path, 4).cells
    assert cells[1].outputs[0].data["text/plain"] == "'notebooks'"
    assert "The network is blocked" in cells[2].outputs[0].text


def test_an_error_names_its_place_and_keeps_the_old_notebook(root, capsys):
    path = write_chapter(root, "x = 1")
    assert main([], root) == 0
    before = path.read_bytes()
    write_chapter(root, "x = 1", "y = 2\nprint(y / 0)")
    assert main([], root) == 1
    text = capsys.readouterr().out
    assert "book/chapters/97_chapter.md, line 8: code cell 2 failed" in text
    assert "ZeroDivisionError: division by zero" in text
    assert "\x1b" not in text
    assert path.read_bytes() == before


def test_an_allowed_error_is_not_stored_either(root, capsys):
    path = write_chapter(root, ":tags: [raises-exception]\n\n1 / 0")
    assert main([], root) == 1
    assert "code cell 1 failed" in capsys.readouterr().out
    assert not path.exists()


def test_check_notices_what_is_stale(root, capsys):
    path = write_chapter(root, "x = 1")
    assert main(["--check"], root) == 1
    assert "is missing" in capsys.readouterr().out
    assert main([], root) == 0
    assert main(["--check"], root) == 0
    (root / "dlcourse" / "cli.py").write_text("y = 2\n")  # no notebook uses it
    assert main(["--check"], root) == 0
    (root / "dlcourse" / "code.py").write_text("x = 2\n")
    capsys.readouterr()
    assert main(["--check"], root) == 1
    assert "is stale" in capsys.readouterr().out
    assert main([], root) == 0
    edited = nbformat.read(path, 4)
    edited.cells[1].source = "x = 3"
    nbformat.write(edited, path)
    assert main(["--check"], root) == 1
    assert "edited by hand" in capsys.readouterr().out
    assert main([], root) == 0
    path.with_name("98_gone.ipynb").write_bytes(path.read_bytes())
    assert main(["--check"], root) == 1
    assert "98_gone.ipynb has no source" in capsys.readouterr().out


def test_only_what_is_stale_runs(root, capsys):
    write_chapter(root, "x = 1")
    assert main([], root) == 0
    capsys.readouterr()
    assert main([], root) == 0
    assert "0 made, 0 failed, 1 sources" in capsys.readouterr().out
    assert main(["--only", "55"], root) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": 1}', "\x00"])
def test_a_damaged_notebook_is_made_anew(root, capsys, text):
    path = write_chapter(root, "1 + 1")
    assert main([], root) == 0
    whole = path.read_bytes()
    path.write_text(text)
    assert main(["--check"], root) == 1
    assert "97_chapter.ipynb is damaged" in capsys.readouterr().out
    assert main([], root) == 0
    assert path.read_bytes() == whole


def test_a_damaged_source_is_named_and_nothing_is_lost(root, capsys):
    path = write_chapter(root, "1 + 1")
    assert main([], root) == 0
    whole = path.read_bytes()
    (root / "book" / "chapters" / "97_chapter.md").write_text("---\nbad: [\n---\n# Title\n")
    with pytest.raises(SystemExit, match=r"97_chapter\.md can't be read as a MyST notebook"):
        main([], root)
    assert path.read_bytes() == whole
