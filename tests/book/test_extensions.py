"""The site's own Sphinx extensions, function by function."""

from __future__ import annotations

import base64
import logging
import multiprocessing
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace

import pytest

from dlcourse.course import Chapter, Part
from tests.book.site import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))

import dl_contents
import dl_formulas
import dl_pages
from sphinx.errors import SphinxError
from sphinxcontrib.katex import KaTeXError, KaTeXServer


def test_a_data_uri_becomes_a_file(tmp_path: Path) -> None:
    raw = b"RIFF-a-picture"
    uri = f"data:image/webp;base64,{base64.b64encode(raw).decode()}"
    body = f'<img src="{uri}"> <script>{{"images":["{uri}"]}}</script>'
    made = dl_pages.pictures_to_files(body, tmp_path, lambda path: f"../{path}")
    (file,) = (tmp_path / "_images").iterdir()
    assert file.read_bytes() == raw
    assert made == body.replace(uri, f"../_images/{file.name}")


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ('href="15_x.ipynb"', 'href="<notebooks/15_x>"'),
        ('href="../book/glossary.md#bias"', 'href="<book/glossary>#bias"'),
        ('href="https://example.org/a.ipynb"', 'href="https://example.org/a.ipynb"'),
        ('href="#here"', 'href="#here"'),
    ],
)
def test_links_in_outputs(written: str, made: str) -> None:
    known = {"notebooks/15_x", "book/glossary"}
    assert dl_pages.links_to_pages(written, "notebooks/00_y", known, "<{}>".format) == made


def test_an_outputs_link_to_nowhere_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    link = 'href="99_none.ipynb"'
    with caplog.at_level(logging.WARNING, logger="sphinx"):
        assert dl_pages.links_to_pages(link, "notebooks/00_y", set(), str) == link
    assert "99_none.ipynb" in caplog.text


def test_widgets_on_a_page() -> None:
    body = '<div data-dlw="quiz"></div><div data-dlw="frames"></div><div data-dlw="quiz"></div>'
    assert dl_pages.widgets_in(body) == ["frames", "quiz"]


def make_course(root: Path) -> Part:
    """Two chapters: one written, with exercises; one planned."""
    for folder in ("notebooks", "exercises"):
        (root / folder).mkdir()
        (root / folder / "04_written.ipynb").touch()
    return Part("X", "A part", (Chapter(4, "written", "W"), Chapter(5, "planned", "P")))


def test_contents_of_a_part_list_what_is_written(tmp_path: Path) -> None:
    group = dl_contents.part_group(make_course(tmp_path), tmp_path)
    assert ":caption: Part X: A part" in group
    assert "/notebooks/04_written\nExercises of chapter 4 </exercises/04_written>" in group
    assert "planned" not in group


def test_a_part_without_chapters_is_not_listed(tmp_path: Path) -> None:
    part = Part("X", "A part", (Chapter(5, "planned", "P"),))
    assert dl_contents.part_group(part, tmp_path) == ""


SLOW_SERVER = """
import socket, sys, time
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
time.sleep(0.5)  # named, but not listening yet
server.listen()
server.accept()[0].sendall(b"ready")
"""


def test_a_formula_server_that_is_slow_to_listen_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-c", SLOW_SERVER]
    monkeypatch.setattr(
        KaTeXServer, "build_command", classmethod(lambda cls, socket: [*command, str(socket)])
    )
    process, connection = dl_formulas.start(KaTeXServer, tmp_path, timeout=20)
    with process, connection:
        assert connection.recv(5) == b"ready"


def write_pages(folder: Path, told: Connection) -> None:
    """What a process of the build does: it starts a server of its own, and never stops it."""
    process, _ = dl_formulas.start(KaTeXServer, folder, timeout=20)
    told.send(process.pid)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_formula_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    told, tell = fork.Pipe()
    writer = fork.Process(target=write_pages, args=(tmp_path, tell))
    writer.start()
    server = told.recv()
    writer.join(20)
    status = Path(f"/proc/{server}/stat")
    end = time.monotonic() + 20
    while status.exists() and status.read_text().split()[2] != "Z" and time.monotonic() < end:
        time.sleep(0.05)
    assert not status.exists() or status.read_text().split()[2] == "Z"


def test_a_formula_server_that_never_comes_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        KaTeXServer, "build_command", classmethod(lambda cls, socket: [sys.executable, "-c", ""])
    )
    with pytest.raises(KaTeXError):
        dl_formulas.start(KaTeXServer, tmp_path, timeout=0.3)


def test_a_damaged_notebook_stops_the_build_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "15_backpropagation.ipynb").write_text("{")
    with pytest.raises(SphinxError, match=r"15_backpropagation\.ipynb is damaged.*make notebooks"):
        dl_pages.refuse_damaged_notebooks(SimpleNamespace(srcdir=tmp_path))
