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
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from aiohttp import web

from carriers.sandbox.clock import Clock
from carriers.sandbox.lifecycle import Lifecycle
from carriers.sandbox.notifications import Notifier
from carriers.sandbox.payments import Store
from carriers.sandbox.refunds import Refunds
from carriers.sandbox.scripts import Scripts
from carriers.sandbox.server import Service
from carriers.sandbox.settings import Settings
from carriers.sandbox.stories import Faults
from carriers.sandbox.tokens import Tokens
from carriers.sandbox.world import World, new_request

# Connections still held by a story when the sandbox stops are cut after this long.
SHUTDOWN_S = 0.5
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
    arguments = parser.parse_args(argv)
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
async def built(arguments: argparse.Namespace) -> AsyncIterator[World]:
    """All parts, with the payments of the last run and what was due then."""
    settings = Settings(seed=arguments.seed, time_divisor=arguments.time_divisor)
    clock = Clock()
    faults = Faults(settings)
    store = Store(arguments.data_dir, clock)
    notifier = Notifier(clock, settings, faults)
    lifecycle = Lifecycle(store, clock, notifier, settings)
    tokens = Tokens(arguments.client_id, arguments.client_secret, settings)
    lifecycle.resume()
    try:
        yield World(clock, settings, store, faults, Scripts(), notifier, lifecycle, tokens)
    finally:
        await notifier.close()
        store.close()


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT. Raises `OSError` when the port is taken."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with built(arguments) as world, contextlib.aclosing(Refunds(world, arguments.data_dir)) as refunds:
        server = web.Server(Service(world, refunds).handle, request_factory=new_request, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        try:
            await web.TCPSite(
                runner, arguments.host, arguments.port, reuse_address=True, backlog=1024
            ).start()
            sys.stdout.write(f"sandbox: http://{arguments.host}:{arguments.port}/sandbox/\n")
            sys.stdout.flush()
            gc.freeze()
            await stop.wait()
        finally:
            await runner.cleanup()


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
