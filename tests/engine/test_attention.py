"""Attention, positions and Residual, against torch."""

import numpy as np
import pytest
import torch
from torch.func import functional_call
from torch.nn import functional

import dlcourse as dl
from dlcourse.layers import attention, positions
from dlcourse.layers.positions import rotate_pairs
from tests.engine.agree import check_differences, check_parity
from tests.engine.compare import DEVICES, gap

on_all = pytest.mark.parametrize("device", DEVICES)
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
TESTED = {
    "KeyValueCache",
    "MultiHeadAttention",
    "attention_weights",
    "causal_mask",
    "padding_mask",
    "scaled_dot_product_attention",
    "LearnedPositions",
    "RotaryPositions",
    "SinusoidalPositions",
    "position_angles",
    "rotate_pairs",
}


def draw(*shapes: tuple[int, ...], seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


def test_every_public_name_is_here() -> None:
    own = {
        name
        for module in (attention, positions)
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
    }
    assert own == TESTED


# --- The formula ------------------------------------------------------------------------------
SHAPES = [
    ((4, 3), (5, 3), (5, 2)),
    ((2, 4, 3), (2, 5, 3), (2, 5, 6)),
    ((2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 2)),
    ((2, 3, 4, 5), (1, 3, 6, 5), (1, 3, 6, 2)),
]
MASK = np.array([[1, 0, 1, 1, 0, 1], [0, 0, 0, 1, 0, 0], [1] * 6, [0, 1, 1, 1, 0, 0]], bool)


def plain(q, k, v, mask=None):
    return dl.attention_weights(q, k, mask) @ v


def ours(q, k, v, mask=None, causal=False):
    return dl.scaled_dot_product_attention(q, k, v, mask, causal)


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("form", [ours, plain])
@on_all
@dtypes
def test_attention_agrees_with_torch(shapes, masked, form, device, dtype) -> None:
    mask = MASK[:, : shapes[1][-2]] if masked else None
    theirs_mask = torch.tensor(mask) if masked else None

    def theirs(q, k, v):
        lead = q.shape[:-2]  # this twin wants equal axes in front
        k, v = k.expand(*lead, *k.shape[-2:]), v.expand(*lead, *v.shape[-2:])
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=theirs_mask)

    def run(q, k, v):
        return form(q, k, v, None if mask is None else dl.asarray(mask))

    check_parity(run, theirs, draw(*shapes), device, dtype)


@on_all
@dtypes
def test_causal_attention_agrees_with_torch(device: str, dtype: str) -> None:
    def theirs(q, k, v):
        return functional.scaled_dot_product_attention(q, k, v, is_causal=True)

    arrays = draw((2, 3, 5, 4), (2, 3, 5, 4), (2, 3, 5, 4))
    check_parity(lambda q, k, v: ours(q, k, v, causal=True), theirs, arrays, device, dtype)


@on_all
def test_attention_agrees_with_finite_differences(device: str) -> None:
    arrays, mask = draw((2, 4, 3), (2, 6, 3), (2, 6, 2)), MASK
    check_differences(lambda q, k, v: ours(q, k, v, mask, causal=True), arrays, device)
    check_differences(lambda q, k, v: plain(q, k, v, mask), arrays, device)


@on_all
def test_no_later_position_changes_an_earlier_output(device: str) -> None:
    q, k, v = draw((2, 5, 4), (2, 5, 4), (2, 5, 4))
    with dl.use(device):
        before = ours(*map(dl.Tensor, (q, k, v)), causal=True).numpy().copy()
        k[:, 3:], v[:, 3:] = 9, -9
        after = ours(*map(dl.Tensor, (q, k, v)), causal=True).numpy()
    assert np.array_equal(before[:, :3], after[:, :3])
    assert not np.allclose(before[:, 3:], after[:, 3:])


