"""Where the made notebooks are."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def made(*folders):
    """The paths of the made notebooks, from the root."""
    found = [path for folder in folders for path in (ROOT / folder).glob("*.ipynb")]
    return sorted(path.relative_to(ROOT).as_posix() for path in found)
