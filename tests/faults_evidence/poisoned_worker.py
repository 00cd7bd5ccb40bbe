"""`python -m tests.faults_evidence.poisoned_worker <reference>`: a worker whom that deposit kills, whatever it does.

Works through what is due once, like a child of the real worker, and exits.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import django


def main(reference: str) -> None:
    """Drain, and die by SIGKILL as soon as a conversation about `reference` begins."""
    from carriers.adapters.camara import Adapter
    from deposits.actions import drain as draining

    for name in ("authorise", "inquire", "cancel", "confirm"):
        usual = getattr(Adapter, name)

        def deadly(self: Any, order: Any, usual: Any = usual) -> Any:
            if order.reference == reference:
                os.kill(os.getpid(), signal.SIGKILL)
            return usual(self, order)

        setattr(Adapter, name, deadly)
    draining.drain()


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "paysite.settings"
    django.setup()
    main(sys.argv[1])
