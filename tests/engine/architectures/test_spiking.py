"""Spiking neurons against PyTorch, against exact counts of spikes, and at work."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

import dlcourse as dl
from dlcourse.architectures.spiking import (
    LIF,
    SpikingNet,
    Work,
    current_code,
    latency_code,
    lif_step,
    rate_code,
    spike,
)
from tests.engine.agree import check_parity
from tests.engine.compare import DEVICES, as_numpy, gap
from tests.engine.twins import assert_models_agree, pair_layers

COVERS = {
    "LIF",
    "SpikingNet",
    "Work",
    "current_code",
    "latency_code",
    "lif_step",
    "rate_code",
    "spike",
}
on_all = pytest.mark.parametrize("device", DEVICES)
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])


# --- PyTorch's twins --------------------------------------------------------------------------
class TorchSpike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, slope: float) -> torch.Tensor:
        ctx.save_for_backward(x)
        ctx.slope = slope
        return torch.heaviside(x, torch.ones((), dtype=x.dtype))

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (x,) = ctx.saved_tensors
        return gradients[0] / (ctx.slope * x.abs() + 1) ** 2, None


class TorchLIF(torch.nn.Module):
    def __init__(self, decay: float, threshold: float, slope: float) -> None:
        super().__init__()
        self.decay, self.threshold, self.slope = decay, threshold, slope

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        v, spikes = torch.zeros_like(x[:, 0]), []
        for t in range(x.shape[1]):
            v = self.decay * v + x[:, t]
            spikes.append(TorchSpike.apply(v - self.threshold, self.slope))
            v = v - self.threshold * spikes[-1]
        return torch.stack(spikes, 1)


class TorchSpikingNet(torch.nn.Module):
    def __init__(self, sizes: tuple[int, ...], *settings: float) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList([torch.nn.Linear(*pair) for pair in pairwise(sizes)])
        self.neurons = TorchLIF(*settings)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers[:-1]:
            x = self.neurons(layer(x))
        return self.layers[-1](x).mean(1)


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


@on_all
@dtypes
@pytest.mark.parametrize("slope", [0.5, 5.0, 40.0])
def test_spike_agrees_with_torch(device: str, dtype: str, slope: float) -> None:
    x = draw(4, 7)
    x[0, :3] = [0.0, -0.0, 1e-30]
    check_parity(
        lambda v: spike(v, slope=slope), lambda v: TorchSpike.apply(v, slope), [x], device, dtype
    )


@on_all
@dtypes
@pytest.mark.parametrize("settings", [(0.9, 1.0, 5.0), (1.0, 0.5, 25.0), (0.3, 2.0, 1.0)])
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 9, 4), (2, 25, 5)])
def test_lif_agrees_with_torch(device: str, dtype: str, settings: Any, shape: Any) -> None:
    x = 1.5 * draw(*shape, seed=shape[1]).astype(dtype) + 0.4
    check_parity(LIF(*settings), TorchLIF(*settings), [x], device, dtype)
    with dl.use(device):
        found = LIF(*settings)(dl.Tensor(x)).numpy()
    assert np.array_equal(found, TorchLIF(*settings)(torch.tensor(x)).numpy())
    assert found.sum() > 0 or shape == (1, 1, 1)


@on_all
@dtypes
@pytest.mark.parametrize("sizes", [(3, 5, 2), (4, 8, 6, 3)])
def test_the_network_agrees_with_torch(device: str, dtype: str, sizes: Any) -> None:
    with dl.use(device, dtype):
        net = SpikingNet(sizes, seed=1, decay=0.8, threshold=0.7, slope=4.0)
    twin = TorchSpikingNet(sizes, 0.8, 0.7, 4.0)
    x = 2 * draw(5, 7, sizes[0], seed=2)
    assert_models_agree(net, twin, pair_layers(net, twin), [x], device, dtype)


# --- What a neuron does -----------------------------------------------------------------------
def test_a_spike_is_exact_and_its_gradient_is_the_fast_sigmoids() -> None:
    x = dl.Parameter([-1.0, -1e-7, 0.0, 0.5])
    y = spike(x, slope=2.0)
    y.sum().backward()
    assert y.numpy().tolist() == [0, 0, 1, 1]
    assert x.grad == pytest.approx([1 / 9, 1, 1, 1 / 4], abs=1e-5)

    def fast_sigmoid(v: dl.Tensor) -> dl.Tensor:
        return v / (v.abs() * 2 + 1)

    smooth = dl.Parameter(x.numpy()[[0, 3]])
    fast_sigmoid(smooth).sum().backward()
    assert smooth.grad == pytest.approx(x.grad[[0, 3]])


@on_all
def test_nothing_that_is_no_number_gets_lost(device: str) -> None:
    with dl.use(device):
        assert np.isnan(spike(dl.Tensor([np.nan])).item())


@on_all
@pytest.mark.parametrize("current", [0.25, 0.375, 0.5, 1.0])
def test_without_a_leak_spikes_count_the_input(device: str, current: float) -> None:
    """After t steps ⌊t current / threshold⌋ spikes; binary fractions, so that sums are exact."""
    with dl.use(device):
        x = dl.Tensor(np.full((1, 24, 1), current, "float32"))
        spikes = LIF(decay=1.0)(x).numpy().reshape(-1)
    expected = [math.floor(t * current) for t in range(1, 25)]
    assert np.cumsum(spikes).tolist() == expected


@pytest.mark.parametrize("decay", [0.5, 0.8, 0.9])
@pytest.mark.parametrize("current", [0.15, 0.22, 0.55])
def test_the_first_spike_comes_when_the_leak_allows_it(decay: float, current: float) -> None:
    """With the potential current (1 - decayᵗ) / (1 - decay) after t steps; never below a limit."""
    with dl.use("cpu", "float64"):
        spikes, v = LIF(decay).record(current_code([[current]], 60))
    t = np.arange(1, 61)
    free = current * (1 - decay**t) / (1 - decay)
    reached = np.flatnonzero(free >= 1)
    fired = np.flatnonzero(spikes.numpy())
    if current / (1 - decay) < 1:
        assert not len(fired)
        assert np.allclose(v.numpy().reshape(-1), free)
    else:
        assert fired[0] == reached[0]
        assert fired[0] + 1 == math.ceil(math.log(1 - (1 - decay) / current) / math.log(decay))


def test_a_spike_costs_one_threshold_and_keeps_the_rest() -> None:
    x = dl.Tensor(np.array([[[1.75], [0.0], [0.5], [0.0]]]))
    spikes, v = LIF(decay=0.5, threshold=1.0).record(x)
    assert spikes.numpy().reshape(-1).tolist() == [1, 0, 0, 0]
    assert v.numpy().reshape(-1).tolist() == [1.75, 0.375, 0.6875, 0.34375]
    s, v = lif_step(dl.Tensor([0.5]), dl.Tensor([1.0]), decay=0.5)
    assert (s.item(), v.item()) == (1.0, 1.0)


def test_the_gradient_reaches_back_through_time() -> None:
    """Two steps without a spike: dv₂/dx₁ = decay, times the surrogate at the threshold."""
    x = dl.Parameter(np.array([[[0.5], [0.25]]]))
    LIF(decay=0.5, slope=2.0)(x)[:, 1].sum().backward()
    through_reset = 1 - 1 / (1 + 2 * 0.5) ** 2  # the potential minus the surrogate's share
    last = 1 / (1 + 2 * 0.5) ** 2
    assert x.grad.reshape(-1) == pytest.approx([last * 0.5 * through_reset, last])


# --- Numbers become spikes --------------------------------------------------------------------
def test_current_code_repeats() -> None:
    x = draw(3, 2).astype("float32")
    code = current_code(x, 4).numpy()
    assert code.shape == (3, 4, 2)
    assert (code == x[:, None]).all()


def test_rate_code_spikes_as_often_as_the_numbers_say() -> None:
    shares = np.array([[0.0, 0.1, 0.5, 0.9, 1.0]])
    code = rate_code(shares, 20_000, seed=0).numpy()
    assert set(np.unique(code)) == {0.0, 1.0}
    assert code.mean(axis=1)[0] == pytest.approx(shares[0], abs=0.012)
    assert code[0, :, 0].sum() == 0
    assert code[0, :, 4].all()
    rng = np.random.default_rng(0)
    first, second = (rate_code(shares, 100, seed=rng).numpy() for _ in range(2))
    assert (first != second).any()


def test_latency_code_spikes_once_and_early_for_large_numbers() -> None:
    code = latency_code(np.array([[1.0, 0.76, 0.5, 0.01, 0.0]]), 5).numpy()[0]
    assert code.sum(axis=0).tolist() == [1, 1, 1, 1, 0]
    assert code[:, :4].argmax(axis=0).tolist() == [0, 1, 2, 4]


@on_all
@dtypes
def test_codes_are_the_same_everywhere(device: str, dtype: str) -> None:
    x = np.random.default_rng(0).random((4, 6)).astype(dtype)
    for code in (
        lambda v: rate_code(v, 7, seed=3),
        lambda v: latency_code(v, 7),
        lambda v: current_code(v, 7),
    ):
        with dl.use(device):
            found = code(dl.Tensor(x))
        assert type(found.data) is type(dl.to_device(x, device))
        assert gap(found, code(x)) == 0


# --- The network ------------------------------------------------------------------------------
def first_of_two(n: int, steps: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two inputs that spike once each, and the question which came first: counts say nothing."""
    rng = np.random.default_rng(seed)
    times = np.array([rng.choice(steps, 2, replace=False) for _ in range(n)])
    x = np.zeros((n, steps, 2), "float32")
    x[np.arange(n)[:, None], times, [0, 1]] = 1
    return x, (times[:, 1] < times[:, 0]).astype(int)


