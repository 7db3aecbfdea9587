"""What all browser tests share: Chromium, and a server for a folder of files.

A test that asks for the fixture `browser` is a browser test; it gets its marker here. Without
Chromium these tests are skipped, except where CI is set: there they fail.

Where several processes share the tests, the tests of a file stay together. So do those of the
book, which share the built site, and those of the grader, which count what is left behind.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dlcourse.doctor import find_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Serve = Callable[[Path], str]  # a folder -> its address, without a slash at the end

TOGETHER = {"book": "book", "grading": "grader", "grading_run": "grader"}  # folder -> group
NO_CHROMIUM = (
    "No Chromium found, so nothing was tested in a browser. Mend it: sudo apt install chromium"
)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Here, and not later, because pytest-xdist reads the groups before the next hook is called."""
    group = TOGETHER.get(item.path.parent.name, item.path.name)
    item.add_marker(pytest.mark.xdist_group(group))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = find_chromium() is None and os.environ.get("CI", "").lower() != "true"
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
            if missing:  # a mark, so that the report has one line for each file
                item.add_marker(pytest.mark.skip(reason=NO_CHROMIUM))


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser."""
    path = find_chromium()
    if path is None:
        pytest.fail(NO_CHROMIUM, pytrace=False)
    return path


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """One headless Chromium for the whole run. Open a fresh page or context for each test."""
    from playwright.sync_api import sync_playwright

    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    arguments = ["--disable-dev-shm-usage", *(["--no-sandbox"] if is_root else [])]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield started
        started.close()


class _Quiet(SimpleHTTPRequestHandler):
    """Files as they are now: no lines in the terminal, nothing kept by the browser."""

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        super().end_headers()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A page that is closed while it loads drops its connections: no reason for a message.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@pytest.fixture(scope="session")
def serve() -> Iterator[Serve]:
    """serve(folder) gives the address at which the folder's files can be read."""
    servers = []

    def start(folder: Path) -> str:
        server = _Server(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
