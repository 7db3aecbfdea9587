"""The device switch: where arrays live, and the only file that knows NumPy and torch as libraries.

On the CPU an array is a NumPy array. On a GPU it is a torch tensor, used as a plain array:
torch's own gradients stay off, ours run on both. All other files ask `namespace(x)` for the
library that `x` belongs to and then write the same mathematics for both.
"""

import importlib.util
import warnings
from functools import cache
from types import SimpleNamespace, TracebackType
from typing import Any

import numpy as np

Array = Any  # a NumPy array or a torch tensor

HOST_TYPES = (np.ndarray, np.generic)  # arrays in the CPU's memory, and NumPy's single numbers
DEVICES = ("auto", "cpu", "gpu", "cuda", "mps", "torch")
DTYPES = ("float32", "float64")

_now = SimpleNamespace(device="cpu", dtype="float32")  # what `use` sets and asarray() reads


# --- The switch -------------------------------------------------------------------------------
class _Switched:
    """What `use` returns: leaving the `with` block puts the old setting back."""

    def __init__(self, before: dict[str, str]) -> None:
        self._before = before

    def __enter__(self) -> "_Switched":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        vars(_now).update(self._before)


def use(device: str, dtype: str | None = None) -> _Switched:
    """Choose where new tensors are born: use("gpu") from here on, `with use("gpu"):` for a block.

    device: "cpu" (NumPy), "gpu" (the GPU there is), "auto" (a GPU if there is one, else the CPU),
        "cuda" (NVIDIA or AMD), "mps" (Apple), "torch" (torch tensors on the CPU: the same results
        from another library). Where no such GPU is found, a warning says so and the CPU is used.
    dtype: "float32" or "float64" for new tensors; None keeps the present one.
    Raises ValueError for an unknown device or dtype, and for float64 on "mps", which has none.
    """
    if device not in DEVICES:
        raise ValueError(f"use: the device is one of {', '.join(DEVICES)}. Received: {device!r}")
    dtype = _now.dtype if dtype is None else np.dtype(dtype).name
    if dtype not in DTYPES:
        raise ValueError(f"use: the dtype is one of {', '.join(DTYPES)}. Received: {dtype!r}")
    found = _find(device)
    if found == "mps" and dtype == "float64":
        raise ValueError('use: "mps" computes in float32 only. Take dtype="float32" or the CPU.')
    before = dict(vars(_now))
    _now.device, _now.dtype = found, dtype
    return _Switched(before)


def device() -> str:
    """The name of the present device: "cpu", "cuda", "mps" or "torch"."""
    return _now.device


def _find(wanted: str) -> str:
    """The device that answers a wish; the CPU, with one clear message, where the wish fails."""
    if wanted == "cpu" or (wanted == "auto" and not _torch_is_installed()):
        return "cpu"
    if not _torch_is_installed():
        _warn(wanted, "PyTorch is not installed. To use a GPU: pip install torch")
        return "cpu"
    if wanted == "torch":
        return "torch"
    gpus = _gpus()
    if wanted in gpus:
        return wanted
    if wanted in ("auto", "gpu"):
        if wanted == "gpu" and not gpus:
            _warn(wanted, "PyTorch finds no GPU here. All chapters run on the CPU too")
        return gpus[0] if gpus else "cpu"
    _warn(wanted, f"PyTorch finds no such device here. It finds: {', '.join(gpus) or 'the CPU'}")
    return "cpu"


def _warn(wanted: str, reason: str) -> None:
    message = f'use("{wanted}"): {reason}. The CPU is used from here on.'
    warnings.warn(message, stacklevel=4)


def _torch_is_installed() -> bool:
    return importlib.util.find_spec("torch") is not None


def _gpus() -> tuple[str, ...]:
    import torch

    cuda = ("cuda",) if torch.cuda.is_available() else ()
    mps = ("mps",) if torch.backends.mps.is_available() else ()
    return cuda + mps


# --- One set of names for two libraries -------------------------------------------------------
def _numpy_add_at(target: Array, key: Any, values: Array) -> None:
    """target[key] += values, where a position that appears twice gets both values."""
    if not isinstance(key, np.ndarray) or key.dtype == bool or target.ndim < 2:
        np.add.at(target, key, values)
        return
    rows = key.reshape(-1) % len(target)  # whole rows: quicker to sort them and add up each group
    order = np.argsort(rows, kind="stable")
    sorted_rows = rows[order]
    starts = np.flatnonzero(np.diff(sorted_rows, prepend=-1))
    grouped = values.reshape(len(rows), *target.shape[1:])[order]
    target[sorted_rows[starts]] += np.add.reduceat(grouped, starts, axis=0)


_numpy = SimpleNamespace(**vars(np))
_numpy.add_at = _numpy_add_at
_numpy.shares_memory = np.may_share_memory
_numpy.fast_memory = 2**19  # so many numbers, 2 MiB in float32, stay in a CPU's cache


