"""AlexNet's ingredients taken away one by one: measured trainings of a small sibling."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets as t

from dlcourse.data.alexnet_runs import CHECKPOINTS, PICTURES, SEEDS, VARIANTS, Run, alexnet_runs
from dlcourse.widgets.base import DualWidget

ALL = VARIANTS[0]
NAMES = ("nothing", "ReLU", "normalisation", "overlap", "dropout", "all four")  # of VARIANTS
TASK = (
    "Press Play: does the network shown stay ahead of the one with all ingredients, or behind it? "
    "Then take away one at a time. Last, move the slider of the training pictures."
)
CELL = 'style="padding:.25rem .75rem;text-align:left"'  # of the table without JavaScript

Curves = dict[str, list[float]]  # "train" and "test": means; "low" and "high": of the test errors


def summary(runs: Sequence[Run]) -> dict[str, dict[str, Curves]]:
    """Means over the seeds, and the lowest and highest test error: [ingredients][pictures]."""
    found: dict[str, dict[str, Curves]] = {}
    for run in runs:
        same = [r for r in runs if r[:2] == run[:2]]
        test = np.array([r.test for r in same])  # (seeds, checkpoints)
        found.setdefault(run.ingredients, {})[str(run.pictures)] = {
            "train": np.mean([r.train for r in same], axis=0).round(2).tolist(),
            "test": test.mean(axis=0).round(2).tolist(),
            "low": test.min(axis=0).tolist(),
            "high": test.max(axis=0).tolist(),
        }
    return found


def ranking(runs: Mapping[str, Mapping[str, Curves]], pictures: int, at: int) -> list[str]:
    """The networks in the order of their test error at this checkpoint, best first."""
    return sorted(runs, key=lambda code: (runs[code][str(pictures)]["test"][at], code))


def verdict(chosen: Curves, full: Curves, at: int) -> int:
    """-1 if every start of `chosen` has fewer errors than every start of `full`, 1 if more.

    0 where the ranges of the starts overlap: then the difference may be luck.
    """
    if chosen["high"][at] < full["low"][at]:
        return -1
    return int(chosen["low"][at] > full["high"][at])


class Ingredients(DualWidget):
    """Six trained networks to choose from, by what was taken away.

    Left the network, whose pieces disappear; right its errors while it learns, beside those of the
    network with all four ingredients; below all six at once, with the spread of their starts.

    Args:
        away: what is taken away at the start: "nothing", "ReLU", "normalisation", "overlap",
            "dropout" or "all four"
        pictures: training pictures at the start: 1,000 or 51,200 (none comes twice)
        updates: how long it has learned: 50, 100, 200, 400, 800 or 1,600 updates
        task: what the reader should try
    After use: `away`, `pictures`, `updates`, and `error`, the mean test error in percent of the
    network that is shown.

    Raises:
        ValueError: an ingredient, a number of pictures or of updates that was not measured
    Source: the ingredients: Krizhevsky, Sutskever and Hinton 2012; the trainings: alexnet_runs
    """

    js = "ingredients"
    task = t.Unicode(TASK).tag(sync=True)
    away = t.Unicode(NAMES[0]).tag(sync=True)
    pictures = t.Int(1_000).tag(sync=True)
    updates = t.Int(CHECKPOINTS[-1]).tag(sync=True)
    names = t.List(t.Unicode(), default_value=list(NAMES)).tag(sync=True)
    codes = t.List(t.Unicode(), default_value=list(VARIANTS)).tag(sync=True)
    amounts = t.List(t.Int(), default_value=list(PICTURES)).tag(sync=True)
    checkpoints = t.List(t.Int(), default_value=list(CHECKPOINTS)).tag(sync=True)
    starts = t.Int(len(SEEDS)).tag(sync=True)
    runs: Any = t.Dict(default_value={}).tag(sync=True)
    error = t.Float(0.0).tag(sync=True)

    def __init__(
        self, label: str = "AlexNet's ingredients, taken away one by one", **kwargs: Any
    ) -> None:
        super().__init__(label=label, runs=summary(alexnet_runs()), **kwargs)
        known = (self.away in NAMES, self.pictures in PICTURES, self.updates in CHECKPOINTS)
        if not all(known):
            raise ValueError(
                f"away is one of {NAMES}, pictures one of {PICTURES} and updates one of "
                f"{CHECKPOINTS}. Received: away={self.away!r}, pictures={self.pictures}, "
                f"updates={self.updates}"
            )
        code = VARIANTS[NAMES.index(self.away)]
        self.error = self._errors(code, self.pictures)["test"][CHECKPOINTS.index(self.updates)]

    def _errors(self, code: str, amount: int) -> Curves:
        return self.runs[code][str(amount)]

    def fallback_html(self) -> str:
        """The errors of the six networks as a table: at the chosen update, and at the last."""
        moments = sorted({self.updates, CHECKPOINTS[-1]})
        columns = [(amount, updates) for amount in PICTURES for updates in moments]
        heads = ["taken away"] + [f"{n:,} pictures, {updates:,} updates" for n, updates in columns]
        head = "".join(f'<th scope="col" {CELL}>{text}</th>' for text in heads)
        rows = ""
        for name, code in zip(NAMES, VARIANTS, strict=True):
            cells = ""
            for amount, updates in columns:
                curves, at = self._errors(code, amount), CHECKPOINTS.index(updates)
                test, low, high, train = (curves[k][at] for k in ("test", "low", "high", "train"))
                cells += f"<td {CELL}>{test:.1f} ({train:.1f})<br>{low:.1f} to {high:.1f}</td>"
            rows += f'<tr><th scope="row" {CELL}>{name}</th>{cells}</tr>'
        return (
            f"<p><strong>{html.escape(self.label)}.</strong> {html.escape(self.task)} (Without "
            "JavaScript there is nothing to press: compare the columns.)</p><p>Wrong test pictures "
            "in percent (in brackets: wrong training pictures), means of "
            f"{self.starts} starts; below them the range of the test errors:</p>"
            '<div style="overflow-x:auto" tabindex="0" role="region" aria-label="Table of errors">'
            f'<table style="border-collapse:collapse"><tr>{head}</tr>{rows}</table></div>'
        )
