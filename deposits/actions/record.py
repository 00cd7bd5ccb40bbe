"""Record what carriers answered: states, ledger entries and limits in one transaction, then what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

import structlog
from django.db import transaction

from accounts import ledger
from accounts.conflicts import again_on_conflict
from deposits import limits, transitions, velocity
from deposits.actions import book, each_alone, vulnerability
from deposits.actions.notify import wake_waiting
from deposits.actions.reroute import reroute_unsent
from deposits.crash_points import reach
from deposits.rules import Scope
from deposits.states import Event, State
from deposits.transitions import Claimed, Result

log = structlog.get_logger("deposits.record")

#: The reason of a decline that says that the number's own cap at the carrier is used up.
_CAP_USED_UP = "carrier_monthly_limit"


Answers = Sequence[tuple[Claimed, Result]]


def record(answers: Answers) -> None:
    """Record the answers as a whole; if the database refuses them, each alone: one cannot hold up the rest.

    Raises OperationalError when the database cannot be reached: the leases run out and the deposits are asked about.
    """
    for done, moved in each_alone.recorded(answers, _record_all):
        _follow_up(moved)
        _log(done)


@again_on_conflict
@transaction.atomic
def _record_all(answers: Answers) -> Answers:
    """Return those of the answers that moved their deposits; the others came too late to count."""
    counted = transitions.record([result for _, result in answers])
    moved = [(claimed, r) for claimed, r in answers if (r.id, r.epoch) in counted]
    ledger.post([entry for claimed, r in moved for entry in book.entries(claimed, r)])
    reach("worker.after_ledger")
    velocity.count(
        (r.id, _scope(claimed)) for claimed, r in moved if velocity.is_evidence(r.event, r.reason_code)
    )
    vulnerability.look(
        claimed.player_id
        for claimed, r in moved
        if r.to_state == State.CREDITED and claimed.state != State.CREDITED
    )
    for claimed, r in moved:
        if r.event == Event.REVERSED:
            book.reverse(claimed)
    _learn_caps(moved)
    reach("worker.before_commit")
    return moved


def _learn_caps(moved: Iterable[tuple[Claimed, Result]]) -> None:
    """A carrier that says that a number's cap is used up counts what others charge too: we have counted too little."""
    for claimed, r in moved:
        if r.event == Event.DECLINED and r.reason_code == _CAP_USED_UP:
            limits.learn_refusal(_scope(claimed), claimed.amount_minor, claimed.claimed_at)


def _scope(claimed: Claimed) -> Scope:
    return Scope(
        claimed.partner_id, claimed.currency, claimed.carrier, claimed.method_type, claimed.phone_number
    )


def _follow_up(moved: Answers) -> None:
    # A payment that the carrier named only now may have been spoken of before.
    named: dict[str, dict[str, UUID]] = {}
    for claimed, r in moved:
        if r.payment_id and not r.final:
            named.setdefault(claimed.carrier, {})[r.payment_id] = r.id
    for carrier, payments in named.items():
        wake_waiting(carrier, payments)
    reroute_unsent([claimed for claimed, r in moved if r.event == Event.NOT_SENT])


def _log(answers: Answers) -> None:
    for claimed, r in answers:
        log.info(
            "attempt",
            reference=claimed.reference,
            request_id=claimed.request_id,
            carrier=claimed.carrier,
            step=claimed.step.value,
            epoch=r.epoch,
            outcome=r.outcome,
            state=r.to_state,
        )
