"""The product as the nemesis finds it: two of each process, and proxies of ours where connections are to break.

The second instance reaches PostgreSQL through a fault proxy. Both reach the carrier through another, and Redis through
the shim that loses and doubles doorbells.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from paysite.local_stack import programs
from paysite.local_stack.clean import remove
from paysite.local_stack.install import apt_install, can_install_packages
from paysite.local_stack.os_processes import kill_group
from paysite.local_stack.ports import HOST, Ports
from paysite.local_stack.processes import Program
from paysite.local_stack.servers import Servers
from tests.chaos.doorbell_shim import DoorbellShim
from tests.chaos.players import Players
from tests.fault_proxy import FaultProxy
from tests.local_servers import ROOT, other_ports
from tests.stack import Stack, http

INSTANCES = 2
#: Where Debian's package libfaketime puts it; without it no clock is moved, and the receipt says so.
_FAKETIME = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
)


@cache
def faketime() -> str:
    """Path of libfaketime, installed from Debian where that is allowed; "" where it cannot be had."""
    if not _installed_faketime() and can_install_packages():
        with (ROOT / ".data" / "libfaketime.log").open("w") as log:
            apt_install(["libfaketime"], log)
    return _installed_faketime()


def _installed_faketime() -> str:
    return next((path for path in _FAKETIME if Path(path).exists()), "")


def clock_moved(seconds: int) -> dict[str, str]:
    """Environment of a process whose clock is wrong by so many seconds; empty without libfaketime."""
    library = faketime()
    if not library:
        return {}
    return {
        "LD_PRELOAD": library,
        "FAKETIME": f"{seconds:+d}s",
        # Waiting goes by the monotonic clock, which no administrator moves.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": str(ROOT / "tests" / "chaos" / "moved_clock"),
    }


def through(url: str, port: int) -> str:
    """`url` with another port on the same host."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{port}"))


class ChaosStack(Stack):
    """The stack, started so that deaths are cheap and each program can have an environment of its own."""

    def __init__(self, data_dir: Path, database_url: str, redis_url: str, ports: Ports) -> None:
        super().__init__(data_dir, database_url, redis_url, instances=INSTANCES, ports=ports)
        #: Program → what differs in its environment.
        self.different: dict[str, Mapping[str, str]] = {}
        self.started: list[str] = []

    def _adapted(self, program: Program) -> Program:
        kind = program.name.partition("-")[0]
        loaded = (sys.executable, "-m", "tests.chaos.loaded")
        command = tuple(program.command)
        if kind in ("web", "live"):
            command = (*loaded, *command[3:])
        elif kind == "sweeper":
            command = (*loaded, kind)
        environment = {**program.environment, **self.different.get(program.name, {})}
        return replace(program, command=command, environment=environment)

    def start(self, sweepers: int = INSTANCES) -> None:
        """Seed the demo data and start every process; return when all are ready. More sweepers may be asked for."""
        wanted = []
        for number in range(self.site.instances):
            wanted += programs.instance(self.site, self.environment, number)
        for number in range(self.site.instances, sweepers):
            wanted.append(Program(f"sweeper-{number + 1}", ("sweep",), self.environment))
        self.started = [program.name for program in wanted]
        self._start([programs.sandbox(self.site, self.environment), *map(self._adapted, wanted)])
        self._supervisor.await_ready()
        self._start_reviving()

    def kill_child(self, name: str, dice: random.Random, among: set[int] | None = None) -> int | None:
        """Kill one of a program's children, one of `among` if any of them is; return its process id."""
        found = children(self.pid(name))
        wanted = [pid for pid in found if among and pid in among] or found
        if not wanted:
            return None
        pid = dice.choice(wanted)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return None
        return pid

    def kill_whole(self, name: str) -> None:
        """Kill a program with all its children; it is started again by itself, soon."""
        kill_group(self.pid(name))

    def _revive(self) -> None:
        while not self._stopping.wait(0.1):
            with self._lock:
                if self._stopping.is_set():
                    return
                for name in self.started:
                    # Deaths are what this is about: none is held against a program.
                    self._supervisor.forgive(name)
                self._supervisor.restart_dead()


