"""Sentences in the language of the moment: a message of the catalogue with its facts filled in."""

from __future__ import annotations

from django.utils.translation import get_language_bidi

# First strong isolate, and pop directional isolate (UAX #9).
_ISOLATE, _END = "\u2068", "\u2069"


def fill(message: str, **facts: str | int) -> str:
    """Return a translated `message` with its facts in it. Raises KeyError when it names one that is not given.

    Where one writes from right to left, each text among the facts keeps its own direction: an amount, a network's name.
    """
    if get_language_bidi():
        facts = {name: isolated(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
    return message.format(**facts)


def isolated(text: str) -> str:
    """Return `text` so that it keeps its own direction among words written from right to left; else as it is."""
    if not text or text.startswith(_ISOLATE) or not get_language_bidi():
        return text
    return f"{_ISOLATE}{text}{_END}"


def without_isolates(text: str) -> str:
    """Return `text` for a text message: old phones would show a box for each of the characters that isolate."""
    return text.replace(_ISOLATE, "").replace(_END, "")
