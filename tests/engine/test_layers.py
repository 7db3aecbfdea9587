"""Layers and Module, against torch.nn where it has the same thing."""

import numpy as np
import pytest
import torch

import dlcourse as dl
from tests.engine.compare import DEVICES, TOLERANCE, gap

LAYERS = {
    "ReLU": torch.nn.ReLU,
    "GELU": lambda: torch.nn.GELU("tanh"),
    "Tanh": torch.nn.Tanh,
    "Sigmoid": torch.nn.Sigmoid,
}


def torch_linear(layer: dl.Linear) -> torch.nn.Linear:
    """A torch layer with the same weights; torch stores the transpose."""
    n_in, n_out = layer.weight.shape
    dtype = torch.tensor(layer.weight.numpy()).dtype
    twin = torch.nn.Linear(n_in, n_out, bias=layer.bias is not None, dtype=dtype)
    with torch.no_grad():
        twin.weight[:] = torch.tensor(layer.weight.numpy().T)
        if layer.bias is not None:
            twin.bias[:] = torch.tensor(layer.bias.numpy())
    return twin


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(5, 3), (2, 5, 3), (3,)])
def test_linear_agrees_with_torch(device: str, dtype: str, bias: bool, shape) -> None:
    rng = np.random.default_rng(5)
    values, upstream = rng.normal(size=shape).astype(dtype), rng.normal(size=(*shape[:-1], 4))
    with dl.use(device, dtype):
        layer = dl.Linear(3, 4, bias, seed=1)
        if bias:
            layer.bias.data += dl.asarray(rng.normal(size=4), dtype)
        twin = torch_linear(layer)
        x, t = dl.Tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
        y, expected = layer(x), twin(t)
        y.backward(upstream)
        expected.backward(torch.tensor(upstream.astype(dtype)))
    assert gap(y, expected) < TOLERANCE[dtype]
    assert gap(x.grad, t.grad) < TOLERANCE[dtype]
    assert gap(layer.weight.grad, twin.weight.grad.T) < TOLERANCE[dtype]
    assert not bias or gap(layer.bias.grad, twin.bias.grad) < TOLERANCE[dtype]


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("device", DEVICES)
def test_activations_agree_with_torch(name: str, device: str) -> None:
    values = np.random.default_rng(6).normal(size=(4, 3)) * 3
    with dl.use(device):
        x, t = dl.Tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
        y, expected = getattr(dl, name)()(x), LAYERS[name]()(t)
        (y * y).sum().backward()
        (expected * expected).sum().backward()
    assert gap(y, expected) < 1e-12
    assert gap(x.grad, t.grad) < 1e-12


def network() -> dl.Sequential:
    rng = np.random.default_rng(0)
    return dl.Sequential(dl.Linear(3, 5, seed=rng), dl.ReLU(), dl.Linear(5, 2, seed=rng))


def test_sequential_agrees_with_torch_and_twice() -> None:
    model = network()
    twin = torch.nn.Sequential(torch_linear(model[0]), torch.nn.ReLU(), torch_linear(model[2]))
    values = np.random.default_rng(1).normal(size=(7, 3)).astype("float32")
    for _ in range(2):  # the second backward adds to the first
        y, expected = model(values), twin(torch.tensor(values))
        (y * y).mean().backward()
        (expected * expected).mean().backward()
    assert gap(y, expected) < 1e-5
    for i in (0, 2):
        assert gap(model[i].weight.grad, twin[i].weight.grad.T) < 1e-5
        assert gap(model[i].bias.grad, twin[i].bias.grad) < 1e-5


def test_start_weights_have_the_promised_spread() -> None:
    layer = dl.Linear(400, 300, seed=3)
    assert np.std(layer.weight.data) == pytest.approx(np.sqrt(2 / 400), rel=0.01)
    assert np.std(dl.Linear(400, 300, seed=3, gain=1.0).weight.data) == pytest.approx(
        0.05, rel=0.01
    )
    assert not layer.bias.data.any()
    assert layer.weight.dtype == np.float32


def test_seed_decides_the_weights_and_a_generator_goes_on() -> None:
    assert np.array_equal(dl.Linear(3, 5, seed=1).weight.data, dl.Linear(3, 5, seed=1).weight.data)
    rng = np.random.default_rng(1)
    first, second = dl.Linear(3, 5, seed=rng), dl.Linear(3, 5, seed=rng)
    assert np.array_equal(first.weight.data, dl.Linear(3, 5, seed=1).weight.data)
    assert not np.array_equal(first.weight.data, second.weight.data)


def layers_with_weights() -> list[dl.Module]:
    return [
        dl.Linear(2, 3, seed=0),
        dl.Embedding(2, 3, seed=0),
        dl.Conv2d(2, 3, 3, seed=0),
        dl.ConvTranspose1d(2, 3, 3, seed=0),
        dl.BatchNorm1d(3),
        dl.LayerNorm(3),
        dl.GroupNorm(1, 3),
        dl.RNN(2, 3, seed=0),
        dl.LSTM(2, 3, seed=0),
        dl.GRU(2, 3, seed=0),
        dl.LearnedPositions(4, 2, seed=0),
        dl.SinusoidalPositions(4, 2),
        dl.RotaryPositions(4, 2),
    ]


def test_parameters_and_states_carry_their_names() -> None:
    """For messages and for pictures of the graph."""
    for layer in layers_with_weights():
        tensors = {name: vars(layer)[name] for name in layer.state_dict()}
        assert tensors
        assert {name: tensor.name for name, tensor in tensors.items()} == {n: n for n in tensors}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parameters_and_states_are_made_as_use_says(device: str, dtype: str) -> None:
    with dl.use(device, dtype):
        for layer in layers_with_weights():
            for name in layer.state_dict():
                data = vars(layer)[name].data
                assert isinstance(data, type(dl.asarray([1.0])))
                assert str(data.dtype).endswith(dtype)


