"""A payment client that knows only the specification, and the bank it talks to."""

from __future__ import annotations

import base64
import json
import ssl
import time
import uuid
from hashlib import sha256
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from joserfc import jws, jwt
from joserfc.jwk import KeySet, RSAKey
from joserfc.registry import HeaderParameter

from tests.carriers.sandbox.harness import CLIENT_ID, CLIENT_SECRET, PATIENCE_S, Reply, Sandbox

PISP = "/open-banking/v4.0/pisp"
CONSENTS, PAYMENTS = f"{PISP}/domestic-payment-consents", f"{PISP}/domestic-payments"
REDIRECT_URI = "https://pay.example/deposit/return/bank/"
OWN_ACCOUNT = "20000055779911"
IAT, ISS, TAN = (f"http://openbanking.org.uk/{name}" for name in ("iat", "iss", "tan"))

KEY = RSAKey.import_key({**RSAKey.generate_key(2048).as_dict(private=True), "kid": "client-key-1"})
JWKS = {"keys": [KEY.as_dict(private=False)]}

_REGISTRY = jws.JWSRegistry(
    {
        IAT: HeaderParameter("issued at", "int"),
        ISS: HeaderParameter("issuer", "str"),
        TAN: HeaderParameter("trust anchor", "str"),
        "b64": HeaderParameter("encoded payload", "bool"),
    },
    ["PS256"],
)
_REGISTRY.max_header_length = 4096


def jose_header(**changes: Any) -> dict[str, Any]:
    """A JOSE header as version 4.0 wants it; a change to None leaves a claim out."""
    header = {
        "alg": "PS256",
        "kid": KEY.kid,
        IAT: int(time.time()),
        ISS: "0015800000PAYSITE/app",
        TAN: "openbanking.org.uk",
        "crit": [IAT, ISS, TAN],
        **changes,
    }
    return {name: value for name, value in header.items() if value is not None}


def detached(body: bytes, header: dict[str, Any] | None = None, key: RSAKey = KEY) -> str:
    """The detached signature of a body."""
    made = jws.serialize_compact(header or jose_header(), body, key, registry=_REGISTRY)
    return f"{made.split('.')[0]}..{made.split('.')[2]}"


