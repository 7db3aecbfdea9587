"""Recurrent cells and layers against torch, and the fused LSTM against its plain form."""

import numpy as np
import pytest
import torch
from torch.func import functional_call

import dlcourse as dl
from dlcourse.layers import recurrent
from tests.engine.agree import check_differences, check_parity
from tests.engine.compare import DEVICES, TOLERANCE, as_numpy, gap

on_all = pytest.mark.parametrize("device", DEVICES)
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
sizes = pytest.mark.parametrize(("n", "n_in", "hidden"), [(5, 3, 4), (2, 6, 1), (1, 1, 3)])


def draw(*shapes: tuple[int, ...], seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


# --- Cells ------------------------------------------------------------------------------------
def torch_rnn(x, h, w, u, b):
    return torch.rnn_tanh_cell(x, h, w.T, u.T, b, torch.zeros_like(b))


def torch_lstm(x, h, c, w, u, b):
    return torch.lstm_cell(x, (h, c), w.T, u.T, b, torch.zeros_like(b))


def torch_gru(x, h, w, u, b, d):
    return torch.gru_cell(x, h, w.T, u.T, b, d)


# per cell: its twin, how many states it has, blocks of its weights, and biases
CELLS = {
    "rnn_cell": (torch_rnn, 1, 1, 1),
    "lstm_cell": (torch_lstm, 2, 4, 1),
    "gru_cell": (torch_gru, 1, 3, 2),
}
LAYERS = {"RNN": (1, 1, ["bias"]), "LSTM": (2, 4, ["bias"]), "GRU": (1, 3, ["bias_ih", "bias_hh"])}


def test_every_public_name_is_here() -> None:
    own = {
        name
        for name, value in vars(recurrent).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == recurrent.__name__
    }
    assert own == {*CELLS, *LAYERS}


def cell_inputs(name: str, n: int, n_in: int, hidden: int) -> list[np.ndarray]:
    _, states, parts, biases = CELLS[name]
    weights = [(n_in, parts * hidden), (hidden, parts * hidden)] + [(parts * hidden,)] * biases
    return draw((n, n_in), *[(n, hidden)] * states, *weights)


@pytest.mark.parametrize("name", CELLS)
@on_all
@dtypes
@sizes
def test_cells_agree_with_torch(name, device, dtype, n, n_in, hidden) -> None:
    arrays = cell_inputs(name, n, n_in, hidden)
    check_parity(getattr(dl, name), CELLS[name][0], arrays, device, dtype)


@pytest.mark.parametrize("name", CELLS)
@on_all
def test_cells_agree_with_finite_differences(name: str, device: str) -> None:
    check_differences(getattr(dl, name), cell_inputs(name, 3, 2, 2), device)


# --- Layers -----------------------------------------------------------------------------------
def run_ours(name: str, with_state: bool, **options):
    """The layer as a function of x, its states, its weights and biases."""
    states, _, biases = LAYERS[name]

    def run(x, *rest):
        state, weights = rest[: states * with_state], rest[states * with_state :]
        layer = getattr(dl, name)(x.shape[-1], weights[1].shape[0], seed=0, **options)
        for attribute, tensor in zip(["weight_ih", "weight_hh", *biases], weights, strict=True):
            setattr(layer, attribute, tensor)
        return layer(x, *([] if not with_state else [state if states == 2 else state[0]]))

    return run


def run_torch(name: str, with_state: bool):
    states = LAYERS[name][0]

    def run(x, *rest):
        state = [s[None] for s in rest[: states * with_state]]  # torch: one more axis in front
        w, u, b, *d = rest[states * with_state :]
        layer = getattr(torch.nn, name)(x.shape[-1], u.shape[0], batch_first=True, dtype=x.dtype)
        weights = {
            "weight_ih_l0": w.T,
            "weight_hh_l0": u.T,
            "bias_ih_l0": b,
            "bias_hh_l0": d[0] if d else torch.zeros_like(b),
        }
        given = () if not with_state else (tuple(state) if states == 2 else state[0],)
        output, last = functional_call(layer, weights, (x, *given))
        return output, tuple(s[0] for s in last) if states == 2 else last[0]

    return run


def layer_inputs(name: str, with_state: bool, n: int, time: int, n_in: int, hidden: int):
    states, parts, biases = LAYERS[name]
    state = [(n, hidden)] * states * with_state
    weights = [(n_in, parts * hidden), (hidden, parts * hidden)]
    return draw((n, time, n_in), *state, *weights, *[(parts * hidden,)] * len(biases), seed=time)


VARIANTS = [("RNN", {}), ("GRU", {}), ("LSTM", {}), ("LSTM", {"fused": False})]
variants = pytest.mark.parametrize(("name", "options"), VARIANTS, ids=str)


@variants
@on_all
@dtypes
@sizes
@pytest.mark.parametrize("with_state", [True, False])
def test_layers_agree_with_torch(name, options, device, dtype, n, n_in, hidden, with_state) -> None:
    arrays = layer_inputs(name, with_state, n, 7, n_in, hidden)
    ours, theirs = run_ours(name, with_state, **options), run_torch(name, with_state)
    check_parity(ours, theirs, arrays, device, dtype)


@variants
@on_all
@pytest.mark.parametrize("time", [1, 3])
def test_layers_agree_with_finite_differences(name, options, device, time) -> None:
    arrays = layer_inputs(name, True, 3, time, 2, 2)
    check_differences(run_ours(name, True, **options), arrays, device)


@on_all
@dtypes
def test_fused_lstm_gives_the_numbers_of_the_plain_form(device: str, dtype: str) -> None:
    arrays = [a.astype(dtype) for a in layer_inputs("LSTM", True, 6, 20, 5, 7)]
    results = []
    for fused in (True, False):
        with dl.use(device, dtype):
            inputs = [dl.Tensor(a, requires_grad=True) for a in arrays]
            y, (h, c) = run_ours("LSTM", True, fused=fused)(*inputs)
            ((y * y).sum() + (h * c).sum()).backward()
            results.append([y, h, c, *(x.grad for x in inputs)])
    for fast, plain in zip(*results, strict=True):
        assert gap(fast, plain) < TOLERANCE[dtype]


@variants
@on_all
def test_a_sequence_in_two_pieces_gives_the_same(name, options, device) -> None:
    with dl.use(device):
        layer = getattr(dl, name)(3, 4, seed=1, **options)
        x = dl.Tensor(draw((2, 6, 3))[0].astype("float32"))
        whole, last = layer(x)
        first, state = layer(x[:, :2])
        second, end = layer(x[:, 2:], state)
        one = layer.step(x[:, 2], state)
    assert gap(dl.concat([first, second], axis=1), whole) < 1e-6
    assert gap(one[0] if name == "LSTM" else one, whole[:, 2]) < 1e-6
    pairs = zip(end, last, strict=True) if name == "LSTM" else [(end, last)]
    for a, b in pairs:
        assert gap(a, b) < 1e-6


def test_outputs_alone_or_one_state_alone_are_enough_for_backward() -> None:
    x = draw((2, 5, 3))[0]
    for pick in (lambda y, h, c: y, lambda y, h, c: h, lambda y, h, c: c):
        grads = []
        for fused in (True, False):
            with dl.use("cpu", "float64"):
                layer = dl.LSTM(3, 4, seed=2, fused=fused)
                y, (h, c) = layer(dl.Tensor(x))
                (pick(y, h, c) * 3).sum().backward()
                grads.append(layer.weight_hh.grad)
        assert gap(*grads) < 1e-12


def test_start_weights_and_the_forget_gate() -> None:
    layer = dl.LSTM(3, 100, seed=4)
    bias = layer.bias.numpy().reshape(4, 100)
    assert bias[1].tolist() == [1] * 100
    assert not bias[[0, 2, 3]].any()
    assert not dl.LSTM(3, 4, seed=0, forget_bias=0.0).bias.data.any()
    for weight in (layer.weight_ih.data, layer.weight_hh.data):
        assert np.abs(weight).max() <= 0.1
        assert np.std(weight) == pytest.approx(0.1 / np.sqrt(3), rel=0.05)
    assert not np.array_equal(layer.weight_ih.data, dl.LSTM(3, 100, seed=5).weight_ih.data)
    assert np.array_equal(layer.weight_ih.data, dl.LSTM(3, 100, seed=4).weight_ih.data)
    assert layer.weight_ih.dtype == np.float32
    assert repr(layer) == "LSTM(3, 100)"
    names = [name for name, _ in dl.GRU(2, 3, seed=0).named_parameters()]
    assert names == ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]


