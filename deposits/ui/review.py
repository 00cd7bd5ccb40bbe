"""The one more look before an unusual deposit: amount, method, the balance after it and what is left of the limit."""

from __future__ import annotations

from datetime import timedelta
from statistics import median

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from accounts.models import Player
from carriers.wording import fill
from deposits.actions.eligibility import Eligibility
from deposits.formats import format_money, format_period
from deposits.models import Deposit
from deposits.states import State
from deposits.ui import form_page, kept_entry, methods
from deposits.ui import offer as offers
from deposits.ui.bounds import bounds_of
from deposits.ui.forms import Entry, amount_minor, deposit_key
from deposits.ui.methods import Method
from deposits.ui.offer import Offer
from deposits.ui.sign_in import for_players

#: In the form of the review: it has been looked at.
REVIEWED = "reviewed"
#: The amount is unusual when it is more than so many times the median of the last so many.
_TIMES, _OF_LAST = 2, 10
#: The deposit that makes it so many within so long is looked at once more.
_THIRD, _WITHIN = 3, timedelta(hours=1)
#: So little of a limit (a share of it) may be left after the deposit before it is looked at once more.
_LEFT_SHARE = 0.1


def is_due(offered: Offer, choice: Method, amount: int) -> bool:
    """Whether a deposit of this amount (minor units) by this method is to be looked at once more before it is made.

    Each is where compliance asks for it. Else nobody's first deposit is: nothing is usual yet, and the code or the
    bank's approval asks about it anyway.
    """
    if offered.player.look_twice_at is not None:
        return True
    made = _made(offered.player, offered.currency)
    if not made:
        return False
    recent = [one for one in made if one.created_at > timezone.now() - _WITHIN]
    return (
        amount > _TIMES * median(one.amount_minor for one in made[:_OF_LAST])
        or len(recent) >= _THIRD - 1
        or not any(_is_same_way(one, choice) for one in made)
        or _leaves_little(offers.eligible(offered, choice.kind, choice.profile, choice.number), amount)
    )


def _made(player: Player, currency: str) -> list[Deposit]:
    """The newest deposits that came to something, enough of them to know the methods that were used."""
    found = Deposit.objects.filter(player=player, currency=currency, state=State.CREDITED, reversed_at=None)
    return list(found.order_by("-created_at", "-id")[:50])


def _is_same_way(made: Deposit, choice: Method) -> bool:
    if made.method_type != choice.kind:
        return False
    if choice.by_bank:
        return choice.profile is not None and made.carrier == choice.profile.code
    return made.phone_number == choice.number


def _leaves_little(stands: Eligibility | None, amount: int) -> bool:
    return any(
        one.most and one.left is not None and 0 <= one.left - amount < _LEFT_SHARE * one.most
        for one in (stands.own if stands else [])
    )


@require_safe
@gzip_page
@for_players
def page(request: HttpRequest, player: Player) -> HttpResponse:
    """The deposit that the address names, to be made or changed."""
    offered, entry = offers.offer(player, bounds_of(request, player)), kept_entry.read(request)
    choice = methods.chosen(offered, entry)
    if form_page.problems(choice, entry):
        return kept_entry.lead_on(request, entry, "deposit", sent="1")
    return render(request, "deposits/review.html", _context(request, offered, entry, choice))


def _context(request: HttpRequest, offered: Offer, entry: Entry, choice: Method) -> dict[str, object]:
    minor = amount_minor(entry.amount) or 0
    facts = [
        (_("Amount"), format_money(minor, offered.currency)),
        (_("Method"), _method(choice)),
        (_("Balance after it"), format_money(offered.balance_minor + minor, offered.currency)),
    ]
    stands = offers.eligible(offered, choice.kind, choice.profile, choice.number)
    for one in stands.own[:1] if stands else []:
        if one.left is not None:
            left = format_money(max(one.left - minor, 0), offered.currency)
            period = format_period(one.rule.window, one.rule.length)
            facts.append((fill(_("Left of your limit {period}"), period=period), left))
    amount = format_money(minor, offered.currency, short=True)
    return {
        "facts": facts,
        "entry": entry,
        "title": fill(_("Deposit {amount}?"), amount=amount),
        "heading": choice.question(amount),
        "label": fill(_("Deposit {amount}"), amount=amount),
        "key": deposit_key(offered.player.pk),
        "reviewed": REVIEWED,
        "change_href": kept_entry.address(request, entry, "deposit"),
    }


def _method(choice: Method) -> str:
    if not choice.number:
        return choice.label
    return fill(_("Phone bill, ending {ending}"), ending=choice.number[-3:])
