"""Limits at their edge: many deposits at once, exactly as many accepted as there is room for."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from accounts.models import Player
from deposits.actions.accept import accept
from deposits.actions.closed_loop import WithdrawalRequest, sources, withdraw
from deposits.actions.refusal import Refusal
from deposits.models import Accumulator, Deposit
from tests.deposits import making
from tests.deposits.admin.staging import credited
from tests.locks import somebody_waits_for_us
from tests.stack import await_condition

pytestmark = pytest.mark.usefixtures("patient")


def test_f61_twenty_at_once_never_pass_the_players_limit() -> None:
    partner = making.partner()
    Player.objects.create(
        partner=partner, external_id="p-1", weekly_limit_minor=7_000, identity_state="verified"
    )
    barrier = threading.Barrier(20)

    def ask(_: int) -> str:
        try:
            barrier.wait()
            accept(making.request("300", partner_id=partner.pk, amount_minor=2_000))
        except Refusal as refusal:
            return refusal.code
        finally:
            connection.close()
        return "accepted"

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(ask, range(20)))
    assert answers.count("accepted") == 3
    assert set(answers) == {"accepted", "limit_would_exceed"}
    player = Player.objects.get(partner=partner)
    assert Deposit.objects.filter(player=player).count() == 3
    assert making.counted("player", player.pk) == 6_000


def test_f61_one_that_waits_for_another_counts_what_that_one_has_added() -> None:
    partner = making.partner()
    Player.objects.create(
        partner=partner, external_id="p-1", weekly_limit_minor=5_000, identity_state="verified"
    )
    accept(making.request("304", partner_id=partner.pk, amount_minor=1_000))
    answers: list[str] = []

    def ask() -> None:
        try:
            accept(making.request("305", partner_id=partner.pk, amount_minor=2_000))
            answers.append("accepted")
        except Refusal as refusal:
            answers.append(refusal.code)
        finally:
            connection.close()

    with transaction.atomic():
        accept(making.request("306", partner_id=partner.pk, amount_minor=3_000))
        second = threading.Thread(target=ask)
        second.start()
        await_condition(somebody_waits_for_us, what="the second waiting for the first")
    second.join()
    assert answers == ["limit_would_exceed"]


def test_a_refused_deposit_leaves_nothing_behind() -> None:
    partner = making.partner()
    player = Player.objects.create(
        partner=partner, external_id="p-1", weekly_limit_minor=1_999, identity_state="verified"
    )
    with pytest.raises(Refusal) as refused:
        accept(making.request("301", partner_id=partner.pk, amount_minor=2_000))
    assert refused.value.facts["left_minor"] == 1_999
    assert not Deposit.objects.filter(player=player).exists()
    assert not Accumulator.objects.filter(subject=str(player.pk)).exists()


def test_the_same_key_counts_once() -> None:
    request = making.request("302")
    first, second = accept(request), accept(request)
    assert (first.replayed, second.replayed) == (False, True)
    assert second.deposit.pk == first.deposit.pk
    assert making.counted("player", first.deposit.player_id) == 2_000


def test_withdrawals_at_once_never_take_more_than_is_left() -> None:
    made = credited(making.accepted("303"))
    (source,) = sources(made.player_id)
    barrier = threading.Barrier(8)

    def ask(number: int) -> str:
        try:
            barrier.wait()
            withdraw(
                WithdrawalRequest(made.player_id, source.id, 500, f"test:{made.reference}", str(number), "k")
            )
        except Refusal as refusal:
            return refusal.code
        finally:
            connection.close()
        return "recorded"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert sorted(answers) == ["above_source"] * 4 + ["recorded"] * 4
    assert sources(made.player_id)[0].left_minor == 0
