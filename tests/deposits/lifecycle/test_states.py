"""The table of states, and the database that enforces it."""

from __future__ import annotations

import itertools
import uuid

import pytest
from django.db import IntegrityError, connection, transaction

from deposits.models import Deposit
from deposits.states import FINAL, LEGAL_MOVES, TRANSITIONS, Event, IllegalTransition, State, after
from tests.deposits.making import accepted
from tests.triggers import triggers_off

pytestmark = pytest.mark.django_db


def force(deposit: Deposit, state: State) -> None:
    """Put a deposit into a state as the owner of the table could, with its triggers off."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        triggers_off(cursor, "deposits_deposit")
        cursor.execute("UPDATE deposits_deposit SET state = %s WHERE id = %s", [state.value, deposit.pk])
        cursor.execute("ALTER TABLE deposits_deposit ENABLE TRIGGER USER")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def test_the_database_lets_pass_exactly_the_legal_moves() -> None:
    deposit = accepted()
    passed = set()
    for source, target in itertools.permutations(State, 2):
        force(deposit, source)
        try:
            with transaction.atomic():
                Deposit.objects.filter(pk=deposit.pk).update(state=target)
                passed.add((source, target))
                raise _Undo
        except (IntegrityError, _Undo):
            continue
    assert passed == LEGAL_MOVES


@pytest.mark.parametrize(
    "counter", ["code_tries", "tries", "inquiries", "fruitless", "not_found_seen", "sends"]
)
def test_no_counter_goes_below_zero(counter: str) -> None:
    with pytest.raises(IntegrityError, match="deposit_counters"), transaction.atomic():
        Deposit.objects.filter(pk=accepted().pk).update(**{counter: -1})


class _Undo(Exception):
    """Rolls a savepoint back."""


def test_nothing_leads_out_of_a_final_state() -> None:
    assert {source for source, target in LEGAL_MOVES if source in FINAL} == set()


def test_every_state_can_be_reached_and_every_open_one_left() -> None:
    reached = {target for _, target in LEGAL_MOVES} | {State.RECEIVED}
    left = {source for source, _ in LEGAL_MOVES}
    assert reached == set(State)
    assert left == set(State) - FINAL


def test_every_state_that_a_worker_can_hold_knows_silence() -> None:
    for state in (
        State.SUBMITTING,
        State.ACTION_REQUIRED,
        State.PENDING,
        State.UNKNOWN,
        State.REVIEW,
        State.CREDITED,
    ):
        assert (state, Event.SILENCE) in TRANSITIONS


def test_only_review_and_an_answer_end_what_may_have_been_taken() -> None:
    """From unknown a deposit never fails by a clock or a counter (faults.md, invariant 5)."""
    to_failed = {(state, event) for (state, event), target in TRANSITIONS.items() if target == State.FAILED}
    assert to_failed - {(State.FAILED, event) for event in Event} == {
        (State.RECEIVED, Event.OVERDUE),  # every attempt proves that it was not taken
        (State.UNKNOWN, Event.TOMBSTONED),  # the carrier's word
        (State.PENDING, Event.TOMBSTONED),
        (State.REVIEW, Event.STAFF_FAILED),  # two people
    }
    assert (State.SUBMITTING, State.FAILED) not in LEGAL_MOVES


def test_an_event_that_is_not_listed_cannot_happen() -> None:
    with pytest.raises(IllegalTransition, match="approved cannot happen to a deposit that is received"):
        after(State.RECEIVED, Event.APPROVED)


@pytest.mark.parametrize(
    "change",
    [
        "amount_minor = amount_minor + 1",
        "currency = 'EUR'",
        "reference = 'D-AAAA-AAAA'",
        "phone_number = '+440'",
        "player_id = player_id + 1",
        "idempotency_key = 'other'",
        "lease_epoch = lease_epoch - 1",
    ],
)
def test_the_facts_of_a_deposit_cannot_change(change: str) -> None:
    deposit = accepted()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE deposits_deposit SET {change} WHERE id = %s", [deposit.pk])


def test_a_deposit_cannot_be_deleted() -> None:
    deposit = accepted()
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM deposits_deposit WHERE id = %s", [deposit.pk])


def test_a_deposit_cannot_be_credited_without_its_ledger_entry() -> None:
    deposit = accepted()
    force(deposit, State.UNKNOWN)
    with pytest.raises(IntegrityError, match="without a ledger entry"), transaction.atomic():
        Deposit.objects.filter(pk=deposit.pk).update(state=State.CREDITED)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_deposit_begins_as_received() -> None:
    deposit = accepted()
    deposit.pk = uuid.uuid4()
    deposit.reference = "D-ZZZZ-ZZZZ"
    deposit.idempotency_key = "another"
    deposit.state = State.PENDING
    with pytest.raises(IntegrityError, match="begins as received"), transaction.atomic():
        deposit.save(force_insert=True)
