"""The closed loop: what came from where, what went back, and what a partner may pay out to where."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.db import Error, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import ledger
from accounts.models import AuditRecord, Player, User
from deposits import rule_sets
from deposits.actions.closed_loop import sources
from deposits.models import Deposit, Withdrawal
from tests.deposits.admin.staging import credited, declined
from tests.deposits.api.calling import Api, body, check_problem, new_key
from tests.deposits.api.conftest import MakeApi
from tests.deposits.plans import plan

pytestmark = pytest.mark.django_db

PLAYER = "p-loop"
PATH = f"/api/v1/players/{PLAYER}"
BILL = {"type": "carrier_billing", "phone_number": "+447700900001"}
OTHER_BILL = {"type": "carrier_billing", "phone_number": "+447700900002"}
BANK = {"type": "bank", "bank_id": "sandbox-bank"}


def deposit(api: Api, amount: int = 2_000, method: dict[str, str] = BILL) -> Deposit:
    answer = api.create(body(player=PLAYER, amount=amount, method=method))
    assert answer.status_code == 201, answer.content
    return Deposit.objects.get(reference=answer.json()["reference"])


def sources_of(api: Api) -> list[dict[str, Any]]:
    answer = api.get(f"{PATH}/sources")
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def pay_out(api: Api, source: str, amount: Any, key: str = "", path: str = PATH, **more: Any) -> Any:
    sent = json.dumps({"source": source, "amount": amount, **more})
    return api.call("POST", f"{path}/withdrawals", sent, HTTP_IDEMPOTENCY_KEY=key or new_key())


@pytest.fixture
def source(api: Api) -> str:
    """A source of £20 of the player's."""
    credited(deposit(api))
    (only,) = sources_of(api)
    name: str = only["id"]
    return name


def test_what_was_credited_is_told_by_number_and_bank(api: Api) -> None:
    credited(deposit(api, 2_000))
    credited(deposit(api, 1_500))
    declined(deposit(api, 900))
    credited(deposit(api, 3_000, OTHER_BILL))
    credited(deposit(api, 5_000, BANK))
    deposit(api, 700)
    told = sources_of(api)
    bill = {"type": "carrier_billing", "carrier": "sandbox-mobile"}
    assert [(one["method"], one["currency"], one["taken"], one["left"]) for one in told] == [
        ({"type": "bank", "bank_id": "sandbox-bank", "bank": "Sandbox Bank"}, "GBP", 5_000, 5_000),
        ({**bill, "phone_number": "+44******001"}, "GBP", 3_500, 3_500),
        ({**bill, "phone_number": "+44******002"}, "GBP", 3_000, 3_000),
    ]
    assert sources_of(api) == told


def test_withdrawals_are_read_back_one_and_in_pages(api: Api, source: str) -> None:
    made = [pay_out(api, source, amount) for amount in (500, 600, 700)]
    for answer in made:
        assert api.get(answer["Location"].removeprefix(settings.BASE_URL)).json() == {
            **answer.json(),
            "source": made[-1].json()["source"],
        }
    first = api.get(f"{PATH}/withdrawals?limit=2").json()
    assert [one["amount"] for one in first["data"]] == [700, 600]
    second = api.get(f"{PATH}/withdrawals?limit=2&after={first['next_cursor']}").json()
    assert ([one["amount"] for one in second["data"]], second["next_cursor"]) == ([500], None)


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("limit=0", "malformed"),
        ("limit=101", "malformed"),
        ("after=wdr_1", "malformed"),
        ("after=", "malformed"),
        ("status=paid", "unknown_field"),
        ("limit=1&limit=2", "repeated"),
    ],
)
def test_a_page_that_cannot_be_is_refused_by_name(api: Api, source: str, query: str, wrong: str) -> None:
    refused = api.get(f"{PATH}/withdrawals?{query}")
    check_problem(refused, 400, "query_invalid", query.split("=")[0], wrong)
    assert api.get(f"{PATH}/withdrawals?limit=1").status_code == 200


