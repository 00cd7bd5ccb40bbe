"""What a mutant is: one safety, how it is removed, and who must notice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """Replace `find`, which stands in `file` exactly once, by `replacement`."""

    file: str
    find: str
    replacement: str


@dataclass(frozen=True)
class Mutant:
    """One safety, how it is removed, and the tests of which at least one must fail then."""

    safety: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]
