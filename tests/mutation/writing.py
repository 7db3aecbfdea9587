"""The report as files: benchmarks/mutants.md for readers, mutants.json for programs."""

import json
from pathlib import Path

from tests.mutation.report import Count, Report

HEAD = """# Faults planted into the engine

`make mutants` changes one place of the engine at a time: an operator, a sign, an axis, a bound, a
constant, a condition. Then it runs the tests. A fault is caught if one of them fails. {sampled}
A share is that of the faults that count: not those that change nothing anyone could notice, which
tests/mutation/equivalent.toml lists with the reason. "Subtle" leaves out the faults that made
Python itself complain (a TypeError, a missing name), which any test would have seen.

"""
COLUMNS = "| File | Faults | Tried | Equivalent | Caught | Survived | Share | Subtle |\n"
RULE = "|---|--:|--:|--:|--:|--:|--:|--:|\n"


def write_report(report: Report, folder: Path) -> None:
    """Write both files into the folder."""
    folder.mkdir(exist_ok=True)
    (folder / "mutants.md").write_text(as_markdown(report), encoding="utf-8")
    (folder / "mutants.json").write_text(as_json(report), encoding="utf-8")


def as_markdown(report: Report) -> str:
    """The report to read."""
    total, settings = report.total, report.settings
    whole = total.planted == total.faults
    sampled = "All faults were tried." if whole else (
        f"{total.planted} of {total.faults} faults were tried, of each file the same share, drawn "
        f"with the seed {settings['seed']}."
    )  # fmt: skip
    rows = [row(f"`{file}`", count) for file, count in report.counts.items()]
    text = HEAD.format(sampled=sampled) + COLUMNS + RULE + "".join(rows) + row("**all**", total)
    low, high = total.interval()
    if low < high:
        text += (
            f"\nThe share of all faults lies between {low:.1%} and {high:.1%} (95 % confidence).\n"
        )
    text += (
        f"\nOf the {total.caught} caught, {total.ended} never ended or took all memory. Each fault "
        f"met the tests made for its file, and {settings['seconds']:g} seconds of others that run "
        "its line; all tests together may catch more than is counted here.\n"
    )
    if report.survivors:
        text += "\n## Survivors\n\n| Where | Line | Change |\n|---|---|---|\n"
        for fault in report.survivors:
            text += (
                f"| `{fault.file}:{fault.line}` | {code(fault.source)} | {code(fault.change)} |\n"
            )
    return text


def row(name: str, count: Count) -> str:
    """One line of the table."""
    numbers = (count.faults, count.planted, count.equivalent, count.caught, count.survived)
    cells = " | ".join(map(str, numbers))
    return f"| {name} | {cells} | {count.share:.1%} | {count.strict:.1%} |\n"


def code(text: str) -> str:
    """A text as code in a cell of a table."""
    return "`" + text.replace("`", "").replace("|", "\\|") + "`"


def as_json(report: Report) -> str:
    """The report for programs."""
    counts = {"all": report.total} | report.counts
    data = {
        "settings": report.settings,
        "files": {
            name: vars(count) | {"share": round(count.share, 4), "subtle": round(count.strict, 4)}
            for name, count in counts.items()
        },
        "interval": [round(end, 4) for end in report.total.interval()],
        "caught_first_by": dict(sorted(report.catchers.items())),
        "survivors": [
            {"file": f.file, "line": f.line, "in": f.where, "source": f.source, "change": f.change}
            for f in report.survivors
        ],
    }
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"
