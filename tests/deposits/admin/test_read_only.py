"""Nothing that the product writes can be changed in the admin, by anybody."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.test import Client

import paysite.urls  # noqa: F401  the admin's pages are found with the addresses
from accounts.admin.read_only import ReadOnlyAdmin
from deposits.models import Deposit
from tests.deposits.admin.staging import LIST, page_of

_READ_ONLY = sorted(
    (
        model._meta.label_lower
        for model, pages in admin.site._registry.items()
        if isinstance(pages, ReadOnlyAdmin)
    ),
)


def address(label: str, rest: str) -> str:
    return f"/admin/{label.replace('.', '/')}/{rest}"


def test_everything_that_is_money_limits_or_trail_is_read_only() -> None:
    assert set(_READ_ONLY) == {
        *(
            f"deposits.{name}"
            for name in (
                *("deposit", "refund", "carriernotification", "accumulator", "case", "breaker"),
                *("rule", "ruleproposal"),
            )
        ),
        *(f"deposits.settlement{name}" for name in ("file", "line", "finding")),
        *(f"accounts.{name}" for name in ("player", "partner", "apikey", "ledgeraccount", "ledgerentry")),
        *(f"accounts.{name}" for name in ("posting", "auditrecord")),
    }


@pytest.mark.parametrize("label", sorted(set(_READ_ONLY) - {"accounts.partner"}))
def test_a_superuser_can_neither_add_nor_use_an_action(staff: Client, label: str) -> None:
    assert staff.get(address(label, "add/")).status_code == 403
    assert staff.post(address(label, "add/"), {}).status_code == 403
    action = {"action": "delete_selected", "_selected_action": "1", "index": "0"}
    assert staff.post(address(label, ""), action).status_code == 403


def test_a_superuser_cannot_change_or_delete_a_deposit(staff: Client, deposit: Deposit) -> None:
    before = Deposit.objects.values().get(pk=deposit.pk)
    assert staff.post(page_of(deposit), {"state": "failed", "amount_minor": "1"}).status_code == 403
    assert staff.post(f"{LIST}{deposit.pk}/delete/", {"post": "yes"}).status_code == 403
    assert staff.get(f"{LIST}{deposit.pk}/delete/").status_code == 403
    assert Deposit.objects.values().get(pk=deposit.pk) == before


def test_a_superuser_cannot_change_or_delete_a_player(staff: Client, deposit: Deposit) -> None:
    player = f"/admin/accounts/player/{deposit.player_id}/"
    assert staff.post(f"{player}change/", {"external_id": "x"}).status_code == 403
    assert staff.post(f"{player}delete/", {"post": "yes"}).status_code == 403


def test_staff_without_the_permission_see_nothing(clerk: Client, deposit: Deposit) -> None:
    assert clerk.get(LIST).status_code == 403
    assert clerk.get(f"{LIST}?q={deposit.reference}").status_code == 403
    assert clerk.get(page_of(deposit)).status_code == 403
    assert deposit.reference not in clerk.get("/admin/").content.decode()


@pytest.mark.parametrize("label", _READ_ONLY)
def test_every_list_opens(staff: Client, deposit: Deposit, label: str) -> None:
    assert staff.get(address(label, "")).status_code == 200


def test_a_page_that_is_not_there_is_not_found(staff: Client) -> None:
    assert staff.get(f"{LIST}D-0000-0000/change/").status_code == 404
    assert staff.get("/admin/accounts/ledgerentry/abc/change/").status_code == 404
