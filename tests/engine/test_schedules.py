"""Schedules against torch's, and their way through a training."""

import inspect

import numpy as np
import pytest
import torch

import dlcourse as dl
from dlcourse import schedules

BASE = 0.2


def sgd() -> dl.SGD:
    return dl.SGD([dl.Parameter([1.0])], lr=BASE)


def torch_rates(make, steps: int) -> list[float]:
    """The learning rates that a scheduler of torch gives, step by step."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=BASE)
    scheduler, rates = make(optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def our_rates(schedule: dl.ConstantSchedule, steps: int) -> list[float]:
    rates = []
    for _ in range(steps):
        rates.append(schedule.optimizer.lr)
        schedule.step()
    return rates


torch_schedules = torch.optim.lr_scheduler
SCHEDULES = [
    ("ConstantSchedule", {}, lambda o: torch_schedules.ConstantLR(o, factor=1.0)),
    (
        "ConstantSchedule",
        {"warmup": 5},
        lambda o: torch_schedules.LinearLR(o, start_factor=1 / 5, total_iters=4),
    ),
    ("StepSchedule", {"step_size": 3}, lambda o: torch_schedules.StepLR(o, 3)),
    (
        "StepSchedule",
        {"step_size": 4, "gamma": 0.5},
        lambda o: torch_schedules.StepLR(o, 4, gamma=0.5),
    ),
    ("CosineSchedule", {"steps": 19}, lambda o: torch_schedules.CosineAnnealingLR(o, 19)),
    (
        "CosineSchedule",
        {"steps": 19, "min_lr": 0.05},
        lambda o: torch_schedules.CosineAnnealingLR(o, 19, eta_min=0.05),
    ),
]


def test_every_schedule_is_compared_with_torch() -> None:
    own = {name for name, value in vars(schedules).items() if inspect.isclass(value)}
    own = {name for name in own if getattr(schedules, name).__module__ == schedules.__name__}
    assert own == {"Schedule", *(name for name, _, _ in SCHEDULES)}


@pytest.mark.parametrize(
    ("name", "options", "twin"), SCHEDULES, ids=[f"{name}-{o}" for name, o, _ in SCHEDULES]
)
@pytest.mark.filterwarnings("ignore:Detected call of")
def test_rates_agree_with_torch(name: str, options: dict, twin) -> None:
    schedule = getattr(dl, name)(sgd(), **options)
    expected = torch_rates(twin, 20)
    assert our_rates(schedule, 20) == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_warmup_comes_before_the_cosine_and_the_end_stays() -> None:
    rates = our_rates(dl.CosineSchedule(sgd(), 19, warmup=5, min_lr=0.05), 25)
    assert rates[:5] == pytest.approx([BASE * k / 5 for k in (1, 2, 3, 4, 5)])
    cosine = [0.05 + (BASE - 0.05) * (1 + np.cos(np.pi * t / 14)) / 2 for t in range(14)]
    assert rates[5:19] == pytest.approx(cosine)
    assert rates[19:] == pytest.approx([0.05] * 6)
    stairs = our_rates(dl.StepSchedule(sgd(), 2, gamma=0.5, warmup=2), 6)
    assert stairs == pytest.approx([BASE / 2, BASE, BASE, BASE, BASE / 2, BASE / 2])


def test_rate_can_be_plotted_and_changes_nothing() -> None:
    schedule = dl.CosineSchedule(sgd(), 10)
    before = [schedule.rate(t) for t in range(12)]
    assert schedule.optimizer.lr == BASE
    assert before == our_rates(schedule, 12)


def test_state_goes_to_another_schedule() -> None:
    first, second = dl.CosineSchedule(sgd(), 10, warmup=2), dl.CosineSchedule(sgd(), 10, warmup=2)
    for _ in range(4):
        first.step()
    second.load_state_dict(first.state_dict())
    assert second.optimizer.lr == first.optimizer.lr
    assert our_rates(first, 5) == our_rates(second, 5)


def test_state_holds_the_learning_rate_as_float64() -> None:
    schedule = dl.StepSchedule(dl.SGD([dl.Parameter([1.0])], lr=1), 2)  # 1, a whole number
    assert schedule.state_dict()["lr"].dtype == np.float64


def test_a_schedule_of_ones_own_starts_without_warmup() -> None:
    class Halved(schedules.Schedule):
        def after_warmup(self, t: int) -> float:
            return self.lr / 2**t

    assert [Halved(sgd()).rate(t) for t in range(3)] == [BASE, BASE / 2, BASE / 4]
    assert [Halved(sgd(), 2).rate(t) for t in range(4)] == [BASE / 2, BASE, BASE, BASE / 2]


def test_the_ends_of_the_ranges_are_allowed() -> None:
    assert our_rates(dl.StepSchedule(sgd(), 1, gamma=0.5), 3) == [BASE, BASE / 2, BASE / 4]
    assert our_rates(dl.StepSchedule(sgd(), 1, gamma=1), 3) == [BASE] * 3
    level = dl.CosineSchedule(sgd(), 3, warmup=2, min_lr=BASE)
    assert our_rates(level, 5) == pytest.approx([BASE / 2, *[BASE] * 4])


def test_training_uses_schedule_and_clipping() -> None:
    rates, norms = [], []

    class Watcher(dl.SGD):
        def step(self) -> None:
            rates.append(self.lr)
            norms.append(np.sqrt(sum(float((p.grad**2).sum()) for p in self.params)))
            super().step()

    x, y = np.random.default_rng(0).normal(size=(12, 3)), np.arange(12) % 2
    model = dl.Linear(3, 2, seed=0)
    optimizer = Watcher(model.parameters(), lr=BASE)
    schedule = dl.StepSchedule(optimizer, 2, gamma=0.5)
    options = {"epochs": 2, "batch_size": 4, "clip_norm": 0.01, "schedule": schedule}
    dl.fit(model, x, y, dl.cross_entropy, optimizer, **options)
    assert rates == pytest.approx([BASE * 0.5 ** (t // 2) for t in range(6)])
    assert norms == pytest.approx([0.01] * 6, rel=1e-3)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: dl.ConstantSchedule(0.1), TypeError, "expected an optimiser.*float"),
        (lambda: dl.ConstantSchedule(sgd(), warmup=-1), ValueError, "warmup=-1"),
        (lambda: dl.CosineSchedule(sgd(), steps=5, warmup=5), ValueError, "steps=5"),
        (lambda: dl.CosineSchedule(sgd(), steps=5, min_lr=1.0), ValueError, "min_lr=1.0"),
        (lambda: dl.CosineSchedule(sgd(), steps=5, min_lr=-0.1), ValueError, "min_lr=-0.1"),
        (lambda: dl.StepSchedule(sgd(), 0), ValueError, "step_size=0"),
        (lambda: dl.StepSchedule(sgd(), 3, gamma=0), ValueError, "gamma=0"),
        (lambda: dl.StepSchedule(sgd(), 3, gamma=1.5), ValueError, "gamma=1.5"),
        (lambda: schedules.Schedule(sgd()).step(), NotImplementedError, "after_warmup"),
    ],
)
def test_errors_say_what_to_do(make, error, message: str) -> None:
    with pytest.raises(error, match=message):
        make()
