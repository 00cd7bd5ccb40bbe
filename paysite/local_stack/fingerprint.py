"""Whether the static files have changed since they were collected."""

from __future__ import annotations

import hashlib
from pathlib import Path


def static_fingerprint(root: Path) -> str:
    """A hash over everything that collectstatic's result depends on: our files, and the libraries' versions."""
    digest = hashlib.sha256()
    settings = [root / "requirements.txt", root / "paysite" / "settings.py"]
    ours = sorted(path for path in (root / "static").rglob("*") if path.is_file())
    for path in (*settings, *ours):
        if path.exists():
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
