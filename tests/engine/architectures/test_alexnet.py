"""AlexNet: against PyTorch, against the numbers of its paper, and its ingredients one by one."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import dlcourse as dl
from dlcourse.architectures.alexnet import (
    PUBLISHED,
    AlexNet,
    AlexNetSettings,
    ConvSettings,
    LayerPlan,
    LocalResponseNorm,
    SmallAlexNet,
    alexnet_plan,
)
from tests.engine import agree
from tests.engine.architectures.test_mlp import (
    assert_overfits,
    assert_sound,
    both_dtypes,
    on_both,
    parameters_of,
)
from tests.engine.compare import gap
from tests.engine.twins import assert_models_agree, pair_layers

COVERS = {
    "PUBLISHED",
    "AlexNet",
    "AlexNetSettings",
    "ConvSettings",
    "LayerPlan",
    "LocalResponseNorm",
    "SmallAlexNet",
    "alexnet_plan",
}
nn = torch.nn

# All kinds of layers, small enough for finite patience.
TINY = AlexNetSettings(
    image=(3, 47, 39),
    convolutions=(
        ConvSettings(6, 7, stride=2, normalized=True, pooled=True),
        ConvSettings(8, 5, padding=2, groups=2, start_bias=1.0, normalized=True, pooled=True),
        ConvSettings(10, 3, padding=1),
        ConvSettings(8, 3, padding=1, groups=2, start_bias=1.0, pooled=True),
    ),
    hidden=(12, 9),
    classes=5,
)


# --- Local response normalisation -------------------------------------------------------------
# size, alpha, beta, k: the paper's; strong ones; one channel alone; more neighbours than channels
NORMS = [(5, 1e-4, 0.75, 2.0), (3, 0.5, 0.6, 1.0), (1, 1.0, 0.5, 0.1), (9, 0.3, 2.0, 1.5)]


@pytest.mark.parametrize("settings", NORMS, ids=str)
@pytest.mark.parametrize("shape", [(2, 7, 3, 4), (3, 5, 6), (2, 1, 2, 2)], ids=str)
@on_both
@both_dtypes
def test_norm_agrees_with_torch(settings, shape, device: str, dtype: str) -> None:
    """PyTorch divides alpha by the size."""
    size, alpha, beta, k = settings

    def theirs(x: torch.Tensor) -> torch.Tensor:
        return functional.local_response_norm(x, size, alpha * size, beta, k)

    layer, arrays = LocalResponseNorm(*settings), agree.draw([shape], 1, dtype)
    agree.check_parity(layer, theirs, arrays, device)
    if dtype == "float64":
        agree.check_differences(layer, arrays, device)
        agree.assert_same_gradient_twice(layer, arrays, device)


def test_norm_is_the_formula_of_section_3_3() -> None:
    x, y = agree.draw([(2, 8)], 2)[0] * 50, np.empty((2, 8))
    for i in range(8):
        near = x[:, max(0, i - 2) : min(8, i + 3)]  # n = 5: two channels on either side
        y[:, i] = x[:, i] / (2 + 1e-4 * (near**2).sum(axis=1)) ** 0.75
    assert gap(LocalResponseNorm()(dl.Tensor(x)), y) < 1e-14
    assert repr(LocalResponseNorm(3)) == "LocalResponseNorm(3)"


# --- The plan ---------------------------------------------------------------------------------
def shapes_of(kind: str, plan: list[LayerPlan]) -> list[tuple[int, ...]]:
    return [layer.shape for layer in plan if layer.name.startswith(kind)]


def test_the_published_plan() -> None:
    """Maps of figure 2; parameters derived from the sizes that section 3.5 prints."""
    plan = alexnet_plan()
    assert shapes_of("conv", plan) == [
        (96, 55, 55), (256, 27, 27), (384, 13, 13), (384, 13, 13), (256, 13, 13)
    ]  # fmt: skip
    assert shapes_of("pool", plan) == [(96, 27, 27), (256, 13, 13), (256, 6, 6)]
    assert shapes_of("norm", plan) == [(96, 55, 55), (256, 27, 27)]
    assert shapes_of("fc", plan) == [(4096,), (4096,), (1000,)]
    neurons = [int(np.prod(shape)) for shape in shapes_of("conv", plan)[1:]]
    assert neurons == [186_624, 64_896, 64_896, 43_264]  # printed under figure 2
    assert {layer.name: layer.parameters for layer in plan if layer.parameters} == {
        "conv1": 96 * (11 * 11 * 3 + 1),
        "conv2": 256 * (5 * 5 * 48 + 1),
        "conv3": 384 * (3 * 3 * 256 + 1),
        "conv4": 384 * (3 * 3 * 192 + 1),
        "conv5": 256 * (3 * 3 * 192 + 1),
        "fc6": 4096 * (6 * 6 * 256 + 1),
        "fc7": 4096 * (4096 + 1),
        "fc8": 1000 * (4096 + 1),
    }
    assert sum(layer.parameters for layer in plan) == 60_965_224


def test_order_of_the_layers() -> None:
    names = [layer.name for layer in alexnet_plan()]
    assert names[:8] == [f"{part}{i}" for i in (1, 2) for part in ("conv", "relu", "norm", "pool")]
    assert names[8:15] == ["conv3", "relu3", "conv4", "relu4", "conv5", "relu5", "pool5"]
    assert names[15:] == ["flatten", "fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: AlexNet(TINY, seed=0),
        lambda: SmallAlexNet(16, 1, 7, width=4, seed=0),
        lambda: SmallAlexNet(24, width=3, activation=dl.Tanh, overlapping=False, seed=0),
        lambda: SmallAlexNet(8, width=2, normalized=False, seed=0),
    ],
)
def test_a_plan_is_what_gets_built(make) -> None:
    model = make()
    plan = alexnet_plan(model.settings)
    assert len(plan) == len(model)
    x = dl.Tensor(agree.draw([(2, *model.settings.image)], dtype="float32")[0])
    for layer, planned in zip(model, plan, strict=True):
        x = layer(x)
        assert x.shape[1:] == planned.shape, planned.name
        assert parameters_of(layer) == planned.parameters, planned.name


def test_the_start_of_the_paper() -> None:
    model = AlexNet(replace(TINY, hidden=(300, 200)), seed=0)
    layers = [layer for layer in model if layer.parameters()]
    assert [float(layer.bias.data[0]) for layer in layers] == [0, 1, 0, 1, 1, 1, 0]
    for layer in layers:
        assert np.ptp(layer.bias.data) == 0
        size = layer.weight.numpy().size
        assert np.std(layer.weight.data) == pytest.approx(0.01, abs=0.03 / np.sqrt(2 * size))
    published = [conv.start_bias for conv in PUBLISHED.convolutions]
    assert (published, PUBLISHED.paper_start) == ([0, 1, 0, 1, 1], True)
    newer = AlexNet(replace(TINY, hidden=(300, 200), paper_start=False), seed=0)
    assert not any(layer.bias.data.any() for layer in newer if layer.parameters())
    assert np.std(newer[-4].weight.data) == pytest.approx(np.sqrt(2 / 300), rel=0.02)


# --- The networks -----------------------------------------------------------------------------
class TorchNorm(nn.LocalResponseNorm):
    def __init__(self) -> None:
        super().__init__(5, alpha=5 * 1e-4, beta=0.75, k=2.0)


def torch_alexnet(settings: AlexNetSettings) -> nn.Sequential:
    """The same network in PyTorch's layers, written without the plan."""
    bend: Any = {dl.ReLU: nn.ReLU, dl.Tanh: nn.Tanh}[settings.activation]
    layers: list[nn.Module] = []
    c, padding = settings.image[0], settings.pool[2]
    for s in settings.convolutions:
        sizes = (s.kernel, s.stride, s.padding)
        layers += [nn.Conv2d(c, s.channels, *sizes, groups=s.groups), bend()]
        layers += [TorchNorm()] if s.normalized else []
        layers += [nn.MaxPool2d(*settings.pool[:2], padding)] if s.pooled else []
        c = s.channels
    features = nn.Sequential(*layers, nn.Flatten())
    n = features(torch.zeros(1, *settings.image)).shape[1]
    decision: list[nn.Module] = []
    for width in settings.hidden:
        decision += [nn.Linear(n, width), bend(), nn.Dropout(settings.dropout)]
        n = width
    return nn.Sequential(*features, *decision, nn.Linear(n, settings.classes))


