"""The national register is asked before the first byte leaves, once a day; an exclusion there stops every charge."""

from __future__ import annotations

import json
import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db.models import F

from accounts import ledger
from accounts.models import Player, PlayerPhone, Protection
from accounts.protections import identity
from accounts.protections.acts import Actor
from carriers import registers
from deposits import rules
from deposits.actions.accept import accept
from deposits.actions.refusal import Refusal
from deposits.models import Attempt, Deposit
from deposits.presentation import reason
from deposits.states import FINAL, State
from tests.deposits.making import own_number, partner, request
from tests.faults_evidence.conftest import Carrier

pytestmark = pytest.mark.usefixtures("alone", "register")

PARTNER = Actor("partner", "test")
FIRST_NAME = "Augusta"


@pytest.fixture
def register(carrier: Carrier, settings: Any) -> Any:
    """The sandbox's register, which answers at once or not at all."""

    def configure(**changes: Any) -> None:
        settings.REGISTER = {
            "adapter": "gamstop",
            "jurisdictions": ["GB"],
            "base_url": f"http://127.0.0.1:{carrier.sandbox.port}/register/v2",
            "api_key": "key",
            "total_s": 1.9,
            **changes,
        }

    configure()
    return configure


def person(last_name: str, **changes: Any) -> Player:
    """A real, verified player of this name, with a number that is shown to be theirs."""
    given = {
        "identity_state": "verified",
        "born_on": date(1990, 5, 17),
        "first_name": FIRST_NAME,
        "last_name": last_name,
        "postcode": f"AB{uuid.uuid4().int % 10_000} 1CD",
        **changes,
    }
    player = identity.put(
        partner().pk, f"p-{uuid.uuid4().hex[:8]}", given, PARTNER, rules.minimum_age, test=False
    )
    phone = PlayerPhone.objects.create(player=player, number=own_number())
    PlayerPhone.objects.filter(pk=phone.pk).update(verified_at=phone.created_at)
    ledger.player_account_id(player.pk, "GBP")
    return player


def deposit_of(player: Player) -> Deposit:
    sent = request(
        partner_id=player.partner_id,
        player=player.external_id,
        phone_number=player.phones.get().number,
        test_mode=False,
    )
    return Deposit.objects.get(pk=accept(sent).deposit.pk)


def worked(carrier: Carrier, player: Player) -> Deposit:
    """A deposit of the player's, after workers have done what was due."""
    return carrier.work_until(deposit_of(player), *FINAL)


def asked(carrier: Carrier) -> int:
    """How often the register was asked, by whomever."""
    seen = carrier.sandbox.call("GET", "/sandbox/requests").json["requests"]
    return sum(one["path"] == "/register/v2" for one in seen)


def test_whom_the_register_does_not_know_is_charged_and_asked_about_once_a_day(carrier: Carrier) -> None:
    player, before = person("Byron"), asked(carrier)
    for _ in range(2):
        assert worked(carrier, player).state == State.CREDITED
    assert asked(carrier) == before + 1
    later = F("register_fresh_until") - timedelta(days=1, seconds=1)
    Player.objects.filter(pk=player.pk).update(register_fresh_until=later)
    assert worked(carrier, player).state == State.CREDITED
    assert asked(carrier) == before + 2


def test_whom_it_knows_is_not_charged_and_refused_from_then_on(carrier: Carrier) -> None:
    player = person("Excluded")
    deposit = worked(carrier, player)
    assert (deposit.state, deposit.reason_code) == (State.DECLINED, "self_excluded")
    assert carrier.posts(deposit) == []
    kept = Protection.objects.get(player=player)
    assert (kept.kind, kept.actor_kind) == ("register", "system")
    # For as long as the answer counts: then it is asked again. The player is told no end that we do not know.
    assert kept.ends_at - kept.begins_at == timedelta(days=1)
    with pytest.raises(Refusal) as refusal:
        deposit_of(player)
    assert (refusal.value.code, refusal.value.facts) == ("self_excluded", {})
    said = reason(deposit)
    assert said is not None
    assert said.text == "You chose to exclude yourself."


def test_whom_it_knew_once_and_no_longer_is_charged(carrier: Carrier) -> None:
    assert worked(carrier, person("Returned")).state == State.CREDITED


@pytest.mark.parametrize("last_name", ["Down", "Garbled", "Slow"])
def test_when_it_does_not_answer_nobody_is_charged(carrier: Carrier, register: Any, last_name: str) -> None:
    if last_name == "Slow":
        register(total_s=1.0)
    player = person(last_name)
    deposit = worked(carrier, player)
    assert (deposit.state, deposit.reason_code) == (State.DECLINED, "check_unavailable")
    assert carrier.posts(deposit) == []
    # Nothing is kept: the next deposit asks again.
    assert deposit_of(player).state == State.RECEIVED


def test_a_setting_lets_them_be_charged_all_the_same(carrier: Carrier, register: Any) -> None:
    register(unanswered="allow")
    assert worked(carrier, person("Down")).state == State.CREDITED


def test_nobody_is_charged_when_the_register_is_not_there(carrier: Carrier, register: Any) -> None:
    register(base_url="http://127.0.0.1:9/register/v2")
    assert worked(carrier, person("Byron")).reason_code == "check_unavailable"


def test_of_whom_too_little_is_known_nobody_can_ask(carrier: Carrier) -> None:
    before = asked(carrier)
    deposit = worked(carrier, person("Byron", postcode=""))
    assert (deposit.state, deposit.reason_code) == (State.DECLINED, "checks_needed")
    assert asked(carrier) == before


def test_it_is_asked_again_about_somebody_who_is_somebody_else(carrier: Carrier) -> None:
    player = person("Byron")
    assert worked(carrier, player).state == State.CREDITED
    identity.change(player, {"last_name": "Excluded"}, PARTNER, rules.minimum_age)
    assert worked(carrier, player).reason_code == "self_excluded"


def test_players_of_elsewhere_and_test_players_are_nobody_to_it(carrier: Carrier) -> None:
    before = asked(carrier)
    assert worked(carrier, person("Excluded", jurisdiction="IE")).state == State.CREDITED
    made_by_test_key = carrier.deposit()
    carrier.work(made_by_test_key)
    made_by_test_key.refresh_from_db()
    assert made_by_test_key.state == State.CREDITED
    assert asked(carrier) == before


def test_what_was_asked_is_kept_nowhere(carrier: Carrier, caplog: pytest.LogCaptureFixture) -> None:
    deposit = worked(carrier, person("Byron"))
    kept = json.dumps(list(Attempt.objects.filter(deposit=deposit).values_list("exchanges", flat=True)))
    seen = carrier.sandbox.call("GET", "/sandbox/requests").body.decode()
    for text in (kept, seen, caplog.text):
        assert FIRST_NAME not in text


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"unanswered": "shrug"}, "unanswered"),
        ({"base_url": "ftp://x"}, "base_url"),
        ({"adapter": "nothing"}, "adapter"),
        ({"api_key": ""}, "api_key"),
        ({"colour": "blue"}, "colour"),
        ({"total_s": 0}, "total_s"),
    ],
)
def test_what_is_configured_wrongly_is_named(register: Any, changes: dict[str, Any], named: str) -> None:
    register(**changes)
    with pytest.raises(ImproperlyConfigured, match=f"REGISTER: {named}"):
        registers.register()
