"""A key is used once: what a repetition gets, and what another body gets."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import Any

import pytest
from django.db import connection

from accounts.models import Player
from deposits.models import Deposit, DepositEvent
from tests.deposits.api.calling import DEPOSITS, Api, body, check_problem, new_key, stored
from tests.deposits.api.conftest import MakeApi
from tests.deposits.making import counted


@pytest.mark.django_db
def test_the_first_answer_is_201_and_says_where_the_deposit_is(api: Api, rung: list[None]) -> None:
    sent = body()
    answer = api.create(sent)
    assert answer.status_code == 201
    shown = answer.json()
    assert answer["Location"].endswith(f"{DEPOSITS}/{shown['id']}")
    assert answer["Cache-Control"] == "no-store"
    assert "Idempotent-Replayed" not in answer
    assert shown["status"] == "processing"
    assert shown["money"] == "none"
    assert shown["method"] == {
        "type": "carrier_billing",
        "phone_number": "+44******001",
        "carrier": "sandbox-mobile",
    }
    assert len(rung) == 1
    deposit = Deposit.objects.get(reference=shown["reference"])
    assert deposit.request_id == answer["X-Request-Id"]
    assert list(deposit.events.values_list("event", "actor_kind", "actor")) == [
        ("accepted", "partner", api.key[:16])
    ]


@pytest.mark.django_db
def test_the_same_again_is_the_deposit_as_it_is_now(api: Api, rung: list[None]) -> None:
    sent, key = body(), new_key()
    first = api.create(sent, key).json()
    Deposit.objects.filter(reference=first["reference"]).update(state="submitting")
    before = stored()
    answer = api.create(sent, key)
    assert answer.status_code == 200
    assert answer["Idempotent-Replayed"] == "true"
    assert "Location" not in answer
    assert answer.json()["money"] == "unknown"
    assert answer.json()["id"] == first["id"]
    assert len(rung) == 1
    assert stored() == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "idempotency_key_missing"),
        ("", "idempotency_key_missing"),
        ("   ", "idempotency_key_missing"),
        ("k" * 256, "idempotency_key_malformed"),
        ("a\x00b", "idempotency_key_malformed"),
        ("a\tb", "idempotency_key_malformed"),
        ("a\x7fb", "idempotency_key_malformed"),
        ("clé", "idempotency_key_malformed"),
    ],
)
@pytest.mark.parametrize("suffix", ["", "/{}/cancel", "/{}/confirm"])
def test_s08_a_key_that_is_missing_or_malformed_is_refused(
    api: Api, key: str | None, code: str, suffix: str
) -> None:
    path = DEPOSITS + suffix.format(api.create().json()["id"])
    before = stored()
    headers = {} if key is None else {"HTTP_IDEMPOTENCY_KEY": key}
    check_problem(api.call("POST", path, json.dumps(body()), **headers), 400, code)
    assert stored() == before


@pytest.mark.django_db
def test_s08_the_longest_key_is_taken(api: Api) -> None:
    sent = body()
    assert api.create(sent, "~" * 255).status_code == 201
    assert api.create(sent, "~" * 255).status_code == 200


@pytest.mark.django_db
def test_s08_the_same_key_of_somebody_else_is_another_key(api: Api, make_api: MakeApi) -> None:
    sent, key = body(), new_key()
    other, second = make_api(), make_api(of=api)
    first = api.create(sent, key).json()
    answer = other.create(sent, key)
    assert answer.status_code == 201
    assert answer.json()["id"] != first["id"]
    assert second.create(sent, key).json()["id"] == first["id"], "two keys of one partner are one client"


CHANGES: list[dict[str, Any]] = [
    {"amount": 2_001},
    {"player": "p-other"},
    {"partner_reference": "order-78"},
    {"partner_reference": None},
    {"return_url": "https://casino.example/other"},
    {"method": {"type": "carrier_billing", "phone_number": "+447700900002"}},
]


@pytest.mark.django_db
@pytest.mark.parametrize("change", CHANGES)
def test_f65_s09_the_same_key_with_another_body_is_refused(
    api: Api, change: dict[str, Any], rung: list[None]
) -> None:
    sent, key = body(), new_key()
    api.create(sent, key)
    before, players = stored(), Player.objects.count()
    check_problem(api.create({**sent, **change}, key), 422, "idempotency_key_reused")
    assert stored() == before
    assert Player.objects.count() == players
    assert len(rung) == 1


@pytest.mark.django_db
def test_s09_white_space_and_order_do_not_make_another_body(api: Api) -> None:
    sent, key = body(return_url=None), new_key()
    first = api.create(sent, key).json()
    turned = {
        name: dict(reversed(value.items())) if isinstance(value, dict) else value
        for name, value in sent.items()
    }
    turned = dict(reversed(turned.items()))
    without_null = {name: value for name, value in sent.items() if value is not None}
    escaped = json.dumps(sent).replace("p-", "\\u0070-")
    before = stored()
    for again in (
        json.dumps(sent, indent=4),
        json.dumps(turned),
        without_null,
        escaped,
        json.dumps(sent) + "\n\n",
    ):
        answer = api.create(again, key)
        assert answer.status_code == 200
        assert answer.json() == first | {"page_url": answer.json()["page_url"]}
    assert stored() == before


@pytest.mark.django_db
def test_a_refused_request_does_not_use_up_its_key(api: Api) -> None:
    sent, key = body(), new_key()
    check_problem(api.create({**sent, "amount": 5_000}, key), 422, "amount_out_of_range")
    assert api.create(sent, key).status_code == 201


def test_s10_fifty_at_once_make_one_deposit(patient: None, make_api: MakeApi, rung: list[None]) -> None:
    phone = "+447700900650"
    api, sent, key = make_api(), body(method={"type": "carrier_billing", "phone_number": phone}), new_key()
    answers: list[tuple[int, str, str]] = []
    start = threading.Barrier(50)

    def post() -> None:
        one = Api(api.key)
        start.wait()
        try:
            answer = one.create(sent, key)
            answers.append(
                (answer.status_code, answer.json().get("id"), answer.get("Idempotent-Replayed", ""))
            )
        finally:
            connection.close()

    threads = [threading.Thread(target=post) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Counter((status, replayed) for status, _, replayed in answers) == {(201, ""): 1, (200, "true"): 49}
    assert len({identity for _, identity, _ in answers}) == 1
    deposits = Deposit.objects.filter(player__external_id=sent["player"])
    assert deposits.count() == 1
    assert DepositEvent.objects.filter(deposit__in=deposits).count() == 1
    assert counted("phone_number", phone) == 2_000
    assert len(rung) == 1
