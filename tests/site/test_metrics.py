"""/metrics: for who has the token only, the same facts from everywhere, and cheap."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families

from accounts import audit, figures
from accounts.figures import LedgerWalk
from accounts.models import LedgerAccount, LedgerEntry
from deposits.models import CarrierNotification, DepositEvent, Refund
from tests.deposits.admin.staging import credited, in_review, sent
from tests.deposits.making import accepted
from tests.refunds.conftest import ask
from tests.triggers import triggers_off

TOKEN = "token-for-metrics-only"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _metrics_are_open(settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN


def scrape() -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """What /metrics says: (name, labels) → value."""
    answer = Client().get("/metrics", HTTP_AUTHORIZATION=f"Bearer {TOKEN}")
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.content.decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def value(name: str, **labels: str) -> float:
    return scrape()[(f"paysite_{name}", tuple(sorted(labels.items())))]


@pytest.mark.parametrize(
    "shown", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ü"]
)
def test_a_stranger_reads_nothing(shown: str) -> None:
    answer = Client().get("/metrics", HTTP_AUTHORIZATION=shown)
    assert answer.status_code == 401
    assert b"paysite_" not in answer.content


def test_without_a_token_there_is_nothing_at_the_address(settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    assert Client().get("/metrics", HTTP_AUTHORIZATION="Bearer ").status_code == 404


def test_open_deposits_are_counted_by_state() -> None:
    before = value("deposits", state="received"), value("deposits", state="submitting")
    accepted()
    sent(accepted())
    credited(accepted())
    assert (value("deposits", state="received"), value("deposits", state="submitting")) == (
        before[0] + 1,
        before[1] + 1,
    )
    assert ("paysite_deposits", (("state", "credited"),)) not in scrape()


def test_recent_deposits_are_counted_by_the_state_they_came_to() -> None:
    before = value("deposits_recent", state="credited")
    credited(accepted())
    assert value("deposits_recent", state="credited") == before + 1


def test_the_age_of_an_unknown_outcome_counts_from_the_first_send() -> None:
    deposit = sent(accepted())
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE deposits_deposit SET state = 'unknown', first_sent_at = now() - interval '1000 days' WHERE id = %s",
            [deposit.pk],
        )
    age = value("oldest_unknown_age_seconds", carrier="sandbox-mobile")
    assert age == pytest.approx(1_000 * 86_400, abs=60)


def test_open_refunds_are_counted_and_the_oldest_has_its_age() -> None:
    names = {name for name, _ in scrape()}
    assert {"paysite_refunds", "paysite_oldest_refund_age_seconds"} <= names
    before = value("refunds", state="approved")
    refund = ask(credited(accepted(player=f"p-{uuid.uuid4().hex[:12]}")), 500)
    Refund.objects.filter(pk=refund.pk).update(approved_at=Now() - timedelta(days=1_000))
    assert value("refunds", state="approved") == before + 1
    assert value("oldest_refund_age_seconds", carrier="sandbox-mobile") == pytest.approx(86_400_000, abs=60)
    assert ("paysite_refunds", (("state", "returned"),)) not in scrape()


def test_the_oldest_due_row_says_how_long_work_waits() -> None:
    deposit = accepted()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE deposits_deposit SET next_action_at = now() - interval '500 days' WHERE id = %s",
            [deposit.pk],
        )
    assert value("due_age_seconds", carrier="sandbox-mobile") == pytest.approx(500 * 86_400, abs=60)


def test_a_deposit_in_review_is_counted_and_ages() -> None:
    before = value("deposits", state="review")
    in_review(accepted(), 2_100)
    assert value("deposits", state="review") == before + 1
    assert value("oldest_review_age_seconds") >= 0


def test_a_lost_worker_is_counted() -> None:
    before = value("lease_takeovers_total")
    deposit = accepted()
    DepositEvent.objects.create(deposit=deposit, event="lease_lost", to_state="unknown", actor_kind="worker")
    assert value("lease_takeovers_total") == before + 1


def test_a_notification_for_nobody_is_counted() -> None:
    before = value("notifications_unmatched")
    CarrierNotification.objects.create(
        carrier="sandbox-mobile",
        source="s",
        event_id=uuid.uuid4().hex,
        kind="k",
        payment_id="nobody's",
        body="",
    )
    assert value("notifications_unmatched") == before + 1


def test_an_audit_record_without_its_seal_ages() -> None:
    while audit.seal():
        pass
    assert value("audit_unsealed_age_seconds") == 0
    audit.note("something.done", actor_kind="system")
    with connection.cursor() as cursor:
        # now() is the start of the transaction, which is the test's.
        triggers_off(cursor, "accounts_auditrecord")
        cursor.execute(
            "UPDATE accounts_auditrecord SET at = now() - interval '9 days' WHERE sealed_as IS NULL"
        )
    assert value("audit_unsealed_age_seconds") == pytest.approx(9 * 86_400, abs=1)


def test_books_that_do_not_balance_show_in_the_sum() -> None:
    assert not any(value for (name, _), value in scrape().items() if name == "paysite_ledger_sum")
    _break_the_books(17)
    assert value("ledger_sum", currency="GBP") == 17
    assert LedgerWalk().look().by_currency["GBP"] == 17


def test_the_books_are_summed_in_slices_and_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(7):
        credited(accepted())
    newest = LedgerEntry.objects.latest("id").pk
    monkeypatch.setattr(figures, "_SLICE", newest // 2)
    monkeypatch.setattr(figures, "_TAIL", 1)
    walk = LedgerWalk()
    left = [walk.look().left for _ in range(4)]
    assert left[0] > 0
    assert left[-1] == 0
    assert left == sorted(left, reverse=True)
    with CaptureQueriesContext(connection) as captured:
        walk.look()
    assert f"entry_id > {newest - 1}" in captured.captured_queries[-1]["sql"]


def test_a_breaker_shows_when_there_are_breakers() -> None:
    names = {name for name, _ in scrape()}
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('deposits_breaker')")
        (exists,) = cursor.fetchone()
        if exists is None:
            cursor.execute(
                "CREATE TABLE deposits_breaker (carrier text, operation text, state text, held boolean)"
            )
        assert "paysite_breaker_open" not in names
        cursor.execute(
            "INSERT INTO deposits_breaker (carrier, operation, state, held) VALUES ('m', 'charge', 'open', false)"
        )
    assert value("breaker_open", carrier="m", operation="charge") == 1


def test_a_database_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deposits.figures.read", _raise_away)
    told = scrape()
    assert told[("paysite_database_up", ())] == 0
    assert "paysite_due_age_seconds" not in {name for name, _ in told}


def _raise_away() -> None:
    raise OperationalError("away")


def test_requests_are_counted_by_pattern_and_never_by_address() -> None:
    Client().get(f"/api/v1/deposits/dep_{uuid.uuid4().hex}")
    counted = {
        dict(labels).get("route", "") for name, labels in scrape() if name == "paysite_request_seconds_count"
    }
    assert "api/v1/deposits/<str:deposit_id>" in counted
    assert not any("dep_" in route for route in counted)


def test_no_statement_of_a_look_reads_a_big_table_from_end_to_end() -> None:
    """With sequential scans made costly the planner finds an index for each: none is left without."""
    accepted()
    with CaptureQueriesContext(connection) as captured:
        scrape()
    for query in captured.captured_queries:
        sql = query["sql"]
        if not sql.lstrip().startswith("SELECT") or "deposits_" not in sql:
            continue
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {sql}".replace("%", "%%"))
            plan = "\n".join(row[0] for row in cursor.fetchall())
        # A breaker for each operation of a carrier: a page of rows.
        read_whole = plan.count("Seq Scan") - plan.count("Seq Scan on deposits_breaker")
        assert not read_whole, f"{sql}\n{plan}"


def _break_the_books(minor: int) -> None:
    account = LedgerAccount.objects.get_or_create(
        kind="unallocated", currency="GBP", player=None, carrier="wrong"
    )[0]
    with connection.cursor() as cursor:
        for table in ("accounts_ledgerentry", "accounts_posting"):
            triggers_off(cursor, table)
        cursor.execute(
            "WITH e AS (INSERT INTO accounts_ledgerentry (kind, source, description)"
            " VALUES ('wrong', %s, '') RETURNING id)"
            " INSERT INTO accounts_posting (entry_id, account_id, amount_minor, currency)"
            " SELECT id, %s, %s, 'GBP' FROM e",
            [uuid.uuid4(), account.pk, minor],
        )
