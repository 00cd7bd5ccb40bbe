"""Cases for people: opened once by the system, owned and due from the first moment, closed by two people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Exists, ExpressionWrapper, OuterRef, Value, fields
from django.db.models.functions import Cast, Concat, Now

from accounts import audit
from deposits import retry
from deposits.actions.refusal import NotPossibleNow
from deposits.deadlines import CASE_DEADLINES
from deposits.models import Attempt, CarrierNotification, Case, Deposit, DepositEvent
from deposits.states import FINAL, Event, State

log = structlog.get_logger("deposits.cases")

#: A notification about a payment that is still nobody's after this long is for people.
UNMATCHED_AFTER_S = 3_600
_NOTIFICATION = ": notification "
#: Why a deposit is in review, by the event that brought it there.
_KIND_OF = {
    Event.OVERDUE: Case.Kind.UNANSWERED,
    Event.MISMATCH: Case.Kind.MISMATCH,
    Event.SET_ASIDE: Case.Kind.POISON,
}
#: Cases that the carrier's own answer about their deposit settles.
_ABOUT_REVIEW = tuple(_KIND_OF.values())


@dataclass(frozen=True, slots=True)
class Clerk:
    """A member of staff who acts, and what the audit trail keeps of the request."""

    user_id: int
    name: str
    address: str | None = None
    request_id: str = ""


def open_case(
    kind: Case.Kind, subject: str, deposit_id: UUID | None, evidence: Mapping[str, Any]
) -> Case | None:
    """Open a case about `subject`, or return None because there is or was one. Call it in the caller's transaction."""
    rule = CASE_DEADLINES[kind]
    due_at = ExpressionWrapper(
        Now() + timedelta(seconds=retry.scaled(rule.within_s)), output_field=fields.DateTimeField()
    )
    made = Case(
        kind=kind,
        subject=subject[:200],
        deposit_id=deposit_id,
        evidence=dict(evidence),
        owner_role=rule.owner_role,
        due_at=due_at,
    )
    if Case.objects.filter(subject=made.subject, kind=kind).exists():
        return None
    Case.objects.bulk_create([made], ignore_conflicts=True)
    case = Case.objects.get(subject=made.subject, kind=kind)
    audit.note(
        "case.opened",
        actor_kind="system",
        subject_kind="case",
        subject=str(case.pk),
        after={"kind": kind.value, "subject": case.subject, "owner": rule.owner_role},
    )
    log.error("case_opened", kind=kind.value, subject=case.subject, case=case.pk)
    return case


def keep_up(batch: int = 100) -> int:
    """Open the cases that are missing and close those that have been answered; return how many of both.

    For the sweeper: whatever brought a deposit into review, and whoever died meanwhile, its case follows.
    """
    return (
        _open_reviews(batch) + _open_late_successes(batch) + _open_unmatched(batch) + _close_answered(batch)
    )


def _open_reviews(batch: int) -> int:
    known = Case.objects.filter(deposit=OuterRef("pk"), kind__in=_ABOUT_REVIEW)
    opened = 0
    for deposit in Deposit.objects.filter(state=State.REVIEW).exclude(Exists(known))[:batch]:
        with transaction.atomic():
            last = deposit.events.filter(to_state=State.REVIEW).exclude(from_state=State.REVIEW)
            event = last.order_by("-id").first()
            kind = _KIND_OF.get(Event(event.event), Case.Kind.UNANSWERED) if event else Case.Kind.UNANSWERED
            opened += open_case(kind, deposit.reference, deposit.pk, evidence_of(deposit)) is not None
    return opened


def _open_late_successes(batch: int) -> int:
    known = Case.objects.filter(deposit=OuterRef("deposit"), kind=Case.Kind.LATE_SUCCESS)
    late = DepositEvent.objects.filter(event=Event.LATE_SUCCESS).exclude(Exists(known))
    opened = 0
    for event in late.select_related("deposit").order_by("id")[:batch]:
        with transaction.atomic():
            deposit = event.deposit
            evidence = evidence_of(deposit)
            opened += open_case(Case.Kind.LATE_SUCCESS, deposit.reference, deposit.pk, evidence) is not None
    return opened


