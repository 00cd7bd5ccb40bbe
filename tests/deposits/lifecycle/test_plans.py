"""What runs each second or for each deposit reads an index, however many deposits there are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from deposits.actions import cases
from deposits.actions.give_up import give_up_unsent
from deposits.actions.notify import match_waiting
from deposits.actions.set_aside import set_aside_poison
from deposits.actions.take_over import take_over_from_the_dead
from deposits.models import CarrierNotification, Deposit
from deposits.states import CLAIMABLE
from tests.deposits.plans import plan, reads_no_whole_table

pytestmark = pytest.mark.django_db

_ACCEPT, _CLAIM = Path("deposits/sql/accept.sql"), Path("deposits/sql/claim.sql")


def test_the_check_can_fail() -> None:
    assert not reads_no_whole_table(plan("SELECT 1 FROM deposits_deposit WHERE lease_owner = 'x'"))


def test_the_claim_reads_the_due_rows_by_index() -> None:
    second = timedelta(seconds=1)
    # In a table of few rows any index is as good as another, and the planner would take whichever comes first.
    _drop_indexes_of_deposits(but=("deposits_deposit_pkey", "deposit_due_open", "deposit_due_received"))
    found = plan(
        _CLAIM.read_text(encoding="utf-8"),
        {
            "batch": 20,
            "owner": "worker",
            "lease": second,
            "probe_every": second,
            "minute": second,
            "carriers": ["sandbox-mobile"],
            "rooms": [60],
            "states": list(CLAIMABLE),
            "checked_in": ["GB"],
            "registered_in": ["GB"],
            "repeats_always": 60,
        },
    )
    assert "deposit_due_open" in found
    assert "deposit_due_received" in found
    assert reads_no_whole_table(found)


def test_accept_looks_each_player_up_however_many_are_accepted_together() -> None:
    found = plan(
        _ACCEPT.read_text(encoding="utf-8"),
        {"deposits": "[{}, {}]", "rules": "[{}]", "patience": None, "kept": timedelta(days=40)},
    )
    # By the partner's name for them: no join that would read all players of a partner.
    assert "Index Scan using player_external_id on accounts_player" in found
    assert reads_no_whole_table(found.replace("Seq Scan on deposits_rulebook", ""))


def _drop_indexes_of_deposits(but: tuple[str, ...]) -> None:
    """Until the test's transaction is undone, leave the planner no others. The key has to be one of `but`."""
    with connection.cursor() as cursor:
        names = (
            "SELECT indexname FROM pg_indexes WHERE tablename = 'deposits_deposit' AND indexname <> ALL (%s)"
        )
        cursor.execute(names, [list(but)])
        for (name,) in cursor.fetchall():
            # Some belong to a constraint, and go with it.
            cursor.execute(f"ALTER TABLE deposits_deposit DROP CONSTRAINT IF EXISTS {name}")
            cursor.execute(f"DROP INDEX IF EXISTS {name}")


QUERIES: dict[str, Callable[[], QuerySet[Any]]] = {
    "the sweeper's look": lambda: Deposit.objects.due(["sandbox-mobile"]),
    "a notification's deposit by payment": lambda: Deposit.objects.filter(carrier_payment_id="pay-1"),
    "a notification's deposit by reference": lambda: Deposit.objects.filter(reference="D-7F3K-92QX"),
    "notifications that wait": lambda: CarrierNotification.objects.filter(
        carrier="sandbox-mobile", payment_id__in=["pay-1"], deposit=None
    ),
    "a replay": lambda: Deposit.objects.filter(client="partner:1:test", idempotency_key="key"),
}


@pytest.mark.parametrize("name", QUERIES)
def test_what_runs_often_reads_an_index(name: str) -> None:
    sql, parameters = QUERIES[name]().query.sql_with_params()
    assert reads_no_whole_table(plan(sql, parameters))


def test_giving_up_reads_an_index() -> None:
    with CaptureQueriesContext(connection) as captured:
        give_up_unsent()
    (select,) = [query["sql"] for query in captured.captured_queries if "SELECT" in query["sql"]]
    assert reads_no_whole_table(plan(select.split("FOR UPDATE")[0].replace("LIMIT 100", "")))


EACH_SECOND: dict[str, Callable[[], object]] = {
    "cases": cases.keep_up,
    "poison": set_aside_poison,
    "notifications": match_waiting,
    "dead workers": lambda: take_over_from_the_dead(["sandbox-mobile"]),
}


@pytest.mark.parametrize("name", EACH_SECOND)
def test_what_the_sweeper_keeps_up_with_reads_an_index(name: str) -> None:
    with CaptureQueriesContext(connection) as captured:
        EACH_SECOND[name]()
    statements = [query["sql"] for query in captured.captured_queries if query["sql"].startswith("SELECT")]
    assert statements
    for sql in statements:
        text = plan(sql.split("FOR UPDATE")[0].replace("%", "%%"))
        # There are few cases; of deposits, events, attempts and notifications there are millions.
        assert reads_no_whole_table(text.replace("Seq Scan on deposits_case", "")), f"{sql}\n{text}"
        # An index of all rows, read from end to end for a few of them, is no better.
        assert "Index Scan using deposits_depositevent_pkey" not in text, f"{sql}\n{text}"
        assert "Index Scan using deposits_deposit_pkey" not in text or "id = " in text, f"{sql}\n{text}"