@pytest.mark.parametrize("paper_start", [True, False], ids=["paper", "he"])
@on_both
@both_dtypes
def test_small_copy_agrees_with_torch(paper_start: bool, device: str, dtype: str) -> None:
    settings = replace(TINY, paper_start=paper_start)
    with dl.use(device, dtype):
        model = AlexNet(settings, seed=1).eval()
    twin = torch_alexnet(settings).eval()
    images = [x * 60 for x in agree.draw([(2, *TINY.image)], 2)]  # so that the norm is felt
    assert_models_agree(model, twin, pair_layers(model, twin), images, device, dtype)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"activation": dl.Tanh},
        {"normalized": False},
        {"overlapping": False},
        {"size": 8, "in_channels": 2, "classes": 3},
    ],
    ids=str,
)
@on_both
@both_dtypes
def test_small_alexnet_agrees_with_torch(options: dict, device: str, dtype: str) -> None:
    with dl.use(device, dtype):
        model = SmallAlexNet(**{"size": 16, "width": 4, "dropout": 0.0, **options}, seed=3)
    twin = torch_alexnet(model.settings)
    images = agree.draw([(2, *model.settings.image)], 4)
    assert_models_agree(model, twin, pair_layers(model, twin), images, device, dtype)


def test_full_size_agrees_with_torch() -> None:
    """One image, forward and backward, with He et al.'s start.

    The paper's start makes numbers close to 1; then float32 rounding decides some of the maxima,
    and the gradient takes another way.
    """
    settings = replace(PUBLISHED, paper_start=False)
    model = AlexNet(settings, seed=5).eval()
    assert parameters_of(model) == 60_965_224
    with torch.device("meta"):  # no start weights, which take seconds and are overwritten
        twin = torch_alexnet(settings).eval()
    twin.to_empty(device="cpu")
    images = agree.draw([(1, 3, 227, 227)], 6, "float32")
    assert_models_agree(model, twin, pair_layers(model, twin), images, "cpu", "float32")


