"""The page and the picture of the training benchmark."""

from typing import Any

from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchmarks import report
from benchmarks.contest import AGREE, Row
from dlcourse import plots

QUICKER, SLOWER = "#0072B2", "#F2B28C"  # dark and light, so that they differ in grey too
RATIOS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 50)  # marks on the axis

EXPLANATION = f"""A step is `zero_grad`, forward, loss, backward and Adam's update, on one batch.
Both sides start from the same weights, and their losses must agree to {AGREE:g} at each
of the first steps. They compute in turn, block by block, and a ratio is the quotient of two
neighbouring blocks: time of the first divided by time of the second, so below 1 the first is
quicker. Shown are the median over all pairs and, beside it, the middle half of them.
With one thread both sides share a process; with more, each has its own."""


def page(result: dict[str, Any], rows: list[Row], stem: str) -> str:
    """The Markdown page: machine, picture, one table per opponent and number of threads."""
    parts = [
        f"# Time of a training step, {result['settings']['device']}",
        report.machine_line(result["machine"]),
        EXPLANATION,
        _settings_line(result),
    ]
    if rows:
        parts.append(f"![{alt_text(rows)}]({stem}.png)")
    for title, group in groups(rows).items():
        parts += [f"## {title}", _table(group)]
    parts += result["left out"]
    return "\n\n".join(parts) + "\n"


def _settings_line(result: dict[str, Any]) -> str:
    """How much was measured, by which clock, and how busy the machine was."""
    settings, load = result["settings"], result["machine"]["load before"]
    clock = {"wall": "Time on the clock", "cpu": "Processor time of the process"}
    return (
        f"{clock[settings['clock']]}; {settings['processes']} fresh processes per row with "
        f"{settings['pairs']} pairs each (fewer for tinygrad). Load of the machine before: {load}."
    )


def groups(rows: list[Row]) -> dict[str, list[Row]]:
    """The rows that belong together: the same two engines, the same number of threads."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        threads = "1 thread" if row.threads == 1 else f"{row.threads} threads"
        found.setdefault(f"{row.first} / {row.second}, {threads}", []).append(row)
    return found


def _table(rows: list[Row]) -> str:
    head = [
        "Model",
        f"{rows[0].first}, ms",
        f"{rows[0].second}, ms",
        "ratio",
        "middle half",
        "loss",
    ]
    return report.table(
        head,
        [
            [
                row.title,
                f"{row.first_ms:.2f}",
                f"{row.second_ms:.2f}",
                f"**{row.ratio:.2f}**" if row.valid else "invalid",
                f"{row.quartiles[0]:.2f}–{row.quartiles[1]:.2f}",
                _losses(row),
            ]
            for row in rows
        ],
    )


def _losses(row: Row) -> str:
    return f"{row.losses[0]:.5f}" if row.valid else f"{row.losses[0]:.5f} ≠ {row.losses[1]:.5f}"


def alt_text(rows: list[Row]) -> str:
    """The picture in words: the ratios of each group."""
    parts = []
    for title, group in groups(rows).items():
        ratios = ", ".join(f"{row.title} {row.ratio:.2f}" for row in group if row.valid)
        parts.append(f"{title}: {ratios or 'no valid row'}.")
    return "Ratios of the times of a training step, below 1 the first is quicker. " + " ".join(
        parts
    )


def chart(rows: list[Row]) -> Figure:
    """A bar per row from 1 to its ratio, on a logarithmic axis, with the middle half as a line."""
    parts = groups(rows)
    heights = [len(group) + 1.0 for group in parts.values()]
    figure, axes = plots.canvas(
        7.5, 0.7 + 0.32 * sum(heights), nrows=len(parts), squeeze=False, sharex=True,
        gridspec_kw={"height_ratios": heights},
    )  # fmt: skip
    with plots.style():
        for ax, (title, group) in zip(axes[:, 0], parts.items(), strict=True):
            _bars(ax, title, group)
        edges = [edge for row in rows for edge in (*row.quartiles, row.ratio, 1.0)]
        axes[-1, 0].set_xlim(min(edges) / 1.25, max(edges) * 1.4)
        axes[-1, 0].set_xlabel("ratio of the times of a training step   (left of 1: first quicker)")
    return figure


def _bars(ax: Any, title: str, rows: list[Row]) -> None:
    """One panel, with the ratio in digits beside each bar."""
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(RATIOS))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_title(title)
    ax.grid(axis="y", visible=False)
    ax.set_yticks(range(len(rows)), [row.title for row in rows])
    ax.set_ylim(len(rows) - 0.5, -0.5)  # the first row on top
    for place, row in enumerate(rows):
        quicker = row.ratio <= 1
        ax.barh(
            place, row.ratio - 1, left=1, height=0.6, color=QUICKER if quicker else SLOWER,
            edgecolor=plots.INK, linewidth=0.6, hatch="" if quicker else "///",
        )  # fmt: skip
        (line,) = ax.plot(row.quartiles, (place, place), color=plots.INK, linewidth=1.5)
        line.set_path_effects([Stroke(linewidth=3.5, foreground="white"), Normal()])
        label = f"  {row.ratio:.2f}" if row.valid else "  invalid"
        ax.text(max(row.quartiles[1], row.ratio, 1), place, label, va="center", fontsize=9)
    ax.axvline(1, color=plots.INK, linewidth=1.2)
