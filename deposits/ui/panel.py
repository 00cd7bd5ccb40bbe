"""The part of a deposit's page that changes: read from the database, turned into a screen, then into HTML.

The page and the live stream both come here, so that what a missed event would have said is what a reload says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2s
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce, Now
from django.template.loader import render_to_string
from django.urls import reverse

from accounts import ledger
from carriers import reasons, registry
from deposits import presentation, retry
from deposits.actions.command import can_cancel
from deposits.models import Deposit, DepositEvent
from deposits.presentation import format_money
from deposits.states import Event, State
from deposits.ui import screens
from deposits.ui.clock import ago, clock
from deposits.ui.forms import command_key

#: Waits after which the words change: slow, very slow, and past what a carrier takes for an answer at all.
SLOW_S = 10
VERY_SLOW_S = 60
OUTCOME_UNKNOWN_S = 120


@dataclass(frozen=True, slots=True)
class Frame:
    """One rendering. `version` differs whenever the page has to change."""

    screen: screens.Screen
    html: str
    version: str
    now: datetime

    @property
    def state(self) -> dict[str, Any]:
        """What the stream sends and the script shows."""
        return {
            "title": self.screen.title,
            "html": self.html,
            "status": self.screen.spoken,
            "final": self.screen.final,
            "version": self.version,
        }


def read(reference: str) -> Any | None:
    """Return the deposit with the database's time (`read_at`) and the moment the wait began; None if unknown."""
    # After a code the wait begins anew.
    entered = DepositEvent.objects.filter(deposit=OuterRef("pk"), event=Event.CODE_ENTERED)
    return (
        Deposit.objects.filter(reference=reference)
        .annotate(
            read_at=Now(),
            waiting_since=Coalesce(Subquery(entered.order_by("-at").values("at")[:1]), F("created_at")),
        )
        .first()
    )


def render(deposit: Any, token: str = "", note: str = "") -> Frame:
    """Return the panel of a deposit as `read` gave it.

    `token`: the viewer holds a link and is not signed in; it is kept in what he may do next. `note`: what the
    viewer's last request met, one of screens.NOTES.
    """
    sight = _sight(deposit, token, note)
    screen = screens.screen(sight)
    html = render_to_string(
        "deposits/panel.html",
        {
            "screen": screen,
            "deposit": deposit,
            "amount": format_money(deposit.amount_minor, deposit.currency, short=True),
            "ending": deposit.phone_number[-3:],
            "network": sight.network,
            "when": (ago if screen.final else clock)(deposit.created_at, sight.now),
            "code_href": _own(deposit, "deposit-code", token),
            "again_href": _own(deposit, "deposit-page", token),
            "key": command_key(deposit.pk, deposit.code_tries),
            "my_limits": "" if token else sight.steps["my_limits"],
        },
    )
    digest = blake2s(f"{screen.title}{html}".encode(), digest_size=8)
    return Frame(screen, html, digest.hexdigest(), sight.now)


def _sight(deposit: Any, token: str, note: str) -> screens.Sight:
    profile = registry.profile(deposit.carrier)
    now: datetime = deposit.read_at
    balance = ""
    if deposit.state == State.CREDITED:
        balance = format_money(
            ledger.player_balance_minor(deposit.player_id, deposit.currency), deposit.currency
        )
    settled_by = deposit.created_at + timedelta(seconds=retry.scaled(retry.REVIEW_AFTER_S))
    return screens.Sight(
        deposit=deposit,
        now=now,
        waiting_since=deposit.waiting_since,
        thresholds=screens.Thresholds(
            slow_s=retry.scaled(SLOW_S),
            very_slow_s=retry.scaled(VERY_SLOW_S),
            unknown_s=max(profile.horizon_s + profile.not_found_apart_s, retry.scaled(OUTCOME_UNKNOWN_S)),
        ),
        network=profile.name,
        descriptor=profile.descriptor,
        balance=balance,
        why=_why(deposit),
        steps=_steps(deposit, token),
        clocks={
            "settled_by": clock(settled_by, now),
            "code_until": clock(deposit.action_expires_at, now) if deposit.action_expires_at else "",
        },
        review_within=settings.REVIEW_WITHIN,
        note=note if note in screens.NOTES else "",
    )


def _why(deposit: Deposit) -> reasons.RenderedReason | None:
    """The reason; a failed deposit always has one, even one whose code is not in the table."""
    try:
        why = presentation.reason(deposit)
    except KeyError:
        why = None
    if why is None and presentation.status(deposit) == "failed":
        network = registry.profile(deposit.carrier).name
        return reasons.render(
            "carrier_declined",
            methods=presentation.METHODS,
            unavailable=presentation.UNAVAILABLE,
            network=network,
        )
    return why


def _steps(deposit: Deposit, token: str) -> dict[str, str]:
    """Where each action leads this viewer; an action without a place is not offered."""
    lobby = lobby_url(deposit)
    support = settings.SUPPORT_URL
    if support.startswith("mailto:"):
        support += f"?{urlencode({'subject': f'Deposit {deposit.reference}'}, quote_via=quote)}"
    steps = {"play": lobby, "contact": support, "support_tools": support, "back_to_deposit": lobby}
    if not token:
        form = reverse("deposit")
        kept = f"{form}?{urlencode({'amount': plain(deposit.amount_minor)})}"
        steps |= {
            "retry": kept,
            "change_amount": f"{kept}#amount",
            "change_number": f"{kept}&phone=new#number",
            "back_to_deposit": form,
            "wait": form,
            "my_deposits": reverse("deposit-history"),
            "my_limits": reverse("deposit-limits"),
            "take_a_break": reverse("deposit-protection"),
            "how_it_works": reverse("phone-bill"),
        }
    if can_cancel(deposit):
        steps["cancel"] = _own(deposit, "deposit-cancel", token)
    return steps


def lobby_url(deposit: Deposit) -> str:
    """Return where the player came from: the partner's address, or the installation's."""
    back = deposit.return_url
    return back if back.startswith(("https://", "http://")) else settings.LOBBY_URL


def plain(minor: int) -> str:
    """Return minor units as the form takes them: 2000 → "20", 2050 → "20.50"."""
    whole, rest = divmod(minor, 100)
    return f"{whole}.{rest:02}" if rest else str(whole)


def _own(deposit: Deposit, name: str, token: str) -> str:
    """The deposit's own address called `name`, with the link's token where the viewer has one."""
    address = reverse(name, args=[deposit.reference])
    return f"{address}?{urlencode({'t': token})}" if token else address
