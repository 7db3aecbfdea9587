"""Training: the five steps, again and again. The loop hands out every step, so that plots, early
stopping and widgets are ordinary code around it:

    for step in training(model, x, y, cross_entropy, Adam(model.parameters())):
        if step.loss < 0.01:
            break
"""

import math
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dlcourse.backprop import Tensor, no_grad
from dlcourse.device import asarray, is_float, to_numpy
from dlcourse.layers import Module
from dlcourse.optim import Optimizer, clip_grad_norm
from dlcourse.schedules import Schedule

STEPS = ("Prepare the data", "Forward", "Loss", "Backward", "Update")


@dataclass(frozen=True)
class Step:
    """What `training` hands out after each update."""

    number: int  # 1, 2, 3, … over the whole training
    epoch: int  # 1, 2, 3, …; one epoch shows every sample once
    loss: float  # of this batch, before the update
    ends_epoch: bool  # True for the last step of an epoch


@dataclass
class History:
    """What happened in a training: one entry per step, or per epoch."""

    step_losses: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)  # per epoch: the mean over its steps
    validation: list[float] = field(default_factory=list)  # per epoch, if data were given for it


def training(
    model: Module,
    x: Any,
    y: Any,
    loss: Callable[[Tensor, Any], Tensor],
    optimizer: Optimizer,
    epochs: int = 10,
    batch_size: int = 32,
    seed: int = 0,
    progress: bool = True,
    *,
    clip_norm: float | None = None,
    schedule: Schedule | None = None,
    done: int = 0,
) -> Iterator[Step]:
    """Train a model with the five steps, and hand out a Step after every update.

    x, y        one row per sample, equally many; whole numbers (labels, words) stay as they are
    loss        a function of the model's output and the rows of y, such as cross_entropy
    epochs      how often every sample is shown, at least 1
    batch_size  samples per step, at least 1; the last batch of an epoch may be smaller
    seed        for the order of the samples
    progress    False: no progress bar. True: a bar on stderr where someone is watching;
                the environment variable DLCOURSE_PROGRESS=0 switches it off
    clip_norm   shorten the gradients to this norm before each update, see clip_grad_norm
    schedule    a Schedule that sets the learning rate after each update
    done        steps that an interrupted training has made: they are passed over, with the same
                order of the samples, see load_checkpoint
    Raises ValueError for data that do not fit, FloatingPointError when the loss is no number.
    """
    x, y = _prepared(x, model), _prepared(y, model)
    _check_settings(x, y, epochs, batch_size)
    rng = np.random.default_rng(seed)
    starts = range(0, len(x), batch_size)
    number = 0
    model.train()
    with _bar(epochs * len(starts) - done, progress) as bar:
        for epoch in range(1, epochs + 1):
            order = rng.permutation(len(x))
            for start in starts:
                number += 1
                if number <= done:
                    continue
                # Prepare the data
                rows = order[start : start + batch_size]
                inputs, targets = _batch(x, rows), y[rows]
                # Forward
                outputs = model(inputs)
                # Loss
                error = loss(outputs, targets)
                # Backward
                optimizer.zero_grad()
                error.backward()
                # Update
                value = _finite(error.item(), number, epoch, optimizer)
                if clip_norm is not None:
                    clip_grad_norm(optimizer.params, clip_norm)
                optimizer.step()
                if schedule is not None:
                    schedule.step()

                bar.update()
                yield Step(number, epoch, value, ends_epoch=start == starts[-1])


