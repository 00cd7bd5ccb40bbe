"""One kept-alive connection that is asked one thing at a time and never blocks: the load generator's half of HTTP."""

from __future__ import annotations

import socket
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer: header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class BrokenConnection(Exception):
    """The connection ended, or could not be made, without a whole answer."""


class Connection:
    """Made when first needed, and again after each break."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._socket: socket.socket | None = None
        self._received = b""

    def fileno(self) -> int:
        """The socket's number, for a selector."""
        assert self._socket is not None
        return self._socket.fileno()

    def send(self, request: bytes) -> None:
        """Send a whole request; raise BrokenConnection when nobody takes it."""
        self._received = b""
        try:
            if self._socket is None:
                self._socket = socket.create_connection(self._address, timeout=10)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(request)
        except OSError as error:
            self.close()
            raise BrokenConnection(f"{type(error).__name__} while sending") from error

    def read(self) -> Reply | None:
        """Take what has come; return the answer once it is whole. Raise BrokenConnection when it never will be."""
        assert self._socket is not None
        try:
            data = self._socket.recv(65_536)
        except OSError as error:
            self.close()
            raise BrokenConnection(f"{type(error).__name__} while reading") from error
        if not data:
            what = "closed within the answer" if self._received else "closed without an answer"
            self.close()
            raise BrokenConnection(what)
        self._received += data
        reply = _parsed(self._received)
        if reply is not None and reply.headers.get("connection", "").lower() == "close":
            self.close()
        return reply

    def close(self) -> None:
        """Forget the connection; the next request makes another."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None


def _parsed(data: bytes) -> Reply | None:
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if len(body) < int(headers["content-length"]):
        return None
    return Reply(int(first.split(" ", 2)[1]), headers, body)
