"""End deposits that could not even be sent: certainly nothing was taken, and the player has long gone."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from deposits import retry, transitions
from deposits.models import Attempt, Deposit
from deposits.states import Event, State

#: Outcomes that prove that the carrier did not take the request.
_NOT_TAKEN = ("not_sent", "not_done", "our_fault")


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
        for deposit in deposits:
            transitions.move(
                deposit,
                Event.OVERDUE,
                actor_kind="worker",
                actor="sweeper",
                reason_code="carrier_unavailable",
            )
    return len(deposits)