@on_all
@dtypes
def test_a_query_that_may_look_at_nothing_gets_zeros(device: str, dtype: str) -> None:
    arrays, mask = [a.astype(dtype) for a in draw((4, 3), (6, 3), (6, 2))], MASK.copy()
    mask[1] = False
    with dl.use(device):
        q, k, v = (dl.Tensor(a, requires_grad=True) for a in arrays)
        y, weights = ours(q, k, v, mask), dl.attention_weights(q, k, dl.asarray(mask))
        (y.sum() + weights.sum()).backward()
    assert not y.numpy()[1].any()
    assert weights.numpy().sum(-1) == pytest.approx([1, 0, 1, 1], abs=1e-6)
    for x in (q, k, v):
        assert np.isfinite(dl.to_numpy(x.grad)).all()
    assert not dl.to_numpy(q.grad)[1].any()


def test_huge_scores_stay_finite() -> None:
    q, k, v = (dl.Tensor(1e4 * a.astype("float32"), True) for a in draw((4, 3), (6, 3), (6, 2)))
    y = ours(q, k, v, MASK)
    y.sum().backward()
    assert np.isfinite(y.numpy()).all()
    assert np.isfinite(q.grad).all()


@on_all
def test_masks_are_what_they_say(device: str) -> None:
    with dl.use(device):
        causal, late = dl.causal_mask(3), dl.causal_mask(2, 4)
        padding = dl.padding_mask([2, 0, 3], 3)
    assert causal.tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    assert late.tolist() == [[True, True, True, False], [True] * 4]
    assert tuple(padding.shape) == (3, 1, 1, 3)
    assert padding[:, 0, 0].tolist() == [[True, True, False], [False] * 3, [True] * 3]


# --- The layer --------------------------------------------------------------------------------
def run_layer(**options):
    """MultiHeadAttention as a function of its inputs and its four parameters."""

    def run(*tensors):
        *inputs, w_in, b_in, w_out, b_out = tensors
        layer = dl.MultiHeadAttention(6, 3, seed=0)
        layer.in_proj.weight, layer.in_proj.bias = w_in, b_in
        layer.out_proj.weight, layer.out_proj.bias = w_out, b_out
        return layer(*inputs, **options)

    return run


def run_torch(**options):
    def run(*tensors):
        *inputs, w_in, b_in, w_out, b_out = tensors
        inputs += inputs[-1:] * (3 - len(inputs))
        layer = torch.nn.MultiheadAttention(6, 3, batch_first=True, dtype=b_in.dtype)
        weights = {
            "in_proj_weight": w_in.T,
            "in_proj_bias": b_in,
            "out_proj.weight": w_out.T,
            "out_proj.bias": b_out,
        }
        return functional_call(layer, weights, tuple(inputs), options)[0]

    return run


def layer_arrays(*inputs: tuple[int, ...]) -> list[np.ndarray]:
    return draw(*inputs, (6, 18), (18,), (6, 6), (6,))


@pytest.mark.parametrize("shapes", [[(2, 4, 6)], [(2, 4, 6), (2, 5, 6)], [(2, 4, 6)] * 3], ids=str)
@on_all
@dtypes
def test_layer_agrees_with_torch(shapes, device: str, dtype: str) -> None:
    check_parity(run_layer(), run_torch(), layer_arrays(*shapes), device, dtype)


@on_all
@dtypes
def test_layer_with_both_masks_agrees_with_torch(device: str, dtype: str) -> None:
    lengths = [4, 2, 3]
    with dl.use(device):
        options = {"mask": dl.padding_mask(lengths, 4), "causal": True}
    blocked = torch.arange(4) >= torch.tensor(lengths)[:, None]  # in torch's layer True is blocked
    later = torch.ones(4, 4, dtype=torch.bool).triu(1)
    theirs = run_torch(key_padding_mask=blocked, attn_mask=later)
    check_parity(run_layer(**options), theirs, layer_arrays((3, 4, 6)), device, dtype)


@on_all
def test_layer_agrees_with_finite_differences(device: str) -> None:
    check_differences(run_layer(causal=True), layer_arrays((2, 3, 6)), device)
    check_differences(run_layer(), layer_arrays((2, 3, 6), (2, 4, 6)), device)


