"""A partner makes links for its players: of its own, in a range that can be deposited, the same for the same key."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from accounts.models import AuditRecord, Player
from deposits.api import link_operations
from deposits.models import HostedLink
from tests.deposits.api.calling import Api, check_problem, new_key, validator
from tests.deposits.api.conftest import MakeApi

pytestmark = pytest.mark.django_db

#: What a link has to have.
LEAST = {"minimum": 1_000, "maximum": 4_000, "currency": "GBP"}


def ask(api: Api, content: dict[str, Any] | None = None, key: str = "", player: str = "p-1") -> Any:
    path, sent = f"/api/v1/players/{player}/links", json.dumps(LEAST if content is None else content)
    return api.call("POST", path, sent, HTTP_IDEMPOTENCY_KEY=key or new_key())


@pytest.fixture
def known(api: Api) -> Api:
    """A partner with a test key that has told us about its player "p-1"."""
    told = json.dumps({"identity": "verified", "birth_date": "1990-05-17"})
    assert api.call("PUT", "/api/v1/players/p-1", told).status_code == 200
    return api


@pytest.mark.parametrize(
    ("schema", "example"), [("CreateLink", link_operations.CREATE), ("Link", link_operations.LINK)]
)
def test_the_examples_keep_to_their_schemas(schema: str, example: Any) -> None:
    assert [error.message for error in validator(schema).iter_errors(example)] == []


def test_the_same_key_makes_one_link(known: Api) -> None:
    first, again = ask(known, key="k"), ask(known, key="k")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert again["Idempotent-Replayed"] == "true"
    check_problem(ask(known, LEAST | {"maximum": 3_000}, key="k"), 422, "idempotency_key_reused")
    assert HostedLink.objects.count() == 1
    assert AuditRecord.objects.filter(action="hosted_link.made").count() == 1


def test_it_says_what_was_asked_for(known: Api) -> None:
    shown = ask(known, link_operations.CREATE | {"return_url": "https://casino.example/cashier"}).json()
    made_here = ("id", "player", "url", "created_at", "expires_at")
    assert list(shown) == list(link_operations.LINK)
    assert {k: v for k, v in shown.items() if k not in made_here} == {
        k: v for k, v in link_operations.LINK.items() if k not in made_here
    }
    lasts = datetime.fromisoformat(shown["expires_at"]) - datetime.fromisoformat(shown["created_at"])
    assert abs(lasts.total_seconds() - 900) < 60


@pytest.mark.parametrize(
    ("changes", "code", "field", "field_code"),
    [
        ({"maximum": 999}, "validation_failed", "maximum", "out_of_range"),
        ({"minimum": 0}, "validation_failed", "minimum", "out_of_range"),
        ({"expires_in": 59}, "validation_failed", "expires_in", "out_of_range"),
        ({"expires_in": 86_401}, "validation_failed", "expires_in", "out_of_range"),
        ({"state": "spent"}, "validation_failed", "state", "unknown_field"),
        ({"currency": "XXX"}, "currency_not_supported", "currency", "currency_not_supported"),
        ({"method": {"type": "card"}}, "method_not_supported", "method.type", "method_not_supported"),
        ({"method": {"type": "bank", "bank_id": "x"}}, "bank_unknown", "method.bank_id", "bank_unknown"),
        (
            {"minimum": 9_000, "maximum": 9_500, "method": {"type": "carrier_billing"}},
            "amount_out_of_range",
            "minimum",
            "amount_out_of_range",
        ),
        (
            {"return_url": "https://elsewhere.example/"},
            "return_url_not_registered",
            "return_url",
            "return_url_not_registered",
        ),
    ],
)
def test_a_link_that_would_not_work_is_refused(
    known: Api, changes: dict[str, Any], code: str, field: str, field_code: str
) -> None:
    check_problem(ask(known, LEAST | changes), 422, code, field, field_code)
    assert not HostedLink.objects.exists()


def test_nobody_makes_links_for_players_of_others(known: Api, make_api: MakeApi) -> None:
    for other in (make_api(), make_api("live", of=known)):
        check_problem(ask(other), 404, "not_found")
    reader = make_api(scopes=("players:read", "deposits:write"), of=known)
    check_problem(ask(reader), 403, "scope_missing")
    check_problem(ask(known, player="p-2"), 404, "not_found")
    assert not HostedLink.objects.exists()
    assert Player.objects.filter(external_id="p-1").count() == 1
