"""Predict, then run: the reader commits to a prediction and later sees it beside the result.

Someone who watches a demonstration without predicting learns little from it
(Crouch, Fagen, Callan and Mazur, 2004).
"""

from collections.abc import Sequence
from typing import Any

import traitlets as t

from dlcourse.widgets.base import DualWidget, rich

_asked: dict[str, "Predict"] = {}  # key -> the last Predict made with it, in this kernel


class Predict(DualWidget):
    """A question about a result that is still to come.

    key: names the prediction, once in the whole course, for example "02-xor".
    options: texts to choose from; or number=True for a typed number, with its unit.

    ``said`` is the recorded prediction: an option's text, a float, or None.

    Raises:
        ValueError: there are neither options nor number=True, or both.
    """

    js = "predict"
    live_only = frozenset({"said"})

    key = t.Unicode().tag(sync=True)
    question = t.Unicode().tag(sync=True)
    options = t.List(t.Unicode()).tag(sync=True)
    number = t.Bool(False).tag(sync=True)
    unit = t.Unicode("").tag(sync=True)
    said = t.Union([t.Float(), t.Unicode()], allow_none=True, default_value=None).tag(sync=True)

    def __init__(
        self,
        key: str,
        question: str,
        options: Sequence[str] = (),
        number: bool = False,
        unit: str = "",
        label: str = "Predict first",
    ) -> None:
        if number == (len(options) > 0):
            raise ValueError(
                f"Predict({key!r}) takes either options=[...] or number=True, "
                f"got options={list(options)} and number={number}."
            )
        super().__init__(
            label=label, key=key, question=question, options=list(options), number=number, unit=unit
        )
        _asked[key] = self

    def fallback_html(self) -> str:
        choices = "".join(f"<li>{rich(option)}</li>" for option in self.options)
        listed = f"<ul>{choices}</ul>" if choices else ""
        unit = f" (a number in {rich(self.unit)})" if self.unit else ""
        return f"<p><strong>Predict first:</strong> {rich(self.question)}{unit}</p>{listed}"


class Outcome(DualWidget):
    """What happened, beside what the reader said. Made by it_did."""

    js = "outcome"
    live_only = frozenset({"said"})

    key = t.Unicode().tag(sync=True)
    did = t.Union([t.Float(), t.Unicode()]).tag(sync=True)
    did_text = t.Unicode().tag(sync=True)
    text = t.Unicode("").tag(sync=True)
    unit = t.Unicode("").tag(sync=True)
    within = t.Float(0.0).tag(sync=True)
    said = t.Union([t.Float(), t.Unicode()], allow_none=True, default_value=None).tag(sync=True)

    def fallback_html(self) -> str:
        told = f" {rich(self.text)}" if self.text else ""
        return f"<p><strong>It did:</strong> {rich(self.did_text)}.{told}</p>"


def it_did(
    key: str,
    value: float | str,
    text: str = "",
    within: float | None = None,
    label: str = "Prediction and result",
) -> Outcome:
    """Show the result ``value`` beside the prediction recorded under ``key``.

    text: why it did so. within: how far a predicted number may be off and still count as right,
    in the unit of the prediction; 5 % of the value if not given.
    """
    asked = _asked.get(key)
    unit = asked.unit if asked else ""
    did, did_text = _words(value, unit)
    if within is None:
        within = 0.05 * abs(did) if isinstance(did, float) else 0.0
    outcome = Outcome(
        label=label, key=key, did=did, did_text=did_text, text=text, unit=unit, within=within
    )
    if asked is not None:
        t.link((asked, "said"), (outcome, "said"))  # a prediction made later arrives too
    return outcome


def _words(value: Any, unit: str) -> tuple[float | str, str]:
    """A result as plain data and as it is shown."""
    if isinstance(value, str):
        return value, value
    number = float(value)
    return number, f"{number:.4g} {unit}".strip()