@on_all
def test_weights_are_those_that_torch_returns(device: str) -> None:
    x, w_in, b_in, w_out, b_out = layer_arrays((2, 4, 6))
    with dl.use(device, "float64"):
        layer = dl.MultiHeadAttention(6, 3, seed=0)
        layer.in_proj.weight, layer.in_proj.bias = dl.Parameter(w_in), dl.Parameter(b_in)
        found = layer.weights(dl.Tensor(x))
    twin = torch.nn.MultiheadAttention(6, 3, batch_first=True, dtype=torch.float64)
    parameters = {"in_proj_weight": torch.tensor(w_in.T), "in_proj_bias": torch.tensor(b_in)}
    t = torch.tensor(x)
    options = {"average_attn_weights": False}
    assert gap(found, functional_call(twin, parameters, (t, t, t), options)[1]) < 1e-12
    assert w_out.shape == (6, 6)
    assert b_out.shape == (6,)


@pytest.mark.parametrize("rotary", [False, True])
@pytest.mark.parametrize("pieces", [[1] * 6, [3, 1, 2]], ids=str)
@on_all
def test_cache_gives_the_numbers_of_the_whole_sequence(rotary, pieces, device) -> None:
    x = draw((2, 6, 8))[0].astype("float32")
    with dl.use(device), dl.no_grad():
        turn = dl.RotaryPositions(10, 4) if rotary else None
        layer, cache = dl.MultiHeadAttention(8, 2, seed=1, rotary=turn), dl.KeyValueCache()
        whole = layer(dl.Tensor(x), causal=True)
        start, parts = 0, []
        for size in pieces:
            parts.append(layer(dl.Tensor(x[:, start : start + size]), causal=True, cache=cache))
            start += size
            assert len(cache) == start
    assert gap(dl.concat(parts, axis=1), whole) < 1e-5


def test_layer_moves_with_its_mask() -> None:
    x = draw((2, 4, 6))[0].astype("float32")
    layer = dl.MultiHeadAttention(6, 3, seed=1, rotary=dl.RotaryPositions(4, 2))
    expected = layer(dl.Tensor(x), mask=dl.padding_mask([4, 2], 4), causal=True).numpy()
    moved = layer.to("torch")(
        dl.Tensor(x).to("torch"), mask=dl.padding_mask([4, 2], 4), causal=True
    )
    assert gap(moved.numpy(), expected) < 1e-5


# --- Positions --------------------------------------------------------------------------------
def test_sinusoids_are_those_of_the_paper() -> None:
    with dl.use("cpu", "float64"):
        table = dl.SinusoidalPositions(7, 6).table.numpy()
    for t in range(7):
        for k in range(3):
            angle = t / 10000 ** (2 * k / 6)
            assert table[t, 2 * k] == pytest.approx(np.sin(angle), abs=1e-14)
            assert table[t, 2 * k + 1] == pytest.approx(np.cos(angle), abs=1e-14)


def test_the_smallest_tables_are_allowed() -> None:
    assert dl.position_angles(1, 2).tolist() == [[0.0]]
    assert dl.position_angles(2, 4, base=1.5)[1].tolist() == [1.0, 1.5**-0.5]
    assert dl.LearnedPositions(1, 1, seed=0)(zeros(2, 1, 1)).shape == (2, 1, 1)


def test_positions_start_at_0_unless_told_otherwise() -> None:
    (x,) = draw((2, 3, 4))
    learned = dl.LearnedPositions(5, 4, seed=0)
    for layer in (dl.SinusoidalPositions(5, 4), learned, dl.RotaryPositions(5, 4)):
        assert np.array_equal(layer(dl.Tensor(x)).numpy(), layer(dl.Tensor(x), 0).numpy())
        assert not np.array_equal(layer(dl.Tensor(x)).numpy(), layer(dl.Tensor(x), 1).numpy())
    assert np.array_equal(dl.LearnedPositions(5, 4, seed=0).table.data, learned.table.data)
    assert not np.array_equal(dl.LearnedPositions(5, 4, seed=1).table.data, learned.table.data)


def torch_rotary(x: torch.Tensor, start: int) -> torch.Tensor:
    """Pairs as complex numbers, times exp(i angle)."""
    size = x.shape[-1]
    t = torch.arange(start, start + x.shape[-2], dtype=torch.float64)
    angles = t[:, None] / 10000 ** (torch.arange(0, size, 2, dtype=torch.float64) / size)
    turn = torch.polar(torch.ones_like(angles), angles)
    turn = turn.to(torch.complex64 if x.dtype == torch.float32 else torch.complex128)
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * turn).reshape(x.shape)


