"""Signing in by phone number and code: in few taps, telling nobody who has an account, and ended on every device."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from pytest_django.fixtures import Settings

from accounts import sign_in_codes
from accounts.models import AuditRecord, Player, PlayerPhone, SignInCode
from accounts.sign_in_codes import TooMany
from carriers import messages
from deposits.actions import sign_in as signing_in
from tests.carriers.sandbox.harness import Sandbox
from tests.deposits.ui.visiting import deposit_of, player, tap, text_of, title_of

pytestmark = pytest.mark.django_db

NUMBER = "07700 900142"
E164 = "+447700900142"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture(autouse=True)
def sending(settings: Settings, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> list[Future[None]]:
    """Codes go to the sandbox's inbox. Returns what is on its way there."""
    settings.DEMO = False
    settings.SIGN_IN_URL = "/sign-in/"
    settings.MESSAGES = {"adapter": "sandbox", "base_url": f"http://127.0.0.1:{sandbox.port}"}
    begun: list[Future[None]] = []
    submit = signing_in._senders.submit

    def noted(*args: Any) -> Future[None]:
        begun.append(submit(*args))
        return begun[-1]

    monkeypatch.setattr(signing_in._senders, "submit", noted)
    return begun


def ask(client: Client, number: str = NUMBER, **fields: str) -> Any:
    return client.post("/sign-in/", {"number": number, **fields})


def newest_text(sandbox: Sandbox, sending: list[Future[None]], number: str = E164) -> str:
    """The newest text message to the number, once all that is on its way has arrived."""
    for one in sending:
        one.result(timeout=10)
    inbox = sandbox.call("GET", f"/sandbox/messages.json?to=%2B{number[1:]}").json["messages"]
    return str(inbox[0]["text"])


def code_in(text: str) -> str:
    found = re.match(r"\d{6}", text)
    assert found, text
    return found[0]


def other(code: str) -> str:
    """A code that is not this one."""
    return f"{(int(code) + 1) % 1_000_000:06}"


def test_a_number_and_a_code_sign_the_player_in(sandbox: Sandbox, sending: list[Future[None]]) -> None:
    whom, client = player("142"), Client()
    page = client.get("/deposit/limits/")
    assert (page.status_code, 'href="/sign-in/?next=' in page.content.decode()) == (403, True)
    answer = ask(client, next="/deposit/limits/")
    assert (answer.status_code, answer["Location"]) == (303, "/sign-in/code/")
    before = client.session.session_key
    asked = client.get("/sign-in/code/")
    assert title_of(asked) == "Enter the code"
    assert 'inputmode="numeric" autocomplete="one-time-code"' in asked.content.decode()
    code = code_in(newest_text(sandbox, sending))
    answer = client.post("/sign-in/code/", {"code": f" {code[:3]} {code[3:]}"})
    assert (answer.status_code, answer["Location"]) == (303, "/deposit/limits/")
    assert (client.session["player_id"], client.session.session_key == before) == (whom.pk, False)
    assert client.session.get_expiry_age() > 29 * 24 * 3_600
    assert deposit_of(tap(client)).player_id == whom.pk
    assert AuditRecord.objects.filter(action="player.signed_in", subject=str(whom.pk)).count() == 1


def test_the_texts_last_line_binds_the_code_to_our_host(
    sandbox: Sandbox, sending: list[Future[None]], settings: Settings
) -> None:
    settings.BASE_URL = "https://pay.casino.example"
    player("142")
    ask(Client())
    text = newest_text(sandbox, sending)
    assert text.splitlines()[-1] == f"@pay.casino.example #{code_in(text)}"
    assert code_in(text) in sandbox.call("GET", "/sandbox/messages").body.decode()


