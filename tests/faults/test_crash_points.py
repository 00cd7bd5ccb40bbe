"""F01 to F05 and F08 to F11: a process is killed at each step between the player's tap and the credit."""

from __future__ import annotations

import uuid

import pytest

from deposits import doorbell
from deposits.models import Attempt, CarrierNotification, Deposit
from deposits.states import State
from tests.deposits.making import counted
from tests.faults.rig import Rig
from tests.stack import await_condition


@pytest.fixture
def player() -> str:
    return f"p-{uuid.uuid4().hex[:12]}"


def deposits_under(key: str) -> list[Deposit]:
    return list(Deposit.objects.filter(idempotency_key=key))


def test_f01_web_killed_before_the_commit_leaves_nothing_and_the_same_key_makes_one(
    rig: Rig, player: str
) -> None:
    key, number = str(uuid.uuid4()), rig.number()
    # The player and the API key are known by now, so that only the deposit itself is at stake.
    first = rig.ask(str(uuid.uuid4()), rig.number(), player)
    assert first is not None
    rig.die_at("web.before_commit")
    assert rig.ask(key, number, player) is None
    rig.await_death("web.before_commit")
    assert deposits_under(key) == []
    assert counted("phone_number", number) == 0
    answers = [
        await_condition(lambda: rig.ask(key, number, player), what="an answer under the same key")
        for _ in range(3)
    ]
    assert [answer.status for answer in answers if answer] == [201, 200, 200]
    (made,) = deposits_under(key)
    rig.ended_true(made, rig.row(first.body["reference"]), charged=True)


@pytest.mark.parametrize("point", ["web.after_commit", "web.before_answer"])
def test_f02_web_killed_after_the_commit_and_the_same_key_gets_the_same_deposit(
    rig: Rig, player: str, point: str
) -> None:
    key, number = str(uuid.uuid4()), rig.number()
    rig.die_at(point)
    assert rig.ask(key, number, player) is None
    rig.await_death(point)
    (made,) = deposits_under(key)
    again = await_condition(lambda: rig.ask(key, number, player), what="an answer under the same key")
    assert again is not None
    assert (again.status, again.body["reference"]) == (200, made.reference)
    assert deposits_under(key) == [made]
    rig.ended_true(made, charged=True)


def test_f03_killed_between_commit_and_doorbell_and_the_sweeper_finds_it(rig: Rig, player: str) -> None:
    key = str(uuid.uuid4())
    rig.die_at("web.after_commit")
    assert rig.ask(key, rig.number(), player) is None
    rig.await_death("web.after_commit")
    # Nobody asks again, and nobody has rung.
    (made,) = deposits_under(key)
    rig.ended_true(made, charged=True)


def test_f04_worker_killed_before_the_claim_and_the_next_ring_claims(rig: Rig) -> None:
    rig.die_at("worker.before_claim")
    deposit = rig.deposit()
    rig.await_death("worker.before_claim")
    rig.ended_true(deposit, charged=True)
    assert rig.attempts(deposit) == [("authorise", "approved")]


def test_f05_killed_after_the_claim_asks_before_it_sends_again(rig: Rig) -> None:
    rig.die_at("worker.after_claim")
    deposit = rig.deposit()
    rig.await_death("worker.after_claim")
    # Nothing has left, but the row cannot know that: it may have happened.
    assert rig.row(deposit.reference).state in (State.SUBMITTING, State.UNKNOWN)
    rig.ended_true(deposit, charged=True)
    first, second, *_, last = rig.attempts(deposit)
    assert first == ("authorise", "unknown")
    assert second == ("inquire", "not_found")
    assert last == ("authorise", "approved")
    assert "lease_lost" in rig.events(deposit)
    assert len(rig.charge_requests(deposit)) == 1


def test_f08_killed_with_the_answer_in_hand_asks_again_and_credits_once(rig: Rig) -> None:
    rig.die_at("worker.after_answer")
    with rig.without("sweeper"):
        deposit = rig.deposit()
        rig.await_death("worker.after_answer", ringing=True)
        assert len(rig.stack.charges(deposit.reference)) == 1
        assert rig.credits(deposit) == []
    rig.ended_true(deposit, charged=True)
    assert rig.attempts(deposit) == [("authorise", "unknown"), ("inquire", "approved")]


@pytest.mark.parametrize("point", ["worker.after_ledger", "worker.before_commit"])
def test_f09_killed_inside_the_credit_transaction_undoes_and_redoes_all_of_it(rig: Rig, point: str) -> None:
    rig.die_at(point)
    with rig.without("sweeper"):
        deposit = rig.deposit()
        rig.await_death(point, ringing=True)
        row = rig.row(deposit.reference)
        assert (row.state, rig.credits(deposit)) == (State.SUBMITTING, [])
        assert Attempt.objects.filter(deposit=deposit, finished_at=None).count() == 1
    rig.ended_true(deposit, charged=True)
    assert rig.attempts(deposit) == [("authorise", "unknown"), ("inquire", "approved")]


def test_f10_killed_after_the_credit_and_rung_for_again_credits_nothing_more(rig: Rig) -> None:
    rig.die_at("worker.after_commit")
    deposit = rig.deposit()
    rig.await_death("worker.after_commit")
    rig.ended_true(deposit, charged=True)
    for _ in range(3):
        assert doorbell.ring_now()
    # A later deposit is worked on, so the bell was heard.
    rig.ended_true(rig.deposit(), charged=True)
    assert rig.credits(deposit) == [2_000]
    assert rig.attempts(deposit) == [("authorise", "approved")]


def test_f11_killed_between_the_ring_and_the_answer_rings_twice_and_charges_once(
    rig: Rig, player: str
) -> None:
    key = str(uuid.uuid4())
    rig.die_at("sweeper.after_ring")
    rig.die_at("web.after_commit")
    # No worker may come by chance before the sweeper has looked.
    rig.stack.freeze("worker")
    try:
        assert rig.ask(key, rig.number(), player) is None
        rig.await_death("sweeper.after_ring")
    finally:
        rig.stack.thaw("worker")
    (made,) = deposits_under(key)
    rig.ended_true(made, charged=True)
    assert rig.attempts(made) == [("authorise", "approved")]


def test_f11_killed_between_a_notification_and_its_answer_takes_it_in_once(rig: Rig) -> None:
    rig.die_at("inbox.after_commit")
    deposit = rig.deposit("+447700900007")
    rig.await_death("inbox.after_commit")
    rig.ended_true(deposit, charged=True)
    rig.await_web()
    taken_in = CarrierNotification.objects.filter(deposit=deposit)
    assert len({one.event_id for one in taken_in}) == taken_in.count() == 1
