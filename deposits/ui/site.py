"""What every page for players names."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from django.conf import settings
from django.http import HttpRequest

from deposits.ui import brand


def support_about(reference: str) -> str:
    """Return where help with one deposit is found; a mail's subject names it."""
    support: str = settings.SUPPORT_URL
    if not support.startswith("mailto:"):
        return support
    return f"{support}?{urlencode({'subject': f'Deposit {reference}'}, quote_via=quote)}"


def names(request: HttpRequest) -> dict[str, object]:
    """Template context: whose site this is, where help is found, whether it is a demo."""
    return {
        "operator": settings.OPERATOR_NAME,
        "support_url": settings.SUPPORT_URL,
        "demo": settings.DEMO,
        "by_code": bool(settings.MESSAGES),
        **brand.addresses(),
    }
