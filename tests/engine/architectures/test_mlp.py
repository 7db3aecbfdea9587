"""The multilayer perceptron against PyTorch; and what every network for images is tested for."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

import dlcourse as dl
from dlcourse.architectures.mlp import MLP, start_gain
from tests.engine.agree import draw
from tests.engine.compare import DEVICES, TOLERANCE, as_numpy, gap
from tests.engine.twins import assert_models_agree, pair_layers

COVERS = {"MLP", "start_gain"}
on_both = pytest.mark.parametrize("device", DEVICES)
both_dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
nn = torch.nn
TWINS: dict[type, Callable[[], nn.Module]] = {
    dl.ReLU: nn.ReLU,
    dl.GELU: lambda: nn.GELU("tanh"),
    dl.Tanh: nn.Tanh,
    dl.Sigmoid: nn.Sigmoid,
}


# --- What the tests of LeNet, AlexNet and ResNet use too --------------------------------------
def assert_sound(make: Callable[[int], dl.Module], shape: tuple[int, ...]) -> None:
    """Seeds, state_dict, train() and eval(), backward twice. make(seed) builds the model."""
    values = draw([shape], 11, "float32")[0]
    assert_seed_decides(make)
    model, other = make(3), make(4)
    y = model(dl.Tensor(values))  # one step in training: states such as running means move
    other.load_state_dict(model.state_dict())
    assert not any(part.training for part in other.eval().modules())
    alone = [other(dl.Tensor(values[i : i + 1])).numpy() for i in range(len(values))]
    assert gap(np.concatenate(alone), model.eval()(dl.Tensor(values))) < TOLERANCE["float32"]
    assert all(part.training for part in model.train().modules())
    model.eval()
    once = gradients(model, values, y.shape)
    twice = gradients(model, values, y.shape)
    for first, second in zip(once, twice, strict=True):
        assert gap(second, 2 * first) < 1e-6


def gradients(model: dl.Module, values: np.ndarray, shape: tuple[int, ...]) -> list[np.ndarray]:
    """The gradients of all parameters after one more backward pass."""
    model(dl.Tensor(values)).backward(draw([shape], 12, "float32")[0])
    return [as_numpy(p.grad).copy() for p in model.parameters()]


def assert_seed_decides(make: Callable[[int], dl.Module]) -> None:
    """The same seed makes the same weights on every device; another seed makes others."""
    states = []
    for device, seed in [*((name, 3) for name in DEVICES), ("cpu", 4)]:
        with dl.use(device):
            states.append(make(seed).state_dict())
    for state in states[1:-1]:
        assert state.keys() == states[0].keys()
        assert all(np.array_equal(state[name], values) for name, values in states[0].items())
    weights = [name for name, values in states[0].items() if values.ndim > 1]
    assert all(not np.array_equal(states[-1][name], states[0][name]) for name in weights)


def assert_overfits(model: dl.Module, values: np.ndarray, steps: int, lr: float) -> None:
    """One small batch with random labels is learned by heart."""
    labels = np.random.default_rng(13).integers(0, 10, len(values))
    optimizer = dl.Adam(model.parameters(), lr)
    settings = {"epochs": steps, "batch_size": len(values), "progress": False}
    history = dl.fit(model, values, labels, dl.cross_entropy, optimizer, **settings)
    assert history.losses[-1] < 0.02
    assert history.losses[0] > 1


def parameters_of(model: dl.Module) -> int:
    return sum(p.numpy().size for p in model.parameters())


# --- The multilayer perceptron ----------------------------------------------------------------
def torch_mlp(sizes: Sequence[int], activation: type) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i in range(len(sizes) - 1):
        layers += [nn.Linear(sizes[i], sizes[i + 1]), TWINS[activation]()]
    return nn.Sequential(*layers[:-1])


def random_sizes(seed: int) -> list[int]:
    rng = np.random.default_rng(seed)
    return [int(n) for n in rng.integers(8, 30, size=rng.integers(2, 6))]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("activation", list(TWINS))
@on_both
@both_dtypes
def test_agrees_with_torch(seed: int, activation: type, device: str, dtype: str) -> None:
    sizes = random_sizes(seed)
    with dl.use(device, dtype):
        model = MLP(sizes, activation, seed=seed)
    twin = torch_mlp(sizes, activation)
    pairs = pair_layers(model, twin)
    values = draw([[(9, sizes[0]), (2, 5, sizes[0])][seed % 2]], seed)
    assert_models_agree(model, twin, pairs, values, device, dtype)


def test_is_sound_and_overfits() -> None:
    assert_sound(lambda seed: MLP((12, 9, 7), dl.Tanh, seed=seed), (5, 12))
    for activation in (dl.ReLU, dl.GELU, dl.Tanh):
        model = MLP((12, 64, 10), activation, seed=0)
        assert_overfits(model, draw([(16, 12)], dtype="float32")[0], steps=150, lr=1e-2)


def test_layers_in_their_order() -> None:
    model = MLP((64, 32, 16, 10), dl.GELU, seed=0)
    kinds = [type(layer).__name__ for layer in model]
    assert kinds == ["Linear", "GELU", "Linear", "GELU", "Linear"]
    assert parameters_of(model) == 64 * 32 + 32 + 32 * 16 + 16 + 16 * 10 + 10
    assert repr(MLP((3, 2), seed=0)) == "MLP(\n  layers.0: Linear(3, 2)\n)"


@pytest.mark.parametrize("activation", list(TWINS))
def test_start_weights_suit_the_activation(activation: type) -> None:
    gain = {dl.ReLU: np.sqrt(2), dl.GELU: np.sqrt(2), dl.Tanh: 1, dl.Sigmoid: 1}[activation]
    assert start_gain(activation) == pytest.approx(gain)
    model = MLP((300, 200, 400), activation, seed=0)
    for layer in (model[0], model[2]):
        spread = np.std(layer.weight.data) * np.sqrt(layer.weight.shape[0])
        assert spread == pytest.approx(gain, rel=0.01)
        assert not layer.bias.data.any()


def test_numbers_keep_their_scale_through_many_relu_layers() -> None:
    model = MLP([400] * 21, seed=0)
    x = dl.Tensor(draw([(50, 400)], dtype="float32")[0])
    assert 0.5 < np.mean(model(x).numpy() ** 2) < 4  # 2 after the last layer, which no ReLU follows


@pytest.mark.parametrize(
    ("error", "compute", "message"),
    [
        (ValueError, lambda: MLP((5,), seed=0), r"at least two numbers.*Received: \(5,\)"),
        (ValueError, lambda: MLP((5, 0, 2), seed=0), r"at least 1.*Received: \(5, 0, 2\)"),
        (TypeError, lambda: MLP((5, 2), dl.ReLU(), seed=0), r"ReLU, without brackets.*ReLU\(\)"),
        (TypeError, lambda: MLP((5, 2), dl.relu, seed=0), "class of the activation"),
        (TypeError, lambda: start_gain(int), "Received: <class 'int'>"),
        (
            ValueError,
            lambda: MLP((64, 10), seed=0)(dl.Tensor(np.ones((3, 1, 8, 8)))),
            r"\(N, 64\). Received: \(3, 1, 8, 8\). These are images.*reshape\(len\(x\), -1\)",
        ),
        (
            ValueError,
            lambda: MLP((64, 10), seed=0)(dl.Tensor(np.ones((3, 63)))),
            r"Received: \(3, 63\). Arrange the data in such rows.*sizes than 64",
        ),
        (ValueError, lambda: MLP((1, 10), seed=0)(dl.Tensor(1.0)), r"Received: \(\)"),
    ],
)
def test_errors_say_what_to_do(error: type, compute, message: str) -> None:
    with pytest.raises(error, match=message):
        compute()
