"""Deposits that come at the same moment are accepted by one statement, and none suffers for another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from msgspec.structs import replace

from accounts.models import Partner, Player
from deposits import transitions
from deposits.actions import accept as accepting
from deposits.actions.accept import Accepted, DepositRequest, accept
from deposits.actions.refusal import IdempotencyConflict, Refusal
from deposits.models import Accumulator, Consent, Deposit, DepositEvent
from tests.deposits import making
from tests.locks import somebody_waits_for_us
from tests.stack import PATIENCE_S, await_condition

pytestmark = pytest.mark.usefixtures("committed")


class Door:
    """The accept statement. `groups`: how many came through at a time; while it is shut, the first of them waits."""

    def __init__(self) -> None:
        self.groups: list[int] = []
        self.opened = threading.Event()
        self.opened.set()
        self._accept = transitions.accept
        self.breaks = False

    def __call__(self, acceptances: Sequence[transitions.Acceptance], *arguments: Any) -> Any:
        self.groups.append(len(acceptances))
        if len(self.groups) == 1:
            assert self.opened.wait(60)
        if self.breaks:
            raise OperationalError("the connection is lost")
        return self._accept(acceptances, *arguments)


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    door = Door()
    monkeypatch.setattr(transitions, "accept", door)
    # On a busy machine it takes a while until all have come.
    monkeypatch.setattr(accepting._together, "_patience_s", PATIENCE_S)
    return door


@pytest.fixture
def partner() -> Partner:
    """With players of whom each has deposited before."""
    partner = making.partner()
    for number in range(4):
        accept(asked(partner, number))
    return partner


def asked(partner: Partner, number: int, **changes: Any) -> DepositRequest:
    """A request of the partner's player with this number, each with a phone of their own."""
    return making.request(f"{310 + number}", partner_id=partner.pk, player=f"p-{number}", **changes)


def accept_at_once(
    door: Door, requests: Sequence[DepositRequest], while_they_wait: Callable[[], object] = lambda: None
) -> list[Future[Accepted]]:
    """Accept the first alone, and the others while the first is at the door; return what became of each."""
    door.groups.clear()
    door.opened.clear()

    with ThreadPoolExecutor(len(requests)) as pool:
        futures = [pool.submit(_accept_and_close, requests[0])]
        await_condition(lambda: door.groups, what="the first at the door")
        futures += [pool.submit(_accept_and_close, request) for request in requests[1:]]
        await_condition(
            lambda: len(accepting._together) == len(requests) - 1, what="the others waiting before it"
        )
        while_they_wait()
        door.opened.set()
    return futures


def _accept_and_close(request: DepositRequest) -> Accepted:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET application_name = 'accepting'")
        return accept(request)
    finally:
        connection.close()


def test_those_who_come_meanwhile_take_one_statement(door: Door, partner: Partner) -> None:
    before = {number: making.counted("phone_number", f"+447700900{310 + number}") for number in range(4)}
    amounts = (500, 600, 700, 800)
    requests = [asked(partner, number, amount_minor=amount) for number, amount in enumerate(amounts)]
    made = [one.result() for one in accept_at_once(door, requests)]
    assert door.groups == [1, 3]
    for number, (request, one) in enumerate(zip(requests, made, strict=True)):
        assert not one.replayed
        stored = Deposit.objects.get(pk=one.deposit.pk)
        assert (stored.amount_minor, stored.phone_number, stored.player.external_id) == (
            request.amount_minor,
            request.phone_number,
            f"p-{number}",
        )
        assert (stored.reference, stored.created_at) == (one.deposit.reference, one.deposit.created_at)
        assert DepositEvent.objects.filter(deposit=stored, event="accepted").count() == 1
        assert Consent.objects.filter(deposit=stored).count() == 1
        assert making.counted("phone_number", request.phone_number) == before[number] + request.amount_minor


def test_what_is_shown_of_a_new_deposit_is_what_is_stored(partner: Partner) -> None:
    request = asked(partner, 1, partner_reference="order-1", return_url="https://casino.example/back")
    shown = accept(request).deposit
    stored = Deposit.objects.get(pk=shown.pk)
    fields = {field.attname for field in Deposit._meta.concrete_fields}
    # Of whom it is and what was sent: nobody shows it right after accepting.
    unknown = {"client", "idempotency_key", "idempotency_hash", "request_id", "next_step", "next_action_at"}
    assert {name: getattr(shown, name) for name in fields - unknown} == {
        name: getattr(stored, name) for name in fields - unknown
    }


