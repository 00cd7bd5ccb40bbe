"""The database and the Redis-compatible server for `make run` and for tests: ours, or those that the URLs name."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from paysite.local_stack.errors import LocalStackError
from paysite.local_stack.files import DirectoryLock, write_private
from paysite.local_stack.guard import Guard
from paysite.local_stack.postgres import Postgres
from paysite.local_stack.server import Place, Server
from paysite.local_stack.service_account import ServiceAccount, servers_home
from paysite.local_stack.valkey import Valkey

PASSWORD_BYTES = 24


@dataclass(frozen=True)
class Passwords:
    """What the application shows the two servers; made once and kept beside the data."""

    database: str
    valkey: str

    @classmethod
    def new(cls) -> Passwords:
        """Fresh random passwords that need no quoting in SQL, in URLs and in Valkey's configuration."""
        return cls(secrets.token_hex(PASSWORD_BYTES), secrets.token_hex(PASSWORD_BYTES))

    @classmethod
    def load(cls, path: Path) -> Passwords | None:
        """The passwords kept in `path`, None when there are none."""
        try:
            return cls(**json.loads(path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None


class Servers:
    """PostgreSQL and Valkey with their data below `data_dir`, as a context manager.

    Data and passwords stay there between runs. A server that `environ` names by DATABASE_URL or REDIS_URL is used
    as it is: nothing is started in its place. `pause` is what every wait sleeps with, in seconds; it may raise.
    Without a `guard` the servers have their own, so that they end with this process however it ends.
    """

    def __init__(
        self,
        data_dir: Path,
        postgres_port: int,
        valkey_port: int,
        *,
        environ: Mapping[str, str] = os.environ,
        guard: Guard | None = None,
        log_dir: Path | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._data_dir = data_dir.absolute()
        self._ports = (postgres_port, valkey_port)
        self._named_database = environ.get("DATABASE_URL") or None
        self._named_redis = environ.get("REDIS_URL") or None
        self._shared_guard = guard
        self._own_guard: Guard | None = None
        self._log_dir = log_dir or self._data_dir / "log"
        self._pause = pause
        self._lock = DirectoryLock(self._data_dir / "servers.lock", "the servers")
        self._postgres: Postgres | None = None
        self._valkey: Valkey | None = None

    @property
    def database_url(self) -> str:
        """Address of the database, ours or the one that DATABASE_URL names."""
        return self._named_database or self._our_postgres().url

    @property
    def redis_url(self) -> str:
        """Address of the Redis-compatible server, ours or the one that REDIS_URL names."""
        return self._named_redis or self._our_valkey().url

    @property
    def postgres_pid(self) -> int | None:
        """Process id of our PostgreSQL; None when it is not running or not ours."""
        return self._postgres.pid if self._postgres else None

    @property
    def valkey_pid(self) -> int | None:
        """Process id of our Valkey; None when it is not running or not ours."""
        return self._valkey.pid if self._valkey else None

    def start(self) -> None:
        """Start both servers and wait until they answer; raise LocalStackError when one does not."""
        if self._named_database and self._named_redis:
            return
        self._lock.acquire()
        try:
            self._create()
            for server in self._ours():
                server.start()
            for server in self._ours():
                server.await_ready(self._pause)
        except BaseException:
            self.stop()
            raise

    def _create(self) -> None:
        guard = self._shared_guard
        if guard is None:
            guard = self._own_guard = Guard(self._data_dir / "servers.json")
        account = ServiceAccount.current()
        place = Place(servers_home(self._data_dir, account), account, self._log_dir, guard)
        kept_in = self._data_dir / "passwords.json"
        kept = Passwords.load(kept_in)
        passwords = kept or Passwords.new()
        postgres_port, valkey_port = self._ports
        if not self._named_redis:
            self._valkey = Valkey(place, valkey_port, passwords.valkey)
        if not self._named_database:
            self._postgres = Postgres(place, postgres_port, passwords.database)
            if not self._postgres.is_made:
                self._postgres.make()
            elif kept is None:
                self._postgres.set_password()
        # Last: if we die before this line, the next start makes new passwords and sets them.
        if kept is None:
            write_private(kept_in, json.dumps(asdict(passwords)))

    def stop(self) -> None:
        """Stop what was started here, in good order."""
        for server in self._ours():
            server.stop()
        if self._own_guard is not None:
            self._own_guard.close()
            self._own_guard = None
        self._lock.release()

    def revive(self) -> list[str]:
        """Start again what has ended by itself; return the names of those servers, ready again."""
        dead = [server for server in self._ours() if not server.is_running()]
        for server in dead:
            # Whatever its children still do, they do it without their parent.
            server.kill()
            server.start()
            server.await_ready(self._pause)
        return [server.name for server in dead]

    def kill_postgres(self) -> None:
        """Kill our PostgreSQL with all its processes at once, as a power cut would."""
        self._our_postgres().kill()

    def start_postgres(self) -> None:
        """Start our PostgreSQL again and wait until it answers."""
        self._start_one(self._our_postgres())

    def kill_valkey(self) -> None:
        """Kill our Valkey at once."""
        self._our_valkey().kill()

    def start_valkey(self, *, wipe: bool = True) -> None:
        """Start our Valkey again: empty, or with `wipe=False` with what it had stored."""
        server = self._our_valkey()
        if wipe:
            server.kill()
            server.wipe()
        self._start_one(server)

    def _start_one(self, server: Server) -> None:
        server.start()
        server.await_ready(self._pause)

    def _ours(self) -> list[Server]:
        return [server for server in (self._valkey, self._postgres) if server is not None]

    def _our_postgres(self) -> Postgres:
        if self._postgres is None:
            raise LocalStackError(
                "there is no PostgreSQL of ours: DATABASE_URL names one, or nothing was started"
            )
        return self._postgres

    def _our_valkey(self) -> Valkey:
        if self._valkey is None:
            raise LocalStackError("there is no Valkey of ours: REDIS_URL names one, or nothing was started")
        return self._valkey

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
