"""The game of two networks: its losses, its optimum, who moves when, and a ring of eight modes."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import dlcourse as dl
from dlcourse.architectures.gan import (
    GAN,
    Discriminator,
    GANStep,
    Generator,
    LeakyReLU,
    discriminator_loss,
    generator_loss,
    with_labels,
)
from tests.engine.agree import check_differences, check_parity, draw
from tests.engine.architectures.test_mlp import TWINS, assert_seed_decides, assert_sound, torch_mlp
from tests.engine.compare import DEVICES, gap
from tests.engine.twins import assert_models_agree, pair_layers

COVERS = {
    "Discriminator",
    "GAN",
    "GANStep",
    "Generator",
    "LeakyReLU",
    "discriminator_loss",
    "generator_loss",
    "with_labels",
}
on_both = pytest.mark.parametrize("device", DEVICES)
both_dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
TWINS[LeakyReLU] = lambda: torch.nn.LeakyReLU(0.2)


# --- A ring of eight Gaussians, for the tests of diffusion too --------------------------------
ANGLES = np.arange(8) * np.pi / 4
CENTRES = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1) * 2
SPREAD = 0.1


def ring(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    points = CENTRES[rng.integers(0, 8, n)] + SPREAD * rng.normal(size=(n, 2))
    return points.astype("float32")


def modes_covered(samples: np.ndarray) -> tuple[int, float]:
    """How many modes hold at least 2 % of all samples, and the share of samples near a mode."""
    distances = np.linalg.norm(samples[:, None] - CENTRES, axis=-1)  # (n, 8)
    near = distances.min(axis=1) < 4 * SPREAD
    counts = np.bincount(distances.argmin(axis=1)[near], minlength=8)
    return int((counts >= 0.02 * len(samples)).sum()), float(near.mean())


def test_the_measure_of_the_ring() -> None:
    assert modes_covered(ring(1000, 0))[0] == 8
    assert modes_covered(ring(1000, 0))[1] > 0.99
    assert modes_covered(np.repeat(CENTRES[:3], 100, axis=0)) == (3, 1.0)
    assert modes_covered(np.zeros((100, 2))) == (0, 0.0)


# --- Losses -----------------------------------------------------------------------------------
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@on_both
@both_dtypes
def test_discriminator_loss_agrees_with_torch(smoothing: float, device: str, dtype: str) -> None:
    cross = functional.binary_cross_entropy_with_logits

    def theirs(real, fake):
        return cross(real, torch.full_like(real, 1 - smoothing)) + cross(
            fake, torch.zeros_like(fake)
        )

    check_parity(
        lambda real, fake: discriminator_loss(real, fake, smoothing),
        theirs,
        draw([(7,), (5,)], 1, dtype),
        device,
    )


@pytest.mark.parametrize("saturating", [False, True])
@on_both
@both_dtypes
def test_generator_loss_agrees_with_torch(saturating: bool, device: str, dtype: str) -> None:
    def theirs(fake):
        d = torch.sigmoid(fake)
        return torch.log(1 - d).mean() if saturating else -torch.log(d).mean()

    arrays = draw([(7,)], 2, dtype)
    check_parity(lambda fake: generator_loss(fake, saturating), theirs, arrays, device)


@on_both
def test_gradients_agree_with_finite_differences(device: str) -> None:
    check_differences(lambda r, f: discriminator_loss(r, f, 0.1), draw([(4,), (3,)], 3), device)
    check_differences(generator_loss, draw([(4,)], 4), device)
    check_differences(lambda fake: generator_loss(fake, True), draw([(4,)], 4), device)
    check_differences(LeakyReLU(), draw([(3, 4)], 5), device)


def test_the_saturating_loss_is_flat_where_the_discriminator_is_sure() -> None:
    slopes = []
    for saturating in (False, True):
        fake = dl.Tensor([-6.0], requires_grad=True)
        generator_loss(fake, saturating).backward()
        slopes.append(fake.grad.item())
    d = 1 / (1 + np.exp(6))
    assert slopes == pytest.approx([d - 1, -d], rel=1e-5)  # d = 0.0025: a factor of 400


def test_losses_at_the_equilibrium() -> None:
    """Where D says 1/2 to all: 2 log 2 for D; log 2 and -log 2 for G."""
    logits = dl.Tensor(np.zeros(6))
    assert discriminator_loss(logits, logits).item() == pytest.approx(2 * np.log(2))
    assert generator_loss(logits).item() == pytest.approx(np.log(2))
    assert generator_loss(logits, saturating=True).item() == pytest.approx(-np.log(2))


# --- The players ------------------------------------------------------------------------------
@on_both
@both_dtypes
def test_leaky_relu_agrees_with_torch(device: str, dtype: str) -> None:
    arrays = draw([(3, 4)], 5, dtype)
    check_parity(LeakyReLU(), torch.nn.LeakyReLU(0.2), arrays, device)


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("output", [None, dl.Sigmoid, dl.Tanh])
@on_both
@both_dtypes
def test_both_players_agree_with_torch(classes: int, output: Any, device: str, dtype: str) -> None:
    """Samples and logits; all gradients of both losses through both networks."""
    with dl.use(device, dtype):
        generator = Generator((2, 7, 5, 4), output, classes, seed=0)
        model = GAN(generator, Discriminator((4, 6, 5), classes, seed=1))
    first = torch_mlp((2 + classes, 7, 5, 4), LeakyReLU)
    second = torch_mlp((4 + classes, 6, 5, 1), LeakyReLU)
    bend = TWINS[output]() if output else torch.nn.Identity()
    labels = np.array([2, 0, 1, 1, 0, 2]) if classes else None
    rows = torch.eye(3)[labels].to(getattr(torch, dtype)) if classes else torch.zeros(6, 0)

    def ours(real, noise):
        fake = model.generator(noise, labels)
        logits = model.discriminator(real, labels), model.discriminator(fake, labels)
        return fake, *logits, discriminator_loss(*logits) + generator_loss(logits[1]) * 0.3

    def theirs(real, noise):
        fake = bend(first(torch.cat([noise, rows], 1)))
        logits = [second(torch.cat([x, rows], 1)).reshape(-1) for x in (real, fake)]
        softplus = functional.softplus
        loss = softplus(-logits[0]).mean() + softplus(logits[1]).mean()
        return fake, *logits, loss + 0.3 * softplus(-logits[1]).mean()

    twin = torch.nn.Sequential(first, second)
    pairs, inputs = pair_layers(model, twin), draw([(6, 4), (6, 2)], 6)
    assert_models_agree(model, twin, pairs, inputs, device, dtype, ours=ours, theirs=theirs)


def test_players_are_sound() -> None:
    assert_sound(lambda seed: Generator((3, 6, 4), dl.Tanh, seed=seed), (5, 3))
    assert_sound(lambda seed: Discriminator((4, 6), seed=seed), (5, 4))
    assert_seed_decides(lambda seed: Generator((3, 6, 4), classes=2, seed=seed))
    assert_seed_decides(lambda seed: Discriminator((4, 6), classes=2, seed=seed))


def test_labels_stand_behind_the_features() -> None:
    x = dl.Tensor([[7.0], [8.0]])
    assert with_labels(x, [1, 0], 2).numpy().tolist() == [[7, 0, 1], [8, 1, 0]]
    assert with_labels(x, None, 0) is x


# --- The game ---------------------------------------------------------------------------------
def game(seed: int = 0, classes: int = 0, noise: int = 2, size: int = 2, width: int = 64) -> GAN:
    return GAN(
        Generator((noise, width, width, size), classes=classes, seed=seed),
        Discriminator((size, width, width), classes, seed=seed + 100),
    )


def optimizers(model: GAN, lr: float = 1e-3, kind: type = dl.Adam) -> list[Any]:
    betas = (0.5, 0.99)
    return [
        kind(player.parameters(), lr, betas) for player in (model.generator, model.discriminator)
    ]


def test_each_player_moves_in_its_own_step_only() -> None:
    model, moves = game(width=8), []

    class Watched(dl.Adam):
        def step(self) -> None:
            if self is discriminator and not moves:  # nothing flows to the generator yet
                assert all(p.grad is None for p in model.generator.parameters())
            before = [p.numpy().copy() for p in model.parameters()]
            super().step()
            moved = [
                not np.array_equal(p.numpy(), old)
                for p, old in zip(model.parameters(), before, strict=True)
            ]
            mine = [any(p is q for q in self.params) for p in model.parameters()]
            assert moved == mine
            moves.append("G" if self is generator else "D")

    generator, discriminator = optimizers(model, kind=Watched)
    steps = model.play(
        ring(50, 0), generator, discriminator, steps=3, batch_size=8, discriminator_steps=2
    )
    assert [step.number for step in steps] == [1, 2, 3]
    assert "".join(moves) == "DDG" * 3


@pytest.mark.parametrize("saturating", [False, True])
def test_one_step_is_the_algorithm_line_by_line(saturating: bool) -> None:
    """The same losses and weights as when the two updates are written out."""
    x, (model, other) = ring(50, 0), (game(width=8), game(width=8))
    settings = {"batch_size": 6, "smoothing": 0.1, "saturating": saturating, "seed": 3}
    step = next(model.play(x, *optimizers(model), steps=1, **settings))
    rng, (move_g, move_d) = np.random.default_rng(3), optimizers(other)
    real = dl.Tensor(x[rng.integers(0, 50, 6)])
    fake = other.generator(dl.Tensor(rng.standard_normal((6, 2)).astype("float32"))).detach()
    d_loss = discriminator_loss(other.discriminator(real), other.discriminator(fake), 0.1)
    d_loss.backward()
    move_d.step()
    noise = dl.Tensor(rng.standard_normal((6, 2)).astype("float32"))
    g_loss = generator_loss(other.discriminator(other.generator(noise)), saturating)
    move_g.zero_grad()
    g_loss.backward()
    move_g.step()
    assert step == GANStep(1, d_loss.item(), g_loss.item(), 0.0)
    for name, values in other.state_dict().items():
        assert np.array_equal(model.state_dict()[name], values)


@pytest.mark.parametrize("classes", [0, 2])
def test_the_same_seed_plays_the_same_game_on_every_device(classes: int) -> None:
    x, found = ring(64, 0), []
    labels = np.arange(64) % 2 if classes else None
    for device in (*DEVICES, "cpu"):
        with dl.use(device):
            model = game(width=8, classes=classes)
            settings = {"steps": 3, "instance_noise": 0.2, "saturating": True}
            steps = list(model.play(x, *optimizers(model), labels, **settings, seed=2))
            kinds = np.arange(5) % 2 if classes else None
            found.append((steps, model.sample(5, kinds, seed=1).numpy()))
    assert found[0][0] == found[-1][0]
    for steps, samples in found[1:]:
        assert gap(samples, found[0][1]) < 1e-5
        assert [s.discriminator_loss for s in steps] == pytest.approx(
            [s.discriminator_loss for s in found[0][0]], rel=1e-5
        )


class Spy(dl.Module):
    """A discriminator that remembers what it was shown."""

    def __init__(self, classes: int = 0) -> None:
        self.inner, self.seen, self.labels = Discriminator((2, 4), classes, seed=0), [], []

    def forward(self, x: dl.Tensor, labels: Any = None) -> dl.Tensor:
        self.seen.append(x.numpy().copy())
        self.labels.append(labels)
        return self.inner(x, labels)


def test_instance_noise_is_on_all_that_the_discriminator_sees_and_follows_its_schedule() -> None:
    spy, generator = Spy(), Generator((2, 2), seed=0)
    generator.layers[0].weight.data *= 0  # all inventions are (0, 0), and so are the real samples
    model = GAN(generator, spy)
    sgd = [dl.SGD(p.parameters(), lr=1e-9) for p in (generator, spy)]
    x = np.zeros((10, 2))
    steps = model.play(x, *sgd, steps=4, batch_size=4000, instance_noise=lambda s: 1 - s)
    stds = [step.instance_noise for step in steps]
    assert stds == [1, 0.75, 0.5, 0.25]
    assert len(spy.seen) == 12  # real, invented, and invented again in the generator's step
    for seen, std in zip(spy.seen, np.repeat(stds, 3), strict=True):
        assert seen.std() == pytest.approx(std, rel=0.05)
    spy.seen.clear()
    list(model.play(x, *sgd, steps=1, batch_size=4000, instance_noise=0.3))
    assert [seen.std() for seen in spy.seen] == pytest.approx([0.3] * 3, rel=0.05)


def test_samples_and_labels_belong_together() -> None:
    """Real ones keep theirs; inventions are judged with the label that they were made for."""
    spy, generator = Spy(classes=4), Generator((2, 2), classes=4, seed=0)
    generator.layers[0].weight.data[:2] = 0
    generator.layers[0].weight.data[2:] = np.arange(4)[:, None]  # it gives back the label
    x = np.stack([np.arange(4.0), np.arange(4.0)], axis=1)
    sgd = [dl.SGD(p.parameters(), lr=1e-9) for p in (generator, spy)]
    list(GAN(generator, spy).play(x, *sgd, np.arange(4), steps=1, batch_size=400))
    assert len(spy.seen) == 3
    for seen, labels in zip(spy.seen, spy.labels, strict=True):
        assert np.array_equal(seen[:, 0].round(), labels)
        assert np.bincount(labels, minlength=4).min() > 60  # all classes, about equally often


def test_samples_come_from_eval_mode_and_leave_no_trace() -> None:
    model = game(width=4)
    model.generator.layers.layers.insert(1, dl.BatchNorm1d(4))
    before = model.state_dict()
    one = model.sample(1, seed=0)  # a batch of one: impossible in training mode
    assert gap(model.sample(1, seed=0), one) == 0
    assert not one.requires_grad
    assert model.generator.training
    assert all(np.array_equal(model.state_dict()[n], values) for n, values in before.items())


def test_state_dict_holds_both_players() -> None:
    model, other = game(0, width=4), game(1, width=4)
    assert gap(model.sample(3, seed=0), other.sample(3, seed=0)) > 1e-3
    other.load_state_dict(model.state_dict())
    assert gap(model.sample(3, seed=0), other.sample(3, seed=0)) == 0
    x = dl.Tensor(ring(4, 0))
    assert gap(model.discriminator(x), other.discriminator(x)) == 0


# --- Known answers ----------------------------------------------------------------------------
def test_the_best_discriminator_is_p_over_p_plus_q() -> None:
    """For a generator that stands still: D*(x) = p(x) / (p(x) + q(x)), Goodfellow et al., eq. 2."""
    rng, model = np.random.default_rng(0), Discriminator((1, 32, 32), seed=0)
    adam = dl.Adam(model.parameters(), 5e-3)
    schedule = dl.CosineSchedule(adam, 600)
    for _ in range(600):
        p = rng.normal(-1, 1, size=(512, 1)).astype("float32")
        q = rng.normal(1, 0.7, size=(512, 1)).astype("float32")
        loss = discriminator_loss(model(dl.Tensor(p)), model(dl.Tensor(q)))
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    x = np.linspace(-3, 2.5, 100)
    p, q = np.exp(-((x + 1) ** 2) / 2), np.exp(-(((x - 1) / 0.7) ** 2) / 2) / 0.7
    found = model(dl.Tensor(x[:, None].astype("float32"))).sigmoid().numpy()
    assert np.abs(found - p / (p + q)).max() < 0.06


def test_a_ring_of_eight_modes_is_covered() -> None:
    """Noise of 2 numbers, one step of D: 1,500 steps. With 2,500, five seeds found all 8 modes."""
    model = game(seed=0)
    steps = model.play(ring(8000, 200), *optimizers(model), steps=1500, batch_size=128)
    losses = [step.discriminator_loss for step in steps]
    modes, near = modes_covered(model.sample(2000, seed=1).numpy())
    assert modes >= 7
    assert near > 0.3
    assert 1 < np.mean(losses[-100:]) < 1.45  # near the equilibrium, 2 log 2 = 1.386


def test_classes_are_followed() -> None:
    """Class 0 lies at -2, class 1 at 2."""
    labels = np.arange(400) % 2
    x = np.random.default_rng(0).normal(labels * 4.0 - 2, 0.3)[:, None]
    model = game(classes=2, noise=1, size=1, width=32)
    for _ in model.play(x, *optimizers(model, 2e-3), labels, steps=300):
        pass
    kinds = np.repeat([0, 1], 200)
    samples = model.sample(400, kinds, seed=0).numpy()[:, 0]
    assert np.mean((samples > 0) == kinds) > 0.95


# --- Errors -----------------------------------------------------------------------------------
def play(model: GAN, x: Any = None, **settings: Any) -> GANStep:
    x = ring(20, 0) if x is None else x
    return next(model.play(x, *optimizers(model), **{"steps": 1, **settings}))


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda: Generator((2,), seed=0), "at least two numbers"),
        (lambda: Generator((2, 3), seed=0)(dl.Tensor(np.ones((4, 3)))), "rows of 2 numbers"),
        (lambda: Generator((2, 3), classes=2, seed=0)(dl.Tensor(np.ones((4, 2)))), "Pass labels"),
        (lambda: with_labels(dl.Tensor(np.ones((2, 1))), [0, 1], 0), "without classes"),
        (lambda: discriminator_loss(*[dl.Tensor([1.0])] * 2, 1.0), "smoothing lies in"),
        (lambda: play(game(), steps=0), "steps=0"),
        (lambda: play(game(), batch_size=0), "batch_size=0"),
        (lambda: play(game(), discriminator_steps=0), "discriminator_steps=0"),
        (lambda: play(game(), np.ones((0, 2))), "0 samples"),
        (lambda: play(game(), np.ones((9, 3))), "rows of 2 numbers"),
        (lambda: play(game(), labels=[0] * 20), "without classes"),
        (lambda: play(game(classes=2)), "Pass labels.*Received: None"),
        (lambda: game(classes=2).sample(3, [0, 1], seed=0), r"shape \(3,\)"),
        (
            lambda: next(game().play(ring(9, 0), *optimizers(game()), steps=1)),
            r"the generator's optimiser.*gan.generator.parameters\(\)",
        ),
    ],
)
def test_errors_say_what_to_do(compute, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compute()


def test_swapped_optimizers_are_noticed() -> None:
    model = game()
    with pytest.raises(ValueError, match="the generator's optimiser comes first"):
        next(model.play(ring(9, 0), *optimizers(model)[::-1], steps=1))
    generator, _ = optimizers(model)
    with pytest.raises(ValueError, match="the discriminator's optimiser holds other"):
        next(model.play(ring(9, 0), generator, generator, steps=1))


def test_a_loss_that_is_no_number_stops_the_game() -> None:
    with pytest.raises(FloatingPointError, match="at step 1"):
        play(game(), np.full((9, 2), np.nan))
