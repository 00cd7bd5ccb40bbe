"""Mutual TLS for real: our connections show the certificate of the profile, and no other profile's."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from carriers import driver, registry
from carriers.outcomes import OurFault, Outcome, RedirectRequired
from paysite.sandbox_banks import sandbox_banks
from tests.carriers.replies import BANK_PROFILE, order
from tests.carriers.sandbox.bank.test_bank_tls import certified
from tests.carriers.sandbox.harness import CLIENT_ID, CLIENT_SECRET, Sandbox


@pytest.fixture
def strict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Banks that speak https and want to see a certificate of their authority's."""
    authority = certified("authority", tmp_path / "ca.pem")
    certified("bank", tmp_path / "bank.pem", authority)
    certified("client", tmp_path / "client.pem", authority)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    options = ("--bank-certificate", str(tmp_path / "bank.pem"), "--client-ca", str(tmp_path / "ca.pem"))
    running = Sandbox(tmp_path / "data", 20, *options)
    yield running
    running.stop()


def asked_for_a_consent(sandbox: Sandbox, **changes: Any) -> Outcome:
    """How it ends when a bank of the sandbox is asked, with this profile, to let a player approve."""
    profiles = sandbox_banks(
        sandbox.call("GET", "/sandbox/bank").json["origin"],
        "http://127.0.0.1:1",
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        signing_key=BANK_PROFILE.signing_key,
        binding_secret="bind-it-0123456789",
        time_divisor=10.0,
        http_total_s=60.0,
    )
    # Connecting includes the handshake, for which a slow machine needs more than the divided time.
    loaded = registry.load([{**profiles[0], "connect_timeout_s": 10.0, **changes}])
    adapter, profile = loaded.adapters["sandbox-bank"], loaded.profiles["sandbox-bank"]
    keys = {"jwks": {"keys": adapter.public_keys()}}
    assert sandbox.call("PUT", "/sandbox/bank/client", keys).status == 200
    # An order of its own: a bank replays a consent, and by then it may have run out.
    asked = order(msisdn="", reference=f"D-{uuid.uuid4().hex[:8]}", created_at=datetime.now(UTC))
    (ended,) = driver.run([adapter.authorise(asked)], profile)
    return ended.outcome


def test_a_bank_that_wants_a_certificate_sees_ours(strict: Sandbox, tmp_path: Path) -> None:
    key, begin, rest = (tmp_path / "client.pem").read_text().partition("-----BEGIN CERTIFICATE-----")
    shown = {"certificate": begin + rest, "certificate_key": key}
    assert isinstance(asked_for_a_consent(strict, **shown), RedirectRequired)
    # The same process, the same thread, the same kept-alive connections: another profile has no certificate.
    assert isinstance(asked_for_a_consent(strict), OurFault)
    assert isinstance(asked_for_a_consent(strict, **shown), RedirectRequired)
