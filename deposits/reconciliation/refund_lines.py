"""Lines of a settlement file about refunds: what they mean, and a refund in doubt that they settle."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from deposits import refund_transitions
from deposits.actions.refunds import book
from deposits.models import Refund, SettlementFile, SettlementFinding, SettlementLine
from deposits.reconciliation.verdicts import Judged
from deposits.refund_states import Event, State

Verdict = SettlementFinding.Verdict
#: States in which a line that says "returned" settles the refund.
_IN_DOUBT = (State.UNKNOWN, State.PENDING, State.REVIEW)


def refunds_of(carrier: str, lines: Sequence[SettlementLine]) -> dict[int, Refund]:
    """Return the refunds that lines of that kind name, by line. They go by our reference alone."""
    named = {line.reference for line in lines if line.kind == SettlementLine.Kind.REFUND and line.reference}
    if not named:
        return {}
    refunds = {one.reference: one for one in Refund.objects.filter(carrier=carrier, reference__in=named)}
    return {
        line.pk: refunds[line.reference]
        for line in lines
        if line.kind == SettlementLine.Kind.REFUND and line.reference in refunds
    }


def judge(line: SettlementLine, refund: Refund | None, repeated: bool) -> Judged:
    """Return what a line means for the refund of its reference; `credit` says that it settles it. Pure."""
    if refund is None:
        return Judged(Verdict.MISSING_HERE, "no refund of ours has this reference")
    if repeated:
        return Judged(Verdict.DUPLICATE, "another line settles this already")
    if refund.carrier_refund_id not in ("", line.payment_id):
        return Judged(Verdict.PAYMENT, f"we know it as {refund.carrier_refund_id}")
    if (line.amount_minor, line.currency) != (refund.amount_minor, refund.currency):
        return Judged(Verdict.AMOUNT, f"we have {refund.amount_minor} {refund.currency} in minor units")
    if refund.state == State.RETURNED:
        return Judged(Verdict.MATCHED)
    if refund.state in _IN_DOUBT:
        return Judged(
            Verdict.MATCHED, f"it was {refund.get_state_display()}, and is returned by this line", credit=True
        )
    return Judged(Verdict.MISSING_HERE, f"the refund is {refund.get_state_display()}")


def settle(file: SettlementFile, line: SettlementLine, refund_id: UUID) -> bool:
    """End the refund as returned on the line's word; False when it has ended meanwhile. Call it in a transaction."""
    refund = Refund.objects.select_for_update(of=("self",)).get(pk=refund_id)
    if refund.state not in _IN_DOUBT:
        return False
    refund_transitions.move(
        refund,
        Event.SETTLED,
        actor_kind="carrier",
        actor=file.carrier,
        detail=f"settlement file of {file.day}, line {line.number}",
        carrier_refund_id=line.payment_id,
    )
    book.end(refund, State(refund.state))
    return True
