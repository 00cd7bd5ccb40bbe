"""What every page for players names."""

from __future__ import annotations

from functools import partial
from urllib.parse import quote, urlencode

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language_bidi
from django.utils.translation import gettext as _

from carriers.wording import fill
from deposits.ui import brand, language


def support_about(reference: str) -> str:
    """Return where help with one deposit is found; a mail's subject names it."""
    support: str = settings.SUPPORT_URL
    if not support.startswith("mailto:"):
        return support
    subject = fill(_("Deposit {reference}"), reference=reference)
    return f"{support}?{urlencode({'subject': subject}, quote_via=quote)}"


def names(request: HttpRequest) -> dict[str, object]:
    """Template context: whose site this is, where help is found, whether it is a demo."""
    return {
        "operator": settings.OPERATOR_NAME,
        "support_url": settings.SUPPORT_URL,
        "demo": settings.DEMO,
        "by_code": bool(settings.MESSAGES),
        "language": language.spoken(),
        "direction": "rtl" if get_language_bidi() else "ltr",
        # Of no use in the admin, and asked for by players' pages alone.
        "languages": partial(language.choices, request),
        **brand.addresses(),
    }
