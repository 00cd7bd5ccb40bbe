"""HTTP to carriers: one libcurl multi handle for each thread and process, with its kept-alive connections.

libcurl repeats a request by itself when a *reused* connection dies before the first byte of an answer, and
does so for a POST too (measured with libcurl 8.23: the server got the same POST twice). Here every body is
given through a read callback that cannot be rewound, so libcurl must give up instead. The same callback is
our proof: as long as libcurl has not asked for a body, no byte of it has left. A connection that died while
idle is noticed just before the request goes out (libcurl itself looks only once a second), and the request
then goes over a new one.
"""

from __future__ import annotations

import math
import os
import select
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Any

import pycurl

from carriers.interface import HttpAnswer, HttpRequest

# Design §8: nobody has more than this to tell us about one deposit, and memory is finite.
ANSWER_MAX_BYTES = 65_536
ANSWER_HEAD_MAX_BYTES = 16_384
# Idle connections kept by one thread: a batch of 20 to each of three carriers.
IDLE_CONNECTIONS = 64
# Below the usual idle limits of servers and address translators, so that we are the side which closes.
IDLE_CONNECTION_S = 50
DNS_CACHE_S = 60
KEEPALIVE_IDLE_S = 20
KEEPALIVE_INTERVAL_S = 5
# Past this many remembered connections the oldest knowledge is worthless; forgetting only costs the idle
# check.
CONNECTIONS_REMEMBERED = 512
# libcurl tells when to look again; this bounds a wait in which it has nothing to say.
WAIT_MAX_S = 0.5

_GO_ON: int = pycurl.PREREQFUNC_OK
_ABORT: int = pycurl.PREREQFUNC_ABORT
_HUNG_UP = select.POLLIN | select.POLLRDHUP


@dataclass(slots=True)
class Finished:
    """How one request ended. `answer` is None when the network failed, and `error` then says how.

    `body_left`: a byte of the request's body may be on the wire. `elapsed_ms` counts from its start.
    """

    owner: Any
    answer: HttpAnswer | None
    error: str
    body_left: bool
    elapsed_ms: float


