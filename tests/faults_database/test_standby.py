"""A synchronous standby that stalls: commits hang, and no time limit of PostgreSQL ends them."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest

from tests.chaos_figures.alone import Ground, servers_alone
from tests.stack import Stack, await_condition

REQUESTS = 30


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    """A PostgreSQL of the test's own: everybody's commits would hang."""
    with servers_alone() as found:
        yield found


@pytest.fixture(scope="module")
def stack(ground: Ground) -> Iterator[Stack]:
    running = Stack(ground.folder, ground.servers.database_url, ground.servers.redis_url, ports=ground.ports)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def test_f47_a_standby_that_stalls_sheds_load_and_loses_nothing(ground: Ground, stack: Stack) -> None:
    keys = [str(uuid.uuid4()) for _ in range(REQUESTS)]
    *first, late = keys
    with ThreadPoolExecutor(REQUESTS) as partners:
        with _a_standby_that_stalls(ground):
            asked = [partners.submit(stack.deposit, "001", amount=100, key=key, player=key) for key in first]
            # No thread hangs with its commit for ever: it is given up, and its caller told to come again.
            await_condition(lambda: any(one.done() for one in asked), what="the first being turned away")
            # Of the others none may have any time left; who comes now has all of it.
            asked.append(partners.submit(stack.deposit, "001", amount=100, key=late, player=late))
        answers = [one.result() for one in asked]
    turned_away = [one for one in answers if one.status == 503]
    assert {one.status for one in answers} == {201, 503}
    assert answers[-1].status == 201
    assert all(one.headers["retry-after"] and one.body["code"] == "busy" for one in turned_away)
    # The standby is dropped, as its guardian would do it: nothing needs a restart, and each key makes one deposit.
    again = [stack.deposit("001", amount=100, key=key, player=key) for key in keys]
    assert {one.status for one in again} <= {200, 201}
    references = {one.body["reference"] for one in again}
    assert len(references) == REQUESTS
    await_condition(lambda: _credited(ground, references) == REQUESTS, what="every deposit being credited")
    for reference in references:
        assert [line["kind"] for line in stack.charges(reference)] == ["charge"]


def _credited(ground: Ground, references: set[str]) -> int:
    with psycopg.connect(ground.servers.database_url) as database:
        row = database.execute(
            "SELECT count(*) FROM deposits_deposit WHERE reference = ANY (%s) AND state = 'credited'",
            [list(references)],
        ).fetchone()
    return int(row[0]) if row else 0


@contextmanager
def _a_standby_that_stalls(ground: Ground) -> Iterator[None]:
    """Have PostgreSQL wait, at each commit, for a standby that never answers."""
    configuration = ground.servers._our_postgres().place.home / "postgresql.conf"
    before = configuration.read_text()
    try:
        configuration.write_text(f"{before}synchronous_standby_names = 'nobody'\n")
        _reload(ground, "nobody")
        yield
    finally:
        configuration.write_text(before)
        _reload(ground, "")


def _reload(ground: Ground, expected: str) -> None:
    pid = ground.servers.postgres_pid
    assert pid is not None
    os.kill(pid, signal.SIGHUP)

    def is_in_force() -> bool:
        with psycopg.connect(ground.servers.database_url, autocommit=True) as database:
            row = database.execute("SHOW synchronous_standby_names").fetchone()
        return row is not None and row[0] == expected

    await_condition(is_in_force, what="the new configuration")
