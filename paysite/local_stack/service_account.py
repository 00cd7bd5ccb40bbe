"""Who runs the servers, and from which directory.

PostgreSQL refuses to run as root. Started by root, both servers run as the machine's `nobody`; started by anyone
else, as that person. No permission of a directory that exists already is ever changed: where `nobody` cannot reach
the project, as in a clone below /root, the servers' home lies in /var/lib/paysite and `.data/servers` points to it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from paysite.local_stack.errors import LocalStackError
from paysite.local_stack.files import make_passable

UNPRIVILEGED_USER = "nobody"
FAR_HOMES = Path("/var/lib/paysite")
# In a far home: the link that points to it.
ORIGIN = "origin"

# The servers need nothing of the person's environment.
SERVER_ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "TZ": "UTC",
}


@dataclass(frozen=True)
class ServiceAccount:
    """The account that the servers run as; without ids it is the one we run as already."""

    uid: int | None = None
    gid: int | None = None

    @classmethod
    def current(cls) -> ServiceAccount:
        """The right account for this process; raise LocalStackError when root has none to step down to."""
        if os.geteuid() != 0:
            return cls()
        try:
            entry = pwd.getpwnam(UNPRIVILEGED_USER)
        except KeyError:
            raise LocalStackError(
                f"PostgreSQL does not run as root, and this machine has no user {UNPRIVILEGED_USER!r} to run it as; "
                "run as an ordinary user, or set DATABASE_URL and REDIS_URL"
            ) from None
        return cls(entry.pw_uid, entry.pw_gid)

    def spawn(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path,
        stdin: int = subprocess.DEVNULL,
        output: int = subprocess.DEVNULL,
        environment: Mapping[str, str] = SERVER_ENVIRONMENT,
    ) -> subprocess.Popen[bytes]:
        """Start a command as this account, leading a process group of its own, its files private to the account."""
        return subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=dict(environment),
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
        )

    def run(self, command: Sequence[str | Path], *, cwd: Path, text: str = "") -> tuple[int, str]:
        """Run a command to its end with `text` on its standard input; return its exit code and output."""
        process = self.spawn(command, cwd=cwd, stdin=subprocess.PIPE, output=subprocess.PIPE)
        output, _ = process.communicate(text.encode())
        return process.returncode, output.decode(errors="replace")

    def can_execute(self, *paths: Path) -> bool:
        """Whether the account can reach each path and run it, or enter it if it is a directory."""
        tests = [part for path in paths for part in ("-a", "-x", str(path))][1:]
        return self.run(["test", *tests], cwd=Path("/"))[0] == 0

    def make_directory(self, path: Path) -> None:
        """Make a directory that only the account can enter, unless it is there."""
        if not path.exists():
            path.mkdir(mode=0o700)
            if self.uid is not None and self.gid is not None:
                os.chown(path, self.uid, self.gid)


def servers_home(data_dir: Path, account: ServiceAccount) -> Path:
    """The real directory behind `<data_dir>/servers`, made if need be, which the account can enter.

    Raise LocalStackError when it cannot be made.
    """
    link = data_dir / "servers"
    make_passable(data_dir)
    if not link.exists():
        if account.uid is None or account.can_execute(data_dir):
            make_passable(link)
        else:
            _point_to_far_home(link)
    home = link.resolve()
    if not account.can_execute(home):
        raise LocalStackError(
            f"the user {UNPRIVILEGED_USER!r}, whom the servers run as, cannot enter {home}: "
            "a directory above it has become private; make it passable again, or start afresh with: make clean"
        )
    return home


def _point_to_far_home(link: Path) -> None:
    home = FAR_HOMES / hashlib.sha256(str(link.absolute()).encode()).hexdigest()[:16]
    make_passable(FAR_HOMES)
    _remove_forsaken_homes()
    make_passable(home)
    if link.is_symlink():
        link.unlink()
    link.symlink_to(home)
    (home / ORIGIN).write_text(str(link.absolute()))


def _remove_forsaken_homes() -> None:
    """Remove homes whose project was deleted without `make clean`; what points nowhere cannot be in use."""
    for origin in FAR_HOMES.glob(f"*/{ORIGIN}"):
        if not Path(origin.read_text()).is_symlink():
            shutil.rmtree(origin.parent, ignore_errors=True)


def program_directory(package: str, program: str, home: Path, account: ServiceAccount) -> Path:
    """Directory of an installed package whose `program` (a path inside it) the account can run.

    That is the installed package itself, or a copy of it in the servers' home when the account cannot reach it.
    Raise LocalStackError when the package is not installed.
    """
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise LocalStackError(f"the Python package {package} is not installed; run: make run")
    installed = Path(found.origin).parent
    if account.can_execute(installed / program):
        return installed
    copy = home / "programs" / f"{package}-{metadata.version(package)}"
    if not copy.exists():
        _copy_package(installed, copy)
    return copy / package


def _copy_package(installed: Path, copy: Path) -> None:
    unfinished = copy.with_name(copy.name + ".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    # Shared libraries of a wheel lie beside its package, and are found from there.
    for source in (installed, installed.with_name(installed.name + ".libs")):
        if source.exists():
            ignore = shutil.ignore_patterns("__pycache__", "include", "*.py", "*.a")
            shutil.copytree(source, unfinished / source.name, ignore=ignore, symlinks=True)
    for path in (copy.parent, unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            executable = path.is_dir() or bool(mode & stat.S_IXUSR)
            path.chmod(0o755 if executable else 0o644)
    unfinished.rename(copy)
