"""What a learner does in JupyterLab: open, run, move a slider, answer, check an exercise."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import TimeoutError

from dlcourse.classroom.checks import load
from tests.lab.conftest import ROOT

pytestmark = pytest.mark.browser

SECONDS = 1000  # Playwright counts milliseconds


class Lab:
    """One page of JupyterLab, and what it did."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        self.foreign: list[str] = []
        page.on("request", self._note)
        page.set_default_timeout(30 * SECONDS)

    def _note(self, request: Any) -> None:
        local = (self.address, self.address.replace("http", "ws"), "data:", "blob:")
        if not request.url.startswith(local):
            self.foreign.append(request.url)

    def open(self, path: str) -> int:
        """Open a notebook in a workspace of its own, wait for its kernel, count its code cells."""
        self.page.goto(f"{self.address}/lab/workspaces/test/tree/{path}?reset")
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        self.page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').first.wait_for()
        notebook = json.loads((ROOT / path).read_text("utf8"))
        return sum(cell["cell_type"] == "code" for cell in notebook["cells"])

    def run_all(self, cells: int) -> None:
        """Menu Run, Run All Cells; wait until all code cells have their number."""
        self.page.wait_for_function(
            "(n) => document.querySelectorAll('.jp-CodeCell .cm-content').length === n", arg=cells
        )
        prompts = self.page.locator(".jp-CodeCell .jp-InputPrompt")
        waiting = self.page.locator(".jp-CodeCell .jp-InputPrompt", has_text="*")
        for _ in range(6):  # a kernel that still connects takes no orders
            self.page.get_by_role("menuitem", name="Run", exact=True).click()
            self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
            try:
                waiting.first.wait_for(timeout=10 * SECONDS)
                break
            except TimeoutError:
                continue
        end = time.monotonic() + 150
        while not all(re.fullmatch(r"\[\d+\]:?", text) for text in prompts.all_inner_texts()):
            assert time.monotonic() < end, f"not all cells ran: {prompts.all_inner_texts()}"
            self.page.wait_for_timeout(200)

    def run_cell(self, cell: Any) -> None:
        """Run one cell and wait for its number."""
        before = cell.locator(".jp-InputPrompt").inner_text()
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        self.page.wait_for_function(
            """([element, before]) => {
                const text = element.querySelector('.jp-InputPrompt').textContent;
                return /\\[\\d+\\]/.test(text) && text !== before;
            }""",
            arg=[cell.element_handle(), before],
        )

    def write(self, cell: Any, text: str) -> None:
        """Replace the text of a cell."""
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)

    def cell(self, text: str) -> Any:
        """The code cell whose text contains this."""
        return self.page.locator(".jp-Notebook .jp-CodeCell").filter(has_text=text).first


@pytest.fixture
def opened(browser: Any, lab: str) -> Iterator[Lab]:
    context = browser.new_context(viewport={"width": 1300, "height": 3000})
    page = context.new_page()
    opened = Lab(page, lab)
    yield opened
    context.close()
    assert opened.foreign == [], "JupyterLab asked another host"


def test_the_first_start_asks_nothing_and_shows_the_map(opened: Lab) -> None:
    opened.open("notebooks/00_welcome.ipynb")
    page = opened.page
    page.locator(".dl-map-row a").first.wait_for()
    assert page.locator(".dl-map-row a").count() >= 2
    page.wait_for_timeout(1500)  # the news question came a moment after the start
    assert page.locator(".jp-Dialog").count() == 0
    assert page.locator(".Toastify__toast").count() == 0


def test_chapter_15_runs_and_its_widgets_answer_to_the_keyboard(opened: Lab) -> None:
    cells = opened.open("notebooks/15_backpropagation.ipynb")
    page = opened.page
    page.locator(".dlw-fallback").first.wait_for()  # stored outputs can be read before a run
    page.wait_for_function(
        "() => [...document.querySelectorAll('.dl-figure img')].some((e) => e.naturalWidth > 0)"
    )
    assert "Error displaying widget" not in page.locator(".jp-Notebook").inner_text()
    opened.run_all(cells)
    assert page.locator('.jp-OutputArea-output[data-mime-type*="error"]').count() == 0
    assert page.locator(".jp-RenderedText[data-mime-type*='stderr']").count() == 0
    boxes = page.locator(".dlw-box")
    assert boxes.count() >= 6

    graph = boxes.filter(has=page.locator("svg")).first
    slider = graph.locator("input[type=range]").first
    slider.focus()
    before = slider.input_value()
    picture = graph.locator("svg").inner_html()
    page.keyboard.press("ArrowRight")
    assert slider.input_value() != before
    assert graph.locator("svg").inner_html() != picture
    assert graph.get_by_role("status").inner_text().strip()

    quiz = boxes.filter(has_text="Quiz on chapter 15")
    quiz.locator("input[type=radio]").first.focus()
    page.keyboard.press("ArrowDown")
    assert quiz.locator("input[type=radio]").nth(1).is_checked()
    quiz.get_by_role("button", name="Check question 1").focus()
    page.keyboard.press("Enter")
    assert "1 of 6" in quiz.get_by_role("status").inner_text()


def test_checks_tell_wrong_from_right_without_a_traceback(opened: Lab) -> None:
    cells = opened.open("exercises/15_backpropagation.ipynb")
    opened.run_all(cells)  # goes on past the checks of exercises that are not started
    page = opened.page
    checks = len(load("15_backpropagation"))
    page.wait_for_function(
        "(n) => document.querySelectorAll('.dl-feedback').length === n", arg=checks
    )
    assert page.locator(".dl-not-started").count() == checks - 2  # two start with something wrong

    task, check = opened.cell("def sigmoid_backward"), opened.cell('check("15.2"')
    opened.write(task, "def sigmoid_backward(y, g):\n    return g * (1 - y * y)\n")
    opened.run_cell(task)
    opened.run_cell(check)
    assert "tanh" in check.locator(".dl-feedback.dl-wrong").inner_text()
    assert "Traceback" not in check.inner_text()

    opened.write(task, "def sigmoid_backward(y, g):\n    return g * y * (1 - y)\n")
    opened.run_cell(task)
    opened.run_cell(check)
    assert "Right" in check.locator(".dl-feedback.dl-right").inner_text()
