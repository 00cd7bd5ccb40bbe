"""The deposit form as shown: what is chosen, what is wrong, what the button says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from carriers.registry import BANK
from deposits.actions.eligibility import Eligibility
from deposits.actions.refusal import Refusal
from deposits.limits import Standing
from deposits.presentation import (
    by_method,
    format_moment,
    format_money,
    format_period,
    refusal_reason,
    status,
)
from deposits.ui import methods
from deposits.ui import offer as offers
from deposits.ui.forms import ANOTHER_BANK, NEW_NUMBER, OTHER, Entry, Problem, amount_minor
from deposits.ui.methods import Method
from deposits.ui.offer import Offer
from deposits.ui.panel import plain

#: Refusals that the form stays under: the player can change something. Under the others it would be a dead end.
_FORM_STAYS = frozenset(
    {"limit_would_exceed", "carrier_monthly_limit", "carrier_not_supported", "amount_out_of_range"}
)


@dataclass(frozen=True, slots=True)
class Chip:
    """One amount to choose: `value` as the form sends it."""

    value: str
    label: str
    checked: bool
    off: bool = False


def problems(choice: Method, entry: Entry) -> list[Problem]:
    """Return what is wrong with the form as filled in, field by field; empty when it can be sent on."""
    found = []
    least, most = choice.amount_range
    minor = amount_minor(entry.amount)
    if minor is None or not least <= minor <= most:
        found.append(Problem(OTHER, f"Enter an amount from {_short(least)} to {_short(most)}"))
    if choice.by_bank and choice.profile is None:
        found.append(Problem("bank", _bank_problem(choice, entry)))
    elif not choice.by_bank and not choice.number:
        found.append(Problem("number", "Enter a mobile number, like 07700 900123"))
    return found


def _bank_problem(choice: Method, entry: Entry) -> str:
    if choice.matches:
        return "Choose one of the banks below"
    return "We do not know a bank of that name" if entry.bank else "Enter the name of your bank"


def context(offered: Offer, entry: Entry, *, sent: bool, refused: str) -> dict[str, Any]:
    """Return the template's context. `sent`: the entry was sent as it is, so its problems are shown.

    `refused`: the code of the refusal that the last request met, "" for none.
    """
    choice = methods.chosen(offered, entry)
    choices = methods.choices(offered, choice)
    amounts = offers.chips(offered, *choice.amount_range)
    stands = offers.eligible(offered, choice.kind, choice.profile, choice.number)
    off = _refused(stands, amounts)
    minor = amount_minor(entry.amount) if entry.amount or sent else _preselected(offered, amounts, off)
    found = problems(choice, entry) if sent else []
    unserved = bool(choice.number) and choice.profile is None
    refusal = offers.refusal_now(stands, refused, minor or 0, unserved=unserved)
    why = refusal_reason(refusal, offered.currency) if refusal else None
    shows_form = why is None or why.code in _FORM_STAYS
    is_other = minor not in amounts
    return {
        "first_time": offered.last_amount_minor is None and not offered.waiting,
        "balance": format_money(offered.balance_minor, offered.currency),
        "on_its_way": _on_its_way(offered),
        "allowance": _allowance(offered, stands) if shows_form else "",
        "bills": _bills(offered, choices, choice, stands),
        "banner": _banner(offered),
        "chips": [Chip(plain(one), _short(one), one == minor, one in off) for one in amounts],
        "chips_off": [] if why else _why_off(off, offered.currency),
        "other": {"checked": is_other, "value": entry.amount if is_other else ""},
        "ranges": _ranges(choices),
        "methods": choices,
        "matches": methods.matches(choice),
        "chosen": choice,
        "asks_number": any(one.value == NEW_NUMBER for one in choices),
        "asks_bank": any(one.value == ANOTHER_BANK for one in choices),
        "another_number": any(one.words == "phone" and one.value != NEW_NUMBER for one in choices),
        "another_bank": any(one.words == "last-bank" for one in choices),
        "banks": offered.banks,
        "number": entry.number,
        "bank": entry.bank,
        "problems": found,
        "problem_at": {problem.field: problem.text for problem in found},
        "why": why,
        "shows_form": shows_form,
    }


def _ranges(choices: list[Method]) -> list[dict[str, str]]:
    """What each kind of choice takes and is called, for the words that follow the choice without script."""
    told: dict[str, dict[str, str]] = {}
    for one in choices:
        least, most = one.amount_range
        span = (
            f"from {_short(least)} to {_short(most)} {'from your bank' if one.by_bank else 'by phone bill'}"
        )
        told.setdefault(one.words, {"words": one.words, "range": span, "how": one.how})
    return list(told.values())


def _refused(stands: Eligibility | None, amounts: list[int]) -> dict[int, Refusal]:
    """The amounts that would not be accepted, and why."""
    refusals = {one: stands.refusal(one) for one in amounts} if stands else {}
    return {one: refusal for one, refusal in refusals.items() if refusal}


def _why_off(off: dict[int, Refusal], currency: str) -> list[str]:
    """ "£30, £40: This is above your deposit limit. You have £25.00 left this week." One line for each reason."""
    lines: dict[str, list[str]] = {}
    for minor, refusal in off.items():
        reason = refusal_reason(refusal, currency)
        if reason:
            said = " ".join(filter(None, (f"{reason.title}.", reason.text)))
            lines.setdefault(said, []).append(_short(minor))
    return [f"{', '.join(amounts)}: {said}" for said, amounts in lines.items()]


def _preselected(offered: Offer, amounts: list[int], off: dict[int, Refusal]) -> int | None:
    """The last successful amount or the smallest chip, whichever is allowed."""
    last = offered.last_amount_minor
    if last is not None and last in amounts and last not in off:
        return last
    return next((one for one in amounts if one not in off), amounts[0] if amounts else None)


def _allowance(offered: Offer, stands: Eligibility | None) -> str:
    """ "You can deposit £80.00 more this week. It starts again on 23 November." The tightest of the own limits."""
    found = stands.own if stands else []
    if not found:
        return ""
    first = found[0]
    again = f" It starts again on {format_moment(first.resets_at)}." if first.resets_at else ""
    return f"You can deposit {_left(offered, first)}.{again}"


def _left(offered: Offer, one: Standing) -> str:
    left = format_money(one.left or 0, offered.currency)
    return f"{left} more {format_period(one.rule.window, one.rule.length)}"


def _bills(
    offered: Offer, choices: list[Method], choice: Method, stands: Eligibility | None
) -> list[dict[str, str]]:
    """What each kind of choice puts on the bill, and what the network still lets the chosen number be charged."""
    told: dict[str, str] = {}
    for one in choices:
        if one.profile:
            paper = "bank statement" if one.by_bank else "bill"
            told.setdefault(one.words, f"On your {paper} as {one.profile.descriptor}.")
    sums = [one for one in (stands.caps if stands else []) if not one.counts_deposits]
    if sums and choice.number and choice.words in told:
        until = f", until {format_moment(sums[0].resets_at)}" if sums[0].resets_at else ""
        told[choice.words] += f" This number can take {_left(offered, sums[0])}{until}."
    return [{"words": words, "text": text} for words, text in told.items()]


def _on_its_way(offered: Offer) -> str:
    minor = offers.on_its_way_minor(offered)
    return format_money(minor, offered.currency) if minor else ""


def _banner(offered: Offer) -> dict[str, Any] | None:
    """S18: what still waits; the newest by name, more than one by number."""
    waiting = offered.waiting
    if not waiting:
        return None
    if len(waiting) > 1:
        return {"text": f"{len(waiting)} deposits are still waiting.", "reference": "", "link": "See them"}
    newest = waiting[0]
    amount = _short(newest.amount_minor)
    if status(newest) == "action_required":
        needs, link = ("your approval", "See it") if newest.method_type == BANK else ("its code", "Enter it")
        return {
            "text": f"{amount} {by_method(newest)} needs {needs}.",
            "reference": newest.reference,
            "link": link,
        }
    return {
        "text": f"{amount} {by_method(newest)} is still waiting.",
        "reference": newest.reference,
        "link": "See it",
    }


def _short(minor: int) -> str:
    return format_money(minor, "GBP", short=True)