class _Transfer:
    """One easy handle, used for one request after another; the callbacks libcurl calls are its methods."""

    def __init__(self, pool: HttpPool) -> None:
        self.pool = pool
        self.curl = _new_curl()
        self.curl.setopt(pycurl.READFUNCTION, self._read)
        self.curl.setopt(pycurl.WRITEFUNCTION, self._write)
        self.curl.setopt(pycurl.HEADERFUNCTION, self._head)
        self.curl.setopt(pycurl.PREREQFUNCTION, self._before_request)
        self.owner: Any = None
        self.started = 0.0
        self.deadline = 0.0
        self._clear(b"")

    def _clear(self, body: bytes) -> None:
        self.body = body
        self.given = 0
        self.lines: list[bytes] = []
        self.chunks: list[bytes] = []
        self.head_bytes = 0
        self.answer_bytes = 0
        self.refusal = ""
        self.found_dead = False

    def prepare(self, request: HttpRequest, owner: Any, timeout_s: float, connect_timeout_s: float) -> None:
        """Set the handle up for `request`. Raises ValueError for one that must not be sent."""
        _check(request)
        self._clear(request.body)
        self.owner = owner
        self.started = time.monotonic()
        self.deadline = self.started + timeout_s
        set_option = self.curl.setopt
        set_option(pycurl.URL, request.url)
        set_option(
            pycurl.HTTPHEADER,
            [*_FIXED_HEADERS, *(f"{name}: {text}" for name, text in request.headers.items())],
        )
        set_option(pycurl.TIMEOUT_MS, max(1, int(timeout_s * 1000)))
        set_option(pycurl.CONNECTTIMEOUT_MS, max(1, int(min(connect_timeout_s, timeout_s) * 1000)))
        set_option(pycurl.FRESH_CONNECT, 0)
        if request.body or request.method not in ("GET", "HEAD"):
            set_option(pycurl.POST, 1)
            set_option(pycurl.POSTFIELDSIZE, len(request.body))
        else:
            set_option(pycurl.HTTPGET, 1)
        set_option(pycurl.CUSTOMREQUEST, request.method)
        # libcurl never uses a connection for a request with another certificate.
        certificate, key = request.certificate, request.certificate_key
        for option, pem in ((pycurl.SSLCERT_BLOB, certificate), (pycurl.SSLKEY_BLOB, key)):
            if pem:
                set_option(option, pem.encode())
            else:
                self.curl.unsetopt(option)

    def once_more_on_a_new_connection(self) -> bool:
        """After `_before_request` found the connection dead: True when set up to go over a fresh one."""
        remaining_s = self.deadline - time.monotonic()
        if not self.found_dead or remaining_s <= 0:
            return False
        self._clear(self.body)
        self.curl.setopt(pycurl.FRESH_CONNECT, 1)
        self.curl.setopt(pycurl.TIMEOUT_MS, max(1, int(remaining_s * 1000)))
        return True

    def finished(self, error: str) -> Finished:
        """Read the result off the handle."""
        answer = None
        if not error:
            headers = _headers(self.lines)
            if headers.get("content-encoding", "identity").lower() not in ("", "identity"):
                error = "the answer is compressed, which we did not ask for"
            else:
                answer = HttpAnswer(self.curl.getinfo(pycurl.RESPONSE_CODE), headers, b"".join(self.chunks))
        elapsed_ms = (time.monotonic() - self.started) * 1000
        return Finished(self.owner, answer, self.refusal or error, self.given > 0, elapsed_ms)

    # Callbacks. An answer other than the length handed over makes libcurl drop the connection.

    def _read(self, size: int) -> bytes:
        chunk = self.body[self.given : self.given + size]
        self.given += len(chunk)
        return chunk

    def _write(self, chunk: bytes) -> int:
        self.answer_bytes += len(chunk)
        if self.answer_bytes > ANSWER_MAX_BYTES:
            self.refusal = f"the answer is larger than {ANSWER_MAX_BYTES} bytes"
            return 0
        self.chunks.append(chunk)
        return len(chunk)

    def _head(self, line: bytes) -> int:
        self.head_bytes += len(line)
        if self.head_bytes > ANSWER_HEAD_MAX_BYTES:
            self.refusal = f"the head of the answer is larger than {ANSWER_HEAD_MAX_BYTES} bytes"
            return 0
        if line.startswith(b"HTTP/"):
            self.lines = []
        else:
            self.lines.append(line)
        return len(line)

    def _before_request(self, *connection: str | int) -> int:
        """Connected, nothing sent yet: refuse a kept connection that the other side has closed meanwhile."""
        descriptor = self.pool.connections.get(connection)
        if descriptor is None:
            return _GO_ON
        poll = select.poll()
        poll.register(descriptor, _HUNG_UP)
        # Between two requests the other side has nothing to say: whatever is there to read is an end or a
        # late answer.
        if poll.poll(0):
            del self.pool.connections[connection]
            self.found_dead = True
            return _ABORT
        return _GO_ON


class HttpPool:
    """Runs requests concurrently over kept-alive connections. For one thread of one process only."""

    def __init__(self) -> None:
        self.multi = pycurl.CurlMulti()
        self.multi.setopt(pycurl.M_MAXCONNECTS, IDLE_CONNECTIONS)
        self.connections: dict[tuple[str | int, ...], int] = {}
        self._idle: list[_Transfer] = []
        self._busy: dict[pycurl.Curl, _Transfer] = {}

    def start(self, request: HttpRequest, *, owner: Any, timeout_s: float, connect_timeout_s: float) -> None:
        """Begin `request`; `wait` hands `owner` back with the result. ValueError: it must not be sent."""
        transfer = self._idle.pop() if self._idle else _Transfer(self)
        try:
            transfer.prepare(request, owner, timeout_s, connect_timeout_s)
            self.multi.add_handle(transfer.curl)
        except BaseException:
            transfer.curl.close()
            raise
        self._busy[transfer.curl] = transfer

    def wait(self, until: float = math.inf) -> list[Finished]:
        """Block until at least one request has ended, or `until` on the monotonic clock; return those that ended."""
        finished: list[Finished] = []
        while self._busy and not finished:
            self.multi.perform()
            self._collect(finished)
            remaining_s = until - time.monotonic()
            if finished or remaining_s <= 0:
                break
            timeout_ms = self.multi.timeout()
            wait_s = WAIT_MAX_S if timeout_ms < 0 else min(timeout_ms / 1000, WAIT_MAX_S)
            wait_s = min(wait_s, remaining_s)
            if wait_s > 0 and self.multi.select(wait_s) < 0:
                time.sleep(0.001)  # no descriptor to wait for yet: a name is being resolved
        return finished

    def _collect(self, finished: list[Finished]) -> None:
        queued = 1
        while queued:
            queued, succeeded, failed = self.multi.info_read()
            for curl in succeeded:
                self._remember(curl)  # before the handle lets go of its connection
                finished.append(self._end(curl).finished(""))
            for curl, number, text in failed:
                transfer = self._end(curl)
                if number == pycurl.E_ABORTED_BY_CALLBACK and transfer.once_more_on_a_new_connection():
                    self._idle.remove(transfer)
                    self.multi.add_handle(curl)
                    self._busy[curl] = transfer
                else:
                    finished.append(transfer.finished(f"curl {number}: {text}"))

    def _end(self, curl: pycurl.Curl) -> _Transfer:
        transfer = self._busy.pop(curl)
        self.multi.remove_handle(curl)
        self._idle.append(transfer)
        return transfer

    def _remember(self, curl: pycurl.Curl) -> None:
        """Keep the descriptor of a connection that stays open, to look at it before it is used again."""
        if not curl.getinfo(pycurl.NUM_CONNECTS):
            return
        if len(self.connections) >= CONNECTIONS_REMEMBERED:
            self.connections.clear()
        descriptor = curl.getinfo(pycurl.ACTIVESOCKET)
        if descriptor >= 0:  # -1: it was closed with the answer
            self.connections[tuple(curl.getinfo(option) for option in _CONNECTION_KEY)] = descriptor

    def abandon(self) -> None:
        """Cut every running request off, for a caller that is being interrupted."""
        for curl in list(self._busy):
            del self._busy[curl]
            self.multi.remove_handle(curl)
            curl.close()