def test_a_withdrawal_is_nobody_elses(api: Api, make_api: MakeApi, source: str) -> None:
    name = pay_out(api, source, 500).json()["id"]
    stranger = make_api()
    assert stranger.create(body(player=PLAYER)).status_code == 201
    check_problem(stranger.get(f"{PATH}/withdrawals/{name}"), 404, "not_found")
    assert stranger.get(f"{PATH}/withdrawals").json()["data"] == []
    check_problem(api.get(f"{PATH}/withdrawals/wdr_1"), 404, "not_found")


def test_a_withdrawal_is_counted_once_per_key_and_leaves_less(api: Api, source: str) -> None:
    key = new_key()
    answer = pay_out(api, source, 1_200, key, partner_reference="payout-1")
    assert answer.status_code == 201
    made = answer.json()
    assert (made["amount"], made["returned"], made["rest"], made["rest_to"]) == (1_200, 1_200, 0, None)
    assert (made["source"]["withdrawn"], made["source"]["left"]) == (1_200, 800)
    again = pay_out(api, source, 1_200, key, partner_reference="payout-1")
    assert (again.status_code, again["Idempotent-Replayed"], again.json()) == (200, "true", made)
    check_problem(pay_out(api, source, 800, key), 422, "idempotency_key_reused")
    player = Player.objects.get(external_id=PLAYER)
    assert ledger.player_balance_minor(player.pk, "GBP") == 800
    assert list(ledger.verify()) == []
    (noted,) = AuditRecord.objects.filter(action="withdrawal.recorded")
    assert (noted.subject, noted.after["amount_minor"], noted.actor) == (str(player.pk), 1_200, api.key[:16])


def test_more_than_is_left_is_refused_unless_the_partner_says_where_the_rest_went(
    api: Api, source: str
) -> None:
    problem = check_problem(pay_out(api, source, 2_001), 422, "above_source", "amount", "above_source")
    assert "At most 2000 minor units" in problem["detail"]
    assert not Withdrawal.objects.exists()
    made = pay_out(api, source, 9_000, rest_to="bank transfer").json()
    assert (made["returned"], made["rest"], made["rest_to"]) == (2_000, 7_000, "bank transfer")
    assert made["source"]["left"] == 0
    check_problem(pay_out(api, source, 1), 422, "above_source")
    # What was won is not in our books, and is not taken from them.
    assert ledger.player_balance_minor(Player.objects.get(external_id=PLAYER).pk, "GBP") == 0


def test_what_goes_back_by_refund_is_not_left_to_withdraw_and_the_other_way_round(
    api: Api, source: str, change_carriers: Any
) -> None:
    change_carriers(refund_url="http://127.0.0.1:9/refunds")
    paid = Deposit.objects.get()
    refund = api.act(paid.reference, "refunds", {"amount": 500, "reason": "goodwill"})
    assert refund.status_code == 201
    (told,) = sources_of(api)
    assert (told["taken"], told["refunded"], told["left"]) == (2_000, 500, 1_500)
    assert pay_out(api, source, 1_400).status_code == 201
    too_much = api.act(paid.reference, "refunds", {"amount": 101, "reason": "goodwill"})
    check_problem(too_much, 422, "balance_too_low")


def test_what_the_carrier_took_back_is_not_left(api: Api, source: str) -> None:
    Deposit.objects.update(reversed_at=datetime(2026, 11, 22, tzinfo=UTC))
    assert sources_of(api) == []


