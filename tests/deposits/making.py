"""Making deposits for tests, through the same door as everybody."""

from __future__ import annotations

import uuid
from typing import Any

from accounts.models import Partner
from deposits.actions.accept import DepositRequest, accept, canonical
from deposits.models import Accumulator, Deposit


def partner() -> Partner:
    """Return a partner of the test's own."""
    return Partner.objects.create(name="Casino", slug=uuid.uuid4().hex)


def request(phone: str = "001", **changes: Any) -> DepositRequest:
    """Return a request for £20 by phone bill; `phone` is the end of a sandbox number, `changes` override fields."""
    fields = {
        "player": "p-1",
        "amount_minor": 2_000,
        "currency": "GBP",
        "phone_number": f"+447700900{phone}",
        "client": f"test:{uuid.uuid4().hex[:20]}",
        "idempotency_key": str(uuid.uuid4()),
        "actor_kind": "partner",
        "actor": "test",
        "test_mode": True,
        **changes,
    }
    if "partner_id" not in fields:
        fields["partner_id"] = partner().pk
    fields.setdefault(
        "canonical_body", canonical([fields["player"], fields["amount_minor"], fields["phone_number"]])
    )
    return DepositRequest(**fields)


def counted(kind: str, subject: object, currency: str = "GBP") -> int:
    """Return what counts towards the limits of a subject: reserved and settled together, in minor units."""
    row = Accumulator.objects.filter(subject_kind=kind, subject=str(subject), currency=currency).first()
    return sum(row.reserved) + sum(row.settled) if row else 0


def accepted(phone: str = "001", **changes: Any) -> Deposit:
    """Accept a deposit and return its row as the database has it."""
    return Deposit.objects.get(pk=accept(request(phone, **changes)).deposit.pk)
