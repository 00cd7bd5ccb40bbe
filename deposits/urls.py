"""All addresses of the product."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from deposits import notifications

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/", include("deposits.api.urls")),
    path("", include("deposits.ui.urls")),
    path("carriers/<slug:carrier>/notifications", notifications.receive, name="carrier-notifications"),
]