_CONNECTION_KEY = (pycurl.PRIMARY_IP, pycurl.LOCAL_IP, pycurl.PRIMARY_PORT, pycurl.LOCAL_PORT)
# "Expect" would cost a round trip; any encoding but identity could unpack to more than we agreed to read.
_FIXED_HEADERS = ("Expect:", "Accept-Encoding: identity")
_local = threading.local()
# Handles made before a fork. Closing them here would say goodbye on connections that the parent still uses.
_left_to_the_parent: list[HttpPool] = []


def pool_of_this_thread() -> HttpPool:
    """The calling thread's own pool, made anew after a fork."""
    pool: HttpPool | None = getattr(_local, "pool", None)
    if pool is not None and _local.pid != os.getpid():
        _left_to_the_parent.append(pool)
        pool = None
    if pool is None:
        pool = _local.pool = HttpPool()
        _local.pid = os.getpid()
    return pool


def _new_curl() -> pycurl.Curl:
    curl = pycurl.Curl()
    for option, setting in (
        (pycurl.NOSIGNAL, 1),
        (pycurl.PROXY, ""),
        (pycurl.NOPROXY, "*"),
        (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
        (pycurl.FOLLOWLOCATION, 0),
        (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
        (pycurl.SSL_VERIFYPEER, 1),
        (pycurl.SSL_VERIFYHOST, 2),
        (pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2),
        (pycurl.TCP_NODELAY, 1),
        (pycurl.TCP_KEEPALIVE, 1),
        (pycurl.TCP_KEEPIDLE, KEEPALIVE_IDLE_S),
        (pycurl.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S),
        (pycurl.MAXAGE_CONN, IDLE_CONNECTION_S),
        (pycurl.DNS_CACHE_TIMEOUT, DNS_CACHE_S),
        (pycurl.PATH_AS_IS, 1),
        (pycurl.USERAGENT, "Paysite"),
    ):
        curl.setopt(option, setting)
    # The library is built elsewhere and does not know where this system keeps its authorities.
    authorities = ssl.get_default_verify_paths()
    if authorities.cafile:
        curl.setopt(pycurl.CAINFO, authorities.cafile)
    elif authorities.capath:
        curl.setopt(pycurl.CAPATH, authorities.capath)
    return curl


def _check(request: HttpRequest) -> None:
    if not request.url.startswith(("http://", "https://")):
        raise ValueError("url: must begin with http:// or https://")
    if request.moves_money and not request.body:
        # Without a body there is nothing whose reading proves what has left, and libcurl could repeat the
        # request.
        raise ValueError("body: a request that moves money must have one")
    for text in (request.method, request.url, *request.headers.keys(), *request.headers.values()):
        if not text.isascii() or not text.isprintable():
            raise ValueError("method, url and headers: only printable ASCII, no line breaks")


def _headers(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, text = line.decode("latin-1").partition(":")
        if colon:
            name = name.strip().lower()
            text = text.strip()
            headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return headers
