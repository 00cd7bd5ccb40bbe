"""`make run`: the whole of Paysite on this machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import environ

from paysite.catalogues import compile_stale
from paysite.local_stack import programs
from paysite.local_stack.announcement import RunFacts, announcement
from paysite.local_stack.errors import LocalStackError, StopRequested
from paysite.local_stack.files import DirectoryLock, make_passable, write_private
from paysite.local_stack.fingerprint import static_fingerprint
from paysite.local_stack.guard import Guard
from paysite.local_stack.keys import Keys
from paysite.local_stack.ports import DEFAULT_PORT, Ports, check_free
from paysite.local_stack.processes import Supervisor
from paysite.local_stack.programs import Site
from paysite.local_stack.servers import Servers
from paysite.local_stack.terminal import StopSignal, say, step, terminal_of_our_own

ROOT = Path(__file__).resolve().parent.parent.parent
WATCH_EVERY_S = 0.2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stack until somebody stops it; 0 after a stop, 1 after saying why it could not run."""
    options = _parse(arguments)
    stop = StopSignal()
    # What .env says counts here as it does for the site; what is set already counts more.
    environ.Env.read_env(ROOT / ".env")
    try:
        with terminal_of_our_own():
            _run(options, stop)
    except StopRequested:
        say("Paysite has stopped. Everything is kept in .data; `make run` goes on from there.")
        return 0
    except LocalStackError as error:
        say(f"error: {error}")
        return 1
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="first port; the others follow it")
    parser.add_argument(
        "--instances", type=int, default=1, help="how many web, live, worker and sweeper processes"
    )
    parser.add_argument("--data-dir", type=Path, default=ROOT / ".data", help="where everything is kept")
    options = parser.parse_args(arguments)
    if options.instances < 1:
        parser.error(f"--instances is {options.instances}, and must be 1 or more")
    return options


def _run(options: argparse.Namespace, stop: StopSignal) -> None:
    data_dir: Path = options.data_dir.absolute()
    make_passable(data_dir)
    facts_path = data_dir / "run.json"
    with DirectoryLock(data_dir / "supervisor.lock", "Paysite's processes"):
        facts_path.unlink(missing_ok=True)
        with Guard(data_dir / "processes.json") as guard:
            ports = Ports(options.port)
            keys = Keys.load_or_make(data_dir / "secrets.json")
            several = options.instances > 1
            site = Site(ROOT, data_dir, ports, keys, options.instances, balanced=several)
            check_free([*site.all_ports(), *_server_ports(ports)])
            servers = Servers(
                data_dir,
                ports.postgres,
                ports.valkey,
                guard=guard,
                log_dir=data_dir / "log",
                pause=stop.pause,
            )
            supervisor = Supervisor(ROOT, data_dir / "log", guard, say=say, pause=stop.pause)
            with _stopped_at_the_end(servers, supervisor, facts_path):
                facts = _bring_up(site, servers, supervisor)
                write_private(facts_path, facts.to_json())
                say(announcement(facts, secrets.token_hex(4)))
                _watch(servers, supervisor, stop)


def _server_ports(ports: Ports) -> list[int]:
    ours = {"DATABASE_URL": ports.postgres, "REDIS_URL": ports.valkey}
    return [port for name, port in ours.items() if not os.environ.get(name)]


@contextlib.contextmanager
def _stopped_at_the_end(servers: Servers, supervisor: Supervisor, facts_path: Path) -> Iterator[None]:
    try:
        yield
    finally:
        facts_path.unlink(missing_ok=True)
        say("Stopping …")
        supervisor.stop()
        servers.stop()


def _bring_up(site: Site, servers: Servers, supervisor: Supervisor) -> RunFacts:
    started = time.monotonic()
    say("Starting Paysite")
    # First, because it may be missing.
    balancers = [programs.balancer(site)] if site.balanced else []
    with step("PostgreSQL and Valkey"):
        servers.start()
    environment = site.environment(servers.database_url, servers.redis_url)
    # It needs no tables, so it starts while they are made.
    supervisor.start(programs.sandbox(site, environment))
    with step("Tables"):
        supervisor.run(programs.manage("migrate", environment, "migrate", "--noinput"))
    _collect_static(site, environment, supervisor)
    compile_stale(site.root / "locale")
    for number in range(site.instances):
        for program in programs.instance(site, environment, number):
            supervisor.start(program)
    for program in balancers:
        supervisor.start(program)
    # While the processes come up: they need the tables, not what is in them.
    with step("Demo partner, player and staff"):
        site, username = _seed(site, environment, supervisor)
    with step(
        f"{site.instances} each of web, live, worker and sweeper, HAProxy and sandbox"
        if site.balanced
        else "Web, live, worker, sweeper and sandbox"
    ):
        supervisor.await_ready()
    say(f"Ready after {time.monotonic() - started:.1f} s")
    return RunFacts.of(site, username)


def _seed(site: Site, environment: dict[str, str], supervisor: Supervisor) -> tuple[Site, str]:
    """Make the demo data; return the site with the API key that works now, and the name staff sign in with."""
    given = {"STAFF_PASSWORD": site.keys.staff_password, "WEBHOOK_SECRET": site.keys.webhook_secret}
    if site.keys.api_key is not None:
        given["DEMO_API_KEY"] = site.keys.api_key
    output = supervisor.run(programs.manage("seed_demo", {**environment, **given}, "seed_demo", "--json"))
    # It shows the API key and the password. After a failure it stays, to be read.
    (site.data_dir / "log" / "seed_demo.log").unlink(missing_ok=True)
    try:
        answer = json.loads(next(line for line in reversed(output.splitlines()) if line.startswith("{")))
        api_key: str = answer.get("api_key") or site.keys.api_key or ""
        username: str = answer["staff"]["username"]
    except (StopIteration, ValueError, KeyError) as error:
        raise LocalStackError(f"seed_demo did not say what it made: {output!r}") from error
    if not api_key:
        raise LocalStackError("seed_demo made no API key, and none is kept; start afresh with: make clean")
    keys = site.keys.with_api_key(api_key)
    keys.save(site.data_dir / "secrets.json")
    return replace(site, keys=keys), username


def _collect_static(site: Site, environment: dict[str, str], supervisor: Supervisor) -> None:
    stamp = site.data_dir / "static.stamp"
    now = static_fingerprint(site.root)
    if stamp.exists() and stamp.read_text() == now:
        return
    with step("Static files"):
        supervisor.run(programs.manage("collectstatic", environment, "collectstatic", "--noinput"))
    write_private(stamp, now)


def _watch(servers: Servers, supervisor: Supervisor, stop: StopSignal) -> None:
    while True:
        stop.pause(WATCH_EVERY_S)
        for name in servers.revive():
            say(f"{name} had ended and was started again (see .data/log/{name}.log)")
        supervisor.restart_dead()


if __name__ == "__main__":
    sys.exit(main())
