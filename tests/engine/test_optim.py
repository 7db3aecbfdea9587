"""Optimisers against torch.optim: not one step but the whole way."""

import numpy as np
import pytest
import torch

import dlcourse as dl
from dlcourse.optim import Optimizer
from tests.engine.compare import DEVICES, TOLERANCE, gap
from tests.engine.test_layers import torch_linear

OPTIMIZERS = {
    "SGD": [
        {"lr": 0.1},
        {"lr": 0.05, "momentum": 0.9},
        {"lr": 0.05, "momentum": 0.9, "nesterov": True},
    ],
    "RMSprop": [{"lr": 0.001}, {"lr": 0.01, "alpha": 0.9, "eps": 1e-3}, {"lr": 0.01, "alpha": 0}],
    "Adam": [
        {},
        {"lr": 0.01},
        {"lr": 0.02, "betas": (0.5, 0.9), "eps": 1e-3},
        {"betas": (0.0, 0.9)},
    ],
    "AdamW": [{}, {"lr": 0.02, "weight_decay": 0.3}, {"weight_decay": 0}],
}
SETTINGS = [(name, options) for name, many in OPTIMIZERS.items() for options in many]


@pytest.mark.parametrize(("name", "options"), SETTINGS, ids=str)
@pytest.mark.parametrize("device", DEVICES)
def test_fifty_steps_of_a_network_agree_with_torch(name: str, options: dict, device: str) -> None:
    rng = np.random.default_rng(10)
    x, y = rng.normal(size=(32, 6)).astype("float32"), rng.integers(0, 3, 32)
    with dl.use(device):
        model = dl.Sequential(dl.Linear(6, 16, seed=1), dl.Tanh(), dl.Linear(16, 3, seed=2))
        twin = torch.nn.Sequential(torch_linear(model[0]), torch.nn.Tanh(), torch_linear(model[2]))
        ours = getattr(dl, name)(model.parameters(), **({"lr": 0.001} | options))
        theirs = getattr(torch.optim, name)(twin.parameters(), **options)
        for _ in range(50):
            loss = dl.cross_entropy(model(dl.Tensor(x)), dl.asarray(y))
            expected = torch.nn.functional.cross_entropy(twin(torch.tensor(x)), torch.tensor(y))
            for optimizer, value in ((ours, loss), (theirs, expected)):
                optimizer.zero_grad()
                value.backward()
                optimizer.step()
            assert gap(loss, expected) < 1e-5
    assert gap(model[0].weight, twin[0].weight.T) < 1e-5
    assert gap(model[2].bias, twin[2].bias) < 1e-5


@pytest.mark.parametrize(("name", "options"), SETTINGS, ids=str)
def test_steps_in_float64_agree_to_the_last_digits(name: str, options: dict) -> None:
    """With large and tiny gradients, and a parameter that gets none in every second step."""
    rng = np.random.default_rng(11)
    start = [rng.normal(size=(3, 2)), rng.normal(size=4)]
    ours, theirs = [dl.Parameter(a) for a in start], [torch.tensor(a) for a in start]
    mine = getattr(dl, name)(ours, **({"lr": 0.001} | options))
    other = getattr(torch.optim, name)([t.requires_grad_() for t in theirs], **options)
    for k in range(20):
        for i, (p, t) in enumerate(zip(ours, theirs, strict=True)):
            skip = i == 1 and k % 2
            g = rng.normal(size=p.shape) * 10.0 ** rng.integers(-6, 4)
            p.grad, t.grad = (None, None) if skip else (g.copy(), torch.tensor(g))
        mine.step()
        other.step()
    for p, t in zip(ours, theirs, strict=True):
        assert gap(p, t) < 1e-12


def test_steps_change_parameters_in_place_and_leave_gradients_alone() -> None:
    for optimizer, options in ((dl.SGD, {"lr": 0.1, "momentum": 0.5}), (dl.Adam, {"lr": 0.1})):
        p = dl.Parameter([1.0, 2.0])
        data, p.grad = p.data, np.array([1.0, -1.0], dtype="float32")
        for _ in range(2):
            optimizer([p], **options).step()
        assert p.data is data
        assert data.dtype == np.float32
        assert p.grad.tolist() == [1.0, -1.0]


