"""Texts that players asked for: what became of a deposit, for who went away, and that deposits are back (S25).

A row owes the text; the sweeper's second thread sends it when it is due. It is marked before it is sent: a crash in
between loses the text, and none ever comes twice.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import structlog
from django.conf import settings
from django.db import models, transaction
from django.db.models.functions import Now
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts import phones
from accounts.models import Player, PlayerPhone
from carriers import registry
from carriers.messages import NotSent, messages
from carriers.profiles import CarrierProfile
from carriers.wording import fill, without_isolates
from deposits import breakers, stopping
from deposits.actions.eligibility import bar_of
from deposits.formats import format_money
from deposits.models import Deposit, ResultText, ReturnText
from deposits.presentation import money, status
from deposits.states import FINAL

log = structlog.get_logger("deposits.player_texts")

Owed = TypeVar("Owed", ResultText, ReturnText)


def phone_of(player: int, first: str = "") -> PlayerPhone | None:
    """Return where a text to the player (id) would go: a number that they have proved, `first` (E.164) if it is one.

    None where nothing sends texts, the player has shown no number to be theirs, or a test key has only said so.
    """
    if messages() is None:
        return None
    known = phones.proved().filter(player=player).order_by("-pk")
    return min(known, key=lambda phone: phone.number != first, default=None)


def ask_for_result(deposit: Deposit) -> None:
    """Have the player texted once the deposit has ended. One text at most, however often it is asked for."""
    phone = phone_of(deposit.player_id, deposit.phone_number)
    if phone is not None and deposit.state not in FINAL:
        how = {"phone": phone, "language": _language()}
        ResultText.objects.get_or_create(deposit=deposit, defaults=how)


def ask_for_return(player: Player) -> None:
    """Have the player texted once there is a way to deposit again."""
    phone = phone_of(player.pk)
    if phone is not None:
        how = {"phone": phone, "language": _language(), "asked_at": Now(), "sent_at": None}
        ReturnText.objects.update_or_create(player=player, defaults=how)


def are_off(profiles: list[CarrierProfile]) -> dict[str, datetime | None] | None:
    """Return when staff expect each of these (codes) back, where they hold all of them shut; else None."""
    codes = {profile.code for profile in profiles}
    held = breakers.held(codes, Deposit.Next.AUTHORISE.value)
    return held if codes and codes <= held.keys() else None


def send_owed() -> int:
    """Send what is due; return how many texts. Raises Django's database errors."""
    return _send_results() + _send_returns()


def _send_results() -> int:
    sent = 0
    due = ResultText.objects.filter(sent_at=None, deposit__state__in=FINAL).select_related("deposit", "phone")
    while not stopping.asked() and messages() is not None and (owed := _take(due)) is not None:
        _send(owed.phone, _result(owed), owed.deposit.reference)
        sent += 1
    return sent


def _send_returns() -> int:
    sent = 0
    due = ReturnText.objects.filter(sent_at=None).select_related("player", "phone")
    if messages() is None or not due.exists() or are_off(every_way()) is not None:
        return sent
    while not stopping.asked() and (owed := _take(due)) is not None:
        # Nobody who has taken a break, or is shut out, is called back.
        if bar_of(owed.player) is None and owed.player.blocked_at is None:
            with translation.override(owed.language):
                text = without_isolates(
                    fill(_("{operator}: deposits are back."), operator=settings.OPERATOR_NAME)
                )
            _send(owed.phone, text, "")
            sent += 1
    return sent


def _send(phone: PlayerPhone, text: str, reference: str) -> None:
    service = messages()
    try:
        if service is None:
            raise NotSent("nothing sends texts any more")
        service.send(phone.number, text)
    except NotSent as error:
        # It may have been sent all the same: never again.
        log.warning("player_not_texted", reference=reference, detail=str(error)[:200])
    else:
        log.info("player_texted", reference=reference)


@transaction.atomic
def _take(due: models.QuerySet[Owed]) -> Owed | None:
    """Mark the oldest text that is due as sent and return it, for nobody else to send."""
    owed = due.select_for_update(skip_locked=True, of=("self",)).order_by("asked_at").first()
    if owed is not None:
        owed.sent_at = timezone.now()
        owed.save(update_fields=["sent_at"])
    return owed


def _result(owed: ResultText) -> str:
    """What the player reads, perhaps on a locked screen: no number, no balance."""
    deposit = owed.deposit
    with translation.override(owed.language):
        if status(deposit) == "succeeded" and money(deposit) == "credited":
            text = _("{operator}: {amount} deposited. Reference {reference}.")
        elif money(deposit) == "none":
            text = _(
                "{operator}: {amount} was not deposited. You have not been charged. Reference {reference}."
            )
        else:
            text = _("{operator}: there is news of your deposit of {amount}. Reference {reference}.")
        amount = format_money(deposit.amount_minor, deposit.currency)
        told = fill(text, operator=settings.OPERATOR_NAME, amount=amount, reference=deposit.reference)
        return without_isolates(told)


def every_way() -> list[CarrierProfile]:
    """Return all that serve the pages' currency."""
    kinds = (registry.CARRIER_BILLING, registry.BANK)
    return [one for kind in kinds for one in registry.serving(kind, settings.DEPOSIT_PAGE_CURRENCY)]


def _language() -> str:
    return translation.get_language() or settings.LANGUAGE_CODE