def test_one_over_its_limit_is_refused_and_the_others_are_not(door: Door, partner: Partner) -> None:
    player = Player.objects.get(partner=partner, external_id="p-2")
    Player.objects.filter(pk=player.pk).update(weekly_limit_minor=2_500)
    before = making.counted("player", player.pk)
    made = accept_at_once(door, [asked(partner, number) for number in range(4)])
    assert door.groups[:2] == [1, 3]
    assert [one.exception() is None for one in made] == [True, True, False, True]
    error = made[2].exception()
    assert isinstance(error, Refusal)
    assert error.code == "limit_would_exceed"
    assert making.counted("player", player.pk) == before


def test_one_key_twice_at_once_is_one_deposit(door: Door, partner: Partner) -> None:
    twice, other = asked(partner, 1), asked(partner, 2)
    made = accept_at_once(door, [asked(partner, 0), twice, twice, other])
    assert door.groups == [1, 3]
    first, second = made[1].result(), made[2].result()
    assert first.deposit.pk == second.deposit.pk
    assert sorted([first.replayed, second.replayed]) == [False, True]
    assert Deposit.objects.filter(client=twice.client).count() == 1
    with pytest.raises(IdempotencyConflict):
        accept(replace(twice, canonical_body=b"another"))


def test_a_player_who_is_new_is_made_and_holds_up_nobody(door: Door, partner: Partner) -> None:
    made = accept_at_once(door, [asked(partner, number) for number in (0, 1, 5)])
    assert [one.result().replayed for one in made] == [False, False, False]
    assert Player.objects.filter(partner=partner, external_id="p-5").count() == 1


def test_whoever_meets_a_lock_waits_for_it_alone(door: Door, partner: Partner) -> None:
    door.groups.clear()
    done: list[Accepted] = []

    def ask() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '60s'")
            done.append(accept(asked(partner, 3)))
        finally:
            connection.close()

    with transaction.atomic():
        list(Accumulator.objects.select_for_update().filter(subject="+447700900313"))
        held_up = threading.Thread(target=ask)
        held_up.start()
        await_condition(
            lambda: len(door.groups) == 2, within_s=30, what="the one who met the lock asking alone"
        )
        with ThreadPoolExecutor(1) as pool:
            assert not pool.submit(_accept_and_close, asked(partner, 1)).result().replayed
        assert not done
    held_up.join()
    assert [one.replayed for one in done] == [False]


def test_limits_are_locked_partner_after_partner(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever numbers the players have: groups that hold deposits of the same partners do not meet crosswise."""
    monkeypatch.setattr(accepting, "_GROUP_PATIENCE_MS", 60_000)
    first, second = sorted((making.partner(), making.partner()), key=lambda partner: partner.pk)
    together = [asked(first, 3), asked(second, 2)]
    for request in (asked(first, 1), *together):
        accept(replace(request, idempotency_key="before"))

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            list(Accumulator.objects.select_for_update().filter(subject="+447700900313"))
            made = pool.submit(accept_at_once, door, [asked(first, 1), *together])
            await_condition(somebody_waits_for_us, what="the group waiting for the first partner's player")
            # Of the second partner, nothing is held yet.
            assert list(Accumulator.objects.select_for_update(nowait=True).filter(subject="+447700900312"))
        assert [one.result().replayed for one in made.result()] == [False] * 3
    assert door.groups == [1, 2]


def test_who_waits_keeps_no_connection_from_whoever_asks(door: Door, partner: Partner) -> None:
    def connections() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'accepting'")
            return int(cursor.fetchone()[0])

    def one_is_left() -> None:
        await_condition(lambda: connections() == 1, within_s=30, what="those who wait having closed theirs")

    made = accept_at_once(door, [asked(partner, number) for number in range(4)], one_is_left)
    assert [one.result().replayed for one in made] == [False] * 4


def test_where_it_is_not_known_what_became_of_it_nobody_asks_again(door: Door, partner: Partner) -> None:
    door.breaks = True
    made = accept_at_once(door, [asked(partner, number) for number in range(4)])
    assert door.groups == [1, 3]
    assert all(isinstance(one.exception(), OperationalError) for one in made)


def test_who_would_wait_too_long_is_told_to_come_again(
    door: Door, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepting._together, "_patience_s", 0.05)
    requests = [asked(partner, number) for number in range(2)]
    door.groups.clear()
    door.opened.clear()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(_accept_and_close, requests[0])
        await_condition(lambda: door.groups, what="the first at the door")
        assert isinstance(pool.submit(_accept_and_close, requests[1]).exception(), OperationalError)
        door.opened.set()
        assert not first.result().replayed
    assert door.groups == [1]
    # Nothing was done for the other, so the same key is as good as new.
    assert not accept(requests[1]).replayed
