"""The site's table of contents, made from the course's own list, and the page that forwards to it.

The text book/index.md has the line ``<!-- contents -->``. It becomes one group of links for each
part of the course that has a chapter, each chapter followed by its exercises.
"""

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from dlcourse.course import PARTS, Chapter, Part

MARK = "<!-- contents -->"
REFERENCE = (  # what stands below the chapters
    "Glossary </book/glossary>",
    "References </book/references>",
    "Instructor's guide </book/instructor>",
)


def group(caption: str, lines: list[str]) -> str:
    """One group of the contents in MyST."""
    entries = "\n".join(lines)
    return f"```{{toctree}}\n:maxdepth: 1\n:caption: {caption}\n\n{entries}\n```\n"


def chapter_lines(chapter: Chapter, root: Path) -> list[str]:
    """A written chapter and, where they exist, its exercises; nothing for a planned chapter."""
    if not chapter.exists(root):
        return []
    lines = [f"/notebooks/{chapter.name}"]
    if (root / "exercises" / f"{chapter.name}.ipynb").is_file():
        lines.append(f"Exercises of chapter {chapter.number} </exercises/{chapter.name}>")
    return lines


def part_group(part: Part, root: Path) -> str:
    """The contents of one part; empty while none of its chapters is written."""
    lines = [line for chapter in part.chapters for line in chapter_lines(chapter, root)]
    return group(f"Part {part.numeral}: {part.title}", lines) if lines else ""


def contents(root: Path) -> str:
    """The whole table of contents in MyST."""
    start = group("Start here", ["Welcome and map </notebooks/00_welcome>"])
    parts = [part_group(part, root) for part in PARTS]
    return "\n".join(filter(None, [start, *parts, group("Reference", list(REFERENCE))]))


def insert_contents(app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace the mark in the first page."""
    if docname != app.config.root_doc:
        return
    if source[0].count(MARK) != 1:
        raise ValueError(f"{docname}.md needs the line {MARK} exactly once: the contents go there.")
    source[0] = source[0].replace(MARK, contents(Path(app.srcdir)))


def read_contents_again(app: Sphinx, env: Any, added: Any, changed: Any, removed: Any) -> list[str]:
    """The first page depends on which chapters exist, so every build reads it anew."""
    return [app.config.root_doc]


FORWARD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="0; url={target}">
<title>{title}</title>
</head>
<body><main><h1>{title}</h1><p><a href="{target}">Open the book</a></p></main></body>
</html>
"""


def write_forward(app: Sphinx, exception: Exception | None) -> None:
    """index.html at the top, where readers and web servers look first."""
    if exception is None and app.builder.format == "html":
        target = app.builder.get_target_uri(app.config.root_doc)
        text = FORWARD.format(target=target, title=app.config.html_title)
        (Path(app.outdir) / "index.html").write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("source-read", insert_contents)
    app.connect("env-get-outdated", read_contents_again)
    app.connect("build-finished", write_forward)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
