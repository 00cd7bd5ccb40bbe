"""Failed requests while all is restarted under load (F56): `python -m tests.chaos_figures.rolling_restart`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.chaos_figures.load import Load, percentile
from tests.chaos_figures.standing import Figures, report
from tests.stack import Stack, await_condition

RESTARTS = 6
LEAST_REQUESTS = 3_000
#: Of what the site can take.
LOAD_SHARE = 0.6
# No more at a time than one instance takes, so that the queue is short while the other one is away.
_CLIENTS = 6
_CALIBRATION_S = 4.0
_TIERS = ("web", "live", "worker", "sweeper")


def measure_rolling_restart(
    stack: Stack, *, restarts: int = RESTARTS, least_requests: int = LEAST_REQUESTS, rate: float | None = None
) -> Figures:
    """Restart every process of a balanced stack `restarts` times, one instance after the other, under load.

    The load is 60 % of what the site takes at the moment, or `rate` requests per second. `failed` counts every request
    that was not answered as it should be, `busy` the ones among them that were told to come again (503, Retry-After).
    """
    if rate is None:
        trial = Load(stack.base_url, stack.api_key, clients=_CLIENTS).run_for(_CALIBRATION_S)
        rate = LOAD_SHARE * (len(trial.accepted_s) + trial.read) / trial.elapsed_s
    load = Load(stack.base_url, stack.api_key, clients=_CLIENTS, rate=rate).start()
    longest = dict.fromkeys(_TIERS, 0.0)
    for _ in range(restarts):
        for number in range(stack.site.instances):
            names = stack.programs_of(*_TIERS)[number * len(_TIERS) : (number + 1) * len(_TIERS)]
            for tier, took_s in zip(_TIERS, _restart(stack, names), strict=True):
                longest[tier] = max(longest[tier], took_s)
    await_condition(
        lambda: load.tally.requests >= least_requests,
        within_s=least_requests / rate + 60,
        what="enough requests",
    )
    tally = load.stop()
    return {
        "rolling_restarts": restarts,
        "processes_restarted": restarts * stack.site.instances * len(_TIERS),
        "requests": tally.requests,
        "requests_per_s": round(tally.requests / tally.elapsed_s, 1),
        "failed": tally.busy + sum(tally.failed.values()),
        "busy": tally.busy,
        "how": dict(tally.failed),
        "accepted": len(tally.accepted),
        "accepted_p99_s": round(percentile(tally.accepted_s, 0.99), 3),
        **{f"longest_stop_{tier}_s": round(seconds, 2) for tier, seconds in longest.items()},
    }


def _restart(stack: Stack, names: list[str]) -> list[float]:
    """Stop these programs at once, as one host's, start them again; return how long each took to stop, in seconds."""
    with ThreadPoolExecutor(max_workers=len(names)) as together:
        took_s = list(together.map(stack.end, names))
        list(together.map(stack.begin, names))
    return took_s


if __name__ == "__main__":
    report(measure_rolling_restart)
