"""The door for players whom a partner's link brings: one button, and they are at the deposit page.

Opening the address uses nothing up, so that previews, scanners and prefetching browsers do no harm; the tap does.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_http_methods

from carriers.wording import fill
from deposits import links
from deposits.actions import hosted_links
from deposits.formats import format_money
from deposits.models import HostedLink
from deposits.ui.bounds import bind
from deposits.ui.clock import clock
from deposits.ui.sign_in import SESSION_KEY, actor_of, sign_in

#: The session that a link begins. Whoever holds the phone has not shown who they are, so it ends soon.
SESSION_S = 3_600


@dataclass(frozen=True, slots=True)
class Why:
    """Why a link does nothing, in the player's words; in English."""

    status: int
    title: str
    text: str


_UNKNOWN = Why(
    404,
    gettext_noop("This link does not work"),
    gettext_noop("Part of it may be missing. Open it again from where you found it."),
)
_SPENT = Why(410, gettext_noop("This link has been used"), gettext_noop("Each link works once."))
_EXPIRED = Why(410, gettext_noop("This link has run out"), gettext_noop("Links work for a short time only."))


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, link_id: UUID) -> HttpResponse:
    """GET: the button. POST: use the link up, begin its player's session here, and go to the deposit page."""
    link = hosted_links.find(link_id)
    if link is None or not links.opens_hosted(link, request.GET.get("t", "")):
        return _refused(request, _UNKNOWN)
    if request.method == "POST" and hosted_links.spend(link, actor_of(request, link.player)):
        sign_in(request, link.player)
        request.session.set_expiry(SESSION_S)
        bind(request, link)
        return HttpResponseRedirect(reverse("deposit"), status=303)
    link.refresh_from_db(fields=["spent_at", "ended_at"])
    if link.spent_at is not None:
        return _refused(request, _SPENT, link)
    if link.ended_at is not None or link.expires_at <= timezone.now():
        return _refused(request, _EXPIRED, link)
    return render(request, "deposits/hosted_link.html", _offered(request, link))


def _offered(request: HttpRequest, link: HostedLink) -> dict[str, object]:
    amounts = sorted({link.minimum_minor, link.maximum_minor})
    least, most = (format_money(one, link.currency, short=True) for one in (amounts[0], amounts[-1]))
    here = request.session.get(SESSION_KEY)
    return {
        "title": fill(_("Deposit with {operator}"), operator=settings.OPERATOR_NAME),
        "amounts": fill(_("From {least} to {most}."), least=least, most=most)
        if len(amounts) > 1
        else f"{least}.",
        "until": fill(_("This link works once, until {time}."), time=clock(link.expires_at, timezone.now())),
        # Where every visitor is signed in as somebody for show, nobody is in the way.
        "another": here is not None and here != link.player_id and not settings.DEMO,
    }


def _refused(request: HttpRequest, why: Why, link: HostedLink | None = None) -> HttpResponse:
    """Say why, and offer the one step that helps. Only a whole link says where its player came from."""
    step, address = _("Go to deposit"), reverse("deposit")
    if link and link.return_url and request.session.get(SESSION_KEY) != link.player_id:
        step, address = fill(_("Back to {site}"), site=link.player.partner.name), link.return_url
    context = {"title": _(why.title), "text": _(why.text), "step": step, "address": address}
    return render(request, "deposits/hosted_link_refused.html", context, status=why.status)
