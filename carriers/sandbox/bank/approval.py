"""The authorisation address: checks what the client asks for, lets the customer decide, sends the browser back."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from carriers.sandbox.bank import signatures
from carriers.sandbox.bank.answers import BankAnswer
from carriers.sandbox.bank.oauth import INTENT
from carriers.sandbox.bank.page import Account, accounts_of, approval_page, message_page
from carriers.sandbox.bank.records import Consent
from carriers.sandbox.bank.stories import DECISIONS, GAMBLING, REFUSED
from carriers.sandbox.bank.world import BankCall, BankWorld

HTML = "text/html; charset=utf-8"
# A signed request is for now.
REQUEST_LIFETIME_S = 3_600.0
_REFUSALS = {"refuse": REFUSED, "gambling_block": GAMBLING}


@dataclass(frozen=True, slots=True)
class Asked:
    """One authorisation request whose return address is the client's."""

    redirect_uri: str
    state: str
    nonce: str
    challenge: str
    scope: str
    consent: Consent


class _NoReturn(Exception):
    """The request must not lead anywhere (RFC 6749 §4.1.2.1): the customer is told, and the client is not."""


class _Sent(Exception):
    """The request is wrong, and the client is told by way of the browser."""

    def __init__(self, redirect_uri: str, state: str, error: str, description: str) -> None:
        super().__init__(description)
        self.redirect_uri = redirect_uri
        self.query = {"error": error, "error_description": description, **({"state": state} if state else {})}


