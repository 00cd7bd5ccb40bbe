"""Workers and live processes that end while deposits move: nothing is lost, and players see the truth."""

from __future__ import annotations

from tests.chaos_figures.backlog import IN_HAND, measure_backlog
from tests.chaos_figures.live_deaths import measure_live_deaths
from tests.chaos_figures.worker_restarts import measure_worker_restarts
from tests.stack import Stack

#: Of one kind, in the suite; by themselves the figures are measured with more (tests/chaos_figures).
STOPS = 6
DEPOSITS = 500
#: What four children of two workers claim at once, of what came later, does not wait for the unknown ones.
FIRST_CLAIMS = 160


def test_f13_deposits_wait_for_workers_and_unknowns_go_first(stack: Stack) -> None:
    figures = measure_backlog(stack, deposits=DEPOSITS)

    assert figures["accepted"] == figures["waited_in_received"] == DEPOSITS
    assert figures["credited"] == DEPOSITS + IN_HAND
    assert isinstance(figures["new_before_unknown"], int)
    assert figures["new_before_unknown"] <= FIRST_CLAIMS, figures


def test_f15_a_worker_that_is_told_to_stop_finishes_its_calls(stack: Stack) -> None:
    figures = measure_worker_restarts(stack, times=STOPS)

    wrong = {name: figures[name] for name in ("lost", "doubled", "not_charged", "cut")}
    assert wrong == dict.fromkeys(wrong, 0), figures
    assert isinstance(figures["deposits"], int)
    assert figures["deposits"] > 5 * STOPS


def test_f63_every_page_shows_the_end_though_live_dies(stack: Stack) -> None:
    figures = measure_live_deaths(stack, deaths=4, watchers=12)

    assert figures["shown"] == 12, figures
    assert isinstance(figures["streams_lost"], int)
    assert figures["streams_lost"] > 0, figures
