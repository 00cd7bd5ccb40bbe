"""Why a deposit did not happen, in words for the player: one reason for each code, with one next step.

A sentence is given as alternatives, the fullest first: the first one whose facts are all known is said, or
none. So nothing is ever said with a gap in it, and nothing that we do not know. The language is that of the moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Final

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_noop as _

from carriers.bank_reasons import BANK_REASONS
from carriers.reason import (
    ACTIONS,
    CHARGE_STATEMENTS,
    Charge,
    Counted,
    Next,
    Reason,
    RenderedNext,
    RenderedReason,
    Sentence,
    button,
    counted,
    row,
)
from carriers.wording import fill

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

_BACK = button("back_to_deposit", _("Back to deposit"))
_BANK = Next((_("Pay from bank"),), "change_method", method="bank")
_CONTACT = button("contact", _("Contact us"))
_MY_DEPOSITS = button("my_deposits", _("See my deposits"))
_MY_LIMITS = button("my_limits", _("See my limits"))
_ANOTHER_NUMBER = button("change_number", _("Use another number"))
_NEW_CODE = button("new_code", _("Send a new code"))
_SUPPORT_TOOLS = button("support_tools", _("Support and tools"))
_SMALLER = button("change_amount", _("Choose a smaller amount"))

_TABLE = (
    *BANK_REASONS,
    row(
        "carrier_insufficient_credit",
        "PO",
        _("Not enough phone credit"),
        ((_("Your phone has less than {amount} of credit."), _("Your phone does not have enough credit.")),),
        button("change_amount", _("Deposit {smaller_amount}"), _("Choose a smaller amount")),
        _BANK,
    ),
    row(
        "carrier_spend_cap",
        "LO",
        (_("Your {network} spend cap is reached"), _("Your spend cap is reached")),
        ((_("{network} stops charges above the cap on your account."),),),
        _BANK,
        _SMALLER,
    ),
    row(
        "carrier_monthly_limit",
        "LO",
        (_("Phone bill limit reached for {cap_period}"), _("Phone bill limit reached for this month")),
        ((_("You have used {used} of {maximum}."),), (_("It starts again on {date}."),)),
        _BANK,
        _MY_DEPOSITS,
    ),
    row(
        "carrier_payment_limit",
        "P",
        (_("Phone bill takes up to {maximum} at a time"), _("Phone bill does not take this amount")),
        (),
        button("change_amount", _("Deposit {maximum} or less"), _("Change the amount")),
        _BANK,
    ),
    row(
        "carrier_charges_off",
        "N",
        _("Charges to this phone bill are turned off"),
        ((_("They were turned off on your {network} account, by you or by {network}."),),),
        _BACK,
        button("how_it_works", _("How phone bill works")),
    ),
    row(
        "carrier_account_type",
        "O",
        (_("This {network} account cannot be used"), _("This account cannot be used")),
        ((_("Business and some family accounts do not allow it."),),),
        _BANK,
        _ANOTHER_NUMBER,
    ),
    row(
        "carrier_not_supported",
        "O",
        _("Your network does not offer phone bill here"),
        (),
        _BANK,
        _ANOTHER_NUMBER,
    ),
    row(
        "carrier_number_unknown",
        "P",
        _("We could not match this number to a network"),
        (
            (
                _("If you moved network in the last few days, it can take until {date}."),
                _("If you moved network in the last few days, it can take a little longer."),
            ),
        ),
        button("change_number", _("Check the number")),
        _BANK,
    ),
    row(
        "carrier_sim_changed",
        "N",
        _("Phone bill is paused for this number"),
        ((_("It opens again on {date}."),),),
        _BACK,
        _CONTACT,
    ),
    row("carrier_age_lock", "B", _("This number has an adult content lock"), (), _CONTACT),
    row("carrier_player_said_no", "P", _("You replied no"), ((_("So nothing was sent on."),),), _BACK),
    row(
        "carrier_reply_timeout",
        "P",
        _("The confirmation ran out"),
        (
            (
                _("{network} waited {wait} for your reply."),
                _("{network} waited for your reply."),
                _("Your network waited for your reply."),
            ),
        ),
        button("retry", _("Deposit {amount}"), _("Deposit again")),
        _BANK,
    ),
    row(
        "carrier_declined",
        "O",
        (_("{network} said no to this deposit"), _("Your network said no to this deposit")),
        ((_("It gave no reason."),),),
        _BANK,
        button("ask_carrier", _("Ask {network}"), _("Ask your network")),
        instead=_BACK,
    ),
    row(
        "carrier_unavailable",
        "LO",
        (_("{network} is not answering"), _("Your network is not answering")),
        ((_("This is on their side."),),),
        button("retry", _("Try in a few minutes")),
        _BANK,
    ),
    row(
        "carrier_timeout",
        "L",
        (_("We are checking with {network}"), _("We are checking with your network")),
        ((_("Wait for the result before you deposit again."),),),
        button("notify_me", _("Text me the result")),
        _MY_DEPOSITS,
        charge="unknown",
    ),
    row(
        "carrier_late_success",
        "",
        (_("{exact_amount} deposited"), _("{amount} deposited"), _("Deposited")),
        ((_("{network} answered after the wait."), _("Your network answered after the wait.")),),
        button("play", _("Play")),
        button("refund", _("Refund this")),
        charge="charged",
    ),
    row(
        "code_wrong",
        "P",
        _("That is not the code we sent"),
        ((counted("{tries} try left.", "{tries} tries left.", by="tries"),),),
        button("enter_code", _("Enter it again")),
        _NEW_CODE,
    ),
    row(
        "code_expired",
        "P",
        _("That code has run out"),
        ((_("We sent a new one to the phone ending {new_code_sent_to}."),),),
        Next((_("Enter the new code"),), "enter_code", needs=("new_code_sent_to",)),
        instead=_NEW_CODE,
    ),
    row("code_too_many", "L", _("Too many tries"), ((_("You can try again at {time}."),),), _BANK, _CONTACT),
    row("code_not_sent", "O", _("We could not text that number"), (), button("retry", _("Try again")), _BANK),
    row(
        "limit_reached",
        "B",
        _("You have reached your deposit limit"),
        ((_("{used} of {maximum} {period}."),), (_("You can deposit again on {date}."),)),
        _MY_LIMITS,
        button("take_a_break", _("Take a break")),
    ),
    row(
        "limit_would_exceed",
        "B",
        _("This is above your deposit limit"),
        ((_("You have {left} left {period}."), _("You have {left} left.")),),
        button("change_amount", _("Change the amount")),
        _MY_LIMITS,
    ),
    row("time_out_active", "B", _("You are taking a break"), ((_("It ends on {date}."),),), _SUPPORT_TOOLS),
    row(
        "self_excluded",
        "B",
        _("Your account is closed to deposits"),
        ((_("You chose to exclude yourself until {date}."), _("You chose to exclude yourself.")),),
        _SUPPORT_TOOLS,
    ),
    row(
        "check_unavailable",
        "B",
        _("We could not make a check that comes first"),
        (
            (_("Before we take a deposit we ask the national self-exclusion register. It did not answer."),),
            (_("We ask again with your next deposit."),),
        ),
        _SUPPORT_TOOLS,
        _CONTACT,
    ),
    row(
        "under_age",
        "B",
        _("You are not old enough to deposit"),
        (
            (_("You have to be {years} or older."),),
            (_("Contact us if we have your date of birth wrong."),),
        ),
        _CONTACT,
        _SUPPORT_TOOLS,
    ),
    row(
        "checks_needed",
        "P",
        _("We need to confirm a few details"),
        ((_("It takes about 2 minutes."),), (_("Your balance is safe."),)),
        button("confirm_details", _("Confirm details")),
        _CONTACT,
    ),
    row(
        "under_review",
        "N",
        _("We are checking this deposit"),
        ((_("Usually done within {sla}."),),),
        _MY_DEPOSITS,
        charge="unknown",
    ),
    row(
        "not_accepted",
        "N",
        _("We cannot take this deposit"),
        ((_("Contact us if you would like to talk about it."),),),
        _CONTACT,
    ),
    row(
        "amount_out_of_range",
        "P",
        (_("Choose from {minimum} to {maximum}"), _("Choose another amount")),
        (),
        button("change_amount", _("Change the amount")),
    ),
    row(
        "too_many_requests",
        "L",
        _("That was several tries in a row"),
        ((_("You can try again in {wait}."), _("You can try again in a few minutes.")),),
        button("wait", _("Wait")),
        _MY_DEPOSITS,
    ),
)

REASONS: Final[Mapping[str, Reason]] = {reason.code: reason for reason in _TABLE}


def _facts_in(reason: Reason) -> set[str]:
    buttons = [button for button in (reason.primary, reason.secondary, reason.instead) if button]
    sentences = [reason.title, *reason.text, *(button.label for button in buttons)]
    templates = [
        one.many if isinstance(one, Counted) else one for alternatives in sentences for one in alternatives
    ]
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
    """Put `reason` (or its code) into words with the facts (FACTS) that are known; None, "" and 0 are unknown.

    `methods` are the ways to pay there are; nothing leads to one that is not there. `unavailable` are actions
    that this deposit cannot offer (a new code, where the carrier cannot send one). `charge` overrides the
    reason's own, for reviews. `maximum` of `carrier_payment_limit` is only to be given when the amount was
    above it; `tries` is a number. KeyError for an unknown code, TypeError for an unknown fact.
    """
    reason = REASONS[reason] if isinstance(reason, str) else reason
    if strange := facts.keys() - FACTS:
        raise TypeError(f"facts: {', '.join(sorted(strange))} unknown; must be of {', '.join(sorted(FACTS))}")
    known = {name: str(fact) for name, fact in facts.items() if fact not in (None, "", 0)}
    charge = charge or reason.charge
    barred = set(unavailable)
    if charge in ("unknown", "held"):
        barred |= _COULD_CHARGE_TWICE
    return RenderedReason(
        code=reason.code,
        title=_said(reason.title, known),
        text=" ".join(filter(None, (_said(sentence, known) for sentence in reason.text))),
        charge_statement=gettext(CHARGE_STATEMENTS[charge]),
        next=_buttons(reason, known, barred, methods),
    )


def _said(alternatives: Sentence, known: Mapping[str, str]) -> str:
    for one in alternatives:
        try:
            return fill(_translated(one, known), **known)
        except KeyError:
            continue
    return ""


def _translated(message: str | Counted, known: Mapping[str, str]) -> str:
    if isinstance(message, Counted):
        return ngettext(message.one, message.many, int(known[message.by]))
    return gettext(message)


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
        shown.append(RenderedNext(_said(last_resort.label, known), last_resort.action))
    return tuple(shown)
