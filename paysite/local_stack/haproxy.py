"""HAProxy before several instances: finding or installing it, its configuration for this machine, and what it sees."""

from __future__ import annotations

import csv
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from paysite.local_stack.errors import LocalStackError
from paysite.local_stack.install import apt_install, can_install_packages, say

DEBIAN_PACKAGE = "haproxy"
#: Debian keeps it where ordinary users do not look.
WHERE = "/usr/sbin"
CONFIGURATION = Path("deploy") / "haproxy" / "haproxy.cfg"
MESSAGES = Path("deploy") / "haproxy" / "errors.map"
PROBE_TIMEOUT_S = 2.0

#: Of `global`: what needs root, a system's log, or more open files than a person may have.
NEEDS_ROOT = ("user ", "group ", "chroot ", "stats socket ", "log /dev/log ", "maxconn ")


def find_haproxy() -> Path | None:
    """The program that HAPROXY names, or the one on the path or where Debian puts it; None when there is none."""
    named = os.environ.get("HAPROXY")
    found = shutil.which(named or "haproxy") or (None if named else shutil.which("haproxy", path=WHERE))
    return Path(found) if found else None


def require_haproxy(log_dir: Path) -> Path:
    """The program, installed from Debian where that is allowed; raise LocalStackError saying what is missing."""
    found = find_haproxy()
    if found is None and not os.environ.get("HAPROXY") and can_install_packages():
        say("Installing Debian's HAProxy, which stands before the instances …")
        log_dir.mkdir(parents=True, exist_ok=True)
        with (log_dir / "install.log").open("a") as log:
            apt_install([DEBIAN_PACKAGE], log)
        found = find_haproxy()
    if found is None:
        raise LocalStackError(
            "several instances need HAProxy before them, and it is not installed; install it (on Debian: sudo apt-get "
            f"install {DEBIAN_PACKAGE}), or name its program in HAPROXY, or run one instance: make run INSTANCES=1"
        )
    return found


def render(text: str, binds: Mapping[str, Sequence[str]], servers: Mapping[str, Sequence[str]]) -> str:
    """Return the configuration with the `bind` lines of frontends and the `server` lines of backends replaced.

    `binds` and `servers` are addresses by the section's name; servers are called <section>-1, <section>-2, … What
    needs root is left out.
    """
    ours = {("bind", name): [f"    bind {address}" for address in given] for name, given in binds.items()} | {
        ("server", name): [
            f"    server {name}-{number} {address}" for number, address in enumerate(given, start=1)
        ]
        for name, given in servers.items()
    }
    lines: list[str] = []
    section = ""
    for line in text.splitlines():
        keyword, *names = line.split() or [""]
        if line[:1].isalpha():
            section = names[0] if names else keyword
        if (keyword, section) in ours:
            # In the place of the first of theirs: defaults that stand above count for them.
            lines += ours[keyword, section]
            ours[keyword, section] = []
        elif not (section == "global" and line.strip().startswith(NEEDS_ROOT)):
            lines.append(line)
    return "\n".join(lines) + "\n"


def write_configuration(
    root: Path, directory: Path, binds: Mapping[str, Sequence[str]], servers: Mapping[str, Sequence[str]]
) -> Path:
    """Write deploy/haproxy's configuration for these addresses into `directory`, with all it names; return its path."""
    directory.mkdir(parents=True, exist_ok=True)
    text = render((root / CONFIGURATION).read_text(), binds, servers)
    # To our log file, with everything else of this process.
    text = text.replace("global\n", "global\n    log stdout format raw local0\n", 1)
    path = directory / CONFIGURATION.name
    path.write_text(text)
    shutil.copyfile(root / MESSAGES, directory / MESSAGES.name)
    return path


def servers_up(figures_url: str) -> set[str]:
    """Names of the servers that HAProxy would send a request to now; empty when it does not answer."""
    try:
        with urllib.request.urlopen(f"{figures_url}/stats;csv", timeout=PROBE_TIMEOUT_S) as answer:
            rows = list(csv.DictReader(answer.read().decode().removeprefix("# ").splitlines()))
    except (urllib.error.URLError, OSError):
        return set()
    return {row["svname"] for row in rows if row["status"].startswith("UP")} - {"BACKEND", "FRONTEND"}
