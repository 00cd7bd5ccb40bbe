"""The browser of the browser tests: an installed Chromium or Chrome, or Debian's Chromium if it may be installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from paysite.local_stack.errors import LocalStackError
from paysite.local_stack.install import apt_install, can_install_packages, say

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
DEBIAN_PACKAGES = ("chromium", "fonts-dejavu-core")
VERSION_TIMEOUT_S = 30.0

INSTALL_LOG = Path(".data/log/install.log")


def _works(path: str) -> bool:
    # Ubuntu has commands of these names that only say that a snap is missing.
    try:
        answer = subprocess.run(
            [path, "--version"],
            capture_output=True,
            timeout=VERSION_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and b"Chrom" in answer.stdout


def find_chromium() -> Path | None:
    """An installed browser that runs: the one that CHROMIUM names, or the first known command."""
    named = os.environ.get("CHROMIUM")
    candidates = [named] if named else [shutil.which(command) for command in COMMANDS]
    return next((Path(path) for path in candidates if path and _works(path)), None)


def require_chromium() -> Path:
    """The browser for a test; raise LocalStackError saying what is missing when there is none."""
    found = find_chromium()
    if found is None:
        raise LocalStackError(
            "browser tests need Chromium or Chrome, and none of "
            f"{', '.join(COMMANDS)} runs here; install one (on Debian: sudo apt-get install chromium), "
            "or name its program: make test CHROMIUM=/path/to/chrome"
        )
    return found


def launch_arguments() -> list[str]:
    """Arguments the browser needs here: as root its own sandbox cannot work, and /dev/shm may be small."""
    arguments = ["--disable-dev-shm-usage"]
    return ["--no-sandbox", *arguments] if os.geteuid() == 0 else arguments


def _is_debian() -> bool:
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except FileNotFoundError:
        return False
    # Ubuntu's package of the same name is a snap, which containers cannot install.
    return "ID=debian" in lines


def main() -> int:
    """Install the browser if it is missing and we may. Never fails: the browser tests say what they miss."""
    if find_chromium() is not None or os.environ.get("CHROMIUM"):
        return 0
    if not _is_debian() or not can_install_packages():
        say("No Chromium or Chrome here: the browser tests will fail, and say what to install.")
        return 0
    say("Installing Debian's Chromium for the browser tests …")
    INSTALL_LOG.parent.mkdir(parents=True, exist_ok=True)
    with INSTALL_LOG.open("a") as log:
        installed = apt_install(DEBIAN_PACKAGES, log)
    say("Installed Chromium." if installed else f"apt-get could not install Chromium; see {INSTALL_LOG}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
