"""Normalisation: against PyTorch and finite differences, in training and in use."""

import numpy as np
import pytest
import torch
from torch.nn import functional

import dlcourse as dl
from tests.engine import agree
from tests.engine.compare import DEVICES, gap

NORM = {  # every public name of norm.py
    "batch_norm",
    "layer_norm",
    "group_norm",
    "BatchNorm1d",
    "BatchNorm2d",
    "LayerNorm",
    "GroupNorm",
}
on_both = pytest.mark.parametrize("device", DEVICES)
both_dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])


def batch_norm_in_training(x, weight=None, bias=None):
    return dl.batch_norm(x, None, None, weight, bias, training=True)


def torch_batch_norm(x, weight=None, bias=None):
    return functional.batch_norm(x, None, None, weight, bias, training=True)


CASES = {  # name: ours, theirs, shape of x, shape of weight and bias
    "batch 2 axes": (batch_norm_in_training, torch_batch_norm, (5, 3), (3,)),
    "batch 3 axes": (batch_norm_in_training, torch_batch_norm, (4, 3, 5), (3,)),
    "batch 4 axes": (batch_norm_in_training, torch_batch_norm, (2, 3, 4, 5), (3,)),
    "one image": (batch_norm_in_training, torch_batch_norm, (1, 3, 4, 5), (3,)),
    "layer 1 axis": (
        lambda x, *wb: dl.layer_norm(x, 5, *wb),
        lambda x, *wb: functional.layer_norm(x, (5,), *wb),
        (2, 3, 5),
        (5,),
    ),
    "layer all axes": (
        lambda x, *wb: dl.layer_norm(x, (7,), *wb),
        lambda x, *wb: functional.layer_norm(x, (7,), *wb),
        (7,),
        (7,),
    ),
    "layer 2 axes": (
        lambda x, *wb: dl.layer_norm(x, (3, 5), *wb),
        lambda x, *wb: functional.layer_norm(x, (3, 5), *wb),
        (2, 3, 5),
        (3, 5),
    ),
    "group 2 axes": (
        lambda x, *wb: dl.group_norm(x, 2, *wb),
        lambda x, *wb: functional.group_norm(x, 2, *wb),
        (3, 6),
        (6,),
    ),
    "group 4 axes": (
        lambda x, *wb: dl.group_norm(x, 3, *wb),
        lambda x, *wb: functional.group_norm(x, 3, *wb),
        (2, 6, 4, 5),
        (6,),
    ),
    "each channel alone": (
        lambda x, *wb: dl.group_norm(x, 6, *wb),
        lambda x, *wb: functional.group_norm(x, 6, *wb),
        (1, 6, 3, 4),
        (6,),
    ),
}
every_case = pytest.mark.parametrize("name", CASES)


@every_case
@on_both
@both_dtypes
@pytest.mark.parametrize("inputs", [1, 2, 3], ids=["plain", "with weight", "with bias"])
def test_operations_agree_with_torch(name: str, device: str, dtype: str, inputs: int) -> None:
    ours, theirs, shape, learned = CASES[name]
    arrays = agree.draw([shape, learned, learned][:inputs], 1, dtype)
    arrays[0] = arrays[0] * 3 + 2  # neither mean 0 nor variance 1
    agree.check_parity(ours, theirs, arrays, device)


@every_case
@on_both
def test_gradients_agree_with_finite_differences(name: str, device: str) -> None:
    ours, _, shape, learned = CASES[name]
    agree.check_differences(ours, agree.draw([shape, learned, learned], 2), device)


@every_case
@on_both
def test_second_backward_adds_the_same_gradient(name: str, device: str) -> None:
    ours, _, shape, learned = CASES[name]
    agree.assert_same_gradient_twice(ours, agree.draw([shape, learned, learned], 3), device)


