"""What is kept of the service at ten times the load (F57): `python -m tests.chaos_figures.overload`."""

from __future__ import annotations

import csv

from tests.chaos_figures.load import Load, percentile
from tests.chaos_figures.standing import Figures, report
from tests.stack import Stack, http

CLIENTS = 32
TIMES = 10
SECONDS = 10.0
_WARM_UP_S = 3.0


def measure_overload(
    stack: Stack, *, clients: int = CLIENTS, times: int = TIMES, seconds: float = SECONDS
) -> Figures:
    """Let `clients` ask without a pause, then `times` as many who do not even wait when they are told to.

    Goodput is deposits accepted per second. `most_at_once` is what the balancer let through to one instance.
    """
    Load(stack.base_url, stack.api_key, clients=clients).run_for(_WARM_UP_S)
    usual = Load(stack.base_url, stack.api_key, clients=clients, patient=False).run_for(seconds)
    surge = Load(stack.base_url, stack.api_key, clients=clients * times, patient=False).run_for(seconds)
    return {
        "clients": clients,
        "clients_in_surge": clients * times,
        "goodput_per_s": round(usual.accepted_per_s(), 1),
        "goodput_in_surge_per_s": round(surge.accepted_per_s(), 1),
        "goodput_kept": round(surge.accepted_per_s() / usual.accepted_per_s(), 3),
        "accepted_p99_s": round(percentile(usual.accepted_s, 0.99), 3),
        "accepted_p99_in_surge_s": round(percentile(surge.accepted_s, 0.99), 3),
        "busy": usual.busy,
        "busy_in_surge": surge.busy,
        "busy_p99_in_surge_s": round(percentile(surge.busy_s, 0.99), 3),
        "failed": sum(usual.failed.values()) + sum(surge.failed.values()),
        "how": dict(usual.failed + surge.failed),
        "most_at_once": most_at_once(stack),
    }


def most_at_once(stack: Stack) -> int:
    """The most requests that the balancer has had open with one web instance since it began."""
    text = http("GET", f"{stack.site.figures_url}/stats;csv").body
    rows = csv.DictReader(text.removeprefix("# ").splitlines())
    return max(int(row["smax"]) for row in rows if row["svname"].startswith("web-"))


if __name__ == "__main__":
    report(measure_overload)
