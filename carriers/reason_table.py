"""The table of reasons: one row for each code, in the words that players read. What is done with it: reasons.py.

A sentence is given as alternatives, the fullest first: the first one whose facts are all known is said, or none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Charge = Literal["not_charged", "unknown", "held", "charged"]
#: Alternatives, fullest first. If the last one needs a fact too, the sentence can vanish.
Sentence = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Next:
    """One button: its label as alternatives, and what it takes to be shown at all.

    `needs` are facts that must be known, `method` a way to pay that must be there.
    """

    label: Sentence
    action: str
    needs: tuple[str, ...] = ()
    method: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """One row of the table.

    `klass` letters: P the player can fix it; L later; O another method may be offered; B blocked to protect
    the player, so neither another method nor a retry is offered; N neutral on purpose, never varying with the
    true cause. `instead` is the first step where `primary` is not to be had (no bank yet, say).
    """

    code: str
    klass: frozenset[str]
    title: Sentence
    text: tuple[Sentence, ...]
    charge: Charge
    primary: Next
    secondary: Next | None = None
    instead: Next | None = None


def _button(action: str, *label: str) -> Next:
    return Next(label, action)


BACK = _button("back_to_deposit", "Back to deposit")
_BANK = Next(("Pay from bank",), "change_method", method="bank")
_ANOTHER_METHOD = Next(("Use another method",), "change_method", method="carrier_billing")
_ANOTHER_ACCOUNT = _button("change_account", "Use another account")
_OPEN_AGAIN = _button("retry", "Open {network} again", "Open your bank again")
CONTACT = _button("contact", "Contact us")
_MY_DEPOSITS = _button("my_deposits", "See my deposits")
_MY_LIMITS = _button("my_limits", "See my limits")
_ANOTHER_NUMBER = _button("change_number", "Use another number")
_NEW_CODE = _button("new_code", "Send a new code")
_SUPPORT_TOOLS = _button("support_tools", "Support and tools")
_SMALLER = _button("change_amount", "Choose a smaller amount")


def _reason(
    code: str,
    klass: str,
    title: str | Sentence,
    text: tuple[Sentence, ...],
    primary: Next,
    secondary: Next | None = None,
    *,
    charge: Charge = "not_charged",
    instead: Next | None = None,
) -> Reason:
    titles = (title,) if isinstance(title, str) else title
    return Reason(code, frozenset(klass), titles, text, charge, primary, secondary, instead)


TABLE = (
    _reason(
        "carrier_insufficient_credit",
        "PO",
        "Not enough phone credit",
        (("Your phone has less than {amount} of credit.", "Your phone does not have enough credit."),),
        _button("change_amount", "Deposit {smaller_amount}", "Choose a smaller amount"),
        _BANK,
    ),
    _reason(
        "carrier_spend_cap",
        "LO",
        ("Your {network} spend cap is reached", "Your spend cap is reached"),
        (("{network} stops charges above the cap on your account.",),),
        _BANK,
        _SMALLER,
    ),
    _reason(
        "carrier_monthly_limit",
        "LO",
        "Phone bill limit reached for this month",
        (("You have used {used} of {maximum}.",), ("It starts again on {date}.",)),
        _BANK,
        _MY_DEPOSITS,
    ),
    _reason(
        "carrier_payment_limit",
        "P",
        ("Phone bill takes up to {maximum} at a time", "Phone bill does not take this amount"),
        (),
        _button("change_amount", "Deposit {maximum} or less", "Change the amount"),
        _BANK,
    ),
    _reason(
        "carrier_charges_off",
        "N",
        "Charges to this phone bill are turned off",
        (("They were turned off on your {network} account, by you or by {network}.",),),
        BACK,
        _button("how_it_works", "How phone bill works"),
    ),
    _reason(
        "carrier_account_type",
        "O",
        ("This {network} account cannot be used", "This account cannot be used"),
        (("Business and some family accounts do not allow it.",),),
        _BANK,
        _ANOTHER_NUMBER,
    ),
    _reason(
        "carrier_not_supported",
        "O",
        "Your network does not offer phone bill here",
        (),
        _BANK,
        _ANOTHER_NUMBER,
    ),
    _reason(
        "carrier_number_unknown",
        "P",
        "We could not match this number to a network",
        (
            (
                "If you moved network in the last few days, it can take until {date}.",
                "If you moved network in the last few days, it can take a little longer.",
            ),
        ),
        _button("change_number", "Check the number"),
        _BANK,
    ),
    _reason(
        "carrier_sim_changed",
        "N",
        "Phone bill is paused for this number",
        (("It opens again on {date}.",),),
        BACK,
        CONTACT,
    ),
    _reason("carrier_age_lock", "B", "This number has an adult content lock", (), CONTACT),
    _reason("carrier_player_said_no", "P", "You replied no", (("So nothing was sent on.",),), BACK),
    _reason(
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
        _button("retry", "Deposit {amount}", "Deposit again"),
        _BANK,
    ),
    _reason(
        "carrier_declined",
        "O",
        ("{network} said no to this deposit", "Your network said no to this deposit"),
        (("It gave no reason.",),),
        _BANK,
        _button("ask_carrier", "Ask {network}", "Ask your network"),
        instead=BACK,
    ),
    _reason(
        "carrier_unavailable",
        "LO",
        ("{network} is not answering", "Your network is not answering"),
        (("This is on their side.",),),
        _button("retry", "Try in a few minutes"),
        _BANK,
    ),
    _reason(
        "carrier_timeout",
        "L",
        ("We are checking with {network}", "We are checking with your network"),
        (("Wait for the result before you deposit again.",),),
        _button("notify_me", "Text me the result"),
        _MY_DEPOSITS,
        charge="unknown",
    ),
    _reason(
        "carrier_late_success",
        "",
        ("{exact_amount} deposited", "{amount} deposited", "Deposited"),
        (("{network} answered after the wait.", "Your network answered after the wait."),),
        _button("play", "Play"),
        _button("refund", "Refund this"),
        charge="charged",
    ),
    _reason(
        "code_wrong",
        "P",
        "That is not the code we sent",
        (("{tries} left.",),),
        _button("enter_code", "Enter it again"),
        _NEW_CODE,
    ),
    _reason(
        "code_expired",
        "P",
        "That code has run out",
        (("We sent a new one to the phone ending {new_code_sent_to}.",),),
        Next(("Enter the new code",), "enter_code", needs=("new_code_sent_to",)),
        instead=_NEW_CODE,
    ),
    _reason("code_too_many", "L", "Too many tries", (("You can try again at {time}.",),), _BANK, CONTACT),
    _reason("code_not_sent", "O", "We could not text that number", (), _button("retry", "Try again"), _BANK),
    _reason(
        "bank_insufficient_funds",
        "P",
        "Not enough money in this account",
        (),
        _SMALLER,
        _ANOTHER_ACCOUNT,
    ),
    _reason(
        "bank_declined",
        "O",
        "Your bank said no to this deposit",
        (("It does not tell us why; your bank can.",),),
        _ANOTHER_ACCOUNT,
        _button("ask_carrier", "Contact your bank"),
    ),
    # Whoever has turned gambling payments off is not shown a way around it.
    _reason(
        "bank_gambling_block",
        "B",
        "Your bank blocks gambling payments",
        (
            ("Your account has a gambling block.",),
            ("We respect it and do not offer another way to pay.",),
        ),
        _SUPPORT_TOOLS,
        _MY_LIMITS,
    ),
    _reason("bank_not_approved", "P", "Not approved in your bank's app", (), _OPEN_AGAIN, BACK),
    _reason("bank_approval_timeout", "P", "The approval ran out", (), _OPEN_AGAIN, BACK),
    _reason(
        "bank_limit",
        "P",
        "Above your bank's limit for this kind of payment",
        (),
        _SMALLER,
        _ANOTHER_ACCOUNT,
    ),
    _reason(
        "bank_name_mismatch",
        "P",
        "The account is not in your name",
        (("We can only take money from an account in your own name.",),),
        _button("change_account", "Use your own account"),
        CONTACT,
    ),
    _reason(
        "bank_unavailable",
        "LO",
        ("{network} is not answering", "Your bank is not answering"),
        (),
        _button("retry", "Try in a few minutes"),
        _ANOTHER_METHOD,
    ),
    _reason(
        "bank_pending",
        "L",
        "Your bank is still sending it",
        (("It can take up to 2 hours.",),),
        _button("notify_me", "Text me the result"),
        _MY_DEPOSITS,
        charge="unknown",
    ),
    _reason(
        "limit_reached",
        "B",
        "You have reached your deposit limit",
        (("{used} of {maximum} {period}.",), ("You can deposit again on {date}.",)),
        _MY_LIMITS,
        _button("take_a_break", "Take a break"),
    ),
    _reason(
        "limit_would_exceed",
        "B",
        "This is above your deposit limit",
        (("You have {left} left {period}.", "You have {left} left."),),
        _button("change_amount", "Change the amount"),
        _MY_LIMITS,
    ),
    _reason("time_out_active", "B", "You are taking a break", (("It ends on {date}.",),), _SUPPORT_TOOLS),
    _reason(
        "self_excluded",
        "B",
        "Your account is closed to deposits",
        (("You chose to exclude yourself until {date}.", "You chose to exclude yourself."),),
        _SUPPORT_TOOLS,
    ),
    _reason(
        "checks_needed",
        "P",
        "We need to confirm a few details",
        (("It takes about 2 minutes.",), ("Your balance is safe.",)),
        _button("confirm_details", "Confirm details"),
        CONTACT,
    ),
    _reason(
        "under_review",
        "N",
        "We are checking this deposit",
        (("Usually done within {sla}.",),),
        _MY_DEPOSITS,
        charge="unknown",
    ),
    _reason(
        "not_accepted",
        "N",
        "We cannot take this deposit",
        (("Contact us if you would like to talk about it.",),),
        CONTACT,
    ),
    _reason(
        "amount_out_of_range",
        "P",
        ("Choose from {minimum} to {maximum}", "Choose another amount"),
        (),
        _button("change_amount", "Change the amount"),
    ),
    _reason(
        "too_many_requests",
        "L",
        "That was several tries in a row",
        (("You can try again in {wait}.", "You can try again in a few minutes."),),
        _button("wait", "Wait"),
        _MY_DEPOSITS,
    ),
)
