"""Write a file at once: whoever reads it meets the old content or the new, never a half."""

import os
import tempfile
from pathlib import Path

PRIVATE, READABLE = 0o600, 0o644


def write_file(path: Path, content: str | bytes, mode: int = READABLE) -> None:
    """Replace a file's content. It is on the disk when this returns."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
