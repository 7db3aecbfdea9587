"""Fixtures: the small assignment as a notebook, and results without running anything."""

import pytest

from dlcourse.classroom.grading import Limits, read_release
from tests.grading.assignment import as_bytes, submission
from tests.grading.conftest import samples  # noqa: F401 - the exercises 99.1 to 99.4

NAME = "99_samples"


@pytest.fixture(scope="package")
def notebook(tmp_path_factory, samples):  # noqa: F811
    """The assignment's notebook with its solutions, alone in a folder solutions/."""
    folder = tmp_path_factory.mktemp("course") / "solutions"
    folder.mkdir()
    path = folder / f"{NAME}.ipynb"
    path.write_bytes(as_bytes(submission()))
    return path


@pytest.fixture(scope="package")
def release(notebook):
    return read_release(notebook, seed=7)


@pytest.fixture
def limits():
    return Limits(cell_seconds=12, total_seconds=60, memory_mb=700, disk_mb=32)
