"""Pooling: against its definition, PyTorch and finite differences."""

import numpy as np
import pytest
import torch
from torch.nn import functional

import dlcourse as dl
from tests.engine import agree
from tests.engine.compare import DEVICES, gap

POOLING = {  # every public name of pooling.py
    "max_pool1d",
    "max_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "global_avg_pool2d",
    "MaxPool1d",
    "MaxPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "GlobalAvgPool2d",
    "Flatten",
}
OPERATIONS = ("max_pool1d", "max_pool2d", "avg_pool1d", "avg_pool2d")
SETTINGS = [  # kernel, stride, padding
    (2, None, 0),
    (3, 2, 1),
    (3, 1, 1),
    (2, 3, 1),
    (1, 2, 0),
    (4, 3, 2),
]
on_both = pytest.mark.parametrize("device", DEVICES)
both_dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
every_operation = pytest.mark.parametrize("name", OPERATIONS)


def shape_for(name: str, batch: int = 2) -> tuple[int, ...]:
    return (batch, 3, 9, 7) if name.endswith("2d") else (batch, 3, 11)


def apart(shape: tuple[int, ...], dtype: str = "float64") -> np.ndarray:
    """Values of which no two are close, so that a small step does not change the largest."""
    return (
        np.random.default_rng(1)
        .permutation(np.arange(float(np.prod(shape))))
        .reshape(shape)
        .astype(dtype)
        / 10
        - 5
    )


@pytest.mark.parametrize("setting", SETTINGS)
@every_operation
@on_both
@both_dtypes
def test_operations_agree_with_torch(name: str, setting, device: str, dtype: str) -> None:
    for batch in (1, 4):
        agree.check_parity(
            lambda x: getattr(dl, name)(x, *setting),
            lambda x: getattr(functional, name)(x, *setting),
            agree.draw([shape_for(name, batch)], 2, dtype),
            device,
        )


@every_operation
@on_both
def test_usual_settings_agree_with_torch(name: str, device: str) -> None:
    agree.check_parity(
        lambda x: getattr(dl, name)(x, 2),
        lambda x: getattr(functional, name)(x, 2),
        agree.draw([shape_for(name)]),
        device,
    )


@on_both
@both_dtypes
def test_unequal_settings_agree_with_torch(device: str, dtype: str) -> None:
    for name in ("max_pool2d", "avg_pool2d"):
        setting = ((2, 3), (3, 1), (1, 0))
        agree.check_parity(
            lambda x, n=name, s=setting: getattr(dl, n)(x, *s),
            lambda x, n=name, s=setting: getattr(functional, n)(x, *s),
            agree.draw([(2, 3, 8, 5)], 2, dtype),
            device,
        )


@pytest.mark.parametrize("setting", SETTINGS[:3])
@every_operation
@on_both
def test_gradients_agree_with_finite_differences(name: str, setting, device: str) -> None:
    agree.check_differences(
        lambda x: getattr(dl, name)(x, *setting), [apart((1, *shape_for(name)[1:]))], device
    )


@every_operation
@on_both
def test_second_backward_adds_the_same_gradient(name: str, device: str) -> None:
    agree.assert_same_gradient_twice(
        lambda x: getattr(dl, name)(x, 3, 2, 1), agree.draw([shape_for(name)]), device
    )


@pytest.mark.parametrize("setting", SETTINGS)
@on_both
@both_dtypes
def test_the_first_of_equal_pixels_gets_the_gradient_as_in_torch(setting, device, dtype) -> None:
    values = np.random.default_rng(3).integers(0, 2, size=(2, 3, 9, 7)).astype(dtype)
    for tied in (values, np.zeros_like(values)):
        agree.check_parity(
            lambda x: dl.max_pool2d(x, *setting),
            lambda x: functional.max_pool2d(x, *setting),
            [tied + 1],
            device,
        )


