"""Visits one page of the site in Chromium and writes down what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 400, "height": 800}
PATIENCE = 15_000  # milliseconds that one action may take on a busy machine
CONTRAST = {"runOnly": ["color-contrast"], "resultTypes": ["violations"]}

RAW_DOLLARS = """() => {
  const copy = document.querySelector('article').cloneNode(true);
  copy.querySelectorAll('pre, code, script, style, .katex').forEach(e => e.remove());
  return copy.textContent.match(/.{0,30}\\$.{0,30}/g) || [];
}"""

EMPTY_IMAGES = """() => [...document.images]
  .filter(i => !i.complete || i.naturalWidth === 0 || !i.alt.trim())
  .map(i => i.src.slice(-60) + ' alt: ' + i.alt)"""

TOO_WIDE = """() => {
  const width = document.documentElement.clientWidth;
  const clipped = (e) => {
    for (let p = e.parentElement; p; p = p.parentElement) {
      if (getComputedStyle(p).overflowX !== 'visible') return true;
    }
    return false;
  };
  const wide = [...document.querySelectorAll('article :not(.katex *)')].filter((e) => {
    const box = e.getBoundingClientRect();
    return box.width > 0 && (box.right > width + 1 || box.left < -1) && !clipped(e);
  });
  const found = wide.slice(0, 5).map((e) => `${e.tagName}.${e.getAttribute('class') || ''}`);
  if (document.documentElement.scrollWidth > width) found.push('the page scrolls sideways');
  return found;
}"""

UNREACHABLE = """() => [...document.querySelectorAll('article :not(.katex *)')]
  .filter((e) => e.scrollWidth > e.clientWidth + 1 && e.tabIndex < 0
    && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX)
    && !e.closest('[aria-hidden]') && !e.querySelector('a, button, input, [tabindex]'))
  .map((e) => `${e.tagName}.${e.className}`)"""

# axe-core looks at each element, and formulas and code have thousands. A formula has the text's
# colour. Of the code's colours one example of each kind is enough.
SIMPLER = """() => {
  document.querySelectorAll('.katex').forEach((e) => e.replaceWith('x'));
  const seen = new Set();
  for (const span of document.querySelectorAll('pre span[class]')) {
    if (seen.has(span.className)) span.replaceWith(span.textContent);
    seen.add(span.className);
  }
}"""


@dataclass
class Visit:
    """What was found on one page. Every list holds faults, except requests."""

    page: str
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)  # console and uncaught errors, failed loads
    axe: list[str] = field(default_factory=list)
    dollars: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    wide: list[str] = field(default_factory=list)
    unreachable: list[str] = field(default_factory=list)
    widgets: list[str] = field(default_factory=list)
    driven: int = 0  # controls that were used

    def foreign(self, host: str) -> list[str]:
        urls = [url for url in self.requests if not url.startswith(("data:", "blob:"))]
        return [url for url in urls if urlsplit(url).netloc != host]


def open_page(context: BrowserContext, url: str, visit: Visit) -> Page:
    """Open a page and write down its requests and errors from now on."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.on("request", lambda request: visit.requests.append(request.url))
    page.on("requestfailed", lambda request: visit.errors.append(f"not loaded: {request.url}"))
    page.on("pageerror", lambda error: visit.errors.append(f"uncaught: {error}"))
    page.on(
        "console",
        lambda message: (
            visit.errors.append(f"console: {message.text}")
            if message.type in ("error", "warning")
            else None
        ),
    )
    page.goto(url, wait_until="load")
    page.evaluate("document.fonts.ready.then(() => true)")
    page.wait_for_timeout(50)  # a widget looks at itself after its first drawing
    return page


def serious(response: dict[str, Any], theme: str) -> list[str]:
    """axe-core's serious and critical violations, one line each."""
    return [
        f"{theme}: {violation['impact']} {violation['id']} at {node['target']}"
        for violation in response["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"][:3]
    ]


def look(browser: Browser, base: str, name: str) -> Visit:
    """Everything about one page: wide, with its widgets in use, narrow; then axe-core, twice."""
    visit = Visit(name)
    with browser.new_context(viewport=WIDE, color_scheme="light") as context:
        page = open_page(context, f"{base}/{name}", visit)
        visit.dollars = page.evaluate(RAW_DOLLARS)
        visit.images = page.evaluate(EMPTY_IMAGES)
        visit.unreachable = page.evaluate(UNREACHABLE)
        use_widgets(page, visit)
        page.set_viewport_size(NARROW)
        page.wait_for_timeout(50)
        visit.wide = page.evaluate(TOO_WIDE)
        visit.unreachable += page.evaluate(UNREACHABLE)
        page.set_viewport_size(WIDE)
        page.evaluate(SIMPLER)
        visit.axe = serious(Axe().run(page).response, "light")
        page.emulate_media(color_scheme="dark")
        visit.axe += serious(page.evaluate("options => axe.run(options)", CONTRAST), "dark")
    return visit


# ---- widgets, driven without knowing them ---------------------------------------------------


def use_widgets(page: Page, visit: Visit) -> None:
    """Use every control of every widget by keyboard, and see that it still says what it shows."""
    holders = page.locator("[data-dlw]")
    for i in range(holders.count()):
        holder = holders.nth(i)
        name = f"{holder.get_attribute('data-dlw')} (widget {i + 1})"
        if holder.locator(".dlw-box").count() != 1:
            visit.widgets.append(f"{name}: not alive")
            continue
        for summary in holder.locator("details:not([open]) > summary").all():
            summary.press("Enter")
        use_sliders(holder, name, visit)
        use_each(holder, 'input[type="radio"]', "Space", name, visit)
        for text in holder.locator('input[type="text"], input[type="number"]').all():
            if text.is_visible() and text.is_enabled():
                text.fill("1")
        use_each(holder, "button", "Enter", name, visit)
        use_each(holder, 'svg [tabindex="0"]', "Enter", name, visit)
        for fault in page.evaluate(EMPTY_IMAGES):
            visit.widgets.append(f"{name}: {fault}")


def use_each(holder: Locator, selector: str, key: str, name: str, visit: Visit) -> None:
    """Press a key on every control of a kind. Using one may add or remove others."""
    i = 0
    while i < holder.locator(selector).count():
        control = holder.locator(selector).nth(i)
        if control.is_visible() and control.is_enabled():
            control.press(key)
            said(holder, f"{name}, {selector} {i + 1}", visit)
        i += 1


def use_sliders(holder: Locator, name: str, visit: Visit) -> None:
    """Each slider to its ends and to its middle."""
    for i in range(holder.locator('input[type="range"]').count()):
        slider = holder.locator('input[type="range"]').nth(i)
        if not (slider.is_visible() and slider.is_enabled()):
            continue
        values = []
        for keys in (["Home"], ["End"], ["PageDown"] * 5):
            for key in keys:
                slider.press(key)
            values.append(float(slider.input_value()))
            said(holder, f"{name}, slider {i + 1}", visit)
        low, high, middle = values
        if not low <= middle < high:
            visit.widgets.append(f"{name}, slider {i + 1}: the keys moved it to {values}")
        if not slider.get_attribute("aria-valuetext"):
            visit.widgets.append(f"{name}, slider {i + 1}: its value has no words")


def said(holder: Locator, where: str, visit: Visit) -> None:
    """The status sentence must say something after every use."""
    visit.driven += 1
    if not (holder.locator('[role="status"]').first.text_content() or "").strip():
        visit.widgets.append(f"{where}: the status sentence is empty")