@cache
def _torch() -> SimpleNamespace:
    """Torch under NumPy's names. Loaded at the first use, because it takes more than a second."""
    import torch

    xp = SimpleNamespace(**vars(torch))
    xp.max, xp.min = torch.amax, torch.amin  # values only, no positions
    xp.permute_dims = torch.permute
    xp.matrix_transpose = lambda x: x.mT
    xp.asarray = torch.as_tensor
    xp.astype = lambda x, dtype: x.to(dtype)
    xp.copy = torch.clone
    xp.fast_memory = 2**26  # a GPU likes few large steps
    xp.ascontiguousarray = lambda x: x.contiguous()
    xp.vecdot = torch.linalg.vecdot
    xp.shares_memory = lambda a, b: a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()

    def add_at(target: Array, key: Any, values: Array) -> None:
        """target[key] += values, where a position that appears twice gets both values."""
        places = torch.arange(target.numel(), device=target.device).reshape(target.shape)[key]
        target.view(-1).index_add_(0, places.reshape(-1), values.reshape(-1))

    xp.add_at = add_at
    return xp


def namespace(*values: Array) -> Any:
    """The library of the first array among the values: `xp = namespace(x)`, then `xp.exp(x)`."""
    for value in values:
        if isinstance(value, HOST_TYPES):
            return _numpy
        if hasattr(value, "untyped_storage"):  # a torch tensor; torch itself may not be loaded
            return _torch()
    raise TypeError(f"namespace: expected an array. Received: {type(values[0]).__name__}")


# --- Making and moving arrays -----------------------------------------------------------------
def asarray(data: Any, dtype: Any = None) -> Array:
    """An array on the present device.

    Python numbers and lists with a decimal point take the dtype set by `use` (float32), whole
    numbers stay int64. NumPy arrays keep their dtype; torch tensors also stay where they are.
    dtype: "float32", "float64", "int64", …; None as described.
    Raises TypeError when the data are not numbers, or rows differ in length.
    """
    if not hasattr(data, "untyped_storage"):
        return to_device(_host_array(data, dtype), _now.device)
    return data if dtype is None else data.to(getattr(_torch(), np.dtype(dtype).name))


def _host_array(data: Any, dtype: Any) -> np.ndarray:
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise TypeError(
            f"asarray: the data make no array. Are all rows equally long? ({error})"
        ) from None
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"asarray: expected numbers. Received: {type(data).__name__} of dtype {array.dtype}"
        )
    if dtype is None and not isinstance(data, np.ndarray) and array.dtype.kind == "f":
        dtype = _now.dtype
    return array if dtype is None else array.astype(dtype, copy=False)


def float_array(data: Any) -> Array:
    """Like asarray, but always floats: whole numbers and booleans take the dtype of `use`."""
    array = asarray(data)
    return array if is_float(array) else asarray(data, _now.dtype)


def new_array(values: Any) -> Array:
    """Start values for parameters: in the dtype and on the device set by `use`."""
    return asarray(values, _now.dtype)


def is_float(array: Array) -> bool:
    """True for float16, float32, float64, …; False for integers and booleans."""
    kind = array.dtype
    return kind.is_floating_point if hasattr(kind, "is_floating_point") else kind.kind == "f"


def to_device(array: Array, name: str) -> Array:
    """The array on the device "cpu", "cuda", "mps" or "torch"; itself if it is there already."""
    if name not in DEVICES:
        raise ValueError(f"to_device: expected one of {', '.join(DEVICES)}. Received: {name!r}")
    name = _find(name) if name in ("auto", "gpu") else name
    on_host = isinstance(array, HOST_TYPES)
    if name == "cpu":
        return array if on_host else array.detach().cpu().numpy()
    if on_host:  # a copy: the two libraries must not share memory behind the reader's back
        array = _torch().from_numpy(np.array(array, order="C"))
    return array.to("cpu" if name == "torch" else name)


def to_numpy(array: Array) -> np.ndarray:
    """The array as a NumPy array on the CPU."""
    return np.asarray(to_device(array, "cpu"))


def plain_number(value: Any) -> Any:
    """NumPy's own scalars as Python numbers; anything else unchanged.

    A float64 scalar such as np.sqrt(2) would turn a float32 result into float64.
    """
    return value.item() if isinstance(value, np.generic) else value


def check_same_device(name: str, values: list[Any]) -> None:
    """Raise ValueError when the arrays of one operation live in different places."""
    if len({a.device for a in values if hasattr(a, "device")}) < 2:
        return
    arrays = [a for a in values if hasattr(a, "device") and is_float(a)]
    places = sorted({_place(a) for a in arrays})  # an index array may come from anywhere
    if len(places) > 1:
        raise ValueError(
            f"{name}: the inputs live on different devices: {' and '.join(places)}. "
            "Move the model and the data to one device with .to(...); "
            "Tensor(array) puts a NumPy array on the device set by use(...)."
        )


def _place(array: Array) -> str:
    if isinstance(array, HOST_TYPES):
        return "cpu (NumPy)"
    return "torch" if array.device.type == "cpu" else str(array.device)
