"""A proxy in front of Redis that understands it just well enough to lose and to double doorbells (F27).

Of the messages that are put into a Celery queue it drops some, answering as if they had been taken, and puts others in
twice. Everything else passes untouched. It runs in a thread of the test.
"""

from __future__ import annotations

import asyncio
import random
import threading
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
_CHUNK = 65_536
#: Celery's queue of the workers, with the prefix that the settings give every key.
_QUEUES = (b"q:carriers",)


class DoorbellShim:
    """One shim in front of one Redis of this machine, as a context manager. Its own port is `port`."""

    def __init__(self, upstream_port: int, dice: random.Random, *, drop: float, double: float) -> None:
        self.upstream_port = upstream_port
        self.drop, self.double = drop, double
        self.port = 0
        self.rung = self.dropped = self.doubled = 0
        self._dice = dice
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, name="doorbell-shim", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._listening.wait(10):
            raise RuntimeError("the doorbell shim cannot listen")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def copies(self) -> int:
        """Draw how often a doorbell is delivered: 0, 1 or 2 times."""
        self.rung += 1
        drawn = self._dice.random()
        if drawn < self.drop:
            self.dropped += 1
            return 0
        if drawn < self.drop + self.double:
            self.doubled += 1
            return 2
        return 1

    def _run(self) -> None:
        self._loop.run_until_complete(self._listen())
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._server.close()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self._listening.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, upstream = await asyncio.open_connection(HOST, self.upstream_port)
        except OSError:
            writer.transport.abort()
            return
        connection = _Connection(self, writer, upstream)
        pumps = [
            asyncio.ensure_future(connection.requests(reader)),
            asyncio.ensure_future(connection.answers(answers)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            upstream.close()
            writer.close()


class _Connection:
    def __init__(
        self, shim: DoorbellShim, client: asyncio.StreamWriter, upstream: asyncio.StreamWriter
    ) -> None:
        self._shim, self._client, self._upstream = shim, client, upstream
        self._swallow = 0  # answers to second copies, of which the client knows nothing
        self._in_transaction = False

    async def requests(self, reader: asyncio.StreamReader) -> None:
        """Forward what the client asks, message by message."""
        pending = b""
        while chunk := await reader.read(_CHUNK):
            pending += chunk
            while (length := _length(pending)) is not None:
                self._forward(pending[:length])
                pending = pending[length:]
            await self._upstream.drain()

    def _forward(self, message: bytes) -> None:
        words = message.split(b"\r\n", 5)
        command = words[2].upper() if len(words) > 2 else b""
        if command == b"MULTI":
            self._in_transaction = True
        elif command in (b"EXEC", b"DISCARD"):
            self._in_transaction = False
        rings = command == b"LPUSH" and len(words) > 4 and words[4] in _QUEUES
        copies = self._shim.copies() if rings and not self._in_transaction else 1
        if copies == 0:
            self._client.write(b":1\r\n")
        elif copies == 2:
            self._swallow += 1
        self._upstream.write(message * copies)

    async def answers(self, reader: asyncio.StreamReader) -> None:
        """Forward what Redis answers, but for the answers to second copies."""
        while chunk := await reader.read(_CHUNK):
            while self._swallow and chunk.startswith(b":") and b"\r\n" in chunk:
                chunk = chunk[chunk.index(b"\r\n") + 2 :]
                self._swallow -= 1
            self._client.write(chunk)
            await self._client.drain()


def _length(data: bytes) -> int | None:
    """Return the length of the first whole message in `data` (an array of strings), None while it is unfinished."""
    end = data.find(b"\r\n")
    if end < 0 or not data.startswith(b"*"):
        return None if end < 0 or not data else end + 2
    at = end + 2
    for _ in range(int(data[1:end])):
        end = data.find(b"\r\n", at)
        if end < 0:
            return None
        at = end + 2 + int(data[at + 1 : end]) + 2
        if at > len(data):
            return None
    return at
