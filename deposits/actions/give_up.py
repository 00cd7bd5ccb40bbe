"""End what no worker ends: what could never be sent, and what no worker may ask about."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now
from django.utils import timezone

from carriers import reasons
from deposits import retry, transitions
from deposits.models import Attempt, Deposit
from deposits.references import first_id_at
from deposits.states import Event, State

#: Outcomes that prove that the carrier did not take the request.
_NOT_TAKEN = ("not_sent", "not_done", "our_fault")
#: What may be with a carrier.
_WITH_A_CARRIER = (State.SUBMITTING, State.ACTION_REQUIRED, State.PENDING, State.UNKNOWN)
#: A deposit that has been due for so long is claimed by nobody.
UNCLAIMED_S = 3_600


def give_up_unsent(batch: int = 100) -> int:
    """Fail up to `batch` deposits that are still unsent after `GIVE_UP_UNSENT_S`; return how many.

    Only those of which every attempt proves that nothing was taken; one that may ever have arrived is never failed
    by a clock.
    """
    doubtful = Attempt.objects.filter(deposit=OuterRef("pk")).exclude(outcome__in=_NOT_TAKEN)
    too_old = Now() - timedelta(seconds=retry.scaled(retry.GIVE_UP_UNSENT_S))
    with transaction.atomic():
        deposits = list(
            Deposit.objects.filter(
                state=State.RECEIVED, next_action_at__isnull=False, lease_owner="", created_at__lt=too_old
            )
            .exclude(Exists(doubtful))
            .select_for_update(skip_locked=True)[:batch]
        )
        return sum(_overdue([one], reason_code=reasons.unavailable(one.method_type)) for one in deposits)


def review_unclaimed(batch: int = 100) -> int:
    """Move up to `batch` deposits to review that are a day old and claimed by nobody any more; return how many.

    A carrier behind an open breaker, or one that is not configured any more, is not asked, so that no answer to an
    inquiry could say that it has been silent for too long.
    """
    a_day_ago = timezone.now() - timedelta(seconds=retry.scaled(retry.REVIEW_AFTER_S))
    due_before = Now() - timedelta(seconds=retry.scaled(UNCLAIMED_S))
    with transaction.atomic():
        deposits = list(
            Deposit.objects.filter(
                state__in=_WITH_A_CARRIER, pk__lt=first_id_at(a_day_ago), next_action_at__lt=due_before
            ).select_for_update(skip_locked=True)[:batch]
        )
        asked_again = {"next_step": Deposit.Next.INQUIRE, "next_action_at": Now()}
        return _overdue(
            deposits, detail="its carrier is not asked", reason_code="under_review", **asked_again
        )


def _overdue(deposits: list[Deposit], **facts: Any) -> int:
    for deposit in deposits:
        transitions.move(deposit, Event.OVERDUE, actor_kind="worker", actor="sweeper", **facts)
    return len(deposits)
