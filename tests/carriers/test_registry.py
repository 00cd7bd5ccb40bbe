"""Carriers from settings: what is wrong is refused at the start, by name."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from carriers import registry
from carriers.adapters.camara import Adapter
from carriers.interface import CarrierAdapter

MOBILE: dict[str, Any] = {
    "code": "sandbox-mobile",
    "adapter": "camara",
    "name": "Sandbox Mobile",
    "base_url": "https://carrier.example/carrier-billing/v0.5",
    "token_url": "https://carrier.example/oauth2/token",
    "client_id": "client-1",
    "client_secret": "keep-it",
    "prefixes": ["+44770090"],
}


def mobile(**changes: object) -> dict[str, Any]:
    return {**MOBILE, **changes}


def test_a_carrier_is_found_by_its_code_and_keeps_its_adapter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "settings", SimpleNamespace(CARRIERS=[MOBILE]))
    assert registry.profile("sandbox-mobile").name == "Sandbox Mobile"
    assert isinstance(registry.adapter_for("sandbox-mobile"), Adapter)
    assert registry.adapter_for("sandbox-mobile") is registry.adapter_for("sandbox-mobile")
    with pytest.raises(KeyError):
        registry.profile("elsewhere")


def test_other_settings_give_other_carriers(monkeypatch: pytest.MonkeyPatch) -> None:
    for code in ("one", "two"):
        monkeypatch.setattr(registry, "settings", SimpleNamespace(CARRIERS=[mobile(code=code)]))
        assert list(registry.registry().profiles) == [code]


def test_the_longest_prefix_in_the_right_currency_wins() -> None:
    loaded = registry.load(
        [
            mobile(code="wide", prefixes=["+44", "+353"], currencies=["GBP", "EUR"]),
            mobile(code="narrow", prefixes=["+44770090"]),
            mobile(code="narrow-euro", prefixes=["+4477009"], currencies=["EUR"]),
        ]
    )
    for msisdn, currency, expected in (
        ("+447700900001", "GBP", "narrow"),
        ("+447700900001", "EUR", "narrow-euro"),
        ("+447911123456", "GBP", "wide"),
        ("+353861234567", "EUR", "wide"),
        ("+353861234567", "USD", None),
        ("+33612345678", "EUR", None),
        ("", "GBP", None),
    ):
        found = next(iter(loaded.routes(msisdn, currency)), None)
        assert (found.code if found else None) == expected, (msisdn, currency)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"code": ""}, "code"),
        ({"adapter": "no_such"}, "no_such.py"),
        ({"adapter": "../camara"}, "adapter"),
        ({"base_url": "ftp://carrier.example"}, "base_url"),
        ({"token_url": ""}, "token_url"),
        ({"prefixes": []}, "prefixes"),
        ({"prefixes": "+44"}, "prefixes"),
        ({"prefixes": ["0770"]}, "prefixes"),
        ({"currencies": ["XTS"]}, "currencies"),
        ({"minimum_minor": 0}, "minimum_minor"),
        ({"minimum_minor": 5_000}, "minimum_minor"),
        ({"maximum_minor": "4000"}, "maximum_minor"),
        ({"maximum_minor": True}, "maximum_minor"),
        ({"http_total_s": 0}, "http_total_s"),
        ({"connect_timeout_s": 30.0}, "connect_timeout_s"),
        ({"slots": 0}, "slots"),
        ({"notification_url": "https://pay.example/n"}, "notification_secret"),
        ({"reply_text": "YES"}, "reply_to"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_setting_is_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=named) as refused:
        registry.load([mobile(**changes)])
    assert changes.get("code", "sandbox-mobile") in str(refused.value)
    assert MOBILE["client_secret"] not in str(refused.value)


def test_a_missing_setting_is_named() -> None:
    given = dict(MOBILE)
    del given["client_secret"]
    with pytest.raises(ImproperlyConfigured, match="client_secret: missing"):
        registry.load([given])


def test_two_carriers_cannot_share_a_code_or_a_route() -> None:
    with pytest.raises(ImproperlyConfigured, match="code"):
        registry.load([MOBILE, MOBILE])
    with pytest.raises(ImproperlyConfigured, match="prefixes"):
        registry.load([MOBILE, mobile(code="other")])


def test_a_carrier_whose_time_outs_could_never_be_settled_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("carriers.adapters.blind")
    module.Adapter = type("Adapter", (Adapter,), {"resend_is_safe": False, "can_inquire": False})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with pytest.raises(ImproperlyConfigured, match=r"sandbox-mobile.*adapter"):
        registry.load([mobile(adapter="blind")])


def test_a_module_without_an_adapter_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("carriers.adapters.empty")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with pytest.raises(ImproperlyConfigured, match=r"Adapter\(CarrierAdapter\)"):
        registry.load([mobile(adapter="empty")])
    assert CarrierAdapter not in vars(module).values()
