"""OAuth 2.0 client credentials (RFC 6749, section 4.4), as a part of an adapter's conversation."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from decimal import Decimal
from typing import Annotated
from urllib.parse import quote_plus

from msgspec import Meta, Struct

from carriers import wire
from carriers.interface import HttpAnswer, HttpRequest
from carriers.outcomes import NotDone, NotSent, OurFault, Outcome

# A token about to expire would expire on its way.
MARGIN_S = 30.0
# RFC 6749 recommends, but does not require, that the lifetime is told.
LIFETIME_UNTOLD_S = 300
LIFETIME_MAX_S = 86_400.0


class _Grant(Struct):
    access_token: Annotated[str, Meta(pattern=r"^[!-~]{1,8192}\Z")]
    expires_in: int | Decimal = LIFETIME_UNTOLD_S


class ClientCredentials:
    """One client's access token, fetched when needed and kept until shortly before it expires."""

    def __init__(self, token_url: str, client_id: str, client_secret: str) -> None:
        pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
        self._url = token_url
        self._basic = "Basic " + base64.b64encode(pair.encode()).decode()
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
        headers = {"Authorization": self._basic, "Content-Type": "application/x-www-form-urlencoded"}
        answer = yield HttpRequest("POST", self._url, headers, b"grant_type=client_credentials")
        if answer.status == 429:
            return NotDone(wire.retry_after_s(answer.headers), "token: 429")
        if answer.status in (400, 401, 403, 404):
            return OurFault(f"token: {answer.status}")
        try:
            if answer.status != 200:
                raise ValueError("no grant")
            grant = wire.read(answer.body, _Grant)
        except ValueError as error:
            # Only a token was asked for, so nothing was charged by this.
            return NotSent(f"token: {answer.status}, {error}")
        lifetime_s = float(min(max(grant.expires_in, 0), Decimal(LIFETIME_MAX_S)))
        self._kept = (grant.access_token, time.monotonic() + lifetime_s - min(MARGIN_S, lifetime_s / 2))
        return grant.access_token
