"""ResNet: against PyTorch, against the numbers of its paper, and on real digits."""

import numpy as np
import pytest
import torch

import dlcourse as dl
from dlcourse.architectures.resnet import BasicBlock, ResNet
from tests.engine.agree import draw
from tests.engine.architectures.test_mlp import (
    assert_overfits,
    assert_sound,
    both_dtypes,
    on_both,
    parameters_of,
)
from tests.engine.compare import gap
from tests.engine.twins import assert_models_agree, pair_layers

COVERS = {"BasicBlock", "ResNet"}
nn = torch.nn


class TorchBlock(nn.Module):
    """The block, written with its sum; layers in the order of ours."""

    def __init__(self, c: int, o: int, stride: int, residual: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(c, o, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(o)
        self.conv2 = nn.Conv2d(o, o, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(o)
        self.residual, self.projection = residual, None
        if residual and (stride > 1 or c != o):
            projection = (nn.Conv2d(c, o, 1, stride, bias=False), nn.BatchNorm2d(o))
            self.projection = nn.Sequential(*projection)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        if not self.residual:
            return torch.relu(y)
        return torch.relu(y + (x if self.projection is None else self.projection(x)))


def torch_resnet(blocks, channels, in_channels: int, classes: int, residual: bool) -> nn.Module:
    c = channels[0]
    layers = [nn.Conv2d(in_channels, c, 3, padding=1, bias=False), nn.BatchNorm2d(c), nn.ReLU()]
    for stage, (count, o) in enumerate(zip(blocks, channels, strict=True)):
        for block in range(count):
            layers.append(TorchBlock(c, o, 2 if stage and not block else 1, residual))
            c = o
    ends = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, classes))
    return nn.Sequential(*layers, *ends)


@pytest.mark.parametrize(
    ("c", "o", "stride"), [(4, 4, 1), (3, 5, 1), (4, 4, 2), (2, 5, 2)], ids=str
)
@pytest.mark.parametrize("residual", [True, False], ids=["residual", "plain"])
@on_both
@both_dtypes
def test_block_agrees_with_torch(c, o, stride, residual: bool, device: str, dtype: str) -> None:
    with dl.use(device, dtype):
        block = BasicBlock(c, o, stride, residual=residual, seed=3)
    twin = TorchBlock(c, o, stride, residual)
    pairs = pair_layers(block, twin)
    images = draw([(3, c, 7, 6)], 4)
    assert_models_agree(block, twin, pairs, images, device, dtype)
    assert_models_agree(block.eval(), twin.eval(), pairs, images, device, dtype)


@pytest.mark.parametrize("residual", [True, False], ids=["residual", "plain"])
@pytest.mark.parametrize(
    "settings",
    [((1, 1, 1), (4, 6, 8), 1, 10), ((2, 1), (5, 5), 3, 4), ((1, 2, 1, 1), (3, 4, 5, 6), 2, 3)],
    ids=["1-1-1", "2-1", "1-2-1-1"],
)
@on_both
@both_dtypes
def test_agrees_with_torch(settings, residual: bool, device: str, dtype: str) -> None:
    with dl.use(device, dtype):
        model = ResNet(*settings, residual=residual, seed=5)
    twin = torch_resnet(*settings, residual)
    pairs = pair_layers(model, twin)
    images = draw([(6, settings[2], 9, 12)], 6)
    assert_models_agree(model, twin, pairs, images, device, dtype)
    assert_models_agree(model.eval(), twin.eval(), pairs, images, device, dtype)


def test_is_sound_and_overfits() -> None:
    assert_sound(lambda seed: ResNet(channels=(4, 6, 8), seed=seed), (3, 1, 8, 8))
    images = draw([(16, 1, 8, 8)], dtype="float32")[0]
    assert_overfits(ResNet(seed=0), images, steps=40, lr=1e-2)


# --- The paper's numbers ----------------------------------------------------------------------
def derived(n: int, projections: bool) -> int:
    """Parameters of ResNet-(6n + 2) for colour images of 10 classes, by hand."""

    def layer(c: int, o: int, k: int) -> int:
        return o * c * k * k + 2 * o  # kernels without biases; scale and shift of batch norm

    total = layer(3, 16, 3) + 64 * 10 + 10
    for c, o in ((16, 16), (16, 32), (32, 64)):
        total += layer(c, o, 3) + (2 * n - 1) * layer(o, o, 3)
        total += layer(c, o, 1) if projections and c != o else 0
    return total


@pytest.mark.parametrize(
    ("n", "printed"), [(3, "0.27"), (5, "0.46"), (7, "0.66"), (9, "0.85"), (18, "1.7")]
)
def test_parameters_of_table_6(n: int, printed: str) -> None:
    """The paper's option A has no parameters in its shortcuts: as many as the plain net."""
    model = ResNet((n, n, n), in_channels=3, residual=False, seed=0)
    assert model.depth == 6 * n + 2
    assert parameters_of(model) == derived(n, projections=False)
    decimals = len(printed.split(".")[1])
    assert f"{parameters_of(model) / 1e6:.{decimals}f}" == printed


def test_parameters_of_resnet_20_with_projections() -> None:
    model = ResNet((3, 3, 3), in_channels=3, seed=0)
    assert (model.depth, parameters_of(model)) == (20, 272_474)
    assert derived(3, projections=True) == 272_474
    assert derived(3, projections=False) == 269_722


def test_start_weights() -> None:
    """He et al. 2015 in every convolution; the scores start as large as their inputs."""
    model = ResNet(channels=(32, 64, 128), in_channels=3, classes=100, seed=0)
    kernels = [m.weight.numpy() for m in model.modules() if isinstance(m, dl.Conv2d)]
    for kernel in kernels:
        spread = np.std(kernel) * np.sqrt(np.prod(kernel.shape[1:]))
        assert spread == pytest.approx(np.sqrt(2), rel=4 / np.sqrt(2 * kernel.size))
    scores = model.scores[1]
    assert np.std(scores.weight.data) * np.sqrt(128) == pytest.approx(1, rel=0.03)
    assert not scores.bias.data.any()


def test_images_are_halved_from_stage_to_stage() -> None:
    model = ResNet(in_channels=3, seed=0)
    x = model.start(dl.Tensor(draw([(2, 3, 32, 32)], dtype="float32")[0]))
    shapes = [x.shape]
    for stage in model.stages:
        x = stage(x)
        shapes.append(x.shape)
    assert shapes == [(2, 16, 32, 32), (2, 16, 32, 32), (2, 32, 16, 16), (2, 64, 8, 8)]


# --- Shortcuts --------------------------------------------------------------------------------
def test_a_block_whose_layers_give_0_lets_its_input_through() -> None:
    x = np.abs(draw([(2, 4, 5, 5)])[0])  # nothing below 0, as after a ReLU
    with dl.use("cpu", "float64"):
        for residual, expected in ((True, x), (False, 0 * x)):
            block = BasicBlock(4, 4, residual=residual, seed=0)
            for parameter in block.parameters():
                parameter.data *= 0
            assert gap(block(dl.Tensor(x)).numpy() + 1, expected + 1) < 1e-15


def test_the_plain_net_starts_with_the_same_weights() -> None:
    """All but the projections, which it does not have."""
    settings = ((2, 1, 1), (4, 6, 8))
    residual, plain = (ResNet(*settings, residual=r, seed=7) for r in (True, False))
    projections = {
        id(p)
        for module in residual.modules()
        if isinstance(module, dl.Residual) and module.shortcut is not None
        for p in module.shortcut.parameters()
    }
    assert len(projections) == 2 * 3  # where channels and size change: weights, scale and shift
    kept = [p for p in residual.parameters() if id(p) not in projections]
    for ours, other in zip(kept, plain.parameters(), strict=True):
        assert np.array_equal(ours.data, other.data)


def test_learns_real_digits() -> None:
    digits = dl.data.digits()
    images = digits.x.reshape(-1, 1, 8, 8)
    x, x_test, y, y_test = dl.data.train_test(images, digits.y, 0.3, seed=0)
    model, epochs = ResNet(seed=0), 6
    optimizer = dl.Adam(model.parameters(), lr=5e-3)
    schedule = dl.CosineSchedule(optimizer, steps=epochs * -(-len(x) // 64))
    settings = {"epochs": epochs, "batch_size": 64, "schedule": schedule, "progress": False}
    dl.fit(model, x, y, dl.cross_entropy, optimizer, **settings)
    assert dl.evaluate(model, x_test, y_test) >= 0.97


def ones(*shape: int) -> dl.Tensor:
    return dl.Tensor(np.ones(shape))


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda: ResNet((1, 1), seed=0), r"one number per stage.*\(1, 1\) and \(16, 32, 64\)"),
        (lambda: ResNet((), (), seed=0), r"Received: \(\) and \(\)"),
        (lambda: ResNet((1, 0, 1), seed=0), r"at least 1.*\(1, 0, 1\)"),
        (lambda: ResNet(channels=(4, 0, 4), seed=0), "out_channels=0"),
        (lambda: ResNet(classes=0, seed=0), "n_out=0"),
        (lambda: ResNet(seed=0)(ones(2, 64)), r"\(N, 1, H, W\). Received: \(2, 64\).*reshape"),
        (lambda: ResNet(seed=0)(ones(2, 3, 8, 8)), r"Received: \(2, 3, 8, 8\)"),
        (lambda: BasicBlock(4, 4, 0, seed=0), "stride"),
        (lambda: BasicBlock(4, 4, seed=0)(ones(2, 3, 8, 8)), "3 channels"),
    ],
)
def test_errors_say_what_to_do(compute, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compute()
