"""One chaos run from an empty database to its verdict."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import psycopg

from tests.chaos import figures, oracle, plan
from tests.chaos.nemesis import Nemesis, Record
from tests.chaos.oracle import Verdict
from tests.chaos.players import PATIENCE_S, WAITING_MOST, Players, Told
from tests.chaos.profiles import Profile
from tests.chaos.rig import Rig
from tests.chaos.rig import players as players_of
from tests.chaos.watching import BankReads
from tests.local_servers import ROOT
from tests.stack import http

#: How long players ask beyond the plan, and how long the product may take to come to rest.
ASKING_S, REST_S = 120.0, 300.0
#: With more open deposits than this nobody else asks or is killed for the moment: workers are to die often, and not so
#: often that each deposit's five claims come to nothing, which is a case for people.
OPEN_MOST = 60
#: Share of the doorbells that the shim loses, and share of those that it doubles.
DROPPED, DOUBLED = 0.5, 0.25
#: What the carrier's clock is moved on by when all is over, so that reservations nobody confirms run out.
RESERVATION_S = 700
#: What is not at its end, and how much of it is not just a reservation whose code nobody can be asked for. A settled
#: deposit that is still asked about counts: the answer to a notification is on its way.
_UNFINISHED = """
SELECT count(*), count(*) FILTER (WHERE state NOT IN ('pending', 'action_required')) FROM deposits_deposit
WHERE state NOT IN ('credited', 'declined', 'failed', 'cancelled', 'expired', 'review') OR lease_owner <> ''
    OR (state = 'review' AND taken_minor IS NULL AND NOT EXISTS (
        SELECT FROM deposits_attempt AS a WHERE a.deposit_id = deposits_deposit.id AND a.finished_at > (
            SELECT max(e.at) FROM deposits_depositevent AS e
            WHERE e.deposit_id = deposits_deposit.id AND e.event = 'set_aside')))
