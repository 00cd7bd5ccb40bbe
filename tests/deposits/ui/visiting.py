"""Visiting the pages in tests: players of the test's own, signed in, and the forms as a browser would send them."""

from __future__ import annotations

import re
import uuid
from html import unescape
from typing import Any

from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import ledger
from accounts.models import Player, PlayerPhone
from deposits.models import Deposit
from deposits.states import State
from tests.deposits.making import partner
from tests.triggers import triggers_off

SENT_WITH_SCRIPT = {"live": "1"}


def player(*endings: str, proved: bool = True, **fields: Any) -> Player:
    """Return a player with the sandbox's numbers that end so; by default 001."""
    fields.setdefault("identity_state", Player.Identity.VERIFIED)
    # Asked about a limit before, so that a tap is a deposit.
    fields.setdefault("limits_reviewed_at", timezone.now())
    made = Player.objects.create(partner=partner(), external_id=f"p-{uuid.uuid4().hex[:8]}", **fields)
    for ending in endings or ("001",):
        phone = PlayerPhone.objects.create(player=made, number=f"+447700900{ending}")
        if proved:
            PlayerPhone.objects.filter(pk=phone.pk).update(verified_at=phone.created_at)
    ledger.player_account_id(made.pk, "GBP")
    return made


def visitor(of: Player | None) -> Client:
    """Return a browser in which this player is signed in; None: nobody."""
    client = Client()
    if of is not None:
        session = client.session
        session["player_id"] = of.pk
        session.save()
        client.cookies["session"] = session.session_key or ""
    return client


def text_of(response: Any) -> str:
    """Return the words of a page, tags and runs of white space gone."""
    body = re.sub(r"<(script|style|title)\b.*?</\1>", " ", response.content.decode(), flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", body.replace("><", "> <"))).strip()


def title_of(response: Any) -> str:
    """Return the page's title."""
    found = re.search(r"<title>(.*?)</title>", response.content.decode(), re.S)
    assert found
    return found[1]


#: Where pages lead that offer no deposit.
HARMLESS = {"/deposit/history/", "/deposit/limits/", "/deposit/limits/change/"}


def links_of(response: Any) -> set[str]:
    """Return where a page leads within the deposit pages; to itself in another language does not count."""
    page = response.content.decode().split("<nav")[0]
    return {unescape(link) for link in re.findall(r'href="(/deposit/[^"]*)"', page)}


def key_of(response: Any) -> str:
    """Return the idempotency key of the form on a page."""
    found = re.search(r'name="key"[^>]*? value="([^"]+)"', response.content.decode())
    assert found, "there is no form with a key"
    return found[1]


def tap(client: Client, amount: str = "20", **fields: str) -> Any:
    """Open the deposit page and send its form, as the script would (the answer is not held)."""
    key = fields.pop("key", "") or key_of(client.get("/deposit/"))
    return client.post("/deposit/", {"amount": amount, "key": key, **SENT_WITH_SCRIPT, **fields})


def made_in(client: Client) -> int:
    """How many deposits the player signed in there has made."""
    return Deposit.objects.filter(player_id=client.session["player_id"]).count()


def deposit_of(response: Any) -> Deposit:
    """Return the deposit that a tap was redirected to."""
    found = re.search(r"/deposit/(D-[0-9A-Z]{4}-[0-9A-Z]{4})/", response["Location"])
    assert found, f"redirected to {response['Location']}"
    return Deposit.objects.get(reference=found[1])


def put(deposit: Deposit, state: State, **fields: Any) -> Deposit:
    """Put a deposit into a state as the owner of the table could, with its triggers off."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        triggers_off(cursor, "deposits_deposit")
        Deposit.objects.filter(pk=deposit.pk).update(state=state, **fields)
        cursor.execute("ALTER TABLE deposits_deposit ENABLE TRIGGER USER")
    deposit.refresh_from_db()
    return deposit
