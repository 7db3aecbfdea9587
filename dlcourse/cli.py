"""The command line: `dlcourse lab` opens the course, `dlcourse doctor` examines the environment.

`dlcourse check`, `grade` and `release` are in classroom/commands.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dlcourse import doctor as doctor_module
from dlcourse.classroom.commands import COMMANDS

JUPYTER_CONFIG = Path(__file__).parent / "jupyter"
MARKS = {True: "[green]ok[/]", False: "[red]mend[/]", None: "[yellow]optional[/]"}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dlcourse")
def main() -> None:
    """Deep Learning from the First Neuron."""


def lab_environment() -> dict[str, str]:
    """The environment in which JupyterLab starts: the course's settings come first."""
    environment = dict(os.environ)
    paths = [str(JUPYTER_CONFIG), environment.get("JUPYTER_CONFIG_PATH", "")]
    environment["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, paths))
    environment.setdefault("OPENBLAS_NUM_THREADS", "1")
    environment.setdefault("OMP_NUM_THREADS", "1")
    return environment


@main.command(context_settings={"ignore_unknown_options": True})
@click.option("--browser/--no-browser", default=True, help="Open the browser (default) or not.")
@click.option("--port", default=8888, show_default=True, help="The first port to try.")
@click.argument("jupyter_options", nargs=-1, type=click.UNPROCESSED)
def lab(browser: bool, port: int, jupyter_options: tuple[str, ...]) -> None:
    """Open the course in JupyterLab, at its map (notebooks/00_welcome.ipynb).

    Further options go to JupyterLab as they are.
    """
    root = doctor_module.ROOT
    start = root / "notebooks" / "00_welcome.ipynb"
    if not start.is_file():
        raise click.ClickException(
            f"{start} is not there. Run this command from a checkout of the course "
            "(git clone, then: make lab)."
        )
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={root}"]
    command.append(f"--LabApp.default_url=/lab/tree/notebooks/{start.name}")
    command += [f"--port={port}", *([] if browser else ["--no-browser"]), *jupyter_options]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # as in a container
        command.append("--allow-root")
    try:
        code = subprocess.run(command, env=lab_environment(), check=False).returncode
    except KeyboardInterrupt:
        code = 0
    sys.exit(code)


@main.command()
def doctor() -> None:
    """Say what is wrong with this environment, and the one command that mends it."""
    findings = list(doctor_module.examine())
    table = Table("", "what", "found", title="Examination of this environment")
    for finding in findings:
        table.add_row(MARKS[finding.ok], finding.subject, escape(finding.detail))
    console = Console()
    console.print(table)
    for finding in findings:
        if finding.mend:
            console.print(f"{finding.subject}: {finding.mend}", soft_wrap=True, markup=False)
    if any(finding.ok is False for finding in findings):
        sys.exit(1)


for _command in COMMANDS:
    main.add_command(_command)
