"""What stands between a tap and a deposit, where something does: one more look, and a first limit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditRecord, Player
from deposits import rule_sets
from deposits.states import State
from tests.deposits.ui.banks import BANK
from tests.deposits.ui.visiting import deposit_of, key_of, made_in, player, put, tap, text_of, visitor

pytestmark = pytest.mark.django_db

LONG_AGO = timezone.now() - timedelta(days=3)
FIRST_LIMIT = "/deposit/limits/first/"


def returning(*minor: int, at: Any = LONG_AGO, **fields: Any) -> Client:
    """The browser of a player who has made deposits of these amounts, in pounds, by phone bill."""
    client = visitor(player(**fields))
    for amount in minor:
        put(deposit_of(tap(client, str(amount), reviewed="1")), State.CREDITED, created_at=at)
    return client


def is_reviewed(response: Any) -> bool:
    return "/deposit/review/" in response["Location"]


def test_a_usual_deposit_is_one_tap() -> None:
    client = returning(10, 20, 20)
    assert not is_reviewed(tap(client, "40"))


def test_more_than_twice_the_median_is_looked_at_once_more_and_then_made() -> None:
    client = returning(10, 10, 40)
    sent = tap(client, "30")
    assert is_reviewed(sent)
    assert made_in(client) == 3
    page = client.get(sent["Location"])
    assert "Deposit £30 by phone bill?" in text_of(page)
    assert "Nothing has been sent." in text_of(page)
    again = {"amount": "30", "key": key_of(page), "reviewed": "1", "live": "1"}
    assert deposit_of(client.post("/deposit/", again)).amount_minor == 3_000


def test_the_third_within_an_hour_is_looked_at_once_more() -> None:
    client = returning(10, at=timezone.now())
    assert not is_reviewed(tap(client, "10"))
    client = returning(10, 10, at=timezone.now())
    assert is_reviewed(tap(client, "10"))


def test_another_way_to_pay_for_the_first_time_is_looked_at_once_more() -> None:
    assert is_reviewed(tap(returning(10), "10", method=f"bank:{BANK}"))
    # Nobody's first deposit of all: nothing is usual yet.
    assert not is_reviewed(tap(visitor(player()), "10", method=f"bank:{BANK}"))


def test_what_leaves_little_of_the_limit_is_looked_at_once_more() -> None:
    # £49 are left of £50, because what was made three days ago was counted then.
    client = returning(20, 20, weekly_limit_minor=8_300)
    sent = tap(client, "40")
    assert is_reviewed(sent)
    assert "Left of your limit this week £3.00" in text_of(client.get(sent["Location"]))
    assert not is_reviewed(tap(client, "20"))


def test_who_is_to_look_twice_does_so_before_every_deposit() -> None:
    client = visitor(player(look_twice_at=timezone.now()))
    asked = tap(client)
    assert asked["Location"].startswith("/deposit/review/")
    page = client.get(asked["Location"])
    assert "This is not your usual deposit." in text_of(page)
    assert deposit_of(tap(client, key=key_of(page), reviewed="1"))


def test_what_cannot_be_sent_leads_back_to_the_form() -> None:
    answer = visitor(player()).get("/deposit/review/?amount=1")
    assert answer["Location"].startswith("/deposit/?amount=1")


def test_a_first_deposit_asks_for_a_limit_which_is_set_with_the_amount_kept() -> None:
    someone = player(limits_reviewed_at=None)
    client = visitor(someone)
    asked = tap(client, "30")
    assert asked["Location"].startswith(FIRST_LIMIT)
    assert made_in(client) == 0
    page = client.get(asked["Location"])
    assert "You can lower it at any time. Raising it takes 24 hours." in text_of(page)
    back = client.post(asked["Location"], {"limit": "£50", "period": "week"})
    someone.refresh_from_db()
    assert someone.weekly_limit_minor == 5_000
    assert back["Location"].startswith("/deposit/?amount=30")
    assert deposit_of(tap(client, "30")).amount_minor == 3_000


@pytest.mark.parametrize("typed", ["", "lots", "0"])
def test_what_is_no_limit_is_told_at_the_field(typed: str) -> None:
    someone = player(limits_reviewed_at=None)
    answer = visitor(someone).post(FIRST_LIMIT, {"limit": typed, "period": "week"})
    assert "Enter an amount, like 50" in text_of(answer)
    assert Player.objects.get(pk=someone.pk).weekly_limit_minor is None


def test_to_go_on_without_a_limit_is_asked_twice_kept_and_never_asked_again() -> None:
    someone = player(limits_reviewed_at=None)
    client = visitor(someone)
    asked = tap(client)["Location"]
    page = client.get(f"{asked}&without=1")
    assert "Continue without a limit?" in text_of(page)
    # The first of the two is to set one after all, and leads to the question and not round in a circle.
    assert "without" not in client.get(asked).context["query"]
    client.post(asked, {"without": "1"})
    assert AuditRecord.objects.filter(action="limit.prompt_declined", subject=str(someone.pk)).exists()
    assert deposit_of(tap(client))


def test_where_no_rule_asks_for_it_nobody_is_asked(settings: Any) -> None:
    settings.LIMIT_PROMPT_IN = ["SE"]
    assert deposit_of(tap(visitor(player(limits_reviewed_at=None))))


def test_the_bill_and_what_is_left_are_told_before_the_tap() -> None:
    words = text_of(visitor(player(weekly_limit_minor=5_000)).get("/deposit/"))
    assert "You can deposit £50.00 more this week. It starts again on " in words
    assert "On your bill as PAYSITE*CASINO." in words


def test_what_the_network_still_lets_the_number_be_charged_is_told_before_the_tap() -> None:
    someone = player()
    phone = someone.phones.get()
    rule_sets.add(
        {
            "code": f"test-{someone.pk}",
            "jurisdiction": "GB",
            "zone": "Europe/London",
            "currency": "GBP",
            "effective_from": datetime(2018, 1, 13, tzinfo=UTC),
            "source": "a test",
            "subject": "phone_number",
            "subject_key": phone.number,
            "measure": "gross",
            "window": "month",
            "amount": 24_000,
        },
        "a test",
    )
    words = text_of(visitor(someone).get("/deposit/"))
    assert "This number can take £240.00 more this month, until 1 " in words
