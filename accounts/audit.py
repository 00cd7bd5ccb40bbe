"""The audit trail: note an act, seal it into the chain, verify the chain.

Acts are written unsealed, so that no request waits for another's. A sealer (one at a time, by an advisory lock) then
numbers them in order and chains them: each hash covers the record and the hash before it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec
from django.db import connection, transaction

from accounts.models import AuditRecord

#: Advisory lock of the sealer; any number, the same everywhere.
_SEALER_LOCK = 0x50534155
_GENESIS = bytes(32)


@dataclass(frozen=True, slots=True)
class Break:
    """The first record at which the chain does not hold."""

    record_id: int
    detail: str


def note(
    action: str,
    *,
    actor_kind: str,
    actor: str = "",
    subject_kind: str = "",
    subject: str = "",
    address: str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
    request_id: str = "",
) -> None:
    """Write down one act, in the caller's transaction: the act and its record stand or fall together."""
    AuditRecord.objects.create(
        action=action,
        actor_kind=actor_kind,
        actor=actor,
        subject_kind=subject_kind,
        subject=subject,
        address=address,
        before=before or {},
        after=after or {},
        reason=reason,
        request_id=request_id,
    )


def seal(batch: int = 1_000) -> int:
    """Seal up to `batch` records in the order of their ids and return how many. 0 when another sealer is at work."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_SEALER_LOCK])
            if not cursor.fetchone()[0]:
                return 0
        last = AuditRecord.objects.exclude(sealed_as=None).order_by("-sealed_as").first()
        number, head = (last.sealed_as or 0, bytes(last.hash or b"")) if last else (0, _GENESIS)
        records = list(AuditRecord.objects.filter(sealed_as=None).order_by("id")[:batch])
        for record in records:
            number, head = number + 1, _chained(head, record)
            AuditRecord.objects.filter(pk=record.pk).update(sealed_as=number, hash=head)
    return len(records)


def verify() -> Break | None:
    """Walk the chain from its start and return the first break, or None when all of it holds."""
    head, expected = _GENESIS, 1
    for record in AuditRecord.objects.exclude(sealed_as=None).order_by("sealed_as").iterator():
        if record.sealed_as != expected:
            return Break(record.pk, f"record {expected} of the chain is missing")
        head = _chained(head, record)
        if bytes(record.hash or b"") != head:
            return Break(record.pk, f"record {expected} of the chain was changed, or one before it")
        expected += 1
    return None


def _chained(head: bytes, record: AuditRecord) -> bytes:
    content = [
        record.pk,
        record.at.isoformat(),
        record.actor_kind,
        record.actor,
        record.action,
        record.subject_kind,
        record.subject,
        record.address,
        record.before,
        record.after,
        record.reason,
        record.request_id,
    ]
    return hashlib.sha256(head + msgspec.json.encode(content, order="sorted")).digest()
