"""Signed addresses: the page of one deposit for whoever holds its link, its live stream, a partner's hosted links."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from django.core.signing import BadSignature, Signer, TimestampSigner
from django.utils.crypto import constant_time_compare

from deposits.models import HostedLink

#: A link from the API opens the deposit's page for this long; a stream's address serves one page view.
PAGE_LINK_LIFETIME_S = 7 * 24 * 3_600
STREAM_LINK_LIFETIME_S = 24 * 3_600

_PAGE, _STREAM, _HOSTED = "deposit-page", "deposit-stream", "hosted-link"


@cache
def _signer(salt: str) -> TimestampSigner:
    return TimestampSigner(salt=salt)


def page_url(reference: str) -> str:
    """Return the address at which the holder sees this deposit without signing in."""
    token = _signer(_PAGE).sign(reference).partition(":")[2]
    return f"{settings.BASE_URL}/deposit/{reference}/?t={token}"


def opens_page(reference: str, token: str) -> bool:
    """Whether `token` is the one that we signed for this deposit's page, and still good."""
    return _holds(_PAGE, reference, token, PAGE_LINK_LIFETIME_S)


def stream_url(reference: str) -> str:
    """Return the address of the deposit's live stream, good for any `live` process, needing no cookie."""
    token = _signer(_STREAM).sign(reference).partition(":")[2]
    return f"{settings.LIVE_URL}/live/{reference}?t={token}"


def opens_stream(reference: str, token: str) -> bool:
    """Whether `token` is the one that we signed for this deposit's stream, and still good."""
    return _holds(_STREAM, reference, token, STREAM_LINK_LIFETIME_S)


def hosted_url(link: HostedLink) -> str:
    """Return the address with which a player uses the link. It is the same whenever it is asked for."""
    return f"{settings.BASE_URL}/deposit/link/{link.pk}/?t={_hosted_token(link)}"


def opens_hosted(link: HostedLink, token: str) -> bool:
    """Whether `token` is the one that we signed for this link as it stands in its row. Its time is not looked at."""
    return constant_time_compare(_hosted_token(link), token)


def _hosted_token(link: HostedLink) -> str:
    bound = (
        link.pk,
        link.player_id,
        link.currency,
        link.minimum_minor,
        link.maximum_minor,
        link.method_type,
        link.bank_id,
        link.expires_at.timestamp(),
        link.return_url,
    )
    return Signer(salt=_HOSTED).signature("|".join(map(str, bound)))


def _holds(salt: str, reference: str, token: str, lifetime_s: int) -> bool:
    try:
        return _signer(salt).unsign(f"{reference}:{token}", max_age=lifetime_s) == reference
    except BadSignature:
        return False