def test_is_sound_and_overfits() -> None:
    assert_sound(lambda seed: AlexNet(TINY, seed=seed), (3, *TINY.image))
    images = agree.draw([(16, 1, 16, 16)], dtype="float32")[0]
    assert_overfits(SmallAlexNet(16, 1, dropout=0.0, seed=0), images, steps=40, lr=2e-3)


def test_dropout_is_for_training_only() -> None:
    x = dl.Tensor(agree.draw([(2, 1, 16, 16)], 7, "float32")[0])
    model, without = (SmallAlexNet(16, 1, dropout=p, seed=0) for p in (0.5, 0.0))
    assert gap(model(x), model(x).numpy()) > 0.01
    assert gap(model.eval()(x), without(x)) == 0
    hidden = [layer.p for layer in AlexNet(TINY, seed=0) if isinstance(layer, dl.Dropout)]
    assert hidden == [0.5, 0.5]


@pytest.mark.parametrize("size", [8, 16, 32])
def test_an_ablation_changes_one_thing(size: int) -> None:
    """Shapes and start weights stay, whatever is left out; tanh scales the weights."""
    whole = SmallAlexNet(size, width=4, seed=0)
    left_out = [{"normalized": False}, {"overlapping": False}, {"dropout": 0.0}]
    for options in left_out:
        other = SmallAlexNet(size, width=4, **options, seed=0)
        for ours, theirs in zip(whole.parameters(), other.parameters(), strict=True):
            assert np.array_equal(ours.data, theirs.data)
    tanh = SmallAlexNet(size, width=4, activation=dl.Tanh, seed=0)
    for ours, theirs in zip(whole.parameters(), tanh.parameters(), strict=True):
        assert np.allclose(ours.data, np.sqrt(2) * theirs.data, atol=1e-6)


