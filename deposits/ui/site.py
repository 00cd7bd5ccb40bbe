"""What every page for players names."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def names(request: HttpRequest) -> dict[str, object]:
    """Template context: whose site this is, where help is found, whether it is a demo."""
    return {"operator": settings.OPERATOR_NAME, "support_url": settings.SUPPORT_URL, "demo": settings.DEMO}