def test_it_learns_a_task_that_lies_in_time_alone() -> None:
    x, y = first_of_two(400, 10, seed=0)
    unseen, answers = first_of_two(400, 10, seed=50)
    net = SpikingNet((2, 32, 2), seed=0)
    optimizer = dl.Adam(net.parameters(), 1e-2)
    dl.fit(net, x, y, dl.cross_entropy, optimizer, epochs=20, progress=False)
    assert dl.evaluate(net, unseen, answers) > 0.97
    assert dl.evaluate(net, unseen[:, ::-1].copy(), 1 - answers) > 0.97
    assert (x.sum(axis=1) == 1).all()  # what a network without time would see


def test_it_reads_digits_and_rare_spikes_cost_little() -> None:
    """Measured over 3 seeds: 0.970 … 0.980 after 30 epochs, a dense network 0.969 … 0.982."""
    digits = dl.data.digits()
    x_train, x_test, y_train, y_test = dl.data.train_test(digits.x, digits.y, seed=0)

    def train(price: float) -> tuple[float, Work]:
        net, rng = SpikingNet((64, 100, 10), seed=0), np.random.default_rng(0)
        optimizer = dl.Adam(net.parameters(), 3e-3)
        for _ in range(20):
            order = rng.permutation(len(x_train))
            for rows in np.split(order, range(64, len(order), 64)):
                (spikes,) = net.spikes(current_code(x_train[rows], 8))
                loss = dl.cross_entropy(net.read(spikes), y_train[rows]) + price * spikes.mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        coded = current_code(x_test, 8)
        return dl.evaluate(net, coded, y_test), net.work(coded)

    accuracy, work = train(price=0.0)
    thrifty_accuracy, thrifty = train(price=2.0)
    assert accuracy > 0.95
    assert thrifty_accuracy > 0.94
    assert thrifty.spikes[0] < 0.5 * work.spikes[0]


