"""Log files of the local stack: private, one per process, and never without bound."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

# A log this long is put aside as <name>.log.1 when its process starts next, so two are kept at most.
ROTATE_BYTES = 5_000_000

TAIL_LINES = 20
TAIL_BYTES = 8_000


def open_log(path: Path) -> BinaryIO:
    """Open a log for appending, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > ROTATE_BYTES:
        path.replace(path.with_name(path.name + ".1"))
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    return os.fdopen(handle, "ab", buffering=0)


def tail(path: Path, start: int = 0) -> str:
    """The last lines of a log from byte `start` on, indented for the terminal."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(start, size - TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()[-TAIL_LINES:]
    except FileNotFoundError:
        lines = []
    return "\n".join(f"  {line}" for line in lines) or "  (nothing)"
