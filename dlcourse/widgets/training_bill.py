"""The bill of one training run: what follows from parameters and tokens, and what from the rest."""

import html
from dataclasses import dataclass
from typing import Any

import traitlets as t

from dlcourse.widgets.base import DualWidget

CHIPS = (1, 8, 64, 1_000, 10_000, 100_000)  # how many work at once, to choose from
HOURS_A_YEAR = 24 * 365.25
TASK = (
    "(1) Set 22.4 % and 1.50 USD an hour: whose estimate do you meet? (2) Make the same training "
    "cost less than 2 million USD, then more than 20 million. (3) Make it emit less than 20 t, "
    "then more than 1,000 t. (4) What does the number of chips change, and what not?"
)


@dataclass(frozen=True)
class Bill:
    """What one training run takes."""

    flop: float  # floating-point operations
    hours: float  # of one chip
    days: float  # with all chips at work
    energy: float  # [MWh]
    cost: float  # [million USD]
    carbon: float  # CO2-equivalent [t]


def bill(
    parameters: float,
    tokens: float,
    *,
    peak: float = 125e12,
    utilisation: float = 19.7,
    chips: int = 10_000,
    price: float = 1.5,
    watts: float = 330.0,
    pue: float = 1.1,
    grid: float = 429.0,
) -> Bill:
    """The bill of a dense model that sees each token once.

    flop = 6 · parameters · tokens: 2 for the forward pass, 4 for the backward pass.
    peak         of a chip [FLOP/s]; utilisation: the share of it that is reached [%]
    price        of a chip-hour [$]
    watts, pue   power of a chip with its server; the data centre's power for each watt of these
    grid         carbon of the electricity [g CO2-equivalent per kWh]
    Source: Kaplan et al. 2020 (6 N D); Patterson et al. 2021 (speed, days, energy, pue and grid;
    330 W is what their 1,287 MWh mean for each of 10,000 chips)
    """
    flop = 6 * parameters * tokens
    hours = flop / (peak * utilisation / 100) / 3600
    energy = hours * watts * pue / 1e6
    return Bill(flop, hours, hours / chips / 24, energy, hours * price / 1e6, energy * grid / 1000)


class TrainingBill(DualWidget):
    """Days, cost, energy and carbon of one training run, with sliders for what is not the model.

    Args:
        parameters, tokens: of the training; those of GPT-3 unless given
        utilisation: share of the chips' peak that is reached at the start, 5 to 60 [%]
        price: of a chip-hour at the start, 0.5 to 10 [$]
        grid: carbon of the electricity at the start, 20 to 800 [g per kWh]
        chips: 1, 8, 64, 1,000, 10,000 or 100,000
        costs, emissions: published estimates to mark, as [name, million USD] and [name, t]
        task: what the reader should try
    After use: `bill`, a dict with cost [million USD], carbon [t] and days.

    Raises:
        ValueError: a number of chips that is not offered
    """

    js = "training_bill"
    task = t.Unicode(TASK).tag(sync=True)
    parameters = t.Float(174_604_259_328.0, min=1.0).tag(sync=True)
    tokens = t.Float(300e9, min=1.0).tag(sync=True)
    peak = t.Float(125e12, min=1.0).tag(sync=True)
    watts = t.Float(330.0, min=0.0).tag(sync=True)
    pue = t.Float(1.1, min=1.0).tag(sync=True)
    utilisation = t.Float(19.7, min=5.0, max=60.0).tag(sync=True)
    price = t.Float(1.5, min=0.5, max=10.0).tag(sync=True)
    grid = t.Float(429.0, min=20.0, max=800.0).tag(sync=True)
    chips = t.Int(10_000).tag(sync=True)
    choices = t.List(t.Int(), default_value=list(CHIPS)).tag(sync=True)
    costs: Any = t.List(default_value=[["Li 2020", 4.6]]).tag(sync=True)
    emissions: Any = t.List(default_value=[["Patterson and others 2021", 552]]).tag(sync=True)
    bill: Any = t.Dict(default_value={}).tag(sync=True)

    def __init__(self, label: str = "The bill of one training run", **kwargs: Any) -> None:
        super().__init__(label=label, **kwargs)
        if self.chips not in CHIPS:
            raise ValueError(f"chips is one of {CHIPS}. Received: chips={self.chips}")

    def fallback_html(self) -> str:
        """The bill of the settings, and how far two of them carry it."""
        names = ("peak", "utilisation", "chips", "price", "watts", "pue", "grid")
        options = {name: getattr(self, name) for name in names}
        make = lambda **changed: bill(self.parameters, self.tokens, **(options | changed))  # noqa: E731
        now, cheap, dear = make(), make(utilisation=60, price=0.5), make(utilisation=5, price=10)
        clean, dirty = make(utilisation=60, grid=20), make(utilisation=5, grid=800)
        return (
            f"<p><strong>{html.escape(self.label)}.</strong> {html.escape(self.task)}</p>"
            f"<p>{now.flop:.2e} operations. {self.chips:,} chips at {self.utilisation:.1f} % of "
            f"their peak need {now.days:.1f} days. At {self.price:.2f} USD a chip-hour that is "
            f"{now.cost:.1f} million USD. They draw {now.energy:,.0f} MWh; at {self.grid:.0f} g "
            f"per kWh that is {now.carbon:,.0f} t of CO₂e.</p>"
            f"<p>The ends of the sliders lead from {cheap.cost:.1f} to {dear.cost:.0f} million USD "
            f"and from {clean.carbon:.0f} to {dirty.carbon:,.0f} t, all for the same model.</p>"
        )
