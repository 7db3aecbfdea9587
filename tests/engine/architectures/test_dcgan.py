"""Convolutional players: against PyTorch for several image sizes, and learning."""

import numpy as np
import pytest
import torch

import dlcourse as dl
from dlcourse.architectures.dcgan import ConvDiscriminator, ConvGenerator
from dlcourse.architectures.gan import GAN, discriminator_loss
from tests.engine.agree import draw
from tests.engine.architectures.test_mlp import assert_seed_decides, assert_sound, parameters_of
from tests.engine.compare import DEVICES, gap
from tests.engine.twins import assert_models_agree, pair_layers

COVERS = {"ConvDiscriminator", "ConvGenerator"}
nn = torch.nn
on_both = pytest.mark.parametrize("device", DEVICES)
both_dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
SETTINGS = [  # size of the images, channels of the generator, channels of the images, classes
    (8, (6, 4), 1, 0),
    (8, (4,), 1, 3),
    (16, (5, 4, 3), 3, 0),
    (28, (3, 2), 1, 0),
]


def torch_generator(size: int, channels: tuple[int, ...], image: int, n_in: int) -> nn.Sequential:
    first, k = size // 2 ** len(channels), len(channels)
    layers = [nn.Linear(n_in, channels[0] * first**2, bias=False)]
    layers += [nn.Unflatten(1, (channels[0], first, first))]
    for i, (a, b) in enumerate(zip(channels, (*channels[1:], image), strict=True)):
        layers += [nn.BatchNorm2d(a), nn.ReLU()]
        layers += [nn.ConvTranspose2d(a, b, 4, 2, 1, bias=i == k - 1)]
    return nn.Sequential(*layers, nn.Tanh())


def torch_discriminator(size: int, channels: tuple[int, ...], n_in: int) -> nn.Sequential:
    last = size // 2 ** len(channels)
    layers = [nn.Conv2d(n_in, channels[0], 4, 2, 1), nn.LeakyReLU(0.2)]
    for i in range(1, len(channels)):
        layers += [nn.Conv2d(channels[i - 1], channels[i], 4, 2, 1, bias=False)]
        layers += [nn.BatchNorm2d(channels[i]), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels[-1] * last**2, 1))


@pytest.mark.parametrize(("size", "channels", "image", "classes"), SETTINGS)
@on_both
@both_dtypes
def test_both_players_agree_with_torch(size, channels, image, classes, device, dtype) -> None:
    """Images and logits, gradients through both networks, and the running values of batch norm."""
    with dl.use(device, dtype):
        generator = ConvGenerator(3, size, channels, image, classes=classes, seed=0)
        judge = ConvDiscriminator(size, channels[::-1], image, classes, seed=1)
    model = GAN(generator, judge)
    first = torch_generator(size, channels, image, 3 + classes)
    second = torch_discriminator(size, channels[::-1], image + classes)
    labels = np.array([1, 0, 2, 1]) if classes else None
    rows = torch.eye(3)[labels].to(getattr(torch, dtype)) if classes else torch.zeros(4, 0)
    planes = rows[:, :, None, None].expand(-1, -1, size, size)

    def ours(real, noise):
        fake = model.generator(noise, labels)
        return fake, model.discriminator(real, labels), model.discriminator(fake, labels)

    def theirs(real, noise):
        fake = first(torch.cat([noise, rows], 1))
        logits = [second(torch.cat([x, planes], 1)).reshape(-1) for x in (real, fake)]
        return fake, *logits

    twin, inputs = nn.Sequential(first, second), draw([(4, image, size, size), (4, 3)], 6)
    pairs = pair_layers(model, twin)
    assert_models_agree(model, twin, pairs, inputs, device, dtype, ours=ours, theirs=theirs)
    model.eval()
    twin.eval()
    assert_models_agree(model, twin, pairs, inputs, device, dtype, ours=ours, theirs=theirs)


def test_players_are_sound() -> None:
    assert_sound(lambda seed: ConvGenerator(3, 8, (6, 4), seed=seed), (5, 3))
    assert_sound(lambda seed: ConvDiscriminator(8, (4, 6), seed=seed), (5, 1, 8, 8))
    assert_seed_decides(lambda seed: ConvGenerator(3, 8, (6, 4), classes=2, seed=seed))
    assert_seed_decides(lambda seed: ConvDiscriminator(8, (4, 6), classes=2, seed=seed))


