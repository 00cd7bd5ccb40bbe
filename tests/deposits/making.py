"""Making deposits for tests, through the same door as everybody."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from accounts.models import Partner
from deposits import rule_sets
from deposits.actions.accept import DepositRequest, accept, canonical
from deposits.models import Accumulator, Deposit, Rule

#: Above those that have a story.
_numbers = itertools.cycle(range(3_000, 10_000))


def own_number() -> str:
    """Return a number of the sandbox that is charged at once and that nobody else in this run uses."""
    return f"+44770090{next(_numbers)}"


def partner() -> Partner:
    """Return a partner of the test's own, whose players come back to casino.example."""
    addresses = ["https://casino.example/", "https://casino.example:8443/"]
    return Partner.objects.create(name="Casino", slug=uuid.uuid4().hex, return_addresses=addresses)


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
    method = fields.get("bank_id") or fields["phone_number"]
    fields.setdefault("canonical_body", canonical([fields["player"], fields["amount_minor"], method]))
    return DepositRequest(**fields)


@contextmanager
def rule_changed(code: str, **changes: Any) -> Iterator[Rule]:
    """Let a rule's next version say otherwise for the block; the one after it says again what was said before."""
    was = Rule.objects.filter(code=code).latest("version")
    said = {name: getattr(was, name) for name in rule_sets.FIELDS}
    try:
        yield rule_sets.add({**said, **changes}, "a test")
    finally:
        rule_sets.add(said, "a test")


def bank_request(bank: str = "sandbox-bank", **changes: Any) -> DepositRequest:
    """Return a request for £20 from a bank (its code)."""
    return request(**{"method_type": "bank", "phone_number": "", "bank_id": bank, **changes})


def counted(kind: str, subject: object, currency: str = "GBP") -> int:
    """Return what counts towards the limits of a subject: reserved and settled together, in minor units."""
    row = Accumulator.objects.filter(subject_kind=kind, subject=str(subject), currency=currency).first()
    return sum(row.reserved) + sum(row.settled) if row else 0


def accepted(phone: str = "001", **changes: Any) -> Deposit:
    """Accept a deposit and return its row as the database has it."""
    return Deposit.objects.get(pk=accept(request(phone, **changes)).deposit.pk)
