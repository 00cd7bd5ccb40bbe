"""Mutual TLS: the bank's API is for certified clients, its page for everybody."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.carriers.sandbox.bank.client import JWKS, Bank, consent_body
from tests.carriers.sandbox.harness import Sandbox

EC_KEY = ec.EllipticCurvePrivateKey


def certified(
    name: str, path: Path, by: tuple[x509.Certificate, EC_KEY] | None = None
) -> tuple[x509.Certificate, EC_KEY]:
    """Write a certificate with its key to `path`: of an authority, or issued by one for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, issuer_key = (by[0].subject, by[1]) if by else (subject, key)
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return made, key


def test_the_api_is_for_certified_clients(fresh: Callable[..., Sandbox], tmp_path: Path, ref: str) -> None:
    authority = certified("authority", tmp_path / "ca.pem")
    certified("bank", tmp_path / "bank.pem", authority)
    certified("client", tmp_path / "client.pem", authority)
    options = ("--bank-certificate", str(tmp_path / "bank.pem"), "--client-ca", str(tmp_path / "ca.pem"))
    sandbox = fresh("data", 20, *options)
    sandbox.call("PUT", "/sandbox/bank/client", {"jwks": JWKS})
    known, nobody = (ssl.create_default_context(cafile=str(tmp_path / "ca.pem")) for _ in range(2))
    known.load_cert_chain(str(tmp_path / "client.pem"))

    bank, stranger = Bank(sandbox, tls=known), Bank(sandbox, tls=nobody)

    assert bank.origin.startswith("https://127.0.0.1:")
    assert stranger.form("/token", {"grant_type": "client_credentials"}).status == 401
    _, data = bank.stage(ref[:35])
    assert stranger.get("/open-banking/v4.0/pisp/domestic-payments/x", bank.token()).status == 401
    page = stranger.call("GET", bank.authorize_path(data["ConsentId"]))
    assert page.status == 200, "the customer's browser has no certificate"
    assert consent_body(ref[:35])["Data"]["Initiation"] == data["Initiation"]