def test_sizes_and_parameters() -> None:
    """For 28 x 28 pixels the maps grow 7, 14, 28 and shrink 28, 14, 7."""
    generator, judge = ConvGenerator(seed=0), ConvDiscriminator(seed=0)
    images = generator(dl.Tensor(draw([(2, 32)], dtype="float32")[0]))
    assert images.shape == (2, 1, 28, 28)
    assert abs(images.numpy()).max() <= 1  # tanh
    assert judge(images).shape == (2,)
    maps = 32 * 64 * 49 + 2 * 64 + 64 * 32 * 16 + 2 * 32 + 32 * 16 + 1
    assert parameters_of(generator) == maps
    assert parameters_of(judge) == 32 * 16 + 32 + 32 * 64 * 16 + 2 * 64 + 64 * 49 + 1
    bright = ConvGenerator(output=dl.Sigmoid, seed=0)(dl.Tensor(np.ones((2, 32), "float32")))
    assert bright.numpy().min() >= 0


def test_the_discriminator_overfits_one_batch() -> None:
    rng, judge = np.random.default_rng(0), ConvDiscriminator(8, (8, 16), seed=0)
    real, fake = (dl.Tensor(rng.normal(size=(8, 1, 8, 8)).astype("float32")) for _ in range(2))
    adam = dl.Adam(judge.parameters(), 3e-3)
    for _ in range(60):
        adam.zero_grad()
        loss = discriminator_loss(judge(real), judge(fake))
        loss.backward()
        adam.step()
    assert loss.item() < 0.05


def test_the_generator_overfits_one_batch() -> None:
    rng, generator = np.random.default_rng(0), ConvGenerator(16, 8, (16, 8), seed=0)
    noise = dl.Tensor(rng.normal(size=(4, 16)).astype("float32"))
    images = rng.uniform(-0.9, 0.9, size=(4, 1, 8, 8)).astype("float32")
    adam = dl.Adam(generator.parameters(), 1e-2)
    for _ in range(250):
        adam.zero_grad()
        loss = dl.mse_loss(generator(noise), images)
        loss.backward()
        adam.step()
    assert loss.item() < 0.03  # the images have a variance of 0.27


def test_a_game_with_images_runs_and_repeats() -> None:
    x, labels = draw([(20, 1, 8, 8)], dtype="float32")[0].clip(-1, 1), np.arange(20) % 2
    found = []
    for device in DEVICES:
        with dl.use(device):
            model = GAN(
                ConvGenerator(4, 8, (6, 4), classes=2, seed=0),
                ConvDiscriminator(8, (4, 6), classes=2, seed=1),
            )
            players = [dl.Adam(p.parameters()) for p in (model.generator, model.discriminator)]
            losses = [
                step.generator_loss
                for step in model.play(x, *players, labels, steps=3, batch_size=8)
            ]
            found.append((losses, model.sample(3, [0, 1, 1], seed=0).numpy()))
    for losses, samples in found[1:]:
        assert losses == pytest.approx(found[0][0], rel=1e-5)
        assert gap(samples, found[0][1]) < 1e-5


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda: ConvGenerator(size=30, seed=0), "multiple of 4. Received: size=30"),
        (lambda: ConvGenerator(size=2, seed=0), "multiple of 4"),
        (lambda: ConvGenerator(channels=(), seed=0), "at least one"),
        (lambda: ConvDiscriminator(12, (2, 3, 4), seed=0), "multiple of 8"),
        (
            lambda: ConvDiscriminator(8, seed=0)(dl.Tensor(np.ones((2, 64)))),
            r"\(N, 1, 8, 8\). Received: \(2, 64\).*x.reshape\(-1, 1, 8, 8\)",
        ),
        (
            lambda: ConvDiscriminator(8, classes=2, seed=0)(dl.Tensor(np.ones((2, 1, 8, 8)))),
            "Pass labels",
        ),
        (
            lambda: ConvDiscriminator(8, seed=0)(dl.Tensor(np.ones((2, 1, 8, 8))), [0, 1]),
            "without classes",
        ),
        (lambda: ConvGenerator(3, seed=0)(dl.Tensor(np.ones((2, 4)))), r"Linear\(3, .*expects 3"),
    ],
)
def test_errors_say_what_to_do(compute, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compute()
