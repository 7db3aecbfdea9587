"""The benchmark models: each one is the same model for every library that takes part."""

import numpy as np
import pytest
import torch
from torch import nn

import dlcourse as dl
from benchmarks import models, scalar
from benchmarks.contestants import Ours, PyTorch, losses
from benchmarks.models import CASES
from benchmarks.tinygrad_engine import FORWARD
from benchmarks.training import NOT_COMPILED

SAME = 1e-5  # float32, relative


@pytest.mark.parametrize("name", CASES)
def test_both_sides_have_the_same_parameters_and_losses(name: str) -> None:
    _, build = CASES[name]
    case = build()
    assert models.count_parameters(case.model) == models.count_parameters(case.twin)
    ours, theirs = losses(Ours(case, "cpu"), 2), losses(PyTorch(case, "cpu"), 2)
    assert ours == pytest.approx(theirs, rel=SAME)
    assert ours[1] < ours[0]


def test_torch_arrays_take_part_too() -> None:
    case = models.mlp([5, 4, 3], batch=6)
    ours = losses(Ours(case, "torch"), 5)
    assert ours == pytest.approx(losses(PyTorch(case, "torch"), 5), rel=SAME)
    assert isinstance(case.model.parameters()[0].data, torch.Tensor)


def test_reset_leads_back_to_the_start() -> None:
    case = models.mlp([5, 4, 3], batch=6)
    for contestant in (Ours(case, "cpu"), PyTorch(case, "cpu")):
        assert losses(contestant, 4) == losses(contestant, 4)


def test_weights_lie_in_torchs_own_order() -> None:
    case = models.mlp([5, 4, 3], batch=6)
    assert all(p.is_contiguous() for p in case.twin.parameters())
    assert np.array_equal(case.twin[0].weight.detach(), case.model[0].weight.numpy().T)


def test_other_shapes_are_no_twins() -> None:
    model, twin = dl.Sequential(dl.Linear(5, 4, seed=0)), nn.Sequential(nn.Linear(4, 5))
    with pytest.raises(ValueError, match="against"):
        models.tie(model, twin)
    with pytest.raises(ValueError, match="argument"):
        models.tie(model, nn.Sequential(nn.Linear(5, 4, bias=False)))


def test_tinygrad_knows_every_layer() -> None:
    for name in CASES.keys() - NOT_COMPILED:
        _, build = CASES[name]
        assert {type(module) for module in build().twin.modules()} <= set(FORWARD)


def test_the_scalar_engine_is_that_of_the_chapter() -> None:
    engine = scalar.chapter_engine()
    w, x = engine["Value"](3.0), engine["Value"](2.0)
    engine["backward"](w * x * w)
    assert (w.grad, x.grad) == (12.0, 9.0)
    found = losses(scalar.chapter(), 5)
    assert found[-1] < found[0]


def test_micrograd_computes_the_same() -> None:
    pytest.importorskip("micrograd", reason="micrograd is not installed")
    assert losses(scalar.chapter(), 2) == pytest.approx(losses(scalar.micrograd(), 2), rel=1e-12)
