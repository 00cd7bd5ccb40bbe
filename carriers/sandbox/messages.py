"""The inbox at /sandbox/messages: the text messages that would have gone to phones, the newest first."""

from __future__ import annotations

from collections import deque
from html import escape
from itertools import islice

from msgspec import Struct

from carriers.sandbox.clock import stamp

_KEPT = 200
_SHOWN = 50


class Message(Struct, forbid_unknown_fields=True):
    """One text message: `to` is the number (E.164)."""

    to: str
    text: str
    at: float = 0.0


class Inbox:
    """The newest messages to all phones. Gone with the process: nothing in them outlives a quarter of an hour."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque(maxlen=_KEPT)

    def take(self, message: Message, at: float) -> None:
        """Put a message in, received at the time `at`."""
        message.at = at
        self._messages.appendleft(message)

    def newest(self, number: str = "") -> list[Message]:
        """Return the messages, the newest first; to `number` only, if one is given."""
        return [one for one in self._messages if number in ("", one.to)]

    def page(self) -> bytes:
        """The inbox as people read it."""
        rows = "\n".join(
            f"<section><h2>To <code>{escape(one.to)}</code> <small>{stamp(one.at)}</small></h2>"
            f"<pre>{escape(one.text)}</pre></section>"
            for one in islice(self._messages, _SHOWN)
        )
        return f"""<!doctype html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Text messages: Sandbox Mobile</title>
<link rel="stylesheet" href="/sandbox/page.css">
</head>
<body>
<main>
<header>
<p class="tag">Simulator: no text message is sent</p>
<h1>Text messages</h1>
<p><a href="/sandbox/messages">Look again</a> <a href="/sandbox/">Sandbox</a></p>
</header>
{rows or "<p>None yet. Ask for a code, and look again.</p>"}
</main>
</body>
</html>
""".encode()
