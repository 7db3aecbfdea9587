"""Windows: the small rectangles of an image that convolution and pooling look at.

A window has the size of the kernel. It starts in the upper left corner and moves in steps, the
stride; a frame around the image, the padding, lets it reach over the edge. Per axis there are

    (size + 2 padding - kernel) // stride + 1        windows.

Instead of visiting the windows one by one, the code takes one place inside the kernel, a tap, and
cuts its pixels out of all windows at once: 25 cuts for a kernel of 5 x 5, however large the image.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dlcourse.device import Array, namespace

Pair = tuple[int, int]  # one number for the rows, one for the columns


# Images are (N, C, H, W) for the reader. In this file they lie as (H, C, W, N), the batch last:
# every cut then consists of long runs of neighbours in memory, and copying them is quick.
def batch_last(x: Array) -> Array:
    """(N, C, H, W) seen as (H, C, W, N); nothing is copied."""
    return namespace(x).permute_dims(x, (2, 1, 3, 0))


def batch_first(x: Array) -> Array:
    """(H, C, W, N) seen as (N, C, H, W); nothing is copied."""
    return namespace(x).permute_dims(x, (3, 1, 0, 2))


@dataclass(frozen=True)
class Windows:
    """All windows on images of one size."""

    image: Pair  # (H, W)
    kernel: Pair
    stride: Pair
    padding: Pair

    @cached_property
    def count(self) -> Pair:
        """How many windows there are: (rows, columns)."""
        rows, columns = (
            (size + 2 * padding - kernel) // stride + 1
            for size, kernel, stride, padding in zip(
                self.image, self.kernel, self.stride, self.padding, strict=True
            )
        )
        return rows, columns

    def bands(self, x: Array) -> Iterator[range]:
        """The rows of windows, a few at a time: so many that their pixels fit in fast memory."""
        rows, columns = self.count
        _, channels, _, n = x.shape
        pixels = math.prod(self.kernel) * channels * columns * n  # in one row of windows
        step = max(1, namespace(x).fast_memory // max(1, pixels))
        for first in range(0, rows, step):
            yield range(first, min(first + step, rows))

    def taps(self, band: range | None = None) -> Iterator[tuple[int, int, Any]]:
        """For each place (i, j) of the kernel: the key that cuts its pixel out of every window.

        The key is for padded images with the batch last. band: only these rows of windows.
        """
        (rows, columns), (down, right) = self.count, self.stride
        first, last = (0, rows - 1) if band is None else (band[0], band[-1])
        for i in range(self.kernel[0]):
            height = slice(i + down * first, i + down * last + 1, down)
            for j in range(self.kernel[1]):
                width = slice(j, j + right * (columns - 1) + 1, right)
                yield i, j, (height, slice(None), width)

    def pad(self, x: Array, value: float = 0.0) -> Array:
        """The images (N, C, H, W) with their frame, batch last: (H + 2 padding, C, …, N)."""
        xp, (n, c, h, w), (top, left) = namespace(x), x.shape, self.padding
        if not top and not left:
            return xp.ascontiguousarray(batch_last(x))
        shape = (h + 2 * top, c, w + 2 * left, n)
        padded = xp.full(shape, value, dtype=x.dtype, device=x.device)
        padded[top : top + h, :, left : left + w] = batch_last(x)
        return padded

    def crop(self, padded: Array) -> Array:
        """The images (N, C, H, W) without their frame."""
        (h, w), (top, left) = self.image, self.padding
        return batch_first(padded[top : top + h, :, left : left + w])


# --- Between images and matrices --------------------------------------------------------------
def multiply_windows(matrix: Array, padded: Array, windows: Windows) -> Array:
    """matrix @ columns: (groups, O/groups, K) and padded images -> (OH, groups, O/groups, OW N)."""
    xp, (rows, width), n = namespace(padded), windows.count, padded.shape[-1]
    shape = (rows, *matrix.shape[:2], width * n)
    y = xp.empty(shape, dtype=padded.dtype, device=padded.device)
    for band in windows.bands(padded):
        y[band[0] : band[-1] + 1] = matrix @ _columns(padded, windows, band, len(matrix))
    return y


def add_to_windows(matrix: Array, rows: Array, windows: Windows, n: int) -> Array:
    """The way back: the columns matrixᵀ @ rows, each added to its window -> (N, C, H, W)."""
    xp, (h, w), (top, left) = namespace(rows), windows.image, windows.padding
    (kh, kw), width = windows.kernel, windows.count[1]
    channels = matrix.shape[0] * matrix.shape[2] // (kh * kw)
    shape = (h + 2 * top, channels, w + 2 * left, n)
    padded = xp.zeros(shape, dtype=rows.dtype, device=rows.device)
    for band in windows.bands(padded):
        columns = matrix.mT @ rows[band[0] : band[-1] + 1]
        columns = columns.reshape(len(band), channels, kh, kw, width, n)
        for i, j, tap in windows.taps(band):
            padded[tap] += columns[:, :, i, j]
    return windows.crop(padded)


def weight_gradient(padded: Array, rows: Array, windows: Windows) -> Array:
    """Σ over all rows of windows of row columnsᵀ: (groups, O/groups, K)."""
    total: Any = 0
    for band in windows.bands(padded):
        columns = _columns(padded, windows, band, rows.shape[1])
        total = total + (columns @ rows[band[0] : band[-1] + 1].mT).sum(axis=0)
    return total.mT


def _columns(padded: Array, windows: Windows, band: range, groups: int) -> Array:
    """The windows of a band, each as a column: (rows, groups, C/groups KH KW, OW N)."""
    xp, (_, c, _, n), width = namespace(padded), padded.shape, windows.count[1]
    shape = (len(band), c, *windows.kernel, width, n)
    columns = xp.empty(shape, dtype=padded.dtype, device=padded.device)
    for i, j, tap in windows.taps(band):
        columns[:, :, i, j] = padded[tap]
    return columns.reshape(len(band), groups, -1, width * n)


def as_rows(x: Array, groups: int) -> Array:
    """(N, C, H, W) -> (H, groups, C/groups, W N): one matrix per row of the images."""
    n, _, h, w = x.shape
    return batch_last(x).reshape(h, groups, -1, w * n)


def as_images(rows: Array, n: int) -> Array:
    """(H, groups, C/groups, W N) -> (N, C, H, W)."""
    h, groups, channels, _ = rows.shape
    return batch_first(rows.reshape(h, groups * channels, -1, n))


# --- Settings and their errors ----------------------------------------------------------------
def numbers(name: str, setting: str, value: Any, axes: int, least: int) -> tuple[int, ...]:
    """A setting as one whole number per axis: 3 becomes (3, 3) for an image.

    Raises ValueError unless there are that many numbers, each at least `least`.
    """
    values = tuple(value) if isinstance(value, tuple | list) else (value,) * axes
    if len(values) != axes or not all(isinstance(v, int) and v >= least for v in values):
        what = "a whole number" if axes == 1 else f"a whole number or {axes} of them"
        raise ValueError(f"{name}: {setting} is {what}, at least {least}. Received: {value!r}")
    return values


def check_axes(name: str, x: Any, axes: int) -> None:
    """Raise ValueError unless x is a batch of images (axes=2) or of sequences (axes=1)."""
    shape = tuple(getattr(x, "shape", ()))
    if len(shape) == axes + 2:
        return
    wanted = "(N, C, H, W)" if axes == 2 else "(N, C, L)"
    advice = ""
    if len(shape) == axes + 1:
        advice = f" For one example alone, take x.reshape{(1, *shape)}."
    raise ValueError(f"{name}: expected an input of shape {wanted}. Received: {shape}.{advice}")


def windows_on(name: str, image: Pair, kernel: Pair, stride: Pair, padding: Pair) -> Windows:
    """The windows; raises ValueError if the kernel is larger than the padded image."""
    windows = Windows(image, kernel, stride, padding)
    if min(windows.count) < 1:
        padded = tuple(size + 2 * p for size, p in zip(image, padding, strict=True))
        raise ValueError(
            f"{name}: the kernel {kernel} is larger than the input {padded}, padding included. "
            "Take a smaller kernel, more padding, or fewer layers that shrink the input."
        )
    return windows


def check_weights(
    name: str, x: Any, weight: Any, bias: Any, groups: int, axes: int, transposed: bool = False
) -> None:
    """Raise ValueError unless x, weight, bias and groups of a convolution belong together."""
    check_axes(name, x, axes)
    layout = "(C, O / groups, " if transposed else "(O, C / groups, "
    layout += "KH, KW)" if axes == 2 else "K)"
    if weight.ndim != axes + 2:
        raise ValueError(f"{name}: expected weights {layout}. Received: {tuple(weight.shape)}")
    numbers(name, "groups", groups, 1, least=1)
    channels, (first, second) = x.shape[1], weight.shape[:2]
    c, o = (first, second * groups) if transposed else (second * groups, first)
    if channels != c or first % groups:
        raise ValueError(
            f"{name}: weights {layout} = {tuple(weight.shape)} with groups={groups} do not fit an "
            f"input with {channels} channels, shape {tuple(x.shape)}. C must equal these channels, "
            "and groups must divide both C and O."
        )
    if bias is not None and tuple(bias.shape) != (o,):
        raise ValueError(
            f"{name}: expected a bias of shape ({o},), one number per output channel. "
            f"Received: {tuple(bias.shape)}"
        )
