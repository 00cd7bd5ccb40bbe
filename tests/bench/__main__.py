"""Run the benchmark: pgbench, the product, pgbench again; print JSON lines and a table."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from paysite.local_stack.clean import remove
from paysite.local_stack.servers import Servers
from tests import local_servers
from tests.bench import cpu, load, pgbench
from tests.stack import Stack, http

CARRIER_ANSWER_MS = 50
ROLES = ("web", "worker", "sweeper", "live", "sandbox")
#: By the indexes of what is due: looking through all deposits every 10 ms would be measured, too.
_SOMETHING_IS_DUE = """
(SELECT FROM deposits_deposit WHERE next_action_at IS NOT NULL AND state <> 'received' LIMIT 1)
UNION ALL (SELECT FROM deposits_deposit WHERE next_action_at IS NOT NULL AND state = 'received' LIMIT 1)
"""


def main() -> None:
    """Measure and report; exit status 0 whatever the figures are, because machines differ."""
    arguments = _arguments()
    # Production's time limits; everything else as in the tests.
    os.environ.update(local_servers.ENVIRONMENT | {"TIME_DIVISOR": "1"})
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "paysite.settings")
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=_data_dir()))
    folder.chmod(0o755)  # as root the servers run as another account, which must be able to enter
    ports = local_servers.stack_ports()
    try:
        with Servers(folder, ports.postgres, ports.valkey) as servers:
            _report(_measure(servers, folder, arguments))
    finally:
        remove(folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="length of each measured phase (default 10)")
    parser.add_argument("--clients", type=int, default=16, help="connections that post at once (default 16)")
    parser.add_argument(
        "--rounds", type=int, default=3, help="product rounds, each between two of pgbench (default 3)"
    )
    return parser.parse_args()


def _data_dir() -> Path:
    folder = local_servers.ROOT / ".data"
    folder.mkdir(exist_ok=True)
    return folder


def _measure(servers: Servers, folder: Path, arguments: argparse.Namespace) -> dict[str, object]:
    script = pgbench.prepare(servers.database_url, folder)
    environment = {**os.environ, "DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v0"], env=environment, cwd=local_servers.ROOT, check=True
    )
    stack = Stack(folder, servers.database_url, servers.redis_url)
    stack.environment["LOG_LEVEL"] = "INFO"
    rounds: list[dict[str, float]] = []
    yardsticks = [pgbench.deposits_per_second(servers.database_url, script, arguments.seconds)]
    try:
        stack.start()
        http("PUT", f"{stack.sandbox_url}/sandbox/settings", {"answer_delay_ms": CARRIER_ANSWER_MS})
        _make_players(servers.database_url)
        _see_that_all_is_taken(load.post_deposits(stack.base_url, stack.api_key, 2, arguments.clients))
        _await_all_credited(servers.database_url)
        for _ in range(arguments.rounds):
            rounds.append(_one_round(stack, servers, arguments))
            yardsticks.append(pgbench.deposits_per_second(servers.database_url, script, arguments.seconds))
    finally:
        stack.stop()
    return _summary(rounds, yardsticks)


def _see_that_all_is_taken(warming_up: load.Sent) -> None:
    """Stop where deposits are refused: what refusals cost is not what is asked."""
    if warming_up.refused:
        raise SystemExit(
            f"{len(warming_up.refused)} deposits were refused, the first: {warming_up.refused[0]}"
        )


def _one_round(stack: Stack, servers: Servers, arguments: argparse.Namespace) -> dict[str, float]:
    before, credited_before = _cpu(stack, servers), _credited(servers.database_url)
    started = time.perf_counter()
    sent = load.post_deposits(stack.base_url, stack.api_key, arguments.seconds, arguments.clients)
    _await_all_credited(servers.database_url)
    elapsed = time.perf_counter() - started
    credited = _credited(servers.database_url) - credited_before
    after = _cpu(stack, servers)
    figures = {
        "deposits": float(credited),
        "refused": float(len(sent.refused)),
        "deposits_per_s": credited / elapsed,
        "accept_p50_ms": sent.percentile_ms(0.5),
        "accept_p99_ms": sent.percentile_ms(0.99),
        "credit_lag_p50_ms": _credit_lag_ms(servers.database_url, credited),
        **{f"cpu_us_{role}": 1e6 * (after[role] - before[role]) / max(credited, 1) for role in after},
    }
    print(json.dumps({"round": figures}), flush=True)
    return figures


def _cpu(stack: Stack, servers: Servers) -> dict[str, float]:
    pids = {role: stack.pid(role) for role in ROLES}
    figures = {role: cpu.of_group(pid) for role, pid in pids.items()}
    figures["postgresql"] = cpu.of_tree(servers.postgres_pid or 0)
    for role, backends in _backends(servers.database_url).items():
        figures[f"postgresql_for_{role}"] = cpu.of_processes(backends)
    figures["redis"] = cpu.of_tree(servers.valkey_pid or 0)
    figures["load"] = time.process_time()
    return figures


def _backends(database_url: str) -> dict[str, list[int]]:
    """PostgreSQL's processes by the role of the process that they serve."""
    found: dict[str, list[int]] = {"web": [], "worker": []}
    with psycopg.connect(database_url) as connection:
        for pid, name in connection.execute("SELECT pid, application_name FROM pg_stat_activity").fetchall():
            role = str(name).removeprefix("paysite ")
            if role in found:
                found[role].append(pid)
    return found


