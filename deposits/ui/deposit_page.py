"""The page of one deposit, and what can be asked of it there: enter the code, go to the bank, cancel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_POST, require_safe

from carriers import registry
from carriers.wording import fill
from deposits import links, player_texts, presentation
from deposits.actions import command
from deposits.actions.command import Caller
from deposits.actions.refunds import take_back as taking_back
from deposits.actions.refusal import IdempotencyConflict, NotPossibleNow, Refusal
from deposits.formats import format_date_and_time, format_money
from deposits.models import Deposit
from deposits.refunds_shown import told_to_player
from deposits.states import State
from deposits.ui import held_post, panel, repeats, returning
from deposits.ui.forms import BANK_PREFIX, deposit_key, read_command_key, western_digits
from deposits.ui.headers import origin
from deposits.ui.language import spoken
from deposits.ui.repeats import Question
from deposits.ui.screens import CODE_MALFORMED, LATE_CANCEL, LATE_REFUND
from deposits.ui.sign_in import ask_to_sign_in, session_player
from deposits.ui.site import support_about

#: In the page's address: go on to the bank by itself as soon as it is known where to.
GO_ON = "go"


@dataclass(frozen=True, slots=True)
class Viewed:
    """A deposit that the visitor may see. `token`: because of a link, and not because he is signed in."""

    deposit: Any
    token: str


class _SignedOut(Exception):
    """Nobody is signed in, and there is no link that opens the page."""


@require_safe
@gzip_page
def page(request: HttpRequest, reference: str) -> HttpResponse:
    """The deposit as it is now; `?again=` and `?another=` are the questions before a second one."""
    try:
        viewed = _viewed(request, reference)
    except _SignedOut:
        return ask_to_sign_in(request)
    if not viewed.token and (question := _question(request, viewed.deposit)):
        return _ask(request, viewed.deposit, question)
    note = request.GET.get("note", "")
    frame = panel.render(viewed.deposit, viewed.token, note)
    response = render(
        request,
        "deposits/deposit.html",
        {
            "frame": frame,
            "screen": frame.screen,
            "signed_in": not viewed.token,
            "support_about": support_about(viewed.deposit.reference),
            "lost": fill(
                _("No connection. {network} is still working on it."),
                network=registry.profile(viewed.deposit.carrier).name,
            ),
            "go_on": GO_ON if GO_ON in request.GET else "",
            "live_url": "" if frame.screen.final else _stream_url(viewed, note),
            "action": _address(viewed, "deposit-code"),
        },
    )
    if not frame.screen.final and (live := origin(settings.LIVE_URL)) != origin(settings.BASE_URL):
        # The script opens the stream when all is loaded; the connection is there by then.
        response["Link"] = f"<{live}>; rel=preconnect; crossorigin"
    return response


@require_safe
def receipt(request: HttpRequest, reference: str) -> HttpResponse:
    """The receipt of a deposit that was made, as a text file to keep. Raises Http404 for any other deposit."""
    try:
        deposit = _viewed(request, reference).deposit
    except _SignedOut:
        return ask_to_sign_in(request)
    if deposit.state != State.CREDITED:
        raise Http404
    profile = registry.profile(deposit.carrier)
    if deposit.method_type == registry.BANK:
        bill = _("On your {network} statement as: {descriptor}")
    else:
        bill = _("On your {network} bill as: {descriptor}")
    lines = (
        fill(_("{operator}: deposit {reference}"), operator=settings.OPERATOR_NAME, reference=reference),
        "",
        fill(_("Amount: {amount}"), amount=format_money(deposit.amount_minor, deposit.currency)),
        fill(_("Method: {method}"), method=panel.method_words(deposit, profile.name)),
        fill(bill, network=profile.name, descriptor=profile.descriptor),
        fill(_("When: {time}"), time=format_date_and_time(deposit.created_at)),
        *filter(None, (told_to_player(deposit),)),
    )
    headers = {"Content-Disposition": f'attachment; filename="receipt-{reference}.txt"'}
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8", headers=headers)


@require_safe
def approve(request: HttpRequest, reference: str) -> HttpResponse:
    """Lead on to the bank, where the player approves; back to the page when there is nothing to approve any more.

    A link and not a form, because forms may lead to no other site (Content-Security-Policy).
    """
    try:
        viewed = _viewed(request, reference)
    except _SignedOut:
        return ask_to_sign_in(request)
    deposit = viewed.deposit
    if not presentation.awaits_approval(deposit) or deposit.action_expires_at <= deposit.read_at:
        return _back(viewed)
    response = HttpResponseRedirect(deposit.action_url, status=303)
    if viewed.token:
        returning.remember(response, reference, viewed.token)
    return response


@require_POST
def enter_code(request: HttpRequest, reference: str) -> HttpResponse:
    """Hand the code in the form to a worker, once for each round of the form."""
    return _command(
        request,
        reference,
        lambda viewed, caller, key: command.confirm(
            viewed.deposit.pk, western_digits(request.POST.get("code", "")), caller, f"confirm:{key}"
        ),
    )


@require_POST
def cancel(request: HttpRequest, reference: str) -> HttpResponse:
    """Ask for the deposit to be cancelled, where that is still possible."""
    return _command(
        request,
        reference,
        lambda viewed, caller, key: command.cancel(viewed.deposit.pk, caller, f"cancel:{key}"),
    )


@require_POST
def take_back(request: HttpRequest, reference: str) -> HttpResponse:
    """Have a deposit that went through after all given back to where it came from. Not by a link: it moves money."""
    try:
        viewed = _viewed(request, reference)
    except _SignedOut:
        return ask_to_sign_in(request)
    deposit: Deposit = viewed.deposit
    key = read_command_key(deposit.pk, request.POST.get("key", ""))
    if viewed.token or key is None:
        return _back(viewed)
    caller = Caller(f"player:{deposit.player_id}", "player", deposit.player.external_id)
    try:
        taking_back.take_back(deposit, caller, f"take-back:{key}")
    except (Refusal, NotPossibleNow, IdempotencyConflict):
        return _back(viewed, note=LATE_REFUND)
    return _back(viewed)


@require_POST
def text_result(request: HttpRequest, reference: str) -> HttpResponse:
    """Have the result texted to the player, who may go away meanwhile."""
    try:
        viewed = _viewed(request, reference)
    except _SignedOut:
        return ask_to_sign_in(request)
    if read_command_key(viewed.deposit.pk, request.POST.get("key", "")) is not None:
        player_texts.ask_for_result(viewed.deposit)
    return _back(viewed)


def _command(request: HttpRequest, reference: str, give: Any) -> HttpResponse:
    """Give a command about a deposit and go back to its page, whatever came of it: the page says it."""
    try:
        viewed = _viewed(request, reference)
    except _SignedOut:
        return ask_to_sign_in(request)
    deposit: Deposit = viewed.deposit
    key = read_command_key(deposit.pk, request.POST.get("key", ""))
    if key is None:
        return _back(viewed)
    caller = Caller(f"player:{deposit.player_id}", "player", deposit.player.external_id)
    try:
        give(viewed, caller, key)
    except Refusal:
        return _back(viewed, note=CODE_MALFORMED)
    except NotPossibleNow:
        return _back(viewed, **({"note": LATE_CANCEL} if request.path.endswith("/cancel/") else {}))
    except IdempotencyConflict:
        return _back(viewed)
    if "live" not in request.POST:
        held_post.hold(deposit.pk)
    return _back(viewed)


def _viewed(request: HttpRequest, reference: str) -> Viewed:
    """Return the deposit if this visitor may see it. Raises Http404, the same for a stranger's as for none."""
    token = request.GET.get("t", "")
    # A link opens its one deposit and changes nothing else; it does not even start a demo.
    by_link = bool(token) and links.opens_page(reference, token)
    player = None if by_link and "player_id" not in request.session else session_player(request)
    if player is None and not by_link:
        raise _SignedOut
    deposit = panel.read(reference)
    if deposit is None:
        raise Http404
    if player is not None and deposit.player_id == player.pk:
        return Viewed(deposit, "")
    if not by_link:
        raise Http404
    return Viewed(deposit, token)


