"""A carrier that refuses our refunds is left alone but for a try now and then; what may be with it is asked about."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from carriers import outcomes
from deposits import breakers, figures, refund_transitions, retry
from deposits.breakers import REFUND
from deposits.models import Breaker, Deposit, Refund
from deposits.refund_states import State
from deposits.refund_transitions import ClaimedRefund
from tests.refunds.conftest import Returning, ask

CODE = "sandbox-mobile"


def claim() -> list[ClaimedRefund]:
    return refund_transitions.claim(20, "worker-1", {CODE: 60})


def saw(outcome: outcomes.Outcome, times: int = 1, *, probe: bool = False) -> None:
    sightings = breakers.Sightings()
    for _ in range(times):
        sightings.add(CODE, REFUND, outcome, sends=0, probe=probe)
    sightings.tell(all_of_it=True)


def standing() -> str:
    return Breaker.objects.get(carrier=CODE, operation=REFUND).state


@pytest.fixture(autouse=True)
def _nothing_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, no try falls due and no window ends but when a test says so."""
    for name in ("PROBE_EVERY_S", "WINDOW_S"):
        monkeypatch.setattr(breakers, name, 6_000)


@pytest.fixture
def deposit(returning: Returning) -> Deposit:
    breakers.make_known([CODE])
    return returning.credited()


def test_each_carrier_that_gives_money_back_has_one_from_the_start(returning: Returning) -> None:
    breakers.make_known([CODE])
    assert standing() == "closed"
    assert not figures.read().breakers[CODE, REFUND]
    returning.carrier.configure(refund_url="")
    Breaker.objects.all().delete()
    breakers.make_known([CODE])
    assert not Breaker.objects.filter(operation=REFUND).exists()


def test_refusals_hold_refunds_back_and_no_deposit(returning: Returning, deposit: Deposit) -> None:
    saw(outcomes.OurFault("401"), times=3)
    assert (standing(), figures.read().breakers[CODE, REFUND]) == ("open", True)
    refund = ask(deposit, 500)
    assert claim() == []
    returning.work(refund)
    assert (refund.state, refund.tries) == (State.APPROVED, 0)
    returning.credited()


def test_one_tries_now_and_then_and_its_answer_lets_the_others_go(
    returning: Returning, deposit: Deposit
) -> None:
    refunds = [ask(deposit, 500) for _ in range(3)]
    saw(outcomes.OurFault("401"), times=3)
    Breaker.objects.filter(operation=REFUND).update(probe_at=Now() - timedelta(seconds=1))
    (trying,) = claim()
    assert (trying.probe, trying.id, standing()) == (True, refunds[0].pk, "half_open")
    assert claim() == []
    saw(outcomes.Refunded("r-1", "R", 500, "GBP"), probe=True)
    assert standing() == "closed"
    assert {one.id for one in claim()} == {one.pk for one in refunds[1:]}


def test_what_may_be_with_the_carrier_is_asked_about_all_the_same(deposit: Deposit) -> None:
    refund = ask(deposit, 500)
    claim()
    Refund.objects.filter(pk=refund.pk).update(next_action_at=Now() - timedelta(seconds=1))
    breakers.hold_open(Breaker.objects.get(carrier=CODE, operation=REFUND), "they asked us to")
    (asked,) = claim()
    assert (asked.id, asked.step, asked.probe) == (refund.pk, "inquire", False)


def test_a_retry_after_holds_for_all_workers(deposit: Deposit) -> None:
    ask(deposit, 500)
    saw(outcomes.NotDone(30.0, "429", throttled=True))
    assert claim() == []
    Breaker.objects.filter(operation=REFUND).update(paused_until=Now())
    assert len(claim()) == 1


def test_a_worker_tells_what_it_saw(
    returning: Returning, deposit: Deposit, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each is sent once: the worker's last look must not find them due again.
    monkeypatch.setattr(retry, "RESEND_SCHEDULE_S", (6_000,))
    refunds = [ask(deposit, 500) for _ in range(3)]
    returning.configure(token_url="http://127.0.0.1:1/nobody")
    returning.work(*refunds)
    breaker = Breaker.objects.get(carrier=CODE, operation=REFUND)
    assert (breaker.calls, breaker.failures) == (3, 3)