def test_work_counts_by_hand() -> None:
    net = SpikingNet((2, 3, 2), seed=0, decay=1.0)
    net.hidden[0].weight.data[...] = [[1.0, 0.5, 0.0], [0.0, 0.5, 0.0]]
    x = np.zeros((2, 4, 2), "float32")
    x[0, :, 0] = 1  # neuron 0 spikes 4 times, neuron 1 twice
    x[1, 0] = 1  # neuron 0 once, neuron 1 once
    work = net.work(x)
    assert work.spikes == ((6 + 2) / 2,)
    assert work.additions == (4 + 2) / 2 * 3 + (6 + 2) / 2 * 2
    assert work.multiply_adds == 4 * 3
    assert work.dense_multiply_adds == 2 * 3 + 3 * 2
    half = net.work(x / 2)  # no spikes any more: the inputs are multiplied
    assert half.multiply_adds == 4 * 3 + (4 + 2) / 2 * 3
    assert half.additions == half.spikes[0] * 2
    assert net.work(x.tolist()) == work


def test_forward_is_spikes_and_read() -> None:
    net, x = SpikingNet((3, 5, 4, 2), seed=0), dl.Tensor(2 * draw(6, 8, 3).astype("float32"))
    trains = net.spikes(x)
    assert [train.shape for train in trains] == [(6, 8, 5), (6, 8, 4)]
    assert gap(net(x), net.read(trains[-1])) == 0
    assert all(set(np.unique(train.numpy())) <= {0.0, 1.0} for train in trains)
    assert gap(net.eval()(x), net.train()(x)) == 0


