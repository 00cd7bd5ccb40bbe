"""The log of the requests the sandbox saw."""

from __future__ import annotations

from msgspec import Struct

SEEN_LIMIT = 100_000


class Seen(Struct, gc=False):
    """One request to the carrier or the bank. `status` is None while there is no answer; `outcome` says why."""

    seq: int
    at: float
    method: str
    path: str
    correlator: str
    reference: str = ""
    status: int | None = None
    outcome: str = "waiting"  # then: answered, dropped
