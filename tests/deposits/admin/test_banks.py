"""Deposits from banks in the admin: found by what the player approved, told in full, and no secret with it."""

from __future__ import annotations

from django.test import Client

from deposits.models import Deposit
from deposits.states import State
from tests.deposits.admin.staging import LIST, page_of
from tests.deposits.ui.banks import APPROVAL, awaiting_approval, from_bank
from tests.deposits.ui.visiting import put, text_of


def test_a_deposit_is_found_by_what_its_player_approves(staff: Client) -> None:
    deposit = awaiting_approval(from_bank())
    found = staff.get(f"{LIST}?q={deposit.consent_id}")
    assert found["Location"] == page_of(deposit)
    page = text_of(staff.get(page_of(deposit)))
    assert f"Approval asked for as {deposit.consent_id}" in page
    assert "Bank Sandbox Bank (sandbox-bank)" in page
    assert "The player is to approve it at Sandbox Bank. If nobody comes back, we ask Sandbox Bank" in page
    assert "Phone" not in page


def test_what_was_brought_back_from_the_bank_is_not_shown(staff: Client) -> None:
    deposit = awaiting_approval(from_bank(), next_step=Deposit.Next.CONFIRM, approval_code="brought-back")
    put(deposit, State.PENDING, credential="sealed-credential")
    for address in (page_of(deposit), LIST):
        page = staff.get(address).content.decode()
        for secret in ("brought-back", "sealed-credential", APPROVAL):
            assert secret not in page
