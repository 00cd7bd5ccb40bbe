"""Why a deposit did not happen, in words for the player: one reason for each code, with one next step.

A sentence is given as alternatives, the fullest first: the first one whose facts are all known is said, or
none. So nothing is ever said with a gap in it, and nothing that we do not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Final

from carriers.bank_reasons import BANK_REASONS
from carriers.reason import (
    ACTIONS,
    CHARGE_STATEMENTS,
    Charge,
    Next,
    Reason,
    RenderedNext,
    RenderedReason,
    Sentence,
    button,
    row,
)

__all__ = [
    "ACTIONS",
    "CHARGE_STATEMENTS",
    "FACTS",
    "REASONS",
    "Charge",
    "RenderedReason",
    "render",
    "unavailable",
]

_BACK = button("back_to_deposit", "Back to deposit")
_BANK = Next(("Pay from bank",), "change_method", method="bank")
_CONTACT = button("contact", "Contact us")
_MY_DEPOSITS = button("my_deposits", "See my deposits")
_MY_LIMITS = button("my_limits", "See my limits")
_ANOTHER_NUMBER = button("change_number", "Use another number")
_NEW_CODE = button("new_code", "Send a new code")
_SUPPORT_TOOLS = button("support_tools", "Support and tools")
_SMALLER = button("change_amount", "Choose a smaller amount")

_TABLE = (
    *BANK_REASONS,
    row(
        "carrier_insufficient_credit",
        "PO",
        "Not enough phone credit",
        (("Your phone has less than {amount} of credit.", "Your phone does not have enough credit."),),
        button("change_amount", "Deposit {smaller_amount}", "Choose a smaller amount"),
        _BANK,
    ),
    row(
        "carrier_spend_cap",
        "LO",
        ("Your {network} spend cap is reached", "Your spend cap is reached"),
        (("{network} stops charges above the cap on your account.",),),
        _BANK,
        _SMALLER,
    ),
    row(
        "carrier_monthly_limit",
        "LO",
        ("Phone bill limit reached for {cap_period}", "Phone bill limit reached for this month"),
        (("You have used {used} of {maximum}.",), ("It starts again on {date}.",)),
        _BANK,
        _MY_DEPOSITS,
    ),
    row(
        "carrier_payment_limit",
        "P",
        ("Phone bill takes up to {maximum} at a time", "Phone bill does not take this amount"),
        (),
        button("change_amount", "Deposit {maximum} or less", "Change the amount"),
        _BANK,
    ),
    row(
        "carrier_charges_off",
        "N",
        "Charges to this phone bill are turned off",
        (("They were turned off on your {network} account, by you or by {network}.",),),
        _BACK,
        button("how_it_works", "How phone bill works"),
    ),
    row(
        "carrier_account_type",
        "O",
        ("This {network} account cannot be used", "This account cannot be used"),
        (("Business and some family accounts do not allow it.",),),
        _BANK,
        _ANOTHER_NUMBER,
    ),
    row(
        "carrier_not_supported",
        "O",
        "Your network does not offer phone bill here",
        (),
        _BANK,
        _ANOTHER_NUMBER,
    ),
    row(
        "carrier_number_unknown",
        "P",
        "We could not match this number to a network",
        (
            (
                "If you moved network in the last few days, it can take until {date}.",
                "If you moved network in the last few days, it can take a little longer.",
            ),
        ),
        button("change_number", "Check the number"),
        _BANK,
    ),
    row(
        "carrier_sim_changed",
        "N",
        "Phone bill is paused for this number",
        (("It opens again on {date}.",),),
        _BACK,
        _CONTACT,
    ),
    row("carrier_age_lock", "B", "This number has an adult content lock", (), _CONTACT),
    row("carrier_player_said_no", "P", "You replied no", (("So nothing was sent on.",),), _BACK),
    row(
        "carrier_reply_timeout",
        "P",
        "The confirmation ran out",
        (
            (
                "{network} waited {wait} for your reply.",
                "{network} waited for your reply.",
                "Your network waited for your reply.",
            ),
        ),
        button("retry", "Deposit {amount}", "Deposit again"),
        _BANK,
    ),
    row(
        "carrier_declined",
        "O",
        ("{network} said no to this deposit", "Your network said no to this deposit"),
        (("It gave no reason.",),),
        _BANK,
        button("ask_carrier", "Ask {network}", "Ask your network"),
        instead=_BACK,
    ),
    row(
        "carrier_unavailable",
        "LO",
        ("{network} is not answering", "Your network is not answering"),
        (("This is on their side.",),),
        button("retry", "Try in a few minutes"),
        _BANK,
    ),
    row(
        "carrier_timeout",
        "L",
        ("We are checking with {network}", "We are checking with your network"),
        (("Wait for the result before you deposit again.",),),
        button("notify_me", "Text me the result"),
        _MY_DEPOSITS,
        charge="unknown",
    ),
    row(
        "carrier_late_success",
        "",
        ("{exact_amount} deposited", "{amount} deposited", "Deposited"),
        (("{network} answered after the wait.", "Your network answered after the wait."),),
        button("play", "Play"),
        button("refund", "Refund this"),
        charge="charged",
    ),
    row(
        "code_wrong",
        "P",
        "That is not the code we sent",
        (("{tries} left.",),),
        button("enter_code", "Enter it again"),
        _NEW_CODE,
    ),
    row(
        "code_expired",
        "P",
        "That code has run out",
        (("We sent a new one to the phone ending {new_code_sent_to}.",),),
        Next(("Enter the new code",), "enter_code", needs=("new_code_sent_to",)),
        instead=_NEW_CODE,
    ),
    row("code_too_many", "L", "Too many tries", (("You can try again at {time}.",),), _BANK, _CONTACT),
    row("code_not_sent", "O", "We could not text that number", (), button("retry", "Try again"), _BANK),
    row(
        "limit_reached",
        "B",
        "You have reached your deposit limit",
        (("{used} of {maximum} {period}.",), ("You can deposit again on {date}.",)),
        _MY_LIMITS,
        button("take_a_break", "Take a break"),
    ),
    row(
        "limit_would_exceed",
        "B",
        "This is above your deposit limit",
        (("You have {left} left {period}.", "You have {left} left."),),
        button("change_amount", "Change the amount"),
        _MY_LIMITS,
    ),
    row("time_out_active", "B", "You are taking a break", (("It ends on {date}.",),), _SUPPORT_TOOLS),
    row(
        "self_excluded",
        "B",
        "Your account is closed to deposits",
        (("You chose to exclude yourself until {date}.", "You chose to exclude yourself."),),
        _SUPPORT_TOOLS,
    ),
    row(
        "check_unavailable",
        "B",
        "We could not make a check that comes first",
        (
            ("Before we take a deposit we ask the national self-exclusion register. It did not answer.",),
            ("We ask again with your next deposit.",),
        ),
        _SUPPORT_TOOLS,
        _CONTACT,
    ),
    row(
        "under_age",
        "B",
        "You are not old enough to deposit",
        (
            ("You have to be {years} or older.",),
            ("Contact us if we have your date of birth wrong.",),
        ),
        _CONTACT,
        _SUPPORT_TOOLS,
    ),
    row(
        "checks_needed",
        "P",
        "We need to confirm a few details",
        (("It takes about 2 minutes.",), ("Your balance is safe.",)),
        button("confirm_details", "Confirm details"),
        _CONTACT,
    ),
    row(
        "under_review",
        "N",
        "We are checking this deposit",
        (("Usually done within {sla}.",),),
        _MY_DEPOSITS,
        charge="unknown",
    ),
    row(
        "not_accepted",
        "N",
        "We cannot take this deposit",
        (("Contact us if you would like to talk about it.",),),
        _CONTACT,
    ),
    row(
        "amount_out_of_range",
        "P",
        ("Choose from {minimum} to {maximum}", "Choose another amount"),
        (),
        button("change_amount", "Change the amount"),
    ),
    row(
        "too_many_requests",
        "L",
        "That was several tries in a row",
        (("You can try again in {wait}.", "You can try again in a few minutes."),),
        button("wait", "Wait"),
        _MY_DEPOSITS,
    ),
)

REASONS: Final[Mapping[str, Reason]] = {reason.code: reason for reason in _TABLE}


def _facts_in(reason: Reason) -> set[str]:
    buttons = [button for button in (reason.primary, reason.secondary, reason.instead) if button]
    sentences = [reason.title, *reason.text, *(button.label for button in buttons)]
    templates = [template for alternatives in sentences for template in alternatives]
    return {name for template in templates for _, name, _, _ in Formatter().parse(template) if name}


#: Every fact that a reason can use, given as the player reads it: "£20", "2 minutes", "1 December".
FACTS: Final = frozenset[str]().union(*(_facts_in(reason) for reason in _TABLE))
# While we do not know where the money is, none of these may be one tap away.
_COULD_CHARGE_TWICE = frozenset({"retry", "change_amount", "change_method", "change_account"})


def unavailable(method_type: str) -> str:
    """The code that says that the carrier, or the bank, does not answer and certainly took nothing."""
    return "bank_unavailable" if method_type == "bank" else "carrier_unavailable"


def render(
    reason: Reason | str,
    *,
    methods: frozenset[str] = frozenset({"carrier_billing"}),
    unavailable: frozenset[str] = frozenset(),
    charge: Charge | None = None,
    **facts: str | int | None,
) -> RenderedReason:
    """Put `reason` (or its code) into words with the facts (FACTS) that are known; None and "" are unknown.

    `methods` are the ways to pay there are; nothing leads to one that is not there. `unavailable` are actions
    that this deposit cannot offer (a new code, where the carrier cannot send one). `charge` overrides the
    reason's own, for reviews. `maximum` of `carrier_payment_limit` is only to be given when the amount was
    above it; `tries` is a number. KeyError for an unknown code, TypeError for an unknown fact.
    """
    reason = REASONS[reason] if isinstance(reason, str) else reason
    if strange := facts.keys() - FACTS:
        raise TypeError(f"facts: {', '.join(sorted(strange))} unknown; must be of {', '.join(sorted(FACTS))}")
    if isinstance(tries := facts.get("tries"), int):
        facts["tries"] = {0: "", 1: "1 try"}.get(tries, f"{tries} tries")
    known = {name: str(fact) for name, fact in facts.items() if fact not in (None, "")}
    charge = charge or reason.charge
    barred = set(unavailable)
    if charge in ("unknown", "held"):
        barred |= _COULD_CHARGE_TWICE
    return RenderedReason(
        code=reason.code,
        title=_said(reason.title, known),
        text=" ".join(filter(None, (_said(sentence, known) for sentence in reason.text))),
        charge_statement=CHARGE_STATEMENTS[charge],
        next=_buttons(reason, known, barred, methods),
    )


def _said(alternatives: Sentence, known: Mapping[str, str]) -> str:
    for template in alternatives:
        try:
            return template.format_map(known)
        except KeyError:
            continue
    return ""


def _buttons(
    reason: Reason, known: Mapping[str, str], barred: set[str], methods: frozenset[str]
) -> tuple[RenderedNext, ...]:
    """One or two steps. A primary one that is not to be had gives way to `instead`, then to the second."""
    shown: list[RenderedNext] = []
    for step in (reason.primary, reason.instead, reason.secondary):
        if step is None or step.action in barred or not known.keys() >= set(step.needs):
            continue
        if step.method and step.method not in methods:
            continue
        if step is reason.instead and shown:
            continue
        if label := _said(step.label, known):
            shown.append(RenderedNext(label, step.action))
    if not shown:
        last_resort = _CONTACT if "B" in reason.klass else _BACK
        shown.append(RenderedNext(last_resort.label[0], last_resort.action))
    return tuple(shown)
