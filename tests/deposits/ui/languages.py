"""A language that nobody speaks, made in memory: what is not said in it was not marked for translation."""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any

import pytest
from django.conf import settings
from django.utils.translation import trans_real
from django.utils.translation.trans_real import CONTEXT_SEPARATOR

CODE = "xx"
_ACCENTED = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "áƀćďéƒĝħíĵķĺḿńóƥɋŕšťúṽŵẋýžÁƁĆĎÉƑĜĦÍĴĶĹḾŃÓƤɊŔŠŤÚṼŴẊÝŽ",
)
_FACT = re.compile(r"({\w+}|%\(\w+\)s)")
_LONGER = 0.4
#: What stays as it is in every language: the names and facts of these tests, a time zone, months, what a machine reads.
_NAMES = re.compile(
    r"Sandbox (?:Mobile|Bank)|Paysite Casino|Casino|PAYSITE[* ]CASINO|casino\.example|CSV|GMT|BST|GBP"
    r"|January|February|March|April|May|June|July|August|September|October|November|December"
    r"|D-[0-9A-Z-]+|req_\w+|\b[ap]m\b"
)
_WORD = re.compile(r"[A-Za-z]{2,}")
_ATTRIBUTES = re.compile(
    r"\b(?:alt|title|placeholder|aria-label|content"
    r'|data-(?:sending|said|held|lost|offline|dropped|status))="([^"]*)"'
)
_NOT_WORDS = re.compile(r"width=device-width, initial-scale=1|light dark")


def pseudo(message: str) -> str:
    """Return a message as it would be in this language: accented, its facts kept, longer by two fifths."""
    parts = _FACT.split(message)
    told = "".join(part if _FACT.fullmatch(part) else part.translate(_ACCENTED) for part in parts)
    return told + "~" * int(len(message) * _LONGER)


class Pseudo(gettext.NullTranslations):
    """The catalogue."""

    def gettext(self, message: str) -> str:
        return pseudo(message.rpartition(CONTEXT_SEPARATOR)[2]) if message else ""

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)

    def to_language(self) -> str:
        return CODE


@contextmanager
def spoken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everything in this language, whoever asks for what."""
    monkeypatch.setitem(trans_real._translations, CODE, Pseudo())  # type: ignore[attr-defined]
    monkeypatch.setattr(settings, "PAGE_LANGUAGES", [CODE])
    yield


def left_in_english(response: Any) -> list[str]:
    """Return the words of a page that are in no language's catalogue."""
    page = response.content.decode()
    page = re.sub(r"<(script|style|datalist)\b.*?</\1>", " ", page, flags=re.S)
    page = re.sub(r'<(\w+) [^>]*\blang="en".*?</\1>', " ", page, flags=re.S)
    said = [*_ATTRIBUTES.findall(page), re.sub(r"<[^>]*>", "\n", page)]
    plain = unescape("\n".join(said))
    return _WORD.findall(_NAMES.sub("", _NOT_WORDS.sub("", plain)))
