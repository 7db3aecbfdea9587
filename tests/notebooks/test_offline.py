"""The guard that keeps notebooks off the network works; this machine itself stays in reach."""

import os
import subprocess
import sys

import pytest
from notebook_run import environment

FOREIGN = [
    "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)",
    "import socket; socket.socket().connect(('192.0.2.1', 80))",
    "import socket; socket.socket().connect_ex(('192.0.2.1', 80))",
    "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
    "import socket; socket.socket(socket.AF_INET6).connect(('2001:db8::1', 80))",
    "import socket; socket.getaddrinfo('example.org', 80)",
    "import urllib.request; urllib.request.urlopen('http://example.org', timeout=1)",
    "import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', "
    "'import socket; socket.socket().connect((\"192.0.2.1\", 80))']).returncode)",
]
LOCAL = """
import socket
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(("localhost", server.getsockname()[1]))
client.sendall(b"hello")
print(server.accept()[0].recv(5))
"""


def run(code, env):
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("code", FOREIGN)
def test_other_machines_are_out_of_reach(code, tmp_path):
    result = run(code, environment(str(tmp_path)))
    assert result.returncode != 0
    assert "The network is blocked while notebooks run" in result.stderr


def test_this_machine_is_within_reach(tmp_path):
    assert run(LOCAL, environment(str(tmp_path))).stdout.strip() == "b'hello'"


def test_the_guard_is_what_blocks():
    """Without it the first attempt fails in another way, or not at all."""
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    assert "blocked while notebooks run" not in run(FOREIGN[1].replace("80", "9"), env).stderr
