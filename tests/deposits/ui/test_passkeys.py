"""Passkeys: added by who has just shown who they are, signing in with one tap, and worth nothing in other hands."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import AuditRecord, Passkey, Player
from tests.deposits.ui.authenticator import Device
from tests.deposits.ui.visiting import player, text_of, visitor

pytestmark = pytest.mark.django_db

ORIGIN = "https://pay.casino.example"


@pytest.fixture(autouse=True)
def public(settings: Settings) -> None:
    settings.DEMO = False
    settings.BASE_URL = ORIGIN
    settings.MESSAGES = {"adapter": "sandbox", "base_url": "http://127.0.0.1:9"}


def known(whom: Player, age_s: float = 0, **session: Any) -> Client:
    """A browser in which the player signed in by a code `age_s` seconds ago."""
    client = visitor(whom)
    kept = client.session
    kept.update({"signed_in_at": time.time() - age_s, "known_by": "code", **session})
    kept.save()
    return client


def post(client: Client, path: str, content: Any = None) -> Any:
    return client.post(path, json.dumps(content or {}), content_type="application/json")


def added(client: Client, device: Device) -> Any:
    options = post(client, "/sign-in/passkey/add/")
    return post(client, "/sign-in/passkey/added/", device.make(options.json()))


def used(device: Device, client: Client | None = None, query: str = "") -> Any:
    client = client or Client()
    options = post(client, "/sign-in/passkey/ask/").json()
    return post(client, f"/sign-in/passkey/{query}", device.sign(options))


def test_a_passkey_signs_its_player_in_on_a_device_that_is_known_from_then_on() -> None:
    whom, device, client = player(), Device(ORIGIN), Client()
    assert "Add a passkey" in text_of(known(whom).get("/sign-in/passkey/add/"))
    assert added(known(whom), device).json() == {"to": "/deposit/"}
    before = client.session.session_key
    assert used(device, client, "?next=/deposit/limits/").json() == {"to": "/deposit/limits/"}
    assert (client.session["player_id"], client.session.session_key == before) == (whom.pk, False)
    assert client.session.get_expiry_age() > 29 * 24 * 3_600
    assert client.get("/deposit/").status_code == 200
    signed_in = AuditRecord.objects.get(action="player.signed_in", subject=str(whom.pk))
    assert signed_in.after == {"by": "passkey"}
    assert AuditRecord.objects.filter(action="player.passkey_added", subject=str(whom.pk)).exists()


def test_the_same_options_for_everybody_name_no_key() -> None:
    added(known(player()), Device(ORIGIN))
    options = post(Client(), "/sign-in/passkey/ask/").json()
    assert options.get("allowCredentials", []) == []
    assert (options["rpId"], options["userVerification"]) == ("pay.casino.example", "required")


@pytest.mark.parametrize(
    "session", [{"age_s": 901}, {"known_by": ""}, {"signed_in_at": 0}], ids=["old", "link", "unknown"]
)
def test_only_who_has_just_shown_who_they_are_adds_one(session: dict[str, Any]) -> None:
    client = known(player(), **session)
    if not client.session["known_by"]:
        kept = client.session
        del kept["known_by"]
        kept.save()
    answer = client.get("/sign-in/passkey/add/")
    assert (answer.status_code, answer["Location"].split("?")[0]) == (303, "/sign-in/")
    assert post(client, "/sign-in/passkey/add/").status_code == 303
    assert post(client, "/sign-in/passkey/added/", {"id": "x"}).status_code == 403
    assert not Passkey.objects.exists()


@pytest.mark.parametrize(
    "wrong", ["origin", "unverified", "unknown", "replayed", "copied", "other key", "no state"]
)
def test_what_shows_nothing_signs_nobody_in(wrong: str) -> None:
    whom, device, client = player(), Device(ORIGIN), Client()
    device.uses = 5
    if wrong != "unknown":
        added(known(whom), device)
    options = post(client, "/sign-in/passkey/ask/").json()
    if wrong == "origin":
        device.origin = "https://pay.casino.example.evil.example"
    if wrong == "unverified":
        device.flags = Device(ORIGIN, verified=False).flags
    if wrong == "copied":
        device.uses = 2
    brought = device.sign(options)
    if wrong == "other key":
        brought["response"]["signature"] = Device(ORIGIN).sign(options)["response"]["signature"]
    if wrong == "no state":
        client = Client()
    if wrong == "replayed":
        assert post(client, "/sign-in/passkey/", brought).status_code == 200
        client = Client()
        post(client, "/sign-in/passkey/ask/")
    answer = post(client, "/sign-in/passkey/", brought)
    assert (answer.status_code, answer.json()) == (403, {})
    assert "player_id" not in client.session


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b"{", b'{"id": 5}', b'{"response": {}}', b'{"rawId": "AA", "response": 1}'],
)
def test_bytes_of_any_kind_are_refused(content: bytes) -> None:
    whom = player()
    for client, path in (
        (
            known(whom, passkey={"challenge": "AA", "user_verification": "required"}),
            "/sign-in/passkey/added/",
        ),
        (Client(), "/sign-in/passkey/"),
    ):
        post(client, "/sign-in/passkey/ask/")
        answer = client.post(path, content, content_type="application/json")
        assert (answer.status_code, answer.json()) == (403, {})


def test_a_key_that_was_not_made_for_us_or_is_known_already_is_not_added() -> None:
    whom, device = player(), Device(ORIGIN)
    assert added(known(whom), Device("https://elsewhere.example")).status_code == 403
    assert added(known(whom), Device(ORIGIN, verified=False)).status_code == 403
    assert added(known(whom), device).status_code == 200
    assert added(known(player()), device).status_code == 403
    assert list(Passkey.objects.values_list("player", flat=True)) == [whom.pk]


def test_forms_of_others_begin_nothing() -> None:
    strict = Client(enforce_csrf_checks=True)
    for path in ("ask/", "", "add/", "added/"):
        assert (
            strict.post(f"/sign-in/passkey/{path}", "{}", content_type="application/json").status_code == 403
        )


def test_on_one_machine_it_belongs_to_localhost(settings: Settings) -> None:
    settings.BASE_URL = "http://127.0.0.1:8000"
    device = Device("http://localhost:8000")
    assert added(known(player()), device).status_code == 200
    assert used(device).status_code == 200
