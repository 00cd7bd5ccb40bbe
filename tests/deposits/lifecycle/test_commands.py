"""What players and partners ask of a deposit while workers are busy with it."""

from __future__ import annotations

import uuid

import pytest
from django.db.models.functions import Now

from carriers import outcomes as carrier
from deposits.actions import command
from deposits.actions.refusal import NotPossibleNow
from deposits.models import Deposit
from deposits.states import State
from tests.deposits.lifecycle.test_claim_and_record import answer, approved, claim, credits, state
from tests.deposits.making import accepted

pytestmark = pytest.mark.usefixtures("committed")

PLAYER = command.Caller("player:1", "player", "1")


@pytest.fixture
def waiting() -> Deposit:
    """A deposit that waits for its player's code."""
    deposit = accepted(f"{uuid.uuid4().int % 900 + 100}")
    (first,) = claim(deposit)
    answer(first, carrier.CodeRequired("pay-1", "auth-1"))
    assert state(deposit) == State.ACTION_REQUIRED
    return deposit


def due(deposit: Deposit, step: Deposit.Next) -> None:
    Deposit.objects.filter(pk=deposit.pk).update(next_step=step, next_action_at=Now())


def test_a_code_counts_while_a_notification_is_being_followed_up(waiting: Deposit) -> None:
    due(waiting, Deposit.Next.INQUIRE)
    (asking,) = claim(waiting)
    command.confirm(waiting.pk, "123456", PLAYER, uuid.uuid4().hex)
    # What the inquiry still hears is of the time before the code.
    answer(asking, carrier.CodeRequired("pay-1", "auth-1"))
    waiting.refresh_from_db()
    assert (waiting.one_time_code, waiting.next_step) == ("123456", Deposit.Next.CONFIRM)
    (confirming,) = claim(waiting)
    answer(confirming, approved(confirming))
    assert (state(waiting), credits(waiting)) == (State.CREDITED, 1)


def test_a_cancel_counts_while_a_notification_is_being_followed_up(waiting: Deposit) -> None:
    due(waiting, Deposit.Next.INQUIRE)
    claim(waiting)
    command.cancel(waiting.pk, PLAYER, uuid.uuid4().hex)
    (cancelling,) = claim(waiting)
    answer(cancelling, carrier.Cancelled("pay-1"))
    assert state(waiting) == State.CANCELLED


def test_a_code_that_comes_while_the_payment_is_being_voided_is_refused(waiting: Deposit) -> None:
    due(waiting, Deposit.Next.CANCEL)
    claim(waiting)
    with pytest.raises(NotPossibleNow):
        command.confirm(waiting.pk, "123456", PLAYER, uuid.uuid4().hex)
