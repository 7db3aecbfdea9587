"""The glossary and the references: complete, in order, and as their sources say."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.book.site import ROOT

sys.path.insert(0, str(ROOT / "book"))

import make_references

BOOK = ROOT / "book"


def headings(name: str) -> list[str]:
    return re.findall(r"^## (.+)$", (BOOK / name).read_text("utf8"), flags=re.M)


def anchor(heading: str) -> str:
    """As in Jupyter, on GitHub and in the book: lower case, hyphens for spaces, no marks."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def linked_anchors(page: str) -> set[str]:
    """All anchors of a page that some text of the repository links to."""
    texts = [*BOOK.rglob("*.md"), *(ROOT / "dlcourse").rglob("*.py"), ROOT / "README.md"]
    return {
        found
        for path in texts
        for found in re.findall(rf"{re.escape(page)}#([\w-]+)", path.read_text("utf8"))
    }


@pytest.mark.parametrize("page", ["glossary.md", "references.md"])
def test_every_anchor_that_is_linked_exists_once(page: str) -> None:
    anchors = [anchor(heading) for heading in headings(page)]
    assert len(anchors) == len(set(anchors))
    assert linked_anchors(page)
    assert linked_anchors(page) - set(anchors) == set()


@pytest.mark.parametrize("page", ["glossary.md", "references.md"])
def test_headings_are_in_alphabetical_order(page: str) -> None:
    found = [heading.lower() for heading in headings(page)]
    assert found == sorted(found)


def test_glossary_entries_are_short() -> None:
    text = (BOOK / "glossary.md").read_text("utf8")
    entries = re.findall(r"^## (.+)\n\n(.+)$", text, flags=re.M)
    assert len(entries) == len(headings("glossary.md")) >= 40
    for term, words in entries:
        assert 5 <= len(words.split()) <= 75, term


def test_glossary_has_the_words_of_the_two_chapters() -> None:
    wanted = """activation-function backpropagation baseline batch bias broadcasting chain-rule
    computation-graph derivative epoch forward-pass gradient hebbs-rule held-out-data learning-rate
    linear-separability local-derivative loss neuron optimiser overfitting parameter perceptron
    shortcut tensor threshold topological-order vanishing-gradient weight"""
    assert set(wanted.split()) - {anchor(heading) for heading in headings("glossary.md")} == set()


def test_references_are_what_the_bib_file_says() -> None:
    assert make_references.main(["--check"]) == 0


BIB = r"""@article{x, author = {M\"uller, J\"org and others}, title = {On {XOR} 3--4.},
journal = {A Journal}, volume = {2}, number = {1}, pages = {5--9}, year = {1999},
doi = {10.1/a(b)c_d}}"""


def test_one_reference(tmp_path: Path) -> None:
    (tmp_path / "references.bib").write_text(BIB, "utf8")
    assert make_references.main([], tmp_path) == 0
    heading, text = (tmp_path / "references.md").read_text("utf8").split("## ")[1].split("\n\n")
    assert heading == "Müller 1999"
    assert text.strip() == (
        "Jörg Müller and others (1999). On XOR 3–4. *A Journal* 2(1), 5–9. "
        "[doi:10.1/a(b)c_d](https://doi.org/10.1/a%28b%29c_d)"
    )


def test_check_finds_a_stale_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "references.bib").write_text(BIB, "utf8")
    assert make_references.main(["--check"], tmp_path) == 1
    assert not (tmp_path / "references.md").exists()
    make_references.main([], tmp_path)
    assert make_references.main(["--check"], tmp_path) == 0
    with (tmp_path / "references.md").open("a") as file:
        file.write("by hand")
    assert make_references.main(["--check"], tmp_path) == 1
    assert "make_references.py" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("bib", "told"),
    [
        ("@misc{x, title = {T}, year = {1999}}", "x has no author"),
        ("@misc{x, author = {A, B}, title = {T}}", "x has no year"),
        (BIB + BIB.replace("{x,", "{y,"), "a second Müller 1999"),
    ],
)
def test_a_faulty_entry_is_named(
    bib: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "references.bib").write_text(bib, "utf8")
    assert make_references.main([], tmp_path) == 1
    assert told in capsys.readouterr().out
