"""The base of all widgets: live in a notebook, and alive without a kernel in the built book.

A widget is an anywidget class with synced traits and one JavaScript file in ``js/``. Its display
carries, next to the live view, a piece of HTML with the same state as JSON and a text to read
without JavaScript. The book's pages start the same JavaScript from that state.
"""

import html
import json
import re
from importlib.resources import files
from typing import Any, ClassVar

import anywidget
import traitlets as t

SHARED = ("common", "host")  # files in js/ that are no widgets


def source(name: str) -> str:
    """The text of one file in ``js/``, for example ``source("common.js")``."""
    return (files("dlcourse.widgets") / "js" / name).read_text(encoding="utf-8")


def widget_names() -> list[str]:
    """The names of all widgets that have a JavaScript file."""
    names = [entry.name for entry in (files("dlcourse.widgets") / "js").iterdir()]
    stems = [name.removesuffix(".js") for name in names if name.endswith(".js")]
    return sorted(set(stems) - set(SHARED))


def module(name: str) -> str:
    """One ES module with no imports: the shared helpers, then the widget's own file.

    anywidget hands the browser a single module, so the line ``import {...} from "./common.js"``
    becomes a plain assignment. The helpers keep a scope of their own: both files may have a TEXT.
    """
    common, own = source("common.js"), source(f"{name}.js")
    exported = re.findall(r"^export (?:function|const|class) (\w+)", common, flags=re.M)
    scope = re.sub(r"^export ", "", common, flags=re.M)
    shared = f"const shared = (() => {{\n{scope}\nreturn {{ {', '.join(exported)} }};\n}})();\n"
    own, count = re.subn(
        r'^import (\{[^}]*\}) from "\./common\.js";$', r"const \1 = shared;", own, flags=re.M
    )
    if count != 1:
        raise ValueError(
            f'js/{name}.js needs exactly one line import {{ ... }} from "./common.js"; '
            f"it has {count}. Begin the file with it and name the helpers it uses."
        )
    return shared + own


def classic_script(name: str) -> str:
    """The same widget as a classic script for the book: modules don't load from file://."""
    define = rf'dlw.define("{name}", \1);'
    text = re.sub(r"^export default (.+?);?$", define, module(name), flags=re.M)
    text = re.sub(r"^export (?=(?:async )?(?:function|const|let|class)\b)", "", text, flags=re.M)
    return f"(() => {{\n{text}\n}})();\n"


def to_json(state: dict[str, Any], owner: str) -> str:
    """State as JSON that can stand inside a ``<script>`` element: no text can close it."""
    try:
        text = json.dumps(
            state, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
        )
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{owner}: a widget's state must be plain JSON (numbers, texts, lists, dicts; "
            f"no NaN and no arrays). {error}. Convert arrays with .tolist()."
        ) from error
    return text.replace("<", "\\u003c")


def rich(text: str) -> str:
    """A text as HTML; what stands between backticks becomes code, as in the page itself."""
    parts = html.escape(text).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))


class DualWidget(anywidget.AnyWidget):
    """A widget that lives in JupyterLab and in a static page.

    A subclass sets ``js`` (the stem of its JavaScript file), declares synced traits and writes
    ``fallback_html``. Traits named in ``live_only`` exist with a kernel only.

    Raises:
        ValueError: the label is empty. It is the widget's name for screen readers.
    """

    js: ClassVar[str] = ""
    live_only: ClassVar[frozenset[str]] = frozenset()

    label = t.Unicode("").tag(sync=True)
    static = t.Bool(False).tag(sync=True)  # true only in a page without a kernel

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "js" in cls.__dict__:  # adding traits makes private subclasses, which inherit these
            cls._esm = module(cls.js)
            cls._css = source("dlw.css")
        super().__init_subclass__(**kwargs)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not self.label.strip():
            raise ValueError(
                f"{type(self).__name__} has no label. Give it a short name that says what it "
                'shows, for example label="A neuron with two inputs".'
            )

    def static_state(self) -> dict[str, Any]:
        """The widget's own traits: no layout, no code, no model ids, so it is deterministic."""
        inherited = set(anywidget.AnyWidget.class_trait_names())
        skip = inherited | {"static"} | self.live_only
        names = [n for n in self.trait_names(sync=True) if n not in skip and n[0] != "_"]
        return {name: getattr(self, name) for name in sorted(names)}

    def fallback_html(self) -> str:
        """What is shown without JavaScript. Subclasses put their content in words here."""
        return f"<p><em>{html.escape(self.label)}</em> (interactive: run this cell to use it)</p>"

    def static_html(self) -> str:
        """State and fallback as HTML. The same state gives the same text, byte for byte."""
        state = to_json(self.static_state(), type(self).__name__)
        return (
            f'<div class="dlw" data-dlw="{self.js}">'
            f'<script type="application/json">{state}</script>'
            f'<div class="dlw-fallback">{self.fallback_html()}</div></div>'
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.label}"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        return {**data, "text/html": self.static_html(), "text/plain": repr(self)}, metadata