def _open_unmatched(batch: int) -> int:
    before = Now() - timedelta(seconds=retry.scaled(UNMATCHED_AFTER_S))
    subject_of = Concat(OuterRef("carrier"), Value(_NOTIFICATION), Cast(OuterRef("pk"), fields.CharField()))
    known = Case.objects.filter(kind=Case.Kind.UNMATCHED_NOTIFICATION, subject=subject_of)
    waiting = CarrierNotification.objects.filter(deposit=None, received_at__lt=before).exclude(Exists(known))
    opened = 0
    for row in waiting.order_by("received_at")[:batch]:
        with transaction.atomic():
            evidence = {
                "notification": row.pk,
                "carrier": row.carrier,
                "kind": row.kind,
                "payment_id": row.payment_id,
                "reference": row.reference,
            }
            subject = f"{row.carrier}{_NOTIFICATION}{row.pk}"
            opened += open_case(Case.Kind.UNMATCHED_NOTIFICATION, subject, None, evidence) is not None
    return opened


def _close_answered(batch: int) -> int:
    """Close what the carrier has answered meanwhile; nobody has to confirm the carrier's own word."""
    answered = Case.objects.filter(kind__in=_ABOUT_REVIEW, deposit__state__in=FINAL).exclude(
        state=Case.State.CLOSED
    )
    closed = 0
    for case_id in answered.values_list("pk", flat=True)[:batch]:
        with transaction.atomic():
            case = Case.objects.select_for_update(of=("self",)).select_related("deposit").get(pk=case_id)
            if case.state == Case.State.CLOSED or case.deposit is None:
                continue
            close(case, Case.Resolution.ANSWERED, None, f"the deposit became {case.deposit.state}")
            closed += 1
    return closed


def close(case: Case, resolution: Case.Resolution, by: Clerk | None, reason: str) -> None:
    """Close a case whose row the caller has locked; `by` None is the system. The audit trail gets a note."""
    before = {"state": case.state, "resolution": case.resolution}
    Case.objects.filter(pk=case.pk).update(
        state=Case.State.CLOSED,
        resolution=resolution,
        closed_by=by.user_id if by else None,
        closed_at=Now(),
        closing_reason=reason[:500],
    )
    note(case, "case.closed", by, before, {"state": "closed", "resolution": resolution.value}, reason)


def take(case_id: int, by: Clerk) -> None:
    """Make `by` the owner of a case. Raises `NotPossibleNow` when it is closed."""
    _own(case_id, by, by.user_id, None, "taken from the queue")


def hand_over(case_id: int, by: Clerk, to: int | None, role: str, reason: str) -> None:
    """Give a case to a person (`to`, a user's id) or back to a role. Raises `NotPossibleNow` when it is closed."""
    _own(case_id, by, to, role, reason)


def _own(case_id: int, by: Clerk, owner: int | None, role: str | None, reason: str) -> None:
    with transaction.atomic():
        case = locked(case_id)
        before = {"owner": case.owner_id, "owner_role": case.owner_role}
        role = role or case.owner_role
        Case.objects.filter(pk=case_id).update(owner=owner, owner_role=role)
        note(case, "case.owned", by, before, {"owner": owner, "owner_role": role}, reason)


def locked(case_id: int) -> Case:
    """Return a case that is not closed, its row locked. Raises `NotPossibleNow` for a closed one."""
    case = Case.objects.select_for_update(of=("self",)).get(pk=case_id)
    if case.state == Case.State.CLOSED:
        raise NotPossibleNow(f"The case is closed already: {case.get_resolution_display()}.")
    return case


def note(
    case: Case,
    action: str,
    by: Clerk | None,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    reason: str,
) -> None:
    """Write an act on a case into the audit trail."""
    audit.note(
        action,
        actor_kind="staff" if by else "system",
        actor=by.name[:100] if by else "",
        subject_kind="case",
        subject=str(case.pk),
        address=by.address if by else None,
        before=dict(before),
        after=dict(after),
        reason=reason,
        request_id=by.request_id if by else "",
    )


def evidence_of(deposit: Deposit) -> dict[str, Any]:
    """Return what is known about a deposit when its case is opened, for the record."""
    last: Attempt | None = deposit.attempts.exclude(finished_at=None).order_by("-epoch").first()
    return {
        "state": deposit.state,
        "carrier": deposit.carrier,
        "payment_id": deposit.carrier_payment_id,
        "amount_minor": deposit.amount_minor,
        "taken_minor": deposit.taken_minor,
        "currency": deposit.currency,
        "claims": deposit.tries,
        "not_found_seen": deposit.not_found_seen,
        "last_answer": last.outcome if last else None,
        "last_answer_at": last.finished_at.isoformat() if last and last.finished_at else None,
    }
