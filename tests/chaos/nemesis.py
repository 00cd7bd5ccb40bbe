"""Does what the plan says: kills, freezes, wipes, cuts; and keeps a record of what it has done and when."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import psycopg
from redis import Redis
from redis.exceptions import RedisError

from deposits.crash_points import POINTS, REFUND_POINTS
from tests.chaos.plan import Act
from tests.chaos.rig import Rig, children
from tests.fault_proxy import Fault
from tests.stack import await_condition, http

#: What the carrier does to the requests of numbers without a story, by probability, all through the run. It breaks
#: its own inquiries and notifications too: a carrier whose inquiries never fail lets wrong code survive.
CARRIER_FAULTS = {
    "drop_after_charge": 0.08,
    "drop_before_charge": 0.05,
    "late_answer": 0.04,
    "error_503_charged": 0.04,
    "error_503_not_charged": 0.04,
    "rate_limited": 0.03,
    "late_charge": 0.02,
    "garbage_charged": 0.02,
    "other_amount": 0.01,
    "inquiry_error": 0.05,
    "notification_lost": 0.2,
    "notification_doubled": 0.2,
}
#: And what the bank does to consents, exchanges, orders and inquiries.
BANK_FAULTS = {
    "drop_after_payment": 0.06,
    "drop_before_payment": 0.04,
    "error_500_paid": 0.03,
    "error_500_not_paid": 0.03,
    "error_503_not_paid": 0.03,
    "garbage_paid": 0.02,
    "wrong_signature": 0.02,
    "no_signature": 0.02,
    "other_consent": 0.01,
    "payment_rejected": 0.02,
    "consent_lost": 0.05,
    "consent_error_500": 0.05,
    "exchange_lost": 0.05,
    "exchange_error_500": 0.05,
    "other_consents_token": 0.01,
    "read_error_500": 0.05,
    "read_wrong_signature": 0.02,
}
#: At which program a process dies that meets a crash point.
_DIES_AT = {
    "web": "web_worker",
    "inbox": "web_worker",
    "worker": "pool_child",
    "sweeper": "sweeper",
    "live": "live_worker",
    "refund": "pool_child",
}
#: Where a refund is asked for, which is the web's.
_ASKED_FOR = ("refund.before_commit", "refund.after_request")
_CHILD = {"web": "web_worker", "worker": "pool_child", "live": "live_worker", "sweeper": "sweeper"}
#: How long a passing fault of a proxy lasts at most when nobody meets it.
_PASSING_S = 1.5
#: How long the plan's clock stands still at most for a product that does not keep up.
_STANDS_STILL_MOST_S = 600.0


@dataclass
class Window:
    """A time, in seconds since 1970, in which something was away."""

    what: str
    since: float
    until: float


@dataclass
class Record:
    """What was done."""

    deaths: Counter[str] = field(default_factory=Counter)
    cuts: Counter[str] = field(default_factory=Counter)
    windows: list[Window] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)

    def windows_of(self, *what: str) -> list[Window]:
        """Return the windows of these kinds."""
        return [window for window in self.windows if window.what in what]


class Nemesis:
    """Carries the plan out. What takes long is done beside the rest, one at a time for each victim."""

    def __init__(self, rig: Rig, plan: list[Act], seed: int) -> None:
        self.record = Record()
        self._rig, self._plan = rig, plan
        self._dice = random.Random(f"{seed} nemesis")
        self._heavy = ThreadPoolExecutor(max_workers=1, thread_name_prefix="nemesis")
        self._cutting = ThreadPoolExecutor(max_workers=2, thread_name_prefix="cuts")
        self._doings: list[Future[None]] = []
        self._database: psycopg.Connection[tuple[str]] | None = None
        self._lock = threading.Lock()
        self._acts: dict[str, Callable[[Act], None]] = {
            "kill": self._kill,
            "lose": self._lose_redis,
            "flush": self._flush_redis,
            "freeze": self._freeze,
            "carrier": self._carrier_away,
        }

    def start_carrier_faults(self) -> None:
        """Make carrier and bank unreliable."""
        faults = {"faults": CARRIER_FAULTS, "bank_faults": BANK_FAULTS}
        answer = http("PUT", f"{self._rig.stack.sandbox_url}/sandbox/settings", faults)
        assert answer.status == 200, answer.body

    def stop_carrier_faults(self) -> None:
        """Make carrier and bank answer all that they are asked."""
        none: dict[str, dict[str, float]] = {"faults": {}, "bank_faults": {}}
        http("PUT", f"{self._rig.stack.sandbox_url}/sandbox/settings", none)

    def run(self, overwhelmed: Callable[[], bool]) -> float:
        """Do everything at its time; return when the last act is over, with the seconds that were waited out.

        While `overwhelmed` says so, the plan's clock stands still.
        """
        started, stood_still_s = time.monotonic(), 0.0
        for act in self._plan:
            while overwhelmed() and stood_still_s < _STANDS_STILL_MOST_S:
                time.sleep(0.1)
                started += 0.1
                stood_still_s += 0.1
            time.sleep(max(0.0, started + act.at_s - time.monotonic()))
            if act.kind == "arm":
                (self._rig.points / f"{act.victim}.{act.detail}").touch()
            elif act.kind == "child":
                self._kill_child(act.victim)
            elif act.kind == "cut":
                self._doings.append(self._cutting.submit(self._cut, act))
            else:
                self._doings.append(self._heavy.submit(self._acts[act.kind], act))
        for doing in self._doings:
            doing.result()
        self._cutting.shutdown()
        self._heavy.shutdown()
        return stood_still_s

    def disarm(self) -> None:
        """Take back the deaths that nobody met; the run is to come to rest."""
        for death in self._rig.points.glob("*"):
            if not death.name.startswith("hit."):
                death.unlink(missing_ok=True)

    def hits(self) -> dict[str, int]:
        """Return how often each crash point was hit."""
        return {point: len(list(self._rig.points.glob(f"hit.{point}.*"))) for point in POINTS + REFUND_POINTS}

    def deaths(self) -> Counter[str]:
        """Return every process killed so far, by kind: by the nemesis and at crash points."""
        at_points = Counter[str]()
        for point, hits in self.hits().items():
            asked_for = point in _ASKED_FOR
            at_points[_DIES_AT["web" if asked_for else point.partition(".")[0]]] += hits
        return self.record.deaths + at_points

    # --- deaths ------------------------------------------------------------------------------------------------------

    def _kill_child(self, victim: str) -> None:
        stack, kind = self._rig.stack, victim.partition("-")[0]
        # Crash points are met by those who hold leases; of the other deaths some are theirs as well.
        busy = self._lease_holders() if kind == "worker" and self._dice.random() < 0.25 else None
        if stack.kill_child(victim, self._dice, busy) is not None:
            self.record.deaths[_CHILD[kind]] += 1
        else:
            # It is being started again at this moment: another one of the kind dies in its place.
            other = kind if victim.endswith("-2") else f"{kind}-2"
            if stack.kill_child(other, self._dice, busy) is not None:
                self.record.deaths[_CHILD[kind]] += 1

    def _lease_holders(self) -> set[int]:
        try:
            if self._database is None or self._database.closed:
                self._database = psycopg.connect(self._rig.database_url, autocommit=True, connect_timeout=1)
            rows = self._database.execute(
                "SELECT DISTINCT lease_owner FROM deposits_deposit WHERE lease_owner <> ''"
            )
            return {int(owner.rpartition(":")[2]) for (owner,) in rows}
        except psycopg.Error:
            self._database = None
            return set()

    def _kill(self, act: Act) -> None:
        since = time.time()
        if act.victim == "postgres":
            self._rig.servers.kill_postgres()
            self._rig.servers.start_postgres()
        else:
            self._rig.stack.kill_whole(act.victim)
        self.record.deaths[act.victim.partition("-")[0]] += 1
        self.record.windows.append(Window(act.victim, since, time.time()))

    def _lose_redis(self, _: Act) -> None:
        since = time.time()
        self._rig.servers.kill_valkey()
        time.sleep(self._dice.uniform(0.0, 1.0))
        self._rig.servers.start_valkey(wipe=True)
        self.record.deaths["redis"] += 1
        self.record.windows.append(Window("redis wiped", since, time.time()))

    def _flush_redis(self, _: Act) -> None:
        since = time.time()
        try:
            Redis.from_url(self._rig.servers.redis_url, socket_timeout=2).flushall()
        except RedisError as error:
            self.record.trouble.append(f"FLUSHALL: {error!r}")
            return
        self.record.cuts["redis flushed"] += 1
        self.record.windows.append(Window("redis wiped", since, time.time()))

    def _freeze(self, act: Act) -> None:
        """Stop a process for so many seconds, or for good where it does not live that long."""
        pid = self._rig.servers.valkey_pid if act.victim == "redis" else self._rig.stack.pid(act.victim)
        if pid is None:
            return
        frozen = [pid, *children(pid)]
        since = time.time()
        _signal_all(frozen, signal.SIGSTOP)
        try:
            time.sleep(act.seconds)
        finally:
            _signal_all(frozen, signal.SIGCONT)
        self.record.cuts[f"{act.victim} frozen"] += 1
        self.record.windows.append(Window(f"{act.victim} frozen", since, time.time()))

    # --- the carrier and the wires -----------------------------------------------------------------------------------

    def _carrier_away(self, act: Act) -> None:
        """The carrier and the bank at the same time: most of what is under way stands still."""
        away = (self._rig.to_carrier, self._rig.to_bank)
        since = time.time()
        with self._lock:
            for proxy in away:
                proxy.fault = Fault(black_hole=True) if act.victim == "hangs" else Fault(refuse=True)
            time.sleep(act.seconds)
            for proxy in away:
                proxy.heal()
        self.record.cuts[f"carrier {act.victim}"] += 1
        self.record.windows.append(Window("carrier", since, time.time()))

    def _cut(self, act: Act) -> None:
        """Set a passing fault and take it back once somebody has met it."""
        far = self._dice.choice((self._rig.to_carrier, self._rig.to_carrier, self._rig.to_bank))
        proxy = self._rig.to_database if act.victim == "database" else far
        with self._lock:
            before = proxy.hits
            if act.detail == "all":
                proxy.cut_all()
            else:
                proxy.fault = _WIRE_FAULTS[act.detail]
                deadline = time.monotonic() + _PASSING_S
                while proxy.hits == before and time.monotonic() < deadline:
                    time.sleep(0.02)
                proxy.heal()
        self.record.cuts[f"{act.victim} {act.detail}"] += proxy.hits - before


_WIRE_FAULTS = {
    "commit": Fault(cut_after_request=b"COMMIT", times=1),
    "commit-unheard": Fault(cut_after_request=b"COMMIT", wait_for_answer=False, times=1),
    "request": Fault(cut_after_request=b"POST ", times=2),
    "request-unheard": Fault(cut_after_request=b"POST ", wait_for_answer=False, times=2),
    "answer-torn": Fault(cut_after_bytes=100, times=1),
    "slow": Fault(delay_s=0.1),
}


def _signal_all(pids: list[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def await_rest(unfinished: Callable[[], int], within_s: float) -> bool:
    """Wait until nothing is unfinished any more, at most so long; return whether it came to that."""
    try:
        await_condition(lambda: unfinished() == 0, within_s=within_s, what="every deposit having ended")
    except AssertionError:
        return False
    return True
