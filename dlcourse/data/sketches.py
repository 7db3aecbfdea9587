"""Sketches of faces: a small world in which "cat" is parts in their places, not a sum of pixels.

A cat has pointed ears and whiskers. A mouse has round ears, a fox has no whiskers, and a scrambled
cat has all the parts of a cat, none of them where it belongs. Everything is drawn by formulas, so a
page can draw the same sketch. They are made up: good for looking into a network, no proof of use.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from dlcourse.data.sets import Dataset

SIZE = 24  # pixels on each side
KINDS = ("cat", "mouse", "fox", "scrambled cat")
OFFSETS = np.array(  # the places of ears, eyes, whiskers from the middle: (x, y) in radii, y down
    [(-0.65, -0.95), (0.65, -0.95), (-0.4, -0.2), (0.4, -0.2), (-0.75, 0.35), (0.75, 0.35)]
)
# Which place each part takes: two ears, two eyes, two bundles of whiskers. None is at home.
SCRAMBLES = np.array(
    [order for order in permutations(range(6)) if all(order[i] // 2 != i // 2 for i in range(6))]
)


@dataclass(frozen=True, eq=False)
class Faces:
    """Where n faces and their parts stand, in pixels, and of what they are made."""

    x: np.ndarray  # (n,) middle of the head, columns from the left
    y: np.ndarray  # (n,) rows from the top
    radius: np.ndarray  # (n,) of the head
    spots: np.ndarray  # (n, 6, 2) the (x, y) of two ears, two eyes, two bundles of whiskers
    pointed: np.ndarray  # (n,) whether the ears are pointed; else they are round
    whiskers: np.ndarray  # (n,) whether there are whiskers


def faces(kinds: Sequence[int] | np.ndarray, seed: int | np.random.Generator = 0) -> Faces:
    """Faces of the wanted kinds (indices of KINDS): other places, sizes and tilts in each.

    The same seed gives the same heads for all kinds.
    """
    kinds, rng = np.asarray(kinds), np.random.default_rng(seed)
    n = len(kinds)
    middle = SIZE / 2 + np.array([0, 0.5]) + rng.uniform(-3, 3, (n, 2))
    radius, tilt = rng.uniform(4.5, 6.5, n), rng.uniform(-0.35, 0.35, n)  # tilt in radians
    mixed = SCRAMBLES[rng.integers(len(SCRAMBLES), size=n)]
    places = np.where((kinds == 3)[:, None], mixed, np.arange(6))
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    turned = np.einsum("xyn,npy->npx", turn, OFFSETS[places])
    spots = middle[:, None] + radius[:, None, None] * turned + rng.uniform(-0.7, 0.7, (n, 6, 2))
    x, y = middle.T
    return Faces(x, y, radius, spots, pointed=kinds != 1, whiskers=kinds != 2)


def draw(these: Faces) -> np.ndarray:
    """The faces in ink, 0 for paper and 1 for a line. Shape (n, 24, 24)

    A line is one pixel wide: its ink falls from 1 to 0 within one pixel of distance.
    """
    spots, pointed = these.spots, these.pointed[:, None, None]
    ink = _circle(np.stack([these.x, these.y], axis=1), these.radius)
    for part in (0, 1):
        ear = np.where(pointed, _tip(spots[:, part]), _ring(spots[:, part]))
        ink = np.maximum(ink, ear)
    for part in (2, 3):
        ink = np.maximum(ink, np.clip(1.8 - _distance(spots[:, part]), 0, 1))  # a disc
    for part, side in ((4, -1), (5, 1)):
        hair = _hairs(spots[:, part], side) * these.whiskers[:, None, None]
        ink = np.maximum(ink, hair)
    return ink


def sketches(
    n: int = 1500, seed: int = 0, others: Sequence[str] = KINDS[1:], noise: float = 0.08
) -> Dataset:
    """Faces on grey paper: half of them cats, the rest dealt to the others. x (n, 576), y (n,)

    y is the kind: 0 cat, 1 mouse, 2 fox, 3 scrambled cat. A picture is x[i].reshape(24, 24), ink
    about 0 to 1; paper and ink differ in strength from picture to picture.

    n       pictures, at least 1
    others  which kinds take the other half, at least one of KINDS[1:]
    noise   standard deviation of the error added to every pixel, 0 or more
    Raises  ValueError if others is empty or names another kind
    """
    if not others or any(name not in KINDS[1:] for name in others):
        raise ValueError(f"sketches: others is taken from {KINDS[1:]}. Received: {tuple(others)}")
    rng = np.random.default_rng(seed)
    dealt = [k for name in others for k in (0, KINDS.index(name))]
    kinds = rng.permutation(np.resize(dealt, n))
    paper, strength = rng.uniform(0, 0.3, (n, 1, 1)), rng.uniform(0.5, 1, (n, 1, 1))
    pictures = paper + strength * (1 - paper) * draw(faces(kinds, rng))
    pictures += rng.normal(0, noise, pictures.shape)
    return Dataset(
        x=pictures.reshape(n, -1).astype(np.float32),
        y=kinds.astype(np.int64),
        names=KINDS,
        features=tuple(f"ink in row {i}, column {j}" for i in range(SIZE) for j in range(SIZE)),
        source="Generated: head, ears, eyes and whiskers as lines, in random places.",
    )


# --- Strokes: points (n, 2) as (x, y), pictures (n, 24, 24) -----------------------------------
ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE].astype(float)


def _distance(to: np.ndarray) -> np.ndarray:
    return np.hypot(COLUMNS - to[:, 0, None, None], ROWS - to[:, 1, None, None])


def _circle(middle: np.ndarray, radius: np.ndarray) -> np.ndarray:
    return np.clip(1 - np.abs(_distance(middle) - radius[:, None, None]), 0, 1)


def _line(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The nearest point of a segment lies at a share t of its length, 0 at its start."""
    way = end - start
    across = (COLUMNS - start[:, 0, None, None]) * way[:, 0, None, None]
    down = (ROWS - start[:, 1, None, None]) * way[:, 1, None, None]
    t = np.clip((across + down) / (way**2).sum(axis=1)[:, None, None], 0, 1)
    x, y = (start[:, k, None, None] + t * way[:, k, None, None] for k in (0, 1))
    return np.clip(1 - np.hypot(COLUMNS - x, ROWS - y), 0, 1)


def _tip(spot: np.ndarray) -> np.ndarray:
    left, top, right = (spot + np.array(step) for step in ((-2, 2), (0, -3), (2, 2)))
    return np.maximum(_line(left, top), _line(right, top))


def _ring(spot: np.ndarray) -> np.ndarray:
    return _circle(spot - np.array([0, 0.5]), np.full(len(spot), 2.3))


def _hairs(spot: np.ndarray, side: int) -> np.ndarray:
    steps = [(np.array([0, 0.5 * d]), np.array([3.5 * side, d])) for d in (-1.5, 0, 1.5)]
    return np.max([0.9 * _line(spot + start, spot + end) for start, end in steps], axis=0)
