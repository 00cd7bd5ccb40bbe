"""Set aside what kills its workers, or cannot be recorded: for people, before it becomes a loop."""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models.functions import Now

from deposits import retry, transitions
from deposits.actions import cases
from deposits.models import Case, Deposit
from deposits.models.deposit import MOST_FRUITLESS
from deposits.states import FINAL, Event, State

log = structlog.get_logger("deposits.set_aside")

#: It may have been innocent, claimed along with what did the killing: it is asked about once more, much later.
SECOND_CHANCE_S = 1_800


def set_aside_poison(batch: int = 20) -> int:
    """Move up to `batch` deposits with `MOST_FRUITLESS` claims and no answer to `review`; return how many.

    The claim counts before anything is done, so that not even a killed worker loses count, and claims such a row no
    more. One that was in review already, or has ended, is not touched by a worker again until something wakes it.
    """
    poison = Deposit.objects.filter(fruitless__gte=MOST_FRUITLESS, next_action_at__lte=Now())
    with transaction.atomic():
        deposits = list(poison.select_for_update(skip_locked=True)[:batch])
        for deposit in deposits:
            _set_aside(deposit)
    return len(deposits)


def _set_aside(deposit: Deposit) -> None:
    log.error("deposit_set_aside", reference=deposit.reference, state=deposit.state)
    second_chance = deposit.state not in (State.REVIEW, *FINAL)
    evidence = cases.evidence_of(deposit)
    transitions.move(
        deposit,
        Event.SET_ASIDE,
        actor_kind="worker",
        actor="sweeper",
        detail=f"claimed {MOST_FRUITLESS} times, and nothing could be recorded",
        reason_code="under_review" if second_chance else deposit.reason_code,
        next_step=Deposit.Next.INQUIRE,
        next_action_at=Now() + timedelta(seconds=retry.scaled(SECOND_CHANCE_S)) if second_chance else None,
        fruitless=0,
    )
    if deposit.state == State.REVIEW:
        cases.open_case(Case.Kind.POISON, deposit.reference, deposit.pk, evidence)
