"""Django's middleware for people: sessions, forms, sign-in, messages. Machines need none of it and do not pay for it.

Each is Django's own class, passed by for the API and for carriers' notifications.
"""

from __future__ import annotations

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.utils.deprecation import MiddlewareMixin

#: Below these, callers show a key or a bearer with each request.
MACHINES = ("/api/v1/", "/carriers/", "/metrics")


class _ForPeople(MiddlewareMixin):
    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(MACHINES):
            return self.get_response(request)  # type: ignore[return-value]
        return super().__call__(request)  # type: ignore[return-value]


class PageSessionMiddleware(_ForPeople, SessionMiddleware):
    """Sessions."""


class PageAuthenticationMiddleware(_ForPeople, AuthenticationMiddleware):
    """Who is signed in."""


class PageMessageMiddleware(_ForPeople, MessageMiddleware):
    """Messages to the person on the next page."""


class PageFrameMiddleware(_ForPeople, XFrameOptionsMiddleware):
    """No page of ours in somebody's frame."""
