"""What all benchmarks write: the machine they ran on, JSON, Markdown tables and pictures."""

import json
import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from dlcourse import plots

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """The processor, how busy it is, the system, and the date."""
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else "unknown"
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "load before": load,
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def _processor() -> str:
    """The model name, such as "AMD EPYC"; on Linux from /proc/cpuinfo."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def write_json(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", "utf8")


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table: the first column to the left, the others to the right."""
    lines = [list(head), [":--", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def save_picture(figure: Figure, path: Path) -> None:
    """A PNG in the course's look, sharp on dense screens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with plots.style():
        figure.savefig(path, dpi=200)


def machine_line(about: dict[str, Any]) -> str:
    """One sentence: where and when, with which versions."""
    versions = ", ".join(
        f"{name} {number}"
        for name, number in about["versions"].items()
        if number != "not installed"
    )
    gpu = "" if about["gpu"] == "none" else f", {about['gpu']}"
    return (
        f"{about['processor']}, {about['cores']} cores{gpu}, {about['system']}; {versions}; "
        f"BLAS: {', '.join(about['kernels'])}; {about['date']}."
    )