def children(pid: int) -> list[int]:
    """Process ids of the children of a process; empty when it is gone."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def players(rig: Rig, deposits: int, load_s: float, seed: int, *, codes: bool = True) -> Players:
    """Return the players of this rig, who have not begun yet."""
    site = rig.stack.site
    return Players(
        webs=[f"http://{HOST}:{site.web_port(number)}" for number in range(INSTANCES)],
        lives=[f"http://{HOST}:{site.live_port(number)}" for number in range(INSTANCES)],
        api_key=rig.stack.api_key,
        deposits=deposits,
        load_s=load_s,
        seed=seed,
        codes=codes,
        banks=codes,
    )


class Rig:
    """Servers, proxies and processes of one run, in a world of its own, as a context manager."""

    def __init__(
        self,
        seed: int,
        *,
        dropped: float = 0.0,
        doubled: float = 0.0,
        clocks: Mapping[str, int] | None = None,
        sweepers: int = INSTANCES,
    ) -> None:
        """`dropped`, `doubled`: shares of the doorbells. `clocks`: worker → by how many seconds its clock is wrong."""
        self._seed = seed
        self._dropped, self._doubled = dropped, doubled
        self._sweepers = sweepers
        parent = ROOT / ".data"
        (parent / "static").mkdir(parents=True, exist_ok=True)
        self.data_dir = Path(tempfile.mkdtemp(prefix="chaos-", dir=parent))
        self.data_dir.chmod(0o755)
        self.points = self.data_dir / "crash-points"
        self.points.mkdir()
        self.clocks = dict(clocks or {}) if faketime() else {}
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._exit.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    def _start(self) -> None:
        self._exit.callback(self._forget)
        ports = other_ports()
        self.servers = Servers(self.data_dir, ports.postgres, ports.valkey, environ={})
        self.servers.start()
        self._exit.callback(self.servers.stop)
        self.database_url = self.servers.database_url
        shim_dice = random.Random(f"{self._seed} doorbells")
        enter = self._exit.enter_context
        self.doorbells = enter(
            DoorbellShim(ports.valkey, shim_dice, drop=self._dropped, double=self._doubled)
        )
        self.to_database = enter(FaultProxy(ports.postgres))
        self.to_carrier = enter(FaultProxy(ports.sandbox))
        self.to_bank = enter(FaultProxy(ports.bank))
        redis_url = through(self.servers.redis_url, self.doorbells.port)
        self.stack = ChaosStack(self.data_dir, self.database_url, redis_url, ports)
        self._set_up()
        self._migrate()
        self._exit.callback(self.stack.stop)
        self.stack.start(self._sweepers)
        http("PUT", f"{self.stack.sandbox_url}/sandbox/settings", {"time_divisor": 10, "seed": self._seed})

    def _set_up(self) -> None:
        stack = self.stack
        stack.environment |= {
            "CRASH_POINTS": str(self.points),
            "SANDBOX_URL": through(stack.sandbox_url, self.to_carrier.port),
            "SANDBOX_BANK_URL": through(stack.bank_url, self.to_bank.port),
        }
        second = {"DATABASE_URL": through(self.database_url, self.to_database.port)}
        for kind in ("web", "live", "worker", "sweeper"):
            stack.different[f"{kind}-2"] = second
        for worker, seconds in self.clocks.items():
            stack.different[worker] = {**stack.different.get(worker, {}), **clock_moved(seconds)}

    def _migrate(self) -> None:
        # The processes' own environment: crash points are for them and not for this.
        environment = {**self.stack.environment, "CRASH_POINTS": ""}
        command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)

    def _forget(self) -> None:
        if os.environ.get("CHAOS_KEEP"):
            sys.stderr.write(f"kept: {self.data_dir}\n")
        else:
            remove(self.data_dir)
