"""A player who does not want to wait is texted the result: once, when there is one, whatever is restarted meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.models import Player
from deposits import player_texts, transitions
from deposits.management.commands.sweep import send_texts
from deposits.models import Deposit, ResultText
from deposits.states import Event, State
from tests.carriers.sandbox.harness import Sandbox
from tests.deposits.ui.visiting import deposit_of, key_of, player, put, tap, text_of, visitor

NUMBER = "+447700900143"
OFFER, PROMISE = "Text me the result", "We will text the result to the phone ending 143."


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture(autouse=True)
def _texts_go_to_the_inbox(settings: Any, sandbox: Sandbox) -> None:
    settings.MESSAGES = {"adapter": "sandbox", "base_url": f"http://127.0.0.1:{sandbox.port}"}


def inbox(sandbox: Sandbox, deposit: Deposit) -> list[str]:
    """The texts about a deposit."""
    found = sandbox.call("GET", f"/sandbox/messages.json?to=%2B{NUMBER[1:]}").json["messages"]
    return [one["text"] for one in found if deposit.reference in one["text"]]


def waiting_long(of: Player | None = None) -> tuple[Client, Deposit]:
    """A deposit that was sent long ago, and its player's browser."""
    client = visitor(of or player("143"))
    long_ago = timezone.now() - timedelta(hours=1)
    return client, put(deposit_of(tap(client)), State.UNKNOWN, created_at=long_ago, first_sent_at=long_ago)


def see(client: Client, deposit: Deposit) -> Any:
    return client.get(f"/deposit/{deposit.reference}/")


def ask(client: Client, deposit: Deposit) -> Any:
    key = key_of(see(client, deposit))
    return client.post(f"/deposit/{deposit.reference}/text/", {"key": key}, follow=True)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("state", "said"),
    [
        (State.CREDITED, "£20.00 deposited."),
        (State.DECLINED, "£20.00 was not deposited. You have not been charged."),
    ],
)
def test_the_result_is_texted_once_when_there_is_one(sandbox: Sandbox, state: State, said: str) -> None:
    client, deposit = waiting_long()
    assert OFFER in text_of(see(client, deposit))
    page = text_of(ask(client, deposit))
    assert PROMISE in page
    assert OFFER not in page
    player_texts.ask_for_result(deposit)
    assert player_texts.send_owed() == 0
    put(deposit, state)
    assert [player_texts.send_owed() for _ in range(2)] == [1, 0]
    assert inbox(sandbox, deposit) == [f"Paysite Casino: {said} Reference {deposit.reference}."]
    assert PROMISE not in text_of(see(client, deposit))


@pytest.mark.django_db
def test_what_is_not_plain_is_told_on_the_page_alone(sandbox: Sandbox) -> None:
    client, deposit = waiting_long()
    ask(client, deposit)
    put(deposit, State.DECLINED, taken_minor=2_000)
    player_texts.send_owed()
    assert inbox(sandbox, deposit) == [
        f"Paysite Casino: there is news of your deposit of £20.00. Reference {deposit.reference}."
    ]


@pytest.mark.django_db
def test_who_waits_a_moment_or_has_shown_no_number_is_offered_none(settings: Any) -> None:
    client = visitor(player("143"))
    assert OFFER not in text_of(see(client, deposit_of(tap(client))))
    client, deposit = waiting_long(player("143", proved=False))
    assert OFFER not in text_of(see(client, deposit))
    ask(client, deposit)
    settings.MESSAGES = {}
    client, deposit = waiting_long()
    assert OFFER not in text_of(see(client, deposit))
    ask(client, deposit)
    assert not ResultText.objects.exists()


@pytest.mark.django_db
def test_a_stranger_and_a_form_without_its_key_ask_for_nothing() -> None:
    client, deposit = waiting_long()
    address = f"/deposit/{deposit.reference}/text/"
    assert visitor(player("144")).post(address, {"key": key_of(see(client, deposit))}).status_code == 404
    client.post(address, {"key": "made-up"})
    assert client.get(address).status_code == 405
    assert not ResultText.objects.exists()


@pytest.mark.django_db
def test_a_service_that_fails_is_not_asked_again(settings: Any) -> None:
    client, deposit = waiting_long()
    ask(client, deposit)
    put(deposit, State.CREDITED)
    settings.MESSAGES = {"adapter": "sandbox", "base_url": "http://127.0.0.1:1"}
    assert [player_texts.send_owed() for _ in range(2)] == [1, 0]


class Once(threading.Event):
    """Told to stop at the first pause."""

    def wait(self, timeout: float | None = None) -> bool:
        self.set()
        return True


@pytest.mark.usefixtures("committed")
def test_a_text_that_fails_does_not_end_the_sending(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []
    stop = threading.Event()

    def fail() -> int:
        tries.append(1)
        if len(tries) == 3:
            stop.set()
        raise KeyError("a mistake of ours")

    monkeypatch.setattr(player_texts, "send_owed", fail)
    with ThreadPoolExecutor(1) as sweeper:
        sweeper.submit(send_texts, stop, 0.0).result(timeout=60)
    assert len(tries) == 3


@pytest.mark.usefixtures("committed")
def test_the_sweeper_sends_it_beside_its_looks_and_passes_by_what_another_is_at(sandbox: Sandbox) -> None:
    deposit = deposit_of(tap(visitor(player("143"))))
    player_texts.ask_for_result(deposit)
    transitions.move(deposit, Event.CANCELLED, actor_kind="player", actor="test")
    with ThreadPoolExecutor(1) as sweeper:
        with transaction.atomic():
            ResultText.objects.select_for_update().get(deposit=deposit)
            sweeper.submit(send_texts, Once(), 0.0).result(timeout=60)
            assert inbox(sandbox, deposit) == []
        sweeper.submit(send_texts, Once(), 0.0).result(timeout=60)
    assert len(inbox(sandbox, deposit)) == 1
