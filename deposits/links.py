"""Signed addresses: the page of one deposit for whoever holds its link, and its live stream."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner

#: A link from the API opens the deposit's page for this long; a stream's address serves one page view.
PAGE_LINK_LIFETIME_S = 7 * 24 * 3_600
STREAM_LINK_LIFETIME_S = 24 * 3_600

_PAGE, _STREAM = "deposit-page", "deposit-stream"


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


def _holds(salt: str, reference: str, token: str, lifetime_s: int) -> bool:
    try:
        return _signer(salt).unsign(f"{reference}:{token}", max_age=lifetime_s) == reference
    except BadSignature:
        return False
