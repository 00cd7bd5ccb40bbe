"""F23, F24: what kills its worker, or cannot be recorded, is set aside after five tries; the others are not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from accounts import ledger
from accounts.models import LedgerAccount
from deposits.actions import cases
from deposits.actions.set_aside import set_aside_poison
from deposits.models import Case, Deposit
from deposits.states import State
from tests.faults_evidence.conftest import Carrier
from tests.local_servers import ROOT

pytestmark = pytest.mark.usefixtures("alone")

NEIGHBOURS = 9
MOST_RUNS = 5


def leases_end() -> None:
    Deposit.objects.exclude(lease_owner="").update(next_action_at=Now())


def run_worker(poison: Deposit, carriers: Any) -> int:
    """Let a worker process work through what is due; return its exit status (-9: it was killed)."""
    database = os.environ["DATABASE_URL"].rsplit("/", 1)[0] + f"/{connection.settings_dict['NAME']}"
    environment = {**os.environ, "DATABASE_URL": database, "CARRIERS": json.dumps(carriers)}
    command = [sys.executable, "-m", "tests.faults_evidence.poisoned_worker", poison.reference]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, timeout=60).returncode


def test_f23_a_deposit_that_kills_its_worker_is_set_aside_after_five_runs(
    carrier: Carrier, settings: Any
) -> None:
    poison = carrier.deposit()
    neighbours = [carrier.deposit(player=f"p-{number}") for number in range(NEIGHBOURS)]
    deaths = 0
    for _ in range(2 * MOST_RUNS):
        status = run_worker(poison, settings.CARRIERS)
        assert status in (0, -signal.SIGKILL)
        deaths += status != 0
        leases_end()
        set_aside_poison()
        poison.refresh_from_db()
        if poison.state == State.REVIEW:
            break
    assert poison.state == State.REVIEW
    assert poison.attempts.count() == deaths == MOST_RUNS
    case = Case.objects.get(deposit=poison, kind=Case.Kind.POISON)
    assert (case.owner_role, case.state) == ("Engineers", Case.State.OPEN)
    # They were with workers that died, so they are asked about and sent again, within the retry budget.
    for one in neighbours:
        carrier.work_until(one, State.CREDITED)
    assert [carrier.charges(one) for one in neighbours] == [[("charge", 2_000)]] * NEIGHBOURS
    assert not Case.objects.filter(deposit__in=neighbours).exists()


def test_f24_a_row_that_cannot_be_recorded_is_set_aside_and_settled_once_it_can(carrier: Carrier) -> None:
    """The player's balance is so high that the database refuses to add to it."""
    poison = carrier.deposit("+447700900001")
    purse = LedgerAccount.objects.filter(pk=ledger.player_account_id(poison.player_id, "GBP"))
    too_much = 2**63 - 1_000
    purse.update(balance_minor=F("balance_minor") + too_much)
    try:
        neighbours = [carrier.deposit(player=f"p-{number}") for number in range(3)]
        for _ in range(MOST_RUNS):
            carrier.work(poison)
            leases_end()
        set_aside_poison()
        carrier.work()
        poison.refresh_from_db()
        assert (poison.state, poison.attempts.count()) == (State.REVIEW, MOST_RUNS)
        assert carrier.charges(poison) == [("charge", 2_000)]
        for one in neighbours:
            one.refresh_from_db()
        assert {one.state for one in neighbours} == {State.CREDITED}
    finally:
        purse.update(balance_minor=F("balance_minor") - too_much)
    # Its second chance, half an hour later: the carrier's answer settles it, and nobody has to.
    carrier.work(poison)
    cases.keep_up()
    poison.refresh_from_db()
    assert poison.state == State.CREDITED
    case = Case.objects.get(deposit=poison)
    assert (case.state, case.resolution) == (Case.State.CLOSED, Case.Resolution.ANSWERED)


def test_f24_what_is_poison_in_review_too_is_left_alone(carrier: Carrier) -> None:
    poison = carrier.deposit()
    Deposit.objects.filter(pk=poison.pk).update(
        state=State.SUBMITTING, fruitless=MOST_RUNS, next_action_at=Now()
    )
    set_aside_poison()
    Deposit.objects.filter(pk=poison.pk).update(fruitless=MOST_RUNS, next_action_at=Now())
    set_aside_poison()
    poison.refresh_from_db()
    assert (poison.state, poison.next_action_at) == (State.REVIEW, None)
    assert Case.objects.filter(deposit=poison).count() == 1


def test_f24_five_fruitless_claims_are_the_last_even_before_it_is_set_aside(carrier: Carrier) -> None:
    poison = carrier.deposit()
    Deposit.objects.filter(pk=poison.pk).update(
        state=State.SUBMITTING, fruitless=MOST_RUNS, next_action_at=Now()
    )
    carrier.work()
    assert poison.attempts.count() == 0
