"""The deposit form as shown: what is chosen, what is wrong, what the button says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deposits.actions.eligibility import Eligibility
from deposits.actions.refusal import Refusal
from deposits.presentation import format_money, format_period, refusal_reason, status
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
    off: bool = False


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
    stands = offers.eligible(offered, number)
    off = _refused(stands, amounts)
    minor = amount_minor(entry.amount) if entry.amount or sent else _preselected(offered, amounts, off)
    found = problems(offered, entry) if sent else []
    refusal = offers.refusal_now(offered, stands, refused, number, minor or 0)
    why = refusal_reason(refusal, offered.currency) if refusal else None
    least, most = offers.amount_range(number)
    profile = offers.carrier_of(number)
    is_other = minor not in amounts
    return {
        "first_time": offered.last_amount_minor is None and not offered.waiting,
        "balance": format_money(offered.balance_minor, offered.currency),
        "on_its_way": _on_its_way(offered),
        "allowance": _allowance(offered, stands),
        "banner": _banner(offered),
        "chips": [Chip(plain(one), _short(one), one == minor, one in off) for one in amounts],
        "chips_off": [] if why else _why_off(off, offered.currency),
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
    """ "You can deposit £80.00 more this week." The tightest of the player's own limits, else the carrier's."""
    found = (stands.own or stands.caps) if stands else []
    if not found or found[0].left is None:
        return ""
    rule = found[0].rule
    left = format_money(found[0].left, offered.currency)
    return f"You can deposit {left} more {format_period(rule.window, rule.length)}."


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
