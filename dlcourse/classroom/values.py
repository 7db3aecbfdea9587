"""Results as plain data: what a function gave back, as JSON that another process can judge.

`plain(value)` never fails and never asks an unknown object for its text. It gives a dict with the
key "kind": "array" (also single numbers), "text", "list", "dict", "none", "ellipsis", "function",
"other" or "unreadable". `difference(got, expected)` compares two of them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

MAX_NUMBERS = 100_000
MAX_ITEMS = 1_000
MAX_DEPTH = 6
MAX_TEXT = 400

# The coarser the number type of an answer, the larger the rounding that counts as equal.
ROUNDING = {"float16": 1e-2, "float32": 1e-4}

Plain = dict[str, Any]


def type_name(value: object) -> str:
    """The short name of a value's type, e.g. "ndarray"."""
    return clean(type(value).__name__, 60)


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """The text, cut to `limit` characters, with what no file can store written as \\u escapes."""
    text = str.__str__(text)
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return cut.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\0")


def plain(value: object, inside: tuple[int, ...] = ()) -> Plain:
    """The value as plain data. An object that can't be read gives kind "unreadable"."""
    try:
        return _plain(value, inside)
    except (
        Exception,
        SystemExit,
    ) as error:  # a learner's object may raise anything when it is read
        return {"kind": "unreadable", "type": type_name(value), "why": type_name(error)}


def _plain(value: Any, inside: tuple[int, ...]) -> Plain:
    if value is None:
        return {"kind": "none"}
    if value is Ellipsis:
        return {"kind": "ellipsis"}
    if isinstance(value, str):
        return {"kind": "text", "value": clean(value)}
    if isinstance(value, int) and not -(2**63) <= value < 2**63:  # NumPy has no type for it
        return _array(np.asarray(float(value)), value)
    if isinstance(value, bool | int | float | np.generic | np.ndarray):
        return _array(np.asarray(value), value)
    if isinstance(value, Real | Decimal):  # a Fraction, for instance
        return _array(np.asarray(float(value)), value)
    if len(inside) > MAX_DEPTH or id(value) in inside:
        return {"kind": "unreadable", "type": type_name(value), "why": "nested too deeply"}
    if isinstance(value, dict):
        pairs = list(dict.items(value))[:MAX_ITEMS]
        items = [[_key(key), plain(item, (*inside, id(value)))] for key, item in pairs]
        return {"kind": "dict", "items": sorted(items, key=lambda pair: pair[0])}
    if isinstance(value, list | tuple):
        return _sequence(value, (*inside, id(value)))
    return _foreign(value)


def _key(key: object) -> str:
    if isinstance(key, str | bool | int | float | np.generic):
        return clean(str(key), 60)
    return f"a {type_name(key)}"


def _array(array: np.ndarray, value: object) -> Plain:
    if array.dtype.kind in "US":
        items: list[Plain] = [plain(str(text)) for text in array.ravel()[:MAX_ITEMS]]
        return items[0] if array.ndim == 0 else {"kind": "list", "items": items}
    if array.dtype.kind not in "biuf":
        return {"kind": "other", "type": f"{type_name(value)} of {array.dtype}"}
    plain_array: Plain = {
        "kind": "array",
        "type": type_name(value),
        "dtype": str(array.dtype),
        "shape": list(array.shape),
    }
    if array.size > MAX_NUMBERS:
        return {**plain_array, "values": [], "too_large": True}
    numbers = array.astype(np.float64).ravel().tolist()
    return {**plain_array, "values": [n if math.isfinite(n) else str(n) for n in numbers]}


def _sequence(value: list | tuple, inside: tuple[int, ...]) -> Plain:
    """A list of numbers (or of such lists of one length) counts as an array; others stay a list."""
    if len(value) > MAX_NUMBERS:
        return {"kind": "array", "type": type_name(value), "dtype": "object",
                "shape": [len(value)], "values": [], "too_large": True}  # fmt: skip
    items = [plain(item, inside) for item in value]
    numbers = all(
        item["kind"] == "array" and (not item["shape"] or item["type"] in ("list", "tuple"))
        for item in items
    )
    if items and numbers and not any("too_large" in item for item in items):
        joined = _joined(items)
        if joined is not None:
            return {**joined, "type": type_name(value)}
    return {"kind": "list", "type": type_name(value), "items": items[:MAX_ITEMS]}


