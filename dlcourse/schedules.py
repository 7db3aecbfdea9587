"""Schedules: how the learning rate changes from step to step.

    schedule = CosineSchedule(optimizer, steps=1000, warmup=50)
    for step in training(model, x, y, loss, optimizer, schedule=schedule): ...

In a loop of your own, call schedule.step() after each optimizer.step().
"""

import math
from typing import Any

import numpy as np

from dlcourse.optim import Optimizer


class Schedule:
    """What all schedules share: the step count, the warm-up, and setting optimizer.lr.

    In the first `warmup` steps the learning rate grows in equal parts up to lr, the optimiser's
    own: lr (t + 1) / warmup at step t = 0, 1, 2, …. After that `after_warmup` says what comes.
    Source:  Goyal et al. 2017, section 2.2 (warm-up)
    """

    def __init__(self, optimizer: Optimizer, warmup: int = 0) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(
                f"{type(self).__name__}: expected an optimiser, such as Adam(...). "
                f"Received: {type(optimizer).__name__}"
            )
        if warmup < 0:
            raise ValueError(f"{type(self).__name__}: warmup is 0 or more. Received: {warmup=}")
        self.optimizer, self.warmup = optimizer, warmup
        self.lr = optimizer.lr  # the largest one
        self.t = 0  # steps made

    def begin(self) -> None:
        """Set the learning rate of the first step. Subclasses call it when they are complete."""
        self.optimizer.lr = self.rate(0)

    def step(self) -> None:
        """Go on by one step, and set the optimiser's learning rate."""
        self.t += 1
        self.optimizer.lr = self.rate(self.t)

    def rate(self, t: int) -> float:
        """The learning rate of step t = 0, 1, 2, …; changes nothing, so it can be plotted."""
        if t < self.warmup:
            return self.lr * (t + 1) / self.warmup
        return self.after_warmup(t - self.warmup)

    def after_warmup(self, t: int) -> float:
        """The learning rate t = 0, 1, 2, … steps after the warm-up. Each subclass says it."""
        raise NotImplementedError(f"{type(self).__name__} needs a method after_warmup(self, t).")

    def state_dict(self) -> dict[str, np.ndarray]:
        """Where the schedule stands: what a file stores."""
        return {"t": np.array(self.t), "lr": np.array(self.lr, dtype="float64")}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where a schedule with the same settings stood."""
        self.t, self.lr = int(state["t"]), float(state["lr"])
        self.optimizer.lr = self.rate(self.t)


class ConstantSchedule(Schedule):
    """lr after the warm-up, always.

    optimizer  its lr is the one to reach
    warmup     number of steps until then, 0 or more
    Raises:    TypeError without an optimiser; ValueError if warmup is negative
    """

    def __init__(self, optimizer: Optimizer, warmup: int = 0) -> None:
        super().__init__(optimizer, warmup)
        self.begin()

    def after_warmup(self, t: int) -> float:
        return self.lr


class CosineSchedule(Schedule):
    """Half a cosine wave from lr down to min_lr:  min_lr + (lr - min_lr) (1 + cos(π s)) / 2.

    s goes from 0 after the warm-up to 1 at the end and stays there.

    optimizer  its lr is the largest one
    steps      all steps of the training, warm-up included, above warmup
    warmup     number of steps with a growing learning rate, 0 or more
    min_lr     learning rate at the end, 0 … lr
    Raises:    TypeError without an optimiser; ValueError if a number is out of its range
    Source:    Loshchilov and Hutter 2017, eq. 5, without restarts; PyTorch's CosineAnnealingLR
    """

    def __init__(
        self, optimizer: Optimizer, steps: int, warmup: int = 0, min_lr: float = 0.0
    ) -> None:
        super().__init__(optimizer, warmup)
        if steps <= warmup or not 0 <= min_lr <= self.lr:
            raise ValueError(
                "CosineSchedule: expected steps above warmup, and min_lr in 0 … lr. "
                f"Received: {steps=}, {warmup=}, {min_lr=}, lr={self.lr}"
            )
        self.steps, self.min_lr = steps, min_lr
        self.begin()

    def after_warmup(self, t: int) -> float:
        s = min(t / (self.steps - self.warmup), 1.0)
        return self.min_lr + (self.lr - self.min_lr) * (1 + math.cos(math.pi * s)) / 2


class StepSchedule(Schedule):
    """A staircase: the learning rate is multiplied by gamma after every step_size steps.

    optimizer  its lr is the first stair
    step_size  steps on one stair, at least 1
    gamma      the factor from stair to stair, above 0, up to 1
    warmup     number of steps with a growing learning rate before the first stair, 0 or more
    Raises:    TypeError without an optimiser; ValueError if a number is out of its range
    Source:    PyTorch's StepLR; used so by Krizhevsky et al. 2012, section 5
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, warmup: int = 0
    ) -> None:
        super().__init__(optimizer, warmup)
        if step_size < 1 or not 0 < gamma <= 1:
            raise ValueError(
                "StepSchedule: expected step_size of at least 1, and gamma above 0, up to 1. "
                f"Received: {step_size=}, {gamma=}"
            )
        self.step_size, self.gamma = step_size, gamma
        self.begin()

    def after_warmup(self, t: int) -> float:
        return self.lr * self.gamma ** (t // self.step_size)
