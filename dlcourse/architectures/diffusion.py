"""Diffusion: samples made out of pure noise, by a network that takes a little noise away at a time.

Forward, noise is added to a sample in T small steps until nothing else is left; that needs no
network. Backward, a network looks at a noisy sample and says which noise is in it. A part of that
noise is taken away, the network looks again, and after T steps a new sample stands there. Jascha
Sohl-Dickstein and colleagues proposed it in 2015; Jonathan Ho, Ajay Jain and Pieter Abbeel made it
work for images in 2020.

    x_t = √ᾱ_t x_0 + √(1 - ᾱ_t) ε,   ᾱ_t = (1 - β_1) … (1 - β_t),   ᾱ_0 = 1

    diffusion = Diffusion(NoisePredictor(2, seed=0), cosine_schedule(100), limit=2.0)
    for step in diffusion.learn(x, Adam(diffusion.parameters()), steps=4000): ...
    for step in diffusion.denoise(500, seed=1): ...  # step.x has less and less noise

Read `generative.py` first; a network for the noise stands in noise_predictor.py.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from dlcourse.architectures.generative import (
    checked_labels,
    data_like,
    noise_like,
    placed_like,
    update,
)
from dlcourse.architectures.sampling import in_eval_mode
from dlcourse.backprop import Tensor
from dlcourse.device import asarray, to_numpy
from dlcourse.layers import Module
from dlcourse.losses import mse_loss
from dlcourse.ops import maximum
from dlcourse.optim import Optimizer


# --- How much noise each step adds ------------------------------------------------------------
def linear_schedule(steps: int = 1000) -> np.ndarray:
    """β_1 … β_T in equal distances from 0.0001 to 0.02, times 1000 / T, at most 0.999.

    The factor makes T steps add as much noise as the thousand of the paper.

    steps    T, at least 2
    Shape:   -> (T,), float64
    Raises:  ValueError for fewer steps
    Source:  Ho et al. 2020, section 4
    """
    _check_steps("linear_schedule", steps)
    scale = 1000 / steps
    return np.linspace(1e-4 * scale, 0.02 * scale, steps).clip(max=0.999)


def cosine_schedule(steps: int = 1000, offset: float = 0.008) -> np.ndarray:
    """β_t = 1 - ᾱ_t / ᾱ_{t-1}, at most 0.999, with ᾱ_t = f(t) / f(0),
    f(t) = cos²(π/2 (t / T + s) / (1 + s)) and s = offset.

    The linear schedule has destroyed nearly all of a sample long before T; this one goes evenly.

    steps    T, at least 2
    offset   s, 0 or more: keeps the first steps from being too small
    Shape:   -> (T,), float64
    Raises:  ValueError if a number is out of range
    Source:  Nichol and Dhariwal 2021, eq. 17
    """
    _check_steps("cosine_schedule", steps)
    if not offset >= 0:
        raise ValueError(f"cosine_schedule: offset is 0 or more. Received: {offset=}")
    t = np.arange(steps + 1) / steps
    f = np.cos((t + offset) / (1 + offset) * np.pi / 2) ** 2
    return (1 - f[1:] / f[:-1]).clip(max=0.999)


def _check_steps(name: str, steps: int) -> None:
    if steps < 2:
        raise ValueError(f"{name}: expected at least 2 steps. Received: {steps=}")


# --- The model --------------------------------------------------------------------------------
@dataclass(frozen=True)
class DiffusionStep:
    """What Diffusion.learn hands out after each update."""

    number: int  # 1, 2, 3, …
    loss: float  # of this batch, before the update


@dataclass(frozen=True)
class Denoised:
    """What Diffusion.denoise hands out: the noise it starts from, then the result of each step."""

    t: int  # how many steps of noise are left: T at first, 0 at the end
    x: Tensor  # x_t: samples with that much noise
    guess: Tensor  # x_0 as the network guesses it at this moment; at the start the noise itself


class Diffusion(Module):
    """Adding noise in closed form, learning to predict it, and sampling by taking it away.

    network  called as network(x_t, t, labels) -> the noise in x_t. It has the attributes shape, of
             one sample, and classes. t (n,) are whole numbers 1 … T; labels (n,) go from 0 to
             classes, where classes itself means "no label"; without classes they are None
    betas    β_1 … β_T, each above 0 and below 1, such as cosine_schedule(200)
    limit    all data lie between -limit and limit, and guesses of x_0 are kept there; None: no
             limits. Give one to the cosine schedule: at t = T its guess is a division by nearly
             0, and sampling in few steps goes astray without it

    alpha_bar  ᾱ_0 … ᾱ_T, float64: the share of its variance that a sample has kept

    Raises:  ValueError if a setting is out of range
    Source:  Ho et al. 2020; Song, Meng and Ermon 2021 (DDIM); Ho and Salimans 2022 (guidance)
    """

    def __init__(self, network: Any, betas: Any, limit: float | None = None) -> None:
        self.betas = np.asarray(betas, dtype="float64")
        if self.betas.ndim != 1 or not ((self.betas > 0) & (self.betas < 1)).all():
            raise ValueError(
                "Diffusion: betas are numbers above 0 and below 1, shape (T,), such as "
                f"cosine_schedule(200). Received: shape {self.betas.shape}"
            )
        if limit is not None and not limit > 0:
            raise ValueError(f"Diffusion: limit is above 0, or None. Received: {limit=}")
        self.network, self.limit, self.steps = network, limit, len(self.betas)
        self.alpha_bar = np.concatenate([[1.0], np.cumprod(1 - self.betas)])  # (T + 1,)

    # --- Adding noise, and taking it away at once
    def add_noise(self, x: Tensor, t: Any, noise: Tensor) -> Tensor:
        """x_t = √ᾱ_t x_0 + √(1 - ᾱ_t) ε: t steps of noise in one.

        Shape:   x and noise (n, …), equal, t (n,) of whole numbers 0 … T -> (n, …)
        Raises:  ValueError if t or a shape does not fit
        Source:  Ho et al. 2020, eq. 4
        """
        signal, spread = self._shares(x, t)
        return x * signal + noise * spread

    def guess(self, x: Tensor, t: Any, noise: Tensor) -> Tensor:
        """x_0 = (x_t - √(1 - ᾱ_t) ε) / √ᾱ_t: add_noise solved for x_0, kept within the limit.

        Shape:   as in add_noise
        """
        signal, spread = self._shares(x, t)
        found = (x - noise * spread) / signal
        return found if self.limit is None else _clipped(found, self.limit)

    def _shares(self, x: Tensor, t: Any) -> tuple[Tensor, Tensor]:
        """√ᾱ_t and √(1 - ᾱ_t) for each sample, with further axes of size 1."""
        t = to_numpy(asarray(t))
        if t.shape != (len(x),) or t.dtype.kind not in "iu" or not _within(t, 0, self.steps):
            raise ValueError(
                f"Diffusion: t are whole numbers from 0 to {self.steps}, one for each sample, "
                f"shape ({len(x)},). Received: shape {t.shape} of {t.dtype}"
            )
        kept = self.alpha_bar[t].reshape(-1, *[1] * (x.ndim - 1))
        signal, spread = placed_like(np.sqrt(kept), x), placed_like(np.sqrt(1 - kept), x)
        return Tensor.wrap(signal), Tensor.wrap(spread)

    # --- Learning
    def forward(self, x: Tensor, t: Any, labels: Any = None, guidance: float = 0.0) -> Tensor:
        """The predicted noise: ε̂ = (1 + w) network(x_t, t, label) - w network(x_t, t, no label).

        labels    0 to classes; None: no label
        guidance  w. 0 asks for the label, more asks louder: samples become more typical of their
                  class and less different from one another. Elsewhere 1 + w may be called w
        Shape:    x (n, …), t (n,), labels (n,) or None -> (n, …)
        Source:   Ho and Salimans 2022, eq. 6
        """
        classes = self.network.classes
        no_label = np.full(len(x), classes) if classes else None
        noise = self.network(x, t, no_label if labels is None else labels)
        if not guidance:
            return noise
        if labels is None:
            raise ValueError(f"Diffusion: guidance needs labels. Received: {guidance=}, {labels=}")
        return noise * (1 + guidance) - self.network(x, t, no_label) * guidance

    def loss(
        self,
        x: Tensor,
        labels: Any = None,
        label_dropout: float = 0.1,
        *,
        seed: int | np.random.Generator,
    ) -> Tensor:
        """Mean of (ε - ε̂)², for noise ε and a time t drawn for each sample.

        labels   the classes of the samples, if there are classes
        label_dropout  the share of labels that are hidden, 0 … 1: the network must also learn to
                 do without them, for guidance
        Shape:   x (n, …) -> one number, 0 or more; 1 for a network that always says 0
        Raises:  ValueError if labels or label_dropout do not fit
        Source:  Ho et al. 2020, eq. 14; Ho and Salimans 2022, algorithm 1 (hidden labels)
        """
        if not 0 <= label_dropout <= 1:
            raise ValueError(f"Diffusion: label_dropout lies in 0 … 1. Received: {label_dropout=}")
        rng, classes = np.random.default_rng(seed), self.network.classes
        t = rng.integers(1, self.steps + 1, len(x))
        noise = noise_like(x, x.shape, rng)
        labels = checked_labels(labels, classes, len(x))
        if labels is not None:
            labels = np.where(rng.random(len(x)) < label_dropout, classes, labels)
        return mse_loss(self(self.add_noise(x, t, noise), t, labels), noise)

    def learn(
        self,
        x: Any,
        optimizer: Optimizer,
        labels: Any = None,
        *,
        steps: int,
        batch_size: int = 128,
        label_dropout: float = 0.1,
        seed: int | np.random.Generator = 0,
    ) -> Iterator[DiffusionStep]:
        """Train, and hand out a DiffusionStep after each update.

        x           samples, one per row; labels: their classes, if there are classes
        steps       number of updates, at least 1
        batch_size  samples per update, drawn anew each time, at least 1
        label_dropout  see loss
        seed        draws batches, times, noise and hidden labels
        Raises:  ValueError if data or settings do not fit, FloatingPointError if the loss is no
                 number
        Source:  Ho et al. 2020, algorithm 1
        """
        if min(steps, batch_size, len(x)) < 1:
            raise ValueError(
                "Diffusion: steps, batch_size and the number of samples are at least 1. "
                f"Received: {steps=}, {batch_size=}, {len(x)} samples"
            )
        rng, x = np.random.default_rng(seed), data_like(x, self.network.parameters()[0])
        labels = checked_labels(labels, self.network.classes, len(x))
        self.train()
        for number in range(1, steps + 1):
            rows = rng.integers(0, len(x), batch_size)
            kinds = None if labels is None else labels[rows]
            loss = self.loss(Tensor.wrap(x[rows]), kinds, label_dropout, seed=rng)
            yield DiffusionStep(number, update(optimizer, loss, number))

    # --- Sampling
    def sample(self, n: int, labels: Any = None, **settings: Any) -> Tensor:
        """The last x of denoise, with the same settings: n samples, (n, …)."""
        for step in self.denoise(n, labels, **settings):
            x = step.x
        return x

    def denoise(
        self,
        n: int,
        labels: Any = None,
        *,
        steps: int | None = None,
        eta: float = 1.0,
        guidance: float = 0.0,
        seed: int | np.random.Generator,
    ) -> Iterator[Denoised]:
        """Start from noise, take it away step by step, and hand out what there is after each step.

        n         number of samples, at least 1; labels (n,): their classes; None: any
        steps     1 … T, in equal distances; None: all T
        eta       η, 0 … 1. 1 adds fresh noise after each step; with all T steps this is the
                  ancestral sampling of Ho et al. 2020, algorithm 2. 0 adds none (DDIM), which
                  gives good samples in far fewer steps
        guidance  see forward
        seed      draws all noise
        Raises:  ValueError if a setting or the labels do not fit
        Source:  Song, Meng and Ermon 2021, eq. 12 and 16
        """
        steps = self.steps if steps is None else steps
        if n < 1 or not 1 <= steps <= self.steps or not 0 <= eta <= 1:
            raise ValueError(
                f"Diffusion: n is at least 1, steps lies in 1 … {self.steps}, eta in 0 … 1. "
                f"Received: {n=}, {steps=}, {eta=}"
            )
        if labels is not None:
            labels = checked_labels(labels, self.network.classes, n)
        rng = np.random.default_rng(seed)
        x = noise_like(self.network.parameters()[0], (n, *self.network.shape), rng)
        times = np.linspace(self.steps, 0, steps + 1).round().astype(int).tolist()
        yield Denoised(self.steps, x, x)
        for t, earlier in pairwise(times):
            with in_eval_mode(self):
                noise = self(x, np.full(n, t), labels, guidance)
                x, guess = self._go_back(x, t, earlier, noise, eta, rng)
            yield Denoised(earlier, x, guess)

    def _go_back(
        self, x: Tensor, t: int, s: int, noise: Tensor, eta: float, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """From x_t to x_s with s < t, and the guess of x_0 on the way there.

        σ² = η² (1 - ᾱ_s) / (1 - ᾱ_t) (1 - ᾱ_t / ᾱ_s)
        x_s = √ᾱ_s x̂_0 + √(1 - ᾱ_s - σ²) ε̂ + σ z,   z ~ N(0, 1)
        """
        now, then = self.alpha_bar[t], self.alpha_bar[s]
        guess = self.guess(x, np.full(len(x), t), noise)
        if self.limit is not None:  # the noise that belongs to the guess as it was kept in limits
            noise = (x - guess * math.sqrt(now)) / math.sqrt(1 - now)
        variance = eta**2 * (1 - then) / (1 - now) * (1 - now / then)
        x = guess * math.sqrt(then) + noise * math.sqrt(1 - then - variance)
        if variance > 0:
            x = x + noise_like(x, x.shape, rng) * math.sqrt(variance)
        return x, guess


def _clipped(x: Tensor, limit: float) -> Tensor:
    """x, kept in -limit … limit; the smaller of a and b is -maximum(-a, -b)."""
    return -maximum(-maximum(x, -limit), -limit)


def _within(values: np.ndarray, low: int, high: int) -> bool:
    return bool((values >= low).all() and (values <= high).all())
