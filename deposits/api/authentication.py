"""Who is calling: the key in the Authorization header, and what its scopes let it do."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

import structlog
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission

from accounts import api_keys, audit
from accounts.api_keys import KeyHolder
from deposits.api.problems import Problem, request_id

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

log = structlog.get_logger("deposits.api")

READ, REFUND, WITHDRAW = "deposits:read", "refunds:write", "withdrawals:write"
_ACT_OF_METHOD = {"GET": "read", "HEAD": "read", "POST": "write", "PUT": "write", "PATCH": "write"}
# An address ends up in histories and logs, so a key that came in one is no longer a secret.
_KEY_PARAMETERS = frozenset({"api_key", "apikey", "key", "access_token", "token"})


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key>`. Whatever is wrong with a key, the answer is the same."""

    find = staticmethod(api_keys.authenticate)

    def authenticate(self, request: Request) -> tuple[KeyHolder, KeyHolder]:
        """Return whose key it is. Raises `Problem` (401)."""
        http = request._request
        if http.META.get("QUERY_STRING"):
            _refuse_key_in_url(http)
        scheme, _, key = http.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        holder = self.find(key) if scheme.lower() == "bearer" else None
        if holder is None:
            raise unauthenticated()
        return holder, holder

    def authenticate_header(self, request: Request) -> str:
        """Return the scheme that a 401 asks for."""
        return "Bearer"


class RecognisedApiKey(ApiKeyAuthentication):
    """For an address whose own statement asks again whether the key may be used: saves a statement."""

    find = staticmethod(api_keys.recognise)


class HasScope(BasePermission):
    """Reading needs `deposits:read`, everything else `deposits:write`, or what the view names as its `write_scope`."""

    area = "deposits"

    def has_permission(self, request: Request, view: APIView) -> bool:
        """True, or a `Problem` (403) that names the scope. A method that nobody may use is refused later, with 405."""
        act = _ACT_OF_METHOD.get(request.method or "")
        needed = f"{self.area}:{act}"
        if act == "write":
            needed = getattr(view, "write_scope", needed)
        if act is None or needed in holder_of(request).scopes:
            return True
        raise Problem("scope_missing", f"This key lacks the scope {needed}.")


class HasPlayersScope(HasScope):
    """Personal data and protections have scopes of their own."""

    area = "players"


def holder_of(request: Request) -> KeyHolder:
    """Return whose key let the request in."""
    holder: Any = request.auth
    assert isinstance(holder, KeyHolder)
    return holder


def address_of(http: HttpRequest) -> str | None:
    """Return the caller's address for the audit trail; None where there is none (a Unix socket)."""
    try:
        return str(ipaddress.ip_address(http.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return None


def unauthenticated() -> Problem:
    """Return the one answer to every key that opens nothing."""
    detail = "Send a valid API key in the header: Authorization: Bearer <key>."
    return Problem("unauthenticated", detail, headers={"WWW-Authenticate": "Bearer"})


def _refuse_key_in_url(http: HttpRequest) -> None:
    values = [value for name, given in http.GET.lists() if name.lower() in _KEY_PARAMETERS for value in given]
    if not values:
        return
    holders = {holder.prefix: holder for holder in map(api_keys.authenticate, values[:3]) if holder}
    log.warning("key_in_url", path=http.path, keys=sorted(holders))
    for prefix, holder in holders.items():
        after: dict[str, Any] = {"path": http.path[:300], "partner_id": holder.partner_id}
        audit.note(
            "api_key.exposed_in_url",
            actor_kind="partner",
            actor=prefix,
            subject_kind="api_key",
            subject=prefix,
            address=address_of(http),
            after=after,
            reason="The key was sent in an address, where logs keep it. It has to be replaced.",
            request_id=request_id(),
        )
    raise unauthenticated()
