"""Static files as they go over a network in production; the players' pages' alone, for all of them take minutes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from whitenoise.storage import CompressedManifestStaticFilesStorage


class PlayersFilesCompressed(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # it has no types
    """Compresses what lies at the top: the admin's and the API reference's files are in folders."""

    def compress_files(self, paths: Iterable[str]) -> Any:
        """Return what the storage it stands for returns, for fewer paths."""
        return super().compress_files([path for path in paths if "/" not in path])
