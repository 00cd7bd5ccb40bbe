"""National self-exclusion registers: who has excluded themselves from all operators at once.

An adapter asks about one person, as a conversation like those with carriers (carriers/interface.py), so that the same
driver runs it beside them. It returns a `Verdict`; whatever it cannot read raises, and counts as no answer.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import date
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from carriers.interface import HttpAnswer, HttpRequest
from carriers.profiles import CarrierProfile


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a register is asked about: what it matches on."""

    first_name: str
    last_name: str
    born_on: date
    postcode: str
    email: str = ""
    phone_number: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the register says. `until`: the last day of the exclusion, where it tells."""

    excluded: bool
    until: date | None = None


@dataclass(frozen=True, slots=True)
class RegisterProfile:
    """One register as configured. Times in seconds."""

    adapter: str
    """Module under carriers/registers that speaks its protocol: "gamstop"."""
    jurisdictions: tuple[str, ...]
    """Whose players it knows: ("GB",)."""
    base_url: str
    api_key: str
    valid_s: float = 86_400.0
    """For how long an answer counts; then it is asked again before the next charge."""
    total_s: float = 5.0
    """How long a charge waits for an answer at most."""
    unanswered: str = "refuse"
    """What becomes of a deposit when it does not answer: "refuse" or "allow"."""


Question = Generator[HttpRequest, HttpAnswer, Verdict]


class Register(ABC):
    """One protocol of a register."""

    def __init__(self, profile: RegisterProfile) -> None:
        self.profile = profile

    @abstractmethod
    def ask(self, person: Person) -> Question:
        """Ask about one person. Raises ValueError for an answer that cannot be read."""

    @property
    def route(self) -> CarrierProfile:
        """How the driver is to reach it: of a carrier's profile it reads the name, the times and nothing else."""
        return CarrierProfile(
            code=f"register:{self.profile.adapter}",
            adapter=self.profile.adapter,
            name="register",
            base_url=self.profile.base_url,
            token_url="",
            client_id="",
            client_secret="",
            prefixes=(),
            connect_timeout_s=min(3.0, self.profile.total_s),
            http_total_s=self.profile.total_s,
        )


_loaded: tuple[object, Register | None] | None = None


def register() -> Register | None:
    """The register of settings.REGISTER, built once; None where none is configured.

    Raises ImproperlyConfigured, which names the setting and what would be right.
    """
    global _loaded
    configured = settings.REGISTER
    if _loaded is None or _loaded[0] is not configured:
        _loaded = (configured, _load(configured) if configured else None)
    return _loaded[1]


def registered_in() -> list[str]:
    """Return the jurisdictions whose players the register knows; none where no register is configured."""
    known = register()
    return list(known.profile.jurisdictions) if known else []


def _load(given: Mapping[str, Any]) -> Register:
    names = [one.name for one in fields(RegisterProfile)]
    for one in fields(RegisterProfile):
        if one.default is MISSING and not given.get(one.name):
            raise ImproperlyConfigured(f"REGISTER: {one.name}: missing")
    if strange := sorted(given.keys() - set(names)):
        raise ImproperlyConfigured(f"REGISTER: {strange[0]}: unknown; must be of {', '.join(names)}")
    profile = RegisterProfile(**{**given, "jurisdictions": tuple(given["jurisdictions"])})
    if profile.unanswered not in ("refuse", "allow"):
        raise ImproperlyConfigured('REGISTER: unanswered: must be "refuse" or "allow"')
    if not profile.base_url.startswith(("http://", "https://")):
        raise ImproperlyConfigured("REGISTER: base_url: must begin with https:// (or http:// on one machine)")
    if profile.total_s <= 0 or profile.valid_s <= 0:
        raise ImproperlyConfigured("REGISTER: total_s and valid_s: must be above 0")
    try:
        module = importlib.import_module(f"carriers.registers.{profile.adapter}")
    except ModuleNotFoundError:
        text = f"REGISTER: adapter: there is no carriers/registers/{profile.adapter}.py"
        raise ImproperlyConfigured(text) from None
    built: Register = module.Adapter(profile)
    return built