def _joined(items: list[Plain]) -> Plain | None:
    """Arrays of one shape joined along a new first axis, or None."""
    if not items or any(item["kind"] != "array" for item in items):
        return None
    if any(item["shape"] != items[0]["shape"] for item in items):
        return None
    values = [number for item in items for number in item["values"]]
    shape = [len(items), *items[0]["shape"]]
    dtype = max((item["dtype"] for item in items), key=lambda name: ROUNDING.get(name, 0.0))
    return {"kind": "array", "type": "list", "dtype": dtype, "shape": shape, "values": values}


def _foreign(value: Any) -> Plain:
    """Tensors and other things that can turn themselves into an array."""
    kind = type(value)
    if hasattr(kind, "detach") and hasattr(kind, "numpy"):
        value = value.detach()
        value = value.cpu() if hasattr(kind, "cpu") else value
        return {**_array(np.asarray(value.numpy()), value), "type": type_name(value)}
    if hasattr(kind, "__array__") and not isinstance(value, type):
        return {**_array(np.asarray(value), value), "type": type_name(value)}
    if callable(value):
        return {"kind": "function", "type": type_name(value)}
    return {"kind": "other", "type": type_name(value)}


def array_of(data: Plain) -> np.ndarray:
    """The numbers of plain data of kind "array"."""
    return np.array([float(number) for number in data["values"]]).reshape(data["shape"])


def as_array(data: Plain) -> Plain | None:
    """Plain data as one array: itself, or a list of arrays of one shape joined. Else None."""
    if data["kind"] == "array":
        return data
    return _joined(data["items"]) if data["kind"] == "list" else None


def as_items(data: Plain) -> list[Plain] | None:
    """Plain data as a list of items: a list's own, or the rows of an array. Else None."""
    if data["kind"] == "list":
        return data["items"]
    if data["kind"] != "array" or not data["shape"] or "too_large" in data:
        return None
    rows = array_of(data)
    shape = data["shape"][1:]
    return [{**data, "shape": shape, "values": row.ravel().tolist()} for row in rows]


@dataclass(frozen=True)
class Tolerance:
    """Equal means |got - expected| <= absolute + relative * |expected|."""

    absolute: float = 1e-6
    relative: float = 1e-6

    def equal(self, got: np.ndarray, expected: np.ndarray, dtype: str = "") -> np.ndarray:
        """One truth value per number; NaN equals NaN, and inf equals inf of the same sign."""
        rounding = ROUNDING.get(dtype, 0.0)
        absolute = max(self.absolute, rounding) if self.absolute else 0.0
        with np.errstate(invalid="ignore", over="ignore"):
            allowed = absolute + max(self.relative, rounding) * np.abs(expected)
            near = np.abs(got - expected) <= np.where(np.isfinite(allowed), allowed, 0.0)
        return near | (got == expected) | (np.isnan(got) & np.isnan(expected))


@dataclass(frozen=True)
class Difference:
    """The first place where two results differ. kind: type, shape, length, keys, text, values."""

    kind: str
    path: tuple[int | str, ...]
    got: Plain
    expected: Plain


def difference(
    got: Plain, expected: Plain, tolerance: Tolerance, path: tuple[int | str, ...] = ()
) -> Difference | None:
    """The first difference, or None where the results are equal."""
    return next(iter(differences(got, expected, tolerance, path)), None)


def differences(
    got: Plain, expected: Plain, tolerance: Tolerance, path: tuple[int | str, ...] = ()
) -> list[Difference]:
    """All differences, one for each part of the result; [] where the results are equal."""
    compare: dict[str, Callable[..., list[Difference]]] = {
        "array": _array_differences,
        "list": _list_differences,
        "dict": _dict_differences,
    }
    kind = expected["kind"]
    if kind in compare:
        return compare[kind](got, expected, tolerance, path)
    if got["kind"] != kind:
        return [Difference("type", path, got, expected)]
    if kind == "text" and got["value"].strip() != expected["value"].strip():
        return [Difference("text", path, got, expected)]
    return []