@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 5), (2, 3, 4, 5)])
@on_both
@both_dtypes
def test_batch_norm_in_use_agrees_with_torch(shape, device: str, dtype: str) -> None:
    mean, variance = agree.draw([(3,), (3,)], 4, dtype)
    variance = variance**2 + 0.1

    def ours(x, weight, bias):
        running = dl.Tensor(dl.asarray(mean)), dl.Tensor(dl.asarray(variance))
        return dl.batch_norm(x, *running, weight, bias)

    def theirs(x, weight, bias):
        running = torch.tensor(mean), torch.tensor(variance)
        return functional.batch_norm(x, *running, weight, bias)

    arrays = agree.draw([shape, (3,), (3,)], 5, dtype)
    agree.check_parity(ours, theirs, arrays, device)
    agree.check_parity(
        lambda x: ours(x, None, None), lambda x: theirs(x, None, None), arrays[:1], device
    )


LAYERS = [  # ours, theirs, shape of the input
    (lambda: dl.BatchNorm1d(4), lambda: torch.nn.BatchNorm1d(4), (5, 4)),
    (lambda: dl.BatchNorm1d(4), lambda: torch.nn.BatchNorm1d(4), (3, 4, 5)),
    (
        lambda: dl.BatchNorm2d(4, eps=1e-3, momentum=0.3),
        lambda: torch.nn.BatchNorm2d(4, eps=1e-3, momentum=0.3),
        (3, 4, 5, 2),
    ),
    (lambda: dl.LayerNorm(5), lambda: torch.nn.LayerNorm(5), (2, 3, 5)),
    (lambda: dl.LayerNorm((3, 5), 1e-3), lambda: torch.nn.LayerNorm((3, 5), 1e-3), (2, 3, 5)),
    (lambda: dl.GroupNorm(2, 6), lambda: torch.nn.GroupNorm(2, 6), (3, 6, 4, 5)),
    (lambda: dl.GroupNorm(2, 12, 1e-3), lambda: torch.nn.GroupNorm(2, 12, 1e-3), (3, 12)),
]


@pytest.mark.parametrize(("make", "make_twin", "shape"), LAYERS)
@on_both
@both_dtypes
def test_layers_agree_with_torch(make, make_twin, shape, device: str, dtype: str) -> None:
    """In training for two steps, which moves the running values, then in use."""
    with dl.use(device, dtype):
        layer = make()
        layer.weight.data *= 1.5
        layer.bias.data += 0.5
    twin = agree.torch_twin(layer, make_twin())
    values = agree.draw([shape], 6, dtype)[0] * 2 + 3
    agree.assert_layers_agree(layer, twin, values, device)
    before = layer.state_dict()
    agree.assert_layers_agree(layer.eval(), twin.eval(), values + 1, device)
    for name, state in layer.state_dict().items():
        assert np.array_equal(state, before[name])  # use does not move the running values


@on_both
def test_layers_without_weights_agree_with_torch(device: str) -> None:
    values = agree.draw([(3, 4, 5, 2)], 17)
    with dl.use(device, "float64"):
        pairs = [
            (dl.BatchNorm2d(4, affine=False), torch.nn.BatchNorm2d(4, affine=False).double()),
            (dl.GroupNorm(2, 4, affine=False), torch.nn.GroupNorm(2, 4, affine=False)),
            (
                dl.LayerNorm((5, 2), elementwise_affine=False),
                torch.nn.LayerNorm((5, 2), elementwise_affine=False),
            ),
        ]
        for layer, twin in pairs:
            assert layer.parameters() == []
            agree.check_parity(layer, twin, values, device)
            agree.check_parity(layer.eval(), twin.eval(), values, device)


def test_running_values_are_state_and_not_parameters() -> None:
    layer, other = dl.BatchNorm1d(3), dl.BatchNorm1d(3)
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]
    assert set(layer.state_dict()) == {"weight", "bias", "running_mean", "running_var"}
    layer(dl.Tensor(agree.draw([(6, 3)], dtype="float32")[0]))
    assert layer.running_mean.numpy().any()
    assert layer.running_mean.dtype == np.float32
    other.load_state_dict(layer.state_dict())
    assert np.array_equal(other.running_var.numpy(), layer.running_var.numpy())
    x = dl.Tensor(agree.draw([(2, 3)], 1, "float32")[0])
    assert gap(layer.eval()(x), other.eval()(x)) == 0
    moved = layer.to("torch")
    assert isinstance(moved.running_mean.data, torch.Tensor)
    assert gap(moved(x.to("torch")).numpy(), other(x).numpy()) < 1e-6


