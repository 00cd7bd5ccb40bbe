"""Amounts and numbers as people write them, and the keys of forms."""

from __future__ import annotations

import uuid

import pytest

from deposits.ui import forms


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("20", 2_000),
        ("20.00", 2_000),
        ("20.5", 2_050),
        ("£20", 2_000),
        (" £ 20 ", 2_000),
        ("20 £", 2_000),
        ("2 0", 2_000),
        ("\u00a020", 2_000),
        ("1,000", 100_000),
        ("20,00", 2_000),
        ("20,5", 2_050),
        ("٢٠", 2_000),
        ("٢٠٫٥٠", 2_050),
        ("0", 0),
    ],
)
def test_amounts_that_people_write(text: str, minor: int) -> None:
    assert forms.amount_minor(text) == minor


@pytest.mark.parametrize(
    "text", ["", "abc", "-20", "20.001", "20.", ".5", "2e1", "20$", "20 pounds", "£", "1,0000", "²0"]
)
def test_what_is_no_amount(text: str) -> None:
    assert forms.amount_minor(text) is None


@pytest.mark.parametrize("text", ["07700 900123", "+44 7700 900123", "0044 7700900123", "(07700) 900-123"])
def test_numbers_that_people_write(text: str) -> None:
    assert forms.msisdn(text) == "+447700900123"


@pytest.mark.parametrize("text", ["", "hello", "12", "+", "0770090012345678"])
def test_what_is_no_number(text: str) -> None:
    assert forms.msisdn(text) is None


@pytest.mark.parametrize(
    "text", ["4242424242424242", "4242 4242 4242 4242", "Visa 5555-5555-5555-4444", "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢"]
)
def test_a_cards_number_is_dropped_wherever_it_is_typed(text: str) -> None:
    entry = forms.Entry.of({"number": text, "bank": text, "amount": "20", "method": "another-bank"})
    assert (entry.number, entry.bank) == ("", "")


@pytest.mark.parametrize("text", ["07700 900123", "+447700900123", "4242424242424241", "Bank of 1694"])
def test_what_is_no_cards_number_stays(text: str) -> None:
    assert forms.Entry.of({"number": text}).number == text


def test_a_forms_key_serves_its_player_only() -> None:
    key = forms.deposit_key(1)
    nonce = forms.read_deposit_key(1, key)
    assert nonce
    assert forms.read_deposit_key(2, key) is None
    assert forms.read_deposit_key(1, f"x{key}") is None
    assert forms.read_deposit_key(1, nonce) is None
    assert forms.deposit_key(1) != key


def test_a_code_forms_key_is_the_same_for_one_round_and_one_deposit() -> None:
    deposit = uuid.uuid4()
    key = forms.command_key(deposit, 0)
    assert forms.command_key(deposit, 0) == key
    assert forms.read_command_key(deposit, key)
    assert forms.command_key(deposit, 1) != key
    assert forms.read_command_key(uuid.uuid4(), key) is None
