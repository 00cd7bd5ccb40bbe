"""A carrier that is down, slow or asks us to wait: its deposits wait, and nobody else's do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import accumulate
from typing import Any

import pytest
from django.db import connection
from django.db.models import OuterRef
from django.db.models.functions import Coalesce, Now
from pytest_django.plugin import DjangoDbBlocker

from deposits import breakers
from deposits.models import Attempt, Breaker, Deposit
from tests.fault_proxy import Fault, FaultProxy
from tests.faults_carriers.networks import Networks
from tests.stack import await_condition, http

#: Beginnings of plain numbers: a network with two routes, another one, one of which
#: the port is closed, and one of which the port of the first route is closed.
TWO_ROUTES, OTHER, CLOSED, DARK = "+447700901", "+447700905", "+447700907", "+447700908"
NAMES = {"first": "sandbox-mobile", "second": "sandbox-mobile-2", "other": "sandbox-other"}


@pytest.fixture(autouse=True)
def _rows(django_db_blocker: DjangoDbBlocker, networks: Networks) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield
        networks.heal()
        Breaker.objects.all().delete()
        connection.close()


def ask(networks: Networks, prefix: str, count: int) -> list[str]:
    """Ask for deposits on plain numbers that begin with `prefix`; return their references."""
    references = []
    for number in range(count):
        answer = networks.stack.deposit(f"{prefix}{number + 100}", amount=100)
        assert answer.status == 201, answer.body
        references.append(answer.body["reference"])
    return references


def rows(references: list[str]) -> list[Deposit]:
    return list(Deposit.objects.filter(reference__in=references))


def all_are(state: str, references: list[str]) -> bool:
    return {deposit.state for deposit in rows(references)} == {state}


def await_credited(networks: Networks, references: list[str]) -> None:
    """Wait for the credits, and compare with what the carrier has taken: each once."""
    await_condition(lambda: all_are("credited", references), what="every deposit being credited")
    for reference in references:
        assert [line["amount_minor"] for line in networks.stack.charges(reference)] == [100]


def calls_for(networks: Networks, references: list[str]) -> list[dict[str, Any]]:
    return [one for one in networks.requests() if one["reference"] in references]


def wait_for_half_of(networks: Networks, proxy: FaultProxy, prefix: str) -> list[str]:
    """Have enough deposits fail on the way through `proxy` to open its breaker."""
    before = proxy.connections
    references = ask(networks, prefix, 25)
    await_condition(lambda: proxy.connections > before, what="a worker having tried")
    return references


def most_held_at_once(references: list[str]) -> dict[str, int]:
    """How many calls about these deposits each worker has had open at the same time, at most.

    By the times in the rows, so that it does not matter when a test looks. What a worker has let go of has no end; it
    ended before somebody else began.
    """
    attempts = Attempt.objects.filter(deposit__reference__in=references)
    later = attempts.filter(deposit=OuterRef("deposit"), epoch=OuterRef("epoch") + 1)
    moments: dict[str, list[tuple[datetime, int]]] = {}
    for worker, began_at, ended_at in attempts.annotate(
        ended_at=Coalesce("finished_at", later.values("started_at"))
    ).values_list("worker", "started_at", "ended_at"):
        mine = moments.setdefault(worker, [])
        mine.append((began_at, 1))
        if ended_at:
            mine.append((ended_at, -1))
    # Of the same moment the end (-1) comes first.
    return {worker: max(accumulate(change for _, change in sorted(mine))) for worker, mine in moments.items()}


def test_f31_a_closed_port_is_certainly_not_sent_and_costs_nothing(networks: Networks) -> None:
    (reference,) = ask(networks, CLOSED, 1)
    await_condition(
        lambda: Attempt.objects.filter(deposit__reference=reference, outcome="not_sent").count() >= 3,
        what="three tries",
    )
    (deposit,) = rows([reference])
    assert deposit.state in ("received", "submitting")
    assert (deposit.sends, deposit.bound) == (0, False)
    with FaultProxy(networks.stack.site.ports.sandbox, networks.closed_port):
        await_credited(networks, [reference])
        assert len(calls_for(networks, [reference])) == 1


def test_f32_after_an_outage_each_deposit_is_sent_about_once(networks: Networks) -> None:
    networks.other.fault = Fault(refuse=True)
    references = wait_for_half_of(networks, networks.other, OTHER)
    await_condition(
        lambda: Breaker.objects.filter(carrier=NAMES["other"], operation="authorise").exclude(state="closed"),
        what="the breaker opening",
    )
    references += ask(networks, OTHER, 25)
    waiting = {deposit.reference for deposit in rows(references) if deposit.tries == 0}
    assert waiting, "the open breaker holds deposits back"
    networks.heal()
    await_credited(networks, references)
    # One that may have been sent is asked about, not sent again; what waited goes out once.
    assert len(calls_for(networks, references)) <= 1.1 * len(references)


def test_f33_a_carrier_that_hangs_holds_up_nobody_else(networks: Networks) -> None:
    networks.other.fault = Fault(black_hole=True)
    hanging = ask(networks, OTHER, 90)
    await_condition(lambda: any(d.state == "submitting" for d in rows(hanging)), what="calls that hang")
    quick = ask(networks, TWO_ROUTES, 20)
    await_credited(networks, quick)
    # All of them began while first calls of the others hung: nobody waited until those were cut off.
    first_calls = Attempt.objects.filter(deposit__reference__in=hanging, epoch=1)
    for began_at in Attempt.objects.filter(deposit__reference__in=quick).values_list("started_at", flat=True):
        assert first_calls.filter(started_at__lte=began_at).exclude(finished_at__lt=began_at).exists()
    held = most_held_at_once(hanging)
    assert held
    assert max(held.values()) <= 60
    networks.heal()
    await_condition(lambda: all_are("credited", hanging), what="the others' credits", within_s=120)


def test_f34_nobody_calls_inside_a_retry_after(networks: Networks) -> None:
    settings = f"{networks.stack.sandbox_url}/sandbox/settings"
    http("PUT", settings, {"force": [{"phone_number": f"{OTHER}100", "fault": "rate_limited"}]})
    (first,) = ask(networks, OTHER, 1)
    await_condition(
        lambda: Breaker.objects.filter(carrier=NAMES["other"], paused_until__gt=Now()), what="the pause"
    )
    http("PUT", settings, {"force": []})
    others = ask(networks, OTHER, 10)
    await_credited(networks, [first, *others])
    told_at = datetime.fromisoformat(calls_for(networks, [first])[0]["at"])
    # What was on its way when the 429 came may still arrive; whatever was asked for after it was recorded waits.
    pauses_s = [
        (datetime.fromisoformat(one["at"]) - told_at).total_seconds() for one in calls_for(networks, others)
    ]
    assert min(pauses_s) >= 3.0


def test_what_cannot_be_sent_goes_by_the_second_route(networks: Networks) -> None:
    references = ask(networks, DARK, 3)
    await_credited(networks, references)
    for deposit in rows(references):
        assert (deposit.carrier, deposit.sends) == (NAMES["second"], 1)
        first, second = deposit.attempts.order_by("epoch")
        assert (first.carrier, first.outcome) == ("sandbox-dark", "not_sent")
        assert (second.carrier, second.decision) == (NAMES["second"], "sandbox-dark could not be reached")


def test_a_breaker_that_staff_hold_open_sends_deposits_by_the_second_route(networks: Networks) -> None:
    breakers.make_known([NAMES["first"]])
    breakers.hold_open(Breaker.objects.get(carrier=NAMES["first"], operation="authorise"), "maintenance")
    used = networks.first.connections
    references = ask(networks, TWO_ROUTES, 3)
    await_credited(networks, references)
    assert {deposit.carrier for deposit in rows(references)} == {NAMES["second"]}
    decisions = Attempt.objects.filter(deposit__reference__in=references).values_list("decision", flat=True)
    assert set(decisions) == {f"{NAMES['first']} is not used now: maintenance"}
    assert networks.first.connections == used


def test_after_an_unknown_outcome_there_is_no_other_route(networks: Networks) -> None:
    networks.first.fault = Fault(cut_after_request=b"POST", times=1)
    (reference,) = ask(networks, TWO_ROUTES, 1)
    await_condition(lambda: networks.first.hits, what="the answer being cut off")
    await_credited(networks, [reference])
    (deposit,) = rows([reference])
    assert (deposit.carrier, deposit.bound) == (NAMES["first"], True)
    assert set(deposit.attempts.values_list("carrier", flat=True)) == {NAMES["first"]}