@pytest.mark.parametrize("shape", [(5, 4), (2, 3, 5, 6)])
@pytest.mark.parametrize("start", [0, 3])
@on_all
@dtypes
def test_rotary_positions_agree_with_complex_numbers(shape, start, device, dtype) -> None:
    def run(x):
        return dl.RotaryPositions(9, shape[-1])(x, start)

    check_parity(run, lambda x: torch_rotary(x, start), draw(shape), device, dtype)


@on_all
@dtypes
def test_added_positions_agree_with_torch(device: str, dtype: str) -> None:
    sinus = dl.to_numpy(dl.SinusoidalPositions(9, 4).table.data)
    arrays = draw((2, 5, 4), (9, 4))

    def learned(x, table):
        layer = dl.LearnedPositions(9, 4, seed=0)
        layer.table = table
        return layer(x, 2), layer(x)

    check_parity(learned, lambda x, t: (x + t[2:7], x + t[:5]), arrays, device, dtype)
    with dl.use(device):
        y = dl.SinusoidalPositions(9, 4)(dl.Tensor(np.zeros((2, 5, 4), "float32")), start=2)
    assert gap(y.numpy()[1], sinus[2:7]) < 1e-7


@on_all
def test_positions_agree_with_finite_differences(device: str) -> None:
    (x,) = draw((2, 3, 4))
    cos, sin = np.cos(np.arange(6.0)).reshape(3, 2), np.sin(np.arange(6.0)).reshape(3, 2)
    check_differences(
        lambda x: rotate_pairs(x, cos=dl.asarray(cos), sin=dl.asarray(sin)), [x], device
    )
    check_differences(lambda x: dl.RotaryPositions(5, 4)(x, 2), [x], device)
    check_differences(lambda x: dl.SinusoidalPositions(5, 4)(x), [x], device)


def test_rotary_products_depend_on_the_distance_only() -> None:
    q, k = draw((1, 8), (1, 8))
    with dl.use("cpu", "float64"):
        turn = dl.RotaryPositions(50, 8)
        products = [(turn(q, t) @ turn(k, t + 7).T).item() for t in (0, 5, 40)]
        other = (turn(q, 0) @ turn(k, 8).T).item()
    assert products == pytest.approx([products[0]] * 3, rel=1e-12)
    assert other != pytest.approx(products[0], rel=1e-3)


def test_learned_positions_start_small_and_are_parameters() -> None:
    layer = dl.LearnedPositions(300, 100, seed=3)
    assert np.std(layer.table.data) == pytest.approx(0.02, rel=0.02)
    assert [name for name, _ in layer.named_parameters()] == ["table"]
    assert not dl.RotaryPositions(5, 4).parameters()
    assert not dl.SinusoidalPositions(5, 4).parameters()
    assert repr(layer) == "LearnedPositions(300, 100)"
    assert repr(dl.RotaryPositions(5, 4)) == "RotaryPositions(5, 4)"


# --- Residual ---------------------------------------------------------------------------------
@on_all
@dtypes
def test_residual_agrees_with_torch(device: str, dtype: str) -> None:
    def run(x, w, b, s):
        layer, shortcut = dl.Linear(3, 4, seed=0), dl.Linear(3, 4, bias=False, seed=1)
        layer.weight, layer.bias, shortcut.weight = w, b, s
        return dl.Residual(dl.Tanh())(x), dl.Residual(layer, shortcut)(x)

    def theirs(x, w, b, s):
        return x + torch.tanh(x), x @ s + x @ w + b

    check_parity(run, theirs, draw((5, 3), (3, 4), (4,), (3, 4)), device, dtype)


def test_residual_passes_options_on_and_shows_its_layers() -> None:
    layer = dl.MultiHeadAttention(4, 2, seed=0)
    x = dl.Tensor(draw((2, 3, 4))[0].astype("float32"))
    y = dl.Residual(layer)(x, causal=True)
    assert gap(y, x + layer(x, causal=True)) == 0
    assert repr(dl.Residual(dl.Tanh())) == "Residual(\n  layer: Tanh()\n)"
    assert len(dl.Residual(dl.Linear(2, 2, seed=0), dl.Linear(2, 2, seed=0)).parameters()) == 4