def _question(request: HttpRequest, deposit: Any) -> Question | None:
    if "again" in request.GET:
        return repeats.already_sent(deposit, request.GET["again"], deposit.read_at)
    if "another" in request.GET and held_post.is_worked_on(deposit):
        return repeats.still_waiting(deposit, request.GET["another"], deposit.read_at)
    return None


def _ask(request: HttpRequest, deposit: Any, question: Question) -> HttpResponse:
    if deposit.method_type == registry.BANK:
        method = f"{BANK_PREFIX}{deposit.carrier}"
    else:
        phone = deposit.player.phones.filter(number=deposit.phone_number).first()
        method = str(phone.pk) if phone else ""
    context = {
        "question": question,
        "see_href": reverse("deposit-page", args=[deposit.reference]),
        "different_href": reverse("deposit"),
        "key": deposit_key(deposit.player_id),
        "method": method,
    }
    return render(request, "deposits/again.html", context)


def _stream_url(viewed: Viewed, note: str) -> str:
    """The stream's address; it sends what this page shows, so it is told what this page was told."""
    told = {"lang": spoken(), "page": viewed.token, "note": note}
    query = urlencode({name: value for name, value in told.items() if value})
    return f"{links.stream_url(viewed.deposit.reference)}&{query}"


def _address(viewed: Viewed, name: str, **query: str) -> str:
    address = reverse(name, args=[viewed.deposit.reference])
    if viewed.token:
        query["t"] = viewed.token
    return f"{address}?{urlencode(query)}" if query else address


def _back(viewed: Viewed, **query: str) -> HttpResponse:
    return HttpResponseRedirect(_address(viewed, "deposit-page", **query), status=303)
