"""What learners open reads well everywhere: plain Markdown, short cells, alt texts, links."""

import re
import statistics
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
from made_files import ROOT, made

ALL = made("notebooks", "solutions", "exercises")
MAX_LINES = {"notebooks": 25, "exercises": 25, "solutions": 40}
MYST = [
    re.compile(r"\{[a-zA-Z][\w:+-]*\}`"),  # a role
    re.compile(r"^\s*(```+|~~~+|:::+)\s*\{", re.M),  # a directive
    re.compile(r"^:::+", re.M),
    re.compile(r"^\([\w-]+\)=\s*$", re.M),  # a target
]
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?:\s+\"[^\"]*\")?\)")
CODE = re.compile(r"(```.*?```|`[^`\n]+`|\$\$.*?\$\$|\$[^$\n]+\$)", re.S)
UNSTABLE = re.compile(r"0x[0-9a-fA-F]{8,}|/tmp/|/home/|/root/|ipykernel_\d+")


def cells(name, kind):
    return [cell for cell in nbformat.read(ROOT / name, 4).cells if cell.cell_type == kind]


def prose(name):
    """The text cells without code and formulas."""
    return [CODE.sub(" ", cell.source) for cell in cells(name, "markdown")]


def lines_of(cell):
    return len(cell.source.strip().splitlines())


@pytest.mark.parametrize("name", ALL)
def test_code_cells_are_short(name, record_property):
    code = cells(name, "code")
    sizes = [lines_of(cell) for cell in code]
    words = sum(len(text.split()) for text in prose(name))
    total = max(sum(sizes), 1)
    record_property(
        "notebook",
        f"{name:<42}{len(code):>10}{statistics.median(sizes):>14g}{words:>7}{words / total:>14.1f}",
    )
    limit = MAX_LINES[Path(name).parent.name]
    long = [cell.source.splitlines()[0] for cell in code if lines_of(cell) > limit]
    assert long == []


@pytest.mark.parametrize("name", ALL)
def test_no_raw_myst(name):
    found = [
        m[0] for cell in cells(name, "markdown") for p in MYST for m in p.finditer(cell.source)
    ]
    assert found == []


def outputs(name):
    return [
        (cell, output) for cell in cells(name, "code") for output in cell.outputs
    ]  # fmt: skip


@pytest.mark.parametrize("name", made("notebooks", "solutions"))
def test_stored_outputs_hold_no_errors(name):
    assert [o.evalue for _, o in outputs(name) if o.output_type == "error"] == []
    code = [cell for cell in cells(name, "code") if cell.source.strip()]
    assert all(cell.execution_count for cell in code)


@pytest.mark.parametrize("name", made("notebooks", "solutions"))
def test_stored_outputs_hold_nothing_of_this_machine(name):
    texts = []
    for _, output in outputs(name):
        data = output.get("data", {})
        texts += [output.get("text", ""), data.get("text/plain", ""), data.get("text/html", "")]
    assert [m[0] for text in texts for m in UNSTABLE.finditer(text)] == []


@pytest.mark.parametrize("name", made("notebooks", "solutions"))
def test_warnings_are_not_stored(name):
    stored = [
        output.text
        for cell, output in outputs(name)
        if output.output_type == "stream" and output.name == "stderr"
        and "nbval-ignore-output" not in cell.metadata.get("tags", [])
    ]  # fmt: skip
    assert stored == []


def image_alts(text):
    return [re.search(r'\balt="([^"]*)"', tag) for tag in re.findall(r"<img\b[^>]*>", text)]


@pytest.mark.parametrize("name", ALL)
def test_images_have_alt_texts(name):
    texts = [cell.source for cell in cells(name, "markdown")]
    texts += [output.get("data", {}).get("text/html", "") for _, output in outputs(name)]
    found = [alt for text in texts for alt in image_alts(text)]
    assert all(alt and len(alt[1].split()) >= 2 for alt in found)
    markdown = [m[2] for text in prose(name) for m in LINK.finditer(text) if m[1]]
    assert all(len(alt.split()) >= 2 for alt in markdown)
    for _, output in outputs(name):
        for kind in output.get("data", {}):
            described = "text/html" in output.data or output.metadata.get(kind, {}).get("alt")
            assert not kind.startswith("image/") or described, "use dlcourse.plots for figures"


def anchors(path):
    """The anchors of a file's headings, as GitHub, JupyterLab and the book make them."""
    if path.suffix == ".ipynb":
        text = "\n".join(c.source for c in nbformat.read(path, 4).cells if c.cell_type != "code")
    else:
        text = path.read_text(encoding="utf-8")
    heads = re.findall(r"^#+\s+(.*?)\s*$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("name", ALL)
def test_relative_links_resolve(name):
    broken = []
    for text in prose(name):
        for match in LINK.finditer(text):
            target, _, anchor = unquote(match[3]).partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            path = (ROOT / Path(name).parent / target).resolve() if target else ROOT / name
            known = path.exists() and (not anchor or anchor.lower() in anchors(path))
            if not known:
                broken.append(match[3])
    assert broken == []