def _array_differences(got, expected, tolerance, path) -> list[Difference]:
    same = as_array(got)
    if same is None:
        return [Difference("type", path, got, expected)]
    if same["shape"] != expected["shape"] or "too_large" in same:
        return [Difference("shape", path, same, expected)]
    equal = tolerance.equal(array_of(same), array_of(expected), same["dtype"])
    return [] if equal.all() else [Difference("values", path, same, expected)]


def _list_differences(got, expected, tolerance, path) -> list[Difference]:
    items = as_items(got)
    if items is None:
        return [Difference("type", path, got, expected)]
    if len(items) != len(expected["items"]):
        return [Difference("length", path, got, expected)]
    pairs = enumerate(zip(items, expected["items"], strict=True))
    return [d for i, (a, b) in pairs for d in differences(a, b, tolerance, (*path, i))]


def _dict_differences(got, expected, tolerance, path) -> list[Difference]:
    if got["kind"] != "dict":
        return [Difference("type", path, got, expected)]
    have, want = dict(got["items"]), dict(expected["items"])
    if have.keys() != want.keys():
        return [Difference("keys", path, got, expected)]
    return [d for k in want for d in differences(have[k], want[k], tolerance, (*path, k))]


def value_of(data: Plain) -> Any:
    """Plain data as a value: a NumPy array or number, a text, a list, a dict; else None."""
    kind = data["kind"]
    if kind == "array" and "too_large" not in data:
        array = array_of(data)
        whole = data["dtype"].startswith("int") and np.all(array == np.round(array))
        array = array.astype(np.int64) if whole else array
        return array if array.ndim else array.item()
    if kind == "list":
        return [value_of(item) for item in data["items"]]
    if kind == "dict":
        return {key: value_of(item) for key, item in data["items"]}
    return data["value"] if kind == "text" else None


def small(data: Plain) -> str:
    """A short text for plain data, e.g. "[[0.25, 0.75], ...]"."""
    kind = data["kind"]
    if kind == "array":
        return _small_array(data)
    if kind == "text":
        return f'"{clean(data["value"], 60)}"'
    if kind == "list":
        return "[" + ", ".join(small(item) for item in data["items"][:3]) + "]"
    if kind == "dict":
        return "{" + ", ".join(f"{key}: {small(item)}" for key, item in data["items"][:4]) + "}"
    names = {"none": "None", "ellipsis": "...", "function": "a function"}
    return names.get(kind, f"a {data.get('type', 'value')}")


def _small_array(data: Plain) -> str:
    if "too_large" in data:
        return f"an array of shape {tuple(data['shape'])}"
    array = array_of(data)
    if data["dtype"] == "bool":
        array = array.astype(bool)
    elif data["dtype"].startswith(("int", "uint")) and np.all(np.abs(array) < 2**53):
        array = array.astype(np.int64)
    if array.ndim == 0:
        return f"{array.item():.6g}" if array.dtype.kind == "f" else str(array.item())
    text = np.array2string(array, precision=4, threshold=12, edgeitems=2, separator=", ")
    return text if array.size <= 12 else f"{text}  shape {array.shape}"


def is_plain(data: object) -> bool:
    """Whether data has the form that `plain` gives. Data from another process may have any."""
    if not isinstance(data, dict) or not isinstance(data.get("kind"), str):
        return False
    kind = data["kind"]
    if kind == "array":
        return _is_plain_array(data)
    if kind == "text":
        return isinstance(data.get("value"), str)
    items = data.get("items")
    if kind == "list":
        return isinstance(items, list) and all(map(is_plain, items))
    if kind == "dict":
        return isinstance(items, list) and all(
            isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)
            and is_plain(pair[1])
            for pair in items
        )  # fmt: skip
    return kind in ("none", "ellipsis", "function", "other", "unreadable")


def _is_plain_array(data: Plain) -> bool:
    shape, values = data.get("shape"), data.get("values")
    if not isinstance(shape, list) or not isinstance(values, list):
        return False
    if not isinstance(data.get("dtype"), str) or not all(type(n) is int and n >= 0 for n in shape):
        return False
    numbers = all(type(v) in (int, float) or v in ("nan", "inf", "-inf") for v in values)
    return numbers and ("too_large" in data or len(values) == math.prod(shape))