class Bank:
    """One bank of a sandbox, and the client's side of the protocol."""

    def __init__(
        self, sandbox: Sandbox, bank_id: str = "sandbox-bank", tls: ssl.SSLContext | None = None
    ) -> None:
        self.sandbox = sandbox
        self.bank_id = bank_id
        self.tls = tls
        self.origin: str = sandbox.call("GET", "/sandbox/bank").json["origin"]
        self.verifier = "v" * 43

    @property
    def issuer(self) -> str:
        return f"{self.origin}/{self.bank_id}"

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout: float = PATIENCE_S,
    ) -> Reply:
        """One request below the bank's address."""
        port = urlsplit(self.origin).port
        connection = (
            HTTPSConnection("127.0.0.1", port, timeout=timeout, context=self.tls)
            if self.tls
            else HTTPConnection("127.0.0.1", port, timeout=timeout)
        )
        try:
            connection.request(method, f"/{self.bank_id}{path}", body, headers or {})
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, names, answer.read())
        finally:
            connection.close()

    def form(self, path: str, form: dict[str, str], **headers: str) -> Reply:
        given = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        return self.call("POST", path, urlencode(form).encode(), given)

    def token(self, **form: str) -> str:
        """The client's own token."""
        reply = self.form(
            "/token", {"grant_type": "client_credentials", "scope": "payments", **form}, **BASIC
        )
        token: str = reply.json["access_token"]
        return token

    def get(self, path: str, token: str = "", **headers: str) -> Reply:
        return self.call("GET", path, None, {"Authorization": f"Bearer {token or self.token()}", **headers})

    def post(
        self,
        path: str,
        body: Any,
        token: str = "",
        key: str = "",
        headers: dict[str, str | None] | None = None,
    ) -> Reply:
        """A signed POST. A header that is None is left out."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        given: dict[str, str | None] = {
            "Authorization": f"Bearer {token or self.token()}",
            "Content-Type": "application/json",
            "x-idempotency-key": key or uuid.uuid4().hex,
            "x-jws-signature": detached(raw),
            **(headers or {}),
        }
        return self.call(
            "POST", path, raw, {name: value for name, value in given.items() if value is not None}
        )

    def stage(self, reference: str, **changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Post a consent; its body and the bank's answer."""
        body = consent_body(reference, **changes)
        reply = self.post(CONSENTS, body)
        assert reply.status == 201, reply.body
        return body, reply.json["Data"]

    def authorize_path(self, consent_id: str, *, signed: bool = True, **changes: Any) -> str:
        """Where the customer's browser is sent."""
        asked = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": REDIRECT_URI,
            "scope": "openid payments",
            "state": "state-1",
            "nonce": "nonce-1",
            "code_challenge": challenge(self.verifier),
            "code_challenge_method": "S256",
            "claims": {"id_token": {"openbanking_intent_id": {"value": consent_id, "essential": True}}},
            **changes,
        }
        if not signed:
            asked["claims"] = json.dumps(asked["claims"])
            return "/authorize?" + urlencode(asked)
        now = int(time.time())
        claims = {"iss": CLIENT_ID, "aud": self.issuer, "iat": now, "nbf": now, "exp": now + 300, **asked}
        outside = {
            name: asked[name] for name in ("client_id", "response_type", "scope", "redirect_uri", "state")
        }
        return "/authorize?" + urlencode({**outside, "request": signed_jwt(claims)})

    def decide(self, path: str, decision: str = "approve", **form: str) -> dict[str, str]:
        """What the customer taps, and what the browser brings back."""
        reply = self.form(path, {"decision": decision, **form})
        assert reply.status == 303, reply.body
        return way_back(reply)

    def exchange(self, code: str, /, **form: str) -> Reply:
        """A code for a token."""
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT_URI,
            "code_verifier": self.verifier,
        }
        return self.form("/token", {**given, **form}, **BASIC)

    def approved(self, reference: str, **changes: Any) -> tuple[dict[str, Any], str]:
        """A payment body that the customer has approved, and the token for it."""
        body, data = self.stage(reference, **changes)
        code = self.decide(self.authorize_path(data["ConsentId"]))["code"]
        return payment_body(body, data["ConsentId"]), self.exchange(code).json["access_token"]

    def pay(self, reference: str, **changes: Any) -> Reply:
        """The whole way to a payment."""
        body, token = self.approved(reference, **changes)
        return self.post(PAYMENTS, body, token)

    def payment(self, payment_id: str) -> dict[str, Any]:
        data: dict[str, Any] = self.get(f"{PAYMENTS}/{payment_id}").json["Data"]
        return data

    def record(self, reference: str) -> list[tuple[str, int]]:
        """Kind and pence of each line of the bank's record."""
        found = self.sandbox.call("GET", f"/sandbox/bank-ledger/{quote(reference, safe='')}").json["entries"]
        return [(line["kind"], line["amount_minor"]) for line in found]

    def check_signature(self, reply: Reply) -> None:
        """Raises unless the answer's body is signed with a key that the bank publishes."""
        keys = KeySet.import_key_set(self.call("GET", "/jwks").json)
        found = jws.extract_compact(reply.headers["x-jws-signature"].encode(), reply.body, _REGISTRY)
        if not jws.validate_compact(found, keys, ["PS256"], _REGISTRY):
            raise ValueError("the signature does not verify")


BASIC = {"Authorization": "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()}


def signed_jwt(claims: dict[str, Any], key: RSAKey = KEY) -> str:
    return jwt.encode({"alg": "PS256", "kid": key.kid}, claims, key, ["PS256"])


def challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def way_back(reply: Reply) -> dict[str, str]:
    """The parameters of a redirect."""
    return {name: values[0] for name, values in parse_qs(urlsplit(reply.headers["location"]).query).items()}


def consent_body(reference: str, amount: str = "20.00", **data: Any) -> dict[str, Any]:
    """OBWriteDomesticConsent4 of a deposit."""
    initiation = {
        "InstructionIdentification": f"i-{reference}"[:35],
        "EndToEndIdentification": reference,
        "InstructedAmount": {"Amount": amount, "Currency": "GBP"},
        "CreditorAccount": {
            "SchemeName": "UK.OBIE.SortCodeAccountNumber",
            "Identification": OWN_ACCOUNT,
            "Name": "Paysite Ltd",
        },
        "RemittanceInformation": {"Unstructured": ["Deposit"]},
    }
    risk = {"PaymentContextCode": "BillingGoodsAndServicesInAdvance", "MerchantCategoryCode": "7995"}
    return {"Data": {"ReadRefundAccount": "Yes", "Initiation": initiation, **data}, "Risk": risk}


def refund_body(reference: str, creditor: dict[str, Any], amount: str = "20.00") -> dict[str, Any]:
    """OBWriteDomesticConsent4 of a payment back, from the client's own account to the payer's."""
    body = consent_body(reference, amount)
    body["Data"]["ReadRefundAccount"] = "No"
    body["Data"]["Initiation"] |= {
        "DebtorAccount": {"SchemeName": "UK.OBIE.SortCodeAccountNumber", "Identification": OWN_ACCOUNT},
        "CreditorAccount": creditor,
    }
    return body


def payment_body(consent: dict[str, Any], consent_id: str) -> dict[str, Any]:
    """OBWriteDomestic2 with what the consent said."""
    return {
        "Data": {"ConsentId": consent_id, "Initiation": consent["Data"]["Initiation"]},
        "Risk": consent["Risk"],
    }
