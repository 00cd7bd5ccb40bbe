"""The deposit page: what a player may deposit, and the tap that does it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Player
from carriers import registry
from carriers.wording import fill
from deposits.actions.accept import DepositRequest, accept, canonical
from deposits.actions.refusal import IdempotencyConflict, Refusal
from deposits.formats import format_money
from deposits.limits import Standing
from deposits.models import Deposit
from deposits.ui import first_limit, form_page, held_post, history, kept_entry, methods, off, review
from deposits.ui import offer as offers
from deposits.ui.bounds import bounds_of
from deposits.ui.deposit_page import GO_ON
from deposits.ui.device import device_of, remember
from deposits.ui.forms import Entry, amount_minor, deposit_key, read_deposit_key
from deposits.ui.kept_entry import lead_on
from deposits.ui.methods import Method
from deposits.ui.offer import Offer
from deposits.ui.panel import plain
from deposits.ui.repeats import is_double_click, just_like_it
from deposits.ui.sign_in import for_players

_OWN_NAMES = {
    "day": gettext_noop("Your daily limit"),
    "week": gettext_noop("Your weekly limit"),
    "month": gettext_noop("Your monthly limit"),
}


@require_http_methods(["GET", "HEAD", "POST"])
@gzip_page
@for_players
def deposit(request: HttpRequest, player: Player) -> HttpResponse:
    """GET: the form, the address says with what filled in. POST: deposit; the answer is always a redirect."""
    offered = offers.offer(player, bounds_of(request, player))
    return _deposit(request, offered) if request.method == "POST" else _form(request, offered)


def _form(request: HttpRequest, offered: Offer) -> HttpResponse:
    entry, sent = kept_entry.read(request), kept_entry.SENT in request.GET
    context = form_page.context(offered, entry, sent=sent, refused=request.GET.get("refused", ""))
    if context["why"] is None and (closed := off.page(request, offered)):
        return closed
    context["key"] = deposit_key(offered.player.pk)
    return remember(request, render(request, "deposits/form.html", context))


def _deposit(request: HttpRequest, offered: Offer) -> HttpResponse:
    player, entry = offered.player, Entry.of(request.POST)
    choice = methods.chosen(offered, entry)
    # A form that was open before the link was used may name another way to pay: it is never changed by itself.
    if form_page.problems(choice, entry) or not methods.asked_for(offered, entry).permitted:
        return lead_on(request, entry, "deposit", sent="1")
    key = read_deposit_key(player.pk, request.POST.get("key", ""))
    if key is None:
        # The form was made for somebody else, or by nobody: it is offered anew and not sent by itself.
        return lead_on(request, entry, "deposit")
    deposit_request = _request(offered, choice, entry, key, device_of(request))
    spent = Deposit.objects.filter(client=deposit_request.client, idempotency_key=key).first()
    if spent is not None:
        return _already_sent(request, spent, entry)
    if "asked" not in request.POST and (waiting := just_like_it(offered, deposit_request)):
        return _to(waiting, another=plain(deposit_request.amount_minor))
    if first_limit.is_due(offered):
        return lead_on(request, entry, "deposit-first-limit")
    if review.REVIEWED not in request.POST and review.is_due(offered, choice, deposit_request.amount_minor):
        return lead_on(request, entry, "deposit-review")
    try:
        accepted = accept(deposit_request)
    except Refusal as refusal:
        return lead_on(request, entry, "deposit", refused=refusal.code)
    except IdempotencyConflict:
        spent = Deposit.objects.get(client=deposit_request.client, idempotency_key=key)
        return _already_sent(request, spent, entry)
    if accepted.replayed:
        return _already_sent(request, accepted.deposit, entry)
    kept_entry.forget(request)
    if "live" not in request.POST:
        held_post.hold(accepted.deposit.pk)
        return _to(accepted.deposit)
    # The page that follows goes on to the bank by itself, this once.
    return _to(accepted.deposit, **({GO_ON: "1"} if choice.by_bank else {}))


def _request(offered: Offer, choice: Method, entry: Entry, key: str, device: str) -> DepositRequest:
    """The form, found to be without problems, as a request."""
    player, minor = offered.player, amount_minor(entry.amount)
    assert minor is not None
    assert choice.profile is not None or not choice.by_bank
    bank_id = choice.profile.code if choice.by_bank and choice.profile else ""
    way = {"bank_id": bank_id} if choice.by_bank else {"phone_number": choice.number}
    return DepositRequest(
        partner_id=player.partner_id,
        player=player.external_id,
        amount_minor=minor,
        currency=offered.currency,
        method_type=choice.kind,
        phone_number=choice.number,
        bank_id=bank_id,
        client=f"player:{player.pk}",
        idempotency_key=key,
        canonical_body=canonical({"amount": minor, "currency": offered.currency, **way}),
        actor_kind="player",
        actor=player.external_id,
        return_url=offered.bounds.return_url if offered.bounds else "",
        request_id=structlog.contextvars.get_contextvars().get("request_id", ""),
        device=device,
        words=choice.button(format_money(minor, offered.currency, short=True)),
        language=get_language() or settings.LANGUAGE_CODE,
        channel="page",
    )


def _already_sent(request: HttpRequest, spent: Deposit, entry: Entry) -> HttpResponse:
    """A key that was used before: a second click is taken for the first; anything else is asked about (S17)."""
    if held_post.is_worked_on(spent) and is_double_click(spent, timezone.now()):
        if "live" not in request.POST:
            held_post.hold(spent.pk)
        return _to(spent)
    return _to(spent, again=entry.amount)


def _to(deposit: Deposit, **query: str) -> HttpResponse:
    address = reverse("deposit-page", args=[deposit.reference])
    return HttpResponseRedirect(f"{address}?{urlencode(query)}" if query else address, status=303)


@require_safe
@gzip_page
@for_players
def my_deposits(request: HttpRequest, player: Player) -> HttpResponse:
    """S26: what became of each deposit, the newest first."""
    return render(request, "deposits/history.html", {"rows": history.rows(player)})


@require_safe
@for_players
def my_deposits_csv(request: HttpRequest, player: Player) -> HttpResponse:
    """The same as a file for a spreadsheet."""
    headers = {"Content-Disposition": 'attachment; filename="deposits.csv"'}
    return HttpResponse(history.as_csv(player), content_type="text/csv; charset=utf-8", headers=headers)


@require_safe
@gzip_page
@for_players
def my_limits(request: HttpRequest, player: Player) -> HttpResponse:
    """The player's own limit and each phone's, with what is left of them."""
    offered = offers.offer(player)
    stands = offers.eligible(offered, registry.CARRIER_BILLING)
    rows = [
        _limit_row(_(_OWN_NAMES[one.rule.own]), one, offered.currency)
        for one in (stands.own if stands else [])
    ]
    for phone in player.phones.order_by("pk"):
        by_phone = offers.eligible(
            offered, registry.CARRIER_BILLING, offers.carrier_of(phone.number), phone.number
        )
        name = fill(_("Phone ending {ending}, by its network"), ending=phone.number[-3:])
        rows += [_limit_row(name, one, offered.currency) for one in (by_phone.caps if by_phone else [])]
    return render(request, "deposits/limits.html", {"rows": rows})


def _limit_row(name: str, stands: Standing, currency: str) -> dict[str, Any]:
    most = stands.most or 0
    used = {"used": format_money(stands.used, currency), "most": format_money(most, currency)}
    return {
        "name": name,
        "label": fill(_("{limit}: share used"), limit=name),
        "left": form_page.left_words(stands, currency),
        "used": fill(_("You have used {used} of {most}."), **used),
        "resets": form_page.resets_words(stands),
        "share": min(100, round(100 * stands.used / max(most, 1))),
    }


@require_safe
@gzip_page
def phone_bill(request: HttpRequest) -> HttpResponse:
    """How paying by phone bill works."""
    return render(request, "deposits/phone_bill.html")
