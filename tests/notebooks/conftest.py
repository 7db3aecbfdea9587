"""Puts the author's tool on the path, and prints a table of notebook sizes at the end."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "book"))

HEADER = "notebook                                  code cells  median lines  words  words a line"


def pytest_terminal_summary(terminalreporter):
    """One line for each notebook whose style was looked at."""
    reports = terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", [])
    rows = [v for report in reports for k, v in report.user_properties if k == "notebook"]
    if rows:
        terminalreporter.section("notebooks")
        terminalreporter.write_line(HEADER)
        for row in sorted(rows):
            terminalreporter.write_line(row)