class Shared(dl.Module):
    """Parameters in attributes, lists and dictionaries; one of them twice; a state."""

    def __init__(self) -> None:
        self.scale = dl.Parameter([2.0])
        self.layers = [dl.Linear(2, 2, seed=0), dl.Tanh()]
        self.heads = {"left": dl.Linear(2, 1, seed=1)}
        self.again = self.layers[0]
        self.mean = dl.Tensor([0.5])
        self.last = None

    def forward(self, x):
        self.last = self.layers[1](self.layers[0](x) * self.scale)  # computed, so no state
        return self.heads["left"](self.last)


def test_module_finds_its_parameters_once_with_names() -> None:
    model = Shared()
    model(np.ones((3, 2), "float32"))
    names = ["scale", "layers.0.weight", "layers.0.bias", "heads.left.weight", "heads.left.bias"]
    assert [name for name, _ in model.named_parameters()] == names
    assert len(model.parameters()) == 5
    assert set(model.state_dict()) == {*names, "mean"}


def test_parameters_in_tuples_are_found() -> None:
    model = dl.Module()
    model.parts = (dl.Linear(2, 2, seed=0), (dl.Parameter([1.0]), {"a": [dl.Parameter([2.0])]}))
    names = ["parts.0.weight", "parts.0.bias", "parts.1.0", "parts.1.1.a.0"]
    assert [name for name, _ in model.named_parameters()] == names


def test_state_dict_is_a_copy_and_loads_in_place() -> None:
    model, other = Shared(), Shared()
    other.scale.data += 1
    other.mean.data += 1
    parameter, state = model.scale, other.state_dict()
    model.load_state_dict(state)
    assert model.scale is parameter
    assert model.scale.data.tolist() == [3]
    assert model.mean.data.tolist() == [1.5]
    state["scale"][:] = 9
    assert model.scale.data.tolist() == [3]
    assert other.scale.data.tolist() == [3]


def test_state_loads_on_another_device_and_from_read_only_arrays() -> None:
    model = network().to("torch")
    state = {name: values * 0 + 1 for name, values in network().state_dict().items()}
    for values in state.values():
        values.flags.writeable = False
    model.load_state_dict(state)
    assert isinstance(model[0].weight.data, torch.Tensor)
    assert (model[0].weight.numpy() == 1).all()


def test_wrong_states_are_refused_and_change_nothing() -> None:
    model = network()
    before = model.state_dict()
    state = {name: values + 1 for name, values in before.items()}
    weight = state.pop("layers.2.weight")
    with pytest.raises(ValueError, match=r"missing \['layers.2.weight'\], unknown \[\]"):
        model.load_state_dict(state)
    with pytest.raises(ValueError, match=r"unknown \['extra'\]"):
        model.load_state_dict({**state, "layers.2.weight": weight, "extra": weight})
    with pytest.raises(ValueError, match=r"layers.2.weight has shape \(5, 2\)"):
        model.load_state_dict({**state, "layers.2.weight": weight.T})
    for name, values in model.state_dict().items():
        assert np.array_equal(values, before[name])


def test_train_and_eval_reach_every_module() -> None:
    model = Shared()
    assert len(model.modules()) == 4
    assert all(module.training for module in model.modules())
    assert model.eval() is model
    assert not any(module.training for module in model.modules())
    model.train()
    assert all(module.training for module in model.modules())


def test_module_moves_and_forgets_gradients() -> None:
    model, x = network(), dl.Tensor(np.ones((2, 3), "float32"))
    expected = model(x).numpy()
    model(x).sum().backward()
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())
    assert gap(model.to("torch")(x.to("torch")).numpy(), expected) < 1e-6
    assert isinstance(model.to("cpu")[0].weight.data, np.ndarray)


def test_a_model_shows_its_layers() -> None:
    assert repr(network()) == (
        "Sequential(\n  layers.0: Linear(3, 5)\n  layers.1: ReLU()\n  layers.2: Linear(5, 2)\n)"
    )
    assert "again: Linear(2, 2)" in repr(Shared())
    nested = dl.Sequential(dl.Sequential(dl.ReLU(), dl.Tanh()), dl.ReLU())
    nested.layers = tuple(nested.layers)
    assert repr(nested).splitlines() == [
        "Sequential(",
        "  layers.0: Sequential(",
        "    layers.0: ReLU()",
        "    layers.1: Tanh()",
        "  )",
        "  layers.1: ReLU()",
        ")",
    ]
    assert repr(dl.Linear(2, 1, bias=False, seed=0)) == "Linear(2, 1, bias=False)"
    assert [type(layer) for layer in network()] == [dl.Linear, dl.ReLU, dl.Linear]
    assert len(network()) == 3


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: network()(np.ones((2, 4))), ValueError, r"Linear\(3, 5\) expects 3 .*\(2, 4\)"),
        (lambda: dl.Linear(0, 3, seed=0), ValueError, "n_in=0"),
        (lambda: dl.Linear(3, 0, seed=0), ValueError, "n_out=0"),
        (lambda: dl.Linear(1, 1, seed=0)(dl.Tensor(2.0)), ValueError, r"Received: shape \(\)"),
        (lambda: dl.Linear(3, 3), TypeError, "seed"),
        (lambda: dl.Sequential(dl.ReLU), TypeError, "brackets"),
        (lambda: dl.Module()(1), NotImplementedError, "forward"),
    ],
)
def test_errors_say_what_to_do(make, error, message: str) -> None:
    with pytest.raises(error, match=message):
        make()