def test_running_variance_divides_by_n_minus_1() -> None:
    layer = dl.BatchNorm1d(1, momentum=1.0)
    layer(dl.Tensor([[1.0], [2.0], [6.0]]))
    assert layer.running_mean.numpy().tolist() == [3.0]
    assert layer.running_var.numpy().tolist() == [7.0]


def test_the_result_in_use_does_not_depend_on_the_batch() -> None:
    layer, x = dl.BatchNorm2d(2), agree.draw([(5, 2, 3, 4)], dtype="float32")[0]
    layer(dl.Tensor(x))
    layer.eval()
    assert gap(layer(dl.Tensor(x[:1])), layer(dl.Tensor(x))[:1]) < 1e-6


def test_layers_describe_themselves() -> None:
    layers = (dl.BatchNorm1d(3), dl.BatchNorm2d(4), dl.LayerNorm(5), dl.GroupNorm(2, 6))
    assert [repr(layer) for layer in layers] == [
        "BatchNorm1d(3)",
        "BatchNorm2d(4)",
        "LayerNorm((5,))",
        "GroupNorm(2, 6)",
    ]


def test_one_group_of_one_channel_is_allowed() -> None:
    x = dl.Tensor(np.array([[[1.0, 3.0]]]))
    assert np.allclose(dl.GroupNorm(1, 1)(x).numpy(), [[[-1, 1]]], atol=1e-4)


def ones(*shape: int) -> dl.Tensor:
    return dl.Tensor(np.ones(shape))


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda: dl.BatchNorm2d(3)(ones(2, 4, 5, 5)), r"BatchNorm2d\(3\) expects 3 channels"),
        (lambda: dl.BatchNorm2d(3)(ones(2, 3)), r"\(N, C, H, W\). Received: shape \(2, 3\)"),
        (lambda: dl.BatchNorm1d(3)(ones(2, 3, 4, 4)), r"\(N, C\) or \(N, C, L\)"),
        (lambda: dl.BatchNorm1d(3)(ones(1, 3)), "at least 2 values.*eval"),
        (lambda: dl.BatchNorm1d(3, eps=0)(ones(2, 3)), "eps is a small number above 0"),
        (lambda: dl.BatchNorm1d(3, momentum=2)(ones(2, 3)), "momentum lies in 0 … 1"),
        (lambda: dl.BatchNorm1d(0), "at least 1"),
        (lambda: dl.batch_norm(ones(2, 3)), "running_mean and running_var are needed"),
        (lambda: dl.batch_norm(ones(3)), r"\(N, C\).*\(3,\)"),
        (lambda: dl.batch_norm(ones(2, 3), weight=ones(2)), r"weight of shape \(3,\)"),
        (lambda: dl.batch_norm(ones(2, 3), ones(2), ones(3)), r"running_mean of shape \(3,\)"),
        (lambda: dl.LayerNorm(4)(ones(2, 3)), r"must be \(4,\). Received: shape \(2, 3\)"),
        (lambda: dl.layer_norm(ones(2, 3), ()), r"must be \(\)"),
        (lambda: dl.layer_norm(ones(2, 3), 3, ones(2)), r"weight of shape \(3,\)"),
        (lambda: dl.layer_norm(ones(2, 3), 3, eps=-1), "eps is a small number"),
        (lambda: dl.LayerNorm(()), "at least 1"),
        (lambda: dl.BatchNorm2d(3)(ones(2, 3, 4, 4, 4)), r"\(N, C, H, W\)"),
        (lambda: dl.GroupNorm(4, 6), "num_groups must divide"),
        (lambda: dl.GroupNorm(1, 0), "num_channels=0"),
        (lambda: dl.GroupNorm(1, 1)(ones(1)), r"Received: \(1,\)"),
        (lambda: dl.GroupNorm(2, 6)(ones(2, 4, 3)), r"expects an input of shape \(N, 6, …\)"),
        (lambda: dl.group_norm(ones(2, 4), 3), "num_groups=3 does not divide the 4"),
        (lambda: dl.group_norm(ones(2, 4), 2, ones(2)), r"weight of shape \(4,\)"),
    ],
)
def test_errors_say_what_to_do(compute, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compute()
