"""Banks from settings: found by their code, and what is wrong with one is refused at the start, by name."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from carriers import registry
from tests.carriers.replies import BANK_PROFILE, PROFILE

BANK: dict[str, Any] = dataclasses.asdict(BANK_PROFILE)


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> None:
    euros = {**BANK, "code": "euro-bank", "currencies": ("EUR",)}
    carriers = [dataclasses.asdict(PROFILE), BANK, euros]
    monkeypatch.setattr(registry, "settings", SimpleNamespace(CARRIERS=carriers))


@pytest.mark.usefixtures("configured")
def test_a_bank_is_found_by_its_code_and_never_by_a_number() -> None:
    assert [one.code for one in registry.banks("GBP")] == ["bank"]
    assert [one.code for one in registry.banks("EUR")] == ["euro-bank"]
    found = registry.bank("bank", "GBP")
    assert found is not None
    assert found.name == "Bank"
    assert registry.bank("bank", "EUR") is None
    assert registry.bank("sandbox-mobile", "GBP") is None
    assert [one.code for one in registry.routes("+447700900001", "GBP")] == ["sandbox-mobile"]
    assert registry.routes("", "GBP") == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method_type": "card"}, "method_type: must be 'carrier_billing' or 'bank'"),
        ({"prefixes": ("+44",)}, "prefixes: must be empty for a bank"),
        ({"signing_key": ""}, "signing_key: must not be empty"),
        ({"signing_key": "keep it"}, "signing_key: must be a private RSA key"),
        ({"binding_secret": ""}, "binding_secret: must not be empty"),
        ({"redirect_url": "pay.example"}, "redirect_url: must begin with https://"),
        ({"credited_statuses": ()}, "credited_statuses: must not be empty"),
        ({"client_auth": "none"}, "client_auth: must be one of client_secret_basic, private_key_jwt"),
        ({"name_check": "maybe"}, "name_check: must be one of off, hold, refuse"),
        ({"certificate": "our certificate"}, "certificate_key: needed with certificate"),
        ({"approval_within_s": 0.0}, "approval_within_s: must be above 0"),
        ({"version": "5.0"}, "version: must be one of 3.1, 4.0"),
    ],
)
def test_what_is_wrong_with_a_bank_is_refused_by_name(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        registry.load([{**BANK, **changes}])
    assert words in str(refused.value)
    for secret in ("keep it", BANK_PROFILE.client_secret, BANK_PROFILE.binding_secret):
        assert secret not in str(refused.value)
