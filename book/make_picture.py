"""Takes the README's picture: chapter 15's computation graph in the middle of its backward pass.

python book/make_picture.py     after `make book`; needs Chromium
"""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from dlcourse.doctor import find_chromium

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "book" / "_build" / "html" / "notebooks" / "15_backpropagation.html"
PICTURE = ROOT / "book" / "_static" / "readme.png"
BACKWARD_STEPS = 4


def main() -> None:
    """Open the built page, step through the graph, keep what is seen."""
    chromium = find_chromium()
    if chromium is None or not PAGE.is_file():
        sys.exit("This needs Chromium (sudo apt install chromium) and the built book (make book).")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1000}, device_scale_factor=2)
        page.goto(PAGE.as_uri())
        graph = page.locator(".dlw-box").filter(has_text="One neuron, one sample").first
        graph.get_by_role("button", name="To the end").click()
        for _ in range(BACKWARD_STEPS):
            graph.get_by_role("button", name="Backward one step").click()
        graph.screenshot(path=str(PICTURE))
        browser.close()
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
