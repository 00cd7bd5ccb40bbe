"""Restarts, surges and an exhausted pool: what callers are told, and that nothing is half done."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from deposits.models import Deposit
from tests.chaos_figures.load import Load
from tests.chaos_figures.overload import most_at_once
from tests.chaos_figures.rolling_restart import measure_rolling_restart
from tests.conftest import standing_stack
from tests.stack import Answer, Stack, await_condition

#: deploy/haproxy/haproxy.cfg.
MAXCONN = 4
#: Rounds of so many deposits at once, of which so many fit into what is left of the player's own limit.
ROUNDS, AT_ONCE, ROOM = 10, 100, 7
#: So many deposits of a surge are waited for.
SURGE = 200
#: Whoever waits for a connection is told after 2 s; Django's own pool would wait for 30.
LONG_S = 15.0


def test_f56_a_rolling_restart_of_everything_fails_no_request(stack: Stack) -> None:
    figures = measure_rolling_restart(stack, restarts=1, least_requests=300, rate=25)

    assert figures["how"] == {}, figures
    assert figures["processes_restarted"] == 8


def test_f61_a_hundred_at_once_at_two_instances_never_pass_the_edge_of_a_limit(stack: Stack) -> None:
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as database:
        for round_ in range(ROUNDS):
            player, number = f"edge-{uuid.uuid4().hex[:8]}", f"+44770090{2_000 + round_}"
            # The player exists from here on, and has deposited once.
            assert _ask(stack, number, player) == (201, "")
            most = 1_000 * (ROOM + 1)
            database.execute(
                "UPDATE accounts_player SET daily_limit_minor = %s WHERE external_id = %s", [most, player]
            )
            with ThreadPoolExecutor(max_workers=AT_ONCE) as everybody:
                answers = Counter(everybody.map(lambda _: _ask(stack, number, player), range(AT_ONCE)))  # noqa: B023
            assert answers == {(201, ""): ROOM, (422, "limit_reached"): AT_ONCE - ROOM}
            held = database.execute(
                "SELECT (SELECT sum(x)::bigint FROM unnest(reserved || settled) AS x) FROM deposits_accumulator AS a"
                " JOIN accounts_player AS p ON a.subject = p.id::text"
                " WHERE a.subject_kind = 'player' AND p.external_id = %s",
                [player],
            ).fetchone()
            assert held == (most,)


def _ask(stack: Stack, number: str, player: str) -> tuple[int, str]:
    # The balancer sheds what it cannot queue.
    answer = stack.deposit_in_the_end(number, player=player, amount=1_000)
    return answer.status, answer.body.get("code", "")


def test_f57_a_surge_is_bounded_and_the_rest_is_told_to_come_again(stack: Stack) -> None:
    load = Load(stack.base_url, stack.api_key, clients=160, patient=False)
    load.start()
    try:
        # However quick the machine is, nobody is served before the surge is too much.
        for name in stack.programs_of("web"):
            stack.freeze(name)
        try:
            # Each of these was 503 with Retry-After: nothing else counts as busy.
            await_condition(lambda: load.tally.busy > 0, what="some being told to come again")
        finally:
            for name in stack.programs_of("web"):
                stack.thaw(name)
        await_condition(lambda: len(load.tally.accepted) > SURGE, what="the surge being served")
    finally:
        tally = load.stop()

    assert not tally.failed
    assert most_at_once(stack) <= MAXCONN


def test_what_the_balancer_says_itself_is_a_problem_for_programs_and_a_page_for_people(stack: Stack) -> None:
    for name in stack.programs_of("web"):
        stack.end(name)
    try:
        await_condition(lambda: len(stack.missing_servers()) == 2, what="the balancer missing both")
        refused = stack.deposit("100", key=uuid.uuid4().hex)
        page = stack.get_page("/deposit/")
        whole = stack.get_page("/health")
    finally:
        for name in stack.programs_of("web"):
            stack.begin(name)
    assert (refused.status, refused.headers["retry-after"]) == (503, "2")
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.body["code"] == "busy"
    assert refused.body["request_id"] == refused.headers["x-request-id"]
    assert (page.status, page.headers["retry-after"]) == (503, "2")
    assert page.headers["content-type"] == "text/html"
    assert "Nothing was sent. Try again in a moment." in page.body
    assert whole.status == 503


@pytest.fixture
def short_of_connections(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path: Path
) -> Iterator[Stack]:
    """One web process per instance with one connection, on four threads."""
    environment = {
        "DATABASE_POOL_SIZE": "1",
        # Whoever has a connection keeps it for as long as the test wants.
        "DATABASE_LOCK_TIMEOUT_MS": "60000",
        "DATABASE_STATEMENT_TIMEOUT_MS": "60000",
    }
    with standing_stack(django_db_blocker, tmp_path, environment, instances=2, balanced=True) as running:
        yield running


def test_f48_an_exhausted_pool_says_so_soon(
    short_of_connections: Stack, django_db_blocker: DjangoDbBlocker
) -> None:
    site = short_of_connections
    keys = [uuid.uuid4().hex for _ in range(8)]

    def ask(key: str) -> tuple[Answer, float]:
        started = time.monotonic()
        return site.deposit("100", player=key, key=key), time.monotonic() - started

    with (
        psycopg.connect(site.environment["DATABASE_URL"]) as holder,
        ThreadPoolExecutor(max_workers=len(keys)) as partners,
    ):
        # One at each instance holds the connection, waiting for this lock; the others find none.
        holder.execute("LOCK TABLE deposits_deposit IN ACCESS EXCLUSIVE MODE")
        asked = [partners.submit(ask, key) for key in keys]
        refused = len(keys) - site.site.instances
        await_condition(lambda: sum(one.done() for one in asked) >= refused, what="the others being answered")
        answers = [one.result() for one in asked if one.done()]
        holder.rollback()
    for answer, took_s in answers:
        assert (answer.status, answer.headers["retry-after"]) == (503, "2"), answer
        assert answer.body["code"] == "busy"
        assert took_s < LONG_S
    # Nothing was accepted for them, so the same keys are as good as new.
    for key in keys:
        await_condition(lambda key=key: _is_taken(site, key), what="the deposit being taken")  # type: ignore[misc]
    with django_db_blocker.unblock():
        assert Deposit.objects.filter(idempotency_key__in=keys).count() == len(keys)
        connection.close()


def _is_taken(site: Stack, key: str) -> bool:
    return site.deposit("100", player=key, key=key).status in (200, 201)
