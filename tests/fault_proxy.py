"""A TCP proxy that breaks connections on command, between our processes and PostgreSQL, Redis or a carrier.

It runs in a thread of the test and is told what to do while connections are open:

    with FaultProxy(postgres_port) as proxy:
        ...                                          # processes use proxy.port
        proxy.fault = Fault(cut_after_request=b"COMMIT", times=1)
        await_condition(lambda: proxy.hits == 1)
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
_CHUNK = 65_536
_NO_LINGER = struct.pack("ii", 1, 0)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is done to the connections, those that are open too, from the moment it is set.

    `times`: how many connections it may cut; then it ends by itself (None: as many as come).
    """

    #: Each piece of an answer is held back this long.
    delay_s: float = 0.0
    #: Nothing is forwarded in either direction; connections stay open, and go on where they were afterwards.
    black_hole: bool = False
    #: Reset at once: those that are open when they next say something, and new ones.
    refuse: bool = False
    #: Reset when this many bytes of answers, counted from when the fault was set, have been passed on.
    cut_after_bytes: int | None = None
    #: What the client sends is forwarded; once it contains this (b"": anything), the answer to it is awaited, thrown
    #: away, and the connection reset: the other side has done it, and the client cannot know.
    cut_after_request: bytes | None = None
    #: The same, but reset as soon as the request is forwarded: the other side may or may not do it.
    wait_for_answer: bool = True
    #: Once the client sends this, nothing of it and of what follows is forwarded, until another fault is set.
    hold_request: bytes | None = None
    #: Bytes of the answers passed on per second (0: no limit).
    slow_read: int = 0
    times: int | None = None


class FaultProxy:
    """One proxy in front of one port of this machine, as a context manager. Its own port is `port`."""

    def __init__(self, upstream_port: int, port: int = 0) -> None:
        self.upstream_port = upstream_port
        self.port = port
        #: Connections cut by a fault so far, and connections ever made.
        self.hits = 0
        self.connections = 0
        self._fault = Fault()
        self._fault_number = 0
        self._fault_hits = 0
        self._open: set[_Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fault-proxy", daemon=True)

    @property
    def fault(self) -> Fault:
        """What is done to the connections now. Set another one at any time, from any thread."""
        return self._fault

    @fault.setter
    def fault(self, fault: Fault) -> None:
        self._fault_hits = 0
        self._fault_number += 1
        self._fault = fault

    def heal(self) -> None:
        """Forward everything again."""
        self.fault = Fault()

    def cut_all(self) -> int:
        """Reset every open connection now, and return how many."""
        return asyncio.run_coroutine_threadsafe(self._cut_all(), self._loop).result(10)

    async def _cut_all(self) -> int:
        living = list(self._open)
        for connection in living:
            connection.cut()
        self.hits += len(living)
        return len(living)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._listening.wait(10):
            raise RuntimeError(f"the fault proxy cannot listen on port {self.port}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        self._loop.run_until_complete(self._listen())
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(self._close())
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self._listening.set()

    async def _close(self) -> None:
        self._server.close()
        await self._cut_all()
        await asyncio.sleep(0)  # cancelled tasks and aborted transports end in the next turn

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = _Connection(self, writer)
        self._open.add(connection)
        try:
            if self._fault.refuse:
                self.strike(connection)
            else:
                await connection.run(reader)
        finally:
            connection.end()
            self._open.discard(connection)

    def strike(self, connection: _Connection) -> None:
        """Cut a connection because of the fault, which ends when it has cut as many as it may."""
        connection.cut()
        self.hits += 1
        self._fault_hits += 1
        if self._fault.times is not None and self._fault_hits >= self._fault.times:
            self.heal()

    @property
    def fault_number(self) -> int:
        """Grows with each fault that is set, so that a connection knows a new one."""
        return self._fault_number


class _Connection:
    """Two pumps between a client and the upstream."""

    def __init__(self, proxy: FaultProxy, client: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._client = client
        self._upstream: asyncio.StreamWriter | None = None
        self._armed_by = 0  # number of the fault whose request has been forwarded: its answer is the end
        self._counted_for = 0
        self._passed = 0

    def cut(self) -> None:
        """Reset both sides; what was not yet sent is lost."""
        for writer in (self._client, self._upstream):
            if writer is not None and not writer.transport.is_closing():
                # Without lingering a close is a reset, and not an orderly end that a client might take for an answer.
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                writer.transport.abort()

    def end(self) -> None:
        """Close both sides in good order."""
        for writer in (self._client, self._upstream):
            if writer is not None:
                writer.close()

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Forward until either side ends or a fault cuts."""
        try:
            answers, self._upstream = await asyncio.open_connection(HOST, self._proxy.upstream_port)
        except OSError:
            return  # there is nobody behind us; the client is reset
        pumps = [asyncio.ensure_future(self._requests(reader)), asyncio.ensure_future(self._answers(answers))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _requests(self, reader: asyncio.StreamReader) -> None:
        assert self._upstream is not None
        while chunk := await reader.read(_CHUNK):
            fault = await self._fault_in_force()
            if fault.refuse:
                return self._proxy.strike(self)
            if fault.hold_request is not None and fault.hold_request in chunk:
                self._proxy.hits += 1
                while self._proxy.fault is fault:
                    await asyncio.sleep(0.02)
            wanted = fault.cut_after_request
            matches = wanted is not None and wanted in chunk
            if matches and fault.wait_for_answer:
                self._armed_by = self._proxy.fault_number
            self._upstream.write(chunk)
            await self._upstream.drain()
            if matches and not fault.wait_for_answer:
                # Both sides are on this machine: what is drained has arrived, an abort no longer takes it back.
                return self._proxy.strike(self)

    async def _answers(self, reader: asyncio.StreamReader) -> None:
        while chunk := await reader.read(_CHUNK):
            fault = await self._fault_in_force()
            number = self._proxy.fault_number
            if fault.refuse or (self._armed_by and self._armed_by == number):
                return self._proxy.strike(self)
            if fault.delay_s:
                await asyncio.sleep(fault.delay_s)
            if fault.cut_after_bytes is not None:
                if self._counted_for != number:
                    self._counted_for, self._passed = number, 0
                left = fault.cut_after_bytes - self._passed
                if len(chunk) >= left:
                    await self._pass_on(chunk[:left], fault)
                    return self._proxy.strike(self)
                self._passed += len(chunk)
            await self._pass_on(chunk, fault)

    async def _pass_on(self, chunk: bytes, fault: Fault) -> None:
        # In twentieths of a second; a whole chunk at once where nothing slows it down.
        step = max(fault.slow_read // 20, 1) if fault.slow_read else len(chunk)
        for start in range(0, len(chunk), max(step, 1)):
            self._client.write(chunk[start : start + step])
            await self._client.drain()
            if fault.slow_read:
                await asyncio.sleep(step / fault.slow_read)

    async def _fault_in_force(self) -> Fault:
        while self._proxy.fault.black_hole:
            await asyncio.sleep(0.02)
        return self._proxy.fault
