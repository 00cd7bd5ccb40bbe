"""Text messages to players: one adapter for each service that sends them, found by the setting MESSAGES."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from carriers.http import pool_of_this_thread
from carriers.interface import HttpRequest

#: A message is waited for by a person, who asks again rather than wait longer.
_TOTAL_S = 5.0
_CONNECT_S = 2.0
_FIELDS = ("adapter", "base_url", "api_key", "sender")


class NotSent(Exception):
    """The service did not take the message, or gave no answer: it may have been sent all the same."""


class Messages(ABC):
    """One protocol of a service. `base_url`, `api_key` and `sender`, whose name the text bears, are the installation's.

    An adapter raises ValueError, beginning with the field's name, for what it cannot use.
    """

    def __init__(self, base_url: str, api_key: str = "", sender: str = "") -> None:
        self.base_url = base_url
        self.api_key = api_key
        self.sender = sender

    @abstractmethod
    def order(self, number: str, text: str) -> HttpRequest:
        """Return the request that has `text` sent to `number` (E.164)."""

    def send(self, number: str, text: str) -> None:
        """Have the text sent, and wait for the service's answer. Raises `NotSent`. Never tried twice."""
        pool = pool_of_this_thread()
        pool.start(self.order(number, text), owner=self, timeout_s=_TOTAL_S, connect_timeout_s=_CONNECT_S)
        finished = [one for one in pool.wait() if one.owner is self]
        answer = finished[0].answer if finished else None
        if answer is None or answer.status not in range(200, 300):
            raise NotSent(finished[0].error if answer is None and finished else "it was refused")


_loaded: tuple[object, Messages | None] | None = None


def messages() -> Messages | None:
    """The service of settings.MESSAGES, built once; None where none is configured.

    Raises ImproperlyConfigured, which names the setting and what would be right.
    """
    global _loaded
    configured = settings.MESSAGES
    if _loaded is None or _loaded[0] is not configured:
        _loaded = (configured, _load(configured) if configured else None)
    return _loaded[1]


def _load(given: Mapping[str, Any]) -> Messages:
    if strange := sorted(given.keys() - set(_FIELDS)):
        raise ImproperlyConfigured(f"MESSAGES: {strange[0]}: unknown; must be of {', '.join(_FIELDS)}")
    name, base_url = str(given.get("adapter", "")), str(given.get("base_url", ""))
    if not base_url.startswith(("http://", "https://")):
        raise ImproperlyConfigured("MESSAGES: base_url: must begin with https:// (or http:// on one machine)")
    try:
        module = importlib.import_module(f"carriers.messages.{name}")
    except (ModuleNotFoundError, ValueError):
        text = f"MESSAGES: adapter: there is no carriers/messages/{name}.py"
        raise ImproperlyConfigured(text) from None
    try:
        built: Messages = module.Adapter(
            base_url, *(str(given.get(one, "")) for one in ("api_key", "sender"))
        )
    except ValueError as error:
        raise ImproperlyConfigured(f"MESSAGES: {error}") from None
    return built
