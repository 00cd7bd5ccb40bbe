"""OAuth 2.0 tokens, as a part of an adapter's conversation: for the client itself (RFC 6749, section 4.4), kept as long
as they last, and requests for others, with the client named by its secret or by a signature (RFC 7523).
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Annotated
from urllib.parse import quote_plus, urlencode
from uuid import uuid4

from msgspec import Meta, Struct

from carriers import wire
from carriers.interface import HttpAnswer, HttpRequest
from carriers.outcomes import NotDone, NotSent, OurFault, Outcome
from carriers.signatures import Signer

# A token about to expire would expire on its way.
MARGIN_S = 30.0
# RFC 6749 recommends, but does not require, that the lifetime is told.
LIFETIME_UNTOLD_S = 300
LIFETIME_MAX_S = 86_400.0
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFETIME_S = 300


class Grant(Struct):
    """A token, and what came with it."""

    access_token: Annotated[str, Meta(pattern=r"^[!-~]{1,8192}\Z")]
    expires_in: int | Decimal = LIFETIME_UNTOLD_S
    id_token: Annotated[str, Meta(pattern=r"^[!-~]{0,16384}\Z")] = ""

    def good_for_s(self) -> float:
        """How long to use it, in seconds: it must not run out on its way."""
        lifetime_s = float(min(max(self.expires_in, 0), Decimal(LIFETIME_MAX_S)))
        return lifetime_s - min(MARGIN_S, lifetime_s / 2)


class Client:
    """Us, as the address that gives tokens knows us: by a secret, or by the signature of `signer`, if there is one."""

    def __init__(
        self,
        token_url: str,
        client_id: str,
        client_secret: str,
        *,
        signer: Signer | None = None,
        certificate: tuple[str, str] = ("", ""),
    ) -> None:
        pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
        self._url = token_url
        self._id = client_id
        self._basic = "Basic " + base64.b64encode(pair.encode()).decode()
        self._signer = signer
        self._certificate = certificate

    def request(self, fields: Mapping[str, str]) -> HttpRequest:
        """A request for a token with these form fields, with our name added."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        fields = dict(fields)
        if self._signer is None:
            headers["Authorization"] = self._basic
        else:
            fields |= {"client_id": self._id, "client_assertion_type": ASSERTION_TYPE}
            fields["client_assertion"] = self._signer.token(self._assertion(int(self._signer.clock.now())))
        body = urlencode(fields).encode()
        certificate, key = self._certificate
        return HttpRequest("POST", self._url, headers, body, certificate=certificate, certificate_key=key)

    def _assertion(self, now: int) -> dict[str, str | int]:
        who: dict[str, str | int] = {"iss": self._id, "sub": self._id, "aud": self._url}
        return {**who, "jti": str(uuid4()), "iat": now, "exp": now + ASSERTION_LIFETIME_S}


class ClientCredentials:
    """One client's access token, fetched when needed and kept until shortly before it expires."""

    def __init__(self, client: Client, scope: str = "") -> None:
        self._client = client
        self._fields = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}
        self._kept = ("", 0.0)

    def drop(self, token: str) -> None:
        """Forget `token`, which was refused; one that another conversation fetched meanwhile stays."""
        if self._kept[0] == token:
            self._kept = ("", 0.0)

    def call(
        self, request: HttpRequest, token_is_stale: Callable[[HttpAnswer], bool]
    ) -> Generator[HttpRequest, HttpAnswer, HttpAnswer | Outcome]:
        """Send `request` with a token; once more with a new one when the first was refused before it was looked at.

        `token_is_stale` tells from a 401 whether it was. Returns an outcome where there is no token to be had.
        """
        for last_try in (False, True):
            token = yield from self.token()
            if not isinstance(token, str):
                return token
            headers = {"Authorization": f"Bearer {token}", **request.headers}
            if request.body:
                headers["Content-Type"] = "application/json"
            answer = yield replace(request, headers=headers)
            if answer.status != 401:
                break
            self.drop(token)
            if last_try or not token_is_stale(answer):
                break
        return answer

    def token(self) -> Generator[HttpRequest, HttpAnswer, str | Outcome]:
        """The token, or the outcome of a conversation that cannot go on without one."""
        kept, ends = self._kept
        if time.monotonic() < ends:
            return kept
        answer = yield self._client.request(self._fields)
        if answer.status == 429:
            return NotDone(wire.retry_after_s(answer.headers), "token: 429")
        if answer.status in (400, 401, 403, 404):
            return OurFault(f"token: {answer.status}")
        try:
            grant = read_grant(answer)
        except ValueError as error:
            # Only a token was asked for, so nothing was charged by this.
            return NotSent(f"token: {answer.status}, {error}")
        self._kept = (grant.access_token, time.monotonic() + grant.good_for_s())
        return grant.access_token


def read_grant(answer: HttpAnswer) -> Grant:
    """The grant in a 200 from a token address. ValueError for anything else; nothing of it is quoted."""
    if answer.status != 200:
        raise ValueError("no grant")
    return wire.read(answer.body, Grant)
