"""Frames: every setting drawn once, in order; other values on demand; errors told to the reader."""

from __future__ import annotations

from typing import Any

import pytest

from dlcourse import plots
from dlcourse.widgets import Frames, frames


def picture(text: str) -> plots.Figure:
    return plots.bars(["a"], [1.0], "height [m]", alt=text, caption=text)


def grid(**options: Any) -> Frames:
    @frames("A test", rate=[0.1, 1.0], steps=[1, 2, 3], **options)
    def drawing(rate: float, steps: int) -> plots.Figure:
        if rate < 0:
            raise ValueError("the rate must be positive")
        return picture(f"rate {rate}, {steps} steps")

    return drawing


def test_the_last_parameter_runs_fastest() -> None:
    expected = [f"rate {rate}, {steps} steps" for rate in (0.1, 1.0) for steps in (1, 2, 3)]
    assert grid().texts == expected
    assert len(set(grid().images)) == 1  # bars of one height look alike, whatever their text


def test_start_units_and_play_reach_the_sliders() -> None:
    rate, steps = grid(start={"rate": 1.0}, units={"rate": "1/s"}, play="steps").params
    assert (rate["start"], rate["shown"], rate["play"]) == (1, ["0.1 1/s", "1 1/s"], False)
    assert (steps["start"], steps["play"]) == (0, True)


def test_the_fallback_shows_the_starting_frame() -> None:
    assert 'alt="rate 1.0, 2 steps"' in grid(start={"rate": 1.0, "steps": 2}).fallback_html()


def test_values_off_the_grid_are_computed_by_python() -> None:
    widget = grid()
    widget.request = {"count": 1, "values": {"rate": 0.5, "steps": 7}}
    assert widget.reply["text"] == "rate 0.5, 7 steps"
    assert widget.reply["image"].startswith("data:image/webp;base64,")


def test_an_error_reaches_the_page_and_python() -> None:
    widget = grid()
    with pytest.raises(ValueError, match="must be positive"):
        widget.request = {"count": 2, "values": {"rate": -1.0, "steps": 1}}
    assert widget.reply == {
        "count": 2,
        "error": "Python raised ValueError: the rate must be positive",
    }


def test_the_decorated_function_can_still_be_called() -> None:
    assert grid()(rate=2.0, steps=1).alt == "rate 2.0, 1 steps"


@pytest.mark.parametrize(
    "options", [{"start": {"size": 1}}, {"play": "size"}, {"labels": {"size": "a"}}]
)
def test_a_name_that_is_no_parameter_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="size"):
        grid(**options)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(TypeError, match="must return a Figure"):
        frames("A test", n=[1])(lambda n: n)
