"""The training loop: five steps, one Step handed out after each update."""

import inspect
import re
import sys
from itertools import pairwise

import numpy as np
import pytest

import dlcourse as dl
from dlcourse import data
from tests.engine.compare import DEVICES


def network(*sizes: int) -> dl.Sequential:
    rng = np.random.default_rng(0)
    layers = []
    for n_in, n_out in pairwise(sizes):
        layers += [dl.Linear(n_in, n_out, seed=rng), dl.ReLU()]
    return dl.Sequential(*layers[:-1])


@pytest.mark.parametrize("device", DEVICES)
def test_digits_are_learned_on_either_library(device: str) -> None:
    digits = data.digits()
    x_train, x_test, y_train, y_test = data.train_test(digits.x, digits.y, 0.3, seed=0)
    with dl.use(device):
        model = network(64, 32, 10)
        adam = dl.Adam(model.parameters(), lr=0.01)
        history = dl.fit(
            model, x_train, y_train, dl.cross_entropy, adam, epochs=8, validation=(x_test, y_test)
        )
        assert dl.evaluate(model, x_test, y_test) > 0.94
        assert dl.evaluate(model, x_test, y_test, dl.cross_entropy) < 0.3
    assert len(history.losses) == len(history.validation) == 8
    assert len(history.step_losses) == 8 * 40  # 1258 rows: 39 full batches and one of 10
    assert history.losses[-1] < 0.1 < history.losses[0]
    assert history.validation[-1] > 0.94


def test_steps_count_and_losses_repeat_with_the_seed() -> None:
    moons = data.moons(50)

    def run(seed: int) -> list[dl.Step]:
        model = network(2, 8, 2)
        sgd = dl.SGD(model.parameters(), lr=0.1)
        return list(dl.training(model, moons.x, moons.y, dl.cross_entropy, sgd, 2, 20, seed=seed))

    steps = run(1)
    assert [(s.number, s.epoch, s.ends_epoch) for s in steps] == [
        (1, 1, False),
        (2, 1, False),
        (3, 1, True),
        (4, 2, False),
        (5, 2, False),
        (6, 2, True),
    ]
    assert steps == run(1)
    assert steps != run(2)


def test_every_sample_is_seen_once_per_epoch() -> None:
    seen: list[float] = []

    def loss(outputs, target):
        seen.extend(target.tolist())
        return (outputs * outputs).mean()

    model = network(1, 1)
    sgd = dl.SGD(model.parameters(), lr=0.01)
    for step in dl.training(model, np.ones((7, 1)), np.arange(7.0), loss, sgd, 2, 3):
        if step.ends_epoch:
            assert sorted(seen) == list(range(7))
            seen.clear()


def test_one_step_is_what_the_five_lines_do() -> None:
    x, y = np.ones((4, 3), "float32"), np.arange(4) % 2
    first, second = network(3, 5, 2), network(3, 5, 2)
    optimizer = dl.SGD(first.parameters(), lr=0.5)
    (step,) = dl.training(first, x, y, dl.cross_entropy, optimizer, epochs=1, batch_size=4)
    loss = dl.cross_entropy(second(dl.Tensor(x)), y)
    loss.backward()
    dl.SGD(second.parameters(), lr=0.5).step()
    assert step.loss == pytest.approx(loss.item(), rel=1e-6)
    for p, q in zip(first.parameters(), second.parameters(), strict=True):
        assert np.allclose(p.data, q.data, atol=1e-6)


def test_stopping_early_is_an_ordinary_break() -> None:
    moons = data.moons(40)
    model = network(2, 8, 2)
    adam = dl.Adam(model.parameters(), lr=0.05)
    for step in dl.training(model, moons.x, moons.y, dl.cross_entropy, adam, epochs=500):
        if step.loss < 0.2:
            break
    assert step.epoch < 500


def test_the_loop_carries_the_five_labels_in_order() -> None:
    comments = re.findall(r"^ +# (.+)$", inspect.getsource(dl.training), re.MULTILINE)
    assert tuple(comments) == dl.STEPS


