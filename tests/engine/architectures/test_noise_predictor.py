"""The network that finds the noise, against PyTorch."""

import numpy as np
import pytest
import torch
from torch import nn

import dlcourse as dl
from dlcourse.architectures.noise_predictor import NoisePredictor, time_features
from tests.engine.agree import draw
from tests.engine.architectures.test_mlp import assert_seed_decides, parameters_of
from tests.engine.compare import DEVICES, gap
from tests.engine.twins import assert_models_agree, pair_layers

COVERS = {"NoisePredictor", "time_features"}


class TorchPredictor(nn.Module):
    """The same network with torch's layers, in the same order of attributes."""

    def __init__(self, size: int, hidden: int, blocks: int, classes: int, waves: int) -> None:
        super().__init__()
        self.waves = waves
        self.entrance, self.time = nn.Linear(size, hidden), nn.Linear(waves, hidden)
        self.label = nn.Embedding(classes + 1, hidden) if classes else None
        self.blocks = nn.ModuleList(
            nn.ModuleList(
                [nn.LayerNorm(hidden), nn.Linear(hidden, 2 * hidden), nn.Linear(2 * hidden, hidden)]
            )
            for _ in range(blocks)
        )
        self.exit = nn.Linear(hidden, size)

    def forward(self, x, t, labels=None):
        waves = 10000.0 ** (-torch.arange(0, self.waves, 2, dtype=torch.float64) / self.waves)
        angles = t[:, None] * waves
        features = torch.cat([angles.sin(), angles.cos()], dim=1).to(x.dtype)
        condition = self.time(features)
        if self.label is not None:
            condition = condition + self.label(labels)
        h = self.entrance(x)
        for norm, widen, narrow in self.blocks:
            h = h + narrow(nn.functional.gelu(widen(norm(h + condition)), approximate="tanh"))
        return self.exit(h)


@pytest.mark.parametrize(("size", "hidden", "blocks", "classes", "waves"), [
    (2, 5, 1, 0, 4), (3, 8, 3, 0, 10), (4, 6, 2, 3, 2),
])  # fmt: skip
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_agrees_with_torch(size, hidden, blocks, classes, waves, device, dtype) -> None:
    with dl.use(device, dtype):
        model = NoisePredictor(size, hidden, blocks, classes, waves, seed=0)
    twin = TorchPredictor(size, hidden, blocks, classes, waves)
    inputs = [*draw([(5, size)], 1), np.array([1, 7, 100, 3, 1000])]
    inputs += [np.array([0, 3, 2, 1, 3])] if classes else []
    assert_models_agree(model, twin, pair_layers(model, twin), inputs, device, dtype)


def test_time_features_are_waves_of_growing_length() -> None:
    found = time_features(np.array([0, 3]), 4)
    assert found.shape == (2, 4)
    assert found[0].tolist() == [0, 0, 1, 1]
    assert found[1] == pytest.approx([np.sin(3), np.sin(0.03), np.cos(3), np.cos(0.03)])
    angles = dl.position_angles(50, 16)  # the waves of attention's positions
    expected = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
    assert time_features(np.arange(50), 16) == pytest.approx(expected)


def test_as_a_module() -> None:
    assert_seed_decides(lambda seed: NoisePredictor(3, 8, 2, classes=2, seed=seed))
    model, other = (NoisePredictor(3, 8, 2, classes=2, waves=4, seed=seed) for seed in (0, 1))
    assert model.shape == (3,)
    count = 3 * 8 + 8 + 4 * 8 + 8 + 3 * 8 + 2 * (16 + 8 * 16 + 16 + 16 * 8 + 8) + 8 * 3 + 3
    assert parameters_of(model) == count
    other.load_state_dict(model.state_dict())
    x, t, labels = dl.Tensor(draw([(4, 3)], dtype="float32")[0]), np.arange(1, 5), [0, 1, 2, 2]
    y = model(x, t, labels)
    assert gap(other(x, t, labels), y) == 0
    y.backward(np.ones((4, 3), "float32"), retain_graph=True)
    once = [p.grad.copy() for p in model.parameters()]
    y.backward(np.ones((4, 3), "float32"))
    for first, parameter in zip(once, model.parameters(), strict=True):
        assert parameter.grad.dtype == np.float32
        assert gap(parameter.grad, 2 * first) < 1e-6


def test_overfits_one_batch() -> None:
    rng, model = np.random.default_rng(0), NoisePredictor(3, 32, 2, seed=0)
    x, noise = (rng.normal(size=(8, 3)).astype("float32") for _ in range(2))
    t, adam = np.arange(1, 9), dl.Adam(model.parameters(), 1e-2)
    for _ in range(150):
        adam.zero_grad()
        loss = dl.mse_loss(model(dl.Tensor(x), t), noise)
        loss.backward()
        adam.step()
    assert loss.item() < 1e-3


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda: NoisePredictor(2, blocks=0, seed=0), "blocks=0"),
        (lambda: NoisePredictor(2, waves=3, seed=0), "even number of waves.*waves=3"),
        (lambda: NoisePredictor(0, seed=0), "sizes of at least 1"),
        (lambda: NoisePredictor(2, seed=0)(dl.Tensor([[1.0, 2.0]]), [1], [0]), "for 0 classes"),
        (
            lambda: NoisePredictor(2, classes=3, seed=0)(dl.Tensor([[1.0, 2.0]]), [1]),
            "for 3 classes. Received: labels=None",
        ),
        (
            lambda: NoisePredictor(2, classes=3, seed=0)(dl.Tensor([[1.0, 2.0]]), [1], [4]),
            "from 0 to 3",
        ),
        (lambda: NoisePredictor(2, seed=0)(dl.Tensor([[1.0]]), [1]), "expects 2 values"),
    ],
)
def test_errors_say_what_to_do(compute, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compute()


def test_time_and_label_matter() -> None:
    model, x = NoisePredictor(2, 8, 1, classes=2, seed=0), dl.Tensor([[1.0, 2.0]])
    assert gap(model(x, [5], [0]), model(x, [6], [0])) > 1e-4
    assert gap(model(x, [5], [0]), model(x, [5], [1])) > 1e-4
