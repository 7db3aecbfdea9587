"""The sketches: form, kinds, strokes where they belong, and what a seed fixes."""

from __future__ import annotations

import numpy as np
import pytest

from dlcourse import data
from dlcourse.data.sketches import KINDS, OFFSETS, SCRAMBLES, SIZE, Faces, draw, faces


def test_the_set_has_the_promised_form() -> None:
    found = data.sketches(60, seed=3)
    assert found.x.shape == (60, SIZE * SIZE)
    assert found.x.dtype == np.float32
    assert found.y.dtype == np.int64
    assert found.names == KINDS
    assert len(found.features) == SIZE * SIZE
    assert len(found.source) > 20
    assert np.isfinite(found.x).all()
    assert np.bincount(found.y).tolist() == [30, 10, 10, 10]


def test_only_the_wanted_others_are_drawn() -> None:
    assert np.bincount(data.sketches(40, others=("fox",)).y, minlength=4).tolist() == [20, 0, 20, 0]
    with pytest.raises(ValueError, match="others is taken from"):
        data.sketches(10, others=())
    with pytest.raises(ValueError, match="dog"):
        data.sketches(10, others=("dog",))


def test_seed_and_noise() -> None:
    assert np.array_equal(data.sketches(20, seed=1).x, data.sketches(20, seed=1).x)
    assert not np.array_equal(data.sketches(20, seed=1).x, data.sketches(20, seed=2).x)
    calm, noisy = (data.sketches(200, seed=1, noise=noise).x for noise in (0.0, 0.08))
    assert calm.min() >= 0
    assert calm.max() <= 1
    assert np.std(noisy - calm) == pytest.approx(0.08, rel=0.05)


def test_no_part_of_a_scrambled_cat_is_at_home() -> None:
    assert len(SCRAMBLES) == 80
    for order in SCRAMBLES:
        assert sorted(order) == [0, 1, 2, 3, 4, 5]
        assert all(order[part] // 2 != part // 2 for part in range(6))


def test_the_same_seed_gives_the_same_heads_for_all_kinds() -> None:
    drawn = [faces(np.full(50, kind), seed=4) for kind in range(4)]
    for other in drawn[1:]:
        assert np.array_equal(other.radius, drawn[0].radius)
        assert np.array_equal(other.x, drawn[0].x)
    for other in drawn[1:3]:
        assert np.array_equal(other.spots, drawn[0].spots)
    assert np.abs(drawn[3].spots - drawn[0].spots).max(axis=(1, 2)).min() > 2
    assert [face.pointed.all() for face in drawn] == [True, False, True, True]
    assert [face.whiskers.all() for face in drawn] == [True, True, False, True]


def upright(kind: int) -> np.ndarray:
    """One face in the middle, not tilted, (24, 24)"""
    middle, radius = np.array([12.0, 13.0]), 6.0
    spots = (middle + radius * OFFSETS)[None]
    one = np.ones(1)
    these = Faces(
        12 * one, 13 * one, radius * one, spots, np.array([kind != 1]), np.array([kind != 2])
    )
    return draw(these)[0]


def test_strokes_are_where_the_formulas_say() -> None:
    cat, mouse, fox = (upright(kind) for kind in (0, 1, 2))
    for picture in (cat, mouse, fox):
        assert picture.min() == 0
        assert picture.max() == 1
        assert picture[13 + 6, 12] == 1  # the chin is on the circle
        assert picture[13, 12] == 0  # the middle of the face is paper
        assert np.allclose(picture, picture[:, ::-1][:, [-1, *range(SIZE - 1)]])
    assert (cat[4] > 0).sum() < (mouse[4] > 0).sum()  # a tip is narrower than a ring
    assert (cat - fox >= 0).all()
    whiskers = np.argwhere(cat - fox > 0.3)
    assert ((whiskers[:, 0] >= 12) & (whiskers[:, 0] <= 17)).all()
    assert not np.array_equal(cat, mouse)


def test_nearly_all_of_a_face_lies_on_the_picture() -> None:
    drawn = draw(faces(np.zeros(500, dtype=int), seed=8))
    edge = np.concatenate([drawn[:, 0], drawn[:, -1]], axis=1)
    assert (edge.max(axis=1) < 0.5).mean() > 0.9
