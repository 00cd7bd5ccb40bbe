"""The list's filters: what they select, what they refuse, and that each has an index."""

from __future__ import annotations

import uuid
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from deposits.models import Deposit
from deposits.references import new_reference
from tests.deposits.admin.staging import LIST, declined, in_review, sent
from tests.deposits.making import accepted, partner
from tests.deposits.ui.banks import from_bank


def listed(staff: Client, **query: object) -> str:
    response = staff.get(f"{LIST}?{urlencode(query)}")
    assert response.status_code == 200
    return response.content.decode()


def test_each_filter_selects_its_own(staff: Client, deposit: Deposit) -> None:
    no = declined(accepted("002", partner_id=deposit.partner_id, amount_minor=3_500))
    held = in_review(accepted("015", partner_id=deposit.partner_id), 2_100)
    mine = {"partner": deposit.partner_id}
    paid_from_bank = from_bank(partner_id=deposit.partner_id)
    soon = timezone.localtime() + timedelta(minutes=2)
    for query, found in (
        ({}, {deposit, no, held, paid_from_bank}),
        ({"method": "bank"}, {paid_from_bank}),
        ({"method": "carrier_billing"}, {deposit, no, held}),
        ({"carrier": "sandbox-bank"}, {paid_from_bank}),
        ({"state": "credited"}, {deposit}),
        ({"state": "declined"}, {no}),
        ({"state": "open"}, {held, paid_from_bank}),
        ({"reason": "carrier_declined"}, {no}),
        ({"carrier": "sandbox-mobile"}, {deposit, no, held}),
        ({"carrier": "gone-mobile"}, set()),
        ({"amount_from": "30"}, {no}),
        ({"amount_to": "20.00"}, {deposit, held, paid_from_bank}),
        ({"view": "paid_not_credited"}, {held}),
        ({"view": "stuck"}, set()),
        ({"player": deposit.player_id}, {deposit}),
        ({"created_to": soon.strftime("%Y-%m-%dT%H:%M")}, {deposit, no, held, paid_from_bank}),
        ({"created_from": soon.strftime("%Y-%m-%dT%H:%M")}, set()),
    ):
        page = listed(staff, **mine, **query)
        assert {one for one in (deposit, no, held, paid_from_bank) if one.reference in page} == found, query


def test_a_deposit_is_stuck_after_ten_minutes(staff: Client) -> None:
    owner = partner()
    new = sent(accepted("014", partner_id=owner.pk))
    old = copy_of(new, timedelta(minutes=11))
    page = listed(staff, partner=owner.pk, view="stuck")
    assert old in page
    assert new.reference not in page


@pytest.mark.parametrize(
    "query",
    [
        "order=password",
        "o=-1",
        "ordering=created_at",
        "player__user__password__startswith=pbkdf2",
        "phone_number__startswith=%2B4477",
        "id__gt=0",
        "all=",
        "p=2",
        "e=1",
        "_popup=1",
        "_to_field=phone_number",
    ],
)
def test_what_is_not_a_filter_is_refused_and_never_asked(staff: Client, deposit: Deposit, query: str) -> None:
    with CaptureQueriesContext(connection) as asked:
        response = staff.get(f"{LIST}?{query}")
    assert response.status_code == 400
    assert not [one for one in asked.captured_queries if 'FROM "deposits_deposit"' in one["sql"]]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("amount_from=abc", "Write the amount like 12.50."),
        ("created_from=yesterday", "Write the time like"),
        ("amount_from=20&amount_to=10", "below the one it starts from"),
        ("state=paid", "Select a valid choice"),
        ("partner=1%20OR%201", "Select a valid choice"),
    ],
)
def test_a_wrong_value_is_named_and_shows_nothing(
    staff: Client, deposit: Deposit, query: str, told: str
) -> None:
    page = staff.get(f"{LIST}?{query}").content.decode()
    assert told in page
    assert deposit.reference not in page


