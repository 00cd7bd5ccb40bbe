"""Who gets in: one answer to every key that is no good, and none at all to a key in an address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from structlog.testing import capture_logs

from accounts.models import ApiKey, AuditRecord
from tests.deposits.api.calling import DEPOSITS, Api, body, check_problem, new_key, stored
from tests.deposits.api.conftest import MakeApi

pytestmark = pytest.mark.django_db


def _change_secret(key: str) -> str:
    """The prefix stays, and another secret belongs to it."""
    ApiKey.objects.filter(prefix=key[:16]).update(secret_sha256=bytes(32))
    return f"Bearer {key}"


def _revoke(key: str) -> str:
    ApiKey.objects.filter(prefix=key[:16]).update(revoked_at=timezone.now())
    return f"Bearer {key}"


def _expire(key: str) -> str:
    ApiKey.objects.filter(prefix=key[:16]).update(expires_at=timezone.now() - timedelta(seconds=1))
    return f"Bearer {key}"


_BAD: dict[str, Callable[[str], str | None]] = {
    "none": lambda key: None,
    "empty": lambda key: "",
    "no scheme": lambda key: key,
    "scheme alone": lambda key: "Bearer",
    "other scheme": lambda key: f"Basic {key}",
    "two spaces": lambda key: f"Bearer  {key}",
    "trailing": lambda key: f"Bearer {key} x",
    "malformed": lambda key: "Bearer ps_test_nonsense",
    "wrong checksum": lambda key: f"Bearer {key[:-1]}{'A' if key[-1] != 'A' else 'B'}",
    "wrong secret": _change_secret,
    "revoked": _revoke,
    "expired": _expire,
    "not ASCII": lambda key: "Bearer ключ",
    "long": lambda key: "Bearer " + "x" * 7_000,
}


@pytest.mark.parametrize("case", _BAD)
def test_s44_every_key_that_is_no_good_gets_the_same_answer(api: Api, case: str) -> None:
    header = _BAD[case](api.key)
    before = stored()
    refused = api.create(HTTP_AUTHORIZATION=header) if header is not None else _without_header(api)
    problem = check_problem(refused, 401, "unauthenticated")
    assert refused["WWW-Authenticate"] == "Bearer"
    reference = api.create(HTTP_AUTHORIZATION="Bearer nobody").json()
    assert {**problem, "request_id": ""} == {**reference, "request_id": ""}
    assert stored() == before


@pytest.mark.parametrize("end", [_revoke, _expire])
def test_a_key_ends_at_once_although_the_process_remembers_it(api: Api, end: Callable[[str], str]) -> None:
    assert api.create().status_code == 201
    header = end(api.key)
    before = stored()
    check_problem(api.create(HTTP_AUTHORIZATION=header), 401, "unauthenticated")
    assert stored() == before


@pytest.mark.parametrize("end", [_revoke, _expire])
def test_a_key_that_has_ended_is_not_told_of_what_it_did_before(api: Api, end: Callable[[str], str]) -> None:
    sent, key = body(), new_key()
    assert api.create(sent, key).status_code == 201
    header = end(api.key)
    check_problem(api.create(sent, key, HTTP_AUTHORIZATION=header), 401, "unauthenticated")


def _without_header(api: Api) -> Any:
    return api._client.post(DEPOSITS, body(), content_type="application/json")


def test_the_scheme_is_read_in_any_case(api: Api) -> None:
    assert api.get(HTTP_AUTHORIZATION=f"bearer {api.key}").status_code == 200


@pytest.mark.parametrize("name", ["api_key", "key", "access_token", "token", "API_KEY"])
def test_s43_a_key_in_the_address_is_refused_and_flagged(api: Api, name: str) -> None:
    before = stored()
    # With a good header too: what counts is that the address is now in somebody's log.
    with capture_logs() as lines:
        refused = api.get(f"{DEPOSITS}?{name}={api.key}")
    check_problem(refused, 401, "unauthenticated")
    note = AuditRecord.objects.get(action="api_key.exposed_in_url", subject=api.key[:16])
    assert note.request_id == refused["X-Request-Id"]
    assert note.address == "127.0.0.1"
    assert api.key not in f"{note.after} {note.reason} {note.actor}"
    assert "key_in_url" in [line["event"] for line in lines]
    assert api.key not in str(lines)
    assert stored() == before


def test_s43_a_stranger_cannot_fill_the_audit_trail(api: Api) -> None:
    check_problem(api.get(f"{DEPOSITS}?token=nonsense"), 401, "unauthenticated")
    assert not AuditRecord.objects.filter(action="api_key.exposed_in_url").exists()


@pytest.mark.parametrize(
    ("scopes", "can_read", "can_write"),
    [(("deposits:read",), True, False), (("deposits:write",), False, True), ((), False, False)],
)
def test_a_key_does_what_its_scopes_say(
    api: Api, make_api: MakeApi, scopes: tuple[str, ...], can_read: bool, can_write: bool
) -> None:
    limited = make_api(scopes=scopes, of=api)
    shown = api.create().json()["id"]
    before = stored()
    for path in (DEPOSITS, f"{DEPOSITS}/{shown}", f"{DEPOSITS}/{shown}/timeline"):
        answer = limited.get(path)
        if can_read:
            assert answer.status_code == 200
        else:
            assert "deposits:read" in check_problem(answer, 403, "scope_missing")["detail"]
    if can_write:
        assert limited.create().status_code == 201
        assert limited.act(shown, "cancel").status_code == 200
    else:
        for answer in (
            limited.create(),
            limited.act(shown, "cancel"),
            limited.act(shown, "confirm", {"code": "1234"}),
        ):
            assert "deposits:write" in check_problem(answer, 403, "scope_missing")["detail"]
        assert stored() == before


def test_a_request_id_of_the_callers_comes_back(api: Api) -> None:
    answer = api.get(f"{DEPOSITS}/nothing", HTTP_X_REQUEST_ID="order-77-try-1")
    assert answer["X-Request-Id"] == "order-77-try-1"
    check_problem(answer, 404, "not_found")


def test_an_unknown_address_is_a_problem_too(api: Api) -> None:
    for path in ("/api/v1/nothing", "/api/v2/deposits", f"{DEPOSITS}/"):
        answer = api.get(path)
        assert answer.status_code == 404
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "not_found"