def test_nobody_learns_who_has_an_account(sandbox: Sandbox, sending: list[Future[None]]) -> None:
    player("142")
    player("143", proved=False)
    Player.objects.filter(pk=player("144").pk).update(is_test=True)
    seen = set()
    for number in (NUMBER, "07700 900143", "07700 900144", "07700 900199"):
        client = Client()
        answer = ask(client, number)
        page = client.get("/sign-in/code/").content.decode().replace(number[-3:], "…")
        wrong = client.post("/sign-in/code/", {"code": "000000"})
        after = client.get("/sign-in/code/").content.decode().replace(number[-3:], "…")
        parts = (page, after, answer["Location"], wrong["Location"])
        without = r'name="csrfmiddlewaretoken" value="\w+"|until \d\d:\d\d'
        seen.add((answer.status_code, wrong.status_code, *(re.sub(without, "", one) for one in parts)))
    assert len(seen) == 1
    assert len(sending) == 1
    assert "player_id" not in client.session


def test_a_code_takes_five_tries_and_then_no_more(sandbox: Sandbox, sending: list[Future[None]]) -> None:
    player("142")
    client = Client()
    ask(client)
    code = code_in(newest_text(sandbox, sending))
    said = []
    for typed in (*(other(code),) * 4, "12", other(code), code):
        client.post("/sign-in/code/", {"code": typed})
        page = client.get("/sign-in/code/")
        assert title_of(page) == "Problem: Enter the code"
        said.append(
            re.search(r"(\d) (?:try|tries) left|Enter the 6 digits|there are no tries left", text_of(page))
        )
    assert [found and (found[1] or found[0][:5]) for found in said] == [
        "4", "3", "2", "1", "Enter", "there", "there",
    ]  # fmt: skip
    assert "player_id" not in client.session


def test_a_code_works_once_in_time_and_only_where_it_was_asked_for(
    sandbox: Sandbox, sending: list[Future[None]]
) -> None:
    player("142")
    here, elsewhere = Client(), Client()
    ask(here)
    code = code_in(newest_text(sandbox, sending))
    ask(elsewhere, "07700 900199")
    elsewhere.post("/sign-in/code/", {"code": code})
    assert "player_id" not in elsewhere.session
    issued = SignInCode.objects.order_by("created_at")[0]
    SignInCode.objects.filter(pk=issued.pk).update(expires_at=F("created_at"))
    here.post("/sign-in/code/", {"code": code})
    assert "player_id" not in here.session
    SignInCode.objects.filter(pk=issued.pk).update(expires_at=issued.expires_at)
    assert sign_in_codes.is_right([issued.pk], E164, code)
    assert not sign_in_codes.is_right([issued.pk], E164, code)


def test_a_new_code_leaves_the_old_one_good_and_comes_no_sooner_than_after_30_seconds(
    sandbox: Sandbox, sending: list[Future[None]]
) -> None:
    whom, client = player("142"), Client()
    ask(client)
    first = code_in(newest_text(sandbox, sending))
    client.post("/sign-in/code/", {"again": "1"})
    assert "You can ask for a new one at" in text_of(client.get("/sign-in/code/"))
    assert SignInCode.objects.count() == 1
    SignInCode.objects.update(created_at=F("created_at") - timedelta(seconds=31))
    client.post("/sign-in/code/", {"again": "1"})
    assert code_in(newest_text(sandbox, sending)) != ""
    assert len(sending) == 2
    client.post("/sign-in/code/", {"code": first})
    assert client.session["player_id"] == whom.pk


@pytest.mark.parametrize("known", [True, False])
def test_a_number_gets_five_codes_an_hour_whoever_asks(known: bool) -> None:
    if known:
        player("142")
    for minute in range(5):
        sign_in_codes.issue(E164, f"192.0.2.{minute}")
        SignInCode.objects.update(created_at=F("created_at") - timedelta(minutes=1))
    with pytest.raises(TooMany):
        sign_in_codes.issue(E164, "192.0.2.99")
    assert SignInCode.objects.count() == 5
    sign_in_codes.issue("+447700900143", "192.0.2.0")
    SignInCode.objects.update(created_at=F("created_at") - timedelta(hours=1))
    sign_in_codes.issue(E164, "192.0.2.99")


def test_an_address_gets_many_codes_but_not_any_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in_codes, "PER_ADDRESS", 3)
    for ending in range(3):
        sign_in_codes.issue(f"+44770090010{ending}", "192.0.2.1")
    with pytest.raises(TooMany):
        sign_in_codes.issue("+447700900109", "192.0.2.1")
    sign_in_codes.issue("+447700900109", "192.0.2.2")


