"""Texts about what became of a deposit, for players who asked for one and went away.

A row owes the text; the sweeper's second thread sends it when the deposit has ended. It is marked before it is sent: a
crash in between loses the text, and none ever comes twice.
"""

from __future__ import annotations

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.models import PlayerPhone
from carriers.messages import NotSent, messages
from carriers.wording import fill, without_isolates
from deposits.formats import format_money
from deposits.models import Deposit, ResultText
from deposits.presentation import money, status
from deposits.states import FINAL

log = structlog.get_logger("deposits.result_texts")


def phone_for(deposit: Deposit) -> PlayerPhone | None:
    """Return where a text about the deposit would go: a number that the player has proved, the deposit's own first.

    None where nothing sends texts, the player has shown no number to be theirs, or a test key has only said so.
    """
    if messages() is None:
        return None
    proved = PlayerPhone.objects.filter(player=deposit.player_id, verified_at__isnull=False)
    if not settings.DEMO:
        proved = proved.filter(player__is_test=False)
    phones = sorted(proved.order_by("-pk"), key=lambda phone: phone.number != deposit.phone_number)
    return next(iter(phones), None)


def ask(deposit: Deposit) -> None:
    """Have the player texted once the deposit has ended. One text at most, however often it is asked for."""
    phone = phone_for(deposit)
    if phone is not None and deposit.state not in FINAL:
        language = translation.get_language() or settings.LANGUAGE_CODE
        ResultText.objects.get_or_create(deposit=deposit, defaults={"phone": phone, "language": language})


def send_owed() -> int:
    """Send what is owed for deposits that have ended; return how many texts. Raises Django's database errors."""
    sent = 0
    while (service := messages()) is not None and (owed := _take()) is not None:
        sent += 1
        try:
            service.send(owed.phone.number, _words(owed))
        except NotSent as error:
            # It may have been sent all the same: never again.
            log.warning("result_not_texted", reference=owed.deposit.reference, detail=str(error)[:200])
        else:
            log.info("result_texted", reference=owed.deposit.reference)
    return sent


@transaction.atomic
def _take() -> ResultText | None:
    """Mark the oldest text that is due as sent and return it, for nobody else to send."""
    due = ResultText.objects.filter(sent_at=None, deposit__state__in=FINAL)
    owed = (
        due.select_for_update(skip_locked=True, of=("self",))
        .select_related("deposit", "phone")
        .order_by("asked_at")
        .first()
    )
    if owed is not None:
        owed.sent_at = timezone.now()
        owed.save(update_fields=["sent_at"])
    return owed


def _words(owed: ResultText) -> str:
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
