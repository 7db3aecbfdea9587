"""The harness: statistics, processes, and what the three commands write."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from benchmarks import growth, memory, peak, report, training
from benchmarks.contest import Row
from benchmarks.worker import Worker, WorkerError


def row(pairs: list[tuple[float, float]]) -> Row:
    return Row("mlp", "MLP", "dlcourse", "PyTorch", threads=1, pairs=pairs)


def run(command: object, *arguments: str, out: Path) -> Result:
    result = CliRunner().invoke(command, [*arguments, "--quick", "--out", str(out)])
    assert result.exit_code == 0, result.output
    return result


# --- Statistics -------------------------------------------------------------------------------
def test_the_median_of_pairs_forgets_a_disturbed_one() -> None:
    result = row([(0.002, 0.004), (0.002, 0.004), (0.9, 0.004), (0.003, 0.006), (0.001, 0.004)])
    result.summarise()
    assert result.ratio == pytest.approx(0.5)
    assert result.quartiles == pytest.approx((0.5, 0.5))
    assert (result.first_ms, result.second_ms) == pytest.approx((2.0, 4.0))


@pytest.mark.parametrize(
    ("other", "valid"), [(1.00001, True), (1.001, False), (float("nan"), False)]
)
def test_rows_are_valid_only_if_all_losses_agree(other: float, valid: bool) -> None:
    result = row([])
    result.check_losses([2.0, other, 0.5], [2.0, 1.0, 0.5])
    assert result.valid is valid
    result.check_losses([2.0], [2.0])  # a later process does not make it good again
    assert result.valid is valid


def test_a_power_law_has_its_exponent() -> None:
    sizes = [10, 20, 40, 80, 160]
    assert growth.exponent(sizes, [0.5 * n**1.5 for n in sizes]) == pytest.approx(1.5)
    with_fixed_costs = [100.0, 100.0, 40.0**2, 80.0**2, 160.0**2]
    assert growth.exponent(sizes, with_fixed_costs) == pytest.approx(2.0)


# --- Processes --------------------------------------------------------------------------------
def test_a_worker_says_what_went_wrong_and_works_on() -> None:
    with Worker(threads=1) as worker:
        arguments = {"engine": "dlcourse", "device": "cpu", "threads": 1}
        with pytest.raises(WorkerError, match="KeyError: 'no such case'"):
            worker.ask("build", case="no such case", **arguments)
        worker.ask("build", case="mlp-small", **arguments)
        assert len(worker.ask("first_losses", engine="dlcourse", steps=3)) == 3
        assert worker.ask("block", engine="dlcourse", steps=2, clock="cpu") > 0
        worker.process.kill()
        worker.process.wait()
        with pytest.raises(WorkerError, match="has ended"):
            worker.ask("peak", engine="dlcourse", device="cpu")


def test_what_cannot_be_built_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: object) -> Row:
        raise WorkerError("ImportError: No module named 'gpt'")

    monkeypatch.setattr(training, "compare", fails)
    contest = training.Contest("gpt", ("dlcourse", "PyTorch"), training.Settings())
    rows, left_out = training.measure([contest])
    assert rows == []
    assert left_out == ["gpt against PyTorch: left out. ImportError: No module named 'gpt'"]


def test_opponents_that_are_not_installed_get_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    settings = {"device": "cpu", "apart": False, "pairs": 11, "seconds": 0.1}
    contests, missing = training.plan([], [1, 2], settings, ["micrograd", "tinygrad"])
    assert {c.engines[1] for c in contests} == {"PyTorch"}
    assert all(c.settings.apart == (c.settings.threads > 1) for c in contests)
    assert missing == [
        "micrograd: left out. It needs: pip install micrograd.",
        "tinygrad: left out. It needs: pip install tinygrad, a C compiler, clang.",
    ]
    assert training.plan([], [1], settings, [])[1] == []


# --- What the commands write ------------------------------------------------------------------
def check_picture(path: Path) -> None:
    """It is large enough to read, not empty, and more than two greys: it survives a grey print."""
    with Image.open(path) as image:
        assert min(image.size) > 200
        assert len(np.unique(np.asarray(image.convert("L")))) > 20


def test_training_writes_numbers_table_and_picture(tmp_path: Path) -> None:
    run(training.main, "mlp-small", "--threads", "1", "--no-tinygrad", out=tmp_path)
    content = json.loads((tmp_path / "training-cpu.json").read_text("utf8"))
    (found,) = content["rows"]
    assert found["valid"]
    assert found["case"] == "mlp-small"
    assert len(found["pairs"]) == 2
    assert found["ratio"] > 0
    assert {"processor", "cores", "date", "versions", "kernels"} <= set(content["machine"])
    page = (tmp_path / "training-cpu.md").read_text("utf8")
    assert f"| MLP 64-128-10, batch 64 | {found['first_ms']:.2f} |" in page
    assert "![Ratios of the times" in page
    check_picture(tmp_path / "training-cpu.png")


def test_threads_and_processor_time_do_not_go_together(tmp_path: Path) -> None:
    arguments = ["--clock", "cpu", "--threads", "2", "--out", str(tmp_path)]
    result = CliRunner().invoke(training.main, arguments)
    assert result.exit_code == 2
    assert "--threads 1" in result.output


def test_growth_writes_numbers_table_and_picture(tmp_path: Path) -> None:
    run(growth.main, "batch", "graph", out=tmp_path)
    content = json.loads((tmp_path / "growth-cpu.json").read_text("utf8"))
    assert [curve["curve"] for curve in content["curves"]] == ["batch", "graph"]
    assert all(ms > 0 for curve in content["curves"] for ms in curve["ours_ms"])
    page = (tmp_path / "growth-cpu.md").read_text("utf8")
    assert "| Backward, graph | 100–300 operations |" in page
    check_picture(tmp_path / "growth-cpu.png")


@pytest.mark.skipif(not peak.CLEAR_REFS.exists(), reason="only Linux tells a peak of memory")
def test_memory_writes_numbers_and_table(tmp_path: Path) -> None:
    run(memory.main, "mlp-small", out=tmp_path)
    (found,) = json.loads((tmp_path / "memory-cpu.json").read_text("utf8"))["rows"]
    least = 3 * 9_610 * 4 / 2**20  # gradients and Adam's two means, 4 bytes a parameter
    assert least < found["dlcourse MiB"] < 20
    assert least < found["PyTorch MiB"] < 20
    assert "# Memory of a training, cpu" in (tmp_path / "memory-cpu.md").read_text("utf8")


def test_a_table_is_markdown() -> None:
    assert report.table(["a", "b"], [["x", 1]]) == "| a | b |\n| :-- | --: |\n| x | 1 |"
