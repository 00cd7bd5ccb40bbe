"""Two hundred deposits while worker, web and Redis are killed at any moment: all end true."""

from __future__ import annotations

import random
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from pytest_django.plugin import DjangoDbBlocker
from redis import Redis

from accounts import ledger
from accounts.models import Partner, Posting
from deposits.models import Deposit
from deposits.states import State
from tests.local_servers import servers
from tests.stack import Stack, await_condition, http

pytestmark = pytest.mark.chaos

DEPOSITS = 200
SEED = 20_261_122
PARTNERS = 4
KILLED = ["worker", "redis", "worker", "web", "worker"] * 4
#: Plain numbers, and the stories in which an answer is lost or late.
STORIES = ["001", "010", "011", "012", "019", "020", "100", "101", "102", "103", "104", "105"]


def test_all_deposits_end_true_whatever_is_killed(stack: Stack, django_db_blocker: DjangoDbBlocker) -> None:
    dice = random.Random(SEED)
    http("PUT", f"{stack.sandbox_url}/sandbox/settings", {"answer_delay_ms": 20, "delay_jitter_ms": 60})
    with ThreadPoolExecutor(max_workers=PARTNERS) as partners:
        asked = []
        for victim in KILLED:
            asked += [
                partners.submit(_deposit, stack, dice.choice(STORIES), f"chaos-{number}")
                for number in range(DEPOSITS // len(KILLED))
            ]
            # Some moment within the work on these: while they are accepted, sent, charged or credited.
            time.sleep(dice.uniform(0.0, 0.4))
            _kill(stack, victim)
        accepted = [one.result() for one in asked]
    with django_db_blocker.unblock():
        try:
            await_condition(
                lambda: not _unfinished(accepted), within_s=120, what="every deposit having ended"
            )
            _check_end_state(stack, accepted)
        finally:
            connection.close()


def _deposit(stack: Stack, number: str, player: str) -> str:
    """Ask until there is an answer, under one key, as a partner does; return the reference."""
    key = str(uuid.uuid4())

    def ask() -> dict[str, Any] | None:
        try:
            answer = stack.deposit(number, player=player, amount=100, key=key)
        except (OSError, ValueError):  # the web process died under the request
            return None
        assert answer.status in (200, 201, 503), answer.body
        return answer.body if answer.status != 503 else None

    body = await_condition(ask, what="an answer to the deposit")
    assert body is not None
    reference: str = body["reference"]
    return reference


def _kill(stack: Stack, victim: str) -> None:
    if victim == "redis" and servers().valkey_pid is None:
        # REDIS_URL names somebody else's server: it can be emptied, not killed.
        Redis.from_url(servers().redis_url).flushall()
    elif victim == "redis":
        servers().kill_valkey()
        servers().start_valkey(wipe=True)
    else:
        stack.kill(victim)


def _unfinished(references: list[str]) -> list[str]:
    open_states = [state for state in State if state not in (State.CREDITED, State.DECLINED, State.FAILED)]
    return list(
        Deposit.objects.filter(reference__in=references, state__in=open_states).values_list(
            "reference", flat=True
        )
    )


def _check_end_state(stack: Stack, references: list[str]) -> None:
    """The oracle: what the carrier has recorded against what we credited (faults.md §6.2)."""
    deposits = {deposit.reference: deposit for deposit in Deposit.objects.filter(reference__in=references)}
    assert len(deposits) == len(set(references)) == DEPOSITS
    credited = {
        posting.entry.source: posting.amount_minor
        for posting in Posting.objects.filter(
            entry__kind="deposit", account__kind="player", entry__source__in=[d.pk for d in deposits.values()]
        ).select_related("entry")
    }
    wrong = []
    for reference, deposit in deposits.items():
        charges = [line["amount_minor"] for line in stack.charges(reference) if line["kind"] == "charge"]
        expected = [credited[deposit.pk]] if deposit.pk in credited else []
        if charges != expected or (deposit.state == State.CREDITED) is not bool(expected):
            wrong.append((reference, deposit.state, charges, expected))
    assert wrong == []
    assert list(ledger.verify()) == []
    assert Posting.objects.aggregate(total=Sum("amount_minor"))["total"] == 0
    assert Partner.objects.filter(slug="demo-casino").exists()
