"""One kind of fault at a time, on the rig of the chaos run, each ending with its oracle.

Players come through page and API all the while. The clocks of both workers are wrong throughout, where libfaketime is
installed: one five minutes slow, the other an hour fast.
"""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from redis import Redis

from paysite.local_stack.os_processes import is_alive
from tests.chaos.rig import Rig, faketime, players
from tests.chaos.run import judge, rest
from tests.fault_proxy import Fault
from tests.stack import await_condition

pytestmark = pytest.mark.chaos

SEED = 3
CLOCKS = {"worker": -300, "worker-2": 3_600}
#: How long everything may take to come to its end on two busy cores.
_ENDS_WITHIN_S = 150.0
_seeds = itertools.count(SEED)
_dice = random.Random(SEED)


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    """The product with servers of its own, two of each process and three sweepers."""
    with Rig(SEED, clocks=CLOCKS, sweepers=3) as running:
        yield running


def _all_end_true(rig: Rig, deposits: int, load_s: float, disturb: Callable[[], None]) -> None:
    """Have players make deposits for `load_s` seconds while `disturb` does its worst; then ask the oracle."""
    crowd = players(rig, deposits, load_s, next(_seeds), codes=False)
    crowd.start()
    try:
        disturb()
        crowd.await_all_asked(_ENDS_WITHIN_S)
        rest(rig, _ENDS_WITHIN_S)
    finally:
        crowd.stop()
    verdict = judge(rig, crowd.told)
    assert verdict.holds, verdict.lines()
    assert len(crowd.told.accepted) == deposits, (crowd.told.refusals, crowd.told.trouble)


