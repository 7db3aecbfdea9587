"""Inputs as plain JSON, exact to the last bit: what crosses the border into the sandbox.

`pack` on the grader's side, `unpack` where the learner's code runs. No pickle: unpacking pickle
runs code, unpacking this does not, except for functions of the exercise's author (see `source_of`).

JSON's own values stand for themselves; everything else is an object with one tag:

    {"tuple": [...]}  {"dict": [[key, value], ...]}  {"float": "nan"}
    {"array": base64, "dtype": "<f8", "shape": [2, 3]}  {"scalar": base64, "dtype": "<f4"}
    {"tensor": array, "requires_grad": true}  {"generator": state}
    {"import": "numpy:tanh"}  {"source": "lambda x: 2 * x", "helpers": []}
"""

import ast
import base64
import copy
import importlib
import inspect
import math
import types
from collections.abc import Callable
from typing import Any

import numpy as np

ARRAY_KINDS = "biufcU"  # bool, whole numbers, floats, complex numbers, text
IMPORTABLE = ("dlcourse", "math", "numpy", "operator")  # where a function may come from by name


def pack(value: Any) -> Any:
    """The value as JSON data.

    Raises:
        TypeError: a value of this type can't be sent.
    """
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else {"float": str(value)}
    if kind is list:
        return [pack(item) for item in value]
    if kind is tuple:
        return {"tuple": [pack(item) for item in value]}
    if kind is dict:
        return {"dict": [[pack(key), pack(item)] for key, item in value.items()]}
    if isinstance(value, np.ndarray | np.generic):
        return _pack_array(value)
    if kind is np.random.Generator:
        return {"generator": pack(value.bit_generator.state)}
    if hasattr(kind, "wrap") and hasattr(value, "requires_grad"):  # a Tensor of this package
        return {"tensor": _pack_array(value.numpy()), "requires_grad": value.requires_grad}
    if callable(value):
        return _pack_function(value)
    raise TypeError(
        f"An input of type {kind.__name__} can't be sent to the sandbox. Known are numbers, texts, "
        "arrays, tensors, generators, functions, and lists, tuples and dicts of them."
    )


def unpack(data: Any) -> Any:
    """The value that `pack` was given."""
    if isinstance(data, list):
        return [unpack(item) for item in data]
    if not isinstance(data, dict):
        return data
    tag = next(iter(data))
    return _UNPACK[tag](data)


def _pack_array(value: Any) -> dict[str, Any]:
    array = np.asarray(value)
    if array.dtype.kind not in ARRAY_KINDS:
        raise TypeError(f"An array of {array.dtype} can't be sent to the sandbox.")
    text = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    if isinstance(value, np.ndarray):
        return {"array": text, "dtype": array.dtype.str, "shape": list(array.shape)}
    return {"scalar": text, "dtype": array.dtype.str}


def _unpack_array(data: dict[str, Any]) -> np.ndarray:
    flat = np.frombuffer(base64.b64decode(data["array"]), dtype=data["dtype"])
    return flat.reshape(data["shape"]).copy()  # a copy, so that it can be changed in place


def _unpack_scalar(data: dict[str, Any]) -> Any:
    return np.frombuffer(base64.b64decode(data["scalar"]), dtype=data["dtype"])[0]


def _unpack_tensor(data: dict[str, Any]) -> Any:
    from dlcourse.backprop import Tensor

    return Tensor(_unpack_array(data["tensor"]), requires_grad=data["requires_grad"])


def _unpack_generator(data: dict[str, Any]) -> np.random.Generator:
    state = unpack(data["generator"])
    bits = getattr(np.random, state["bit_generator"])()
    bits.state = state
    return np.random.Generator(bits)


# ---------------------------------------------------------------- functions


