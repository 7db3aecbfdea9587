"""Makes the start and the end of the formula server safe.

sphinxcontrib-katex connects as soon as the server's socket has a name, which may be an instant
before the server listens; the build then ends with "Connection refused". Here we ask again, and
longer than the library's five seconds.

Pages are written in several processes, each with a server of its own. These processes end without
`atexit`, on which the library relies, and their servers would stay for ever.
"""

import socket
import time
from multiprocessing.util import Finalize
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from sphinx.application import Sphinx
from sphinxcontrib import katex
from sphinxcontrib.katex import KaTeXServer

PATIENCE = 60.0  # seconds until the server must answer
PAUSE = 0.01  # seconds between two tries


def start(cls: type[KaTeXServer], rundir: Path, timeout: float) -> tuple[Any, socket.socket]:
    """Start the server and connect to it: its process and the connection."""
    path = Path(rundir) / "katex.sock"
    process = Popen(cls.build_command(socket=path), stdin=PIPE, stdout=PIPE, cwd=rundir)
    Finalize(None, process.kill, exitpriority=0)
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):  # not up yet
            connection.close()
            time.sleep(PAUSE)
        else:
            return process, connection
    with process:  # wait for its end, close its pipes
        process.kill()
    raise cls.timeout_error(timeout)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    KaTeXServer.start_server_process = classmethod(start)
    katex.STARTUP_TIMEOUT = PATIENCE
    return {"parallel_read_safe": True, "parallel_write_safe": True}
