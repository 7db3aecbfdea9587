"""One truth for dependencies, and a doctor that finds what is wrong."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from dlcourse import cli, doctor
from dlcourse.classroom.grading import examine

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]


def test_environment_yml_installs_what_pyproject_says() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf8"))
    *conda, pip = environment["dependencies"]
    assert conda == [f"python{PROJECT['requires-python']}", "pip"]
    assert pip == {"pip": ["-c constraints.txt", "-e .[course]"]}


def test_every_dependency_is_pinned() -> None:
    pins = {_plain(name) for name in doctor.pinned_versions(ROOT)}
    extras = PROJECT["optional-dependencies"].values()
    wanted = PROJECT["dependencies"] + [name for extra in extras for name in extra]
    names = {_plain(re.split(r"[<>=\[]", name)[0]) for name in wanted} - {"dlcourse"}
    assert names <= pins, f"pin in constraints.txt: {sorted(names - pins)}"


def test_the_pinned_torch_is_the_tested_one() -> None:
    assert doctor.pinned_versions(ROOT)["torch"] == "2.13.0"


def test_doctor_finds_nothing_to_mend_here() -> None:
    broken = [finding for finding in doctor.examine() if finding.ok is False]
    assert broken == []


def test_doctor_names_a_wrong_and_a_missing_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pins = (ROOT / "constraints.txt").read_text("utf8")
    (tmp_path / "constraints.txt").write_text(re.sub(r"numpy==\S+", "numpy==1.0", pins), "utf8")
    project = (ROOT / "pyproject.toml").read_text("utf8")
    (tmp_path / "pyproject.toml").write_text(project.replace('"click"', '"no-such-package"'))
    (finding,) = doctor._packages(tmp_path)
    assert finding.ok is False
    assert "no-such-package is missing" in finding.detail
    assert "tested with 1.0" in finding.detail
    assert "pip install -c constraints.txt" in finding.mend


def test_doctor_command_names_the_mending_command(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = doctor.Finding("packages", False, "numpy is missing", "pip install numpy")
    monkeypatch.setattr(doctor, "examine", lambda: iter([broken]))
    result = CliRunner().invoke(cli.main, ["doctor"])
    assert result.exit_code == 1
    assert "packages: pip install numpy" in result.output


def test_doctor_reports_a_missing_program_as_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    missing = {f.subject: f for f in doctor.examine() if f.ok is None}
    assert {"sandbox", "chromium"} <= missing.keys()
    assert all(missing[name].mend for name in ("sandbox", "chromium"))


def test_doctor_tries_the_sandbox_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    leaky = examine.Examination(False, "bubblewrap 0.8.0: a submission could read it", "ask root")
    monkeypatch.setattr(examine, "examine", lambda: leaky)
    finding = doctor._sandbox()
    assert (finding.ok, finding.mend) == (None, "ask root")
    assert "a submission could read it" in finding.detail
    monkeypatch.setattr(doctor.sys, "platform", "darwin")
    assert "Linux" in doctor._sandbox().mend


def test_doctor_says_when_progress_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("DLCOURSE_HOME", str(tmp_path / "file"))
    finding = doctor._progress_folder()
    assert finding.ok is None
    assert "DLCOURSE_HOME" in finding.mend


def test_lab_outside_a_checkout_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    result = CliRunner().invoke(cli.main, ["lab"])
    assert result.exit_code == 1
    assert "git clone" in result.output


def test_lab_starts_with_the_settings_of_the_course() -> None:
    environment = cli.lab_environment()
    first = environment["JUPYTER_CONFIG_PATH"].split(":")[0]
    assert (Path(first) / "labconfig" / "default_setting_overrides.json").is_file()


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
