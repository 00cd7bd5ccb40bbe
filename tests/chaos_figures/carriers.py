"""`python -m tests.chaos_figures.carriers`: what a carrier's trouble costs its neighbours, and its return all of us."""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from tests.chaos_figures.alone import servers_alone
from tests.chaos_figures.load import percentile
from tests.fault_proxy import Fault
from tests.faults_carriers.networks import Networks, running
from tests.stack import await_condition, http

#: Beginnings of plain numbers of the network that stays well and of the one that gets into trouble.
WELL, TROUBLED = "+447700901", "+447700905"
_CARRIER_ANSWER_MS = 50
#: Ten times as slow as it was.
_SLOW_S = 0.45
_RATE_PER_S = 12.0
_ENDED = ("credited", "declined", "failed")


def measure() -> dict[str, Any]:
    """Return the figures of both, measured with servers of our own."""
    with servers_alone() as ground:
        database_url = ground.servers.database_url
        with running(ground.folder, database_url, ground.servers.redis_url, ports=ground.ports) as networks:
            return measure_neighbour(networks, database_url) | measure_outage(networks, database_url)


def measure_neighbour(
    networks: Networks, database_url: str, *, seconds: float = 8, rounds: int = 3
) -> dict[str, Any]:
    """Return how much later the deposits of one carrier are credited while another one is slow.

    Each round is a time with both well and one with the other ten times as slow, under the same load of both.
    `p99_ratio` is the median over the rounds of the second p99 by the first; times in seconds.
    """
    http("PUT", f"{networks.stack.sandbox_url}/sandbox/settings", {"answer_delay_ms": _CARRIER_ANSWER_MS})
    well, slow = [], []
    for _ in range(rounds):
        well.append(_credited_p99_s(networks, database_url, seconds))
        networks.other.fault = Fault(delay_s=_SLOW_S)
        slow.append(_credited_p99_s(networks, database_url, seconds))
        networks.other.heal()
    ratios = [later / before for before, later in zip(well, slow, strict=True)]
    return {
        "neighbour_p99_s": round(statistics.median(well), 3),
        "neighbour_p99_while_slow_s": round(statistics.median(slow), 3),
        "neighbour_p99_ratio": round(statistics.median(ratios), 3),
        "neighbour_p99_ratios": [round(ratio, 3) for ratio in ratios],
    }


def measure_outage(
    networks: Networks, database_url: str, *, deposits: int = 200, seconds: float = 10
) -> dict[str, Any]:
    """Return how often a carrier is called for each deposit that was asked for while it was away."""
    networks.other.fault = Fault(refuse=True)
    references = [_ask(networks, TROUBLED, number) for number in range(deposits)]
    time.sleep(seconds)  # the outage goes on for a while after the last of them
    networks.other.heal()
    await_condition(
        lambda: not _open(database_url, references), within_s=180, what="every deposit having ended"
    )
    known = set(references)
    calls = sum(one["reference"] in known for one in networks.requests())
    charges = [len(networks.stack.charges(reference)) for reference in references]
    return {
        "outage_deposits": deposits,
        "outage_calls_per_deposit": round(calls / deposits, 3),
        "outage_charged_once": charges.count(1),
    }


def _credited_p99_s(networks: Networks, database_url: str, seconds: float) -> float:
    references: list[str] = []
    with _load(networks, TROUBLED):
        until, number = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            references.append(_ask(networks, WELL, number))
            number += 1
            time.sleep(1 / _RATE_PER_S)
    await_condition(lambda: not _open(database_url, references), what="every deposit having ended")
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT extract(epoch FROM resolved_at - created_at)::float8 FROM deposits_deposit"
            " WHERE reference = ANY (%s)",
            [references],
        ).fetchall()
    return percentile([row[0] for row in rows], 0.99)


@contextmanager
def _load(networks: Networks, prefix: str) -> Iterator[None]:
    """Ask for deposits at the steady rate meanwhile."""
    stop = threading.Event()

    def ask() -> None:
        number = 0
        while not stop.wait(1 / _RATE_PER_S):
            _ask(networks, prefix, number)
            number += 1

    thread = threading.Thread(target=ask, name="load", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _ask(networks: Networks, prefix: str, number: int) -> str:
    answer = networks.stack.deposit(f"{prefix}{number % 900 + 100}", amount=100)
    if answer.status != 201:
        raise SystemExit(f"a deposit was refused: {answer.body}")
    reference: str = answer.body["reference"]
    return reference


def _open(database_url: str, references: list[str]) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM deposits_deposit WHERE reference = ANY (%s) AND state <> ALL (%s)",
            [references, list(_ENDED)],
        ).fetchone()
    return int(row[0]) if row else 0


def main() -> None:
    """Measure both with servers of our own, and print the figures as JSON."""
    print(json.dumps(measure(), indent=2))


if __name__ == "__main__":
    main()
