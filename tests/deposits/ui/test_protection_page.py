"""The page of limits and breaks: what a player does there holds, and what cannot be undone is asked twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Player, Protection
from deposits.actions import own_limits
from deposits.models import LimitRaise
from tests.deposits.api.test_own_limits import let_pass
from tests.deposits.ui.visiting import HARMLESS, links_of, player, text_of, visitor

pytestmark = pytest.mark.django_db

PAGE = "/deposit/limits/change/"


def test_the_deposit_page_leads_there() -> None:
    client = visitor(player())
    assert "/deposit/limits/" in client.get("/deposit/").content.decode()
    assert PAGE in client.get("/deposit/limits/").content.decode()


def test_a_limit_is_set_lowered_at_once_and_raised_a_day_later() -> None:
    someone = player()
    client = visitor(someone)
    for amount, said in (("50", "Your limit is set."), ("40", "Your limit is set."), ("60", "in 24 hours")):
        answer = client.post(PAGE, {"act": "set", "period": "week", "amount": amount}, follow=True)
        assert said in text_of(answer)
    someone.refresh_from_db()
    assert someone.weekly_limit_minor == 4_000
    assert "Confirm £60.00" not in text_of(client.get(PAGE))
    assert "too early" in text_of(client.post(PAGE, {"act": "confirm", "period": "week"}, follow=True))
    let_pass(timedelta(hours=24))
    assert "Confirm £60.00" in text_of(client.get(PAGE))
    client.post(PAGE, {"act": "confirm", "period": "week"})
    someone.refresh_from_db()
    assert someone.weekly_limit_minor == 6_000


def test_no_limit_waits_as_every_raise_does_and_can_be_taken_back() -> None:
    someone = player(weekly_limit_minor=4_000)
    client = visitor(someone)
    client.post(PAGE, {"act": "set", "period": "week", "amount": "", "limit": "none"})
    assert "You asked for no limit" in text_of(client.get(PAGE))
    client.post(PAGE, {"act": "withdraw", "period": "week"})
    assert not LimitRaise.objects.filter(player=someone, state="waiting").exists()


def test_what_is_no_amount_is_said_and_sets_nothing() -> None:
    someone = player()
    answer = visitor(someone).post(PAGE, {"act": "set", "period": "week", "amount": "lots"}, follow=True)
    assert "Enter an amount" in text_of(answer)
    assert Player.objects.get(pk=someone.pk).weekly_limit_minor is None


@pytest.mark.parametrize(("chosen", "kind"), [("h24", "time_out"), ("m6", "self_exclusion")])
def test_a_break_is_asked_about_once_more_and_then_holds(chosen: str, kind: str) -> None:
    someone = player()
    client = visitor(someone)
    asked = client.post(PAGE, {"break": chosen})
    assert "nobody can end it early" in text_of(asked)
    assert not Protection.objects.filter(player=someone).exists()
    page = client.post(PAGE, {"break": chosen, "sure": "1"}, follow=True)
    assert Protection.objects.get(player=someone).kind == kind
    assert "Support and tools" in text_of(page)
    assert b"<form" not in page.content
    assert links_of(page) <= HARMLESS


def test_the_six_months_review_is_asked_for_when_it_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    someone = player()
    client = visitor(someone)
    client.post(PAGE, {"act": "set", "period": "week", "amount": "50"})
    assert "six months" not in text_of(client.get(PAGE))
    monkeypatch.setattr(own_limits, "REVIEW_EVERY_MONTHS", 0)
    assert "It is six months since" in text_of(client.get(PAGE))
    assert "stay as they are" in text_of(client.post(PAGE, {"act": "keep"}, follow=True))


def test_nobody_acts_without_being_signed_in(settings: Any) -> None:
    settings.DEMO = False
    assert visitor(None).post(PAGE, {"break": "h24", "sure": "1"}).status_code == 403
    assert not Protection.objects.exists()
