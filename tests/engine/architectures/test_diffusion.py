"""Diffusion: its formulas step by step, PyTorch, perfect knowledge of the noise, and learning."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import dlcourse as dl
from dlcourse.architectures.diffusion import (
    Denoised,
    Diffusion,
    DiffusionStep,
    cosine_schedule,
    linear_schedule,
)
from dlcourse.architectures.noise_predictor import NoisePredictor
from tests.engine.agree import draw
from tests.engine.architectures.test_gan import modes_covered, ring
from tests.engine.compare import DEVICES, TOLERANCE, gap

COVERS = {"Denoised", "Diffusion", "DiffusionStep", "cosine_schedule", "linear_schedule"}
on_both = pytest.mark.parametrize("device", DEVICES)
both_dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
SCHEDULES = (linear_schedule, cosine_schedule)


class Stub(dl.Module):
    """A network whose answer is known: answer(x, t, labels). It remembers what it was asked."""

    def __init__(self, answer: Any, shape: tuple[int, ...] = (3,), classes: int = 0) -> None:
        self.answer, self.shape, self.classes = answer, shape, classes
        self.place, self.asked = dl.Parameter([0.0]), []

    def forward(self, x: dl.Tensor, t: Any, labels: Any = None) -> dl.Tensor:
        self.asked.append((t, labels))
        return self.answer(x, t, labels) + self.place * 0


def zero(x: dl.Tensor, t: Any, labels: Any) -> dl.Tensor:
    return x * 0


# --- Schedules --------------------------------------------------------------------------------
def test_the_linear_schedule_is_that_of_the_paper() -> None:
    betas = linear_schedule(1000)
    assert betas.dtype == np.float64
    assert (betas[0], betas[-1], len(betas)) == (1e-4, 0.02, 1000)
    assert np.diff(betas) == pytest.approx(np.full(999, (0.02 - 1e-4) / 999))
    assert linear_schedule(100)[[0, -1]] == pytest.approx([1e-3, 0.2])
    assert linear_schedule(10).max() == 0.999  # never more than there is


def test_the_cosine_schedule_is_that_of_the_paper() -> None:
    """ᾱ is a squared cosine, as far as no β is cut off."""
    kept = np.cumprod(1 - cosine_schedule(50, 0.01))
    t = np.arange(1, 50) / 50
    f = np.cos((t + 0.01) / 1.01 * np.pi / 2) ** 2 / np.cos(0.01 / 1.01 * np.pi / 2) ** 2
    assert kept[:-1] == pytest.approx(f, rel=1e-10)
    assert cosine_schedule(50)[-1] == 0.999


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [20, 100, 1000])
def test_what_is_kept_falls_from_nearly_all_to_nearly_nothing(schedule, steps: int) -> None:
    model = Diffusion(Stub(zero), schedule(steps))
    kept = model.alpha_bar
    assert kept.shape == (steps + 1,)
    assert kept[0] == 1
    assert (np.diff(kept) < 0).all()
    assert kept[1] > 1 - 0.2 / steps
    assert 0 < kept[-1] < 1e-4


# --- Adding noise -----------------------------------------------------------------------------
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_closed_form_has_mean_and_variance_of_step_by_step_noising(schedule) -> None:
    """x_t = √(1 - β_t) x_{t-1} + √β_t ε: the mean shrinks, the variance follows its recursion."""
    model, mean, variance = Diffusion(Stub(zero), schedule(30)), 2.0, 0.0
    one, none = dl.Tensor(np.ones((1, 1))), dl.Tensor(np.zeros((1, 1)))
    for t, beta in enumerate(model.betas, start=1):
        mean, variance = np.sqrt(1 - beta) * mean, (1 - beta) * variance + beta
        assert model.add_noise(one * 2, [t], none).item() == pytest.approx(mean, rel=1e-10)
        assert model.add_noise(none, [t], one).item() ** 2 == pytest.approx(variance, rel=1e-10)


def test_the_closed_form_is_distributed_as_step_by_step_noising() -> None:
    model, rng = Diffusion(Stub(zero), linear_schedule(20)), np.random.default_rng(0)
    x = np.full((20_000, 1), 1.5)
    for beta in model.betas[:8]:
        x = np.sqrt(1 - beta) * x + np.sqrt(beta) * rng.normal(size=x.shape)
    start, noise = dl.Tensor(np.full((20_000, 1), 1.5)), dl.Tensor(rng.normal(size=x.shape))
    at_once = model.add_noise(start, np.full(20_000, 8), noise).numpy()
    quantiles = np.linspace(0.05, 0.95, 10)
    assert np.quantile(at_once, quantiles) == pytest.approx(np.quantile(x, quantiles), abs=0.05)


@pytest.mark.parametrize("shape", [(4, 3), (4, 1, 2, 2)])
@on_both
@both_dtypes
def test_guess_undoes_add_noise(shape: tuple[int, ...], device: str, dtype: str) -> None:
    values, noise = draw([shape, shape], 1, dtype)
    with dl.use(device, dtype):
        model = Diffusion(Stub(zero), linear_schedule(50))
        x, e, t = dl.Tensor(values), dl.Tensor(noise), np.array([0, 1, 20, 50])
        noisy = model.add_noise(x, t, e)
        assert gap(model.guess(noisy, t, e), values) < 50 * TOLERANCE[dtype]
        assert gap(noisy[:1], values[:1]) == 0  # t = 0: nothing was added
        assert gap(noisy[3:], noise[3:]) < 0.02  # t = T: nothing is left


def test_the_limit_keeps_guesses_within() -> None:
    model = Diffusion(Stub(zero), cosine_schedule(50), limit=1.0)
    x, t = dl.Tensor([[-5.0, 0.3, 7.0]]), np.array([10])
    found, free = model.guess(x, t, x * 0).numpy(), x.numpy() / np.sqrt(model.alpha_bar[10])
    assert found == pytest.approx(free.clip(-1, 1))
    assert 0 < found[0, 1] < 1


# --- Sampling ---------------------------------------------------------------------------------
def oracle(model_of: list[Diffusion], start: np.ndarray) -> Any:
    """A network that knows x_0, and so the noise in every x_t."""

    def answer(x: dl.Tensor, t: Any, labels: Any) -> dl.Tensor:
        kept = model_of[0].alpha_bar[t][:, None]
        return (x - dl.asarray(start) * np.sqrt(kept)) / np.sqrt(1 - kept)

    return answer


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("steps", [1, 7, None])
def test_with_the_true_noise_predicted_the_sample_is_recovered(schedule, eta, steps) -> None:
    start, model_of = draw([(5, 3)], 2)[0], []
    with dl.use("cpu", "float64"):
        model_of.append(Diffusion(Stub(oracle(model_of, start)), schedule(40)))
        path = list(model_of[0].denoise(5, steps=steps, eta=eta, seed=0))
    assert gap(path[-1].x, start) < 1e-9
    assert all(gap(step.guess, start) < 1e-9 for step in path[1:])
    times = [step.t for step in path]
    assert (times[0], times[-1], len(times)) == (40, 0, (steps or 40) + 1)
    assert times == sorted(set(times), reverse=True)


def test_ancestral_sampling_is_algorithm_2_of_ho_et_al() -> None:
    """With μ = (x - β ε̂ / √(1 - ᾱ)) / √α and the variance (1 - ᾱ_{t-1}) / (1 - ᾱ_t) β."""
    betas = linear_schedule(12)
    with dl.use("cpu", "float64"):
        model = Diffusion(Stub(lambda x, t, labels: x.tanh()), betas)
        path = list(model.denoise(4, seed=3))
    rng, kept = np.random.default_rng(3), np.concatenate([[1], np.cumprod(1 - betas)])
    x = rng.standard_normal((4, 3))
    assert gap(path[0].x, x) == 0
    for t, step in zip(range(12, 0, -1), path[1:], strict=True):
        beta = betas[t - 1]
        x = (x - beta * np.tanh(x) / np.sqrt(1 - kept[t])) / np.sqrt(1 - beta)
        if t > 1:
            variance = (1 - kept[t - 1]) / (1 - kept[t]) * beta
            x = x + np.sqrt(variance) * rng.standard_normal((4, 3))
        assert step.t == t - 1
        assert gap(step.x, x) < 1e-10


def test_ancestral_sampling_within_limits_has_the_posterior_mean() -> None:
    """Ho et al. 2020, eq. 7, with the guess of x_0 as it was kept within the limits."""
    betas = cosine_schedule(12)
    with dl.use("cpu", "float64"):
        model = Diffusion(Stub(lambda x, t, labels: x.tanh()), betas, limit=0.7)
        path = list(model.denoise(4, seed=3))
    rng, kept = np.random.default_rng(3), np.concatenate([[1], np.cumprod(1 - betas)])
    x = rng.standard_normal((4, 3))
    for t, step in zip(range(12, 0, -1), path[1:], strict=True):
        now, then, beta = kept[t], kept[t - 1], betas[t - 1]
        guess = ((x - np.sqrt(1 - now) * np.tanh(x)) / np.sqrt(now)).clip(-0.7, 0.7)
        x = (np.sqrt(then) * beta * guess + np.sqrt(1 - beta) * (1 - then) * x) / (1 - now)
        if t > 1:
            x = x + np.sqrt((1 - then) / (1 - now) * beta) * rng.standard_normal((4, 3))
        assert gap(step.guess, guess) < 1e-10
        assert gap(step.x, x) < 1e-10


@pytest.mark.parametrize("eta", [0.0, 0.5])
def test_few_steps_are_eq_12_and_16_of_song_et_al(eta: float) -> None:
    """With η = 0 noise is drawn at the start alone."""
    with dl.use("cpu", "float64"):
        model = Diffusion(Stub(lambda x, t, labels: x.tanh()), linear_schedule(20))
        path = list(model.denoise(4, steps=4, eta=eta, seed=3))
    rng, kept = np.random.default_rng(3), model.alpha_bar
    x = rng.standard_normal((4, 3))
    for t, step in zip((20, 15, 10, 5), path[1:], strict=True):
        now, then = kept[t], kept[t - 5]
        sigma = eta * np.sqrt((1 - then) / (1 - now)) * np.sqrt(1 - now / then)
        guess = (x - np.sqrt(1 - now) * np.tanh(x)) / np.sqrt(now)
        x = np.sqrt(then) * guess + np.sqrt(1 - then - sigma**2) * np.tanh(x)
        if sigma > 0:
            x = x + sigma * rng.standard_normal((4, 3))
        assert step.t == t - 5
        assert gap(step.x, x) < 1e-10


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("settings", [{}, {"steps": 5, "eta": 0.0}])
def test_the_same_seed_makes_the_same_samples_on_every_device(classes, settings) -> None:
    labels, found = ([0, 1, 2, 2] if classes else None), []
    guidance = 1.5 if classes else 0.0
    for device in DEVICES:
        with dl.use(device):
            network = NoisePredictor(2, 16, 2, classes, seed=0)
            model = Diffusion(network, cosine_schedule(30), limit=3.0)
            x = model.sample(4, labels, guidance=guidance, seed=5, **settings)
            assert x.dtype == network.parameters()[0].dtype
            found.append(x.numpy())
    other = model.sample(4, labels, guidance=guidance, seed=6, **settings).numpy()
    assert gap(other, found[-1]) > 0.01
    for samples in found[1:]:
        assert gap(samples, found[0]) < 1e-5


def test_the_loop_around_denoise_is_an_ordinary_one() -> None:
    """Gradients are recorded in it, and the network is in training mode as before."""
    network = NoisePredictor(2, 8, 1, seed=0)
    network.blocks.append(dl.Dropout(0.5, seed=0))
    modes = []
    network.blocks[-1].forward = lambda h, c: modes.append(network.training) or h
    model = Diffusion(network, linear_schedule(10))
    for step in model.denoise(2, steps=3, seed=0):
        assert isinstance(step, Denoised)
        assert not step.x.requires_grad
        weight = dl.Parameter([2.0])
        (weight * 3).sum().backward()
        assert weight.grad.tolist() == [3]
        assert network.training
    assert modes == [False] * 3


# --- Classes ----------------------------------------------------------------------------------
def test_guidance_is_eq_6_of_ho_and_salimans() -> None:
    """(1 + w) ε̂(label) - w ε̂(no label); label number 4 of four classes means "no label"."""
    stub = Stub(lambda x, t, labels: x * 0 + dl.asarray(labels * 10.0)[:, None], classes=4)
    model, x = Diffusion(stub, linear_schedule(10)), dl.Tensor(np.zeros((2, 3)))
    t, labels = np.array([1, 2]), np.array([0, 3])
    assert model(x, t, labels).numpy()[:, 0].tolist() == [0, 30]
    assert len(stub.asked) == 1  # without guidance the network is asked once
    assert model(x, t, labels, 2.0).numpy()[:, 0].tolist() == [-80, 3 * 30 - 80]
    assert model(x, t, labels, -1.0).numpy()[:, 0].tolist() == [40, 40]
    assert model(x, t).numpy()[:, 0].tolist() == [40, 40]


@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_so_many_labels_are_hidden(share: float) -> None:
    stub = Stub(zero, classes=4)
    model, labels = Diffusion(stub, linear_schedule(10)), np.arange(20_000) % 4
    model.loss(dl.Tensor(np.zeros((20_000, 3))), labels, share, seed=0)
    t, seen = stub.asked[0]
    assert np.mean(seen == 4) == pytest.approx(share, abs=0.01)
    assert np.array_equal(seen[seen < 4], labels[seen < 4])
    assert np.bincount(t, minlength=11)[1:].min() > 1800  # every time 1 … T equally often


# --- Learning ---------------------------------------------------------------------------------
@on_both
@both_dtypes
def test_loss_agrees_with_torch(device: str, dtype: str) -> None:
    values = draw([(6, 3)], 7, dtype)[0]
    with dl.use(device, dtype):
        network = dl.Linear(3, 3, seed=0)
        weight, bias = (torch.tensor(p.numpy(), requires_grad=True) for p in network.parameters())
        stub = Stub(lambda x, t, labels: network(x))
        model = Diffusion(stub, linear_schedule(10))
        loss = model.loss(dl.Tensor(values), seed=4)
        loss.backward()
    rng = np.random.default_rng(4)
    kept = torch.tensor(np.cumprod(1 - model.betas)[rng.integers(1, 11, 6) - 1, None])
    noise, x = torch.tensor(rng.standard_normal((6, 3)).astype(dtype)), torch.tensor(values)
    noisy = kept.sqrt().to(x.dtype) * x + (1 - kept).sqrt().to(x.dtype) * noise
    expected = functional.mse_loss(noisy @ weight + bias, noise)
    expected.backward()
    assert gap(loss, expected) < TOLERANCE[dtype]
    assert gap(network.weight.grad, weight.grad) < TOLERANCE[dtype]
    assert gap(network.bias.grad, bias.grad) < TOLERANCE[dtype]


def test_a_network_that_says_zero_has_the_loss_1() -> None:
    model = Diffusion(Stub(zero), linear_schedule(10))
    assert model.loss(dl.Tensor(np.ones((20_000, 3))), seed=0).item() == pytest.approx(1, abs=0.02)


def small(seed: int = 0, classes: int = 0, **settings: Any) -> Diffusion:
    return Diffusion(NoisePredictor(2, 16, 1, classes, seed=seed), linear_schedule(20), **settings)


def test_learning_repeats_with_the_seed_on_every_device() -> None:
    x, found = ring(64, 0), []
    for device, seed in [*((name, 1) for name in DEVICES), ("cpu", 2)]:
        with dl.use(device):
            model = small(classes=2)
            adam = dl.Adam(model.parameters(), 1e-2)
            steps = list(model.learn(x, adam, np.arange(64) % 2, steps=4, batch_size=8, seed=seed))
            found.append([step.loss for step in steps])
    assert [step.number for step in steps] == [1, 2, 3, 4]
    assert isinstance(steps[0], DiffusionStep)
    for losses in found[1:-1]:
        assert losses == pytest.approx(found[0], rel=1e-5)
    assert found[-1] != found[0]


def test_labels_stay_with_their_samples() -> None:
    """A network that is told the label finds the noise: the sample is the label."""
    labels = np.arange(6)
    with dl.use("cpu", "float64"):
        model_of: list[Diffusion] = []

        def answer(x: dl.Tensor, t: Any, labels: Any) -> dl.Tensor:
            kept = model_of[0].alpha_bar[t][:, None]
            return (x - labels[:, None] * np.sqrt(kept)) / np.sqrt(1 - kept)

        model_of.append(Diffusion(Stub(answer, (1,), 6), linear_schedule(10)))
        settings = {"steps": 2, "batch_size": 50, "label_dropout": 0.0}
        sgd = dl.SGD(model_of[0].parameters(), 1e-9)
        for step in model_of[0].learn(labels[:, None] * 1.0, sgd, labels, **settings):
            assert step.loss < 1e-20


def test_overfits_one_sample() -> None:
    model = small()
    adam = dl.Adam(model.parameters(), 1e-2)
    losses = [s.loss for s in model.learn([[0.5, -1.0]], adam, steps=300, batch_size=64)]
    assert np.mean(losses[-20:]) < 0.1 * losses[0]
    samples = model.sample(50, seed=0).numpy()
    assert np.abs(samples - [0.5, -1.0]).max() < 0.4


def test_classes_and_guidance_are_followed() -> None:
    """Class 0 lies around (-1, 0), class 1 around (1, 0), and they overlap."""
    rng, labels = np.random.default_rng(0), np.arange(1000) % 2
    x = np.stack([labels * 2 - 1, labels * 0], axis=1) + rng.normal(size=(1000, 2)) * 0.6
    model = small(classes=2, limit=4.0)
    for _ in model.learn(x, dl.Adam(model.parameters(), 5e-3), labels, steps=500):
        pass
    kinds = np.repeat([0, 1], 300)
    plain = model.sample(600, kinds, seed=0).numpy()[:, 0]
    guided = model.sample(600, kinds, guidance=2.0, seed=0).numpy()[:, 0]
    anyone = model.sample(600, seed=0).numpy()[:, 0]
    assert plain[kinds == 0].mean() == pytest.approx(-1, abs=0.25)
    assert plain[kinds == 1].mean() == pytest.approx(1, abs=0.25)
    assert abs(anyone.mean()) < 0.25
    hits = [np.mean((values > 0) == kinds) for values in (plain, guided)]
    assert 0.88 < hits[0] < hits[1]


def test_a_ring_of_eight_modes_is_learned() -> None:
    """1,500 steps. With 4,000 steps, 97 % of all samples lie near a mode."""
    model = Diffusion(NoisePredictor(2, 64, 2, seed=0), cosine_schedule(100), limit=2.0)
    adam = dl.Adam(model.parameters(), 4e-3)
    schedule = dl.CosineSchedule(adam, 1500)
    for _ in model.learn(ring(8000, 200) / 1.4, adam, steps=1500):
        schedule.step()
    modes, near = modes_covered(model.sample(1000, seed=1).numpy() * 1.4)
    assert modes == 8
    assert near > 0.7
    modes, near = modes_covered(model.sample(1000, steps=20, eta=0.0, seed=1).numpy() * 1.4)
    assert modes == 8
    assert near > 0.6


# --- Errors -----------------------------------------------------------------------------------
def learn(model: Diffusion, x: Any = ((0.0, 1.0),), labels: Any = None, **settings: Any) -> Any:
    adam = dl.Adam(model.parameters())
    return next(model.learn(np.array(x), adam, labels, **{"steps": 1, **settings}))


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda: linear_schedule(1), "linear_schedule: expected at least 2.*steps=1"),
        (lambda: cosine_schedule(0), "cosine_schedule: expected at least 2.*steps=0"),
        (lambda: cosine_schedule(10, -1), "offset is 0 or more"),
        (lambda: Diffusion(Stub(zero), [0.1, 1.0]), r"betas.*shape \(2,\)"),
        (lambda: Diffusion(Stub(zero), [[0.1]]), r"shape \(1, 1\)"),
        (lambda: small(limit=0.0), "limit is above 0, or None"),
        (
            lambda: small().add_noise(dl.Tensor([[1.0, 2.0]]), [21], dl.Tensor([[1.0, 2.0]])),
            r"from 0 to 20.*shape \(1,\)",
        ),
        (lambda: small().guess(dl.Tensor([[1.0]]), [0.5], dl.Tensor([[1.0]])), "float32"),
        (lambda: small().guess(dl.Tensor([[1.0]]), [1, 2], dl.Tensor([[1.0]])), r"shape \(2,\)"),
        (lambda: small()(dl.Tensor([[1.0, 2.0]]), [1], guidance=1.0), "guidance needs labels"),
        (lambda: small().loss(dl.Tensor([[1.0, 2.0]]), None, 1.5, seed=0), "label_dropout lies"),
        (lambda: small(classes=2).loss(dl.Tensor([[1.0, 2.0]]), seed=0), "Pass labels"),
        (lambda: learn(small(), steps=0), "steps=0"),
        (lambda: learn(small(), batch_size=0), "batch_size=0"),
        (lambda: learn(small(), np.ones((0, 2))), "0 samples"),
        (lambda: learn(small(), labels=[0]), "without classes"),
        (lambda: learn(small(classes=2), labels=[2]), "from 0 to 1. Received: 2"),
        (lambda: small().sample(0, seed=0), "n=0"),
        (lambda: small().sample(1, steps=21, seed=0), "steps lies in 1 … 20"),
        (lambda: small().sample(1, eta=1.5, seed=0), "eta=1.5"),
        (lambda: small().sample(1, [0], seed=0), "without classes"),
        (lambda: small(classes=2).sample(2, [0], seed=0), r"shape \(2,\)"),
        (lambda: small(classes=2).sample(1, guidance=1.0, seed=0), "guidance needs labels"),
    ],
)
def test_errors_say_what_to_do(compute, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compute()


def test_a_loss_that_is_no_number_stops_the_learning() -> None:
    with pytest.raises(FloatingPointError, match="at step 1"):
        learn(small(), ((np.nan, 1.0),))
