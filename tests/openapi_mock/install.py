"""Install the mock server that serves OpenAPI files and validates requests: from the npm registry, as the lock says.

`make test` runs this; without node it says so, and the tests that need the server fail and say what to install.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from paysite.local_stack.install import apt_install, can_install_packages, say
from tests.local_servers import ROOT

HERE = Path(__file__).parent
#: The descriptions of the protocols, which are not ours to ship: they lie beside the project, or nowhere.
SPECS = ROOT.parent / "shared" / "specs"
FOLDER = ROOT / ".data" / "openapi_mock"
LOG = ROOT / ".data" / "log" / "install.log"
SERVER = FOLDER / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
_STAMP = FOLDER / ".installed"
_NPM = ("ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--prefer-offline")


def is_installed() -> bool:
    """Whether the server is there, in the version that is asked for."""
    return SERVER.exists() and _STAMP.exists() and _STAMP.read_text() == _wanted()


def _wanted() -> str:
    return hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()


def main() -> int:
    """Install it if it is missing and of use. Never fails: the tests say what they miss."""
    if not SPECS.is_dir() or is_installed():
        return 0
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("a") as log:
        if shutil.which("npm") is None and can_install_packages():
            say("Installing node for the OpenAPI mock server …")
            apt_install(("nodejs", "npm"), log)
        npm = shutil.which("npm")
        if npm is None:
            say(
                "No node and npm here: the tests with the OpenAPI mock server will fail, and say what to install."
            )
            return 0
        say("Installing the OpenAPI mock server …")
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, FOLDER)
        done = subprocess.run(
            [npm, *_NPM],
            cwd=FOLDER,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode == 0:
        _STAMP.write_text(_wanted())
    say("Installed it." if done.returncode == 0 else f"npm could not install it; see {LOG}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
