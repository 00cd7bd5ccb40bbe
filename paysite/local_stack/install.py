"""Make `.venv` and install the pinned requirements into it, saying on the terminal how far it is.

Run by the Makefile with the machine's own Python, before anything is installed: only the standard library is
used, and the file is run as a script, not imported as part of the package.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

MINIMUM_PYTHON = (3, 11)

# A terminal gets a line that is rewritten; a log gets a new line each time this many packages have been found.
PACKAGES_PER_LOG_LINE = 15

TAIL_LINES = 15


class InstallError(Exception):
    """The environment cannot be made; the message says what is missing and what would put it right."""


class ToolError(InstallError):
    """A tool failed; its own words, at the end of the log, say why."""


def say(text: str) -> None:
    """Print one line at once, also when the output is a pipe."""
    print(text, flush=True)


def can_install_packages() -> bool:
    """Whether Debian packages can be installed without asking anyone for a password."""
    if shutil.which("apt-get") is None:
        return False
    return os.geteuid() == 0 or sudo_works()


def sudo_works() -> bool:
    """Whether sudo runs a command without asking for a password."""
    if shutil.which("sudo") is None:
        return False
    return subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0


def apt_install(packages: Sequence[str], log: TextIO) -> bool:
    """Install Debian packages as root or with sudo; True when apt said it worked. Its output goes to `log`."""
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    # A stale or half-reachable package list is not fatal: the install itself tells.
    commands = (
        [*prefix, *environment, "apt-get", "update"],
        [*prefix, *environment, "apt-get", "install", "-y", "--no-install-recommends", *packages],
    )
    results = [
        subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, check=False
        ).returncode
        for command in commands
    ]
    return results[-1] == 0


def check_python() -> None:
    """Raise InstallError when this Python is older than the product needs."""
    if sys.version_info < MINIMUM_PYTHON:
        needed = ".".join(map(str, MINIMUM_PYTHON))
        raise InstallError(
            f"Python {needed} or newer is needed, but {sys.executable} is {sys.version.split()[0]}. "
            f"Name another one: make PYTHON=python{needed} …"
        )


def ensure_venv_module(log: TextIO) -> None:
    """Install Debian's python3-venv when `ensurepip` is missing; raise InstallError when that is not allowed."""
    if importlib.util.find_spec("ensurepip") is not None:
        return
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    if can_install_packages():
        say(f"Installing {package} (Debian keeps pip for virtual environments in it) …")
        if apt_install([package], log):
            importlib.invalidate_caches()
            return
    raise InstallError(
        f"the package {package} is missing: without it Python cannot make .venv. "
        f"Install it, then run the same command again: sudo apt-get install {package}"
    )


def make_venv(venv: Path, log: TextIO) -> None:
    """Make the virtual environment unless it is there and works."""
    python = venv / "bin" / "python"
    if python.exists() and run_quietly([str(python), "-m", "pip", "--version"], log):
        return
    ensure_venv_module(log)
    say(f"Making {venv} with Python {sys.version.split()[0]} …")
    if not run_quietly([sys.executable, "-m", "venv", "--clear", str(venv)], log):
        raise ToolError(f"{sys.executable} could not make {venv}")


def run_quietly(command: Sequence[str], log: TextIO) -> bool:
    """Run a command with its output in the log; True when it succeeded."""
    log.flush()
    result = subprocess.run(
        list(command), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, check=False
    )
    return result.returncode == 0


def pinned_packages(requirements: Sequence[Path]) -> set[str]:
    """Names of the packages pinned in the requirements files, as they stand before `==`."""
    lines = (line for path in requirements for line in path.read_text().splitlines())
    return {match.group(1).lower() for line in lines if (match := re.match(r"([A-Za-z0-9._-]+)==", line))}


def pip_lines(venv: Path, requirements: Sequence[Path], log: TextIO) -> Iterator[str]:
    """Run pip over the requirements, yield its lines as they come; raise InstallError when it fails.

    Only wheels that match a recorded hash are taken: no compiler runs and nothing unexpected is installed.
    """
    command = [str(venv / "bin" / "python"), "-m", "pip", "install", "--no-input", "--progress-bar", "off"]
    command += ["--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:"]
    for path in requirements:
        command += ["--requirement", str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            log.write(line)
            yield line
    if pip.returncode != 0:
        raise ToolError("pip could not install the requirements")


def install(venv: Path, requirements: Sequence[Path], log: TextIO) -> None:
    """Install the requirements with progress on the terminal; raise InstallError when pip fails."""
    total = len(pinned_packages(requirements))
    started = time.monotonic()
    say(f"Installing {total} packages into {venv} …")
    found = 0
    for line in pip_lines(venv, requirements, log):
        if line.startswith(("Collecting ", "Requirement already satisfied: ")):
            found += 1
            show_progress(
                found, total, re.split(r"[=<>\s]", line.split(": ")[-1].removeprefix("Collecting "))[0]
            )
        elif line.startswith("Installing collected packages"):
            end_progress()
            say("  all downloaded, unpacking …")
    say(f"Installed {total} packages in {time.monotonic() - started:.0f} s.")


def show_progress(found: int, total: int, name: str) -> None:
    """Show how many packages pip has found so far."""
    if sys.stdout.isatty():
        print(f"\r\033[K  {min(found, total)}/{total} {name}", end="", flush=True)
    elif found % PACKAGES_PER_LOG_LINE == 0:
        say(f"  {min(found, total)}/{total} {name}")


def end_progress() -> None:
    """Clear the line that show_progress rewrites."""
    if sys.stdout.isatty():
        print("\r\033[K", end="", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the environment and install; 0 when done, 1 after saying what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("venv", type=Path, help="where the virtual environment is, or is to be made")
    parser.add_argument("requirements", type=Path, nargs="+", help="pinned requirements files with hashes")
    options = parser.parse_args(arguments)
    log_path = options.venv.parent / ".data" / "log" / "install.log"
    try:
        check_python()
        log_path.parent.mkdir(parents=True, exist_ok=True)
        with log_path.open("a+", buffering=1) as log:
            make_venv(options.venv, log)
            install(options.venv, options.requirements, log)
    except InstallError as error:
        end_progress()
        say(f"error: {error}")
        if isinstance(error, ToolError):
            lines = log_path.read_text(errors="replace").splitlines()[-TAIL_LINES:]
            say("\n".join([f"The end of {log_path}:", *(f"  {line}" for line in lines)]))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
