"""The contestants: one model on one library, with its training step.

Every contestant has `reset()` (back to the start weights, a new optimiser), `step()` (one training
step, which returns the loss) and `wait()` (a GPU works on when Python is done already).
"""

import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_info

import dlcourse as dl
from benchmarks import scalar
from benchmarks.models import CASES, Case

LEARNING_RATE = 1e-3  # Adam's usual one


class Contestant:
    """What ours and PyTorch's share: the step is the same text for both."""

    model: Any
    loss: Callable[[Any, Any], Any]
    inputs: Any
    targets: Any
    optimizer: Any

    def reset(self) -> None:
        """Back to the start weights, with a new optimiser."""
        raise NotImplementedError

    def step(self) -> Any:
        """One training step; the loss as a tensor."""
        self.optimizer.zero_grad()
        loss = self.loss(self.model(self.inputs), self.targets)
        loss.backward()
        self.optimizer.step()
        return loss

    def prepare(self) -> None:
        """What must be done before a step and does not belong to it: nothing here."""


class Ours(Contestant):
    """The case on `dlcourse`, on the device "cpu" (NumPy), "cuda" or "torch"."""

    def __init__(self, case: Case, device: str) -> None:
        self.model, self.loss = case.model.to(device), case.loss
        with dl.use(device):
            self.inputs, self.targets = _our_array(case.inputs), _our_array(case.targets)
        self.start = self.model.state_dict()
        self.wait = waiting(device)

    def reset(self) -> None:
        self.model.load_state_dict(self.start)
        self.optimizer = dl.Adam(self.model.parameters(), LEARNING_RATE)


class PyTorch(Contestant):
    """The case on PyTorch, eager, with its default Adam; on the GPU where ours is there too."""

    def __init__(self, case: Case, device: str) -> None:
        place = "cpu" if device == "torch" else device
        self.model, self.loss = case.twin.to(place), case.twin_loss
        self.inputs = torch.tensor(case.inputs, device=place)
        self.targets = torch.tensor(case.targets, device=place)
        self.start = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.wait = waiting(device)

    def reset(self) -> None:
        self.model.load_state_dict(self.start)
        learned = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(learned, LEARNING_RATE)


def waiting(device: str) -> Callable[[], None]:
    """A function that returns when the device has finished its work."""
    return torch.cuda.synchronize if device == "cuda" else lambda: None


def losses(contestant: Any, steps: int) -> list[float]:
    """The losses of the first steps from the start weights."""
    contestant.reset()
    return [float(contestant.step().item()) for _ in range(steps)]


def _our_array(values: np.ndarray) -> Any:
    """Floats as a tensor; whole numbers, labels or words, as a plain array."""
    return dl.Tensor(values) if values.dtype.kind == "f" else dl.asarray(values)


# --- By name ----------------------------------------------------------------------------------
SCALAR = "scalar"  # the case of the engines of single numbers


def make(engine: str, case: str, device: str, threads: int) -> Any:
    """The contestant: an engine, and a case of models.py or SCALAR.

    Raises ImportError where the engine, or a model of the case, is not installed.
    """
    torch.set_num_threads(threads)
    if case == SCALAR:
        return {"chapter 15": scalar.chapter, "micrograd": scalar.micrograd}[engine]()
    _, build = CASES[case]
    if engine == "tinygrad":
        from benchmarks.tinygrad_engine import TinyGrad

        return TinyGrad(build(), threads, LEARNING_RATE)
    return {"dlcourse": Ours, "PyTorch": PyTorch}[engine](build(), device)


def versions() -> dict[str, Any]:
    """Versions of what computes here, and which kernels it has chosen for this processor."""
    found = {"Python": platform.python_version()}
    for name in ("dlcourse", "numpy", "torch", "tinygrad", "micrograd"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    blas = {
        f"{library['internal_api']} {library.get('architecture', '')}".strip()
        for library in threadpool_info()
        if library["user_api"] == "blas"
    }
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {"versions": found, "kernels": sorted(blas), "gpu": gpu}