class Approval:
    """Answers GET and POST of /authorize."""

    def __init__(self, world: BankWorld) -> None:
        self._world = world

    async def answer(self, call: BankCall) -> BankAnswer:
        """The page, or the way back. The form posts to the address the page came from, so nothing is kept between."""
        name = call.story.name
        try:
            asked = await self._read(call, dict(parse_qsl(call.request.query_string, keep_blank_values=True)))
        except _NoReturn as wrong:
            return _html(400, message_page(name, "This request cannot be used", str(wrong)))
        except _Sent as wrong:
            return self._back(call, wrong.redirect_uri, wrong.query)
        call.seen.reference = asked.consent.reference
        accounts = accounts_of(call.story, self._world.settings.bank_account_name)
        form = dict(parse_qsl(call.body.decode(errors="replace"))) if call.request.method == "POST" else {}
        decision = form.get("decision") or self._world.faults.decide(asked.consent.id)
        if not decision:
            if asked.consent.status == "AWAU":
                return _page(asked, approval_page(call.story, asked.consent, accounts))
            return _page(asked, self._ended(call, asked))
        if decision not in DECISIONS:
            return _html(400, message_page(name, "Nothing was decided", f"{decision!r} is no decision."))
        account = next((one for one in accounts if one.key == form.get("account")), accounts[0])
        return self._decide(call, asked, decision, account, accounts)

    def _decide(
        self, call: BankCall, asked: Asked, decision: str, account: Account, accounts: list[Account]
    ) -> BankAnswer:
        lifecycle, consent, name = self._world.lifecycle, asked.consent, call.story.name
        if decision == "close":
            return _page(asked, message_page(name, "Nothing was decided", "You can close this page."))
        refusal = _REFUSALS.get(decision)
        if refusal and consent.status == "AWAU":
            lifecycle.refuse(consent, refusal)
            return self._back(call, asked.redirect_uri, self._denied(asked))
        if consent.status == "RJCT":
            return self._back(call, asked.redirect_uri, self._denied(asked))
        if refusal or consent.status == "COND":
            return _page(asked, self._ended(call, asked))
        if decision == "no_money":
            account = accounts[-1]
        poor = account.balance_minor < consent.amount_minor
        lifecycle.approve(consent, account.shown(), poor=poor)
        if decision == "approve_no_return":
            text = "The payment is approved. You can close this page."
            return _page(asked, message_page(name, "Approved", text))
        first = self._way_back(call, asked.redirect_uri, self._granted(asked))
        if decision == "approve_twice":
            second = self._way_back(call, asked.redirect_uri, self._granted(asked))
            links = [("Go back", first), ("Go back once more", second)]
            return _page(asked, message_page(name, "Approved twice", "Both ways back work.", links))
        return _redirect(first)

    def _granted(self, asked: Asked) -> dict[str, str]:
        code = self._world.lifecycle.issue_code(
            asked.consent, asked.redirect_uri, asked.challenge, asked.nonce, asked.scope
        )
        return {"code": code, "state": asked.state}

    def _denied(self, asked: Asked) -> dict[str, str]:
        return {
            "error": "access_denied",
            "error_description": asked.consent.reason_text,
            "state": asked.state,
        }

    def _ended(self, call: BankCall, asked: Asked) -> bytes:
        """The page for a request that has been decided, used or has run out."""
        if asked.consent.status == "AUTH":
            way, text = self._granted(asked), "You have approved this payment."
        elif asked.consent.status == "COND":
            way = {
                "error": "invalid_request",
                "error_description": "The consent is used.",
                "state": asked.state,
            }
            text = "This payment has been ordered already."
        else:
            way, text = self._denied(asked), "This request has ended, and nothing was paid."
        links = [("Go back", self._way_back(call, asked.redirect_uri, way))]
        return message_page(call.story.name, "Already decided", text, links)

    def _back(self, call: BankCall, redirect_uri: str, query: dict[str, str]) -> BankAnswer:
        return _redirect(self._way_back(call, redirect_uri, query))

    def _way_back(self, call: BankCall, redirect_uri: str, query: dict[str, str]) -> str:
        """The client's address with the answer and the issuer (RFC 9207)."""
        sign = "&" if urlsplit(redirect_uri).query else "?"
        return redirect_uri + sign + urlencode({**query, "iss": call.base})

    async def _read(self, call: BankCall, query: dict[str, str]) -> Asked:
        """The request, from its signed object when there is one (RFC 9101 §6.3). Raises `_NoReturn` and `_Sent`."""
        client = self._world.client
        if query.get("client_id") != client.client_id:
            raise _NoReturn("The client is not known to this bank.")
        given = await self._parameters(call, query)
        redirect_uri, state = str(given.get("redirect_uri", "")), str(given.get("state", ""))
        if not client.may_return_to(redirect_uri, call.bank_id):
            raise _NoReturn("The return address is not one of the client's.")
        for wrong, error, text in self._problems(given):
            if wrong:
                raise _Sent(redirect_uri, state, error, text)
        consent = self._world.store.consents.get(_intent(given))
        if consent is None or consent.bank_id != call.bank_id or consent.own:
            raise _Sent(redirect_uri, state, "invalid_request", f"{INTENT} names no consent to approve.")
        return Asked(
            redirect_uri,
            state,
            str(given["nonce"]),
            str(given["code_challenge"]),
            str(given["scope"]),
            self._world.lifecycle.current(consent),
        )

    async def _parameters(self, call: BankCall, query: dict[str, str]) -> dict[str, Any]:
        if "request" not in query:
            if self._world.settings.bank_signed_requests_only:
                raise _NoReturn("The request is not signed.")
            return dict(query)
        client = self._world.client
        try:
            claims = await signatures.read_jwt(query["request"], client)
        except ValueError as wrong:
            raise _NoReturn(f"The request's signature is wrong. {wrong}") from None
        audience = claims.get("aud")
        now, expires_at = time.time(), claims.get("exp")
        right = (
            claims.get("iss") == claims.get("client_id") == client.client_id
            and call.base in (audience if isinstance(audience, list) else [audience])
            and isinstance(expires_at, int | float)
            and now < expires_at <= now + REQUEST_LIFETIME_S
        )
        if not right:
            raise _NoReturn(
                "The signed request needs iss, client_id, aud (this bank) and exp (within an hour)."
            )
        # What is outside of the signature counts for nothing, and must not say otherwise.
        if any(
            name in claims and str(claims[name]) != text for name, text in query.items() if name != "claims"
        ):
            raise _NoReturn("The address says other things than the signed request.")
        return claims

    @staticmethod
    def _problems(given: dict[str, Any]) -> list[tuple[bool, str, str]]:
        scopes = str(given.get("scope", "")).split()
        challenge = str(given.get("code_challenge", ""))
        return [
            (
                given.get("response_type") != "code",
                "unsupported_response_type",
                "response_type must be code.",
            ),
            (
                given.get("response_mode", "query") != "query",
                "invalid_request",
                "response_mode must be query.",
            ),
            (not given.get("state"), "invalid_request", "state is needed."),
            (not given.get("nonce"), "invalid_request", "nonce is needed."),
            (not {"openid", "payments"} <= set(scopes), "invalid_scope", "scope must be openid payments."),
            (
                given.get("code_challenge_method") != "S256",
                "invalid_request",
                "code_challenge_method must be S256.",
            ),
            (len(challenge) != 43, "invalid_request", "code_challenge must be 43 characters of base64url."),
        ]


def _intent(given: dict[str, Any]) -> str:
    """The consent named in the `claims` parameter (OpenID Connect Core §5.5), or ""."""
    claims = given.get("claims", {})
    try:
        claims = msgspec.json.decode(claims) if isinstance(claims, str) else claims
        return str(claims["id_token"][INTENT]["value"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return ""


def _page(asked: Asked, text: bytes) -> BankAnswer:
    """A page whose form may lead back to the client: browsers hold the policy against redirects as well."""
    parts = urlsplit(asked.redirect_uri)
    return _html(200, text, f"{parts.scheme}://{parts.netloc}")


def _html(status: int, text: bytes, leads_to: str = "") -> BankAnswer:
    policy = (
        f"default-src 'none'; style-src 'self'; form-action 'self' {leads_to}".rstrip()
        + "; frame-ancestors 'none'; base-uri 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
    }
    return BankAnswer(status, text=text, content_type=HTML, headers=headers)


def _redirect(address: str) -> BankAnswer:
    return BankAnswer(
        303, headers={"Location": address, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    )