@on_all
def test_the_seed_gives_the_weights_and_a_file_brings_them_back(device: str) -> None:
    with dl.use(device):
        net, other = SpikingNet((3, 4, 2), seed=7), SpikingNet((3, 4, 2), seed=8)
        other.load_state_dict(net.state_dict())
        x = dl.Tensor(3 * draw(5, 6, 3).astype("float32"))
        assert gap(net(x), other(x)) == 0
    plain = SpikingNet((3, 4, 2), seed=7).state_dict()
    assert len(plain) == 4
    assert all(gap(as_numpy(net.state_dict()[name]), plain[name]) == 0 for name in plain)


def test_it_learns_one_batch_by_heart() -> None:
    x, y = 2 * draw(8, 6, 5).astype("float32"), np.arange(8) % 4
    net = SpikingNet((5, 32, 4), seed=0)
    history = dl.fit(
        net, x, y, dl.cross_entropy, dl.Adam(net.parameters(), 1e-2), epochs=150, progress=False
    )
    assert dl.evaluate(net, x, y) == 1.0
    assert history.losses[-1] < 0.1


def test_they_describe_themselves() -> None:
    assert repr(LIF(0.8, 0.5)) == "LIF(decay=0.8, threshold=0.5)"
    text = repr(SpikingNet((64, 100, 10), seed=0))
    assert "hidden.0: Linear(64, 100)" in text
    assert "output: Linear(100, 10)" in text


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda: LIF(decay=0), "decay lies above 0 … 1.*decay=0"),
        (lambda: LIF(decay=1.1), "decay=1.1"),
        (lambda: LIF(threshold=0), "threshold=0"),
        (lambda: LIF(slope=-1), "slope=-1"),
        (lambda: LIF()(dl.Tensor(draw(2, 3))), r"\(batch, time, features\).*\(2, 3\)"),
        (lambda: LIF()(dl.Tensor(draw(2, 0, 3))), "at least one step"),
        (lambda: SpikingNet((3, 2), seed=0), r"at least one hidden layer.*\(3, 2\)"),
        (lambda: SpikingNet((3, 0, 2), seed=0), "sizes of at least 1"),
        (lambda: SpikingNet((3, 4, 2), seed=0)(dl.Tensor(draw(2, 5, 4))), "expects 3 values"),
        (lambda: rate_code([[0.5, 1.5]], 3, seed=0), "rate_code: numbers.*0.5 to 1.5.*Scale"),
        (lambda: latency_code([[-1.0]], 3), "latency_code: numbers lie between 0 and 1"),
        (lambda: latency_code([[0.5]], 1), "at least 2 steps.*steps=1"),
        (lambda: rate_code([[np.nan]], 3, seed=0), "between 0 and 1"),
        (lambda: rate_code([0.5], 3, seed=0), r"\(batch, features\).*\(1,\)"),
        (lambda: current_code([[0.5]], 0), "at least 1 steps.*steps=0"),
    ],
)
def test_errors_say_what_to_do(compute: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compute()