def test_what_is_left_out_is_gone() -> None:
    whole = SmallAlexNet(seed=0)
    weights = [layer.weight.shape for layer in whole if isinstance(layer, dl.Conv2d)]
    assert weights == [(16, 3, 5, 5), (32, 16, 5, 5), (48, 32, 3, 3), (32, 48, 3, 3)]
    numbers = [type(layer) for layer in whole]
    assert (numbers.count(dl.ReLU), numbers.count(LocalResponseNorm)) == (4 + 2, 2)
    assert pooling(whole) == [(3, 2, 1)] * 3
    assert [layer.p for layer in whole if isinstance(layer, dl.Dropout)] == [0.5, 0.5]
    kinds = {type(layer) for layer in whole}
    for options, expected in (
        ({"activation": dl.Tanh}, kinds - {dl.ReLU} | {dl.Tanh}),
        ({"normalized": False}, kinds - {LocalResponseNorm}),
        ({"overlapping": False}, kinds),
    ):
        model = SmallAlexNet(**options, seed=0)
        assert {type(layer) for layer in model} == expected
        wanted = (2, 2, 0) if "overlapping" in options else (3, 2, 1)
        assert pooling(model) == [wanted] * 3


def pooling(model: dl.Module) -> list[tuple[int, int, int]]:
    pools = [layer for layer in model if isinstance(layer, dl.MaxPool2d)]
    return [(pool.kernel_size, pool.stride, pool.padding) for pool in pools]


def ones(*shape: int) -> dl.Tensor:
    return dl.Tensor(np.ones(shape))


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda: LocalResponseNorm(4), "odd number.*size=4"),
        (lambda: LocalResponseNorm(0), "odd number.*size=0"),
        (lambda: LocalResponseNorm(alpha=-1), "alpha and beta are 0 or more.*alpha=-1"),
        (lambda: LocalResponseNorm(beta=-1), "beta=-1"),
        (lambda: LocalResponseNorm(k=0), "k above 0.*k=0"),
        (lambda: LocalResponseNorm()(ones(3)), r"\(N, C, …\). Received: shape \(3,\)"),
        (lambda: SmallAlexNet(12, seed=0), "multiple of 8.*size=12"),
        (lambda: SmallAlexNet(0, seed=0), "size=0"),
        (lambda: SmallAlexNet(classes=0, seed=0), "at least 1.*classes=0"),
        (lambda: SmallAlexNet(width=0, seed=0), "width=0"),
        (lambda: SmallAlexNet(dropout=1.0, seed=0), "p is the share of zeros"),
        (lambda: SmallAlexNet(seed=0)(ones(2, 1, 32, 32)), r"SmallAlexNet expects.*3, 32, 32"),
        (lambda: AlexNet(TINY, seed=0)(ones(2, 3, 224, 224)), r"Received: \(2, 3, 224, 224\)"),
        (lambda: alexnet_plan(replace(PUBLISHED, image=(3, 30, 30))), "conv2: the kernel|pool"),
        (
            lambda: alexnet_plan(AlexNetSettings(convolutions=(ConvSettings(8, 3, groups=2),))),
            "conv1: groups must divide 3 and 8",
        ),
    ],
)
def test_errors_say_what_to_do(compute, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compute()


def test_the_activation_is_a_class() -> None:
    with pytest.raises(TypeError, match=r"class of the activation.*without brackets"):
        AlexNetSettings(activation=dl.ReLU())
    with pytest.raises(TypeError, match=r"class of the activation.*without brackets"):
        SmallAlexNet(activation=dl.tanh, seed=0)