def test_learning_rate_may_change_between_steps() -> None:
    p = dl.Parameter([0.0])
    optimizer = dl.SGD([p], lr=1.0)
    p.grad = np.ones(1, "float32")
    optimizer.step()
    optimizer.lr = 0.5
    optimizer.step()
    assert p.data.tolist() == [-1.5]
    optimizer.zero_grad()
    assert p.grad is None


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: dl.SGD([], lr=0.1), ValueError, "no parameters"),
        (lambda: dl.Adam(dl.ReLU().parameters()), ValueError, "no parameters"),
        (lambda: dl.SGD([np.ones(2)], lr=0.1), TypeError, "expected parameters"),
        (lambda: dl.SGD([dl.Tensor([1.0])], lr=0.1), TypeError, "expected parameters"),
        (lambda: dl.SGD([dl.Parameter([1.0]) * 2], lr=0.1), TypeError, "expected parameters"),
        (lambda: dl.SGD([dl.Parameter([1.0])], lr=0), ValueError, "lr=0"),
        (lambda: dl.SGD([dl.Parameter([1.0])], lr=1, momentum=1), ValueError, "momentum=1"),
        (lambda: dl.SGD([dl.Parameter([1.0])], lr=1, momentum=-0.1), ValueError, "momentum=-0.1"),
        (lambda: dl.Adam([dl.Parameter([1.0])], betas=(-0.1, 0.9)), ValueError, "betas"),
        (lambda: dl.RMSprop([dl.Parameter([1.0])], alpha=-0.1), ValueError, "alpha=-0.1"),
        (lambda: dl.AdamW([dl.Parameter([1.0])], weight_decay=-0.1), ValueError, "=-0.1"),
        (lambda: dl.SGD([dl.Tensor([1.0]), dl.Parameter([1.0])], lr=1), TypeError, "Tensor"),
        (lambda: dl.SGD([dl.Parameter([1.0])], lr=float("nan")), ValueError, "lr=nan"),
        (lambda: dl.Adam([dl.Parameter([1.0])], betas=(0.9, 1)), ValueError, "betas"),
        (lambda: dl.SGD([dl.Parameter([1.0])], lr=1).step(), RuntimeError, "backward"),
        (lambda: dl.SGD([dl.Parameter([1.0])], lr=1, nesterov=True), ValueError, "momentum=0.9"),
        (lambda: dl.RMSprop([dl.Parameter([1.0])], alpha=1), ValueError, "alpha=1"),
        (lambda: dl.AdamW([dl.Parameter([1.0])], weight_decay=-1), ValueError, "weight_decay=-1"),
        (lambda: dl.clip_grad_norm([dl.Parameter([1.0])], 1), RuntimeError, "backward"),
        (lambda: dl.clip_grad_norm([dl.Parameter([1.0])], 0), ValueError, "max_norm=0"),
    ],
)
def test_errors_say_what_to_do(make, error, message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("max_norm", [0.5, 1e3])
def test_clipping_agrees_with_torch(device: str, dtype: str, max_norm: float) -> None:
    rng = np.random.default_rng(12)
    gradients = [rng.normal(size=shape).astype(dtype) for shape in ((3, 2), (4,), ())]
    with dl.use(device, dtype):
        ours = [dl.Parameter(np.zeros_like(g)) for g in (*gradients, np.zeros(2, dtype))]
        for p, g in zip(ours, gradients, strict=False):
            p.grad = dl.asarray(g.copy())
        kept = ours[0].grad
        norm = dl.clip_grad_norm(ours, max_norm)
    theirs = [torch.zeros(g.shape, requires_grad=True) for g in gradients]
    for t, g in zip(theirs, gradients, strict=True):
        t.data = t.data.to(torch.tensor(g).dtype)
        t.grad = torch.tensor(g)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm)
    tolerance = TOLERANCE[dtype]
    assert norm == pytest.approx(expected.item(), rel=tolerance)
    for p, t in zip(ours, theirs, strict=False):
        assert gap(p.grad, t.grad) < tolerance
    assert ours[-1].grad is None
    assert np.array_equal(dl.to_numpy(kept), gradients[0])  # who kept the array keeps its numbers


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_clipping_refuses_a_norm_that_is_no_number(bad: float) -> None:
    p = dl.Parameter([1.0, 2.0])
    p.grad = np.array([bad, 1.0], "float32")
    with pytest.raises(FloatingPointError, match="NaN"):
        dl.clip_grad_norm([p], 1.0)


def test_gradients_of_just_the_largest_norm_stay() -> None:
    p = dl.Parameter([0.0, 0.0])
    p.grad = np.array([3.0, 4.0], "float32")
    assert dl.clip_grad_norm([p], 5.0) == 5
    assert p.grad.tolist() == [3, 4]


def test_state_holds_the_learning_rate_as_float64() -> None:
    optimizer = dl.SGD([dl.Parameter([1.0])], lr=1)  # 1, a whole number
    assert optimizer.state_dict()["lr"].dtype == np.float64
    optimizer.load_state_dict({"lr": np.array(2)})
    assert type(optimizer.lr) is float


def test_an_optimizer_of_ones_own_needs_its_rule() -> None:
    p = dl.Parameter([1.0])
    p.grad = np.ones(1, "float32")
    with pytest.raises(NotImplementedError, match="Optimizer needs a method update"):
        Optimizer([p], 0.1).step()


def test_state_for_a_parameter_that_is_missing_is_refused() -> None:
    optimizer = dl.SGD([dl.Parameter([1.0])], lr=0.1, momentum=0.9)
    with pytest.raises(ValueError, match=r"1.0 has shape \(1,\), parameter 1: no such parameter"):
        optimizer.load_state_dict({"1.0": np.zeros(1), "lr": np.array(0.1)})


@pytest.mark.parametrize(("name", "options"), SETTINGS, ids=str)
@pytest.mark.parametrize("device", DEVICES)
def test_state_goes_to_another_optimizer(name: str, options: dict, device: str) -> None:
    rng = np.random.default_rng(13)
    with dl.use(device):
        first, second = ([dl.Parameter(np.ones((3, 2))), dl.Parameter([1.0])] for _ in range(2))
        one, two = (getattr(dl, name)(ps, **({"lr": 0.001} | options)) for ps in (first, second))
        one.lr = 0.003
        gradients = [dl.asarray(rng.normal(size=(3, 2))) for _ in range(6)]
        for k, g in enumerate(gradients):
            if k == 3:  # from here on the other one goes along
                for p, q in zip(first, second, strict=True):
                    q.data[...] = p.data
                two.load_state_dict(dict(reversed(one.state_dict().items())))  # in any order
            for parameters, optimizer in ((first, one), (second, two)):
                parameters[0].grad = g
                if k >= 3 or optimizer is one:
                    optimizer.step()
    assert np.array_equal(first[0].numpy(), second[0].numpy())
    with pytest.raises(ValueError, match=r"0.0 has shape \(7,\), parameter 0: \(3, 2\)"):
        one.load_state_dict({"0.0": np.zeros(7), "lr": np.array(1.0), "t": np.array([0])})
    assert one.lr == 0.003
