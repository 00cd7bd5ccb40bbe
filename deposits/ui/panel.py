"""The part of a deposit's page that changes: read from the database, turned into a screen, then into HTML.

The page and the live stream both come here, so that what a missed event would have said is what a reload says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2s
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce, Now
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts import ledger
from carriers import reasons, registry
from carriers.wording import fill
from deposits import player_texts, presentation, retry
from deposits.actions.command import can_cancel
from deposits.actions.refunds.request import credited_minor
from deposits.actions.refunds.take_back import may_take_back
from deposits.formats import format_money
from deposits.models import Deposit, DepositEvent, ResultText
from deposits.refunds_shown import told_to_player
from deposits.states import Event, State
from deposits.ui import hops, screens, text_reply
from deposits.ui.clock import ago, clock
from deposits.ui.forms import ANOTHER_BANK, BANK_PREFIX, BY_PHONE, FROM_BANK, NEW_NUMBER, command_key
from deposits.ui.screen import UNKNOWN, Screen, Sight, Thresholds
from deposits.ui.site import support_about

#: Waits after which the words change: slow, very slow, and past what a carrier takes for an answer at all.
SLOW_S = 10
VERY_SLOW_S = 60
OUTCOME_UNKNOWN_S = 120
#: The setting REVIEW_WITHIN as it comes; an operator's own words are said as they are, unless a catalogue has them.
gettext_noop("one working day")
#: What players are told that a bank may take to send what it has accepted.
SENDING_S = 7_200


@dataclass(frozen=True, slots=True)
class Frame:
    """One rendering. `version` differs whenever the page has to change."""

    screen: Screen
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
    # After a code or an approval the wait begins anew.
    acts = (Event.CODE_ENTERED, Event.APPROVAL_RETURNED)
    entered = DepositEvent.objects.filter(deposit=OuterRef("pk"), event__in=acts)
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
    screen = text_reply.screen(sight, registry.profile(deposit.carrier)) or screens.screen(sight)
    amount = format_money(deposit.amount_minor, deposit.currency, short=True)
    html = render_to_string(
        "deposits/panel.html",
        {
            "screen": screen,
            "deposit": deposit,
            "amount": amount,
            "confirm": fill(_("Confirm {amount}"), amount=amount),
            "method": method_words(deposit, sight.network),
            "network": sight.network,
            # While it is worked on the screen itself says where it stands.
            "hops": hops.of(deposit, sight.network, sight.now) if screen.settles else [],
            "when": (ago if screen.final else clock)(deposit.created_at, sight.now),
            "code_href": _own(deposit, "deposit-code", token),
            "again_href": _own(deposit, "deposit-page", token),
            "key": command_key(deposit.pk, deposit.code_tries),
            "my_limits": "" if token else sight.steps["my_limits"],
            **_text_of_result(deposit, screen, token),
        },
    )
    digest = blake2s(f"{screen.title}{html}".encode(), digest_size=8)
    return Frame(screen, html, digest.hexdigest(), sight.now)


def _text_of_result(deposit: Deposit, screen: Screen, token: str) -> dict[str, str]:
    """What the page says of a text about the result: that there will be one, or where to ask for it."""
    if screen.final or not (screen.tone == "attention" or screen.charge == _(UNKNOWN)):
        return {}
    owed = ResultText.objects.filter(deposit=deposit).select_related("phone").first()
    if owed is not None:
        told = _("We will text the result to the phone ending {ending}.")
        return {"texted": fill(told, ending=owed.phone.number[-3:])}
    if player_texts.phone_of(deposit.player_id, deposit.phone_number) is None:
        return {}
    return {"text_href": _own(deposit, "deposit-text", token)}


def _sight(deposit: Any, token: str, note: str) -> Sight:
    profile = registry.profile(deposit.carrier)
    now: datetime = deposit.read_at
    balance = ""
    if deposit.state == State.CREDITED:
        balance = format_money(
            ledger.player_balance_minor(deposit.player_id, deposit.currency), deposit.currency
        )
    settled_by = deposit.created_at + timedelta(seconds=retry.scaled(retry.REVIEW_AFTER_S))
    return Sight(
        deposit=deposit,
        now=now,
        waiting_since=deposit.waiting_since,
        thresholds=Thresholds(
            slow_s=retry.scaled(SLOW_S),
            very_slow_s=retry.scaled(VERY_SLOW_S),
            sending_s=retry.scaled(SENDING_S),
            unknown_s=max(profile.horizon_s + profile.not_found_apart_s, retry.scaled(OUTCOME_UNKNOWN_S)),
        ),
        network=profile.name,
        descriptor=profile.descriptor,
        balance=balance,
        why=_why(deposit),
        steps=_steps(deposit, token, note),
        clocks={
            "settled_by": clock(settled_by, now),
            "act_until": clock(deposit.action_expires_at, now) if deposit.action_expires_at else "",
        },
        operator=settings.OPERATOR_NAME,
        review_within=_(settings.REVIEW_WITHIN),
        note=note if note in screens.NOTES else "",
        refunds=told_to_player(deposit) if credited_minor(deposit) else "",
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
            "bank_declined" if deposit.method_type == registry.BANK else "carrier_declined",
            methods=presentation.methods(),
            unavailable=presentation.UNAVAILABLE,
            network=network,
        )
    return why


def _steps(deposit: Deposit, token: str, note: str) -> dict[str, str]:
    """Where each action leads this viewer; an action without a place is not offered."""
    lobby = lobby_url(deposit)
    support = support_about(deposit.reference)
    steps = {"play": lobby, "contact": support, "support_tools": support, "back_to_deposit": lobby}
    if not token:
        form = reverse("deposit")
        by_bank = deposit.method_type == registry.BANK
        other = BY_PHONE if by_bank else FROM_BANK
        same = f"{BANK_PREFIX}{deposit.carrier}" if by_bank else BY_PHONE

        def kept(method: str, field: str = "") -> str:
            query = urlencode({"amount": plain(deposit.amount_minor), "method": method}, safe=":")
            return f"{form}?{query}{field}"

        steps |= {
            "retry": kept(same),
            "change_amount": kept(same, "#amount"),
            "change_number": kept(NEW_NUMBER, "#number"),
            "change_account": kept(ANOTHER_BANK, "#bank"),
            "back_to_deposit": form,
            "wait": form,
            "my_deposits": reverse("deposit-history"),
            "my_limits": reverse("deposit-limits"),
            "take_a_break": reverse("deposit-protection"),
            "how_it_works": reverse("phone-bill"),
        }
        if len(presentation.methods()) > 1:
            steps["change_method"] = kept(other)
        if (deposit.credited_late or note == screens.LATE_CANCEL) and may_take_back(deposit):
            steps["refund"] = _own(deposit, "deposit-take-back", token)
    if presentation.awaits_approval(deposit):
        steps["approve"] = _own(deposit, "deposit-approve", token)
    if deposit.state == State.CREDITED:
        steps["receipt"] = _own(deposit, "deposit-receipt", token)
    if can_cancel(deposit):
        steps["cancel"] = _own(deposit, "deposit-cancel", token)
    return steps


def method_words(deposit: Deposit, name: str) -> str:
    """Return how it is paid, for the facts: "Phone bill, ending 001", "Sandbox Bank"."""
    if deposit.method_type == registry.BANK:
        return name
    return fill(_("Phone bill, ending {ending}"), ending=deposit.phone_number[-3:])


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
