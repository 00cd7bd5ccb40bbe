"""A settlement file as evidence about refunds."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from deposits.models import Case, Refund, SettlementFinding
from deposits.reconciliation.reconcile import reconcile
from deposits.reconciliation.settlement_file import HEADER, take_in
from deposits.refund_states import State
from tests.refunds.conftest import Returning, ask, bookings, events

Verdict = SettlementFinding.Verdict


def settled(refund: Refund, *lines: str) -> list[SettlementFinding]:
    """Import a file with `lines`, without their dates, and return what each was found to mean."""
    today = datetime.now(UTC).date().isoformat()
    text = "\n".join([",".join(HEADER), *(f"{today},{line}" for line in lines)])
    file, _ = take_in(refund.carrier, f"{uuid.uuid4()}.csv", text.encode(), by="tests")
    reconcile(file)
    return list(SettlementFinding.objects.filter(file=file).exclude(line=None).order_by("line__number"))


@pytest.fixture
def pending(returning: Returning) -> Refund:
    """A refund of £5 that the carrier is working on."""
    refund = ask(returning.credited("022"), 500)
    returning.work(refund)
    assert refund.state == State.PENDING
    return refund


def test_a_line_settles_a_refund_in_doubt_once(returning: Returning, pending: Refund) -> None:
    line = f"{pending.reference},{pending.carrier_refund_id},5.00,GBP,refund"
    (first,) = settled(pending, line)
    assert (first.verdict, first.case, first.deposit_id) == (Verdict.MATCHED, None, pending.deposit_id)
    pending.refresh_from_db()
    assert (pending.state, events(pending)[-1]) == (State.RETURNED, "settled")
    assert bookings(pending) == ["refund_held", "refund_returned"]
    # The carrier's own answer afterwards changes nothing.
    returning.later()
    returning.work(pending)
    assert bookings(pending) == ["refund_held", "refund_returned"]


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("{ref},{id},5.01,GBP,refund", Verdict.AMOUNT),
        ("{ref},{id},5.00,EUR,refund", Verdict.AMOUNT),
        ("{ref},another,5.00,GBP,refund", Verdict.PAYMENT),
        ("R-0000-0000,{id},5.00,GBP,refund", Verdict.MISSING_HERE),
        (",{id},5.00,GBP,refund", Verdict.MISSING_HERE),
    ],
)
def test_what_differs_is_a_case_and_settles_nothing(pending: Refund, line: str, verdict: str) -> None:
    (found,) = settled(pending, line.format(ref=pending.reference, id=pending.carrier_refund_id))
    assert found.verdict == verdict
    assert found.case is not None
    assert found.case.kind == Case.Kind.SETTLEMENT_DIFFERENCE
    pending.refresh_from_db()
    assert (pending.state, bookings(pending)) == (State.PENDING, ["refund_held"])


def test_a_refund_that_failed_here_and_is_settled_there_is_a_case(returning: Returning) -> None:
    refund = ask(returning.credited("021"), 500)
    returning.work(refund)
    assert refund.state == State.REFUSED
    (found,) = settled(refund, f"{refund.reference},r-1,5.00,GBP,refund")
    assert (found.verdict, found.detail) == (Verdict.MISSING_HERE, "the refund is refused")


def test_the_same_refund_settled_twice_is_a_case(pending: Refund) -> None:
    line = f"{pending.reference},{pending.carrier_refund_id},5.00,GBP,refund"
    assert [one.verdict for one in settled(pending, line, line)] == [Verdict.MATCHED, Verdict.DUPLICATE]
