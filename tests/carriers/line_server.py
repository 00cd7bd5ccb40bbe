"""A carrier of a few lines: a threaded TCP server that reads whole HTTP requests and answers as a script says."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

#: What to do with a connection after a request was read: send, wait, close. Returns whether to keep it open.
Script = Callable[[socket.socket, int], bool]


@dataclass
class LineServer:
    """`requests` are (method and path, body) as they arrived; `connections` counts those accepted."""

    script: Script
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    connections: int = 0
    closed: threading.Event = field(default_factory=threading.Event)
    url: str = ""
    tls: ssl.SSLContext | None = None

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        if self.tls is not None:
            try:
                connection = self.tls.wrap_socket(connection, server_side=True)
            except OSError:
                return
        with connection, connection.makefile("rb") as lines:
            try:
                while line := lines.readline():
                    length = 0
                    while (header := lines.readline()) not in (b"\r\n", b""):
                        name, _, text = header.partition(b":")
                        if name.lower() == b"content-length":
                            length = int(text)
                    body = lines.read(length)
                    self.requests.append((line.decode().rsplit(" ", 1)[0], body))
                    if not self.script(connection, len(self.requests)):
                        break
            except (OSError, ValueError):
                pass  # cut off by the other side, or no HTTP
            finally:
                lines.close()
                connection.close()
                self.closed.set()


@contextmanager
def serving(script: Script, tls: ssl.SSLContext | None = None) -> Iterator[LineServer]:
    """A server on a free port of this machine until the block ends."""
    server = LineServer(script, tls=tls)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        threading.Thread(target=server.serve, args=(listener,), daemon=True).start()
        yield server
        # Wakes accept(), which a mere close would leave waiting.
        listener.shutdown(socket.SHUT_RDWR)


def answer(body: bytes = b"ok", *headers: str, status: str = "200 OK") -> bytes:
    """An HTTP/1.1 answer with its length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body