def test_pages_follow_one_another_without_gaps(staff: Client) -> None:
    owner = partner()
    newest = accepted("001", partner_id=owner.pk)
    made = [copy_of(newest, timedelta(seconds=200 - n)) for n in range(119)] + [newest.reference]
    seen: list[str] = []
    address, back = f"{LIST}?partner={owner.pk}", ""
    for _ in range(3):
        page = staff.get(address)
        seen += [row[0][1].value for row in page.context["cl"].rows]
        back, address = page.context["cl"].paginator.newer, LIST + page.context["cl"].paginator.older
    assert seen == made[::-1]
    assert page.context["cl"].paginator.older == ""
    before = staff.get(LIST + back).context["cl"]
    assert [row[0][1].value for row in before.rows] == made[::-1][50:100]
    assert "120 deposits" in page.content.decode()


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ({}, "deposits_deposit_pkey"),
        ({"state": "review"}, "deposit_by_state"),
        ({"state": "open", "view": "stuck"}, "deposit_by_state"),
        ({"view": "paid_not_credited"}, "deposit_by_state"),
        ({"method": "bank"}, "deposit_by_bank"),
        ({"carrier": "retired-mobile"}, "deposit_by_carrier"),
        ({"reason": "carrier_spend_cap"}, "deposit_by_reason"),
        ({"partner": "rare"}, "deposit_by_partner"),
        ({"player": "rare"}, "deposit_by_player"),
        ({"amount_from": "39.99"}, "deposit_by_amount"),
        ({"created_from": "2001-01-01", "created_to": "2001-01-02"}, "deposits_deposit_pkey"),
        ({"q": "+447700900001"}, "deposit_by_phone"),
        ({"q": "order-of-many"}, "deposit_by_partner_ref"),
        ({"q": "key-of-many"}, "deposit_idempotency"),
        ({"q": "pay-of-many"}, "deposit_by_payment"),
        ({"q": "consent-of-many"}, "deposit_by_consent"),
        ({"q": "D-ABCD-EFGH"}, "deposit_reference"),
        ({"q": "p-rare"}, "player_external_id"),
    ],
)
def test_each_filter_and_search_has_an_index(
    staff: Client, many: dict[str, int], query: dict[str, str], index: str
) -> None:
    asked = {name: many.get(name, value) if value == "rare" else value for name, value in query.items()}
    with CaptureQueriesContext(connection) as captured:
        staff.get(f"{LIST}?{urlencode(asked)}")
    # The count of a small table may read it from end to end: it is bounded, and the planner knows best.
    reads = [one["sql"] for one in captured.captured_queries if one["sql"].startswith(("SELECT", "(SELECT"))]
    plans = "\n".join(plan(sql) for sql in reads if "COUNT(" not in sql)
    assert index in plans, plans
    assert "Seq Scan on deposits_deposit" not in plans


@pytest.fixture
def many(db: None) -> dict[str, int]:
    """A few thousand deposits, so that the planner has something to choose; most of one carrier, player and amount."""
    common = accepted("001", player="p-common")
    rare = accepted("003", player="p-rare")
    with connection.cursor() as cursor:
        cursor.execute(_MANY, [common.partner_id, common.player_id])
        cursor.execute(
            "UPDATE deposits_deposit SET state = 'cancelled' WHERE client = 'many' AND amount_minor > 1040"
        )
        cursor.execute(
            "UPDATE deposits_deposit SET state = 'submitting' WHERE client = 'many' AND state = 'received'"
        )
        cursor.execute(
            "UPDATE deposits_deposit SET state = 'review' WHERE client = 'many' AND amount_minor < 1020"
        )
        cursor.execute(
            "UPDATE deposits_deposit SET state = 'declined', reason_code = 'carrier_spend_cap' WHERE client = 'many'"
            " AND amount_minor BETWEEN 1020 AND 1040"
        )
        cursor.execute("ANALYZE deposits_deposit")
        # The players of a test fit on a page; a test is not to depend on that.
        cursor.execute("SET LOCAL enable_seqscan = off")
    return {"partner": rare.partner_id, "player": rare.player_id}


def plan(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}".replace("%", "%%"))
        return "\n".join(row[0] for row in cursor.fetchall())


def copy_of(model: Deposit, age: timedelta) -> str:
    """Insert a deposit like `model` accepted `age` ago, and return its reference. A time of creation never changes."""
    at = timezone.now() - age
    values = {field.attname: getattr(model, field.attname) for field in Deposit._meta.concrete_fields}
    milliseconds = int(at.timestamp() * 1_000)
    identity = uuid.UUID(
        int=(milliseconds << 80) | (0x7 << 76) | (0x2 << 62) | (uuid.uuid4().int & ((1 << 62) - 1))
    )
    reference = new_reference()
    changed = {"id": identity, "reference": reference, "created_at": at, "idempotency_key": uuid.uuid4().hex}
    Deposit.objects.create(**values | changed | {"state": "received"})
    return reference


_MANY = """
INSERT INTO deposits_deposit (
    id, reference, partner_id, player_id, partner_reference, return_url, client, idempotency_key, idempotency_hash,
    request_id, amount_minor, currency, method_type, phone_number, carrier, carrier_payment_id, authorization_id,
    one_time_code, state, reason_code, carrier_code, next_step, next_action_at, lease_owner, counted_on, created_at)
SELECT (lpad(to_hex((extract(epoch FROM now() - n * interval '1 s') * 1000)::bigint), 12, '0') || '7'
        || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid,
    'M-' || n, %s, %s, 'order-' || n, '', 'many', 'key-' || n, '', '', 1000 + n %% 3000, 'GBP', 'carrier_billing',
    '+4477009' || lpad(n::text, 5, '0'), CASE WHEN n %% 500 = 0 THEN 'retired-mobile' ELSE 'sandbox-mobile' END,
    'pay-' || n, '', '', 'received', '', '', 'authorise', now(), '', current_date,
    now() - n * interval '1 s'
FROM generate_series(1, 4000) AS n
"""
