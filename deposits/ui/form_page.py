"""The deposit form as shown: what is chosen, what is wrong, what the button says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from carriers import reasons
from carriers.reasons import RenderedReason
from deposits.presentation import format_money, refusal_reason, status
from deposits.ui import offer as offers
from deposits.ui.forms import NEW_NUMBER, OTHER, Entry, Problem, amount_minor, msisdn
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


def chosen_number(offered: Offer, entry: Entry) -> str | None:
    """Return the phone number, E.164, that the form asks for; None when it has to be typed and was not."""
    phone = None if entry.phone == NEW_NUMBER else offered.phone(entry.phone)
    return phone.number if phone else msisdn(entry.number)


def problems(offered: Offer, entry: Entry) -> list[Problem]:
    """Return what is wrong with the form as filled in, field by field; empty when it can be sent on."""
    found = []
    number = chosen_number(offered, entry)
    least, most = offers.amount_range(number or "")
    minor = amount_minor(entry.amount)
    if minor is None or not least <= minor <= most:
        found.append(Problem(OTHER, f"Enter an amount from {_short(least)} to {_short(most)}"))
    if number is None:
        found.append(Problem("number", "Enter a mobile number, like 07700 900123"))
    return found


def context(offered: Offer, entry: Entry, *, sent: bool, refused: str) -> dict[str, Any]:
    """Return the template's context. `sent`: the entry was sent as it is, so its problems are shown.

    `refused`: the code of the refusal that the last request met, "" for none.
    """
    phone = None if entry.phone == NEW_NUMBER else offered.phone(entry.phone)
    number = phone.number if phone else msisdn(entry.number) or ""
    amounts = offers.chips(offered, number)
    minor = amount_minor(entry.amount) if entry.amount or sent else _preselected(offered, amounts)
    found = problems(offered, entry) if sent else []
    why = _refusal(offered, refused, number, minor or 0)
    least, most = offers.amount_range(number)
    profile = offers.carrier_of(number)
    is_other = minor not in amounts
    return {
        "first_time": offered.last_amount_minor is None and not offered.waiting,
        "balance": format_money(offered.balance_minor, offered.currency),
        "on_its_way": _on_its_way(offered),
        "allowance": _allowance(offered, number),
        "banner": _banner(offered),
        "chips": [Chip(plain(one), _short(one), one == minor) for one in amounts],
        "other": {"checked": is_other, "value": entry.amount if is_other else ""},
        "least": _short(least),
        "most": _short(most),
        "phones": offered.phones if phone else (),
        "phone": phone,
        "network": profile.name if profile and number else "",
        "number": entry.number,
        "problems": found,
        "problem_at": {problem.field: problem.text for problem in found},
        "why": why,
        "shows_form": why is None or why.code in _FORM_STAYS,
    }


def _preselected(offered: Offer, amounts: list[int]) -> int | None:
    """The last successful amount or the smallest chip, whichever is allowed."""
    least = amounts[0] if amounts else None
    left = offered.weekly.left_minor
    last = offered.last_amount_minor
    if last is None or last not in amounts or (left is not None and left < last):
        return least
    return last


def _refusal(offered: Offer, code: str, number: str, minor: int) -> RenderedReason | None:
    # Who has nothing left need not tap to be told.
    code = offered.bar.code if offered.bar else "limit_reached" if offered.weekly.left_minor == 0 else code
    refusal = offers.refusal_now(offered, code, number, max(minor, 1)) if code in reasons.REASONS else None
    return refusal_reason(refusal, offered.currency) if refusal else None


def _allowance(offered: Offer, number: str) -> str:
    """ "You can deposit £80.00 more this week." The player's own limit, else the carrier's."""
    left, period = offered.weekly.left_minor, "this week"
    if left is None:
        left, period = offers.monthly_allowance(number, offered.currency).left_minor, "this month"
    return (
        f"You can deposit {format_money(left, offered.currency)} more {period}." if left is not None else ""
    )


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
        return {
            "text": f"{amount} by phone bill needs its code.",
            "reference": newest.reference,
            "link": "Enter it",
        }
    return {
        "text": f"{amount} by phone bill is still waiting.",
        "reference": newest.reference,
        "link": "See it",
    }


def _short(minor: int) -> str:
    return format_money(minor, "GBP", short=True)
