"""Refunds by API: every answer is held against the published schema as it comes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from accounts import api_keys
from accounts.models import LedgerAccount
from deposits.models import Deposit, Refund
from tests.deposits.admin.staging import credited
from tests.deposits.api.calling import Api, check_problem, new_key
from tests.deposits.api.conftest import change_carriers as change_carriers
from tests.deposits.api.conftest import make_api as make_api
from tests.deposits.api.conftest import rung as rung

pytestmark = pytest.mark.django_db
MakeApi = Callable[..., Api]


class Partner:
    """A partner with a deposit that was credited."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.deposit = credited(Deposit.objects.get(reference=api.create().json()["reference"]))

    def refund(self, key: str | None = None, deposit: str = "", **content: Any) -> Any:
        sent = json.dumps({"reason": "player_request", **content})
        path = f"/api/v1/deposits/{deposit or self.deposit.reference}/refunds"
        return self.api.call("POST", path, sent, HTTP_IDEMPOTENCY_KEY=key or new_key())


@pytest.fixture
def partner(make_api: MakeApi) -> Partner:
    return Partner(make_api())


def test_a_refund_is_requested_read_and_listed(partner: Partner, rung: list[None]) -> None:
    before = len(rung)
    answer = partner.refund(amount=500, note="Asked for in chat 4711.")
    assert answer.status_code == 201
    made = answer.json()
    assert (made["status"], made["amount"], made["note"]) == ("processing", 500, "Asked for in chat 4711.")
    assert answer["Location"].endswith(f"/api/v1/refunds/{made['id']}")
    assert len(rung) == before + 1
    for name in (made["id"], made["reference"]):
        assert partner.api.get(f"/api/v1/refunds/{name}").json() == made
    listed = partner.api.get(f"/api/v1/deposits/{partner.deposit.reference}/refunds").json()
    assert listed["data"] == [made]
    timeline = partner.api.get(f"/api/v1/deposits/{partner.deposit.reference}/timeline").json()
    assert [event["type"] for event in timeline["refunds"][0]["events"]] == ["requested"]


def test_without_an_amount_it_is_all_that_is_left(partner: Partner) -> None:
    assert partner.refund(amount=500).json()["amount"] == 500
    assert partner.refund().json()["amount"] == partner.deposit.amount_minor - 500
    check_problem(partner.refund(), 409, "not_possible_now")


def test_the_same_key_answers_with_the_same_refund(partner: Partner) -> None:
    key = new_key()
    first, again = partner.refund(key, amount=500), partner.refund(key, amount=500)
    assert (first.status_code, again.status_code, again["Idempotent-Replayed"]) == (201, 200, "true")
    assert first.json() == again.json()
    check_problem(partner.refund(key, amount=501), 422, "idempotency_key_reused")
    assert Refund.objects.filter(deposit=partner.deposit).count() == 1


@pytest.mark.parametrize(
    ("content", "code", "field", "field_code"),
    [
        ({"amount": 5_000}, "above_refundable", "amount", "above_refundable"),
        ({"amount": 0}, "validation_failed", "amount", "out_of_range"),
        ({"amount": -1}, "validation_failed", "amount", "out_of_range"),
        ({"amount": "500"}, "validation_failed", "amount", "wrong_type"),
        ({"amount": True}, "validation_failed", "amount", "wrong_type"),
        ({"reason": "because"}, "validation_failed", "reason", "malformed"),
        ({"note": "x" * 501}, "validation_failed", "note", "too_long"),
        ({"note": "4111 1111 1111 1111"}, "validation_failed", "note", "card_number"),
        ({"currency": "GBP"}, "validation_failed", "currency", "unknown_field"),
    ],
)
def test_what_cannot_be_refunded_is_refused_by_its_field(
    partner: Partner, content: dict[str, Any], code: str, field: str, field_code: str
) -> None:
    check_problem(partner.refund(**content), 422, code, field, field_code)
    assert not Refund.objects.filter(deposit=partner.deposit).exists()


def test_a_balance_that_does_not_cover_it_is_refused(partner: Partner) -> None:
    account = LedgerAccount.objects.filter(kind="player", player=partner.deposit.player)
    with transaction.atomic():
        account.update(balance_minor=400)
        problem = check_problem(
            partner.refund(amount=500), 422, "balance_too_low", "amount", "balance_too_low"
        )
        assert "400 minor units" in problem["detail"]
        account.update(balance_minor=partner.deposit.amount_minor)


def test_a_deposit_that_was_not_credited_is_409(partner: Partner) -> None:
    other = partner.api.create().json()["reference"]
    check_problem(partner.refund(deposit=other), 409, "not_possible_now")


def test_a_way_without_refunds_says_so(partner: Partner, change_carriers: Callable[..., None]) -> None:
    change_carriers(refund_url="")
    check_problem(partner.refund(), 422, "refund_not_offered")


def test_giving_money_back_needs_its_own_scope(partner: Partner, make_api: MakeApi) -> None:
    for scopes in (("deposits:read", "deposits:write"), ("refunds:write",)):
        limited = make_api(scopes=scopes, of=partner.api)
        path = f"/api/v1/deposits/{partner.deposit.reference}/refunds"
        answer = limited.call("POST", path, '{"reason":"fraud","amount":1}', HTTP_IDEMPOTENCY_KEY=new_key())
        if "refunds:write" in scopes:
            assert answer.status_code == 201
            check_problem(limited.get(path), 403, "scope_missing")
        else:
            assert "refunds:write" in check_problem(answer, 403, "scope_missing")["detail"]
    assert "refunds:write" in api_keys.SCOPES


def test_another_partners_refund_is_not_there(partner: Partner, make_api: MakeApi) -> None:
    made = partner.refund(amount=500).json()
    stranger = Partner(make_api())
    for name in (made["id"], made["reference"], "ref_00000000000000000000000000000000", "R-0000-0000", "x"):
        check_problem(stranger.api.get(f"/api/v1/refunds/{name}"), 404, "not_found")
    check_problem(stranger.refund(deposit=partner.deposit.reference), 404, "not_found")
