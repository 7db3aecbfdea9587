"""A real JupyterLab, started as `dlcourse lab` starts it, on a copy of the course."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlcourse.cli import lab_environment

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds until the server must answer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"JupyterLab did not answer at {url}:\n{log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running JupyterLab whose files may be changed."""
    home = tmp_path_factory.mktemp("lab")
    for folder in ("notebooks", "exercises", "book"):
        skip = shutil.ignore_patterns("_build", "__pycache__", ".ipynb_checkpoints")
        shutil.copytree(ROOT / folder, home / "course" / folder, ignore=skip)
    environment = lab_environment()
    for name in ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "DLCOURSE_HOME"):
        environment[name] = str(home / name.lower())
    port = free_port()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}"]
    command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={home / 'course'}"]
    command += ["--IdentityProvider.token=", "--ServerApp.port_retries=0", "--allow-root"]
    log = home / "lab.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, cwd=home
        )
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(f"{address}/api/status", server, log)
            yield address
        finally:
            server.terminate()
            try:
                server.wait(timeout=15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
