"""Checkpoints: a resumed training gives the same bits, and a bad file never half a model."""

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from safetensors import safe_open

import dlcourse as dl
from tests.engine.compare import DEVICES

on_all = pytest.mark.parametrize("device", DEVICES)


class Noise(dl.Module):
    """A layer with chance in it, as dropout has it."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def forward(self, x):
        return x + dl.asarray(self.rng.normal(size=x.shape), "float32") if self.training else x


def run_parts(seed: int, make: Any) -> dict[str, Any]:
    """All that a training needs, with other weights and other chance for each seed."""
    model = dl.Sequential(
        dl.Linear(3, 8, seed=seed), Noise(seed), dl.Tanh(), dl.Linear(8, 2, seed=seed)
    )
    optimizer = make(model.parameters())
    return {
        "model": model,
        "optimizer": optimizer,
        "schedule": dl.CosineSchedule(optimizer, 18, warmup=3),
        "stopping": dl.EarlyStopping(model, patience=100),
        "augment": np.random.default_rng(seed),
    }


def train(parts: dict[str, Any], save_at: int, path: Path | None, done: int = 0) -> list[dl.Step]:
    """3 epochs of 6 steps; the data change by chance in the loop."""
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(22, 3)).astype("float32"), rng.integers(0, 2, 22)
    steps = []
    loop = dl.training(
        parts["model"],
        x,
        y,
        lambda out, target: dl.cross_entropy(out * float(parts["augment"].uniform(1, 2)), target),
        parts["optimizer"],
        epochs=3,
        batch_size=4,
        seed=5,
        clip_norm=0.5,
        schedule=parts["schedule"],
        done=done,
    )
    for step in loop:
        steps.append(step)
        parts["stopping"].update(step.loss)
        if step.number == save_at and path is not None:
            dl.save_checkpoint(path, step=step.number, **parts)
    return steps


OPTIMIZERS = {
    "SGD": lambda ps: dl.SGD(ps, lr=0.1, momentum=0.9, nesterov=True),
    "RMSprop": lambda ps: dl.RMSprop(ps, lr=0.01),
    "AdamW": lambda ps: dl.AdamW(ps, lr=0.02, weight_decay=0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("save_at", [1, 6, 8, 17])  # within and at the end of epochs
@on_all
def test_a_resumed_training_gives_the_same_numbers_bit_for_bit(
    name: str, save_at: int, device: str, tmp_path: Path
) -> None:
    path = tmp_path / "run.safetensors"
    with dl.use(device):
        whole, resumed = run_parts(1, OPTIMIZERS[name]), run_parts(2, OPTIMIZERS[name])
        expected = train(whole, save_at, path)
        done = dl.load_checkpoint(path, **resumed)
        assert done == save_at
        assert train(resumed, 0, None, done) == expected[save_at:]
    assert len(expected) == 18
    for part in ("model", "optimizer", "schedule", "stopping"):
        first, second = whole[part].state_dict(), resumed[part].state_dict()
        assert first.keys() == second.keys()
        for key, values in first.items():
            assert values.tobytes() == second[key].tobytes(), f"{part} {key}"
    assert whole["augment"].bit_generator.state == resumed["augment"].bit_generator.state
    assert os.listdir(tmp_path) == ["run.safetensors"]


def test_leaving_out_one_part_would_be_noticed(tmp_path: Path) -> None:
    """The proof that the test above can fail: without any one part the numbers differ."""
    path = tmp_path / "run.safetensors"
    expected = train(run_parts(1, OPTIMIZERS["AdamW"]), 8, path)[8:]
    for left_out in ("model", "optimizer", "schedule", "augment"):
        parts = run_parts(2, OPTIMIZERS["AdamW"])
        dl.load_checkpoint(path, **{n: p for n, p in parts.items() if n != left_out})
        assert train(parts, 0, None, 8) != expected, left_out
    parts = run_parts(2, OPTIMIZERS["AdamW"])
    dl.load_checkpoint(path, **parts)
    parts["model"][1].rng.normal()
    assert train(parts, 0, None, 8) != expected


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "run.safetensors"
    train(run_parts(1, OPTIMIZERS["AdamW"]), 8, path)
    return path


def fingerprint(parts: dict[str, Any]) -> str:
    """All states as one text."""
    found = {
        f"{name}/{key}": values.tobytes().hex()
        for name, part in parts.items()
        if hasattr(part, "state_dict")
        for key, values in part.state_dict().items()
    }
    chance = [parts["augment"].bit_generator.state, parts["model"][1].rng.bit_generator.state]
    return json.dumps([found, chance, parts["optimizer"].lr])


def test_a_file_goes_from_one_library_to_the_other(saved: Path) -> None:
    here = run_parts(2, OPTIMIZERS["AdamW"])
    dl.load_checkpoint(saved, **here)
    with dl.use("torch"):
        there = run_parts(3, OPTIMIZERS["AdamW"])
        dl.load_checkpoint(saved, **there)
    assert fingerprint(here) == fingerprint(there)
    assert not isinstance(there["model"][0].weight.data, np.ndarray)


def test_one_part_alone_can_be_read(saved: Path) -> None:
    model = run_parts(2, OPTIMIZERS["AdamW"])["model"]
    before = model.state_dict()
    assert dl.load_checkpoint(saved, model=model) == 8
    assert any((before[k] != v).any() for k, v in model.state_dict().items())


def test_arrays_of_any_layout_and_size_come_back(tmp_path: Path) -> None:
    class Odd(dl.Module):
        def __init__(self, scale: float) -> None:
            values = np.arange(6.0).reshape(2, 3) * scale
            self.turned = dl.Tensor(values.T)
            self.single = dl.Parameter(scale)
            self.empty = dl.Tensor(np.zeros((0, 2)))

    path, model = tmp_path / "odd.safetensors", Odd(0.0)
    dl.save_checkpoint(path, model=Odd(3.0))
    assert dl.load_checkpoint(path, model=model) == 0
    assert model.turned.numpy().tolist() == [[0, 9], [3, 12], [6, 15]]
    assert model.single.item() == 3
    assert model.single.shape == ()


# --- Damaged and unsuitable files -------------------------------------------------------------
def damages(content: bytes) -> dict[str, bytes]:
    """The same file with a fault: cut, changed in one place, or something else altogether."""
    rng = np.random.default_rng(0)
    found = {f"cut at {n}": content[:n] for n in (0, 5, 200, len(content) // 2, len(content) - 1)}
    for place in [*rng.integers(0, len(content), 60).tolist(), len(content) - 1]:
        changed = bytearray(content)
        changed[place] ^= 1 << int(rng.integers(8))
        found[f"one bit at {place}"] = bytes(changed)
    found["longer"] = content + b"\0"
    found["a pickle"] = pickle.dumps({"model": [1, 2]})
    found["a text"] = b"hello, this is no checkpoint"
    found["other arrays"] = safetensors.numpy.save({"a": np.ones(2)})
    found["another format"] = safetensors.numpy.save({}, {"about": "{}", "checksum": "0"})
    return found


def test_a_damaged_file_gives_one_clear_error_and_changes_nothing(saved: Path) -> None:
    parts = run_parts(2, OPTIMIZERS["AdamW"])
    before = fingerprint(parts)
    for name, content in damages(saved.read_bytes()).items():
        saved.write_bytes(content)
        with pytest.raises(ValueError, match="is damaged, or was not written by save_checkpoint"):
            dl.load_checkpoint(saved, **parts)
        assert fingerprint(parts) == before, name


def test_a_folder_or_nothing_in_place_of_the_file(tmp_path: Path) -> None:
    model = dl.Linear(2, 2, seed=0)
    for path in (tmp_path, tmp_path / "missing.safetensors"):
        with pytest.raises(FileNotFoundError, match="there is no file"):
            dl.load_checkpoint(path, model=model)


def network(hidden: int, noise_last: bool = False) -> dl.Sequential:
    middle = [dl.Tanh(), Noise(0)] if noise_last else [Noise(0), dl.Tanh()]
    return dl.Sequential(dl.Linear(3, hidden, seed=0), *middle, dl.Linear(hidden, 2, seed=0))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda p: {"extra": dl.Linear(2, 2, seed=0)}, ValueError, r"'extra' .*missing. It has:"),
        (
            lambda p: {"optimizer": dl.Adam(p["model"].parameters())},
            ValueError,
            r"of the kind Adam; .* of the kind AdamW",
        ),
        (
            lambda p: {"optimizer": dl.AdamW(p["model"].parameters()[2:])},
            ValueError,
            "Build model and optimiser",
        ),
        (lambda p: {"model": network(9)}, ValueError, r"layers.0.weight has shape \(3, 9\)"),
        (lambda p: {"model": network(8, True)}, ValueError, "no state for the random generator"),
        (lambda p: {"extra": 5}, TypeError, r"extra has no state.*int"),
    ],
)
def test_parts_that_do_not_fit_are_refused_and_nothing_changes(
    change, error, message: str, saved: Path
) -> None:
    parts = run_parts(2, OPTIMIZERS["AdamW"])
    before, changed = fingerprint(parts), change(parts)
    # The part that does not fit comes last: all others are loaded before it fails.
    given = {name: part for name, part in parts.items() if name not in changed} | changed
    with pytest.raises(error, match=message):
        dl.load_checkpoint(saved, **given)
    assert fingerprint(parts) == before


# --- Writing ----------------------------------------------------------------------------------
def test_a_crash_while_writing_leaves_the_old_file(saved: Path, monkeypatch) -> None:
    content = saved.read_bytes()
    model = dl.Linear(2, 2, seed=0)

    def crash(*arguments: Any) -> None:
        raise OSError("disk full")

    for target, name in ((os, "replace"), (os, "fsync"), (safetensors.numpy, "save_file")):
        with monkeypatch.context() as patch:
            patch.setattr(target, name, crash)
            with pytest.raises(OSError, match="disk full"):
                dl.save_checkpoint(saved, model=model)
        assert saved.read_bytes() == content
        assert os.listdir(saved.parent) == [saved.name]


def test_the_file_is_plain_and_the_same_state_gives_the_same_arrays(saved: Path) -> None:
    with safe_open(saved, framework="numpy") as file:
        names, about = set(file.keys()), json.loads(file.metadata()["about"])
    assert {"model/layers.0.weight", "optimizer/0.1", "optimizer/t", "schedule/t"} <= names
    assert about["step"] == 8
    assert about["kinds"]["optimizer"] == "AdamW"
    assert set(about["generators"]) == {"model/2.rng", "augment/"}


def test_saving_refuses_what_has_no_state(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"rate has no state.*float"):
        dl.save_checkpoint(tmp_path / "a.safetensors", rate=0.1)
    assert not os.listdir(tmp_path)


# --- Stopping early ---------------------------------------------------------------------------
@pytest.mark.parametrize(("mode", "sign"), [("min", 1), ("max", -1)])
def test_early_stopping_waits_and_brings_the_best_back(mode: str, sign: int) -> None:
    model = dl.Linear(1, 1, seed=0)
    stopping = dl.EarlyStopping(model, patience=2, min_delta=0.5, mode=mode)
    answers = []
    for k, value in enumerate([5.0, 3.0, 2.8, 2.4, 2.4, 2.0]):
        model.weight.data[:] = k
        answers.append(stopping.update(sign * value))
    # 2.8 is no improvement by 0.5 over 3.0, 2.4 is; then 2.4 and 2.0 are none
    assert answers == [False, False, False, False, False, True]
    assert stopping.best == sign * 2.4
    stopping.restore()
    assert model.weight.item() == 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda m: dl.EarlyStopping(m, patience=0), "patience=0"),
        (lambda m: dl.EarlyStopping(m, min_delta=-1), "min_delta=-1"),
        (lambda m: dl.EarlyStopping(m, mode="up"), "mode='up'"),
        (lambda m: dl.EarlyStopping(m).update(float("nan")), "NaN"),
    ],
)
def test_early_stopping_explains_its_errors(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(dl.Linear(1, 1, seed=0))
