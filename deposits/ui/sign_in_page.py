"""Signing in by phone number and code, and out again: here, or everywhere.

Nothing on these pages differs between a number that somebody has and one that nobody has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import wraps
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts import sign_in_codes
from accounts.models import Player
from accounts.sign_in_codes import TooMany
from carriers.wording import fill
from deposits.actions import sign_in as signing_in
from deposits.actions.command import typed_code
from deposits.formats import format_time
from deposits.ui.clock import clock
from deposits.ui.form_page import number_wanted
from deposits.ui.forms import msisdn, western_digits
from deposits.ui.sign_in import actor_of, end_session, for_players, session_player, sign_in

#: A browser in which somebody has shown by a code who they are stays signed in so long.
KNOWN_DEVICE_S = 30 * 24 * 3_600
#: In the session: by what the player has shown who they are, "code" or "passkey".
KNOWN_BY = "known_by"
_PENDING = "signing_in"
_LONGEST_ENTRY = 40


@dataclass(slots=True)
class Pending:
    """What a browser that is signing in has got to: kept in its session, never in an address."""

    number: str = ""
    typed: str = ""
    codes: list[str] = field(default_factory=list)
    until: str = ""
    """ISO 8601; "" before there is a code."""
    next: str = ""
    problem: str = ""
    """What is wrong, in a word (`_words`); the words come with the page, in its language."""
    players: list[int] = field(default_factory=list)

    def keep(self, request: HttpRequest) -> None:
        """Write it into the session."""
        request.session[_PENDING] = asdict(self)

    def ids(self) -> list[UUID]:
        """The codes that this browser asked for."""
        return [UUID(one) for one in self.codes]


def _pending(request: HttpRequest) -> Pending:
    return Pending(**request.session.get(_PENDING, {}))


def where_offered(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A view that is there only where something can send codes."""

    @wraps(view)
    def checked(request: HttpRequest) -> HttpResponse:
        if not signing_in.is_offered():
            raise Http404
        return view(request)

    return checked


@require_http_methods(["GET", "HEAD", "POST"])
@where_offered
def number(request: HttpRequest) -> HttpResponse:
    """GET: asks for the number; `?next=` is where to go afterwards. POST: have a code sent to it."""
    pending = _pending(request)
    if request.method != "POST":
        wanted = request.GET.get("next", "")
        shown = {
            "typed": pending.typed,
            "problem": _words(pending),
            "next": wanted,
            "next_query": urlencode({"next": wanted}),
        }
        return render(request, "sign_in/number.html", shown)
    pending = Pending(
        typed=request.POST.get("number", "").strip()[:_LONGEST_ENTRY], next=request.POST.get("next", "")
    )
    pending.number = msisdn(pending.typed) or ""
    if not pending.number:
        pending.problem = "number"
        pending.keep(request)
        query = urlencode({"next": pending.next}) if pending.next else ""
        return _to("sign-in", query)
    return _send(request, pending)


@require_http_methods(["GET", "HEAD", "POST"])
@where_offered
def code(request: HttpRequest) -> HttpResponse:
    """GET: asks for the code. POST: sign in by it, or, with `again`, have a new one sent; the old one stays good."""
    pending = _pending(request)
    if not pending.number:
        # A second click on the button comes when the first has signed in already.
        return _to("deposit" if session_player(request) else "sign-in")
    if request.method != "POST":
        return render(request, "sign_in/code.html", _told(pending))
    if "again" in request.POST:
        return _send(request, pending)
    typed = typed_code(western_digits(request.POST.get("code", "")))
    if typed is None or not sign_in_codes.is_right(pending.ids(), pending.number, typed):
        pending.problem = "malformed" if typed is None else "wrong"
        pending.keep(request)
        return _to("sign-in-code")
    players = signing_in.players_of(pending.number)
    if len(players) == 1:
        return _enter(request, players[0], pending)
    pending.players, pending.number = [one.pk for one in players], ""
    pending.keep(request)
    return _to("sign-in-account")


