"""Which carriers there are: settings.CARRIERS as profiles, and the adapter that speaks to each.

An adapter is found by the name of its module under carriers/adapters; nothing else names it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from carriers.interface import CarrierAdapter
from carriers.profiles import CarrierProfile

#: The ways to pay: by phone number, and by the code of a bank.
CARRIER_BILLING, BANK = "carrier_billing", "bank"
CLIENT_AUTHS = ("client_secret_basic", "private_key_jwt")
NAME_CHECKS = ("off", "hold", "refuse")
_ADDRESSES = (
    "base_url",
    "token_url",
    "refund_url",
    "notification_url",
    "authorise_url",
    "redirect_url",
    "jwks_url",
)
_ALWAYS = ("code", "adapter", "name", "base_url", "token_url", "currencies")
_OF_A_BANK = (
    *(
        "authorise_url",
        "redirect_url",
        "issuer",
        "jwks_url",
        "signing_key",
        "signing_key_id",
        "signer",
        "trust_anchor",
    ),
    *("binding_secret", "creditor_scheme", "creditor_account", "creditor_name", "credited_statuses"),
)


@dataclass(frozen=True, slots=True)
class Registry:
    """The carriers of one configuration, by code, in the order in which they were configured."""

    profiles: Mapping[str, CarrierProfile]
    adapters: Mapping[str, CarrierAdapter]

    def routes(self, msisdn: str, currency: str) -> list[CarrierProfile]:
        """The carriers with the longest prefix of `msisdn` (E.164, with "+") that charge in `currency`, by rank."""
        served = [
            (len(prefix), profile)
            for profile in self.profiles.values()
            if currency in profile.currencies
            for prefix in profile.prefixes
            if msisdn.startswith(prefix)
        ]
        longest = max((length for length, _ in served), default=0)
        return sorted((profile for length, profile in served if length == longest), key=lambda one: one.rank)


def load(configured: Sequence[Mapping[str, Any]]) -> Registry:
    """Check and build. ImproperlyConfigured names the carrier, the setting, and what would be right."""
    profiles: dict[str, CarrierProfile] = {}
    adapters: dict[str, CarrierAdapter] = {}
    for index, given in enumerate(configured):
        name = str(given.get("code") or f"number {index + 1}") if isinstance(given, Mapping) else ""
        profile = _profile(given, name)
        if profile.code in profiles:
            raise _wrong(name, "code", "must be unique")
        profiles[profile.code] = profile
        adapters[profile.code] = _adapter(profile)
    _refuse_ambiguity(profiles.values())
    return Registry(profiles, adapters)


_loaded: tuple[object, Registry] | None = None


def registry() -> Registry:
    """The carriers of settings.CARRIERS, built once; built anew when a test puts other settings there."""
    global _loaded
    configured = settings.CARRIERS
    if _loaded is None or _loaded[0] is not configured:
        _loaded = (configured, load(configured))
    return _loaded[1]


def adapter_for(code: str) -> CarrierAdapter:
    """The adapter of the carrier `code`; the same one each time. KeyError when there is no such carrier."""
    return registry().adapters[code]


def profile(code: str) -> CarrierProfile:
    """The profile of the carrier `code`. KeyError when there is no such carrier."""
    return registry().profiles[code]


def route(msisdn: str, currency: str) -> CarrierProfile | None:
    """The first carrier that serves `msisdn` (E.164, with "+") in `currency`; None when no carrier does."""
    return next(iter(registry().routes(msisdn, currency)), None)


def routes(msisdn: str, currency: str) -> list[CarrierProfile]:
    """All carriers that serve `msisdn` (E.164, with "+") in `currency`, in the order in which they are to be tried."""
    return registry().routes(msisdn, currency)


def has_second_routes() -> bool:
    """Whether any number is served by more than one carrier: a look that spares a search."""
    return any(profile.rank > 1 for profile in registry().profiles.values())


def currencies_of(msisdn: str) -> tuple[str, ...]:
    """The currencies in which some carrier charges `msisdn` (E.164, with "+"), sorted; empty when none serves it."""
    serving = (p for p in registry().profiles.values() if msisdn.startswith(p.prefixes))
    return tuple(sorted({currency for profile in serving for currency in profile.currencies}))


def bank(code: str, currency: str) -> CarrierProfile | None:
    """The bank with this code, when it pays in `currency`; None when there is no such bank."""
    return next((profile for profile in banks(currency) if profile.code == code), None)


def banks(currency: str) -> list[CarrierProfile]:
    """The banks that pay in `currency`, in the order in which they are configured."""
    return serving(BANK, currency)


def first_of(method_type: str, currency: str) -> CarrierProfile | None:
    """The first carrier or bank for a method that takes `currency`; None when there is none."""
    return next(iter(serving(method_type, currency)), None)


def serving(method_type: str, currency: str) -> list[CarrierProfile]:
    """The carriers or banks for a method that take `currency`, in the order in which they are configured."""
    profiles = registry().profiles.values()
    return [one for one in profiles if one.method_type == method_type and currency in one.currencies]


def find_adapter(code: str) -> CarrierAdapter | None:
    """The adapter of a carrier that somebody outside names, or None."""
    return registry().adapters.get(code)


def offers_refunds(code: str) -> bool:
    """Whether the carrier `code` is configured, and its protocol gives money back by our order."""
    adapter = find_adapter(code)
    return adapter is not None and adapter.can_refund


def _wrong(carrier: str, setting: str, what: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"CARRIERS: carrier {carrier!r}: {setting}: {what}")


def _profile(given: Any, name: str) -> CarrierProfile:
    if not isinstance(given, Mapping):
        raise ImproperlyConfigured("CARRIERS: must be a list of dicts, one for each carrier")
    types = get_type_hints(CarrierProfile)
    for setting in fields(CarrierProfile):
        if setting.name not in given and setting.default is MISSING:
            raise _wrong(name, setting.name, "missing")
    values: dict[str, Any] = {}
    for setting_name, value in given.items():
        if setting_name not in types:
            raise _wrong(name, setting_name, f"unknown; must be of {', '.join(types)}")
        values[setting_name] = tuple(value) if isinstance(value, list) else value
        if not _is_a(values[setting_name], types[setting_name]):
            raise _wrong(name, setting_name, f"must be {_described(types[setting_name])}")
    profile = CarrierProfile(**values)
    _check_values(profile, name)
    return profile


def _is_a(value: object, kind: Any) -> bool:
    if isinstance(kind, UnionType):
        return any(_is_a(value, choice) for choice in get_args(kind))
    if get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(isinstance(item, str) for item in value)
    if isinstance(value, bool) or kind is bool:
        return isinstance(value, bool) and kind is bool
    return isinstance(value, int | float) if kind is float else isinstance(value, kind)


def _described(kind: Any) -> str:
    if get_origin(kind) is tuple:
        return "a list of strings"
    return {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}.get(
        kind, "a whole number or None"
    )


def _check_values(profile: CarrierProfile, name: str) -> None:
    if profile.method_type not in (CARRIER_BILLING, BANK):
        raise _wrong(name, "method_type", f"must be {CARRIER_BILLING!r} or {BANK!r}")
    of_its_kind = _OF_A_BANK if profile.method_type == BANK else ("prefixes",)
    for setting in (*_ALWAYS, *of_its_kind):
        if not getattr(profile, setting):
            raise _wrong(name, setting, "must not be empty")
    if profile.method_type == BANK:
        _check_bank(profile, name)
    for setting in _ADDRESSES:
        url = getattr(profile, setting)
        if url and not url.startswith(("http://", "https://")):
            raise _wrong(name, setting, "must begin with https:// (or http:// on one machine)")
    if profile.notification_url and not profile.notification_secret:
        raise _wrong(
            name, "notification_secret", "needed with notification_url; must be a long random string"
        )
    if bool(profile.reply_text) != bool(profile.reply_to):
        raise _wrong(name, "reply_to", "needed with reply_text, and only then")
    for prefix in profile.prefixes:
        if not (prefix.startswith("+") and prefix[1:].isdecimal() and prefix.isascii()):
            raise _wrong(name, "prefixes", f'{prefix!r}: must be "+" and digits, such as "+4477"')
    if not 0 < profile.minimum_minor <= profile.maximum_minor:
        raise _wrong(name, "minimum_minor", "must be above 0 and at most maximum_minor")
    for setting in ("connect_timeout_s", "http_total_s", "horizon_s", "not_found_apart_s", "resend_within_s"):
        if getattr(profile, setting) <= 0:
            raise _wrong(name, setting, "must be above 0")
    if profile.connect_timeout_s > profile.http_total_s:
        raise _wrong(name, "connect_timeout_s", "must be at most http_total_s")
    if profile.rank < 1:
        raise _wrong(name, "rank", "must be at least 1, for the route that is tried first")
    if profile.reference_kept_s < profile.resend_within_s + profile.http_total_s:
        raise _wrong(name, "reference_kept_s", "must be at least resend_within_s and http_total_s together")
    if profile.slots < 1:
        raise _wrong(name, "slots", "must be at least 1")


def _check_bank(profile: CarrierProfile, name: str) -> None:
    if profile.prefixes:
        raise _wrong(name, "prefixes", "must be empty for a bank, which is not found by a number")
    if profile.client_auth not in CLIENT_AUTHS:
        raise _wrong(name, "client_auth", f"must be one of {', '.join(CLIENT_AUTHS)}")
    if profile.name_check not in NAME_CHECKS:
        raise _wrong(name, "name_check", f"must be one of {', '.join(NAME_CHECKS)}")
    if bool(profile.certificate) != bool(profile.certificate_key):
        raise _wrong(name, "certificate_key", "needed with certificate, and only then")
    if profile.approval_within_s <= 0:
        raise _wrong(name, "approval_within_s", "must be above 0")


def _adapter(profile: CarrierProfile) -> CarrierAdapter:
    module_name = f"carriers.adapters.{profile.adapter}"
    if not profile.adapter.isidentifier():
        raise _wrong(profile.code, "adapter", "must be the name of a module under carriers/adapters")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name:
            raise
        raise _wrong(profile.code, "adapter", f"there is no carriers/adapters/{profile.adapter}.py") from None
    kind = getattr(module, "Adapter", None)
    if not (isinstance(kind, type) and issubclass(kind, CarrierAdapter)):
        raise _wrong(profile.code, "adapter", f"{module_name} has no class Adapter(CarrierAdapter)")
    if not (kind.resend_is_safe or kind.can_inquire):
        what = (
            f"{module_name} can neither send again safely nor inquire, so a time-out could never be settled"
        )
        raise _wrong(profile.code, "adapter", what)
    try:
        return kind(profile)
    except ValueError as error:
        raise ImproperlyConfigured(f"CARRIERS: carrier {profile.code!r}: {error}") from None


def _refuse_ambiguity(profiles: Any) -> None:
    """Two carriers of one rank for one prefix and currency would make the route depend on the settings' order."""
    taken: dict[tuple[str, str, int], str] = {}
    for profile in profiles:
        for prefix in profile.prefixes:
            for currency in profile.currencies:
                other = taken.setdefault((prefix, currency, profile.rank), profile.code)
                if other != profile.code:
                    what = f"{prefix} in {currency} is served by {other!r} too; give the second route another rank"
                    raise _wrong(profile.code, "prefixes", what)
