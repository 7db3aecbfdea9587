"""Every public name of an architecture has a test file that proves it, and the files run alone."""

import importlib
import inspect
from pathlib import Path

import pytest

import dlcourse as dl

FOLDER = Path(dl.__file__).parent / "architectures"
FILES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")


def public(name: str) -> set[str]:
    """The functions and classes that a file defines for others."""
    module = importlib.import_module(f"dlcourse.architectures.{name}")
    return {
        key
        for key, value in vars(module).items()
        if not key.startswith("_") and getattr(value, "__module__", "") == module.__name__
    }


@pytest.mark.parametrize("name", FILES)
def test_every_public_name_is_proven(name: str) -> None:
    tests = importlib.import_module(f"tests.engine.architectures.test_{name}")
    missing, unknown = public(name) - tests.COVERS, tests.COVERS - public(name)
    assert not missing, f"test_{name}.py proves nothing about {sorted(missing)}"
    assert not unknown, f"test_{name}.py covers {sorted(unknown)}, which {name}.py does not have"


@pytest.mark.parametrize("name", dl.architectures.__all__)
def test_the_models_stand_in_the_folder_by_name(name: str) -> None:
    value = getattr(dl.architectures, name)
    assert inspect.isclass(value) or inspect.isfunction(value)
    assert value.__doc__
