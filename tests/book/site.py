"""A built site as files: its pages, their links, and what a page weighs."""

from __future__ import annotations

import posixpath
import subprocess
import sys
import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

ROOT = Path(__file__).parents[2]
SITE_ONLY = ("search.html",)  # made by Sphinx, not from a text of ours


def build(out: Path, builder: str = "html", *options: str) -> tuple[float, str]:
    """Run Sphinx as `make book` does. Gives the seconds it took and everything it said.

    Raises:
        AssertionError: Sphinx found something to complain about.
    """
    command = [sys.executable, "-m", "sphinx", "-q", "-b", builder, "-c", str(ROOT / "book")]
    command += ["-d", str(out.parent / f"{out.name}-doctrees"), *options, str(ROOT), str(out)]
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, f"sphinx-build -b {builder} failed:\n{said}"
    return time.monotonic() - start, said


class Page(HTMLParser):
    """What one HTML file names and points to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []  # href of anchors
        self.loads: list[str] = []  # what the page itself needs: styles, scripts, pictures
        self.widgets: set[str] = set()
        self.images: list[dict[str, str | None]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids.add(str(given["id"]))
        if tag == "a" and given.get("href"):
            self.links.append(str(given["href"]))
        if tag == "link" and given.get("rel") in ("stylesheet", "icon"):
            self.loads.append(str(given["href"]))
        if tag in ("script", "img") and given.get("src"):
            self.loads.append(str(given["src"]))
        if tag == "img":
            self.images.append(given)
        if given.get("data-dlw"):
            self.widgets.add(str(given["data-dlw"]))


@dataclass
class Site:
    """The built site. pages: path from the top -> what the page holds."""

    folder: Path
    seconds: float
    said: str
    pages: dict[str, Page] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in sorted(self.folder.rglob("*.html")):
            name = path.relative_to(self.folder).as_posix()
            self.pages[name] = Page(path.read_text(encoding="utf-8"))

    def text(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")

    def size(self, url: str) -> int:
        """The bytes of the file that an address on a local server stands for."""
        return (self.folder / unquote(urlsplit(url).path).lstrip("/")).stat().st_size

    def target(self, page: str, link: str) -> tuple[str, str]:
        """The file and the anchor that a link on a page leads to."""
        address, anchor = urldefrag(link)
        path = unquote(urlsplit(address).path)
        folder = posixpath.dirname(page)
        name = posixpath.normpath(posixpath.join(folder, path)) if path else page
        return name, unquote(anchor)


def is_foreign(link: str) -> bool:
    return urlsplit(link).scheme in ("http", "https", "mailto")


def broken_links(site: Site) -> list[str]:
    """Links inside the site that lead to no file or to no place in it."""
    found = []
    for name, page in site.pages.items():
        for link in filter(lambda link: not is_foreign(link), page.links + page.loads):
            target, anchor = site.target(name, link)
            if not (site.folder / target).is_file():
                found.append(f"{name}: {link} leads to no file")
            elif anchor and target in site.pages and anchor not in site.pages[target].ids:
                found.append(f"{name}: {link} leads to no place on that page")
    return found
