"""Breakers, pauses, the retry budget and second routes, against a real database with real commits."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from carriers import outcomes as carrier
from carriers import registry
from deposits import breakers, retry, transitions
from deposits.actions.decide import decide
from deposits.actions.record import record
from deposits.actions.reroute import reroute_waiting
from deposits.models import Attempt, Breaker, Deposit, DepositEvent
from deposits.transitions import Claimed
from tests.deposits.making import accepted

pytestmark = pytest.mark.usefixtures("committed")

FAILED = carrier.Unknown("time-out")
APPROVED = carrier.Approved("p", "r", 1, "GBP")
CODE = "sandbox-mobile"
SECOND = "sandbox-mobile-2"
AUTHORISE = "authorise"


@pytest.fixture(autouse=True)
def _nothing_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, no try falls due and no window ends but when a test says so."""
    for where, name in (
        (breakers, "PROBE_EVERY_S"),
        (transitions, "PROBE_EVERY_S"),
        (breakers, "WINDOW_S"),
        (breakers, "_BACK_EVERY_S"),
    ):
        monkeypatch.setattr(where, name, 6_000)


@pytest.fixture(autouse=True)
def _nothing_is_due_and_all_is_closed(committed: None) -> Iterator[None]:
    Deposit.objects.filter(next_action_at__isnull=False).update(next_action_at=None)
    Breaker.objects.all().delete()
    breakers._back_at.clear()
    yield
    Deposit.objects.filter(next_action_at__isnull=False).update(next_action_at=None)
    Breaker.objects.all().delete()


def saw(outcome: carrier.Outcome, times: int = 1, *, sends: int = 0, probe: bool = False) -> None:
    sightings = breakers.Sightings()
    for _ in range(times):
        sightings.add(CODE, AUTHORISE, outcome, sends=sends, probe=probe)
    sightings.tell(all_of_it=True)


def claim(room: int = 60, code: str = CODE) -> list[Claimed]:
    return transitions.claim(20, "worker", {code: room})


def standing() -> str:
    return Breaker.objects.get(carrier=CODE, operation=AUTHORISE).state


def make_due_to_try() -> None:
    Breaker.objects.update(probe_at=Now() - timedelta(seconds=1))


def some(count: int) -> list[Deposit]:
    return [accepted(f"{uuid.uuid4().int % 900 + 100}") for _ in range(count)]


def test_half_of_twenty_calls_open_it_and_nineteen_prove_nothing() -> None:
    saw(FAILED, 19)
    assert standing() == "closed"
    saw(FAILED)
    assert standing() == "open"


def test_fewer_than_half_leave_it_closed() -> None:
    saw(APPROVED, 21)
    saw(FAILED, 20)
    assert standing() == "closed"


def test_what_was_counted_long_ago_does_not_count() -> None:
    saw(FAILED, 19)
    long_ago = timedelta(seconds=2 * retry.scaled(breakers.WINDOW_S))
    Breaker.objects.update(window_started_at=Now() - long_ago)
    saw(FAILED, 19)
    assert standing() == "closed"


def test_refusals_of_us_open_it_sooner() -> None:
    saw(carrier.OurFault("401"), 3)
    assert standing() == "open"


def test_an_open_breaker_lets_one_deposit_try_and_its_answer_closes_it() -> None:
    some(3)
    saw(FAILED, 20)
    assert claim() == []
    make_due_to_try()
    (trying,) = claim()
    assert (trying.probe, standing()) == (True, "half_open")
    assert "breaker is open" in Attempt.objects.get(deposit_id=trying.id).decision
    assert claim() == []
    saw(APPROVED)  # an answer to something sent before proves nothing
    assert standing() == "half_open"
    saw(APPROVED, probe=True)
    assert standing() == "closed"
    assert len(claim()) == 2


def test_a_failed_try_keeps_it_open_until_the_next() -> None:
    some(1)
    saw(FAILED, 20)
    make_due_to_try()
    claim()
    saw(FAILED, probe=True)
    assert standing() == "half_open"
    assert claim() == []


def test_a_breaker_held_by_staff_lets_nothing_try() -> None:
    some(1)
    breakers.make_known([CODE])
    breakers.hold_open(Breaker.objects.get(carrier=CODE, operation=AUTHORISE), "maintenance")
    make_due_to_try()
    saw(APPROVED, probe=True)
    assert (standing(), claim()) == ("open", [])


def test_a_shut_operation_does_not_hold_up_another() -> None:
    (unknown,) = some(1)
    claim()
    Deposit.objects.filter(pk=unknown.pk).update(next_action_at=Now() - timedelta(seconds=1))
    some(1)
    saw(FAILED, 20)
    (asked,) = claim()
    assert (asked.id, asked.step) == (unknown.pk, Deposit.Next.INQUIRE)


def test_f34_a_retry_after_holds_for_all_workers() -> None:
    some(2)
    saw(carrier.NotDone(20.0, "429", throttled=True))
    assert claim() == []
    Breaker.objects.update(paused_until=Now() - timedelta(seconds=1))
    assert len(claim()) == 2