@on_all
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_learns_to_remember_the_first_entry(name: str, device: str) -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(64, 8, 1)).astype("float32")
    with dl.use(device):
        layer, head = getattr(dl, name)(1, 16, seed=0), dl.Linear(16, 1, seed=1, gain=1.0)
        target = dl.asarray(x[:, 0])
        adam = dl.Adam([*layer.parameters(), *head.parameters()], lr=0.01)
        losses = []
        for _ in range(150):
            loss = dl.mse_loss(head(layer(dl.Tensor(x))[0][:, -1]), target)
            adam.zero_grad()
            loss.backward()
            adam.step()
            losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
    assert np.isfinite(as_numpy(layer.weight_hh)).all()


def zeros(*shape: int) -> dl.Tensor:
    return dl.Tensor(np.zeros(shape, "float32"))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: dl.RNN(0, 3, seed=0), ValueError, "n_in=0"),
        (lambda: dl.LSTM(3, 4), TypeError, "seed"),
        (
            lambda: dl.LSTM(3, 4, seed=0)(zeros(2, 5, 4)),
            ValueError,
            r"LSTM\(3, 4\) expects .*\(batch, time, 3\).*Received: shape \(2, 5, 4\)",
        ),
        (lambda: dl.GRU(3, 4, seed=0)(zeros(5, 3)), ValueError, r"shape \(5, 3\)"),
        (lambda: dl.RNN(3, 4, seed=0)(zeros(2, 0, 3)), ValueError, "at least one step"),
        (
            lambda: dl.RNN(3, 4, seed=0)(zeros(2, 5, 3), zeros(3, 4)),
            ValueError,
            r"state of shape \(2, 4\).*\(3, 4\)",
        ),
        (lambda: dl.LSTM(3, 4, seed=0)(zeros(2, 5, 3), zeros(2, 4)), TypeError, "pair"),
        (
            lambda: dl.LSTM(3, 4, seed=0)(zeros(2, 5, 3), (zeros(2, 4), zeros(2, 5))),
            ValueError,
            r"\(2, 5\)",
        ),
        (lambda: dl.rnn_cell(zeros(2, 3), zeros(2, 4), *[zeros(4, 4)] * 3), ValueError, "linear"),
    ],
)
def test_errors_say_what_to_do(make, error, message: str) -> None:
    with pytest.raises(error, match=message):
        make()
