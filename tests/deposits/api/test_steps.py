"""Confirm, cancel and timeline: what a partner does with a deposit that stands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

import pytest
from django.db.models.functions import Now

from carriers import outcomes
from deposits import transitions
from deposits.actions.decide import _DECISIONS
from deposits.api.components import OUTCOMES
from deposits.api.timeline import TEXTS
from deposits.models import Attempt, Command, Deposit
from deposits.states import Event
from tests.deposits.api.calling import DEPOSITS, Api, body, check_problem, new_key, stored

pytestmark = pytest.mark.django_db


@pytest.fixture
def awaiting_code(api: Api) -> dict[str, Any]:
    """A deposit that waits for its one-time code, as the API shows it."""
    reference = api.create().json()["reference"]
    deposit = Deposit.objects.get(reference=reference)
    transitions.move(deposit, Event.SENDING, actor_kind="worker", actor="tests", first_sent_at=Now())
    transitions.move(
        deposit,
        Event.CODE_REQUIRED,
        actor_kind="carrier",
        actor="sandbox-mobile",
        action_expires_at=Now() + timedelta(minutes=5),
        next_step=Deposit.Next.CANCEL,
    )
    shown: dict[str, Any] = api.get(f"{DEPOSITS}/{reference}").json()
    return shown


def test_a_deposit_is_read_by_id_and_by_reference(api: Api) -> None:
    created = api.create().json()
    for name in (created["id"], created["reference"]):
        shown = api.get(f"{DEPOSITS}/{name}").json()
        assert shown == created | {"page_url": shown["page_url"]}
        assert f"/deposit/{created['reference']}/?t=" in shown["page_url"]


def test_a_deposit_that_waits_for_a_code_says_so(awaiting_code: dict[str, Any]) -> None:
    assert awaiting_code["status"] == "action_required"
    assert awaiting_code["next_action"]["type"] == "one_time_code"
    assert awaiting_code["next_action"]["sent_to"] == "+44******001"
    assert awaiting_code["next_action"]["expires_at"].endswith("Z")


def test_a_code_is_handed_over_once(api: Api, awaiting_code: dict[str, Any], rung: list[None]) -> None:
    before, key = len(rung), new_key()
    answer = api.act(awaiting_code["id"], "confirm", {"code": "123 456"}, key)
    assert answer.status_code == 200
    assert answer.json()["next_action"] is None
    deposit = Deposit.objects.get(reference=awaiting_code["reference"])
    assert (deposit.one_time_code, deposit.next_step) == ("123456", "confirm")
    assert len(rung) == before + 1
    stood = stored()
    assert api.act(awaiting_code["id"], "confirm", {"code": "123456"}, key).status_code == 200
    check_problem(
        api.act(awaiting_code["id"], "confirm", {"code": "654321"}, key), 422, "idempotency_key_reused"
    )
    check_problem(api.act(awaiting_code["id"], "cancel", {}, key), 422, "idempotency_key_reused")
    assert stored() == stood
    assert len(rung) == before + 1


@pytest.mark.parametrize(
    ("content", "code", "field", "field_code"),
    [
        ({}, "validation_failed", "code", "missing"),
        ({"code": 123456}, "validation_failed", "code", "wrong_type"),
        ({"code": None}, "validation_failed", "code", "wrong_type"),
        ({"code": ""}, "validation_failed", "code", "malformed"),
        ({"code": "1" * 33}, "validation_failed", "code", "malformed"),
        ({"code": "123456", "state": "credited"}, "validation_failed", "state", "unknown_field"),
        ({"code": "123"}, "code_malformed", "code", "code_malformed"),
        ({"code": "12345a"}, "code_malformed", "code", "code_malformed"),
        ({"code": "١٢٣٤٥٦"}, "code_malformed", "code", "code_malformed"),
    ],
)
def test_what_cannot_be_a_code_is_refused(
    api: Api, awaiting_code: dict[str, Any], content: Any, code: str, field: str, field_code: str
) -> None:
    before = stored()
    check_problem(api.act(awaiting_code["id"], "confirm", content), 422, code, field, field_code)
    assert stored() == before


def test_a_code_that_nobody_awaits_is_refused(api: Api) -> None:
    shown = api.create().json()
    before = stored()
    check_problem(api.act(shown["id"], "confirm", {"code": "123456"}), 409, "not_possible_now")
    assert stored() == before


@pytest.mark.parametrize("content", ["{}", " { } ", ""])
def test_what_was_not_sent_is_cancelled(api: Api, content: str) -> None:
    shown, key = api.create().json(), new_key()
    answer = api.act(shown["id"], "cancel", content.encode(), key)
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["money"]) == ("cancelled", "none")
    stood = stored()
    again = api.act(shown["reference"], "cancel", content.encode(), key)
    assert again.json()["status"] == "cancelled"
    assert stored() == stood
    assert (
        Command.objects.get(deposit__reference=shown["reference"]).client == f"partner:{_partner(shown)}:test"
    )


def _partner(shown: dict[str, Any]) -> int:
    return Deposit.objects.get(reference=shown["reference"]).partner_id


def test_a_cancel_says_nothing_else(api: Api) -> None:
    shown = api.create().json()
    before = stored()
    answer = api.act(shown["id"], "cancel", {"reason": "changed my mind"})
    check_problem(answer, 422, "validation_failed", "reason", "unknown_field")
    check_problem(api.act(shown["id"], "cancel", "[]"), 400, "body_malformed")
    assert stored() == before


def test_a_cancel_while_a_code_is_awaited_is_left_to_the_carrier(
    api: Api, awaiting_code: dict[str, Any]
) -> None:
    shown = api.act(awaiting_code["id"], "cancel").json()
    assert shown["status"] == "action_required"
    assert Deposit.objects.get(reference=shown["reference"]).next_step == "cancel"


def test_what_was_sent_cannot_be_cancelled(api: Api) -> None:
    shown = api.create().json()
    deposit = Deposit.objects.get(reference=shown["reference"])
    transitions.move(deposit, Event.SENDING, actor_kind="worker", actor="tests", first_sent_at=Now())
    before = stored()
    problem = check_problem(api.act(shown["id"], "cancel"), 409, "not_possible_now")
    assert "submitting" in problem["detail"]
    assert stored() == before


def test_the_timeline_tells_what_happened_and_nothing_that_is_ours(
    api: Api, awaiting_code: dict[str, Any]
) -> None:
    deposit = Deposit.objects.get(reference=awaiting_code["reference"])
    for epoch in (1, 2):
        Attempt.objects.create(
            deposit=deposit,
            epoch=epoch,
            step="authorise",
            worker="host-7:4711",
            outcome="code_required",
            detail="secret detail",
            finished_at=deposit.updated_at,
            exchanges=[{"request": "secret body"}],
        )
    answer = api.get(f"{DEPOSITS}/{awaiting_code['id']}/timeline")
    timeline = answer.json()
    assert timeline["deposit"] == awaiting_code["id"]
    assert [
        (one["type"], one["from_state"], one["to_state"], one["actor"]) for one in timeline["events"]
    ] == [
        ("accepted", None, "received", "partner"),
        ("sending", "received", "submitting", "worker"),
        ("code_required", "submitting", "action_required", "carrier"),
    ]
    assert [one["number"] for one in timeline["attempts"]] == [1, 2]
    assert timeline["attempts"][0]["outcome"] == "code_required"
    for ours in ("secret", "host-7", "4711", "+447700900001"):
        assert ours.encode() not in answer.content


def test_every_event_has_its_words() -> None:
    assert set(TEXTS) == set(Event)


def test_every_outcome_is_in_the_schema() -> None:
    names = {
        "".join(f"_{c.lower()}" if c.isupper() else c for c in one.__name__).lstrip("_") for one in _DECISIONS
    }
    assert set(OUTCOMES) == names | {"barred"}
    of_deposits = set(get_args(outcomes.Outcome)) - set(get_args(outcomes.OfRefund))
    assert of_deposits <= set(_DECISIONS)


def test_a_body_does_not_leak_from_one_call_to_the_next(api: Api) -> None:
    first, second = api.create(body(amount=1_000)).json(), api.create(body(amount=1_500)).json()
    assert (first["amount"], second["amount"]) == (1_000, 1_500)
