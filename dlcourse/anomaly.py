"""Where the first NaN comes from: `with detect_anomaly():` examines every operation as it runs.

    with dl.detect_anomaly():
        loss = cross_entropy(model(x), y)
        loss.backward()

A NaN (not a number) or an infinity spreads through all that is computed from it, so the loss says
only that there is one. In this block the first operation whose value, or whose gradient, is not
finite stops the program and says what went in. It makes everything slower, so leave it out again
when the fault is found.
"""

import traceback
from collections.abc import Sequence
from contextlib import ContextDecorator
from pathlib import Path
from typing import Any

from dlcourse.device import Array, is_float, namespace, to_numpy
from dlcourse.gradients import Part

_blocks = 0  # how many detect_anomaly() blocks are open
PACKAGE = str(Path(__file__).parent)


class detect_anomaly(ContextDecorator):  # noqa: N801  (PyTorch's name)
    """`with detect_anomaly():` or `@detect_anomaly()`: stop at the first NaN or infinity.

    Raises FloatingPointError that names the operation, the place in your code that called it, the
    first bad entry, and what went in; in the forward and in the backward pass. A backward pass is
    examined if its forward pass ran in the block too.
    """

    def __enter__(self) -> None:
        global _blocks
        _blocks += 1

    def __exit__(self, *error: object) -> None:
        global _blocks
        _blocks -= 1


def is_watching() -> bool:
    """True inside detect_anomaly()."""
    return _blocks > 0


def check_value(name: str, inputs: Sequence[Any], value: Array) -> None:
    """Raise FloatingPointError if the value of an operation is not finite.

    name    the operation
    inputs  its inputs as arrays; if one of them was not finite already, the message says so
    """
    found = _bad_entries(value)
    if not found:
        return
    for i, x in enumerate(inputs):
        if hasattr(x, "dtype") and _bad_entries(x):
            raise FloatingPointError(
                f"{name}: input {i}, shape {tuple(x.shape)}, holds {_bad_entries(x)}. It came in "
                "from outside this block: look at the data and at the start weights."
            )
    ranges = [_range(i, x) for i, x in enumerate(inputs) if hasattr(x, "dtype") and is_float(x)]
    raise FloatingPointError(
        f"{name}: the inputs are finite, the value, shape {tuple(value.shape)}, is not: it holds "
        f"{found}. {' '.join(ranges)} {ADVICE.get(name, GENERAL_ADVICE)}"
    )


def check_gradient(name: str, place: str, i: int, g: Array, dx: Array | Part) -> None:
    """Raise FloatingPointError if the gradient for input i of an operation is not finite.

    place  where the operation was called, see caller()
    g, dx  the gradient that arrived, and what the operation made of it
    """
    dx = dx.values if isinstance(dx, Part) else dx
    found = _bad_entries(dx)
    if not found:
        return
    if _bad_entries(g):
        raise FloatingPointError(
            f"backward of {name}{place}: the gradient that arrives holds {_bad_entries(g)} "
            "already. It was given to backward(), or comes from outside this block."
        )
    raise FloatingPointError(
        f"backward of {name}{place}: the gradient that arrives is finite, that of input {i}, shape "
        f"{tuple(dx.shape)}, holds {found}. {ADVICE.get(name, GENERAL_ADVICE)}"
    )


def caller() -> str:
    """Where in the learner's code we are: " (called in line 3 of cell.py: …)"; "" if unknown."""
    for frame in reversed(traceback.extract_stack()):
        if not frame.filename.startswith(PACKAGE):
            text = f": {frame.line}" if frame.line else ""
            return f" (called in line {frame.lineno} of {Path(frame.filename).name}{text})"
    return ""


ADVICE = {
    "log": "log needs numbers above 0: use log_softmax, or a loss that takes logits.",
    "div": "Is something divided by 0, or by nearly 0? Add a small number below.",
    "sqrt": "sqrt needs numbers above 0, its derivative too: add a small number inside.",
    "power": "A broken or negative power needs numbers above 0.",
    "exp": "exp overflows above 88 in float32: subtract the largest entry first, as softmax does.",
}
GENERAL_ADVICE = "Scale the inputs to about -1 … 1, or take a smaller learning rate."


def _bad_entries(x: Array) -> str:
    """For example "3 NaN, the first at (0, 2)"; "" if all entries are finite."""
    if not is_float(x):
        return ""
    xp = namespace(x)
    if bool(xp.all(xp.isfinite(x))):
        return ""
    values = to_numpy(x)
    host = namespace(values)
    parts = []
    for text, bad in (("NaN", host.isnan(values)), ("infinite", host.isinf(values))):
        if bad.any():
            first = tuple(int(k) for k in host.argwhere(bad)[0])
            parts.append(f"{int(bad.sum())} of {values.size} {text}, the first at {first}")
    return " and ".join(parts)


def _range(i: int, x: Array) -> str:
    xp = namespace(x)
    return f"Input {i} lies in {float(xp.min(x)):.4g} … {float(xp.max(x)):.4g}." if x.size else ""
