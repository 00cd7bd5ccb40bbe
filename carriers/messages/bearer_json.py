"""The shape that most services of text messages take: one POST of JSON over https, with a bearer token (RFC 6750).

`{"to": "+447700900001", "from": "Casino", "text": "…"}` goes to the whole address in `base_url`; "from" is left out
where no `sender` is configured. Any answer of the 200s means that it was taken. A service that wants other names is one
more file like this.
"""

from __future__ import annotations

import msgspec

from carriers.interface import HttpRequest
from carriers.messages import Messages


class Adapter(Messages):
    """Needs the key that the service has issued."""

    def __init__(self, base_url: str, api_key: str = "", sender: str = "") -> None:
        if not (api_key and api_key.isascii() and api_key.isprintable()):
            raise ValueError("api_key: must be the token that the service has issued")
        super().__init__(base_url, api_key, sender)

    def order(self, number: str, text: str) -> HttpRequest:
        """Return the request that has `text` sent to `number` (E.164)."""
        said = {"to": number, "text": text} | ({"from": self.sender} if self.sender else {})
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.api_key}"}
        return HttpRequest("POST", self.base_url, headers, msgspec.json.encode(said))
