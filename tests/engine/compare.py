"""The measure of every comparison: max|a - b| / max|b|, with the same shape and dtype."""

from typing import Any

import numpy as np
import torch

GPUS = tuple(
    name
    for name, found in (("cuda", torch.cuda.is_available()), ("mps", torch.mps.is_available()))
    if found
)
DEVICES = ("cpu", "torch", *GPUS)  # NumPy arrays, torch tensors on the CPU, and on a GPU
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}


def as_numpy(values: Any) -> np.ndarray:
    """A NumPy array from an array, a tensor of ours or one of torch's."""
    if hasattr(values, "detach"):
        values = values.detach()
    if hasattr(values, "cpu"):
        values = values.cpu()
    return values.numpy() if hasattr(values, "numpy") else np.asarray(values)


def gap(found: Any, expected: Any) -> float:
    """The error of found; shapes and dtypes must be equal."""
    found, expected = as_numpy(found), as_numpy(expected)
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    assert np.isfinite(expected).all()
    return float(np.max(np.abs(found - expected)) / max(np.max(np.abs(expected)), 1e-30))
