"""What a reader does with a widget, and what the widget says to it."""

from typing import Any


def says(page: Any) -> str:
    """The status line, which screen readers read aloud."""
    text: str = page.locator("[role=status]").inner_text()
    return text.replace("\u00a0", " ")


def slide(page: Any, label: str, value: float) -> str:
    """Move the slider with this label. Returns what the widget says then."""
    page.get_by_label(label, exact=True).fill(str(value))
    return says(page)


def slide_all(page: Any, where: str) -> None:
    """Move every slider that is shown to "Home", "middle" or "End"; each must say where it is."""
    for slider in page.locator("input[type=range]").all():
        if not slider.is_visible():
            continue
        if where == "middle":
            low, high, step = (float(slider.get_attribute(n) or 1) for n in ("min", "max", "step"))
            slider.fill(f"{low + step * ((high - low) / 2 // step):g}")
        else:
            slider.press(where)
        assert slider.get_attribute("aria-valuetext")
        assert says(page)