def test_training_uses_train_mode_and_evaluating_uses_eval_mode() -> None:
    modes = []

    class Watcher(dl.Module):
        def __init__(self) -> None:
            self.weight = dl.Parameter([1.0])

        def forward(self, x):
            modes.append(self.training)
            return x * self.weight

    model, x, y = Watcher(), np.ones((2, 1)), np.ones((2, 1))
    model.eval()
    dl.fit(model, x, y, dl.mse_loss, dl.SGD(model.parameters(), lr=0.1), epochs=1)
    dl.evaluate(model, x, y, dl.mse_loss)
    assert modes == [True, False]
    assert model.training
    model.eval()
    dl.predict(model, x)
    assert not model.training


def test_data_take_the_dtype_of_the_model_and_labels_stay_whole() -> None:
    seen = []

    class Watcher(dl.Linear):
        def forward(self, x):
            seen.append(x.dtype)
            return super().forward(x)

    def loss(outputs, target):
        seen.append(target.dtype)
        return dl.cross_entropy(outputs, target)

    model = Watcher(2, 2, seed=0)
    dl.fit(model, np.ones((2, 2)), np.array([0, 1]), loss, dl.SGD(model.parameters(), lr=0.1), 1)
    assert seen == [np.float32, np.int64]


def test_predict_does_not_depend_on_the_batch_size() -> None:
    model, x = network(3, 4, 2), np.random.default_rng(0).normal(size=(10, 3))
    assert np.allclose(dl.predict(model, x, 3), dl.predict(model, x, 100), atol=1e-6)
    assert dl.predict(model, x, 3).shape == (10, 2)


def test_accuracy_counts_right_answers() -> None:
    outputs = np.array([[2.0, 1.0], [0.0, 3.0], [5.0, 4.0]])
    assert dl.accuracy(outputs, np.array([0, 1, 1])) == pytest.approx(2 / 3)
    assert dl.accuracy(np.array([-1.0, 2.0]), np.array([0, 1])) == 1
    with pytest.raises(ValueError, match="need labels of shape"):
        dl.accuracy(outputs, np.array([0, 1]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y": np.zeros(3, int)}, "x has 4 rows and y has 3"),
        ({"x": np.zeros((0, 2)), "y": np.zeros(0, int)}, "at least 1"),
        ({"epochs": 0}, "epochs=0"),
        ({"batch_size": 0}, "batch_size=0"),
    ],
)
def test_data_and_settings_that_do_not_fit_are_refused(changes: dict, message: str) -> None:
    model = network(2, 2)
    sgd = dl.SGD(model.parameters(), lr=0.1)
    arguments = {"x": np.zeros((4, 2)), "y": np.zeros(4, int)} | changes
    with pytest.raises(ValueError, match=message):
        dl.fit(model, loss=dl.cross_entropy, optimizer=sgd, **arguments)


def test_a_loss_that_is_no_number_stops_the_training_with_advice() -> None:
    model = network(2, 2)
    x = np.array([[1.0, np.nan], [1.0, 1.0]])
    sgd = dl.SGD(model.parameters(), lr=0.25)
    with pytest.raises(FloatingPointError, match=r"nan at step 1 \(epoch 1\).*lr=0.25"):
        dl.fit(model, x, np.array([0, 1]), dl.cross_entropy, sgd)
    assert all(np.isfinite(p.data).all() for p in model.parameters())


@pytest.mark.parametrize(
    ("setting", "progress", "shown"),
    [("", True, False), ("0", True, False), ("1", True, True), ("1", False, False)],
)
def test_progress_bar_is_silent_unless_someone_watches(
    setting: str, progress: bool, shown: bool, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("DLCOURSE_PROGRESS", setting)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    model = network(2, 2)
    sgd = dl.SGD(model.parameters(), lr=0.1)
    dl.fit(model, np.zeros((4, 2)), np.zeros(4, int), dl.cross_entropy, sgd, 2, progress=progress)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert ("Training" in printed.err) == shown
