"""The page as an installed app: a service worker, and the one page that it shows without a network."""

from __future__ import annotations

from hashlib import blake2s

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_safe


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker. It changes with what it keeps, and browsers then fetch that anew."""
    page = render_to_string("deposits/no_network.html", request=request)
    version = blake2s(page.encode(), digest_size=5).hexdigest()
    context = {
        "page": reverse("no-network"),
        "stylesheet": static("deposit.css"),
        "version": version,
    }
    return render(
        request,
        "deposits/worker.js",
        context,
        content_type="text/javascript; charset=utf-8",
    )


@require_safe
def no_network(request: HttpRequest) -> HttpResponse:
    """What is shown without a network: the same for everybody."""
    return render(request, "deposits/no_network.html")
