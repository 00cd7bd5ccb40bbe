"""The door through which a player's browser comes back from the bank: any browser, once or twice, early or late.

Whoever comes, the deposit goes on by itself. What is shown depends on who comes: the deposit's page to its player, the
partner's page to the partner's player, and to anybody else nothing about the deposit at all.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_http_methods

from accounts import return_addresses
from carriers.interface import ReturnRefused
from carriers.wording import fill
from deposits import links
from deposits.actions import approve
from deposits.models import Deposit
from deposits.references import public_id
from deposits.ui.sign_in import SESSION_KEY

log = structlog.get_logger("deposits.returning")

#: Remembers, for a visitor who is not signed in, by which link the page was opened that led to the bank.
COOKIE = "__Host-approving" if settings.SECURE_COOKIES else "approving"
_TITLE = gettext_noop("Back from your bank")
#: Longer than any bank lets an approval wait.
COOKIE_LIFETIME_S = 3_600


@require_http_methods(["GET"])
def come_back(request: HttpRequest, carrier: str) -> HttpResponse:
    """Take what the bank sent along, and lead on to where this browser belongs."""
    if any(len(values) > 1 for name, values in request.GET.lists()):
        log.warning("return_refused", carrier=carrier, detail="a parameter came twice")
        return _refused(request)
    try:
        deposit = approve.take_return(carrier, request.GET.dict())
    except ReturnRefused:
        return _refused(request)
    response = _led_on(request, deposit)
    if COOKIE in request.COOKIES:
        response.delete_cookie(COOKIE, samesite="Lax")
    return response


def remember(response: HttpResponse, reference: str, token: str) -> None:
    """Let the browser find the way back to the page that it opened by a link."""
    response.set_cookie(
        COOKIE,
        f"{reference}.{token}",
        max_age=COOKIE_LIFETIME_S,
        httponly=True,
        samesite="Lax",
        secure=settings.SECURE_COOKIES,
    )


def _led_on(request: HttpRequest, deposit: Deposit) -> HttpResponse:
    page = reverse("deposit-page", args=[deposit.reference])
    if request.session.get(SESSION_KEY) == deposit.player_id:
        return HttpResponseRedirect(page, status=303)
    if address := _partners_page(deposit):
        return _on_to(request, address)
    reference, __, token = request.COOKIES.get(COOKIE, "").partition(".")
    if reference == deposit.reference and links.opens_page(reference, token):
        return HttpResponseRedirect(f"{page}?{urlencode({'t': token})}", status=303)
    lines = (
        _("You can close this page."),
        _("Go back to the page where you started your deposit: the result is there."),
    )
    return render(request, "deposits/came_back.html", {"title": _(_TITLE), "lines": lines})


def _on_to(request: HttpRequest, address: str) -> HttpResponse:
    """On to the partner's page: for a browser by a page of ours, which goes on at once, for others by a redirect.

    A bank's form may lead to us and nowhere else, and browsers hold that against every redirect that follows
    (Content-Security-Policy, form-action). A page that loads another one is no redirect.
    """
    if request.headers.get("Sec-Fetch-Mode") != "navigate":
        return HttpResponseRedirect(address, status=303)
    lines = (fill(_("You are going on to {site}."), site=urlsplit(address).hostname or ""),)
    response = render(
        request, "deposits/came_back.html", {"title": _(_TITLE), "lines": lines, "address": address}
    )
    response["Refresh"] = f"0; url={address}"
    return response


def _partners_page(deposit: Deposit) -> str:
    """The partner's address with the deposit's id added; "" when it gave none, or has taken it off its list since."""
    url, partner = deposit.return_url, deposit.partner
    of_test_key = deposit.client == f"partner:{partner.pk}:test"
    if return_addresses.covers(partner.return_addresses, url) or (
        of_test_key and return_addresses.is_local(url)
    ):
        return return_addresses.with_deposit(url, public_id(deposit.pk))
    return ""


def _refused(request: HttpRequest) -> HttpResponse:
    """One answer to everything that we did not make, whatever is wrong with it."""
    context = {
        "title": _("This address cannot be used"),
        "lines": (
            _("It is not one that we gave to your bank, so nothing was done with it."),
            _("If you have approved a deposit, look at that deposit: its page shows how it stands."),
        ),
        "refused": True,
    }
    return render(request, "deposits/came_back.html", context, status=400)
