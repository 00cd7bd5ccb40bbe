#!/usr/bin/env python
"""Django's command line for Paysite."""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line

from paysite.startup import start_or_exit

#: Commands that go on for ever and handle money: they start under the same conditions as the other processes.
_SERVES = ("sweep",)


def main() -> None:
    """Run the command named on the command line with the site's settings."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "paysite.settings")
    if len(sys.argv) > 1 and sys.argv[1] in _SERVES:
        start_or_exit()
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
