"""What can keep the local stack from starting."""

from __future__ import annotations


class LocalStackError(Exception):
    """The stack cannot start or go on; the message says what is wrong and what would put it right."""


class StopRequested(Exception):
    """The person, or whoever started the stack, wants it to stop. Not an error."""
