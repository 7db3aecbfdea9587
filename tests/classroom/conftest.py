"""Fixtures of the classroom's tests: a fresh home for progress, and the sample exercises."""

import types
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A progress folder of this test's own, and the sample chapter 99 among the chapters."""
    monkeypatch.setenv("DLCOURSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DLCOURSE_CHECKS", str(SAMPLES))
    return tmp_path / "home"


@pytest.fixture
def sample(home):
    """The sample exercises by a short name: sample.softmax, sample.xor ..."""
    from dlcourse.classroom import checks

    names = ("softmax", "matmul", "descend", "parameters", "slope", "xor", "design")
    return types.SimpleNamespace(**dict(zip(names, checks.load("99_samples"), strict=True)))
