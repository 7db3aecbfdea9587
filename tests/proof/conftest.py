"""Prints the proof's table at the end of the test run."""

from prover import HEADER


def pytest_terminal_summary(terminalreporter):
    """One line for each exercise that was proved."""
    reports = terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", [])
    rows = [v for report in reports for k, v in report.user_properties if k == "proof"]
    if rows:
        terminalreporter.section("proof of the checks")
        terminalreporter.write_line(HEADER)
        for row in rows:
            terminalreporter.write_line(row)
