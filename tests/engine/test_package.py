"""The package as a whole: reading order, light import, flat names, no public name untested."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import dlcourse as dl
from dlcourse import ops
from tests.engine.cases import CASES
from tests.engine.test_conv import CONV
from tests.engine.test_distances import OTHER_LOSSES
from tests.engine.test_dropout import DROPOUT
from tests.engine.test_embedding import EMBEDDING
from tests.engine.test_layers import LAYERS
from tests.engine.test_losses import LOSSES
from tests.engine.test_norm import NORM
from tests.engine.test_optim import OPTIMIZERS
from tests.engine.test_pooling import POOLING

PACKAGE = Path(dl.__file__).parent

# The reading order of the package. An entry that ends with "/" is a folder.
READING_ORDER = (
    "allocator.py",
    "device.py",
    "neuron.py",
    "gradients.py",
    "anomaly.py",
    "backprop.py",
    "ops.py",
    "nonlinear.py",
    "graph.py",
    "layers/module.py",
    "layers/windows.py",
    "layers/conv.py",
    "layers/",
    "losses.py",
    "optim.py",
    "schedules.py",
    "train.py",
    "checkpoint.py",
    "games.py",
    "architectures/",
    "data/sets.py",
    "data/",
    "plots.py",
    "widgets/base.py",
    "widgets/",
    "classroom/",
    "course.py",
    "doctor.py",
    "cli.py",
)
ANYWHERE = ("data/", "course.py")  # may be imported from any place


def place(path: Path) -> int:
    """The position of a file in the reading order."""
    name = path.relative_to(PACKAGE).as_posix()
    if name in READING_ORDER:
        return READING_ORDER.index(name)
    folder = name.split("/")[0] + "/"
    assert folder in READING_ORDER, f"{name} has no place in READING_ORDER"
    return READING_ORDER.index(folder)


def imported_files(path: Path) -> set[Path]:
    """The files of the package that a file imports, wherever in it the import stands."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: write imports in full, without dots"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    found = set()
    for name in names:
        parts = name.split(".")
        if parts[0] == "dlcourse" and len(parts) > 1:
            stem = PACKAGE.joinpath(*parts[1:])
            found |= {p for p in (stem.with_suffix(".py"), stem / "__init__.py") if p.exists()}
    return found


FILES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_a_file_imports_only_what_was_read_before(path: Path) -> None:
    for other in imported_files(path):
        name = other.relative_to(PACKAGE).as_posix()
        if name.startswith(ANYWHERE) and path.relative_to(PACKAGE).parts[0] != "data":
            continue
        assert place(other) <= place(path), f"{path.name} imports {name}, which comes later"


def test_a_later_import_would_be_noticed(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("def f():\n    from dlcourse.optim import SGD\n")
    assert imported_files(bad) == {PACKAGE / "optim.py"}
    assert place(PACKAGE / "optim.py") > place(PACKAGE / "ops.py")


def test_import_is_light() -> None:
    code = (
        "import sys, time\nstart = time.process_time()\nimport dlcourse\n"
        "print(time.process_time() - start)\n"
        "heavy = {'torch', 'ipywidgets', 'matplotlib', 'sklearn', 'tqdm', 'IPython'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(3)
    ]
    assert {run.stdout.split("\n", 1)[1].strip() for run in runs} == {""}
    assert min(float(run.stdout.split()[0]) for run in runs) < 0.3


def test_flat_names_exist_and_lazy_parts_load() -> None:
    for name in dl.__all__:
        assert getattr(dl, name) is not None
    assert inspect.ismodule(dl.data)
    with pytest.raises(AttributeError, match="no_such_part"):
        dl.no_such_part  # noqa: B018


def public(module: str) -> set[str]:
    """The functions and classes that a file defines for others."""
    found = importlib.import_module(f"dlcourse.{module}")
    return {
        name
        for name, value in vars(found).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == found.__name__
    }


def test_every_operation_has_a_row_in_the_table() -> None:
    assert public("ops") | public("nonlinear") == {case.covers for case in CASES}


LAYER_NAMES = {  # by file: what stands in the tables of the tests
    "activation": set(LAYERS),
    "container": {"Residual", "Sequential"},
    "conv": {name for name in CONV if "ranspose" not in name},
    "conv_transpose": {name for name in CONV if "ranspose" in name},
    "dropout": DROPOUT,
    "embedding": EMBEDDING,
    "linear": {"Linear"},
    "module": {"Module"},
    "norm": NORM,
    "pooling": POOLING,
}
# What layers share, not made for others: tested through the layers that are built on it.
SHARED = {"windows": None, "conv": {"ConvLayer", "conv2d_plain", "no_rows", "one_row", "pair"}}
# Their tests hold the same rule beside their own tables.
ELSEWHERE = {"attention", "fused_lstm", "positions", "recurrent"}


def test_every_layer_is_compared_with_torch() -> None:
    files = {p.stem for p in (PACKAGE / "layers").glob("*.py")} - {"__init__"}
    assert files == set(LAYER_NAMES) | set(SHARED) | ELSEWHERE
    for stem, tested in LAYER_NAMES.items():
        names = public(f"layers.{stem}") - SHARED.get(stem, set())
        assert names == tested
        assert all(getattr(dl, name).__doc__ for name in names)  # each has a flat name


def test_every_loss_and_optimizer_is_compared_with_torch() -> None:
    assert public("losses") == {*LOSSES, *OTHER_LOSSES}
    assert public("optim") == {"Optimizer", "clip_grad_norm", *OPTIMIZERS}
    assert all(hasattr(torch.nn.functional, name) for name in LOSSES)


@pytest.mark.parametrize("name", sorted(public("ops")))
def test_every_operation_has_its_formula_and_a_flat_name(name: str) -> None:
    assert getattr(ops, name).__doc__
    # The methods behind + - * / and [] need no flat name.
    hidden = {"add", "sub", "mul", "div", "neg", "power", "getitem"}
    assert name in hidden or getattr(dl, name) is getattr(ops, name)
