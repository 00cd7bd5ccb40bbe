"""Run the sandbox carrier: `python -m carriers.sandbox --port 8002 --client-id X --client-secret Y`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import gc
import logging
import os
import signal
import socket
import ssl
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import count
from pathlib import Path

from aiohttp import web

from carriers.sandbox.bank.clients import Client, Registration
from carriers.sandbox.bank.lifecycle import BankLifecycle
from carriers.sandbox.bank.records import BankStore
from carriers.sandbox.bank.server import BankService
from carriers.sandbox.bank.signatures import BankKey
from carriers.sandbox.bank.stories import BankFaults
from carriers.sandbox.bank.tokens import BankTokens
from carriers.sandbox.bank.world import BankWorld
from carriers.sandbox.clock import Clock
from carriers.sandbox.lifecycle import Lifecycle
from carriers.sandbox.notifications import Notifier
from carriers.sandbox.payments import Store
from carriers.sandbox.refunds import Refunds
from carriers.sandbox.scripts import Scripts
from carriers.sandbox.seen import SEEN_LIMIT, Seen
from carriers.sandbox.server import Service
from carriers.sandbox.settings import Settings
from carriers.sandbox.stories import Faults
from carriers.sandbox.tokens import Tokens
from carriers.sandbox.world import World, new_request

# Connections still held by a story when the sandbox stops are cut after this long.
SHUTDOWN_S = 0.5
BACKLOG = 1024
# Payments and charges live as long as the process; looking through them for garbage often is wasted time.
GC_THRESHOLD = 50_000


def read_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; the credentials default to SANDBOX_CLIENT_ID and SANDBOX_CLIENT_SECRET."""
    parser = argparse.ArgumentParser(prog="python -m carriers.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8002)
    parser.add_argument("--data-dir", type=Path, default=Path(".data/sandbox"))
    parser.add_argument("--client-id", default=os.environ.get("SANDBOX_CLIENT_ID", ""))
    parser.add_argument("--client-secret", default=os.environ.get("SANDBOX_CLIENT_SECRET", ""))
    parser.add_argument("--seed", default="1", help="decides the faults drawn and the ids minted")
    parser.add_argument("--bank-port", type=int, default=0, help="of the bank's origin; 0: any that is free")
    parser.add_argument("--client-jwks-url", default=os.environ.get("SANDBOX_CLIENT_JWKS_URL", ""))
    parser.add_argument(
        "--client-redirect-uri",
        action="append",
        help="where customers may be sent back to, {bank_id} filled in; repeat for more; none: https or loopback",
    )
    parser.add_argument("--bank-certificate", type=Path, help="PEM file, with its key: the bank speaks https")
    parser.add_argument(
        "--client-ca", type=Path, help="PEM file: who calls the bank's API must be certified by it"
    )
    arguments = parser.parse_args(argv)
    if arguments.client_ca and not arguments.bank_certificate:
        parser.error("--client-ca needs --bank-certificate: without https nobody shows a certificate")
    if not arguments.client_id or not arguments.client_secret:
        parser.error(
            "--client-id and --client-secret are needed (or SANDBOX_CLIENT_ID and SANDBOX_CLIENT_SECRET)"
        )
    try:
        arguments.time_divisor = float(os.environ.get("TIME_DIVISOR", "1"))
    except ValueError:
        parser.error("TIME_DIVISOR must be a number above 0")
    if not 0 < arguments.time_divisor <= 10_000:
        parser.error("TIME_DIVISOR must be a number above 0, at most 10000")
    return arguments


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a second sandbox off this data directory. Raises `BlockingIOError` when one is there."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


@contextlib.asynccontextmanager
async def built(arguments: argparse.Namespace, bank_origin: str) -> AsyncIterator[World]:
    """All parts, with the payments of the last run and what was due then."""
    settings = Settings(seed=arguments.seed, time_divisor=arguments.time_divisor)
    clock = Clock()
    faults = Faults(settings)
    store = Store(arguments.data_dir, clock)
    notifier = Notifier(clock, settings, faults)
    lifecycle = Lifecycle(store, clock, notifier, settings)
    tokens = Tokens(arguments.client_id, arguments.client_secret, settings)
    bank = bank_of(arguments, bank_origin, clock, settings)
    lifecycle.resume()
    bank.lifecycle.resume()
    try:
        yield World(
            clock,
            settings,
            store,
            faults,
            Scripts(),
            notifier,
            lifecycle,
            tokens,
            bank,
            bank.seen,
            bank.seen_count,
        )
    finally:
        await notifier.close()
        store.close()
        bank.store.close()


def bank_of(arguments: argparse.Namespace, origin: str, clock: Clock, settings: Settings) -> BankWorld:
    """The bank, with the consents and payments of the last run. The clock and the settings are the carrier's."""
    registration = Registration(
        jwks_url=arguments.client_jwks_url, redirect_uris=arguments.client_redirect_uri or []
    )
    store = BankStore(arguments.data_dir)
    return BankWorld(
        origin if arguments.bank_certificate is None else origin.replace("http:", "https:", 1),
        clock,
        settings,
        deque[Seen](maxlen=SEEN_LIMIT),
        count(1),
        store,
        Client(arguments.client_id, arguments.client_secret, registration),
        BankKey(arguments.data_dir),
        BankTokens(arguments.client_secret),
        BankFaults(settings),
        BankLifecycle(store, clock, settings),
        mutual_tls=arguments.client_ca is not None,
    )


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT. Raises `OSError` when the port is taken."""
    bank_tls = tls_of(arguments.bank_certificate, arguments.client_ca)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # Taken before anything is built: the bank has to know its own address.
    bank_socket = socket.create_server(
        (arguments.host, arguments.bank_port), reuse_port=False, backlog=BACKLOG
    )
    bank_tls = tls_of(arguments.bank_certificate, arguments.client_ca)
    scheme = "http" if bank_tls is None else "https"
    bank_origin = f"{scheme}://{arguments.host}:{bank_socket.getsockname()[1]}"
    async with (
        built(arguments, bank_origin) as world,
        contextlib.aclosing(Refunds(world, arguments.data_dir)) as refunds,
    ):
        carrier, bank = runner_of(Service(world, refunds).handle), runner_of(BankService(world.bank).handle)
        await carrier.setup()
        await bank.setup()
        try:
            await web.TCPSite(
                carrier, arguments.host, arguments.port, reuse_address=True, backlog=BACKLOG
            ).start()
            await web.SockSite(bank, bank_socket, ssl_context=bank_tls, backlog=BACKLOG).start()
            sys.stdout.write(f"sandbox: http://{arguments.host}:{arguments.port}/sandbox/\n")
            sys.stdout.write(f"bank: {world.bank.origin}/\n")
            sys.stdout.flush()
            gc.freeze()
            await stop.wait()
        finally:
            await carrier.cleanup()
            await bank.cleanup()


def tls_of(certificate: Path | None, client_ca: Path | None) -> ssl.SSLContext | None:
    """The bank's TLS, None for none. Browsers of customers come without a certificate, so none is insisted on here."""
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def runner_of(handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> web.ServerRunner:
    """A server for one origin."""
    server = web.Server(handler, request_factory=new_request, access_log=None)
    return web.ServerRunner(server, shutdown_timeout=SHUTDOWN_S)


def main() -> int:
    """Run; the exit status is 0 after a signal, 1 when the port or the data directory is taken."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    arguments = read_arguments()
    gc.set_threshold(GC_THRESHOLD, 20, 100)
    try:
        with locked(arguments.data_dir):
            asyncio.run(serve(arguments))
    except BlockingIOError:
        sys.stderr.write(
            f"sandbox: another sandbox uses {arguments.data_dir}; stop it or give another --data-dir\n"
        )
        return 1
    except OSError as problem:
        sys.stderr.write(f"sandbox: cannot serve on {arguments.host}:{arguments.port}: {problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