def test_what_the_carrier_has_seen_is_repeated_within_a_budget() -> None:
    seen, fresh = some(2)
    Deposit.objects.filter(pk=seen.pk).update(sends=1)
    saw(APPROVED, breakers.REPEATS_ALWAYS, sends=1)
    assert [one.id for one in claim()] == [fresh.pk]
    Breaker.objects.update(minute_started_at=Now() - timedelta(minutes=2))
    assert [one.id for one in claim()] == [seen.pk]


def test_f33_a_carrier_gets_no_more_conversations_than_there_is_room_for() -> None:
    some(5)
    assert len(claim(room=2)) == 2
    assert claim(room=0) == []


@pytest.fixture
def second_route(settings: Any) -> None:
    first, *_ = settings.CARRIERS
    settings.CARRIERS = [first, {**first, "code": SECOND, "rank": 2}]


def answer(claimed: Claimed, outcome: carrier.Outcome) -> None:
    record([(claimed, decide(claimed, outcome, registry.profile(claimed.carrier), resend_is_safe=True))])


@pytest.mark.usefixtures("second_route")
def test_what_was_not_sent_goes_by_the_second_route_at_once() -> None:
    (deposit,) = some(1)
    answer(claim()[0], carrier.NotSent("refused"))
    deposit.refresh_from_db()
    assert (deposit.carrier, deposit.reference) == (SECOND, deposit.reference)
    (second,) = claim(code=SECOND)
    assert second.reference == deposit.reference
    attempt = Attempt.objects.get(deposit=deposit, epoch=second.lease_epoch)
    assert (attempt.carrier, attempt.decision) == (SECOND, f"{CODE} could not be reached")
    assert DepositEvent.objects.filter(deposit=deposit, event="rerouted").count() == 1


@pytest.mark.usefixtures("second_route")
def test_two_dead_routes_are_not_tried_in_a_hot_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    # However slow the machine is, the wait before the next try is not over when the test has looked.
    monkeypatch.setattr(retry, "RESEND_SCHEDULE_S", (6_000,))
    some(1)
    answer(claim()[0], carrier.NotSent("refused"))
    answer(claim(code=SECOND)[0], carrier.NotSent("refused"))
    assert claim() == []


@pytest.mark.usefixtures("second_route")
@pytest.mark.parametrize(
    "outcome", [FAILED, carrier.AlreadyKnown(), carrier.Pending("p"), carrier.NotFound()]
)
def test_what_may_be_with_its_carrier_never_goes_by_another(outcome: carrier.Outcome) -> None:
    (deposit,) = some(1)
    answer(claim()[0], outcome)
    # Even when it is to be sent again one day, after "not found" twice.
    Deposit.objects.filter(pk=deposit.pk, state="unknown").update(state="received")
    saw(FAILED, 20)
    assert reroute_waiting() == 0
    deposit.refresh_from_db()
    assert (deposit.carrier, deposit.bound) == (CODE, True)


@pytest.mark.usefixtures("second_route")
def test_a_lost_lease_binds_a_deposit_to_its_carrier() -> None:
    (deposit,) = some(1)
    claim()
    Deposit.objects.filter(pk=deposit.pk).update(next_action_at=Now() - timedelta(seconds=1))
    claim()
    deposit.refresh_from_db()
    assert deposit.bound


@pytest.mark.usefixtures("second_route")
def test_what_waits_for_an_open_breaker_goes_by_the_second_route() -> None:
    (deposit,) = some(1)
    saw(FAILED, 20)
    assert reroute_waiting() == 1
    (second,) = claim(code=SECOND)
    assert second.id == deposit.pk
    assert Attempt.objects.get(deposit=deposit).decision == f"{CODE} is not used now: 20 of 20 calls failed"


@pytest.mark.usefixtures("second_route")
def test_no_route_is_better_than_one_whose_breaker_is_open() -> None:
    some(1)
    saw(FAILED, 20)
    sightings = breakers.Sightings()
    for _ in range(20):
        sightings.add(SECOND, AUTHORISE, FAILED, sends=0, probe=False)
    sightings.tell()
    assert reroute_waiting() == 0


def test_a_carrier_that_answers_again_is_asked_soon_about_what_had_long_to_wait() -> None:
    (unknown,) = some(1)
    answer(claim()[0], FAILED)
    Deposit.objects.filter(pk=unknown.pk).update(next_action_at=Now() + timedelta(minutes=5))
    sightings = breakers.Sightings()
    for outcome in (FAILED, APPROVED):
        sightings.add(CODE, AUTHORISE, outcome, sends=0, probe=False)
    assert sightings.back() == {CODE}
    assert transitions.hasten(CODE) == 1
    soon = Now() + timedelta(seconds=5)
    assert Deposit.objects.filter(pk=unknown.pk, next_action_at__lte=soon).exists()
    # One that fails now and then is not back each time.
    for outcome in (FAILED, APPROVED):
        sightings.add(CODE, AUTHORISE, outcome, sends=0, probe=False)
    assert sightings.back() == set()


def test_an_inquiry_whose_worker_died_does_not_lengthen_the_waits() -> None:
    (deposit,) = some(1)
    answer(claim()[0], FAILED)
    for _ in range(2):
        Deposit.objects.filter(pk=deposit.pk).update(next_action_at=Now() - timedelta(seconds=1))
        (asking,) = claim()
    assert (asking.step, asking.inquiries) == (Deposit.Next.INQUIRE, 1)
