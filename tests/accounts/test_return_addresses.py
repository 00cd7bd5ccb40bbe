"""Where a partner's players may be sent back to: what an entry covers, and what it never does."""

from __future__ import annotations

import uuid

import pytest

from accounts import api_keys, return_addresses
from accounts.models import ApiKey, Partner

SITE = ["https://casino.example/"]
CASHIER = ["https://casino.example/cashier"]


@pytest.mark.parametrize(
    ("entries", "url"),
    [
        (SITE, "https://casino.example"),
        (SITE, "https://casino.example/back?a=1#b"),
        (SITE, "https://CASINO.example:443/back"),
        (["https://casino.example"], "https://casino.example/back"),
        (["https://other.example/", *SITE], "https://casino.example/back"),
        (["https://casino.example:8443/"], "https://casino.example:8443/back"),
        (CASHIER, "https://casino.example/cashier"),
        (CASHIER, "https://casino.example/cashier?from=us"),
        (CASHIER, "https://casino.example/cashier/done"),
        (["https://casino.example/cashier/"], "https://casino.example/cashier/done"),
    ],
)
def test_an_entry_covers_what_begins_with_it(entries: list[str], url: str) -> None:
    assert return_addresses.covers(entries, url)


@pytest.mark.parametrize(
    ("entries", "url"),
    [
        ([], "https://casino.example/"),
        (SITE, "http://casino.example/"),
        (SITE, "https://casino.example:8443/"),
        (SITE, "https://casino.example.evil.example/"),
        (SITE, "https://evil.example/https://casino.example/"),
        (SITE, "https://casino.example@evil.example/"),
        (SITE, "https://sub.casino.example/"),
        (SITE, "https://casino.example\\@evil.example/"),
        (SITE, "//casino.example/"),
        (SITE, "javascript:alert(1)"),
        (SITE, "https://casino.example:99999/"),
        (SITE, "https://cаsino.example/"),  # a Cyrillic letter
        (CASHIER, "https://casino.example/"),
        (CASHIER, "https://casino.example/cashier-of-others"),
        (CASHIER, "https://casino.example/cashier/../admin"),
        (CASHIER, "https://casino.example/cashier/%2E%2e/admin"),
        (CASHIER, "https://casino.example/cashier/.."),
    ],
)
def test_an_entry_covers_nothing_else(entries: list[str], url: str) -> None:
    assert not return_addresses.covers(entries, url)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("http://casino.example/", "must begin with https://"),
        ("casino.example", "Write it like"),
        ("https://casino.example/?a=1", "leave out what follows the path"),
        ("https://casino.example/#a", "leave out what follows the path"),
        ("https://u:p@casino.example/", "Write it like"),
        ("https://casino.example/" + "a" * 500, "Write it like"),
        ("https://casino.example/a/../b", "Write it like"),
    ],
)
def test_what_cannot_be_registered_is_told(entry: str, told: str) -> None:
    assert told in return_addresses.problem_of(entry)


@pytest.mark.parametrize(
    "entry", ["https://casino.example/", "https://casino.example:8443/a", "http://localhost:3000/"]
)
def test_what_can_be_registered_has_no_problem(entry: str) -> None:
    assert return_addresses.problem_of(entry) == ""


@pytest.mark.parametrize(
    ("url", "extended"),
    [
        ("https://a.example", "https://a.example?deposit=dep_1"),
        ("https://a.example/b?", "https://a.example/b?deposit=dep_1"),
        ("https://a.example/b?c=d", "https://a.example/b?c=d&deposit=dep_1"),
        ("https://a.example/b?c=d#e", "https://a.example/b?c=d&deposit=dep_1#e"),
        ("https://a.example/#/route", "https://a.example/?deposit=dep_1#/route"),
    ],
)
def test_only_the_deposit_is_added(url: str, extended: str) -> None:
    assert return_addresses.with_deposit(url, "dep_1") == extended


@pytest.mark.django_db
def test_what_is_registered_counts_for_a_remembered_key_at_once() -> None:
    partner = Partner.objects.create(name="Casino", slug=uuid.uuid4().hex)
    key = api_keys.issue(partner, "shop", ApiKey.Mode.LIVE)
    holder = api_keys.recognise(key)
    assert holder is not None
    assert not holder.may_return_to("https://casino.example/back")
    assert not holder.may_return_to("http://localhost:3000/back")
    Partner.objects.filter(pk=partner.pk).update(return_addresses=SITE)
    assert api_keys.recognise(key) is holder
    assert holder.may_return_to("https://casino.example/back")


@pytest.mark.django_db
def test_a_test_key_comes_back_to_the_developers_own_machine() -> None:
    partner = Partner.objects.create(name="Casino", slug=uuid.uuid4().hex)
    holder = api_keys.authenticate(api_keys.issue(partner, "shop", ApiKey.Mode.TEST))
    assert holder is not None
    assert holder.may_return_to("http://localhost:3000/back")
    assert not holder.may_return_to("https://casino.example/back")