def test_limits_of_net_deposits_count_it_and_gross_ones_do_not(api: Api, source: str) -> None:
    rule: dict[str, Any] = {
        "code": "net-of-test",
        "jurisdiction": "GB",
        "subject": "player",
        "currency": "GBP",
        "measure": "net",
        "window": "rolling",
        "length": "30 days",
        "amount": 3_000,
        "zone": "Europe/London",
        "effective_from": datetime(2018, 1, 1, tzinfo=UTC),
        "source": "a test",
    }
    rule_sets.add(rule, "a test")
    check_problem(api.create(body(player=PLAYER, method=BILL)), 422, "limit_would_exceed")
    assert pay_out(api, source, 1_500, rest_to="cheque").status_code == 201
    assert api.create(body(player=PLAYER, method=BILL)).status_code == 201
    rule_sets.add({**rule, "measure": "gross", "amount": 4_000, "code": "gross-of-test"}, "a test")
    check_problem(api.create(body(player=PLAYER, method=BILL, amount=100)), 422, "limit_reached")


def test_only_the_players_partner_with_the_scope_is_let_in(api: Api, source: str, make_api: MakeApi) -> None:
    other = make_api()
    check_problem(other.get(f"{PATH}/sources"), 404, "not_found")
    check_problem(pay_out(other, source, 100), 404, "not_found")
    live = make_api("live", of=api)
    check_problem(pay_out(live, source, 100), 404, "not_found")
    without = make_api(scopes=("deposits:write", "players:read", "players:write", "refunds:write"), of=api)
    assert "withdrawals:write" in check_problem(pay_out(without, source, 100), 403, "scope_missing")["detail"]
    writing = make_api(scopes=("withdrawals:write",), of=api)
    assert "players:read" in check_problem(writing.get(f"{PATH}/sources"), 403, "scope_missing")["detail"]
    assert not Withdrawal.objects.exists()
    assert pay_out(writing, source, 100).status_code == 201


def test_a_source_of_somebody_else_is_unknown(api: Api, source: str) -> None:
    credited(Deposit.objects.get(reference=api.create(body(player="p-other")).json()["reference"]))
    other = api.get("/api/v1/players/p-other/sources").json()["data"][0]["id"]
    assert other != source
    check_problem(pay_out(api, other, 100), 422, "source_unknown", "source", "source_unknown")


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"amount": 0}, "amount", "out_of_range"),
        ({"amount": "100"}, "amount", "wrong_type"),
        ({"source": "src_1"}, "source", "malformed"),
        ({"rest_to": ""}, "rest_to", "malformed"),
        ({"rest_to": "card 4111 1111 1111 1111"}, "rest_to", "card_number"),
        ({"currency": "GBP"}, "currency", "unknown_field"),
    ],
)
def test_what_is_wrong_is_named(api: Api, source: str, change: dict[str, Any], field: str, code: str) -> None:
    sent = {"source": source, "amount": 100, **change}
    check_problem(
        pay_out(api, sent.pop("source"), sent.pop("amount"), **sent), 422, "validation_failed", field, code
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE deposits_withdrawal SET returned_minor = 0",
        "DELETE FROM deposits_withdrawal",
        "TRUNCATE deposits_withdrawal",
    ],
)
def test_a_withdrawal_never_changes(api: Api, source: str, statement: str) -> None:
    pay_out(api, source, 100)
    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert Withdrawal.objects.get().returned_minor == 100


def test_it_reads_the_players_own_rows_by_index(api: Api, source: str) -> None:
    with CaptureQueriesContext(connection) as asked:
        sources(Player.objects.get(external_id=PLAYER).pk)
    statements = [one["sql"] for one in asked if "GROUP BY" in one["sql"]]
    assert len(statements) == 4
    for sql in statements:
        assert "Seq Scan" not in plan(sql), f"{sql}\n{plan(sql)}"


def test_staff_see_it_on_the_players_page(api: Api, source: str) -> None:
    made = pay_out(api, source, 2_500, rest_to="bank transfer", partner_reference="payout-9").json()
    client = Client()
    client.force_login(User.objects.create_superuser("loop-staff"))
    player = Player.objects.get(external_id=PLAYER)
    page = client.get(f"/admin/accounts/player/{player.pk}/change/").content.decode()
    loop = page[page.index("Where deposits came from") :]
    for told in ("+44******001", "£20.00", made["id"], "payout-9", "£25.00", "£5.00", "bank transfer"):
        assert told in loop, told