"""
#: Refunds that neither ended nor are for people.
_REFUNDS_UNFINISHED = """
SELECT count(*) FROM deposits_refund
WHERE state NOT IN ('returned', 'refused', 'failed', 'review') OR lease_owner <> ''
"""
#: What was set aside after five deaths of its workers is asked about once more after half an hour (3 min here): that
#: wait is not sat out.
_SECOND_CHANCE = """
UPDATE deposits_deposit SET next_action_at = now()
WHERE state = 'review' AND taken_minor IS NULL AND lease_owner = '' AND next_action_at > now() + interval '1 min'
"""


@dataclass
class Outcome:
    """All that one run came to."""

    profile: Profile
    seed: int
    verdict: Verdict
    record: Record
    deaths: Counter[str]
    hits: dict[str, int]
    told: Told
    measured: dict[str, Any]
    planned: Counter[str] = field(default_factory=Counter)

    @property
    def too_seldom(self) -> list[str]:
        """What the run was to reach and has not: it is void then."""
        profile, deaths = self.profile, self.deaths
        reached = {
            "deposits": (len(self.told.accepted), profile.deposits),
            "deaths": (deaths.total(), profile.deaths),
            "deaths of PostgreSQL": (deaths["postgres"], profile.postgres_deaths),
            "losses of Redis": (deaths["redis"], profile.redis_losses),
            **{f"hits of {point}": (hits, profile.hits_of(point)) for point, hits in self.hits.items()},
        }
        return [f"{what}: {got} of {wanted}" for what, (got, wanted) in reached.items() if got < wanted]

    @property
    def passed(self) -> bool:
        """Whether every invariant held and everything was tried often enough."""
        return self.verdict.holds and not self.too_seldom


def run(profile: Profile, seed: int, say: Callable[[str], None]) -> Outcome:
    """Carry out one run in a world of its own and judge it."""
    started = time.monotonic()

    def tell(text: str) -> None:
        say(f"{time.monotonic() - started:6.1f} s  {text}")

    acts = plan.draw(profile, seed)
    clocks = {"worker-2": random.Random(f"{seed} clock").choice((-300, 3_600))}
    with Rig(seed, dropped=DROPPED, doubled=DOUBLED, clocks=clocks) as rig:
        tell(f"everything runs; {profile.deposits} deposits, {profile.deaths} deaths, seed {seed}")
        players = players_of(rig, profile.deposits, plan.load_seconds(profile), seed)
        nemesis, reads = Nemesis(rig, acts, seed), BankReads(rig.database_url)
        _load(profile, players, nemesis, reads, tell)
        nemesis.stop_carrier_faults()
        tell(f"at rest after {rest(rig, REST_S):.1f} s")
        reads.stop()
        players.stop()
        outcome = _outcome(rig, profile, seed, nemesis, players, reads)
        outcome.planned = plan.summary(acts)
        outcome.measured["run_s"] = round(time.monotonic() - started, 1)
    return outcome


def _load(
    profile: Profile,
    players: Players,
    nemesis: Nemesis,
    reads: BankReads,
    tell: Callable[[str], None],
) -> None:
    nemesis.start_carrier_faults()
    reads.start()
    players.overwhelmed = lambda: players.waiting > WAITING_MOST or reads.open > OPEN_MOST
    players.start()
    progress = threading.Event()

    def report() -> None:
        while not progress.wait(15):
            tell(f"{len(players.told.accepted)} accepted, {nemesis.deaths().total()} dead")

    threading.Thread(target=report, daemon=True).start()
    try:
        waited_s = nemesis.run(players.overwhelmed)
        tell(
            f"the plan is carried out, {waited_s:.0f} s waited out; players ask on until every crash point was met"
        )
        deadline = time.monotonic() + ASKING_S
        players.ask_more(True)
        while time.monotonic() < deadline and not _enough(profile, players, nemesis):
            time.sleep(0.2)
        players.ask_more(False)
        nemesis.disarm()
        players.await_all_asked(max(deadline - time.monotonic(), 2 * PATIENCE_S))
        players.give_no_more_back()
    finally:
        progress.set()


def _enough(profile: Profile, players: Players, nemesis: Nemesis) -> bool:
    met = all(hits >= profile.hits_of(point) for point, hits in nemesis.hits().items())
    return met and len(players.told.accepted) >= profile.deposits


def rest(rig: Rig, within_s: float) -> float:
    """Let everything be answered, at most so long; return how many seconds it took.

    A reservation whose code was lost on the way to us runs out after ten minutes of the carrier's: once nothing else
    is left, its clock is moved on. Not before: payments would be made at a time at which we do not look for them.
    """
    began = time.monotonic()
    advanced = False
    while (spent := time.monotonic() - began) < within_s:
        with psycopg.connect(rig.database_url) as database:
            database.execute(_SECOND_CHANCE)
            left, others = database.execute(_UNFINISHED).fetchone() or (0, 0)
            (refunds,) = database.execute(_REFUNDS_UNFINISHED).fetchone() or (0,)
        if not left and not refunds:
            break
        if not others and not refunds and not advanced and spent > 20:
            http("POST", f"{rig.stack.sandbox_url}/sandbox/clock", {"advance_s": RESERVATION_S})
            advanced = True
        time.sleep(0.25)
    return spent


def judge(rig: Rig, told: Told) -> Verdict:
    """Compare the product's rows with the carrier's record and with what players were told."""
    sandbox = rig.stack.sandbox_url
    notified = {
        sent["reference"]
        for sent in http("GET", f"{sandbox}/sandbox/notifications").body["notifications"]
        if sent["state"] == "delivered" and sent["type"] == "payment-cancelled"
    }
    with psycopg.connect(rig.database_url, autocommit=True) as database:
        verdict = oracle.judge(database, _charges(rig), _given_back(rig), notified, told)
    verdict.broken["audit"] += _audit(rig)
    return verdict


def _charges(rig: Rig) -> list[dict[str, Any]]:
    """What carrier and bank have taken, in one record: a payment that has settled is a charge."""
    charged: list[dict[str, Any]] = http("GET", f"{rig.stack.sandbox_url}/sandbox/ledger").body["entries"]
    paid = http("GET", f"{rig.stack.sandbox_url}/sandbox/bank-ledger").body["entries"]
    return charged + [{**line, "kind": "charge"} for line in paid if line["kind"] == "payment"]


def _given_back(rig: Rig) -> list[tuple[str, int]]:
    """What carrier and bank have given back, (refund's reference, minor units), a line each time."""
    sandbox = rig.stack.sandbox_url
    refunds = http("GET", f"{sandbox}/sandbox/refunds").body["refunds"]
    paid = http("GET", f"{sandbox}/sandbox/bank-ledger").body["entries"]
    return [(one["refund"], one["amount_minor"]) for one in refunds] + [
        (line["reference"], line["amount_minor"]) for line in paid if line["kind"] == "refund"
    ]


def _outcome(
    rig: Rig, profile: Profile, seed: int, nemesis: Nemesis, players: Players, reads: BankReads
) -> Outcome:
    verdict = judge(rig, players.told)
    verdict.broken["reads_in_flight"] += reads.wrong
    charges = _charges(rig)
    # For who looks into a kept folder: beside the database, the other half of what the figures are made of.
    kept = {"charges": charges, "windows": [asdict(window) for window in nemesis.record.windows]}
    (rig.data_dir / "record.json").write_text(json.dumps(kept))
    with psycopg.connect(rig.database_url, autocommit=True) as database:
        measured = _measure(database, charges, nemesis.record)
    measured |= {
        "bank_style_reads": reads.reads,
        "doorbells": {n: getattr(rig.doorbells, n) for n in ("rung", "dropped", "doubled")},
        "clock_of_half_the_workers_s": rig.clocks.get("worker-2", 0),
        "reversals_the_carrier_told_nobody_about": verdict.untold_reversals,
        "set_aside_for_people": verdict.for_people,
        "states": dict(verdict.states),
        "refunds": verdict.refunds,
        "players_who_gave_up": len(players.told.gave_up),
        "players": dict(players.told.counts) | {"refused": dict(players.told.refusals)},
        "trouble": (nemesis.record.trouble + players.told.trouble)[:20],
    }
    return Outcome(
        profile, seed, verdict, nemesis.record, nemesis.deaths(), nemesis.hits(), players.told, measured
    )


def _audit(rig: Rig) -> list[str]:
    """Verify the audit chain as staff would; return what is wrong with it."""
    command = [sys.executable, "manage.py", "audit", "verify"]
    environment = {**rig.stack.environment, "CRASH_POINTS": ""}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return [] if ended.returncode == 0 else [(ended.stdout + ended.stderr)[-300:]]


def _measure(
    database: psycopg.Connection[Any], charges: list[dict[str, Any]], record: Record
) -> dict[str, Any]:
    found = figures.histories(database)
    away = record.windows_of("carrier")
    charged, never = figures.unknown_resolved_s(found, figures.charge_times(charges), away)
    wiped = record.windows_of("redis wiped")
    other = [window for window in record.windows if window not in wiped]
    extra = figures.extra_delay_after_wipe_s(found, wiped, other, figures.told_to_wait_s(database))
    return {
        "unknown_charged": len(charged),
        "unknown_resolved_p50_s": round(figures.percentile(charged, 50), 2),
        "unknown_resolved_p99_s": round(figures.percentile(charged, 99), 2),
        "unknown_never_charged": len(never),
        "unknown_never_charged_p50_s": round(figures.percentile(never, 50), 2),
        "unknown_never_charged_p99_s": round(figures.percentile(never, 99), 2),
        "accepted_around_a_wiped_redis": len(extra),
        "extra_delay_after_wipe_p50_s": round(figures.percentile(extra, 50), 2),
        "extra_delay_after_wipe_p99_s": round(figures.percentile(extra, 99), 2),
        "leases_taken_over": figures.lease_takeovers(found),
    }
