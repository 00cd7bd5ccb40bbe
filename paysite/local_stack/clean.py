"""`make clean`: stop a stack that runs, then remove everything it kept.

Run with any Python, installed packages or not: only the standard library is used, and the file is run as a script.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

STOP_TIMEOUT_S = 40.0
POLL_S = 0.1

# Where service_account.py puts the servers' home when it cannot lie in the project.
FAR_HOMES = Path("/var/lib/paysite")


def holder(lock: Path) -> int | None:
    """Process id of the supervisor that holds a lock file, None when nobody does."""
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.read(handle, 32))
    finally:
        os.close(handle)
    return None


def stop(lock: Path) -> bool:
    """Ask the supervisor that holds the lock to stop, and wait for it; True when nobody holds it any longer."""
    pid = holder(lock)
    if pid is None:
        return True
    print(f"Stopping process {pid} …", flush=True)
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while holder(lock) == pid and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return holder(lock) is None


def remove(data_dir: Path) -> None:
    """Remove the data, and what the servers keep elsewhere because their account cannot reach the project."""
    for link in (data_dir / "servers", *data_dir.glob("*/servers")):
        if link.is_symlink() and link.resolve().parent == FAR_HOMES:
            shutil.rmtree(link.resolve(), ignore_errors=True)
    if data_dir.exists():
        shutil.rmtree(data_dir)


def main(arguments: Sequence[str] | None = None) -> int:
    """Stop and remove; 0 when done, 1 after saying why not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path, help="the directory to remove")
    data_dir: Path = parser.parse_args(arguments).data_dir
    locks = (data_dir / "supervisor.lock", data_dir / "servers.lock", *data_dir.glob("*/servers.lock"))
    try:
        for lock in locks:
            if not stop(lock):
                print(f"error: process {holder(lock)} does not stop; stop it by hand, then try again")
                return 1
        remove(data_dir)
    except PermissionError as error:
        print(f"error: {error.filename or data_dir} belongs to another user, who has to clean up")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