def _make_players(database_url: str) -> None:
    numbers = [(f"bench-{number[-3:]}", number) for number in load.PLAIN_NUMBERS]
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.executemany(
            """WITH player AS (INSERT INTO accounts_player (partner_id, external_id, identity_state)
                    SELECT id, %s, 'verified' FROM accounts_partner RETURNING id),
                account AS (INSERT INTO accounts_ledgeraccount (kind, currency, player_id, carrier)
                    SELECT 'player', 'GBP', id, '' FROM player)
                INSERT INTO accounts_playerphone (player_id, number, verified_at) SELECT id, %s, now() FROM player""",
            numbers,
        )


def _await_all_credited(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        deadline = time.monotonic() + 120
        while connection.execute(_SOMETHING_IS_DUE).fetchone():
            if time.monotonic() > deadline:
                raise SystemExit("not every accepted deposit was credited within 120 s")
            time.sleep(0.01)
        if connection.execute("SELECT FROM deposits_deposit WHERE state <> 'credited' LIMIT 1").fetchone():
            raise SystemExit("an accepted deposit ended otherwise than credited")


def _credited(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT count(*) FROM deposits_deposit WHERE state = 'credited'").fetchone()
    return int(row[0]) if row else 0


def _credit_lag_ms(database_url: str, newest: int) -> float:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            """SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM resolved_at - created_at)) * 1000
               FROM (SELECT * FROM deposits_deposit ORDER BY created_at DESC LIMIT %s) newest""",
            [newest],
        ).fetchone()
    return float(row[0]) if row and row[0] is not None else 0.0


def _summary(rounds: list[dict[str, float]], yardsticks: list[float]) -> dict[str, object]:
    median = {name: round(statistics.median(r[name] for r in rounds), 1) for name in rounds[0]}
    # Each round stands between two runs of pgbench, on the same PostgreSQL, minutes apart at most.
    ratios = [
        figures["deposits_per_s"] / statistics.mean(yardsticks[index : index + 2])
        for index, figures in enumerate(rounds)
    ]
    return {
        **median,
        "pgbench_deposits_per_s": round(statistics.median(yardsticks), 1),
        "ratio_to_pgbench": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
    }


def _report(figures: dict[str, object]) -> None:
    print(json.dumps({"summary": figures}))
    width = max(map(len, figures))
    for name, value in figures.items():
        print(f"  {name:<{width}}  {value}")


if __name__ == "__main__":
    main()
