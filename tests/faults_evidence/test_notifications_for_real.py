"""F38 over HTTP: the sandbox notifies the real web process, twice, too early, or not at all."""

from __future__ import annotations

import pytest
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from deposits.models import CarrierNotification, Deposit
from deposits.states import State
from tests.stack import Stack, await_condition, http

pytestmark = pytest.mark.chaos

EACH = 8


def test_f38_doubled_early_and_lost_notifications_over_http(
    stack: Stack, django_db_blocker: DjangoDbBlocker
) -> None:
    faults = {"notification_doubled": 0.4, "notification_lost": 0.3}
    http("PUT", f"{stack.sandbox_url}/sandbox/settings", {"faults": faults})
    # Approved with two copies before the answer; approved later; denied later.
    references = []
    for story, ends in (("017", "succeeded"), ("007", "succeeded"), ("008", "failed")):
        made = [stack.deposit(story).body for _ in range(EACH)]
        references += [(one["reference"], ends) for one in made]
        for one in made:
            stack.await_status(one["id"], ends)
    for reference, ends in references:
        charges = stack.charges(reference)
        assert len(charges) == (ends == "succeeded"), (reference, charges)
    with django_db_blocker.unblock():
        try:
            _check_inbox([reference for reference, _ in references])
        finally:
            connection.close()


def _check_inbox(references: list[str]) -> None:
    deposits = Deposit.objects.filter(reference__in=references)
    payments = set(deposits.values_list("carrier_payment_id", flat=True))
    told = CarrierNotification.objects.filter(payment_id__in=payments)
    await_condition(
        lambda: not told.filter(deposit=None).exists(), what="every notification having its deposit"
    )
    assert any(row.deliveries > 1 for row in told)
    assert deposits.filter(state=State.CREDITED).count() == 2 * EACH
