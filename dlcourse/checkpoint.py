"""Checkpoints: a training that was interrupted goes on with the same numbers, bit for bit.

    for step in training(model, x, y, loss, adam):
        if step.ends_epoch:
            save_checkpoint("run.safetensors", step=step.number, model=model, optimizer=adam)

    done = load_checkpoint("run.safetensors", model=model, optimizer=adam)
    for step in training(model, x, y, loss, adam, done=done): ...

A file holds plain arrays and a line of text (safetensors), so that reading one never runs code.
"""

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dlcourse.layers import Module

FORMAT = "dlcourse checkpoint 1"


# --- Saving and loading -----------------------------------------------------------------------
def save_checkpoint(path: str | Path, *, step: int = 0, **parts: Any) -> None:
    """Write the state of all parts into one file.

    path   the file, such as "run.safetensors". It is replaced as a whole, at the end: a crash
           while writing leaves the old file as it was.
    step   number of steps done: step.number in a training. The order of the samples follows from
           it and the training's seed.
    parts  by any names: whatever has a state_dict (a model, an optimiser, a schedule, an
           EarlyStopping), and random generators of numpy. The generators that a model keeps in
           its layers are saved with it.
    Raises:  TypeError if a part has no state
    """
    from safetensors.numpy import save_file

    arrays, about = _collected("save_checkpoint", parts)
    about |= {"format": FORMAT, "step": int(step)}
    text = json.dumps(about, sort_keys=True)
    metadata = {"about": text, "checksum": _checksum(arrays, text)}
    path = Path(path)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    os.close(handle)
    try:
        save_file(arrays, draft, metadata)
        with open(draft, "rb+") as file:
            os.fsync(file.fileno())  # on the disk before the name points to it
        os.replace(draft, path)
    finally:
        Path(draft).unlink(missing_ok=True)


def load_checkpoint(path: str | Path, **parts: Any) -> int:
    """Give all parts the state they had when the file was saved; return the number of steps done.

    parts  by the names they were saved with; a part of the file that is not named stays unread

    Raises:  FileNotFoundError if there is no such file; ValueError if it is damaged or no
             checkpoint, if a part is missing in it, is of another kind or does not fit; TypeError
             if a part has no state. After any error all parts are as before.
    """
    arrays, about = _read(Path(path))
    kinds = _collected("load_checkpoint", parts)[1]["kinds"]
    for name, kind in kinds.items():
        saved = about["kinds"].get(name)
        if saved != kind:
            found = f"of the kind {saved}" if saved else f"missing. It has: {list(about['kinds'])}"
            raise ValueError(
                f"load_checkpoint: expected the part {name!r} of the kind {kind}; in {path} it is "
                f"{found}. Build and name the parts as they were saved."
            )
    before, before_about = _collected("load_checkpoint", parts)
    try:
        _restore(parts, arrays, about)
    except BaseException:
        _restore(parts, before, before_about)
        raise
    return about["step"]


