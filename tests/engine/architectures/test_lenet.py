"""LeNet-5: against PyTorch, and against the numbers of its paper."""

import numpy as np
import pytest
import torch

import dlcourse as dl
from dlcourse.architectures.lenet import LeNet5
from tests.engine.agree import draw
from tests.engine.architectures.test_mlp import (
    assert_overfits,
    assert_sound,
    both_dtypes,
    on_both,
    parameters_of,
)
from tests.engine.twins import assert_models_agree, pair_layers

COVERS = {"LeNet5"}
nn = torch.nn
THEN, NOW = (dl.Tanh, dl.AvgPool2d), (dl.ReLU, dl.MaxPool2d)


def torch_lenet(activation: type, pooling: type, size: int, classes: int = 10) -> nn.Sequential:
    bend = {dl.Tanh: nn.Tanh, dl.ReLU: nn.ReLU}[activation]
    shrink = {dl.AvgPool2d: nn.AvgPool2d, dl.MaxPool2d: nn.MaxPool2d}[pooling]
    padding = {28: 2, 32: 0}[size]
    features = (nn.Conv2d(1, 6, 5, padding=padding), bend(), shrink(2))
    features += (nn.Conv2d(6, 16, 5), bend(), shrink(2), nn.Flatten())
    decision = (nn.Linear(400, 120), bend(), nn.Linear(120, 84), bend(), nn.Linear(84, classes))
    return nn.Sequential(*features, *decision)


@pytest.mark.parametrize("form", [THEN, NOW], ids=["then", "now"])
@pytest.mark.parametrize(("size", "n", "classes"), [(28, 3, 10), (32, 1, 4)])
@on_both
@both_dtypes
def test_agrees_with_torch(form, size: int, n: int, classes: int, device: str, dtype: str) -> None:
    with dl.use(device, dtype):
        model = LeNet5(classes, *form, size, seed=1)
    twin = torch_lenet(*form, size, classes)
    images = draw([(n, 1, size, size)], 2)
    assert_models_agree(model, twin, pair_layers(model, twin), images, device, dtype)


def test_is_sound_and_overfits() -> None:
    assert_sound(lambda seed: LeNet5(seed=seed), (3, 1, 28, 28))
    images = draw([(16, 1, 28, 28)], dtype="float32")[0]
    assert_overfits(LeNet5(seed=0), images, steps=60, lr=3e-3)
    assert_overfits(LeNet5(10, *NOW, seed=0), images, steps=60, lr=3e-3)


def test_the_form_of_1998_is_the_default() -> None:
    kinds = [type(layer) for layer in LeNet5(seed=0)]
    assert kinds[:6] == [dl.Conv2d, *THEN, dl.Conv2d, *THEN]
    now = LeNet5(activation=dl.ReLU, pooling=dl.MaxPool2d, seed=0)
    assert [type(layer) for layer in now][:6] == [dl.Conv2d, *NOW, dl.Conv2d, *NOW]


def test_start_weights_suit_the_activation() -> None:
    then, now = LeNet5(seed=0), LeNet5(10, *NOW, seed=0)
    for layer, other in zip(then, now, strict=True):
        for tanh, relu in zip(layer.parameters(), other.parameters(), strict=True):
            assert np.allclose(np.sqrt(2) * tanh.data, relu.data)
    hidden = now[7].weight
    assert np.std(hidden.data) == pytest.approx(np.sqrt(2 / 400), rel=0.02)


@pytest.mark.parametrize("size", [28, 32])
def test_shapes_of_figure_2(size: int) -> None:
    x = dl.Tensor(draw([(2, 1, size, size)], dtype="float32")[0])
    shapes = []
    for layer in LeNet5(size=size, seed=0):
        x = layer(x)
        shapes.append(x.shape[1:])
    c1, s2, c3, s4 = (shapes[i] for i in (0, 2, 3, 5))
    assert (c1, s2, c3, s4) == ((6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5))
    assert [shapes[i] for i in (7, 9, 11)] == [(120,), (84,), (10,)]


def test_parameters_as_in_the_paper_where_the_layers_are_the_same() -> None:
    model = LeNet5(seed=0)
    counts = [parameters_of(layer) for layer in model if parameters_of(layer)]
    c1, c3, c5, f6, outputs = counts
    assert (c1, c5, f6) == (156, 48_120, 10_164)  # printed in section II.B
    assert (c3, outputs) == (2_416, 850)
    assert parameters_of(model) == 61_706
    # Table I of the paper: maps of C3 that see 3, 4 and 6 maps of S2.
    sparse_c3 = 6 * (3 * 25 + 1) + 9 * (4 * 25 + 1) + 1 * (6 * 25 + 1)
    assert sparse_c3 == 1_516
    assert c1 + 12 + sparse_c3 + 32 + c5 + f6 == 60_000


def ones(*shape: int) -> dl.Tensor:
    return dl.Tensor(np.ones(shape))


@pytest.mark.parametrize(
    ("error", "compute", "message"),
    [
        (ValueError, lambda: LeNet5(size=30, seed=0), "size is 28 or 32.*Received: size=30"),
        (ValueError, lambda: LeNet5(classes=0, seed=0), "n_out=0"),
        (TypeError, lambda: LeNet5(activation=dl.tanh, seed=0), "class of the activation"),
        (TypeError, lambda: LeNet5(pooling=dl.MaxPool2d(2), seed=0), "AvgPool2d or MaxPool2d"),
        (ValueError, lambda: LeNet5(seed=0)(ones(2, 784)), r"x.reshape\(-1, 1, 28, 28\)"),
        (
            ValueError,
            lambda: LeNet5(size=32, seed=0)(ones(2, 1, 28, 28)),
            r"\(N, 1, 32, 32\). Received: \(2, 1, 28, 28\)",
        ),
        (ValueError, lambda: LeNet5(seed=0)(ones(2, 3, 28, 28)), "grey images"),
    ],
)
def test_errors_say_what_to_do(error: type, compute, message: str) -> None:
    with pytest.raises(error, match=message):
        compute()
