"""F54: after a fail-over the new primary's clock is behind or ahead: a lease looks longer or shorter than it is.

There is no second database server here: the statements meet another clock through a schema whose `now()` comes first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.db import connection

from deposits.models import Deposit
from deposits.states import State
from tests.deposits.lifecycle.test_claim_and_record import answer, approved, claim, credits, state
from tests.deposits.making import accepted

pytestmark = pytest.mark.usefixtures("committed")

BEHIND_S = -5
#: A lease that has just begun is over by this clock.
AHEAD_S = settings.TIME_LIMITS.lease + 1


@contextmanager
def clock_moved_by(seconds: float) -> Iterator[None]:
    """Let the statements of this connection read a clock that is ahead by so much."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS moved_clock")
        cursor.execute(
            "CREATE OR REPLACE FUNCTION moved_clock.now() RETURNS timestamptz LANGUAGE sql STABLE "
            f"RETURN pg_catalog.now() + interval '{seconds} s'"
        )
        cursor.execute("SET search_path TO moved_clock, pg_catalog, public")
        try:
            yield
        finally:
            cursor.execute("RESET search_path")


@pytest.fixture
def deposit() -> Deposit:
    return accepted("410")


def test_f54_a_clock_behind_makes_a_lease_longer_and_takes_nothing_from_its_owner(deposit: Deposit) -> None:
    (first,) = claim(deposit)
    with clock_moved_by(BEHIND_S):
        assert claim(deposit, owner="worker-2") == []
        answer(first, approved(first))
    assert (state(deposit), credits(deposit)) == (State.CREDITED, 1)


def test_f54_two_owners_by_two_clocks_and_only_the_newest_epoch_counts(deposit: Deposit) -> None:
    (first,) = claim(deposit)
    with clock_moved_by(AHEAD_S):
        (second,) = claim(deposit, owner="worker-2")
    assert second.lease_epoch == first.lease_epoch + 1
    # By the clock of the old primary the first worker's lease still runs. It is the epoch that it has lost.
    answer(first, approved(first))
    assert (state(deposit), credits(deposit)) == (State.UNKNOWN, 0)
    with clock_moved_by(BEHIND_S):
        answer(second, approved(second))
    assert (state(deposit), credits(deposit)) == (State.CREDITED, 1)