def _pack_function(function: Callable) -> dict[str, Any]:
    """By name where it can be imported in the sandbox too, else as its source."""
    module = "numpy" if isinstance(function, np.ufunc) else getattr(function, "__module__", "")
    place = f"{module}:{getattr(function, '__qualname__', function.__name__)}"
    root = str(module).partition(".")[0]
    if root in IMPORTABLE and not str(module).startswith("dlcourse.classroom"):
        return {"import": place}
    helpers: dict[str, str] = {}
    return {"source": source_of(function, helpers), "helpers": list(helpers.values())}


def source_of(function: Callable, helpers: dict[str, str] | None = None) -> str:
    """The source of a function of the exercise's author, as one expression or `def`.

    It may use its arguments, `np`, `math`, `dl`, and functions of its file whose name starts with
    an underscore; their sources are added to `helpers`. Nothing else of its file is there.

    Raises:
        TypeError: it has no source, or it uses variables of a function around it.
    """
    if not isinstance(function, types.FunctionType) or function.__closure__:
        raise TypeError(
            f"The function {getattr(function, '__name__', function)!r} can't be sent to the "
            "sandbox: it must be a plain function or lambda without variables from around it."
        )
    lines, _ = inspect.findsource(function)
    tree = ast.parse("".join(lines))
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.Lambda | ast.FunctionDef)]
    nodes = [node for node in functions if _holds(node, function.__code__)]
    if not nodes:
        raise TypeError(f"The source of {function.__name__!r} was not found in its file.")
    node = nodes[-1]  # the innermost
    helpers = {} if helpers is None else helpers
    for name in {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}:
        value = function.__globals__.get(name)
        if not isinstance(value, types.FunctionType) or value.__module__ != function.__module__:
            continue
        if name.startswith("_") and name not in helpers:
            helpers[name] = ""  # a function may call itself
            helpers[name] = source_of(value, helpers)
    return ast.unparse(_without_annotations(node))


def _holds(node: ast.Lambda | ast.FunctionDef, code: types.CodeType) -> bool:
    """Whether a function's code stands within this node. One line may hold several lambdas.

    The code itself can't be compared: Python compiles calls of an imported module's functions in
    another way where it sees the import.
    """
    if [arg.arg for arg in node.args.args] != list(code.co_varnames[: code.co_argcount]):
        return False
    first = (node.lineno, node.col_offset)
    last = (node.end_lineno or 0, node.end_col_offset or 0)
    places = [p for p in code.co_positions() if None not in p and p[2] != p[3]]
    return all(first <= (p[0], p[2]) and (p[1], p[3]) <= last for p in places)


def _without_annotations(node: ast.Lambda | ast.FunctionDef) -> ast.AST:
    node = copy.deepcopy(node)
    for part in ast.walk(node):
        if isinstance(part, ast.arg):
            part.annotation = None
        if isinstance(part, ast.FunctionDef):
            part.returns = None
    return node


def _function_from(source: str, helpers: list[str]) -> Any:
    """The function again. Only sources that the grader packed get here."""
    import dlcourse

    names: dict[str, Any] = {"np": np, "math": math, "dl": dlcourse}
    for helper in helpers:
        exec(helper, names)
    if source.startswith("lambda"):
        return eval(source, names)
    exec(source, names)
    return names[source.removeprefix("def ").partition("(")[0]]


def _imported(place: str) -> Any:
    module, _, path = place.partition(":")
    found: Any = importlib.import_module(module)
    for name in path.split("."):
        found = getattr(found, name)
    return found


_UNPACK: dict[str, Callable[[dict[str, Any]], Any]] = {
    "tuple": lambda data: tuple(unpack(data["tuple"])),
    "dict": lambda data: {unpack(key): unpack(item) for key, item in data["dict"]},
    "float": lambda data: float(data["float"]),
    "array": _unpack_array,
    "scalar": _unpack_scalar,
    "tensor": _unpack_tensor,
    "generator": _unpack_generator,
    "import": lambda data: _imported(data["import"]),
    "source": lambda data: _function_from(data["source"], data["helpers"]),
}
