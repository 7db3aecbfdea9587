"""Finds the exercises: one file a chapter, `NN_name.py`, with the list EXERCISES.

The environment variable DLCOURSE_CHECKS adds a folder of such files, for a school's own exercises.
"""

import functools
import importlib
import importlib.util
import os
import re
import sys
from pathlib import Path
from types import ModuleType

from dlcourse.classroom.base import Exercise

HERE = Path(__file__).parent


def files() -> dict[str, Path]:
    """The chapters' files by name, "15_backpropagation", in order."""
    extra = os.environ.get("DLCOURSE_CHECKS")
    folders = [HERE, Path(extra)] if extra else [HERE]
    found = [path for folder in folders for path in folder.glob("*.py")]
    named = {path.stem: path for path in found if re.match(r"\d\d_", path.name)}
    return dict(sorted(named.items()))


@functools.cache
def _module(path: Path) -> ModuleType:
    if path.parent == HERE:
        return importlib.import_module(f"{__name__}.{path.stem}")
    name = f"dlcourse_checks_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} can't be loaded as a file of exercises.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def load(chapter: str) -> list[Exercise]:
    """The exercises of one chapter, by its name "15_backpropagation"."""
    known = files()
    if chapter not in known:
        raise ValueError(f"No exercises for chapter {chapter!r}. Known: {', '.join(known)}.")
    exercises: list[Exercise] = _module(known[chapter]).EXERCISES
    for exercise in exercises:
        if exercise.chapter != chapter[:2]:
            raise ValueError(f"Exercise {exercise.id} stands in {chapter}; its chapter differs.")
    return exercises


def chapters() -> dict[str, list[Exercise]]:
    """All exercises by chapter."""
    return {name: load(name) for name in files()}


def find(exercise_id: str) -> Exercise:
    """The exercise with this id, e.g. "15.1"."""
    if not isinstance(exercise_id, str):
        raise TypeError(f'An exercise\'s id is a text in quotes, "15.1"; got {exercise_id!r}.')
    number = exercise_id.split(".")[0].zfill(2)
    names = [name for name in files() if name.startswith(f"{number}_")]
    exercises = [exercise for name in names for exercise in load(name)]
    for exercise in exercises:
        if exercise.id == exercise_id:
            return exercise
    known = ", ".join(exercise.id for exercise in exercises) or "none"
    raise ValueError(
        f'There is no exercise "{exercise_id}". In chapter {number} there are: {known}.'
    )
