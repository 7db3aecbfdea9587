"""The site, built once for all tests of this folder, and a table of page weights at the end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.book.site import Site, build


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The site as `make book` builds it: a warning is an error."""
    folder = tmp_path_factory.mktemp("site") / "html"
    seconds, said = build(folder, "html", "-W", "--keep-going")
    return Site(folder, seconds, said)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How long the build took, and what each page weighs."""
    reports = terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", [])
    rows = [value for report in reports for key, value in report.user_properties if key == "site"]
    if rows:
        terminalreporter.section("site")
        for row in rows:
            terminalreporter.write_line(row)
