"""Hosted links: made by a partner for one player, and spent by that player's first tap."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Player, PlayerAct
from accounts.protections.acts import Actor
from deposits.models import HostedLink


@dataclass(frozen=True, slots=True)
class Terms:
    """What a link allows: amounts in minor units, both ends included; "" stands for any way to pay or bank."""

    currency: str
    minimum_minor: int
    maximum_minor: int
    method_type: str = ""
    bank_id: str = ""
    return_url: str = ""


def make(player: Player, act: PlayerAct, terms: Terms, lasts_s: int, by: Actor) -> HostedLink:
    """Make the link that `act` asked for, good for `lasts_s` seconds; in the caller's transaction."""
    link = HostedLink.objects.create(
        player=player, act=act, expires_at=timezone.now() + timedelta(seconds=lasts_s), **asdict(terms)
    )
    by.note("hosted_link.made", player, {}, {"link": link.pk.hex, "expires_at": link.expires_at.isoformat()})
    return link


def made_under(client: str, key: str) -> HostedLink | None:
    """Return the link that was made under an idempotency key, or None."""
    return HostedLink.objects.filter(act__client=client, act__idempotency_key=key).first()


def find(link_id: UUID) -> HostedLink | None:
    """Return a link with its player and partner, or None."""
    return HostedLink.objects.select_related("player__partner").filter(pk=link_id).first()


@transaction.atomic
def spend(link: HostedLink, by: Actor) -> bool:
    """Use the link up; False when it was used or has run out. Of many at once, one is told True."""
    if not _good(link).update(spent_at=Now()):
        return False
    by.note("hosted_link.spent", link.player, {}, {"link": link.pk.hex})
    return True


@transaction.atomic
def end(link: HostedLink, by: Actor) -> bool:
    """Let nobody use the link any more; False when it was used, has run out or was ended before."""
    if not _good(link).update(ended_at=Now()):
        return False
    by.note("hosted_link.ended", link.player, {}, {"link": link.pk.hex})
    return True


def _good(link: HostedLink) -> QuerySet[HostedLink]:
    return HostedLink.objects.filter(pk=link.pk, spent_at=None, ended_at=None, expires_at__gt=Now())
