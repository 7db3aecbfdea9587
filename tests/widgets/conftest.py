"""Widgets in Chromium: as a static page, as a live view over a model, and their pure functions."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from dlcourse.widgets import DualWidget
from dlcourse.widgets.base import classic_script, module, source

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Texts of one picture that overlap, and texts that stick out of the picture.
OVERLAPS = """() => [...document.querySelectorAll('svg.dlw-paper')].flatMap((svg) => {
  const box = (el) => el.getBoundingClientRect(), frame = box(svg), found = [];
  const texts = [...svg.querySelectorAll('text')].filter((el) => el.textContent.trim());
  texts.forEach((el, i) => {
    const a = box(el);
    if (a.left < frame.left - 1 || a.right > frame.right + 1 || a.top < frame.top - 1
      || a.bottom > frame.bottom + 1) found.push(`outside: ${el.textContent}`);
    texts.slice(i + 1).forEach((other) => {
      const b = box(other), wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const tall = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 1 && tall > 3) found.push(`${el.textContent} / ${other.textContent}`);
    });
  });
  return found;
})"""

FAULTS = """() => [...document.querySelectorAll('.dlw-box')].flatMap((root) => {
  const found = [];
  if (!root.querySelector('[role=status]').textContent.trim()) found.push('empty status');
  for (const pic of root.querySelectorAll('svg[role=img]')) {
    if (!pic.getAttribute('aria-label')) found.push('picture without description');
  }
  for (const el of root.querySelectorAll('input, button, summary, [tabindex]')) {
    if (!el.hasAttribute('data-lm-suppress-shortcuts')) found.push(`keys of ${el.tagName}`);
    if (el.offsetParent === null) continue; // not shown now
    const name = el.getAttribute('aria-label') || el.textContent
      || (el.id && root.querySelector(`label[for="${el.id}"]`)?.textContent);
    if (!name || !name.trim()) found.push(`no name: ${el.outerHTML}`);
    if (el.type === 'range' && !el.getAttribute('aria-valuetext')) found.push('no aria-valuetext');
  }
  return found;
})"""


def page_html(*widgets: DualWidget) -> str:
    """A page as the book makes it: styles, the widgets' HTML, host and scripts."""
    names = sorted({widget.js for widget in widgets})
    scripts = "".join(f"<script>{text}</script>" for text in map(classic_script, names))
    bodies = "".join(widget.static_html() for widget in widgets)
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>t</title>"
        f"<style>{source('dlw.css')}</style><body>{bodies}"
        f"<script>{source('host.js')}</script>{scripts}</body></html>"
    )


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """new_page(width=900) opens an empty page. Errors in any page fail the test at its end."""
    pages, errors = [], []

    def start(width: int = 900, **options: Any) -> Page:
        page = browser.new_page(viewport={"width": width, "height": 900}, **options)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.set_default_timeout(5000)
        pages.append(page)
        return page

    yield start
    for page in pages:
        page.close()
    assert errors == []


@pytest.fixture
def page_of(new_page: Callable[..., Page]) -> Callable[..., Page]:
    """page_of(widget, …) shows widgets in a static page and waits until they are drawn."""

    def show(*widgets: DualWidget, **options: Any) -> Page:
        page = new_page(**options)
        page.set_content(page_html(*widgets))
        page.wait_for_function(
            "n => document.querySelectorAll('.dlw-box').length === n", arg=len(widgets)
        )
        assert page.locator(".dlw-fallback").count() == 0
        return page

    return show


@pytest.fixture
def functions(new_page: Callable[..., Page]) -> Callable[[str], Callable[..., Any]]:
    """functions("graph")("short", 0.5) calls an exported function of js/graph.js."""

    def load(name: str) -> Callable[..., Any]:
        page = new_page()
        page.goto("about:blank")
        data = base64.b64encode(module(name).encode()).decode()
        page.evaluate(
            "async (url) => { window.js = await import(url); }",
            f"data:text/javascript;charset=utf-8;base64,{data}",
        )

        def call(function: str, *arguments: Any) -> Any:
            return page.evaluate(
                "([name, args]) => window.js[name](...args)", [function, arguments]
            )

        return call

    return load


LIVE_MODEL = """async ([url, state]) => {
  const listeners = {};
  const model = {
    get: (key) => state[key],
    set: (key, value) => {
      if (state[key] === value) return;
      state[key] = value;
      [...(listeners[`change:${key}`] ?? [])].forEach((react) => react());
    },
    save_changes: () => { window.saved = (window.saved ?? 0) + 1; },
    send: () => {},
    on: (event, react) => (listeners[event] ??= new Set()).add(react),
    off: (event, react) => listeners[event]?.delete(react),
  };
  const widget = (await import(url)).default, el = document.createElement('div');
  document.body.append(el);
  Object.assign(window, { model, listeners, end: widget.render({ model, el }) });
}"""


@pytest.fixture
def live(new_page: Callable[..., Page]) -> Callable[..., Page]:
    """live(widget) renders over a model with listeners, as with a kernel: window.model."""

    def show(widget: DualWidget, **options: Any) -> Page:
        page = new_page(**options)
        page.set_content(f"<!doctype html><title>t</title><style>{source('dlw.css')}</style>")
        data = base64.b64encode(module(widget.js).encode()).decode()
        state = json.loads(json.dumps({**widget.static_state(), "static": False}))
        page.evaluate(LIVE_MODEL, [f"data:text/javascript;charset=utf-8;base64,{data}", state])
        return page

    return show


@pytest.fixture
def overlaps() -> Callable[[Page], list[str]]:
    """Texts that overlap or stick out of their picture."""
    return lambda page: page.evaluate(OVERLAPS)


@pytest.fixture
def faults() -> Callable[[Page], list[str]]:
    """What a widget lacks for keyboards and screen readers."""
    return lambda page: page.evaluate(FAULTS)
