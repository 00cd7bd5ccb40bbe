"""F06, F07 and F28 to F31: the carrier, the line or the caller fails while the money moves, or does not."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from django.conf import settings

from deposits.models import Deposit
from deposits.states import State
from tests.faults.rig import Rig
from tests.stack import await_condition, http

#: Deposits that meet each fault, one beside the other.
EACH = 5
#: A minute in production.
CLOSED_S = 60 / settings.TIME_DIVISOR
#: A call may take five seconds here, so that a worker is caught in it on a busy machine as well.
UNHURRIED = 4


@pytest.fixture
def unhurried(rig: Rig) -> Iterator[Rig]:
    """The same product with less of a hurry, and its carrier as well."""
    rig.stack.begin_otherwise("worker", "sweeper", TIME_DIVISOR=str(UNHURRIED))
    http("PUT", f"{rig.stack.sandbox_url}/sandbox/settings", {"time_divisor": UNHURRIED})
    yield rig
    rig.stack.begin_otherwise("worker", "sweeper")


def many(rig: Rig, fault: str) -> list[Deposit]:
    """Make deposits whose charge meets `fault`, each on a number of its own."""
    numbers = [rig.number() for _ in range(EACH)]
    rig.force(fault, *numbers)
    return [rig.deposit(number) for number in numbers]


def sent_and_unanswered(rig: Rig, deposit: Deposit) -> bool:
    """Whether the carrier has the request and holds its answer back."""
    return any(one["outcome"] == "waiting" for one in rig.charge_requests(deposit))


def test_f06_killed_while_the_carrier_holds_an_uncharged_request_sends_the_same_reference(
    unhurried: Rig,
) -> None:
    rig = unhurried
    number = rig.number()
    rig.script(number, {"mode": "hang"})
    deposit = rig.deposit(number)
    await_condition(lambda: sent_and_unanswered(rig, deposit), what="the request at the carrier")
    rig.kill_worker_of(deposit)
    rig.ended_true(deposit, charged=True)
    steps = [step for step, _ in rig.attempts(deposit)]
    assert steps[:2] == ["authorise", "inquire"]
    # Looked for under the same reference, so two requests of it are all that the carrier has ever seen.
    assert len(rig.charge_requests(deposit)) == 2


def test_f06_killed_before_the_carrier_charges_learns_of_the_charge(unhurried: Rig) -> None:
    rig = unhurried
    # Charged seconds after the request came, not to be found until then: number 014's story.
    deposit = rig.deposit("+447700900014")
    await_condition(lambda: sent_and_unanswered(rig, deposit), what="the request at the carrier")
    assert rig.stack.charges(deposit.reference) == []
    rig.kill_worker_of(deposit)
    rig.ended_true(deposit, charged=True)
    assert len(rig.charge_requests(deposit)) == 1


def test_f07_killed_after_the_charge_and_before_reading_is_credited_once(unhurried: Rig) -> None:
    rig = unhurried
    number = rig.number()
    rig.script(number, {"charge": True, "mode": "hang"})
    deposit = rig.deposit(number)
    await_condition(lambda: rig.stack.charges(deposit.reference), what="the charge")
    rig.kill_worker_of(deposit)
    rig.ended_true(deposit, charged=True)
    assert rig.attempts(deposit)[0] == ("authorise", "unknown")
    assert len(rig.charge_requests(deposit)) == 1


def test_f28_charged_and_the_connection_drops_is_asked_about_and_credited_once(rig: Rig) -> None:
    deposits = many(rig, "drop_after_charge")
    rig.ended_true(*deposits, charged=True)
    for deposit in deposits:
        assert rig.attempts(deposit) == [("authorise", "unknown"), ("inquire", "approved")]
        assert len(rig.charge_requests(deposit)) == 1


def test_f29_charged_and_answered_after_our_time_out_is_credited_once(rig: Rig) -> None:
    deposits = many(rig, "late_answer")
    rig.ended_true(*deposits, charged=True)
    for deposit in deposits:
        assert rig.attempts(deposit)[:2] == [("authorise", "unknown"), ("inquire", "approved")]
        assert len(rig.charge_requests(deposit)) == 1


@pytest.mark.parametrize("fault", ["error_503_charged", "error_503_not_charged"])
def test_f30_a_503_that_may_or_may_not_have_charged_ends_as_the_carrier_has_it(rig: Rig, fault: str) -> None:
    number = rig.number()
    rig.force(fault, number)
    deposit = rig.deposit(number)
    # The carrier documents that a 503 was not processed, so the same reference is sent again; where that was a lie,
    # the carrier refuses the reference and is asked what became of it.
    await_condition(lambda: len(rig.charge_requests(deposit)) > 1, what="the same reference again")
    rig.calm()
    rig.ended_true(deposit, charged=True)
    assert all(one["reference"] == deposit.reference for one in rig.charge_requests(deposit))


@pytest.mark.parametrize("charged", [True, False])
def test_f30_an_error_that_proves_nothing_is_unknown_and_the_inquiry_decides(rig: Rig, charged: bool) -> None:
    number = rig.number()
    rig.script(number, {"charge": charged, "status": 502, "body": "Bad Gateway"})
    deposit = rig.deposit(number)
    rig.await_state(deposit, State.UNKNOWN, State.CREDITED)
    rig.ended_true(deposit, charged=True)
    assert rig.attempts(deposit)[0] == ("authorise", "unknown")
    assert rig.attempts(deposit)[1][0] == "inquire"
    assert len(rig.charge_requests(deposit)) == (1 if charged else 2)


def test_f31_what_was_certainly_not_sent_waits_for_the_carrier_and_is_sent_once(rig: Rig) -> None:
    rig.stack.end("sandbox")
    shut_at = time.monotonic()
    try:
        deposits = [rig.deposit() for _ in range(EACH)]
        await_condition(
            lambda: time.monotonic() > shut_at + CLOSED_S, what="a minute of production's time having passed"
        )
        for deposit in deposits:
            # Its breaker may be open by now; and the last try may be under way.
            assert {outcome for _, outcome in rig.attempts(deposit)[:-1]} <= {"not_sent"}
            assert rig.row(deposit.reference).state in (State.RECEIVED, State.SUBMITTING)
            assert "lease_lost" not in rig.events(deposit)
    finally:
        rig.stack.begin("sandbox")
    rig.ended_true(*deposits, charged=True)
    for deposit in deposits:
        assert {outcome for _, outcome in rig.attempts(deposit)} == {"not_sent", "approved"}
        assert [step for step, _ in rig.attempts(deposit)] == ["authorise"] * len(rig.attempts(deposit))
        assert len(rig.charge_requests(deposit)) == 1