def test_neither_code_nor_number_can_be_read_out_of_the_table() -> None:
    issued = sign_in_codes.issue(E164, None)
    row = SignInCode.objects.values().get(pk=issued.id)
    kept = " ".join(str(bytes(one) if isinstance(one, memoryview) else one) for one in row.values())
    assert issued.code not in kept
    assert E164 not in kept


def test_a_number_that_is_none_is_asked_for_again(sending: list[Future[None]]) -> None:
    client = Client()
    ask(client, "my phone")
    page = client.get("/sign-in/")
    assert (title_of(page), 'value="my phone"' in page.content.decode()) == ("Problem: Sign in", True)
    assert client.get("/sign-in/code/")["Location"] == "/sign-in/"
    assert sending == []


def test_a_number_of_several_partners_players_asks_which(
    sandbox: Sandbox, sending: list[Future[None]]
) -> None:
    first, second, stranger = player("142"), player("142"), player("143")
    client = Client()
    ask(client)
    code = code_in(newest_text(sandbox, sending))
    assert client.post("/sign-in/code/", {"code": code})["Location"] == "/sign-in/account/"
    assert "player_id" not in client.session
    client.post("/sign-in/account/", {"player": str(stranger.pk)})
    assert "player_id" not in client.session
    client.post("/sign-in/account/", {"player": str(second.pk)})
    assert client.session["player_id"] == second.pk
    assert first.pk != second.pk


@pytest.mark.parametrize(
    "elsewhere", ["https://elsewhere.example/", "//elsewhere.example/deposit/", "/admin/"]
)
def test_signing_in_leads_nowhere_else(sandbox: Sandbox, sending: list[Future[None]], elsewhere: str) -> None:
    player("142")
    client = Client()
    ask(client, next=elsewhere)
    code = code_in(newest_text(sandbox, sending))
    assert client.post("/sign-in/code/", {"code": code})["Location"] == "/deposit/"


def test_signing_out_everywhere_ends_every_session(sandbox: Sandbox, sending: list[Future[None]]) -> None:
    whom = player("142")
    devices = [Client(), Client()]
    for device in devices:
        ask(device)
        device.post("/sign-in/code/", {"code": code_in(newest_text(sandbox, sending))})
        SignInCode.objects.update(created_at=F("created_at") - timedelta(minutes=1))
        assert device.get("/deposit/").status_code == 200
    here, there = devices
    assert here.post("/sign-out/", {"everywhere": "1"})["Location"] == "/sign-in/"
    assert (here.get("/deposit/").status_code, there.get("/deposit/").status_code) == (403, 403)
    ask(there)
    there.post("/sign-in/code/", {"code": code_in(newest_text(sandbox, sending))})
    assert there.get("/deposit/").status_code == 200
    assert AuditRecord.objects.filter(action="player.signed_out", subject=str(whom.pk)).count() == 1


def test_signing_out_here_leaves_other_devices_alone() -> None:
    whom = player("142")
    client = Client()
    session = client.session
    session["player_id"] = whom.pk
    session.save()
    client.cookies["session"] = session.session_key or ""
    client.post("/sign-out/")
    assert "player_id" not in client.session
    whom.refresh_from_db()
    assert whom.signed_out_at is None


def test_without_a_service_for_texts_there_is_no_sign_in_by_code(settings: Settings) -> None:
    settings.MESSAGES = {}
    for path in ("/sign-in/", "/sign-in/code/", "/sign-in/account/"):
        assert Client().get(path).status_code == 404


def test_a_service_that_takes_nothing_costs_a_new_code_and_nothing_else(
    settings: Settings, sandbox: Sandbox, sending: list[Future[None]]
) -> None:
    settings.MESSAGES = {"adapter": "sandbox", "base_url": f"http://127.0.0.1:{sandbox.port}/nowhere"}
    player("142")
    service = messages.messages()
    assert service is not None
    with pytest.raises(messages.NotSent):
        service.send(E164, "text")
    client = Client()
    assert ask(client)["Location"] == "/sign-in/code/"
    sending[0].result(timeout=10)
    assert PlayerPhone.objects.filter(number=E164).exists()
