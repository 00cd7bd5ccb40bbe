"""A door between the workers and the carrier: while it is shut, connections are refused and nothing can be sent."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

_CHUNK_BYTES = 65_536


class Door:
    """Relays TCP connections from a port of its own to `target_port`, both on the loopback address."""

    def __init__(self, target_port: int) -> None:
        self._target = ("127.0.0.1", target_port)
        self._lock = threading.Lock()
        self._ends: list[socket.socket] = []
        self._entrance: socket.socket | None = None
        self.port = 0
        self.open()

    @property
    def url(self) -> str:
        """Where callers go."""
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Let callers in, on the same port as before."""
        self._entrance = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self.port = self._entrance.getsockname()[1]
        threading.Thread(target=self._serve, args=(self._entrance,), name="door", daemon=True).start()

    def shut(self) -> None:
        """Refuse whoever comes, and cut off who is inside."""
        if self._entrance is not None:
            # Only closing would leave the port open until the next caller: the thread still waits for one.
            with suppress(OSError):
                self._entrance.shutdown(socket.SHUT_RDWR)
            self._entrance.close()
            self._entrance = None
        with self._lock:
            for end in self._ends:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            self._ends.clear()

    def _serve(self, entrance: socket.socket) -> None:
        while True:
            try:
                caller, _ = entrance.accept()
            except OSError:
                return
            try:
                carrier = socket.create_connection(self._target, timeout=5)
            except OSError:
                caller.close()
                continue
            carrier.settimeout(None)
            with self._lock:
                self._ends += [caller, carrier]
            for source, sink in ((caller, carrier), (carrier, caller)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(_CHUNK_BYTES):
                sink.sendall(chunk)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        with self._lock:
            if source in self._ends:
                self._ends.remove(source)
        source.close()
