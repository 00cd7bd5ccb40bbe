"""The table of a refund's states, and the database that enforces it."""

from __future__ import annotations

import itertools
import uuid

import pytest
from django.db import IntegrityError, connection, transaction

from accounts import holds
from deposits.models import Deposit, Refund
from deposits.refund_states import (
    FINAL,
    LEGAL_MOVES,
    NOTHING_RETURNED,
    TRANSITIONS,
    Event,
    IllegalTransition,
    State,
    after,
)
from tests.deposits.admin.staging import credited
from tests.deposits.making import accepted
from tests.faults_evidence.staff import clerk
from tests.refunds.conftest import asking
from tests.triggers import triggers_off

pytestmark = pytest.mark.django_db


@pytest.fixture
def deposit(monkeypatch: pytest.MonkeyPatch) -> Deposit:
    monkeypatch.setattr("deposits.doorbell.ring", lambda: None)
    return credited(accepted(player=f"p-{uuid.uuid4().hex[:12]}"))


@pytest.fixture
def refund(deposit: Deposit) -> Refund:
    """A refund that waits for a second person, taken from the balance."""
    refund = unbooked(deposit)
    holds.hold(refund.pk, deposit.player_id, deposit.carrier, 500, "GBP", refund.reference)
    return refund


def unbooked(deposit: Deposit) -> Refund:
    """Return a refund without its ledger entry."""
    wanted = asking(deposit, 500)
    return Refund.objects.create(
        id=uuid.uuid4(),
        reference=f"R-{uuid.uuid4().hex[:4].upper()}-AAAA",
        deposit=deposit,
        carrier=deposit.carrier,
        amount_minor=500,
        currency="GBP",
        reason="goodwill",
        client=wanted.caller.client,
        idempotency_key=wanted.idempotency_key,
        idempotency_hash=wanted.digest,
        state=State.REQUESTED,
    )


def force(refund: Refund, state: State) -> None:
    """Put a refund into a state as the owner of the table could, with its triggers off."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        triggers_off(cursor, "deposits_refund")
        cursor.execute("UPDATE deposits_refund SET state = %s WHERE id = %s", [state.value, refund.pk])
        cursor.execute("ALTER TABLE deposits_refund ENABLE TRIGGER USER")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def test_the_database_lets_pass_exactly_the_legal_moves(refund: Refund) -> None:
    passed = set()
    for source, target in itertools.permutations(State, 2):
        force(refund, source)
        try:
            with transaction.atomic():
                Refund.objects.filter(pk=refund.pk).update(state=target)
                passed.add((source, target))
                raise _Undo
        except (IntegrityError, _Undo):
            continue
    assert passed == LEGAL_MOVES


class _Undo(Exception):
    """Rolls a savepoint back."""


def test_nothing_leads_out_of_a_final_state_and_every_open_one_can_be_left() -> None:
    assert {source for source, _ in LEGAL_MOVES} == set(State) - FINAL
    reached = {target for _, target in LEGAL_MOVES}
    assert reached | {State.REQUESTED} == set(State)


def test_nothing_fails_by_a_clock_once_it_may_have_been_returned() -> None:
    ended = {(state, event) for (state, event), target in TRANSITIONS.items() if target in NOTHING_RETURNED}
    answers = {
        (state, Event.REFUSED) for state in (State.SUBMITTING, State.PENDING, State.UNKNOWN, State.REVIEW)
    }
    assert ended - answers == {
        (State.REQUESTED, Event.REJECTED),
        (State.APPROVED, Event.GIVEN_UP),
        (State.REVIEW, Event.STAFF_FAILED),
    }


def test_an_event_that_is_not_listed_cannot_happen() -> None:
    with pytest.raises(IllegalTransition, match="returned cannot happen to a refund that is requested"):
        after(State.REQUESTED, Event.RETURNED)


@pytest.mark.parametrize(
    "change",
    [
        "amount_minor = amount_minor + 1",
        "currency = 'EUR'",
        "reference = 'R-AAAA-AAAA'",
        "carrier = 'other'",
        "deposit_id = gen_random_uuid()",
        "note = 'other'",
        "idempotency_key = 'other'",
        "lease_epoch = lease_epoch - 1",
    ],
)
def test_the_facts_of_a_refund_cannot_change(refund: Refund, change: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE deposits_refund SET {change} WHERE id = %s", [refund.pk])


@pytest.mark.parametrize("table", ["deposits_refund", "deposits_refundevent", "deposits_refundattempt"])
def test_nothing_of_a_refund_is_ever_deleted(refund: Refund, table: str) -> None:
    refund.events.create(event=Event.REQUESTED, to_state=State.REQUESTED, actor_kind="staff")
    refund.attempts.create(epoch=1, step="refund", worker="host:1")
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"DELETE FROM {table}")


def test_a_request_that_is_not_booked_cannot_be_committed(deposit: Deposit) -> None:
    with pytest.raises(IntegrityError, match="without the ledger entry refund_held"), transaction.atomic():
        unbooked(deposit)
        check_now()


@pytest.mark.parametrize(
    ("state", "needed"),
    [
        (State.RETURNED, "refund_returned"),
        (State.REFUSED, "refund_released"),
        (State.FAILED, "refund_released"),
    ],
)
def test_an_end_that_is_not_booked_cannot_be_committed(refund: Refund, state: State, needed: str) -> None:
    force(refund, State.REVIEW)
    with (
        pytest.raises(IntegrityError, match=f"is {state} without the ledger entry {needed}"),
        transaction.atomic(),
    ):
        Refund.objects.filter(pk=refund.pk).update(state=state)
        check_now()


def check_now() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_refund_goes_back_the_way_the_deposit_came(deposit: Deposit, refund: Refund) -> None:
    for field, value in (("carrier", "other"), ("currency", "EUR")):
        refund.pk, refund.reference, refund.idempotency_key = uuid.uuid4(), "R-ZZZZ-ZZZZ", "another"
        was = getattr(refund, field)
        setattr(refund, field, value)
        with pytest.raises(IntegrityError, match="goes back in the currency"), transaction.atomic():
            refund.save(force_insert=True)
        setattr(refund, field, was)


def test_one_person_is_not_two(refund: Refund) -> None:
    with pytest.raises(IntegrityError, match="refund_two_people"), transaction.atomic():
        person = clerk("anna").user_id
        refund.pk, refund.reference, refund.idempotency_key = uuid.uuid4(), "R-ZZZZ-ZZZY", "another"
        refund.requested_by_id = refund.decided_by_id = person
        refund.save(force_insert=True)