@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 2), (3, 1)])
@on_both
def test_tap_by_tap_gives_what_window_by_window_gives(kernel: int, stride: int, device) -> None:
    def window_by_window(x: dl.Tensor, reduce: str) -> dl.Tensor:
        starts = [range(0, size - kernel + 1, stride) for size in x.shape[2:]]
        rows = [
            dl.stack(
                [
                    getattr(x[:, :, i : i + kernel, j : j + kernel], reduce)((2, 3))
                    for j in starts[1]
                ],
                axis=2,
            )
            for i in starts[0]
        ]
        return dl.stack(rows, axis=2)

    for pool, reduce in ((dl.max_pool2d, "max"), (dl.avg_pool2d, "mean")):
        results = []
        for form in (
            lambda x, p=pool: p(x, kernel, stride),
            lambda x, r=reduce: window_by_window(x, r),
        ):
            with dl.use(device):
                x = dl.Tensor(apart((2, 3, 7, 5)), requires_grad=True)
                y = form(x)
                y.backward(agree.draw([y.shape])[0])
            results.append((y.data, x.grad))
        assert gap(results[0][0], results[1][0]) < 1e-14
        assert gap(results[0][1], results[1][1]) < 1e-14


def test_nan_is_not_swallowed() -> None:
    x = np.zeros((1, 1, 4, 4))
    x[0, 0, 1, 0] = np.nan
    assert np.isnan(dl.max_pool2d(x, 2).numpy()[0, 0, 0, 0])
    assert np.isnan(dl.avg_pool2d(x, 2).numpy()[0, 0, 0, 0])


@on_both
@both_dtypes
def test_global_average_and_flatten_agree_with_torch(device: str, dtype: str) -> None:
    arrays = agree.draw([(3, 4, 5, 2)], 0, dtype)
    agree.check_parity(
        dl.GlobalAvgPool2d(), lambda x: torch.nn.AdaptiveAvgPool2d(1)(x).flatten(1), arrays, device
    )
    agree.check_parity(dl.Flatten(), torch.nn.Flatten(), arrays, device)
    pooled = dl.max_pool2d(arrays[0], 2)  # batch last in memory
    expected = functional.max_pool2d(torch.tensor(arrays[0]), 2).flatten(1)
    assert gap(dl.Flatten()(pooled), expected) == 0
    assert dl.Flatten()(dl.Tensor(np.ones((0, 2, 3)))).shape == (0, 6)
    agree.check_differences(dl.global_avg_pool2d, agree.draw([(2, 3, 2, 4)]), device)


@pytest.mark.parametrize("name", ["MaxPool1d", "MaxPool2d", "AvgPool1d", "AvgPool2d"])
@on_both
def test_layers_agree_with_torch(name: str, device: str) -> None:
    for setting in SETTINGS:
        agree.check_parity(
            getattr(dl, name)(*setting),
            getattr(torch.nn, name)(*setting),
            agree.draw([shape_for(name)]),
            device,
        )


def test_layers_describe_themselves() -> None:
    assert repr(dl.MaxPool2d(2)) == "MaxPool2d(kernel_size=2)"
    assert repr(dl.AvgPool1d(3, 2, 1)) == "AvgPool1d(kernel_size=3, stride=2, padding=1)"
    assert repr(dl.Flatten()) == "Flatten()"


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda: dl.max_pool2d(np.ones((3, 4, 4)), 2), r"max_pool2d: .*x.reshape\(1, 3, 4, 4\)"),
        (lambda: dl.avg_pool1d(np.ones((3, 4)), 2), r"avg_pool1d: .*\(N, C, L\)"),
        (lambda: dl.max_pool2d(np.ones((1, 1, 4, 4)), 0), "kernel_size is a whole number"),
        (lambda: dl.max_pool2d(np.ones((1, 1, 4, 4)), 2, 0), "stride is a whole number"),
        (lambda: dl.max_pool2d(np.ones((1, 1, 4, 4)), 2, 2, 2), "at most half"),
        (lambda: dl.max_pool2d(np.ones((1, 1, 4, 4)), 2, 2, -1), "padding is a whole number"),
        (lambda: dl.avg_pool2d(np.ones((1, 1, 4, 2)), 3), r"\(3, 3\) is larger.*\(4, 2\)"),
        (lambda: dl.global_avg_pool2d(np.ones((1, 2, 3))), "global_avg_pool2d: expected"),
        (lambda: dl.Flatten()(dl.Tensor(1.0)), "a single number"),
    ],
)
def test_errors_say_what_to_do(compute, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compute()
