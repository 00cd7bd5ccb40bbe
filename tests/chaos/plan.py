"""What the nemesis will do and when: drawn from the seed before anything starts, and nothing but data."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from deposits.crash_points import POINTS, REFUND_POINTS
from tests.chaos.profiles import Profile

#: Deaths at crash points are planned a little above what is asked for: some may be armed too late to be met.
_SPARE_HITS = 1
#: And so are the others: now and then a victim is just being started again.
_SPARE_DEATHS = 3
#: Nothing is planned before and after these shares of the time: processes must first be at work, and then recover.
_FIRST, _LAST = 0.03, 0.9


@dataclass(frozen=True, order=True)
class Act:
    """One thing that is done: when, in seconds from the start of the load; what; to whom; how (seconds or a name)."""

    at_s: float
    kind: str
    victim: str = ""
    detail: str = ""
    seconds: float = 0.0


#: What takes everybody's time is done one at a time, so that each effect can be measured: (kind, victim, for each
#: hundred deaths, seconds).
_HEAVY = (
    ("kill", "worker", 0.4, 0.0),
    ("kill", "worker-2", 0.3, 0.0),
    ("kill", "web", 0.3, 0.0),
    ("kill", "web-2", 0.3, 0.0),
    ("kill", "live", 0.3, 0.0),
    ("freeze", "redis", 0.5, 2.0),
    ("flush", "redis", 0.5, 0.0),
    # Longer than a lease: others take over, and what wakes up then must not matter any more.
    ("freeze", "worker", 0.3, 7.5),
    ("carrier", "hangs", 0.4, 4.0),
    ("carrier", "refuses", 0.3, 3.0),
)
#: Connections that are cut or held up in passing, for each hundred deaths: (whose, how).
_CUTS = (
    ("database", "all", 3.0),
    ("database", "commit", 5.0),
    ("database", "commit-unheard", 2.0),
    ("database", "slow", 1.0),
    ("carrier", "all", 2.0),
    ("carrier", "request", 4.0),
    ("carrier", "request-unheard", 3.0),
    ("carrier", "answer-torn", 3.0),
    ("carrier", "slow", 1.0),
)
#: Who dies when no crash point is meant, by weight. Children of a worker and of a web server die most.
_LIGHT = {
    "worker": 10,
    "worker-2": 10,
    "web": 2,
    "web-2": 2,
    "live": 1,
    "live-2": 1,
    "sweeper": 1,
    "sweeper-2": 1,
}


def load_seconds(profile: Profile) -> float:
    """Seconds in which deposits are made and processes die."""
    return profile.minutes * 60


def draw(profile: Profile, seed: int) -> list[Act]:
    """Return the acts of one run in the order of their times. The same profile and seed give the same plan."""
    dice = random.Random(f"{seed} plan")
    ends_s = load_seconds(profile)
    heavy = _heavy(profile, dice)
    cuts = [
        Act(_some_time(dice, ends_s), "cut", whose, how)
        for whose, how, share in _CUTS
        for _ in range(_count(share, profile))
    ]
    armed = [
        Act(_some_time(dice, ends_s), "arm", point, str(number))
        for point in POINTS + REFUND_POINTS
        for number in range(profile.hits_of(point) + _SPARE_HITS)
    ]
    killed = sum(act.kind in ("kill", "lose") for act in heavy)
    left = profile.deaths - killed - sum(map(profile.hits_of, POINTS + REFUND_POINTS))
    victims = dice.choices(list(_LIGHT), list(_LIGHT.values()), k=max(left, 0) + _SPARE_DEATHS)
    children = [Act(_some_time(dice, ends_s), "child", victim) for victim in victims]
    return sorted(heavy + cuts + armed + children)


def _heavy(profile: Profile, dice: random.Random) -> list[Act]:
    acts = [
        Act(0.0, kind, victim, seconds=seconds)
        for kind, victim, share, seconds in _HEAVY
        for _ in range(_count(share, profile))
    ]
    acts += [Act(0.0, "kill", "postgres")] * profile.postgres_deaths
    acts += [Act(0.0, "lose", "redis")] * profile.redis_losses
    dice.shuffle(acts)
    first_s, last_s = (share * load_seconds(profile) for share in (_FIRST, _LAST))
    slot_s = (last_s - first_s) / len(acts)
    return [
        Act(
            round(first_s + (number + dice.uniform(0.1, 0.3)) * slot_s, 3),
            act.kind,
            act.victim,
            seconds=act.seconds,
        )
        for number, act in enumerate(acts)
    ]


def _count(share: float, profile: Profile) -> int:
    return max(1, round(share * profile.deaths / 100))


def _some_time(dice: random.Random, ends_s: float) -> float:
    return round(dice.uniform(_FIRST, _LAST) * ends_s, 3)


def summary(acts: list[Act]) -> Counter[str]:
    """Return how often what is planned, "kill postgres" and the like."""
    return Counter(f"{act.kind} {act.victim}" for act in acts)