@require_http_methods(["GET", "HEAD", "POST"])
@where_offered
def account(request: HttpRequest) -> HttpResponse:
    """Asks whose player it is, where the number belongs to players of several partners."""
    pending = _pending(request)
    players = (
        Player.objects.filter(pk__in=pending.players).select_related("partner").order_by("partner__name")
    )
    if request.method == "POST":
        chosen = next((one for one in players if str(one.pk) == request.POST.get("player")), None)
        return _enter(request, chosen, pending) if chosen else _to("sign-in-account")
    if not players:
        return _to("sign-in")
    return render(request, "sign_in/account.html", {"players": players})


@require_http_methods(["GET", "HEAD", "POST"])
@for_players
def sign_out(request: HttpRequest, player: Player) -> HttpResponse:
    """GET: asks. POST: sign out here, or, with `everywhere`, end every session of the player's."""
    if request.method != "POST":
        return render(request, "sign_in/sign_out.html")
    everywhere = "everywhere" in request.POST
    if everywhere:
        Player.objects.filter(pk=player.pk).update(signed_out_at=timezone.now())
    actor_of(request, player).note("player.signed_out", player, {}, {"everywhere": everywhere})
    end_session(request)
    return HttpResponseRedirect(settings.SIGN_IN_URL, status=303)


def _send(request: HttpRequest, pending: Pending) -> HttpResponse:
    pending.problem = ""
    try:
        issued, __ = signing_in.send_code(pending.number, actor_of(request).address)
    except TooMany as error:
        pending.problem = f"early {error.until.isoformat()}"
    else:
        pending.codes = [*pending.codes, issued.id.hex][-sign_in_codes.PER_NUMBER :]
        pending.until = issued.expires_at.isoformat()
    pending.keep(request)
    return _to("sign-in-code")


def _told(pending: Pending) -> dict[str, Any]:
    """What the page says that asks for the code."""
    sent = _("If there is an account with the phone ending {ending}, we sent 6 digits to it.")
    told = {"sent": fill(sent, ending=pending.number[-3:]), "problem": _words(pending)}
    if pending.until:
        until = clock(datetime.fromisoformat(pending.until), timezone.now())
        told["until"] = fill(_("They work until {time}."), time=until)
    return told


def _words(pending: Pending) -> str:
    """What is said of what is wrong; "" of nothing. A malformed code costs no try."""
    what, __, until = pending.problem.partition(" ")
    match what:
        case "number":
            return number_wanted()
        case "early":
            told = _("A code was sent already. You can ask for a new one at {time}")
            return fill(told, time=_second(datetime.fromisoformat(until)))
        case "malformed":
            return _("Enter the 6 digits from the text")
        case "wrong":
            left = sign_in_codes.tries_left(pending.ids(), pending.number)
            if not left:
                return _("Send a new code: there are no tries left, or its time has run out")
            told = ngettext(
                "That is not the code we sent. {count} try left",
                "That is not the code we sent. {count} tries left",
                left,
            )
            return fill(told, count=left)
    return ""


def _second(until: datetime) -> str:
    """The time from which on another code may be asked for, to the second where it is that close."""
    now = timezone.now()
    return format_time(until, seconds=True) if until - now <= sign_in_codes.APART else clock(until, now)


def _enter(request: HttpRequest, player: Player, pending: Pending) -> HttpResponse:
    enter(request, player, by="code")
    return HttpResponseRedirect(where_to(pending.next), status=303)


def enter(request: HttpRequest, player: Player, by: str) -> None:
    """Make the player the session's, on a device that is known from now on. `by`: "code" or "passkey"."""
    sign_in(request, player)
    request.session.set_expiry(KNOWN_DEVICE_S)
    request.session[KNOWN_BY] = by
    actor_of(request, player).note("player.signed_in", player, {}, {"by": by})


def where_to(wanted: str) -> str:
    """Return the page to go on to: `wanted` if it is one of the players' own, else the deposit page."""
    ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    inside = ours and wanted.startswith((reverse("deposit"), reverse("passkey-add")))
    return wanted if inside else reverse("deposit")


def _to(name: str, query: str = "") -> HttpResponse:
    address = reverse(name)
    return HttpResponseRedirect(f"{address}?{query}" if query else address, status=303)