def fit(
    model: Module,
    x: Any,
    y: Any,
    loss: Callable[[Tensor, Any], Tensor],
    optimizer: Optimizer,
    epochs: int = 10,
    batch_size: int = 32,
    seed: int = 0,
    progress: bool = True,
    validation: tuple[Any, Any] | None = None,
    *,
    clip_norm: float | None = None,
    schedule: Schedule | None = None,
) -> History:
    """Run `training` to its end and return what happened. Arguments as there, and

    validation  (x, y) that the model does not learn from: after each epoch `evaluate` gives its
                accuracy on them
    """
    history = History()
    options: dict[str, Any] = {"clip_norm": clip_norm, "schedule": schedule}
    steps = training(model, x, y, loss, optimizer, epochs, batch_size, seed, progress, **options)
    for step in steps:
        history.step_losses.append(step.loss)
        if step.ends_epoch:
            last = history.step_losses[-(len(history.step_losses) // step.epoch) :]
            history.losses.append(sum(last) / len(last))
            if validation is not None:
                history.validation.append(evaluate(model, *validation))
    return history


@no_grad()
def predict(model: Module, x: Any, batch_size: int = 256) -> np.ndarray:
    """The model's outputs for all rows of x, as a NumPy array. The model is in eval mode for it."""
    x = _prepared(x, model)
    before = model.training
    model.eval()
    batches = [slice(start, start + batch_size) for start in range(0, len(x), batch_size)]
    outputs = [model(_batch(x, rows)).numpy() for rows in batches]
    model.train(before)
    return np.concatenate(outputs)


def accuracy(outputs: Any, labels: Any) -> float:
    """The share of rows with the right class, 0 … 1.

    Shape:   outputs (n, classes), the largest is the answer, with labels (n,) of whole numbers;
             or outputs and labels of equal shape, where a logit above 0 means class 1
    """
    outputs, labels = _as_numpy(outputs), _as_numpy(labels)
    answers = outputs > 0 if outputs.shape == labels.shape else outputs.argmax(axis=-1)
    if answers.shape != labels.shape:
        raise ValueError(
            f"accuracy: outputs {outputs.shape} need labels of shape {outputs.shape[:-1]}. "
            f"Received: {labels.shape}"
        )
    return float(np.mean(answers == labels))


def evaluate(model: Module, x: Any, y: Any, measure: Callable[[Any, Any], Any] = accuracy) -> float:
    """How good a model is on data it does not learn from now: measure(outputs, y) as a number.

    measure  accuracy, or a loss such as mse_loss, or any function of outputs and y
    """
    outputs = predict(model, x)
    with no_grad():
        return float(measure(Tensor(outputs), y))


# --- Helpers ----------------------------------------------------------------------------------
def _as_numpy(values: Any) -> np.ndarray:
    return to_numpy(values.data if isinstance(values, Tensor) else asarray(values))


def _prepared(values: Any, model: Module) -> Any:
    """An array on the present device; floats in the dtype of the model."""
    array = asarray(values.data if isinstance(values, Tensor) else values)
    parameters = model.parameters()
    if is_float(array) and parameters:
        array = asarray(array, to_numpy(parameters[0].data).dtype)
    return array


def _batch(x: Any, rows: Any) -> Any:
    """These rows as a tensor; whole numbers, such as words, as a plain array."""
    return Tensor.wrap(x[rows]) if is_float(x) else x[rows]


def _check_settings(x: Any, y: Any, epochs: int, batch_size: int) -> None:
    if len(x) != len(y) or not len(x):
        raise ValueError(
            f"training: x has {len(x)} rows and y has {len(y)}; expected equally many, at least 1."
        )
    if epochs < 1 or batch_size < 1:
        raise ValueError(f"training: at least 1 each. Received: {epochs=}, {batch_size=}")


def _finite(value: float, number: int, epoch: int, optimizer: Optimizer) -> float:
    if not math.isfinite(value):
        raise FloatingPointError(
            f"The loss is {value} at step {number} (epoch {epoch}). Try a learning rate ten times "
            f"smaller than lr={optimizer.lr}; scale the inputs to about -1 … 1; look for log(0) "
            "and division by 0 in the model, and for NaN in the data. `with dl.detect_anomaly():` "
            "around the training names the operation that made it."
        )
    return value


def _bar(total: int, wanted: bool) -> Any:
    """A progress bar, silent where nobody is watching: a widget in Jupyter, else on stderr."""
    in_jupyter = "ipykernel" in sys.modules
    if in_jupyter:
        from tqdm.notebook import tqdm
    else:
        from tqdm import tqdm

    setting = os.environ.get("DLCOURSE_PROGRESS", "")
    watched = sys.stderr.isatty() or in_jupyter or setting == "1"
    hidden = not wanted or not watched or setting == "0"
    return tqdm(total=total, desc="Training", unit="step", leave=False, disable=hidden)
