"""The learner's progress: a small JSON file in the home folder (or in DLCOURSE_HOME).

Every function also gives notes for the learner: a damaged file is set aside, never overwritten;
where nothing can be stored the course goes on without.
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

Entry = dict[str, Any]  # {"solved": bool, "tries": int, "hints": int}


def folder() -> Path:
    """Where the progress lives: DLCOURSE_HOME, or ~/.dlcourse."""
    chosen = os.environ.get("DLCOURSE_HOME")
    return Path(chosen) if chosen else Path(os.path.expanduser("~")) / ".dlcourse"


def load() -> tuple[dict[str, Entry], list[str]]:
    """The entries by exercise id, and notes."""
    path = folder() / "progress.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, []
    except (ValueError, RecursionError):  # not JSON, or not UTF-8
        return {}, [_set_aside(path)]
    except OSError as error:
        return {}, [f"Your progress can't be read ({error.strerror}). The course works without it."]
    entries = data.get("exercises") if isinstance(data, dict) else None
    if not isinstance(entries, dict) or not all(map(_is_entry, entries.values())):
        return {}, [_set_aside(path)]
    return entries, []


def _is_entry(entry: object) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("solved"), bool):
        return False
    return all(type(entry.get(key)) is int and entry[key] >= 0 for key in ("tries", "hints"))


def _set_aside(path: Path) -> str:
    number = 1
    while (kept := path.with_name(f"progress.damaged-{number}.json")).exists():
        number += 1
    try:
        os.replace(path, kept)
    except OSError as error:
        return f"The progress file is damaged and can't be moved ({error.strerror}): {path}."
    return f"The progress file was damaged. It is kept as {kept.name}, and a new one starts."


def save(entries: dict[str, Entry]) -> list[str]:
    """Write all entries at once: the file is either the old or the new one, never a half."""
    path = folder() / "progress.json"
    text = json.dumps({"version": 1, "exercises": entries}, indent=1, sort_keys=True)
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".progress-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        os.replace(temporary, path)
    except OSError as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        return [f"Your progress can't be stored ({error.strerror}). The check itself counts."]
    return []


def update(exercise_id: str, **changes: Any) -> tuple[Entry, list[str]]:
    """Change one exercise's entry: solved=True, or tries=1 and hints=1 to be added."""
    entries, notes = load()
    entry = entries.setdefault(exercise_id, {"solved": False, "tries": 0, "hints": 0})
    entry["solved"] = entry["solved"] or changes.get("solved", False)
    entry["tries"] += changes.get("tries", 0)
    entry["hints"] = max(entry["hints"], changes.get("hints", 0))
    return entry, notes + save(entries)