# --- Errors -----------------------------------------------------------------------------------
def zeros(*shape: int) -> dl.Tensor:
    return dl.Tensor(np.zeros(shape, "float32"))


def layer(**options) -> dl.MultiHeadAttention:
    return dl.MultiHeadAttention(6, 3, seed=0, **options)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ours(zeros(4, 3), zeros(5, 2), zeros(5, 2)), ValueError, r"\(4, 3\) and \(5, 2\)"),
        (lambda: ours(zeros(4, 3), zeros(5, 3), zeros(4, 3)), ValueError, "one value for each key"),
        (lambda: ours(zeros(3), zeros(5, 3), zeros(5, 3)), ValueError, "expected query"),
        (lambda: plain(zeros(4, 3), zeros(5, 3), zeros(5, 3), MASK), ValueError, r"\(4, 6\)"),
        (
            lambda: ours(zeros(4, 3), zeros(6, 3), zeros(6, 3), MASK * 1.0),
            TypeError,
            "holds booleans.*float64",
        ),
        (lambda: ours(zeros(4, 3), zeros(3, 3), zeros(3, 3), causal=True), ValueError, "n_keys=3"),
        (lambda: dl.causal_mask(0), ValueError, "n_queries=0"),
        (lambda: dl.padding_mask([5], 4), ValueError, "from 0 to 4"),
        (lambda: dl.MultiHeadAttention(6, 4, seed=0), ValueError, "num_heads=4"),
        (lambda: dl.MultiHeadAttention(0, 1, seed=0), ValueError, "embed_dim=0"),
        (lambda: dl.attention_weights(zeros(4, 3), zeros(6, 3), MASK[:3]), ValueError, "the mask"),
        (lambda: layer()(zeros(4, 6)), ValueError, r"\(batch, positions, 6\).*\(4, 6\)"),
        (lambda: layer()(zeros(2, 4, 6), zeros(2, 4, 5)), ValueError, r"\(2, 4, 5\)"),
        (
            lambda: layer()(zeros(2, 4, 6), cache=dl.KeyValueCache()),
            RuntimeError,
            "no_grad",
        ),
        (lambda: layer(rotary=dl.RotaryPositions(9, 4))(zeros(2, 4, 6)), ValueError, "time, 4"),
        (lambda: dl.RotaryPositions(9, 3), ValueError, "size=3"),
        (lambda: dl.SinusoidalPositions(0, 4), ValueError, "length=0"),
        (lambda: dl.position_angles(3, 4, base=1), ValueError, "base=1"),
        (lambda: dl.position_angles(3, 0), ValueError, "size=0"),
        (lambda: dl.LearnedPositions(4, 0, seed=0), ValueError, "size=0"),
        (lambda: dl.LearnedPositions(4, 3, seed=0)(zeros(3)), ValueError, r"shape \(\.\.\., time"),
        (lambda: dl.LearnedPositions(0, 4, seed=0), ValueError, "length=0"),
        (lambda: dl.LearnedPositions(4, 3, seed=0)(zeros(5, 3)), ValueError, "0 to 3.*0 to 4"),
        (lambda: dl.SinusoidalPositions(4, 2)(zeros(2, 3, 4)), ValueError, r"\(2, 3, 4\)"),
        (lambda: dl.RotaryPositions(4, 2)(zeros(2, 2), -1), ValueError, "-1 to 0"),
        (lambda: dl.Residual(dl.ReLU), TypeError, "needs a layer"),
        (lambda: dl.Residual(dl.ReLU(), dl.ReLU), TypeError, "needs a layer"),
        (lambda: dl.Residual(dl.Linear(3, 4, seed=0))(zeros(2, 3)), ValueError, "shortcut"),
    ],
)
def test_errors_say_what_to_do(make, error, message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_a_cache_refuses_another_batch() -> None:
    cache = dl.KeyValueCache()
    with dl.no_grad():
        layer()(zeros(2, 1, 6), cache=cache)
        with pytest.raises(ValueError, match="concat"):
            layer()(zeros(3, 1, 6), cache=cache)
    assert len(cache) == 1
