"""All addresses of the site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from paysite import metrics, public_keys

admin.autodiscover()

urlpatterns: list[URLPattern | URLResolver] = [
    path("metrics", metrics.scrape),
    path(".well-known/jwks.json", public_keys.published),
    path("admin/", admin.site.urls),
    path("", include("deposits.urls")),
]

handler400 = "paysite.errors.bad_request"
handler403 = "paysite.errors.not_allowed"
handler404 = "paysite.errors.not_found"
handler500 = "paysite.errors.server_error"
