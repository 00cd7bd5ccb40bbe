"""The catalogues of the players' languages: what is marked in the source, what a catalogue lacks, and what is read.

Babel does all of it, so no program of GNU gettext is needed. The catalogues (`locale/*/LC_MESSAGES/django.po`) are
kept; what Django reads is made from them.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import cache
from gettext import c2py
from io import BytesIO
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

#: Where players' words are. Those of machines, of staff and of the sandbox are not translated.
SOURCES = ("paysite", "accounts", "carriers", "deposits")
NOT_FOR_PLAYERS = (
    "accounts/admin",
    "carriers/sandbox",
    "deposits/admin",
    "deposits/api",
    "paysite/local_stack",
)
TEMPLATES = ("base.html", "problem.html", "deposits/*.html", "sign_in/*.html")
#: Functions whose arguments are messages: which of them, and which is the context.
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "counted": (1, 2),
}
#: Facts that are numbers.
_NUMBERS = frozenset({"count", "tries"})
#: Facts in templates; in Python they are in braces.
_PERCENT = re.compile(r"%\((\w+)\)s")
#: They would end the attribute or the sentence that a message stands in.
_BREAKS_MARKUP = ('"', "<", ">", "&")
_WIDTH = 110


def path_of(language: str) -> Path:
    """Return where the catalogue of a language is."""
    return Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES" / "django.po"


def languages() -> list[str]:
    """Return the languages that there is a catalogue of."""
    return sorted(path.parts[-3] for path in Path(settings.LOCALE_PATHS[0]).glob("*/LC_MESSAGES/django.po"))


@cache
def extracted() -> Catalog:
    """Return every message that is marked in the source, with the files that it stands in."""
    found = Catalog(charset="utf-8")
    for path in _files():
        text = path.read_text()
        if path.suffix == ".html":
            # Inside brackets the lines' indents mean nothing to Python.
            text = f"(\n{templatize(text)}\n)"
        name = path.relative_to(settings.BASE_DIR).as_posix()
        for _, message, __, context in extract("python", BytesIO(text.encode()), keywords=KEYWORDS):
            found.add(message, locations=[(name, 0)], context=context)
    return found


def _files() -> Iterator[Path]:
    root = Path(settings.BASE_DIR)
    for folder in SOURCES:
        for path in sorted((root / folder).rglob("*.py")):
            if not path.relative_to(root).as_posix().startswith(NOT_FOR_PLAYERS):
                yield path
    for pattern in TEMPLATES:
        yield from sorted((root / "templates").glob(pattern))


def read(language: str) -> Catalog:
    """Return the catalogue of a language; that of a new one is empty."""
    path = path_of(language)
    if not path.exists():
        return Catalog(locale=language, charset="utf-8", fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def update(language: str) -> None:
    """Bring a catalogue up to what is marked: what is new has no translation yet, what is gone is dropped."""
    catalogue = read(language)
    catalogue.update(extracted(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    written = BytesIO()
    # A head with what Django reads alone: no day, on which the file would change by itself.
    head = (
        f"Language: {language}",
        "Content-Type: text/plain; charset=utf-8",
        f"Plural-Forms: {catalogue.plural_forms}",
    )
    written.write(('msgid ""\nmsgstr ""\n' + "".join(f'"{line}\\n"\n' for line in head) + "\n").encode())
    write_po(written, catalogue, width=_WIDTH, omit_header=True, sort_by_file=True, include_lineno=False)
    path = path_of(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written.getvalue())


def problems(language: str) -> Iterator[str]:
    """Yield in a sentence each what is wrong with a catalogue, held against what is marked now."""
    catalogue, marked = read(language), extracted()
    numbers = _numbers_of_each_form(catalogue.plural_expr)
    for message in catalogue.obsolete.values():
        yield f"{language}: {message.id!r} is obsolete"
    for message in catalogue:
        if message.id and marked.get(message.id, message.context) is None:
            yield f"{language}: {message.id!r} stands nowhere any more"
    for wanted in marked:
        if not wanted.id:
            continue
        found = catalogue.get(wanted.id, wanted.context)
        if found is None:
            yield f"{language}: {wanted.id!r} is missing"
        elif found.fuzzy:
            yield f"{language}: {wanted.id!r} is fuzzy"
        else:
            yield from (f"{language}: {wanted.id!r} {what}" for what in _faults(found, numbers))


def _faults(message: Message, numbers: dict[int, int]) -> Iterator[str]:
    """What is wrong with a translation. `numbers`: how many there are that each plural form is for."""
    counts = isinstance(message.id, tuple)
    theirs = [str(one) for one in message.string or ()] if counts else [str(message.string)]
    facts = _facts(message.id[-1] if counts else str(message.id))
    if counts and len(theirs) != len(numbers):
        yield f"has {len(theirs)} forms, and the language has {len(numbers)}"
    for form, text in enumerate(theirs):
        if not text.strip():
            yield "is not translated"
            continue
        found = _facts(text)
        # Where a form is for one number alone, it may say it in a word.
        may_lack = _NUMBERS if counts and numbers.get(form) == 1 else frozenset()
        if found - facts:
            yield f"names {', '.join(sorted(found - facts))}, which nobody fills in"
        if lost := facts - found - may_lack:
            yield f"has lost {', '.join(sorted(lost))}"
        if any(one in text for one in _BREAKS_MARKUP):
            yield f"must hold none of {' '.join(_BREAKS_MARKUP)}"


def _facts(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name} | {*_PERCENT.findall(text)}


def _numbers_of_each_form(expression: str) -> dict[int, int]:
    """How many of the numbers from 0 to 200 each plural form is for."""
    form_of = c2py(expression)
    return dict(Counter(form_of(number) for number in range(201)))


def compile_stale(folder: Path) -> None:
    """Make what Django reads of each catalogue below `folder` that has changed since; safe side by side."""
    for path in folder.glob("*/LC_MESSAGES/django.po"):
        made = path.with_suffix(".mo")
        if made.exists() and made.stat().st_mtime_ns >= path.stat().st_mtime_ns:
            continue
        with path.open("rb") as file:
            catalogue = read_po(file, locale=path.parts[-3])
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".django-")
        with os.fdopen(handle, "wb") as file:
            write_mo(file, catalogue)
        # Who reads it may be another account than who makes it.
        os.chmod(temporary, 0o644)
        os.replace(temporary, made)
