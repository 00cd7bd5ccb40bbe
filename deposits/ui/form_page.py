"""The deposit form as shown: what is chosen, what is wrong, what the button says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from carriers.registry import BANK
from carriers.wording import fill
from deposits.actions.eligibility import Eligibility
from deposits.actions.refusal import Refusal
from deposits.formats import format_moment, format_money, format_period
from deposits.limits import Standing
from deposits.models import Deposit
from deposits.presentation import carrier_name, refusal_reason, status
from deposits.ui import methods
from deposits.ui import offer as offers
from deposits.ui.forms import ANOTHER_BANK, NEW_NUMBER, OTHER, Entry, Problem, amount_minor
from deposits.ui.methods import Method, short_money
from deposits.ui.offer import Offer
from deposits.ui.panel import plain
from deposits.ui.screen import in_a_row

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
        told = fill(
            _("Enter an amount from {least} to {most}"), least=short_money(least), most=short_money(most)
        )
        found.append(Problem(OTHER, told))
    if choice.by_bank and choice.profile is None:
        found.append(Problem("bank", _bank_problem(choice, entry)))
    elif not choice.by_bank and not choice.number:
        found.append(Problem("number", number_wanted()))
    return found


def _bank_problem(choice: Method, entry: Entry) -> str:
    if choice.matches:
        return _("Choose one of the banks below")
    return _("We do not know a bank of that name") if entry.bank else _("Enter the name of your bank")


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
        "balance": _balance(offered),
        "allowance": _allowance(offered, stands) if shows_form else "",
        "bills": _bills(offered, choices, choice, stands),
        "banner": _banner(offered),
        "chips": [Chip(plain(one), short_money(one), one == minor, one in off) for one in amounts],
        "chips_off": [] if why else _why_off(off, offered.currency),
        "other": {"checked": is_other, "value": entry.amount if is_other else ""},
        "ranges": _ranges(choices, [short_money(one) for one in amounts]),
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


def _ranges(choices: list[Method], amounts: list[str]) -> list[dict[str, Any]]:
    """What each kind of choice takes, and the button's label for each of the amounts and, last, for another one.

    Whole, because the words follow the choice without script.
    """
    told: dict[str, dict[str, Any]] = {}
    for one in choices:
        labels = [one.button(amount) for amount in (*amounts, "")]
        told.setdefault(one.words, {"words": one.words, "range": one.range_words, "labels": labels})
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
            said = in_a_row(reason.title, reason.text)
            lines.setdefault(said, []).append(short_money(minor))
    between = _(", ")
    return [f"{between.join(amounts)}: {said}" for said, amounts in lines.items()]


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
    return " ".join(filter(None, (left_words(first, offered.currency), resets_words(first))))


def left_words(stands: Standing, currency: str) -> str:
    """Return what a limit leaves: "You can deposit £80.00 more this week."."""
    return fill(_("You can deposit {left} more {period}."), **_left(stands, currency))


def resets_words(stands: Standing) -> str:
    """Return when a limit starts again; "" where that moment is not known."""
    if not stands.resets_at:
        return ""
    return fill(_("It starts again on {date}."), date=format_moment(stands.resets_at))


def _left(stands: Standing, currency: str) -> dict[str, str]:
    left = format_money(stands.left or 0, currency)
    return {"left": left, "period": format_period(stands.rule.window, stands.rule.length)}


def _bills(
    offered: Offer, choices: list[Method], choice: Method, stands: Eligibility | None
) -> list[dict[str, str]]:
    """What each kind of choice puts on the bill, and what the network still lets the chosen number be charged."""
    told: dict[str, str] = {}
    for one in choices:
        if one.profile:
            bill = (
                _("On your bank statement as {descriptor}.")
                if one.by_bank
                else _("On your bill as {descriptor}.")
            )
            told.setdefault(one.words, fill(bill, descriptor=one.profile.descriptor))
    sums = [one for one in (stands.caps if stands else []) if not one.counts_deposits]
    if sums and choice.number and choice.words in told:
        told[choice.words] += f" {_number_words(sums[0], offered.currency)}"
    return [{"words": words, "text": text} for words, text in told.items()]


def _number_words(stands: Standing, currency: str) -> str:
    """What the network still lets the number be charged."""
    left = _left(stands, currency)
    if not stands.resets_at:
        return fill(_("This number can take {left} more {period}."), **left)
    until = format_moment(stands.resets_at)
    return fill(_("This number can take {left} more {period}, until {date}."), **left, date=until)


def _balance(offered: Offer) -> str:
    balance = format_money(offered.balance_minor, offered.currency)
    minor = offers.on_its_way_minor(offered)
    if not minor:
        return fill(_("Balance {balance}."), balance=balance)
    told = _("Balance {balance}, and {amount} on its way.")
    return fill(told, balance=balance, amount=format_money(minor, offered.currency))


def _banner(offered: Offer) -> dict[str, Any] | None:
    """S18: what still waits; the newest by name, more than one by number."""
    waiting = offered.waiting
    if not waiting:
        return None
    if len(waiting) > 1:
        told = ngettext(
            "{count} deposit is still waiting.", "{count} deposits are still waiting.", len(waiting)
        )
        return {"text": fill(told, count=len(waiting)), "reference": "", "link": _("See them")}
    newest = waiting[0]
    text, link = _waits(newest)
    facts = {"amount": short_money(newest.amount_minor), "bank": carrier_name(newest.carrier)}
    return {"text": fill(text, **facts), "reference": newest.reference, "link": link}


def _waits(deposit: Deposit) -> tuple[str, str]:
    asks, by_bank = status(deposit) == "action_required", deposit.method_type == BANK
    if asks and by_bank:
        return _("{amount} from {bank} needs your approval."), _("See it")
    if asks:
        return _("{amount} by phone bill needs its code."), _("Enter it")
    if by_bank:
        return _("{amount} from {bank} is still waiting."), _("See it")
    return _("{amount} by phone bill is still waiting."), _("See it")


def number_wanted() -> str:
    """Return what is said of a phone number that is none."""
    return fill(_("Enter a mobile number, like {example}"), example="07700 900123")
