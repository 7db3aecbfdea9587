"""The device switch, on a machine without a GPU."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode

import dlcourse as dl
from dlcourse import device as current_device
from dlcourse.device import DEVICES, float_array, is_float, namespace

MODULE = sys.modules["dlcourse.device"]  # `dlcourse.device` itself is the function


def no_gpu(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_with_block_puts_the_old_device_back() -> None:
    assert current_device() == "cpu"
    with dl.use("torch", dtype="float64"):
        assert current_device() == "torch"
        assert isinstance(dl.Tensor([1.0]).data, torch.Tensor)
        assert dl.Tensor([1.0]).dtype == torch.float64
        with dl.use("cpu"):
            assert dl.Tensor([1.0]).dtype == np.float64
        assert current_device() == "torch"
    assert current_device() == "cpu"
    assert dl.Tensor([1.0]).dtype == np.float32
    with pytest.raises(KeyError), dl.use("torch"):
        raise KeyError
    assert current_device() == "cpu"


def test_as_a_function_it_lasts() -> None:
    try:
        dl.use("torch")
        assert current_device() == "torch"
    finally:
        dl.use("cpu")
    assert current_device() == "cpu"


@pytest.mark.parametrize("wanted", ["gpu", "cuda", "mps"])
def test_without_a_gpu_one_clear_warning_and_the_cpu(wanted: str, monkeypatch) -> None:
    no_gpu(monkeypatch)
    message = rf'use\("{wanted}"\): PyTorch finds no .*The CPU is used'
    with pytest.warns(UserWarning, match=message) as caught:
        dl.use(wanted)
    assert current_device() == "cpu"
    assert isinstance(dl.Tensor([1.0]).data, np.ndarray)
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_auto_takes_the_cpu_without_a_word(monkeypatch) -> None:
    no_gpu(monkeypatch)
    with dl.use("auto"):
        assert current_device() == "cpu"


def test_auto_and_gpu_take_the_gpu_there_is(monkeypatch) -> None:
    monkeypatch.setattr(MODULE, "_gpus", lambda: ("mps",))
    for wanted in ("auto", "gpu", "mps"):
        with dl.use(wanted):
            assert current_device() == "mps"
    with pytest.raises(ValueError, match="float32 only"):
        dl.use("gpu", dtype="float64")


@pytest.mark.parametrize("wanted", ["torch", "gpu", "auto"])
def test_without_torch_the_cpu_is_used(wanted: str, monkeypatch, recwarn) -> None:
    monkeypatch.setattr(MODULE, "_torch_is_installed", lambda: False)
    with dl.use(wanted):
        assert current_device() == "cpu"
    found = [str(w.message) for w in recwarn]
    assert [w.startswith(f'use("{wanted}"): PyTorch') for w in found] == [True] * (wanted != "auto")
    assert ["pip install torch" in w for w in found] == [True] * (wanted != "auto")


def test_torch_is_found_if_it_is_installed(monkeypatch) -> None:
    assert MODULE._torch_is_installed()
    monkeypatch.setattr(MODULE.importlib.util, "find_spec", lambda name: None)
    assert not MODULE._torch_is_installed()


@pytest.mark.parametrize("cuda", [True, False])
@pytest.mark.parametrize("mps", [True, False])
def test_gpus_are_found(cuda: bool, mps: bool, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert MODULE._gpus() == ("cuda",) * cuda + ("mps",) * mps


@pytest.mark.parametrize(
    ("arguments", "message"), [(("gpu0",), "'gpu0'"), (("cpu", "float16"), "'float16'")]
)
def test_unknown_settings_are_refused(arguments, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dl.use(*arguments)


def test_mixed_devices_are_an_error_that_says_what_to_do() -> None:
    here, there = dl.Tensor([1.0]), dl.Tensor([1.0]).to("torch")
    with pytest.raises(ValueError, match=r"add: .*cpu \(NumPy\) and torch.*\.to\("):
        here + there
    with pytest.raises(ValueError, match="different devices"):
        there * np.array([2.0])
    assert (there * 2.0).item() == 2


@pytest.mark.parametrize("name", ["cpu", "torch"])
def test_moving_there_and_back_keeps_the_values(name: str) -> None:
    values = np.arange(6.0)[::-1].reshape(2, 3)
    values.flags.writeable = False
    x = dl.Tensor(values, name="x").to(name)
    assert x.name == "x"
    assert np.array_equal(x.numpy(), values)
    assert np.array_equal(x.to("cpu").data, values)
    assert isinstance(x.to("cpu").data, np.ndarray)
    with pytest.raises(ValueError, match="expected one of"):
        x.to("moon")


def test_moving_asks_torch_for_the_place(monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(torch.Tensor, "to", lambda self, place: asked.append(place) or self)
    for name in ("cuda", "mps", "torch"):
        dl.to_device(np.ones(2), name)
    assert asked == ["cuda", "mps", "cpu"]
    monkeypatch.setattr(torch.Tensor, "cpu", lambda self: asked.append("back") or self)
    dl.to_numpy(torch.ones(2))
    assert asked[-1] == "back"


def test_auto_is_a_place_to_move_to(monkeypatch) -> None:
    no_gpu(monkeypatch)
    assert isinstance(dl.to_device(torch.ones(2), "auto"), np.ndarray)
    with pytest.warns(UserWarning, match="finds no GPU"):
        assert isinstance(dl.to_device(torch.ones(2), "gpu"), np.ndarray)
    monkeypatch.setattr(MODULE, "_find", lambda name: "torch")
    assert isinstance(dl.to_device(np.ones(2), "auto"), torch.Tensor)
    assert isinstance(dl.to_device(torch.ones(2), "cpu"), np.ndarray)  # no wish, so no search


def test_to_numpy_gives_an_array_whatever_comes() -> None:
    for value in (np.float64(2), np.ones(2), torch.ones(2), torch.ones(2, requires_grad=True)):
        assert isinstance(dl.to_numpy(value), np.ndarray)


def test_single_numbers_of_numpy_become_plain() -> None:
    assert type(MODULE.plain_number(np.float64(2))) is float
    assert type(MODULE.plain_number(np.int64(2))) is int
    array = np.ones(2)
    assert MODULE.plain_number(array) is array


def test_moving_to_torch_copies() -> None:
    values = np.zeros(2)
    dl.to_device(values, "torch")[0] = 1
    assert values.tolist() == [0, 0]


def test_index_arrays_may_come_from_the_host() -> None:
    x = dl.Tensor([[1.0, 2.0], [3.0, 4.0]]).to("torch")
    assert x[np.array([1, 1])].numpy().tolist() == [[3, 4], [3, 4]]


def test_asarray_keeps_whole_numbers_and_arrays() -> None:
    assert dl.asarray([1, 2]).dtype == np.int64
    assert dl.asarray([1.0]).dtype == np.float32
    assert dl.asarray(np.zeros(1)).dtype == np.float64
    assert dl.asarray(np.zeros(1), "float32").dtype == np.float32
    assert dl.asarray([1.0], "float64").dtype == np.float64
    assert dl.asarray([1, 2], "float32").dtype == np.float32
    assert dl.asarray(torch.zeros(1), "float64").dtype == torch.float64
    assert is_float(float_array([1, 2]))
    assert not is_float(torch.tensor([1]))
    with pytest.raises(TypeError, match="expected an array"):
        namespace("text")
    with pytest.raises(TypeError, match="expected numbers"):
        dl.asarray("text")
    with pytest.raises(TypeError, match="equally long"):
        dl.asarray([[1.0], [1.0, 2.0]])


def test_the_same_seed_gives_the_same_weights_everywhere() -> None:
    weights = []
    for name in ("cpu", "torch"):
        with dl.use(name):
            weights.append(dl.Linear(5, 3, seed=7).weight.numpy())
    assert np.array_equal(*weights)


@pytest.mark.parametrize("name", ["cpu", "torch"])
def test_add_at_counts_repeated_places(name: str) -> None:
    target = dl.to_device(np.zeros((2, 3), "float32"), name)
    key = (slice(None), np.array([0, 2, 0]))
    values = dl.to_device(np.ones((2, 3), "float32"), name)
    namespace(target).add_at(target, key, values)
    assert dl.to_numpy(target).tolist() == [[2, 0, 1], [2, 0, 1]]


@pytest.mark.parametrize("name", ["cpu", "torch"])
@pytest.mark.parametrize("key", [[1, 2, 1], [-1, 2, 0, 2], [[0, 1], [-3, 2]], [2], []], ids=str)
@pytest.mark.parametrize("shape", [(3,), (3, 2), (3, 2, 2)])
def test_add_at_adds_whole_rows(name: str, key: list, shape: tuple[int, ...]) -> None:
    places = np.array(key, dtype=int)
    values = np.random.default_rng(0).normal(size=(*places.shape, *shape[1:]))
    expected = np.ones(shape)
    for i in np.ndindex(places.shape):
        expected[places[i]] += values[i]
    target = dl.to_device(np.ones(shape), name)
    where = torch.tensor(places) if name == "torch" else places
    namespace(target).add_at(target, where, dl.to_device(values, name))
    assert np.allclose(dl.to_numpy(target), expected, atol=1e-12)


def test_numbers_and_index_arrays_go_with_any_device() -> None:
    @dl.op
    def scaled_rows(x, index, factor):
        return x[index] * factor, ()  # never walked back

    x = dl.Tensor([[1.0, 2.0], [3.0, 4.0]]).to("torch")
    assert scaled_rows(x, np.array([1, 0]), 2.0).numpy().tolist() == [[6, 8], [2, 4]]


def test_names_of_both_libraries_agree() -> None:
    """What the operations use exists under one name, and gives the same."""
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    t = torch.tensor(x)
    for ours, twin in ((namespace(x), x), (namespace(t), t)):
        assert tuple(ours.permute_dims(twin, (2, 0, 1)).shape) == (4, 2, 3)
        assert np.array_equal(dl.to_numpy(ours.matrix_transpose(twin)), x.mT)
        assert float(ours.max(twin, axis=(0, 1, 2))) == x.max()
        assert float(ours.min(twin, axis=(0, 1, 2))) == x.min()
        assert np.allclose(dl.to_numpy(ours.vecdot(twin, twin)), (x * x).sum(-1))
        assert ours.shares_memory(twin, twin[1])
        assert ours.shares_memory(twin[1], twin)
        assert not ours.shares_memory(twin, ours.copy(twin))
    assert namespace(t).ascontiguousarray(t.mT).is_contiguous()


def test_every_named_device_is_accepted_or_explained(recwarn) -> None:
    for name in DEVICES:
        with dl.use(name):
            assert dl.Tensor([1.0, 2.0]).sum().item() == 3


def test_torch_is_loaded_only_when_it_is_wanted() -> None:
    code = (
        "import sys, dlcourse as dl\n"
        "x = dl.Parameter([1.0]); (x * x).sum().backward(); dl.use('cpu')\n"
        "assert 'torch' not in sys.modules\n"
        "dl.use('torch'); dl.Tensor(1.0); assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- New arrays are born where the inputs live ------------------------------------------------
class NamesTheDevice(TorchFunctionMode):
    """Within the block, torch makes no array without being told where: on a GPU it would be wrong.

    An array made from another tensor needs no word: it is born beside that one.
    """

    MAKERS = (torch.arange, torch.as_tensor, torch.empty, torch.full, torch.ones, torch.zeros)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function in self.MAKERS and not isinstance(args[0], torch.Tensor):
            assert "device" in kwargs, f"torch.{function.__name__}() without device="
        return function(*args, **kwargs)


LABELS, MASK, INDEX = np.array([0, 2, 1, 1]), np.eye(4) == 1, np.array([0, 1, 1])
BORN = {  # what makes arrays of its own, and the shapes of its inputs
    "conv2d": (lambda x, w: dl.conv2d(x, w, padding=1), (2, 2, 5, 5), (3, 2, 3, 3)),
    "conv_transpose2d": (lambda x, w: dl.conv_transpose2d(x, w), (2, 2, 5, 5), (2, 3, 3, 3)),
    "max_pool2d": (lambda x: dl.max_pool2d(x, 2, padding=1), (2, 2, 4, 4)),
    "batch_norm": (lambda x: dl.batch_norm(x, training=True), (3, 4)),
    "layer_norm": (lambda x, w, b: dl.layer_norm(x, 4, w, b), (3, 4), (4,), (4,)),
    "gelu": (lambda x: x.gelu(), (3, 4)),
    "broadcasting": (lambda x, y: x + y, (3, 4), (4,)),
    "attention": (
        lambda q, k, v: dl.scaled_dot_product_attention(q, k, v, MASK, causal=True),
        *((4, 3), (4, 3), (4, 2)),
    ),
    "dropout": (lambda x: dl.dropout(x, 0.5, seed=0), (4, 3)),
    "embedding": (lambda w: dl.embedding(INDEX, w), (4, 3)),
    "LSTM": (lambda x: dl.LSTM(3, 4, seed=0)(x)[0], (2, 5, 3)),
    "GRU": (lambda x: dl.GRU(3, 4, seed=0)(x)[0], (2, 5, 3)),
    "cross_entropy": (lambda x: dl.cross_entropy(x, dl.asarray(LABELS)), (4, 3)),
    "contrastive_loss": (dl.contrastive_loss, (4, 3), (4, 3)),
    "check_gradients": (lambda x: x * dl.check_gradients(lambda y: y * y, [1.0, 2.0]), (4, 3)),
}


@pytest.mark.parametrize("name", BORN)
def test_new_arrays_are_born_where_the_inputs_live(name: str) -> None:
    """No GPU is needed to see it: on a GPU an array without a device would be born elsewhere."""
    compute, *shapes = BORN[name]
    rng = np.random.default_rng(0)
    with dl.use("torch", "float64"), NamesTheDevice():
        y = compute(*[dl.Tensor(rng.normal(size=shape), requires_grad=True) for shape in shapes])
        y.backward(rng.normal(size=y.shape))


def test_an_index_goes_where_its_table_lives() -> None:
    table = dl.Tensor(np.ones((4, 3))).to("torch")
    with NamesTheDevice():  # the present device is another one, so the index begins there
        assert dl.embedding(INDEX, table).shape == (3, 3)


def test_loaded_states_are_born_where_the_parameters_live() -> None:
    with dl.use("torch"):
        model = dl.Linear(3, 2, seed=0)
        adam = dl.Adam(model.parameters())
        model(dl.Tensor(np.ones((4, 3), "float32"))).sum().backward()
        adam.step()
        with NamesTheDevice():
            model.load_state_dict(model.state_dict())
            adam.load_state_dict(adam.state_dict())