def _collected(caller: str, parts: dict[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The state of all parts: arrays by names such as "model/0.weight", and what is no array."""
    arrays: dict[str, np.ndarray] = {}
    about: dict[str, Any] = {"kinds": {}, "generators": {}}
    for name, part in parts.items():
        if not hasattr(part, "state_dict") and not isinstance(part, np.random.Generator):
            raise TypeError(
                f"{caller}: {name} has no state. Expected a model, an optimiser, a schedule or a "
                f"numpy.random.Generator. Received: {type(part).__name__}"
            )
        about["kinds"][name] = type(part).__name__
        for key, generator in _generators(part):
            about["generators"][f"{name}/{key}"] = generator.bit_generator.state
        if hasattr(part, "state_dict"):
            for key, values in part.state_dict().items():
                arrays[f"{name}/{key}"] = np.array(values, order="C")
    return arrays, about


def _restore(parts: dict[str, Any], arrays: dict[str, np.ndarray], about: dict[str, Any]) -> None:
    for name, part in parts.items():
        if hasattr(part, "load_state_dict"):
            start = f"{name}/"
            state = {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}
            part.load_state_dict(state)
        for key, generator in _generators(part):
            if f"{name}/{key}" not in about["generators"]:
                raise ValueError(
                    f"load_checkpoint: the file has no state for the random generator {key} of "
                    f"{name}. Build the parts with the same settings as those that were saved."
                )
            generator.bit_generator.state = about["generators"][f"{name}/{key}"]


def _generators(part: Any) -> Iterator[tuple[str, np.random.Generator]]:
    """The random generators of a part: itself, or those in the attributes of a model's layers."""
    if isinstance(part, np.random.Generator):
        yield "", part
    for i, module in enumerate(part.modules() if isinstance(part, Module) else []):
        for name, value in vars(module).items():
            if isinstance(value, np.random.Generator):
                yield f"{i}.{name}", value


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """All of a file, after a look at its checksum."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise FileNotFoundError(f"load_checkpoint: there is no file {path}.")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error
    text = metadata.get("about", "")
    if metadata.get("checksum") != _checksum(arrays, text):
        raise _damaged(path, "its checksum does not fit")
    about = json.loads(text)
    if about.get("format") != FORMAT:
        raise _damaged(path, f"it has the format {about.get('format')!r}, expected {FORMAT!r}")
    return arrays, about


def _damaged(path: Path, reason: str) -> ValueError:
    return ValueError(
        f"load_checkpoint: {path} is damaged, or was not written by save_checkpoint ({reason}). "
        "Nothing was loaded. Take an older checkpoint, or train again."
    )


def _checksum(arrays: dict[str, np.ndarray], text: str) -> str:
    """SHA-256 of all names, shapes, dtypes and values."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        values = arrays[name]
        digest.update(f"{name} {values.shape} {values.dtype}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


# --- Stopping early ---------------------------------------------------------------------------
class EarlyStopping:
    """Says when a measure has not improved for a while, and keeps the best state of the model.

        stopping = EarlyStopping(model, patience=5)
        for step in training(...):
            if step.ends_epoch and stopping.update(evaluate(model, x_val, y_val, cross_entropy)):
                break
        stopping.restore()

    patience   updates without improvement until it says stop, at least 1
    min_delta  an improvement is larger than this, 0 or more
    mode       "min": smaller is better, as with a loss; "max": larger is better (accuracy)
    Raises:    ValueError if a setting is out of its range or a value is NaN
    Source:    Prechelt 1998
    """

    def __init__(
        self, model: Module, patience: int = 10, min_delta: float = 0.0, mode: str = "min"
    ) -> None:
        if patience < 1 or not min_delta >= 0 or mode not in ("min", "max"):
            raise ValueError(
                'EarlyStopping: expected patience of at least 1, min_delta 0 or more, mode "min" '
                f'or "max". Received: {patience=}, {min_delta=}, {mode=}'
            )
        self.model, self.patience, self.min_delta = model, patience, min_delta
        self.sign = 1 if mode == "min" else -1
        self.best: float | None = None  # the best value so far
        self.waited = 0  # updates since then
        self.best_state = model.state_dict()

    def update(self, value: float) -> bool:
        """Take the next value of the measure. True: stop now."""
        if math.isnan(value):
            raise ValueError("EarlyStopping: expected a number. Received: NaN")
        if self.best is None or self.sign * (self.best - value) > self.min_delta:
            self.best, self.waited, self.best_state = value, 0, self.model.state_dict()
        else:
            self.waited += 1
        return self.waited >= self.patience

    def restore(self) -> None:
        """Give the model the state it had at the best value."""
        self.model.load_state_dict(self.best_state)

    def state_dict(self) -> dict[str, np.ndarray]:
        """The best value, the count and the best state of the model: what a file stores."""
        best = math.nan if self.best is None else self.best
        state = {"best": np.array(best, dtype="float64"), "waited": np.array(self.waited)}
        return state | {f"model.{name}": values for name, values in self.best_state.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where an EarlyStopping of the same model stood."""
        best = float(state["best"])
        self.best, self.waited = (None if math.isnan(best) else best), int(state["waited"])
        start = "model."
        self.best_state = {
            name.removeprefix(start): values.copy()
            for name, values in state.items()
            if name.startswith(start)
        }
