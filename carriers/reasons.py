"""Why a deposit did not happen, in words for the player: one reason for each code, with one next step.

A sentence is given as alternatives, the fullest first: the first one whose facts are all known is said, or
none. So nothing is ever said with a gap in it, and nothing that we do not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Final, Literal

Charge = Literal["not_charged", "unknown", "held", "charged"]
#: Alternatives, fullest first. If the last one needs a fact too, the sentence can vanish.
Sentence = tuple[str, ...]

CHARGE_STATEMENTS: Mapping[Charge, str] = {
    "not_charged": "You have not been charged.",
    "unknown": "We do not know yet if you were charged.",
    "held": "The amount is held and has not been charged.",
    "charged": "",
}

#: Stable identifiers of what a button does; pages, API and partners rely on them.
ACTIONS = frozenset(
    {"retry", "change_amount", "change_method", "change_number", "enter_code", "new_code", "my_deposits"}
    | {"contact", "ask_carrier", "how_it_works", "wait", "support_tools", "play", "back_to_deposit"}
    | {"notify_me", "refund", "my_limits", "take_a_break", "confirm_details"}
)


@dataclass(frozen=True, slots=True)
class Next:
    """One button: its label as alternatives, and facts without which it must not be shown at all."""

    label: Sentence
    action: str
    needs: tuple[str, ...] = ()


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


@dataclass(frozen=True, slots=True)
class RenderedNext:
    """One button as shown: what it says, and the stable identifier of what it does."""

    label: str
    action: str


@dataclass(frozen=True, slots=True)
class RenderedReason:
    """A reason as shown. `next` has one primary step, and at most one more."""

    code: str
    title: str
    text: str
    charge_statement: str
    next: tuple[RenderedNext, ...]


def _button(action: str, *label: str) -> Next:
    return Next(label, action)


_BACK = _button("back_to_deposit", "Back to deposit")
_BANK = _button("change_method", "Pay from bank")
_CONTACT = _button("contact", "Contact us")
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


_TABLE = (
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
        ("Phone bill limit reached for {cap_period}", "Phone bill limit reached for this month"),
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
        _BACK,
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
        _BACK,
        _CONTACT,
    ),
    _reason("carrier_age_lock", "B", "This number has an adult content lock", (), _CONTACT),
    _reason("carrier_player_said_no", "P", "You replied no", (("So nothing was sent on.",),), _BACK),
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
        instead=_BACK,
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
    _reason("code_too_many", "L", "Too many tries", (("You can try again at {time}.",),), _BANK, _CONTACT),
    _reason("code_not_sent", "O", "We could not text that number", (), _button("retry", "Try again"), _BANK),
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
    _reason("check_unavailable", "B", "We could not make a check that comes first", (), _CONTACT),
    _reason("under_age", "B", "You are not old enough to deposit", (), _CONTACT),
    _reason(
        "checks_needed",
        "P",
        "We need to confirm a few details",
        (("It takes about 2 minutes.",), ("Your balance is safe.",)),
        _button("confirm_details", "Confirm details"),
        _CONTACT,
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
        _CONTACT,
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

REASONS: Final[Mapping[str, Reason]] = {reason.code: reason for reason in _TABLE}


def _facts_in(reason: Reason) -> set[str]:
    buttons = [button for button in (reason.primary, reason.secondary, reason.instead) if button]
    sentences = [reason.title, *reason.text, *(button.label for button in buttons)]
    templates = [template for alternatives in sentences for template in alternatives]
    return {name for template in templates for _, name, _, _ in Formatter().parse(template) if name}


#: Every fact that a reason can use, given as the player reads it: "£20", "2 minutes", "1 December".
FACTS: Final = frozenset[str]().union(*(_facts_in(reason) for reason in _TABLE))
# While we do not know where the money is, none of these may be one tap away.
_COULD_CHARGE_TWICE = frozenset({"retry", "change_amount", "change_method"})


def render(
    reason: Reason | str,
    *,
    methods: frozenset[str] = frozenset({"carrier_billing"}),
    unavailable: frozenset[str] = frozenset(),
    charge: Charge | None = None,
    **facts: str | int | None,
) -> RenderedReason:
    """Put `reason` (or its code) into words with the facts (FACTS) that are known; None and "" are unknown.

    `methods` are the ways to pay there are; without "bank" nothing leads to one. `unavailable` are actions
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
    if "bank" not in methods:
        barred.add("change_method")
    if charge in ("unknown", "held"):
        barred |= _COULD_CHARGE_TWICE
    return RenderedReason(
        code=reason.code,
        title=_said(reason.title, known),
        text=" ".join(filter(None, (_said(sentence, known) for sentence in reason.text))),
        charge_statement=CHARGE_STATEMENTS[charge],
        next=_buttons(reason, known, barred),
    )


def _said(alternatives: Sentence, known: Mapping[str, str]) -> str:
    for template in alternatives:
        try:
            return template.format_map(known)
        except KeyError:
            continue
    return ""


def _buttons(reason: Reason, known: Mapping[str, str], barred: set[str]) -> tuple[RenderedNext, ...]:
    """One or two steps. A primary one that is not to be had gives way to `instead`, then to the second."""
    shown: list[RenderedNext] = []
    for button in (reason.primary, reason.instead, reason.secondary):
        if button is None or button.action in barred or not known.keys() >= set(button.needs):
            continue
        if button is reason.instead and shown:
            continue
        if label := _said(button.label, known):
            shown.append(RenderedNext(label, button.action))
    if not shown:
        last_resort = _CONTACT if "B" in reason.klass else _BACK
        shown.append(RenderedNext(last_resort.label[0], last_resort.action))
    return tuple(shown)
