"""The page and the picture of the growth benchmark."""

import math
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from benchmarks import report
from dlcourse import plots

SLACK = 0.15  # a measured exponent may lie so far above the allowed one: caches have edges
COLUMNS = 3

EXPLANATION = """Times are processor time of one thread, the shortest of several steps. The
exponent p of t = c nᵖ is fitted to the upper half of the sizes. Below the allowed range
means that fixed costs still count at these sizes; above it would be a defect."""


def page(about: dict[str, Any], results: list[Any], stem: str) -> str:
    """The Markdown page: machine, picture, table."""
    head = ["Curve", "sizes", "exponent", "allowed", "PyTorch", "ms at the end", "PyTorch, ms"]
    parts = [
        "# Growth of a training step",
        report.machine_line(about),
        EXPLANATION,
        f"![{alt_text(results)}]({stem}.png)",
        report.table(head, [_cells(growth) for growth in results]),
        "\n".join(f"- {growth.title}: {growth.reason}" for growth in results),
    ]
    return "\n\n".join(parts) + "\n"


def _cells(growth: Any) -> list[str]:
    too_fast = growth.exponent > growth.allowed[1] + SLACK
    return [
        growth.title,
        f"{growth.sizes[0]:,}–{growth.sizes[-1]:,} {growth.label}",
        f"**{growth.exponent:.2f}**" + (" too fast" if too_fast else ""),
        allowed(growth),
        f"{growth.their_exponent:.2f}",
        f"{growth.ours_ms[-1]:.1f}",
        f"{growth.theirs_ms[-1]:.1f}",
    ]


def allowed(growth: Any) -> str:
    """For example "1" or "1–2"."""
    least, most = growth.allowed
    return f"{most:g}" if least == most else f"{least:g}–{most:g}"


def alt_text(results: list[Any]) -> str:
    """The picture in words: the slope of each curve."""
    slopes = ", ".join(f"{g.title} {g.exponent:.2f} (allowed {allowed(g)})" for g in results)
    return f"Time of a step against size on logarithmic axes. Slopes of the upper half: {slopes}."


def chart(results: list[Any]) -> Figure:
    """A small picture for each curve: ours with dots, PyTorch's dashed, the steepest dotted."""
    columns = min(COLUMNS, len(results))
    rows = math.ceil(len(results) / columns)
    figure, axes = plots.canvas(2.7 * columns, 2.4 * rows, nrows=rows, ncols=columns, squeeze=False)
    with plots.style():
        for ax, growth in zip(axes.flat, results, strict=False):
            _panel(ax, growth)
        for ax in list(axes.flat)[len(results) :]:
            ax.set_visible(False)
        for ax in axes[:, 0]:
            ax.set_ylabel("time of a step [ms]")
        axes[0, 0].legend(fontsize=7)
    return figure


def _panel(ax: Any, growth: Any) -> None:
    ours, theirs = plots.COLORS["weights"], plots.COLORS["neutral"]
    ax.loglog(growth.sizes, growth.theirs_ms, "--", color=theirs, linewidth=1.5, label="PyTorch")
    ax.loglog(growth.sizes, growth.ours_ms, "o-", color=ours, markersize=4, label="dlcourse")
    ends = growth.sizes[len(growth.sizes) // 2], growth.sizes[-1]
    steepest = [growth.ours_ms[-1] * (n / ends[1]) ** growth.allowed[1] for n in ends]
    ax.loglog(ends, steepest, ":", color=plots.COLORS["gradients"], label="steepest allowed")
    for axis, places in ((ax.xaxis, growth.sizes), (ax.yaxis, growth.ours_ms)):
        is_wide = places[-1] / places[0] > 60
        axis.set_major_locator(LogLocator(subs=(1.0,) if is_wide else (1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axis.set_minor_locator(NullLocator())
    ax.set_title(growth.title, fontsize=10)
    ax.set_xlabel(growth.label)
    place = {"transform": ax.transAxes, "ha": "right", "va": "bottom"}
    ax.text(0.97, 0.05, f"p = {growth.exponent:.2f}", **place)
