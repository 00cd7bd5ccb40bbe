"""Consent: what the player was told and agreed to is kept with each deposit, and told to whoever has to prove it."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Player
from deposits import limits, transitions
from deposits.actions.accept import accept
from deposits.models import Deposit, Rule
from deposits.states import Event
from tests.deposits import making
from tests.deposits.api.calling import DEPOSITS, Api, body, check_problem, new_key
from tests.deposits.api.conftest import MakeApi

pytestmark = pytest.mark.django_db

SHOWN = {"words": "Deposit £20 by phone bill", "language": "en-GB"}


def consent(api: Api, shown: dict[str, Any]) -> dict[str, Any]:
    answer = api.get(f"{DEPOSITS}/{shown['id']}/consent")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


def test_what_the_partner_showed_is_kept_with_price_number_time_and_rules(api: Api) -> None:
    sent = body(consent=SHOWN)
    shown = api.create(sent).json()
    told = consent(api, shown)
    assert (told["shown_by"], told["words"], told["language"]) == ("partner", *SHOWN.values())
    assert (told["amount"], told["currency"], told["method"]) == (2_000, "GBP", shown["method"])
    assert told["at"] >= shown["created_at"]
    assert {"gb-psr-payment", "gb-rts12b-own-24h"} <= {one["rule"] for one in told["rules"]}
    for one in told["rules"]:
        assert Rule.objects.filter(code=one["rule"], version=one["version"], source=one["source"]).exists()
    assert (told["proofs"], told["own_limits"]) == ([], [])


def test_without_the_words_it_says_that_the_partner_showed_something(api: Api) -> None:
    told = consent(api, api.create().json())
    assert (told["shown_by"], told["words"], told["language"]) == ("partner", None, None)


def test_a_code_and_the_players_own_limits_are_part_of_it(api: Api) -> None:
    sent = body()
    first = api.create(sent).json()
    player = Player.objects.get(external_id=sent["player"])
    limits.set_own_limit(player.pk, "week", 9_000, actor_kind="player", actor="p")
    second = api.create(sent).json()
    deposit = Deposit.objects.get(reference=second["reference"])
    for event in (Event.SENDING, Event.CODE_REQUIRED, Event.CODE_ENTERED):
        transitions.move(deposit, event, actor_kind="worker", actor="tests")
    told = consent(api, second)
    assert [one["type"] for one in told["proofs"]] == ["code_required", "code_entered"]
    assert told["own_limits"] == [{"period": "week", "amount": 9_000}]
    # What was agreed to before stays what it was.
    assert consent(api, first)["own_limits"] == []


def test_what_our_page_showed_is_told_as_ours(api: Api, make_api: MakeApi) -> None:
    partner_id = Deposit.objects.get(reference=api.create().json()["reference"]).partner_id
    request = making.request(
        partner_id=partner_id, words="Deposit £20 by phone bill", language="en-gb", channel="page"
    )
    told = consent(api, {"id": accept(request).deposit.reference})
    assert (told["shown_by"], told["words"]) == ("page", "Deposit £20 by phone bill")


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({"words": "Deposit £20"}, "consent.language", "missing"),
        ({"language": "en"}, "consent.words", "missing"),
        ({**SHOWN, "words": ""}, "consent.words", "malformed"),
        ({**SHOWN, "words": "x" * 301}, "consent.words", "too_long"),
        ({**SHOWN, "words": "two\nlines"}, "consent.words", "malformed"),
        ({**SHOWN, "words": "pay with 4111 1111 1111 1111"}, "consent.words", "card_number"),
        ({**SHOWN, "words": 20}, "consent.words", "wrong_type"),
        ({**SHOWN, "language": "English"}, "consent.language", "malformed"),
        ({**SHOWN, "language": "en_GB"}, "consent.language", "malformed"),
        ({**SHOWN, "price": 2_000}, "consent.price", "unknown_field"),
        ("Deposit £20", "consent", "wrong_type"),
    ],
)
def test_words_that_prove_nothing_are_refused(api: Api, given: Any, field: str, code: str) -> None:
    check_problem(api.create(body(consent=given)), 422, "validation_failed", field, code)
    assert not Deposit.objects.exists()


def test_other_words_under_the_same_key_are_another_request(api: Api) -> None:
    sent, key = body(consent=SHOWN), new_key()
    assert api.create(sent, key).status_code == 201
    assert api.create(sent, key).status_code == 200
    other = {**sent, "consent": {**SHOWN, "words": "Deposit £20 from your bank"}}
    check_problem(api.create(other, key), 422, "idempotency_key_reused")


def test_nobody_elses_evidence_is_shown(api: Api, make_api: MakeApi) -> None:
    shown = api.create().json()
    check_problem(make_api().get(f"{DEPOSITS}/{shown['id']}/consent"), 404, "not_found")
    writing = make_api(scopes=("deposits:write",), of=api)
    check_problem(writing.get(f"{DEPOSITS}/{shown['id']}/consent"), 403, "scope_missing")
