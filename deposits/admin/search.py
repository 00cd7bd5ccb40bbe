"""Find deposits by any reference that somebody may hold. The shape of the text decides; each look-up has an index."""

from __future__ import annotations

import re
import unicodedata
from uuid import UUID

from django.db.models import Q

from accounts.models import Player
from deposits.models import Deposit, Refund

_ID = re.compile(r"(?:dep_)?([0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12})\Z", re.IGNORECASE)
_REFERENCE = re.compile(r"D[\s-]?([0-9A-Z]{4})[\s-]?([0-9A-Z]{4})\Z", re.IGNORECASE)
_REFUND = re.compile(_REFERENCE.pattern.replace("D", "R", 1), re.IGNORECASE)
# Read over the phone: letters that the alphabet of references leaves out are heard for the digits they look like.
_MISREAD = str.maketrans("OIL", "011")
_PHONE = re.compile(r"(?:\+|00)?[1-9][0-9 ().-]{5,22}\Z")
#: A name that more players or deposits share than this names none of them.
_MOST_NAMESAKES = 200


def matching(text: str) -> Q:
    """Return the condition for the deposits that `text` names: ours, the partner's, the carrier's, the player's name.

    Takes our reference, of the deposit or of a refund of it, in any case, with or without dashes; an id with or without
    "dep_"; a phone number in full, with "+" or "00"; and exactly as given a partner's reference, a carrier's or bank's
    payment id, the id of what a player approved at a bank, an idempotency key or a partner's name for a player. What is
    shaped like ours is looked for as ours first.
    """
    text = unicodedata.normalize("NFKC", text).strip()
    for ours in (_by_id(text), _by_reference(text), _by_refund(text), _by_phone(text)):
        if ours is not None and Deposit.objects.filter(ours).exists():
            return ours
    return _by_others_names(text)


def _by_id(text: str) -> Q | None:
    match = _ID.match(text)
    return Q(pk=UUID(hex=match[1])) if match else None


def _by_reference(text: str) -> Q | None:
    match = _REFERENCE.match(text)
    return Q(reference=f"D-{match[1]}-{match[2]}".upper().translate(_MISREAD)) if match else None


def _by_refund(text: str) -> Q | None:
    match = _REFUND.match(text)
    if not match:
        return None
    reference = f"R-{match[1]}-{match[2]}".upper().translate(_MISREAD)
    return Q(pk__in=list(Refund.objects.filter(reference=reference).values_list("deposit", flat=True)))


def _by_phone(text: str) -> Q | None:
    if not _PHONE.match(text):
        return None
    digits = re.sub(r"\D", "", text.removeprefix("00") if text.startswith("00") else text)
    return Q(phone_number=f"+{digits}")


def _by_others_names(text: str) -> Q:
    ids = Deposit.objects.order_by().values_list("pk", flat=True)
    named = ids.filter(partner_reference=text).union(
        ids.filter(carrier_payment_id=text), ids.filter(consent_id=text), ids.filter(idempotency_key=text)
    )
    condition = Q(pk__in=list(named[:_MOST_NAMESAKES])) if text else Q(pk__in=[])
    players = Player.objects.filter(external_id=text).values_list("pk", flat=True)
    if player_ids := list(players[:_MOST_NAMESAKES]):
        condition |= Q(player__in=player_ids)
    return condition
