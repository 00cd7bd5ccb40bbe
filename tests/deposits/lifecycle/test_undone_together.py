"""What happens together or not at all, and what is written before anything can go wrong."""

from __future__ import annotations

import uuid

import pytest
from django.db import DatabaseError

from accounts import ledger
from carriers import outcomes as carrier
from carriers.interface import Conversation
from deposits import stopping
from deposits.actions import drain as draining
from deposits.models import Deposit
from deposits.states import State
from deposits.transitions import Claimed
from tests.deposits.lifecycle.test_claim_and_record import (
    Network,
    answer,
    approved,
    claim,
    credits,
    run_out,
    state,
)
from tests.deposits.making import accepted

pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture
def deposit() -> Deposit:
    return accepted(f"{uuid.uuid4().int % 900 + 100}")


def test_a_credit_that_cannot_be_booked_leaves_the_deposit_as_it_was(
    deposit: Deposit, monkeypatch: pytest.MonkeyPatch
) -> None:
    (held,) = claim(deposit)

    def refuses(_: object) -> None:
        raise DatabaseError("no")

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "post", refuses)
        answer(held, approved(held))
    assert (state(deposit), credits(deposit)) == (State.SUBMITTING, 0)
    answer(held, approved(held))
    assert (state(deposit), credits(deposit)) == (State.CREDITED, 1)


def test_a_try_is_counted_when_it_is_claimed_not_when_it_ends(deposit: Deposit) -> None:
    for tries in (1, 2, 3):
        claim(deposit)
        assert Deposit.objects.get(pk=deposit.pk).tries == tries
        run_out(deposit)
    assert list(deposit.attempts.order_by("epoch").values_list("epoch", "outcome")) == [
        (1, "unknown"),
        (2, "unknown"),
        (3, "unknown"),
    ]


def test_a_worker_that_is_told_to_stop_records_what_it_holds_and_claims_no_more(
    deposit: Deposit, monkeypatch: pytest.MonkeyPatch
) -> None:
    later: list[Deposit] = []

    def begins(claimed: Claimed, _: Conversation) -> None:
        if not later:
            later.append(accepted("430"))

    monkeypatch.setattr(stopping, "asked", lambda: bool(later))
    monkeypatch.setattr(
        draining, "Conversations", lambda: Network(carrier.Pending(f"pay-{deposit.reference}"), begins)
    )
    draining.drain()
    assert state(deposit) == State.PENDING
    row = Deposit.objects.get(pk=later[0].pk)
    assert (row.state, row.lease_epoch) == (State.RECEIVED, 0)
    claim(row)
