"""Two ways to plant a fault, without a change of any file.

`InPlace` gives the functions that are already in memory other code: after the tests have been
collected once, a fault costs hundredths of a second. `plant_for_import` comes before the import:
for faults outside functions (a default value, a constant, a class attribute), and for those in
functions that only an import calls.
"""

import gc
import importlib.abc
import importlib.machinery
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from types import CodeType, FunctionType, ModuleType
from typing import Any

from tests.mutation.faults import Fault

Key = tuple[str, int, int]  # a function's name, its first line, and which one of that line


class CannotPlantError(Exception):
    """The faulty code does not fit into the functions in memory; it has to be imported."""


class InPlace:
    """The functions of some files that are in memory now."""

    def __init__(self, faults: list[Fault]) -> None:
        originals = {fault.path: fault for fault in faults}
        self.functions: dict[str, list[tuple[Key, FunctionType]]] = {p: [] for p in originals}
        keys = {
            path: {code: key for key, code in _codes(fault.original())}
            for path, fault in originals.items()
        }
        for thing in gc.get_objects():
            if type(thing) is FunctionType:  # isinstance would ask the objects themselves
                path = thing.__code__.co_filename
                if path in keys and thing.__code__ in keys[path]:
                    self.functions[path].append((keys[path][thing.__code__], thing))

    def plant(self, fault: Fault) -> None:
        """Give every function that differs the faulty code; raises CannotPlantError."""
        codes, changed = dict(_codes(fault.compiled())), False
        for key, function in self.functions[fault.path]:
            code = codes.get(key)
            if code is None or code.co_freevars != function.__code__.co_freevars:
                raise CannotPlantError(f"{key} has another closure")
            if code != function.__code__:
                function.__code__, changed = code, True
        if not changed:
            raise CannotPlantError("no function in memory has this code")


def _codes(module: CodeType) -> Iterator[tuple[Key, CodeType]]:
    """The code of all functions, also of those inside others."""
    seen: Counter[tuple[str, int]] = Counter()

    def inside(code: CodeType) -> Iterator[tuple[Key, CodeType]]:
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                name = (constant.co_qualname, constant.co_firstlineno)
                yield (*name, seen[name]), constant
                seen[name] += 1
                yield from inside(constant)

    yield from inside(module)


def clear_caches(package: str) -> None:
    """Forget what functools.cache keeps: a function that is not called again shows no fault."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == package:
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


# --- Before the import ------------------------------------------------------------------------
class _Finder(importlib.abc.MetaPathFinder):
    """Finds one module, and gives it the faulty code."""

    def __init__(self, fault: Fault, name: str) -> None:
        self.fault, self.name = fault, name

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> Any:
        if name != self.name:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None:
            spec.loader = _Loader(self.fault, name)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, fault: Fault, name: str) -> None:
        super().__init__(name, fault.path)
        self.fault = fault

    def get_code(self, fullname: str) -> CodeType:
        return self.fault.compiled()


def plant_for_import(fault: Fault, package: str) -> None:
    """From now on an import gets the faulty file. The package must not be imported yet."""
    name = ".".join([package, *fault.file.removesuffix(".py").split("/")])
    if name in sys.modules:
        raise CannotPlantError(f"{name} has been imported already")
    sys.meta_path.insert(0, _Finder(fault, name))
