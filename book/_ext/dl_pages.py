"""What happens to every page: widgets come alive, pictures become files, links are mended.

Stored outputs are made for notebooks. Their pictures are data URIs and their links name notebooks.
On the site pictures are files, which keeps pages light, and links name pages.
"""

import base64
import hashlib
import json
import posixpath
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.util import logging

from dlcourse.widgets import base

log = logging.getLogger(__name__)

DATA_URI = re.compile(r"data:image/(webp|png|jpeg|gif);base64,([A-Za-z0-9+/]+={0,2})")
SOURCE_LINK = re.compile(r'href="(?![a-z]+:|/|#)([^"#]+)\.(?:ipynb|md)(#[^"]*)?"')
WIDGET = re.compile(r'data-dlw="([a-z_]+)"')


def pictures_to_files(body: str, outdir: Path, address: Callable[[str], str]) -> str:
    """Write each data URI to _images/ and put the file's address in its place.

    address: from a path below outdir to the address that this page uses for it.
    """

    def save(found: re.Match[str]) -> str:
        raw = base64.b64decode(found[2])
        path = f"_images/{hashlib.sha256(raw).hexdigest()[:20]}.{found[1]}"
        (outdir / "_images").mkdir(exist_ok=True)
        (outdir / path).write_bytes(raw)
        return address(path)

    return DATA_URI.sub(save, body)


def links_to_pages(body: str, page: str, known: set[str], address: Callable[[str], str]) -> str:
    """Links that outputs wrote to notebooks, such as href="15_backpropagation.ipynb".

    address: from a page's name to the address that this page uses for it.
    """

    def mend(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page), found[1]))
        if target not in known:
            log.warning("an output links to %s, which is no page", found[0], location=page)
            return found[0]
        return f'href="{address(target)}{found[2] or ""}"'

    return SOURCE_LINK.sub(mend, body)


def with_levels(body: str) -> str:
    """Sphinx makes the captions of contents headings, but names no level for screen readers."""
    return body.replace('role="heading">', 'role="heading" aria-level="2">')


def widgets_in(body: str) -> list[str]:
    """The names of the widgets on a page."""
    return sorted(set(WIDGET.findall(body)))


def finish_page(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Change the page's body, and load the scripts of its widgets and of no others."""
    for name in ("body", "furo_navigation_tree"):
        context[name] = with_levels(context.get(name, ""))
    body = context["body"]
    if doctree is None or not body:
        return
    if "katex-error" in body:
        log.warning("a formula could not be set: look for red text on the page", location=page)
    pathto = context["pathto"]
    body = pictures_to_files(body, Path(app.outdir), lambda path: pathto(path, resource=True))
    body = links_to_pages(body, page, app.env.found_docs, pathto)
    context["body"] = body
    names = widgets_in(body)
    unknown = set(names) - set(base.widget_names())
    if unknown:
        log.warning("no JavaScript for the widgets %s", sorted(unknown), location=page)
    if names:
        app.add_css_file("dlw/dlw.css")
    for name in ["host", *names] if names else []:
        app.add_js_file(f"dlw/{name}.js", loading_method="defer")


def refuse_damaged_notebooks(app: Sphinx) -> None:
    """Stop with the file's name and the way out, before a page is made of it."""
    for folder in ("notebooks", "exercises"):
        for path in sorted(Path(app.srcdir).glob(f"{folder}/*.ipynb")):
            try:
                json.loads(path.read_text(encoding="utf-8"))["cells"]
            except (ValueError, KeyError, TypeError) as error:
                name = path.relative_to(app.srcdir)
                raise SphinxError(
                    f"{name} is damaged ({error}). Make it anew: make notebooks"
                ) from error


def write_widgets(app: Sphinx) -> None:
    """The widgets' files as classic scripts, so that pages also work from file://."""
    if app.builder.format != "html":
        return
    out = Path(app.outdir) / "_static" / "dlw"
    out.mkdir(parents=True, exist_ok=True)
    for name in ("host.js", "dlw.css"):
        (out / name).write_text(base.source(name), encoding="utf-8")
    for name in base.widget_names():
        (out / f"{name}.js").write_text(base.classic_script(name), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("builder-inited", refuse_damaged_notebooks)
    app.connect("builder-inited", write_widgets)
    app.connect("html-page-context", finish_page, priority=900)  # after the theme
    return {"parallel_read_safe": True, "parallel_write_safe": True}
