"""Moved digits: form, placement against scipy's rotation, scraps, noise, seeds and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import rotate

from dlcourse import data
from dlcourse.data import clutter

CLEAN = {"turn": 0.0, "scraps": 0, "noise": 0.0}


@pytest.fixture(scope="module")
def originals() -> data.Dataset:
    return data.digits()


def test_form(originals: data.Dataset) -> None:
    made = data.moved_digits(originals.x, originals.y, n=50, seed=0)
    assert made.x.shape == (50, 256)
    assert made.x.dtype == np.float32
    assert made.y.shape == (50,)
    assert made.y.dtype == np.int64
    assert set(made.y.tolist()) <= set(range(10))
    assert len(made.names) == 10
    assert len(made.features) == 256
    assert "Generated from 1,797" in made.source
    assert data.moved_digits(originals.x, originals.y, n=4, seed=0, size=20).x.shape == (4, 400)


def test_a_clean_picture_holds_its_original_somewhere(originals: data.Dataset) -> None:
    made = data.moved_digits(originals.x, originals.y, n=60, seed=3, **CLEAN)
    known = {row.tobytes(): label for row, label in zip(originals.x, originals.y, strict=True)}
    corners = set()
    for row, label in zip(made.x, made.y, strict=True):
        picture = row.reshape(16, 16)
        places = [
            (i, j)
            for i, j in np.ndindex(9, 9)
            if np.isclose(picture[i : i + 8, j : j + 8].sum(), picture.sum())
            and known.get(picture[i : i + 8, j : j + 8].tobytes()) == label
        ]
        assert places
        corners.add(places[0])
    assert len(corners) > 30  # it moves


@pytest.mark.parametrize("degrees", [-25.0, 10.0, 90.0])
def test_turning_is_that_of_scipy(originals: data.Dataset, degrees: float) -> None:
    digits = originals.x[:20].reshape(-1, 8, 8).astype(float)
    corner = np.full((20, 2), 4)
    ours = clutter._placed(digits, np.full(20, np.radians(degrees)), corner, 16)
    framed = np.pad(digits, ((0, 0), (4, 4), (4, 4)))
    theirs = [rotate(picture, degrees, reshape=False, order=1) for picture in framed]
    assert ours == pytest.approx(np.array(theirs), abs=1e-9)


def test_scraps_come_on_top(originals: data.Dataset) -> None:
    options = {"turn": 0.0, "noise": 0.0}
    plain = data.moved_digits(originals.x, originals.y, 40, 5, scraps=0, **options)
    more = data.moved_digits(originals.x, originals.y, 40, 5, scraps=3, **options)
    assert np.array_equal(plain.y, more.y)
    changed = (more.x != plain.x).sum(axis=1)
    assert np.all(more.x >= plain.x)
    assert 0 < changed.mean() <= 27
    assert more.x[more.x != plain.x].max() <= clutter.FAINT + 1e-6


def test_noise_has_the_wanted_size(originals: data.Dataset) -> None:
    options = {"turn": 20.0, "scraps": 0}
    plain = data.moved_digits(originals.x, originals.y, 40, 5, noise=0.0, **options)
    noisy = data.moved_digits(originals.x, originals.y, 40, 5, noise=0.1, **options)
    assert (noisy.x - plain.x).std() == pytest.approx(0.1, rel=0.03)


def test_turns_stay_within_their_limit(originals: data.Dataset) -> None:
    bar = np.zeros((1, 8, 8))
    bar[0, 3:5] = 1  # a horizontal bar
    made = data.moved_digits(bar, np.array([0]), 200, 0, turn=25.0, scraps=0, noise=0.0)
    row, column = np.mgrid[:16, :16]
    angles = []
    for picture in made.x.reshape(-1, 16, 16):
        mass = picture / picture.sum()
        r, c = row - (mass * row).sum(), column - (mass * column).sum()
        angles.append(
            np.degrees(0.5 * np.arctan2(2 * (mass * r * c).sum(), (mass * (c * c - r * r)).sum()))
        )
    assert 20 < np.max(np.abs(angles)) < 26
    assert abs(np.mean(angles)) < 3


def test_the_seed_decides(originals: data.Dataset) -> None:
    make = lambda seed: data.moved_digits(originals.x, originals.y, 20, seed)  # noqa: E731
    assert np.array_equal(make(1).x, make(1).x)
    assert not np.array_equal(make(1).x, make(2).x)


@pytest.mark.parametrize(
    "options",
    [{"n": 0}, {"size": 7}, {"turn": -1.0}, {"turn": 181.0}, {"scraps": -1}, {"noise": -0.1}],
)
def test_settings_that_do_not_fit_are_refused(originals: data.Dataset, options: dict) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(options))}=-?[0-9]"):
        data.moved_digits(originals.x, originals.y, **({"n": 5, "seed": 0} | options))


@pytest.mark.parametrize(
    ("x", "y"), [(np.ones((3, 63)), np.ones(3)), (np.ones((3, 64)), np.ones(2)), (np.ones(64), [1])]
)
def test_originals_of_another_form_are_refused(x: np.ndarray, y: np.ndarray) -> None:
    with pytest.raises(ValueError, match="originals of 8 x 8 pixels"):
        data.moved_digits(x, y, n=5, seed=0)
