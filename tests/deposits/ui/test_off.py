"""S25: while staff hold every way to pay shut, the page says so, until when if they know, and offers no form."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.protections import breaks
from accounts.protections.acts import Actor
from carriers import registry
from carriers.messages import messages
from deposits import breakers, player_texts
from deposits.models import Breaker, ReturnText
from deposits.ui.clock import clock
from tests.deposits.ui.visiting import player, text_of, title_of, visitor

pytestmark = pytest.mark.django_db


def shut(*codes: str, back_at: datetime | None = None) -> None:
    """Staff open the breakers of these carriers for new deposits."""
    breakers.make_known(codes)
    for breaker in Breaker.objects.filter(carrier__in=codes, operation="authorise"):
        breakers.hold_open(breaker, "planned work", back_at)


def everybody() -> list[str]:
    return list(registry.registry().profiles)


def page() -> Any:
    return visitor(player()).get("/deposit/")


def test_when_every_way_is_held_the_first_time_of_return_is_told() -> None:
    now = timezone.now()
    first, *others = everybody()
    shut(*others)
    shut(first, back_at=now + timedelta(minutes=30))
    shut(others[0], back_at=now + timedelta(minutes=90))
    shown = page()
    heading = f"Deposits are off until {clock(now + timedelta(minutes=30), now)}"
    assert title_of(shown) == heading
    assert f"{heading} Your balance and games are not affected." in text_of(shown)
    assert b'name="key"' not in shown.content


@pytest.mark.parametrize("back_at", [None, timezone.now() - timedelta(minutes=5)])
def test_no_time_is_told_that_nobody_knows_or_that_has_passed(back_at: datetime | None) -> None:
    shut(*everybody(), back_at=back_at)
    assert title_of(page()) == "Deposits are off right now"


def test_one_way_that_is_open_is_enough_for_the_form() -> None:
    shut(*everybody()[1:])
    assert b'name="key"' in page().content


def test_what_a_breaker_has_shut_by_itself_is_still_tried() -> None:
    shut(*everybody())
    Breaker.objects.filter(carrier=everybody()[0]).update(held=False)
    assert b'name="key"' in page().content


def test_who_may_not_deposit_at_all_is_told_that_first() -> None:
    shut(*everybody())
    barred = visitor(player(blocked_at=timezone.now())).get("/deposit/")
    assert "Deposits are off" in text_of(barred)  # said neutrally, as to everybody
    limited = visitor(player(weekly_limit_minor=0)).get("/deposit/")
    assert "You have reached your deposit limit" in text_of(limited)


def reopen() -> None:
    for breaker in Breaker.objects.filter(held=True):
        breakers.close(breaker, "done")


def test_closing_ends_it() -> None:
    shut(*everybody(), back_at=timezone.now() + timedelta(hours=1))
    reopen()
    assert b'name="key"' in page().content
    assert not Breaker.objects.filter(back_at__isnull=False).exists()


OFFER, PROMISE = "Tell me when it is back", "We will text the phone ending 001 when deposits are back."


def test_who_asks_is_told_once_when_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, str]] = []
    service = messages()
    assert service is not None
    monkeypatch.setattr(type(service), "send", lambda _, number, text: sent.append((number, text)))
    someone, on_a_break = player(), player("002")
    shut(*everybody())
    for one in (someone, on_a_break):
        client = visitor(one)
        assert OFFER in text_of(client.get("/deposit/"))
        page = client.post("/deposit/back/", follow=True)
    page = visitor(someone).get("/deposit/")
    assert PROMISE in text_of(page)
    assert OFFER not in text_of(page)
    assert player_texts.send_owed() == 0
    breaks.take_time_out(on_a_break, 24, Actor("player"))
    reopen()
    assert [player_texts.send_owed() for _ in range(2)] == [1, 0]
    assert sent == [("+447700900001", "Paysite Casino: deposits are back.")]
    # Another time, another text.
    shut(*everybody())
    assert OFFER in text_of(visitor(someone).get("/deposit/"))
    visitor(someone).post("/deposit/back/")
    reopen()
    assert player_texts.send_owed() == 1


def test_who_has_shown_no_number_is_offered_none() -> None:
    shut(*everybody())
    client = visitor(player(proved=False))
    assert OFFER not in text_of(client.get("/deposit/"))
    client.post("/deposit/back/")
    assert not ReturnText.objects.exists()
