"""Digits that moved: turned, anywhere on a larger picture, with scraps of others around them.

A stand-in for photographs that needs no network. The digit is no longer in the middle and no longer
alone, so a method must find it wherever it is.
"""

from typing import Any

import numpy as np

from dlcourse.data.sets import Dataset

SIDE = 8  # pixels of an original
SCRAP = 3  # pixels of a scrap
FAINT = 0.8  # the ink of a scrap, compared with that of the digit it was cut from


def moved_digits(
    x: Any,
    y: Any,
    n: int,
    seed: int,
    *,
    size: int = 16,
    turn: float = 25.0,
    scraps: int = 2,
    noise: float = 0.05,
) -> Dataset:
    """n pictures of size x size pixels, each with one of these digits somewhere on it.

        x_train, x_test, y_train, y_test = train_test(digits.x, digits.y, 0.3, seed=0)
        train = moved_digits(x_train, y_train, n=3000, seed=1)

    Each picture takes an original at random, turns it, puts it at a random place, lays scraps of
    other originals over it (the darker pixel counts) and adds noise. Split the originals first:
    otherwise one and the same digit can stand in the training and in the test pictures.

    x, y    the originals, as in dl.data.digits(): x (m, 64) with ink from 0 to 1, y (m,)
    n       number of pictures, at least 1
    seed    the same seed gives the same pictures
    size    rows and columns of a picture, at least 8
    turn    a digit is turned by up to so many degrees to either side, 0 to 180
    scraps  number of scraps of 3 x 3 pixels, with 0.8 of their ink, 0 or more
    noise   standard deviation of the noise in every pixel, 0 or more

    Gives:   x (n, size * size), y (n,). A picture is x[i].reshape(size, size); noise takes some
             pixels below 0 and above 1
    Raises:  ValueError if an argument does not fit
    """
    originals = _checked(x, y, n, size, turn, scraps, noise)
    rng = np.random.default_rng(seed)
    chosen = rng.integers(len(originals), size=n)
    angle = np.radians(rng.uniform(-turn, turn, n))
    corner = rng.integers(0, size - SIDE + 1, (n, 2))
    pictures = _placed(originals[chosen], angle, corner, size)  # (n, size, size)
    for _ in range(scraps):
        pictures = np.maximum(pictures, _scrap(originals, n, size, rng))
    pictures = pictures + rng.normal(0, noise, pictures.shape)
    return Dataset(
        x=pictures.reshape(n, -1).astype(np.float32),
        y=np.asarray(y)[chosen].astype(np.int64),
        names=tuple(str(digit) for digit in range(10)),
        features=tuple(f"pixel {row}, {column}" for row, column in np.ndindex(size, size)),
        source=(
            f"Generated from {len(originals):,} of scikit-learn's handwritten digits (Alpaydin and "
            f"Kaynak 1998): turned by up to {turn:g} degrees, moved, with {scraps} scraps of other "
            "digits and with noise."
        ),
    )


def _checked(
    x: Any, y: Any, n: int, size: int, turn: float, scraps: int, noise: float
) -> np.ndarray:
    """The originals as pictures (m, 8, 8)."""
    x = np.asarray(x, dtype=np.float64)
    if x.ndim < 2 or x.size != len(x) * SIDE**2 or len(x) != len(np.asarray(y)) or not len(x):
        raise ValueError(
            "moved_digits takes originals of 8 x 8 pixels, x (m, 64), and as many labels y (m,). "
            f"Received: x {x.shape}, y {np.shape(y)}"
        )
    if n < 1 or size < SIDE or not 0 <= turn <= 180 or scraps < 0 or noise < 0:
        raise ValueError(
            "moved_digits: n is at least 1, size at least 8, turn lies between 0 and 180 degrees, "
            f"scraps and noise are 0 or more. Received: {n=}, {size=}, {turn=}, {scraps=}, {noise=}"
        )
    return x.reshape(-1, SIDE, SIDE)


def _placed(digits: np.ndarray, angle: np.ndarray, corner: np.ndarray, size: int) -> np.ndarray:
    """Each digit (n, 8, 8) turned about its middle, its upper left corner at `corner` (n, 2).

    For each pixel of the picture: where does it lie in the digit? Then the mean of the four pixels
    around that place, weighted by nearness. Outside the digit there is no ink.
    """
    n, middle = len(digits), (SIDE - 1) / 2
    framed = np.pad(digits, ((0, 0), (1, 1), (1, 1)))  # a frame of empty pixels
    grid = np.arange(size)
    down = (grid[None, :, None] - corner[:, 0, None, None]) - middle  # (n, size, 1)
    right = (grid[None, None, :] - corner[:, 1, None, None]) - middle  # (n, 1, size)
    cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    row = np.clip(cos * down + sin * right + middle, -1, SIDE) + 1  # (n, size, size), in the frame
    column = np.clip(cos * right - sin * down + middle, -1, SIDE) + 1
    i = np.minimum(row.astype(int), SIDE)
    j = np.minimum(column.astype(int), SIDE)
    a, b = row - i, column - j  # 0 to 1: how far on the way to the next pixel
    which = np.arange(n)[:, None, None]
    above = (1 - b) * framed[which, i, j] + b * framed[which, i, j + 1]
    below = (1 - b) * framed[which, i + 1, j] + b * framed[which, i + 1, j + 1]
    return (1 - a) * above + a * below


def _scrap(originals: np.ndarray, n: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """n pictures, empty but for a piece of 3 x 3 pixels out of some original at some place."""
    source = rng.integers(len(originals), size=n)
    cut, paste = (
        rng.integers(0, SIDE - SCRAP + 1, (n, 2)),
        rng.integers(0, size - SCRAP + 1, (n, 2)),
    )
    step, which = np.arange(SCRAP), np.arange(n)[:, None, None]

    def window(corner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return corner[:, 0, None, None] + step[:, None], corner[:, 1, None, None] + step

    pictures = np.zeros((n, size, size))
    pictures[which, *window(paste)] = FAINT * originals[source[:, None, None], *window(cut)]
    return pictures
