"""Named places at which a process can be told to die, so that tests kill it exactly there and not near it.

CRASH_POINTS names a folder. A file `<point>.<anything>` in it is one death: the first process that reaches the point
renames it to `hit.<point>.<anything>.<pid>` and kills itself with SIGKILL, as the kernel or a pulled plug would. A
rename succeeds once, so a file kills one process, and the hits can be counted afterwards.

Without the setting a point costs one comparison. Start-up refuses the setting where the site serves https.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Final

from django.conf import settings

#: Every point there is, in the order in which a deposit passes them.
POINTS: Final = (
    "web.before_commit",  # the deposit is checked; the statement that accepts it has not been sent
    "web.after_commit",  # accepted; neither rung for nor answered
    "web.before_answer",  # rung for; the caller has not been told
    "web.after_return",  # what the player brought back is stored; the browser has not been answered
    "worker.before_claim",
    "worker.after_claim",  # the claim is committed; no byte has left
    "worker.after_answer",  # the carrier has answered; nothing is recorded
    "worker.after_ledger",  # the ledger entries are written; the transaction is open
    "worker.before_commit",
    "worker.after_commit",  # recorded; the task is not acknowledged
    "sweeper.before_ring",  # due rows were found
    "sweeper.after_ring",
    "inbox.after_commit",  # a notification is stored and its deposit woken; the carrier has not been told
    "live.before_send",  # a stream has read the state of a deposit
)

#: Those that a refund passes; chaos among deposits alone never comes there.
REFUND_POINTS: Final = (
    "refund.before_commit",  # a refund is requested and booked; the transaction is open
    "refund.after_request",  # requested; neither rung for nor answered
    "refund.after_claim",  # the claim is committed; no byte has left
    "refund.after_answer",  # the carrier or bank has answered; nothing is recorded
    "refund.after_ledger",  # the ledger entries are written; the transaction is open
    "refund.after_commit",  # recorded
)

_POINTS: Final = frozenset(POINTS + REFUND_POINTS)
_folder: Path | None = Path(settings.CRASH_POINTS) if settings.CRASH_POINTS else None


def reach(point: str) -> None:
    """Die here if a death is waiting for this point; otherwise go on. `point` is one of `POINTS` or `REFUND_POINTS`."""
    if _folder is not None:
        _die_if_told(_folder, point)


def _die_if_told(folder: Path, point: str) -> None:
    assert point in _POINTS, f"{point} is no crash point"
    for death in folder.glob(f"{point}.*"):
        try:
            death.rename(folder / f"hit.{death.name}.{os.getpid()}")
        except FileNotFoundError:  # another process was quicker
            continue
        os.kill(os.getpid(), signal.SIGKILL)
