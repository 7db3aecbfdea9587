"""How much memory a training takes, measured inside the process that trains."""

import ctypes
import gc
from pathlib import Path
from typing import Any

import torch

STEPS = 3
MIB = 2**20
STATUS, CLEAR_REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_memory(contestant: Any, device: str) -> float:
    """MiB that the process, or the GPU, needs beyond model and data to train.

    Raises:  OSError where the system tells no peak; on Linux it stands in /proc
    """
    _load_code(contestant)
    gc.collect()
    if device == "cuda":
        return _peak_on_gpu(contestant)
    ctypes.CDLL(None).malloc_trim(0)  # what is free goes back to the system
    CLEAR_REFS.write_text("5")  # the peak starts again from what is used now
    before = _status("VmRSS")
    _train(contestant)
    return (_status("VmHWM") - before) / 1024


def _load_code(contestant: Any) -> None:
    """One step with one sample; its gradients and its optimiser are forgotten."""
    inputs, targets = contestant.inputs, contestant.targets
    contestant.inputs, contestant.targets = inputs[:1], targets[:1]
    contestant.reset()
    contestant.step()
    contestant.optimizer.zero_grad()
    del contestant.optimizer
    contestant.inputs, contestant.targets = inputs, targets


def _train(contestant: Any) -> None:
    contestant.reset()
    for _ in range(STEPS):
        contestant.step()
    contestant.wait()


def _status(name: str) -> int:
    """A number of /proc/self/status in KiB: VmRSS, used now, or VmHWM, the most so far."""
    line = next(line for line in STATUS.read_text("utf8").splitlines() if line.startswith(name))
    return int(line.split()[1])


def _peak_on_gpu(contestant: Any) -> float:
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    _train(contestant)
    return (torch.cuda.max_memory_allocated() - before) / MIB
