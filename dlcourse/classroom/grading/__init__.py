"""Grading submitted notebooks that nobody has looked at: safely, and each one alone.

    release = read_release("solutions/15_backpropagation.ipynb")
    grade = grade_one(release, "submissions/ada/15_backpropagation.ipynb", student="ada")

Read the files in this order: reasons, limits, intake, parcel, inside, standin, release, assemble;
then sandbox, seccomp, provisioner, watchdog, kernel; then scoring, nbval_plugin, one.

Expected results never enter the process that runs a learner's code. That process gets inputs and
gives back records; another one compares.
"""

from typing import Any

from dlcourse.classroom.grading.limits import Limits

__all__ = ["Limits", "Release", "grade_one", "read_release"]

_PLACES = {"Release": "release", "grade_one": "one", "read_release": "release"}


def __getattr__(name: str) -> Any:
    """Load the heavy parts at first use: the pytest plugin needs only some of them."""
    import importlib

    if name not in _PLACES:
        raise AttributeError(f"{__name__} has no {name}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
