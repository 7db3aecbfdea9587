"""Default values are promises: whoever changes one changes the results of all who rely on it.

defaults.txt lists them, one callable of the engine a line. A default that was changed on purpose is
changed there too; the failure prints the line.
"""

import importlib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import pytest

import dlcourse

PACKAGE = Path(dlcourse.__file__).parent
PARTS = ("*.py", "layers/*.py", "architectures/*.py")
LISTED = Path(__file__).with_name("defaults.txt").read_text("utf8").splitlines()
APART = {"__init__", "cli", "course", "doctor", "plots"}
FILES = sorted(
    path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", ".")
    for part in PARTS
    for path in PACKAGE.glob(part)
    if path.stem not in APART
)


def callables(module: Any) -> Iterator[tuple[str, Callable]]:
    """The functions and the classes that a file defines, and the methods of these classes."""
    for name, value in vars(module).items():
        if getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(value):
            for inner, method in vars(value).items():
                if inspect.isfunction(method) and value.__module__ == method.__module__:
                    yield f"{name}.{inner}".removesuffix(".__init__"), method
        elif callable(value):
            yield name, value


def shown(default: Any) -> str:
    """A default as text: the same in every run, and short."""
    if callable(default):
        return str(default.__name__)
    return type(default).__name__ if is_dataclass(default) else repr(default)


def listing(file: str) -> list[str]:
    """One line for each callable that has defaults: "layers.dropout.dropout: p=0.5, training=…"."""
    lines = []
    for name, function in callables(importlib.import_module(f"dlcourse.{file}")):
        parameters = inspect.signature(function).parameters.values()
        defaults = [f"{p.name}={shown(p.default)}" for p in parameters if p.default is not p.empty]
        is_public = all(part[0] != "_" for part in name.split("."))
        if defaults and is_public:
            lines.append(f"{file}.{name}: {', '.join(defaults)}")
    return sorted(lines)


@pytest.mark.parametrize("file", FILES)
def test_defaults_are_the_listed_ones(file: str) -> None:
    assert listing(file) == [x for x in LISTED if x.rpartition(": ")[0].startswith(f"{file}.")]
