"""The sandbox's inbox: what would be a text message is shown at /sandbox/messages (docs/sandbox.md)."""

from __future__ import annotations

import msgspec

from carriers.interface import HttpRequest
from carriers.messages import Messages


class Adapter(Messages):
    """Needs no key: nothing leaves the machine."""

    def order(self, number: str, text: str) -> HttpRequest:
        """Return the request that puts the text into the inbox."""
        body = msgspec.json.encode({"to": number, "text": text})
        address = f"{self.base_url}/sandbox/messages"
        return HttpRequest("POST", address, {"Content-Type": "application/json"}, body)
