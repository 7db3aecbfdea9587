"""The data sets: shapes, types, ranges, sources, and splits without overlap."""

import numpy as np
import pytest

from dlcourse import data

SHAPES = {
    "digits": (1797, 64, 10),
    "iris": (150, 4, 3),
    "wine": (178, 13, 3),
    "breast_cancer": (569, 30, 2),
    "xor": (4, 2, 2),
    "moons": (200, 2, 2),
    "spirals": (300, 2, 3),
}


@pytest.mark.parametrize("name", SHAPES)
def test_sets_have_the_promised_form(name: str) -> None:
    found, (samples, features, classes) = getattr(data, name)(), SHAPES[name]
    assert found.x.shape == (samples, features)
    assert found.y.shape == (samples,)
    assert found.x.dtype == np.float32
    assert found.y.dtype == np.int64
    assert sorted(set(found.y.tolist())) == list(range(classes))
    assert len(found.names) == classes
    assert len(found.features) == features
    assert all(type(text) is str for text in (*found.names, *found.features))
    assert len(found.source) > 20
    assert np.isfinite(found.x).all()
    assert str(found.x.shape) in repr(found)


def test_digits_are_pictures_between_0_and_1() -> None:
    x = data.digits().x
    assert x.min() == 0
    assert x.max() == 1
    assert np.array_equal(x * 16, np.round(x * 16))


def test_logic_lists_every_function_once() -> None:
    two = data.logic(2)
    assert two.x.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert two.y.shape == (4, 16)
    assert len({tuple(column) for column in two.y.T}) == 16
    assert two.y[:, 1].tolist() == [0, 0, 0, 1]
    assert two.y[:, 6].tolist() == [0, 1, 1, 0]
    assert two.names[7] == "0111"
    assert data.logic(3).y.shape == (8, 256)
    with pytest.raises(ValueError, match="n=5"):
        data.logic(5)


@pytest.mark.parametrize("make", [data.moons, data.spirals])
def test_generated_sets_follow_the_seed_and_the_noise(make) -> None:
    assert np.array_equal(make(seed=1).x, make(seed=1).x)
    assert not np.array_equal(make(seed=1).x, make(seed=2).x)
    calm = make(noise=0.0).x
    assert not np.array_equal(calm, make(noise=0.1).x)


def test_moons_without_noise_lie_on_two_circles() -> None:
    moons = data.moons(noise=0.0)
    upper, lower = moons.x[moons.y == 0], moons.x[moons.y == 1]
    assert np.allclose(np.hypot(*upper.T), 1, atol=1e-6)
    assert np.allclose(np.hypot(*(lower - [1, 0.5]).T), 1, atol=1e-6)


def test_split_has_every_row_once_and_pairs_stay_together() -> None:
    x = np.arange(20).reshape(10, 2)
    split = data.train_test(x, x[:, 0] * 10, test_share=0.3, seed=4)
    assert split.x_train.shape == (7, 2)
    assert split.x_test.shape == (3, 2)
    rows = np.concatenate([split.x_train, split.x_test])
    assert np.array_equal(rows[np.argsort(rows[:, 0])], x)
    assert np.array_equal(split.y_train, split.x_train[:, 0] * 10)
    assert np.array_equal(split.y_test, split.x_test[:, 0] * 10)
    again = data.train_test(x, x[:, 0], 0.3, seed=4)
    assert np.array_equal(again.x_test, split.x_test)
    assert not np.array_equal(data.train_test(x, x[:, 0], 0.3, seed=5).x_test, split.x_test)


@pytest.mark.parametrize("share", [0, 1, 0.01, -1])
def test_a_split_with_an_empty_part_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="one part empty"):
        data.train_test(np.ones((10, 1)), np.ones(10), share)
    with pytest.raises(ValueError, match="10 rows and y has 9"):
        data.train_test(np.ones((10, 1)), np.ones(9))
