"""What a page costs a phone that has never been there: the bytes of every answer, as they go over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page

#: A document has no name of its own.
THE_PAGE = "the page"


@dataclass
class Transfers:
    """Every request of a page so far: bytes with headers by the file's name, and the hosts that were asked."""

    sizes: dict[str, float] = field(default_factory=dict)
    hosts: set[str] = field(default_factory=set)

    @property
    def total(self) -> float:
        """Bytes of everything."""
        return sum(self.sizes.values())

    @property
    def script(self) -> float:
        """Bytes of script."""
        return sum(size for name, size in self.sizes.items() if name.endswith(".js"))


@contextmanager
def recorded(page: Page) -> Iterator[Transfers]:
    """Record what `page` loads from now on, with nothing in its cache. Complete once the network is idle."""
    protocol = page.context.new_cdp_session(page)
    protocol.send("Network.enable")
    protocol.send("Network.setCacheDisabled", {"cacheDisabled": True})
    found = Transfers()
    names: dict[str, str] = {}

    def asked(event: dict[str, Any]) -> None:
        address = urlsplit(event["request"]["url"])
        names[event["requestId"]] = Path(address.path).name or THE_PAGE
        found.hosts.add(address.hostname or "")

    def loaded(event: dict[str, Any]) -> None:
        name = names[event["requestId"]]
        found.sizes[name] = found.sizes.get(name, 0) + event["encodedDataLength"]

    protocol.on("Network.requestWillBeSent", asked)
    protocol.on("Network.loadingFinished", loaded)
    yield found
    protocol.detach()
