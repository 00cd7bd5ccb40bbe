"""The words a player reads: never a gap, never untrue, never a way around a protection."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from carriers.reasons import ACTIONS, CHARGE_STATEMENTS, FACTS, REASONS, Charge, RenderedReason, render

BOTH = frozenset({"carrier_billing", "bank"})
PHONE = frozenset({"carrier_billing"})
EVERY_FACT: dict[str, Any] = {
    **{fact: f"<{fact}>" for fact in FACTS},
    "amount": "£20",
    "exact_amount": "£20.00",
    "smaller_amount": "£10",
    "minimum": "£5",
    "maximum": "£40",
    "network": "Sandbox Mobile",
    "tries": 2,
}
CODES = sorted(REASONS)


def said(reason: RenderedReason) -> str:
    parts = [reason.title, reason.text, reason.charge_statement, *(button.label for button in reason.next)]
    return " ".join(filter(None, parts))


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("methods", [PHONE, BOTH], ids=["phone", "both"])
def test_no_reason_ever_shows_a_gap(code: str, methods: frozenset[str]) -> None:
    used = [fact for fact in sorted(FACTS) if fact in str(REASONS[code])]
    for count in range(len(used) + 1):
        for chosen in itertools.combinations(used, count):
            rendered = render(code, methods=methods, **{fact: EVERY_FACT[fact] for fact in chosen})
            text = said(rendered)
            assert not re.search(r"[{}]|None|  |\s[.,]", text), text
            assert rendered.title
            assert rendered.code == code
            assert 1 <= len(rendered.next) <= 2
            assert all(button.label and button.action in ACTIONS for button in rendered.next)
            assert len({button.action for button in rendered.next}) == len(rendered.next)
            if "bank" not in methods and not code.startswith("bank_"):
                assert "bank" not in text.lower()


@pytest.mark.parametrize("code", [code for code in CODES if "B" in REASONS[code].klass])
def test_a_reason_that_protects_offers_no_way_around(code: str) -> None:
    rendered = render(code, methods=BOTH, **EVERY_FACT)
    barred = {"retry", "change_method", "change_number", "change_account", "new_code", "back_to_deposit"}
    if code != "limit_would_exceed":
        barred.add("change_amount")
    assert not barred & {button.action for button in rendered.next}
    assert not any(character.isdigit() for button in rendered.next for character in button.label)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("charge", ["unknown", "held"])
def test_nothing_that_could_charge_twice_is_one_tap_away(code: str, charge: Charge) -> None:
    rendered = render(code, methods=BOTH, charge=charge, **EVERY_FACT)
    barred = {"retry", "change_amount", "change_method", "change_account"}
    assert not barred & {button.action for button in rendered.next}
    assert rendered.charge_statement == CHARGE_STATEMENTS[charge]


@pytest.mark.parametrize("code", ["not_accepted", "under_review"])
def test_neutral_words_do_not_vary_with_the_cause(code: str) -> None:
    without = render(code)
    assert render(code, **{fact: EVERY_FACT[fact] for fact in FACTS - {"sla"}}) == without


@pytest.mark.parametrize(
    ("code", "facts", "title", "text", "buttons"),
    [
        (
            "carrier_insufficient_credit",
            {"amount": "£20", "smaller_amount": "£10"},
            "Not enough phone credit",
            "Your phone has less than £20 of credit.",
            ["Deposit £10", "Pay from bank"],
        ),
        (
            "carrier_monthly_limit",
            {"used": "£240", "maximum": "£240", "date": "1 December"},
            "Phone bill limit reached for this month",
            "You have used £240 of £240. It starts again on 1 December.",
            ["Pay from bank", "See my deposits"],
        ),
        (
            "carrier_payment_limit",
            {"maximum": "£40"},
            "Phone bill takes up to £40 at a time",
            "",
            ["Deposit £40 or less", "Pay from bank"],
        ),
        (
            "carrier_declined",
            {"network": "Sandbox Mobile"},
            "Sandbox Mobile said no to this deposit",
            "It gave no reason.",
            ["Pay from bank", "Ask Sandbox Mobile"],
        ),
        (
            "carrier_reply_timeout",
            {"network": "Sandbox Mobile", "wait": "10 minutes", "amount": "£20"},
            "The confirmation ran out",
            "Sandbox Mobile waited 10 minutes for your reply.",
            ["Deposit £20", "Pay from bank"],
        ),
        (
            "code_wrong",
            {"tries": 2},
            "That is not the code we sent",
            "2 tries left.",
            ["Enter it again", "Send a new code"],
        ),
        ("code_wrong", {"tries": 1}, "That is not the code we sent", "1 try left.", None),
        ("code_wrong", {"tries": 0}, "That is not the code we sent", "", None),
        (
            "code_expired",
            {"new_code_sent_to": "123"},
            "That code has run out",
            "We sent a new one to the phone ending 123.",
            ["Enter the new code", "Send a new code"][:1],
        ),
        ("code_expired", {}, "That code has run out", "", ["Send a new code"]),
        (
            "bank_declined",
            {},
            "Your bank said no to this deposit",
            "It does not tell us why; your bank can.",
            None,
        ),
        (
            "bank_insufficient_funds",
            {},
            "Not enough money in this account",
            "",
            ["Choose a smaller amount", "Use another account"],
        ),
        (
            "bank_gambling_block",
            {},
            "Your bank blocks gambling payments",
            "Your account has a gambling block. We respect it and do not offer another way to pay.",
            ["Support and tools", "See my limits"],
        ),
        (
            "bank_not_approved",
            {"bank": "Sandbox Bank"},
            "Not approved in your bank's app",
            "",
            ["Open Sandbox Bank again", "Back to deposit"],
        ),
        (
            "bank_approval_timeout",
            {"bank": "Sandbox Bank"},
            "The approval ran out",
            "",
            ["Open Sandbox Bank again", "Back to deposit"],
        ),
        (
            "bank_limit",
            {},
            "Above your bank's limit for this kind of payment",
            "",
            ["Choose a smaller amount", "Use another account"],
        ),
        (
            "bank_name_mismatch",
            {},
            "The account is not in your name",
            "We can only take money from an account in your own name.",
            ["Use your own account", "Contact us"],
        ),
        (
            "bank_unavailable",
            {"bank": "Sandbox Bank"},
            "Sandbox Bank is not answering",
            "",
            ["Try in a few minutes", "Use another method"],
        ),
        (
            "bank_pending",
            {},
            "Your bank is still sending it",
            "It can take up to 2 hours.",
            ["Text me the result", "See my deposits"],
        ),
        (
            "amount_out_of_range",
            {"minimum": "£5", "maximum": "£40"},
            "Choose from £5 to £40",
            "",
            ["Change the amount"],
        ),
        (
            "limit_reached",
            {"used": "£100", "maximum": "£100", "period": "this week", "date": "Monday"},
            "You have reached your deposit limit",
            "£100 of £100 this week. You can deposit again on Monday.",
            ["See my limits", "Take a break"],
        ),
    ],
)
def test_the_words_are_the_agreed_ones(
    code: str, facts: dict[str, Any], title: str, text: str, buttons: list[str] | None
) -> None:
    rendered = render(code, methods=BOTH, **facts)
    assert (rendered.title, rendered.text) == (title, text)
    if buttons is not None:
        assert [button.label for button in rendered.next] == buttons


@pytest.mark.parametrize(
    ("code", "primary"),
    [
        ("carrier_declined", "back_to_deposit"),
        ("carrier_monthly_limit", "my_deposits"),
        ("carrier_spend_cap", "change_amount"),
        ("carrier_not_supported", "change_number"),
        ("carrier_number_unknown", "change_number"),
        ("carrier_payment_limit", "change_amount"),
        ("carrier_unavailable", "retry"),
        ("code_too_many", "contact"),
    ],
)
def test_without_a_bank_the_next_best_step_comes_first(code: str, primary: str) -> None:
    assert render(code, methods=PHONE).next[0].action == primary


def test_without_phone_bill_a_bank_reason_leads_to_no_other_method() -> None:
    assert [step.action for step in render("bank_unavailable", methods=frozenset({"bank"})).next] == ["retry"]


def test_an_action_that_this_deposit_cannot_offer_is_left_out() -> None:
    rendered = render("code_wrong", unavailable=frozenset({"new_code"}))
    assert [button.action for button in rendered.next] == ["enter_code"]


def test_the_charge_is_told_as_it_is() -> None:
    assert render("carrier_declined").charge_statement == "You have not been charged."
    assert render("carrier_timeout").charge_statement == "We do not know yet if you were charged."
    assert render("carrier_late_success").charge_statement == ""
    assert render("under_review", charge="not_charged").charge_statement == "You have not been charged."


def test_a_fact_that_no_reason_uses_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="networks"):
        render("carrier_declined", networks="Sandbox Mobile")
    with pytest.raises(KeyError):
        render("carrier_moon_phase")