def _rows(rig: Rig, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(rig.database_url, autocommit=True) as database:
        return database.execute(query, parameters or None).fetchall()


def test_f12_three_sweepers_that_do_the_work_alone_and_are_each_killed_twenty_times(rig: Rig) -> None:
    """Without Redis the sweepers claim and call themselves, so that each kill may meet one in the middle of a batch."""
    sweepers = ("sweeper", "sweeper-2", "sweeper-3")

    def disturb() -> None:
        rig.servers.kill_valkey()
        try:
            left = dict.fromkeys(sweepers, 20)
            while any(left.values()):
                name = _dice.choice([sweeper for sweeper in sweepers if left[sweeper]])
                if rig.stack.kill_child(name, _dice) is not None:
                    left[name] -= 1
                time.sleep(_dice.uniform(0.0, 0.3))
        finally:
            rig.servers.start_valkey(wipe=True)

    _all_end_true(rig, 40, 8.0, disturb)


def test_f14_fifty_pool_children_killed_are_fifty_attempts_that_count(rig: Rig) -> None:
    before = _lost_attempts(rig)

    def disturb() -> None:
        killed = 0
        while killed < 50:
            holders = {int(owner.rpartition(":")[2]) for (owner,) in _rows(rig, _HOLDERS)}
            name = _dice.choice(("worker", "worker-2"))
            killed += rig.stack.kill_child(name, _dice, holders) is not None
            time.sleep(_dice.uniform(0.0, 0.3))

    _all_end_true(rig, 60, 8.0, disturb)
    # An attempt is written before the first byte leaves, and stays as it is when nobody lives to complete it.
    assert _lost_attempts(rig) > before


def test_f17_redis_flushed_every_half_second(rig: Rig) -> None:
    """Every 5 s for a minute, at a tenth of production's waits."""

    def disturb() -> None:
        with Redis.from_url(rig.servers.redis_url) as redis:
            for _ in range(12):
                redis.flushall()
                time.sleep(0.5)

    _all_end_true(rig, 40, 6.0, disturb)


def test_f18_redis_killed_and_restarted_empty(rig: Rig) -> None:
    def disturb() -> None:
        for _ in range(3):
            time.sleep(1.0)
            rig.servers.kill_valkey()
            time.sleep(0.5)
            rig.servers.start_valkey(wipe=True)

    _all_end_true(rig, 40, 6.0, disturb)


def test_f27_half_of_the_doorbells_dropped_and_half_doubled(rig: Rig) -> None:
    rung = rig.doorbells.rung

    def disturb() -> None:
        rig.doorbells.drop = rig.doorbells.double = 0.5

    try:
        _all_end_true(rig, 60, 6.0, disturb)
    finally:
        rig.doorbells.drop = rig.doorbells.double = 0.0
    assert rig.doorbells.rung > rung
    assert rig.doorbells.dropped
    assert rig.doorbells.doubled


def test_f43_postgres_killed_inside_the_credit_transaction(rig: Rig) -> None:
    """The worker's COMMIT is held on its way, so that the ledger entries are written and nothing is decided."""

    def disturb() -> None:
        # The other worker's commits would not come through the proxy.
        rig.stack.freeze("worker")
        try:
            for _ in range(3):
                rig.to_database.fault = Fault(hold_request=b"COMMIT")
                await_condition(lambda: _rows(rig, _IN_CREDIT), what="a credit that waits for its COMMIT")
                rig.servers.kill_postgres()
                rig.to_database.heal()
                rig.servers.start_postgres()
        finally:
            rig.to_database.heal()
            rig.stack.thaw("worker")

    _all_end_true(rig, 60, 12.0, disturb)


def test_f53_only_the_clock_of_the_database_decides(rig: Rig) -> None:
    """No worker takes a deposit whose lease, by the database's clock, has not ended, however its own clock goes."""
    if not faketime():
        pytest.fail(
            "libfaketime is missing, which moves clocks; install it (Debian: sudo apt-get install libfaketime)"
        )
    ((began,),) = _rows(rig, "SELECT now()")
    said = _Said(rig)
    _all_end_true(rig, 60, 6.0, lambda: None)
    for worker, seconds in CLOCKS.items():
        assert abs(_clock_of(rig, worker) - seconds) < 250, f"{worker}'s clock was not moved"
    # Nobody is killed here: what the dead hold is taken over before its lease ends. On a machine that is too slow for
    # a tenth of production's limits a worker lets go by itself, or is ended by Celery.
    assert _rows(rig, _STOLEN, began, said.let_go() + said.ended()) == []


class _Said:
    """What workers and sweepers log from now on; what they logged before is about other tests' deaths."""

    def __init__(self, rig: Rig) -> None:
        self._before = {path: path.stat().st_size for path in sorted(rig.stack.log_dir.glob("*.log"))}

    def _lines(self, event: str) -> list[dict[str, Any]]:
        told = [path.read_bytes()[size:].decode(errors="replace") for path, size in self._before.items()]
        lines = [json.loads(line) for text in told for line in text.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def let_go(self) -> list[str]:
        """The workers that gave back what they held."""
        return [line["worker"] for line in self._lines("let_go")]

    def ended(self) -> list[str]:
        """The workers that a sweeper has taken for dead, and that are."""
        lost = [worker for line in self._lines("worker_lost") for worker in line["workers"]]
        return [worker for worker in lost if not is_alive(int(worker.rpartition(":")[2]))]


def _lost_attempts(rig: Rig) -> int:
    lost: int = _rows(rig, "SELECT count(*) FROM deposits_attempt WHERE finished_at IS NULL")[0][0]
    return lost


def _clock_of(rig: Rig, worker: str) -> float:
    """Seconds by which the clock is fast that a worker stamps its last log line with, that line's age included."""
    lines = (rig.stack.log_dir / f"{worker}.log").read_text().splitlines()
    stamp = next(json.loads(line)["timestamp"] for line in reversed(lines) if '"event":"attempt"' in line)
    return (datetime.fromisoformat(stamp) - datetime.now(UTC)).total_seconds()


_HOLDERS = "SELECT DISTINCT lease_owner FROM deposits_deposit WHERE lease_owner <> ''"
#: The second worker has no other transactions than those in which it records answers and credits.
_IN_CREDIT = """
SELECT pid FROM pg_stat_activity WHERE application_name = 'paysite worker-2' AND state = 'idle in transaction'
"""
#: Attempts begun while the one before was neither finished nor past its lease, which is 6 s here, nor given back.
_STOLEN = """
SELECT later.deposit_id, later.epoch FROM deposits_attempt AS later
JOIN deposits_attempt AS earlier ON earlier.deposit_id = later.deposit_id AND earlier.epoch = later.epoch - 1
WHERE earlier.started_at > %s AND later.started_at < least(earlier.finished_at, earlier.started_at + interval '6 s')
    AND earlier.worker <> ALL (%s)
"""
