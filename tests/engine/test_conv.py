"""Convolutions: against their definition, PyTorch and finite differences."""

import numpy as np
import pytest
import torch
from torch.nn import functional

import dlcourse as dl
from dlcourse.layers.conv import conv2d_plain
from dlcourse.layers.windows import Windows
from tests.engine import agree
from tests.engine.compare import DEVICES, gap

# The public names of conv.py and conv_transpose.py that this file tests.
CONV = {
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
}
OPERATIONS = sorted(name for name in CONV if name.islower())

on_both = pytest.mark.parametrize("device", DEVICES)
both_dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
every_operation = pytest.mark.parametrize("name", OPERATIONS)


def setting(name: str, seed: int) -> tuple[list[tuple[int, ...]], dict]:
    """Random shapes and options: odd and unequal sizes, strides, padding, groups, batch 1."""
    rng = np.random.default_rng([seed, *map(ord, name)])
    axes, transposed = int(name[-2]), "transpose" in name
    groups = int(rng.integers(1, 4))
    c, o = (int(n) * groups for n in rng.integers(1, 4, size=2))
    kernel = tuple(int(k) for k in rng.integers(1, 5, size=axes))
    sizes = tuple(int(k) for k in rng.integers(4, 9, size=axes))
    stride = tuple(int(s) for s in rng.integers(1, 4, size=axes))
    padding = tuple(int(rng.integers(0, k)) for k in kernel)
    options = {"stride": stride, "padding": padding, "groups": groups}
    if transposed:
        options["output_padding"] = tuple(int(rng.integers(0, s)) for s in stride)
    weight = (c, o // groups, *kernel) if transposed else (o, c // groups, *kernel)
    return [(int(rng.integers(1, 4)), c, *sizes), weight, (o,)], options


def both(name: str, options: dict) -> tuple:
    ours, theirs = getattr(dl, name), getattr(functional, name)
    return lambda *xs: ours(*xs, **options), lambda *xs: theirs(*xs, **options)


@pytest.mark.parametrize("seed", range(12))
@every_operation
@on_both
@both_dtypes
def test_operations_agree_with_torch(name: str, seed: int, device: str, dtype: str) -> None:
    shapes, options = setting(name, seed)
    if seed % 4 == 3:
        shapes = shapes[:2]  # without bias
    agree.check_parity(*both(name, options), agree.draw(shapes, seed, dtype), device)


@every_operation
@on_both
def test_usual_settings_agree_with_torch(name: str, device: str) -> None:
    axes, transposed = int(name[-2]), "transpose" in name
    weight = (2, 3, *(3, 2)[:axes]) if transposed else (3, 2, *(3, 2)[:axes])
    agree.check_parity(*both(name, {}), agree.draw([(2, 2, *(5, 4)[:axes]), weight]), device)


def test_the_random_settings_cover_what_they_should() -> None:
    for name in OPERATIONS:
        drawn = [setting(name, seed) for seed in range(12)]
        assert {options["groups"] for _, options in drawn} == {1, 2, 3}
        assert any(shapes[0][0] == 1 for shapes, _ in drawn)
        strides = [max(options["stride"]) for _, options in drawn]
        assert max(strides) > 1
        for more in {"padding", "output_padding"} & set(drawn[0][1]):
            assert any(max(options[more]) > 0 for _, options in drawn)
    assert any(s[0][2] != s[0][3] for s, _ in (setting("conv2d", i) for i in range(12)))


@pytest.mark.parametrize("seed", [0, 1])
@every_operation
@on_both
def test_operations_agree_with_finite_differences(name: str, seed: int, device: str) -> None:
    shapes, options = setting(name, seed + 20)
    agree.check_differences(both(name, options)[0], agree.draw(shapes), device)


@every_operation
@on_both
def test_second_backward_adds_the_same_gradient(name: str, device: str) -> None:
    shapes, options = setting(name, 30)
    agree.assert_same_gradient_twice(both(name, options)[0], agree.draw(shapes), device)


@pytest.mark.parametrize("fast_memory", [1, 200])
@every_operation
@on_both
def test_large_images_are_computed_in_bands(
    name: str, device: str, fast_memory, monkeypatch
) -> None:
    """With little fast memory, small images need many bands too: one row each, or a few."""
    with dl.use(device):
        monkeypatch.setattr(dl.namespace(dl.asarray([1.0])), "fast_memory", fast_memory)
    for seed in range(4):
        shapes, options = setting(name, seed)
        agree.check_parity(*both(name, options), agree.draw(shapes, seed), device)


def test_bands_cover_every_row_of_windows_once(monkeypatch) -> None:
    windows = Windows((9, 6), (3, 2), (1, 1), (0, 0))
    x = windows.pad(np.ones((2, 4, 9, 6)))
    monkeypatch.setattr(dl.namespace(x), "fast_memory", 500)  # one row: 3 * 2 * 4 * 5 * 2 = 240
    assert list(windows.bands(x)) == [range(0, 2), range(2, 4), range(4, 6), range(6, 7)]


@pytest.mark.parametrize("stride", [1, 2])
@on_both
def test_the_quick_form_gives_what_the_definition_gives(stride: int, device: str) -> None:
    """Values and gradients; those of the definition come from backprop through small steps."""
    arrays = agree.draw([(2, 3, 5, 7), (4, 3, 2, 3), (4,)])
    results = []
    for form in (dl.conv2d, conv2d_plain):
        with dl.use(device):
            inputs = [dl.Tensor(a, requires_grad=True) for a in arrays]
            y = form(*inputs, stride=stride)
            y.backward(agree.draw([y.shape], seed=1)[0])
        results.append([y.data, *[x.grad for x in inputs]])
    for found, expected in zip(*results, strict=True):
        assert gap(found, expected) < 1e-13


def test_transposed_convolution_is_the_backward_pass_of_convolution() -> None:
    x, weight, g = agree.draw([(2, 3, 6, 8), (4, 3, 2, 4), (2, 4, 3, 3)])
    image = dl.Tensor(x, requires_grad=True)
    dl.conv2d(image, weight, stride=2).backward(g)
    assert gap(dl.conv_transpose2d(g, weight, stride=2), image.grad) < 1e-13


def test_groups_are_convolutions_side_by_side() -> None:
    x, weight = agree.draw([(2, 4, 5, 6), (6, 2, 3, 2)])
    parts = [conv2d_plain(dl.Tensor(x[:, :2]), dl.Tensor(weight[:3]))]
    parts.append(conv2d_plain(dl.Tensor(x[:, 2:]), dl.Tensor(weight[3:])))
    assert gap(dl.conv2d(x, weight, groups=2), dl.concat(parts, axis=1)) < 1e-13


@on_both
def test_a_chain_of_layers_keeps_its_gradients_whatever_the_memory_order(device: str) -> None:
    """The result of a convolution lies batch last in memory; the next operation must not care."""

    def ours(x, w, v):
        y = dl.conv2d(x, w, padding=1).relu()
        return dl.conv_transpose2d(dl.max_pool2d(y, 2), v, stride=2).permute(0, 2, 3, 1)

    def theirs(x, w, v):
        y = functional.conv2d(x, w, padding=1).relu()
        y = functional.conv_transpose2d(functional.max_pool2d(y, 2), v, stride=2)
        return y.permute(0, 2, 3, 1)

    arrays = agree.draw([(3, 2, 6, 8), (4, 2, 3, 3), (4, 2, 2, 2)])
    agree.check_parity(ours, theirs, arrays, device)


LAYERS = [  # name, arguments, options, shape of the input
    ("Conv2d", (2, 4, (3, 2)), {"stride": (1, 2), "padding": 1, "groups": 2}, (3, 2, 7, 5)),
    ("Conv2d", (3, 5, 3, 2, 1), {"bias": False}, (1, 3, 6, 9)),
    ("Conv2d", (1, 1, 1), {}, (1, 1, 2, 3)),
    ("Conv1d", (2, 3, 3), {}, (2, 2, 5)),
    ("ConvTranspose2d", (2, 3, 3), {}, (2, 2, 4, 3)),
    ("ConvTranspose1d", (1, 1, 1), {}, (1, 1, 3)),
    ("Conv1d", (4, 6, 3), {"stride": 2, "padding": 1, "groups": 2}, (3, 4, 9)),
    ("ConvTranspose2d", (4, 6, (2, 3), 3, 1, (2, 1)), {"groups": 2}, (2, 4, 3, 5)),
    ("ConvTranspose2d", (3, 2, 4, 2, 1), {"bias": False}, (2, 3, 4, 3)),
    ("ConvTranspose1d", (4, 6, 3, 2, 1, 1), {"groups": 2}, (3, 4, 7)),
]


@pytest.mark.parametrize(("name", "arguments", "options", "shape"), LAYERS)
@on_both
@both_dtypes
def test_layers_agree_with_torch(name, arguments, options, shape, device, dtype) -> None:
    with dl.use(device, dtype):
        layer = getattr(dl, name)(*arguments, **options, seed=1)
    if layer.bias is not None:
        layer.bias.data += 0.5
    twin = agree.torch_twin(layer, getattr(torch.nn, name)(*arguments, **options))
    agree.assert_layers_agree(layer, twin, agree.draw([shape], 3, dtype)[0], device)


def test_start_weights_have_the_promised_spread() -> None:
    rng = np.random.default_rng(0)
    layer = dl.Conv2d(40, 60, (3, 5), groups=2, seed=3)
    assert layer.weight.numpy().std() == pytest.approx(np.sqrt(2 / (20 * 15)), rel=0.02)
    assert not layer.bias.numpy().any()
    again = dl.Conv2d(40, 60, (3, 5), groups=2, seed=3, gain=1.0)
    assert np.allclose(again.weight.numpy() * np.sqrt(2), layer.weight.numpy())
    x = rng.normal(size=(4, 64, 12, 12)).astype("float32")
    grown = dl.ConvTranspose2d(64, 64, 4, 2, seed=4, gain=1.0)(x)
    assert grown.numpy()[:, :, 2:-2, 2:-2].std() == pytest.approx(1, rel=0.05)
    assert np.array_equal(
        dl.Conv1d(2, 3, 4, seed=5).weight.numpy(), dl.Conv1d(2, 3, 4, seed=5).weight.numpy()
    )


def test_layers_describe_themselves() -> None:
    assert repr(dl.Conv2d(1, 6, 5, padding=2, seed=0)) == (
        "Conv2d(1, 6, kernel_size=(5, 5), padding=(2, 2))"
    )
    assert repr(dl.ConvTranspose1d(4, 6, 3, 2, 1, 1, groups=2, bias=False, seed=0)) == (
        "ConvTranspose1d(4, 6, kernel_size=(3,), stride=(2,), padding=(1,), output_padding=(1,), "
        "groups=2, bias=False)"
    )


def images(*shape: int) -> dl.Tensor:
    return dl.Tensor(np.ones(shape))


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda: dl.conv2d(images(3, 5, 5), images(2, 3, 3, 3)), r"take x.reshape\(1, 3, 5, 5\)"),
        (lambda: dl.conv2d(images(5, 5), images(2, 3, 3, 3)), r"\(N, C, H, W\).*\(5, 5\)"),
        (lambda: dl.conv1d(images(2, 3, 5, 5), images(2, 3, 3)), r"conv1d: .*\(N, C, L\)"),
        (lambda: dl.conv1d(images(2, 3, 5), images(2, 3, 3, 3)), r"expected weights \(O, C"),
        (lambda: dl.conv2d(images(1, 4, 5, 5), images(2, 3, 3, 3)), "with 4 channels"),
        (lambda: dl.conv2d(images(1, 4, 5, 5), images(3, 2, 3, 3), groups=2), "must divide both"),
        (lambda: dl.conv2d(images(1, 3, 5, 5), images(2, 3, 3, 3), images(3)), r"shape \(2,\)"),
        (lambda: dl.conv2d(images(1, 3, 2, 5), images(2, 3, 3, 3)), r"\(3, 3\) is larger.*\(2, 5"),
        (lambda: dl.conv2d(images(1, 3, 5, 5), images(2, 3, 3, 3), stride=0), "stride is a whole"),
        (lambda: dl.conv2d(images(1, 3, 5, 5), images(2, 3, 3, 3), padding=-1), "at least 0"),
        (lambda: dl.conv2d(images(1, 3, 5, 5), images(2, 3, 3, 3), stride=(1,)), r"\(1,\)"),
        (lambda: dl.conv2d(images(1, 3, 5, 5), images(2, 3, 3, 3), stride=1.5), "1.5"),
        (lambda: dl.conv2d(images(1, 3, 5, 5), images(2, 3, 3, 3), groups=0), "groups is a whole"),
        (
            lambda: dl.conv_transpose2d(images(1, 3, 5, 5), images(2, 3, 3, 3)),
            r"\(C, O / groups, KH, KW\) = \(2, 3, 3, 3\).*with 3 channels",
        ),
        (
            lambda: dl.conv_transpose1d(images(1, 3, 5), images(3, 2, 3), None, 2, 0, 2),
            r"output_padding must be less than the stride \(2,\)",
        ),
        (
            lambda: dl.conv_transpose1d(images(1, 3, 1), images(3, 2, 3), padding=2),
            r"output of size \(-1,\). Take less padding",
        ),
        (
            lambda: dl.conv_transpose1d(images(1, 3, 1), images(3, 2, 2), padding=1),
            r"output of size \(0,\)",
        ),
        (
            lambda: dl.conv_transpose2d(images(1, 3, 5, 5), images(3, 2, 3, 3), stride=0),
            "^conv_transpose2d: stride is a whole .* at least 1",
        ),
        (
            lambda: dl.conv_transpose2d(images(1, 3, 5, 5), images(3, 2, 3, 3), padding=-1),
            "^conv_transpose2d: padding is a whole .* at least 0",
        ),
        (
            lambda: dl.conv_transpose2d(images(1, 3, 5, 5), images(3, 2, 3, 3), None, 2, 0, -1),
            "^conv_transpose2d: output_padding is a whole .* at least 0",
        ),
        (
            lambda: dl.ConvTranspose2d(3, 2, 3, 2, 0, -1, seed=0),
            "^ConvTranspose2d: output_padding is a whole .* at least 0",
        ),
        (lambda: dl.Conv2d(3, 4, 3, 0, seed=0), "^Conv2d: stride is a whole .* at least 1"),
        (lambda: dl.Conv2d(3, 4, 3, 1, -1, seed=0), "^Conv2d: padding is a whole .* at least 0"),
        (lambda: dl.Conv2d(3, 4, 3, groups=0, seed=0), "groups=0"),
        (lambda: dl.Conv2d(0, 4, 3, seed=0), "in_channels=0"),
        (lambda: dl.Conv2d(4, 3, 3, groups=2, seed=0), "multiples of groups"),
        (lambda: dl.Conv2d(3, 4, 3, groups=2, seed=0), "multiples of groups"),
        (lambda: dl.Conv2d(3, 0, 3, seed=0), "out_channels=0"),
        (lambda: dl.Conv2d(3, 4, 0, seed=0), "kernel_size is a whole number"),
    ],
)
def test_errors_say_what_to_do(compute, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compute()


def test_an_output_of_one_pixel_is_allowed() -> None:
    assert dl.conv_transpose1d(images(1, 3, 1), images(3, 2, 1)).shape == (1, 2, 1)
    assert dl.conv2d(images(1, 3, 2, 2), images(4, 3, 2, 2)).shape == (1, 4, 1, 1)


def test_the_seed_is_required() -> None:
    with pytest.raises(TypeError, match="seed"):
        dl.Conv2d(1, 2, 3)
    with pytest.raises(TypeError, match="seed"):
        dl.ConvTranspose1d(1, 2, 3)
