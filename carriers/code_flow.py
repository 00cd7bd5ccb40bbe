"""The authorisation code flow (RFC 6749, section 4.1) with PKCE (RFC 7636) and a signed request object (FAPI 1).

State, nonce and verifier follow from a secret and our reference: nothing has to be kept, each belongs to one deposit,
and any browser can bring the state back.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from msgspec import Meta, Struct

from carriers import binding, wire
from carriers.interface import HttpAnswer, HttpRequest, Return, ReturnRefused
from carriers.oauth import Client, Grant, read_grant
from carriers.outcomes import Declined, NotDone, NotSent, OurFault, Outcome
from carriers.profiles import CarrierProfile
from carriers.signatures import PublicKeys, Signer

#: The request object is good for as long as the player has, and for clocks that differ.
_CLOCKS_APART_S = 60
_Code = Annotated[str, Meta(pattern=r"^[!-~]{1,2048}\Z")]


class _Refusal(Struct):
    error: Annotated[str, Meta(pattern=r"^[!-~]{1,60}\Z")]


class CodeFlow:
    """The flow with one bank. `scope` asks for what the token is to allow."""

    def __init__(
        self, profile: CarrierProfile, client: Client, signer: Signer, keys: PublicKeys, scope: str
    ) -> None:
        self._profile = profile
        self._client = client
        self._signer = signer
        self._keys = keys
        self._scope = scope

    def address(self, reference: str, intent: Mapping[str, str]) -> str:
        """Where the player's browser goes to approve `intent`: claims that the id token must then repeat."""
        profile, now = self._profile, int(self._signer.clock.now())
        asked = {
            "response_type": "code",
            "client_id": profile.client_id,
            "redirect_uri": profile.redirect_url,
            "scope": self._scope,
            "state": binding.state_for(profile.binding_secret, profile.code, reference),
            "nonce": self._derived("nonce", reference),
            "code_challenge": binding.challenge_of(self._derived("verifier", reference)),
            "code_challenge_method": "S256",
        }
        essential = {name: {"value": value, "essential": True} for name, value in intent.items()}
        whole: dict[str, Any] = {**asked, "claims": {"id_token": essential}}
        whole |= {"iss": profile.client_id, "aud": profile.issuer, "iat": now, "nbf": now}
        whole["exp"] = now + int(profile.approval_within_s) + _CLOCKS_APART_S
        return f"{profile.authorise_url}?{urlencode({**asked, 'request': self._signer.token(whole)})}"

    def read_return(self, query: Mapping[str, str]) -> Return:
        """The parameters that a browser brings back; `iss` (RFC 9207) is checked where it is sent."""
        profile = self._profile
        try:
            reference = binding.reference_in(profile.binding_secret, profile.code, query.get("state", ""))
            code = wire.convert(query["code"], _Code) if "code" in query else ""
        except ValueError as wrong:
            raise ReturnRefused(str(wrong)) from None
        if query.get("iss", profile.issuer) != profile.issuer:
            raise ReturnRefused("iss: another's")
        error = query.get("error", "")
        return Return(reference, code, "" if code else error[:80] if error.isidentifier() else "no code")

    def exchange(
        self, reference: str, intent: Mapping[str, str], code: str
    ) -> Generator[HttpRequest, HttpAnswer, Grant | Outcome | None]:
        """The token for `code`, made for this deposit and `intent`. None: the code is good for nothing any more."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._profile.redirect_url,
            "code_verifier": self._derived("verifier", reference),
        }
        answer = yield self._client.request(form)
        if answer.status == 429:
            return NotDone(wire.retry_after_s(answer.headers), "exchange: 429", throttled=True)
        if answer.status == 400 and _error_in(answer) == "invalid_grant":
            return None
        if answer.status in (400, 401, 403, 404):
            return OurFault(f"exchange: {answer.status} {_error_in(answer)}".rstrip())
        try:
            grant = read_grant(answer)
        except ValueError as error:
            return NotSent(f"exchange: {answer.status}, {error}")
        try:
            claims = yield from self._keys.claims(grant.id_token)
        except ValueError as error:
            return NotSent(f"exchange: {error}")
        if wrong := self._wrong(claims, {"nonce": self._derived("nonce", reference), **intent}):
            # Signed by the bank, and for something else: this approval is none of this deposit's.
            return Declined("bank_not_approved", f"id_token: another {', '.join(wrong)}"[:80])
        return grant

    def _wrong(self, claims: Mapping[str, Any], wanted: Mapping[str, str]) -> list[str]:
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        wrong = [name for name, value in wanted.items() if claims.get(name) != value]
        if claims.get("iss") != self._profile.issuer:
            wrong.append("iss")
        if self._profile.client_id not in audiences:
            wrong.append("aud")
        return wrong

    def _derived(self, purpose: str, reference: str) -> str:
        return binding.derived(self._profile.binding_secret, purpose, self._profile.code, reference)


def _error_in(answer: HttpAnswer) -> str:
    try:
        return wire.read(answer.body, _Refusal).error
    except ValueError:
        return ""
