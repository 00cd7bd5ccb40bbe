"""End what no worker ends, and open the cases that only people can settle: the refunds' part of a sweep."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from deposits import refund_transitions, retry
from deposits.actions import cases
from deposits.actions.refunds import book
from deposits.models import Case, Refund, RefundAttempt
from deposits.models.deposit import MOST_FRUITLESS
from deposits.refund_states import FINAL, Event, State

log = structlog.get_logger("deposits.refunds.keep_up")

#: A refund that has been due for so long is claimed by nobody: its carrier is not configured any more.
UNCLAIMED_S = 3_600
_WITH_A_CARRIER = (State.SUBMITTING, State.PENDING, State.UNKNOWN)
_WORKER = {"actor_kind": "worker", "actor": "sweeper"}


def keep_up(batch: int = 50) -> int:
    """Give up, set aside and open or close cases, up to `batch` of each; return how many.

    Costs one look where there is no open refund.
    """
    if not Refund.objects.filter(_OPEN).exists() and not _answered().exists():
        return 0
    with transaction.atomic():
        done = _give_up(batch) + _set_aside(batch) + _review_unclaimed(batch)
    return done + _open_cases(batch) + _close_answered(batch)


#: Written as the index of open refunds has it.
_OPEN = ~Q(state__in=["returned", "refused", "failed"])


def _give_up(batch: int) -> int:
    """What certainly was never sent: after a day, or when the carrier has taken the deposit back meanwhile."""
    too_old = Q(approved_at__lt=Now() - timedelta(seconds=retry.scaled(retry.REVIEW_AFTER_S)))
    unsent = Refund.objects.filter(
        too_old | Q(deposit__reversed_at__isnull=False), state=State.APPROVED, in_doubt=False, lease_owner=""
    )
    refunds = _locked(unsent, batch)
    for refund in refunds:
        taken_back = refund.deposit.reversed_at is not None
        detail = "the carrier has taken the deposit back" if taken_back else "it could not be sent for a day"
        refund_transitions.move(refund, Event.GIVEN_UP, detail=detail, **_WORKER)
        book.end(refund, State(refund.state))
    return len(refunds)


def _set_aside(batch: int) -> int:
    """What kills its workers, or cannot be recorded: for people, before it becomes a loop."""
    poison = Refund.objects.filter(
        next_action_at__lte=Now(), state__in=_WITH_A_CARRIER, fruitless__gte=MOST_FRUITLESS
    )
    refunds = _locked(poison, batch)
    for refund in refunds:
        log.error("refund_set_aside", reference=refund.reference, state=refund.state)
        detail = f"claimed {MOST_FRUITLESS} times, and nothing could be recorded"
        refund_transitions.move(
            refund, Event.SET_ASIDE, detail=detail, next_action_at=None, fruitless=0, **_WORKER
        )
    return len(refunds)


def _review_unclaimed(batch: int) -> int:
    """What is a day old, may be with its carrier, and is asked about by nobody any more."""
    sent_before = Now() - timedelta(seconds=retry.scaled(retry.REVIEW_AFTER_S))
    due_before = Now() - timedelta(seconds=retry.scaled(UNCLAIMED_S))
    doubtful = Q(state__in=_WITH_A_CARRIER) | Q(state=State.APPROVED, in_doubt=True)
    alone = Refund.objects.filter(doubtful, first_sent_at__lt=sent_before, next_action_at__lt=due_before)
    refunds = _locked(alone, batch)
    for refund in refunds:
        refund_transitions.move(refund, Event.OVERDUE, detail="its carrier is not asked", **_WORKER)
    return len(refunds)


def _locked(refunds: QuerySet[Refund], batch: int) -> list[Refund]:
    return list(refunds.select_related("deposit").select_for_update(of=("self",), skip_locked=True)[:batch])


def _open_cases(batch: int) -> int:
    known = Case.objects.filter(kind=Case.Kind.REFUND, subject=OuterRef("reference"))
    opened = 0
    for refund in Refund.objects.filter(state=State.REVIEW).exclude(Exists(known))[:batch]:
        with transaction.atomic():
            case = cases.open_case(Case.Kind.REFUND, refund.reference, refund.deposit_id, evidence_of(refund))
            opened += case is not None
    return opened


def _answered() -> QuerySet[Case]:
    ended = Refund.objects.filter(reference=OuterRef("subject"), state__in=FINAL)
    return Case.objects.filter(Exists(ended), kind=Case.Kind.REFUND).exclude(state=Case.State.CLOSED)


def _close_answered(batch: int) -> int:
    """Close what the carrier has answered meanwhile; nobody has to confirm the carrier's own word."""
    closed = 0
    for case_id in _answered().values_list("pk", flat=True)[:batch]:
        with transaction.atomic():
            case = Case.objects.select_for_update(of=("self",)).get(pk=case_id)
            if case.state != Case.State.CLOSED:
                state = Refund.objects.get(reference=case.subject).state
                cases.close(case, Case.Resolution.ANSWERED, None, f"the refund became {state}")
                closed += 1
    return closed


def evidence_of(refund: Refund) -> dict[str, Any]:
    """Return what is known about a refund when its case is opened, for the record."""
    last: RefundAttempt | None = refund.attempts.exclude(finished_at=None).order_by("-epoch").first()
    return {
        "state": refund.state,
        "carrier": refund.carrier,
        "refund_id": refund.carrier_refund_id,
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
        "reason": refund.reason,
        "claims": refund.tries,
        "not_found_seen": refund.not_found_seen,
        "last_answer": last.outcome if last else None,
        "last_answer_at": last.finished_at.isoformat() if last and last.finished_at else None,
    }
