"""How large a chaos run is."""

from __future__ import annotations

from dataclasses import dataclass

from deposits.crash_points import REFUND_POINTS


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What one run must reach; less makes it void."""

    name: str
    deposits: int
    #: Processes killed with SIGKILL, PostgreSQL's and Redis's included.
    deaths: int
    postgres_deaths: int
    #: Times Redis is killed and comes back empty.
    redis_losses: int
    #: How often each crash point must be hit.
    hits: int
    #: Minutes in which the deposits are made and processes die; start and settling come on top.
    minutes: float
    seeds: int = 1

    def hits_of(self, point: str) -> int:
        """Return how often this crash point must be hit; those of refunds more seldom, as refunds are."""
        return max(self.hits // 5, 1) if point in REFUND_POINTS else self.hits


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(name="smoke", deposits=40, deaths=30, postgres_deaths=1, redis_losses=1, hits=1, minutes=0.5),
        Profile(
            name="suite",
            deposits=1_000,
            deaths=300,
            postgres_deaths=2,
            redis_losses=3,
            hits=10,
            minutes=2.5,
        ),
        Profile(
            name="default",
            deposits=2_000,
            deaths=600,
            postgres_deaths=3,
            redis_losses=5,
            hits=30,
            minutes=8.0,
        ),
        # Each of its ten seeds is a run of its own with a world of its own.
        Profile(
            name="deep",
            deposits=2_000,
            deaths=500,
            postgres_deaths=3,
            redis_losses=5,
            hits=30,
            minutes=5.0,
            seeds=10,
        ),
    )
}
