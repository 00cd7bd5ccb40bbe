"""Every language says everything: a catalogue that lacks a message, or a text that is not marked, fails the build."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from deposits.ui.language import ENGLISH, LANGUAGES
from paysite import catalogues

TRANSLATED = sorted(set(LANGUAGES) - {ENGLISH})
TEMPLATES = Path(settings.BASE_DIR) / "templates"
#: Its stories are the sandbox's, which speaks English as the API does.
ENGLISH_ONLY = {"deposits/demo.html"}

_COMMANDS = re.compile(r"{% blocktranslate.*?{% endblocktranslate %}|{%.*?%}|{{.*?}}|{#.*?#}", re.S)
_TAGS = re.compile(r"<[^>]*>", re.S)
#: Attributes that somebody reads or hears.
_SAID = re.compile(
    r'\b(?:alt|title|placeholder|aria-label|content|data-(?:sending|said|held|lost))="([^"]*)"'
)
_WORD = re.compile(r"[A-Za-z]{2,}")
_NOT_WORDS = re.compile(r"width=device-width, initial-scale=1|light dark|&\w+;")


def test_every_language_has_a_catalogue() -> None:
    assert catalogues.languages() == TRANSLATED
    assert set(settings.PAGE_LANGUAGES) == set(LANGUAGES)


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_says_all_that_is_marked_and_nothing_else(language: str) -> None:
    assert list(catalogues.problems(language)) == []


@pytest.mark.parametrize(
    ("was", "becomes", "what"),
    [
        ('msgstr "Handyrechnung"', 'msgstr ""', "'Phone bill' is not translated"),
        ('msgid "Phone bill"', 'msgid "Phone bills"', "'Phone bill' is missing"),
        ('msgid "Phone bill"', 'msgid "Phone bills"', "'Phone bills' stands nowhere any more"),
        ('msgid "Phone bill"', '#, fuzzy\nmsgid "Phone bill"', "'Phone bill' is fuzzy"),
        ("{amount} einzahlen?", "Einzahlen?", "has lost amount"),
        ("{amount} einzahlen?", "{amount} bei {site} einzahlen?", "names site, which nobody fills in"),
        ('msgstr "Handyrechnung"', 'msgstr "Handy<b>rechnung"', "must hold none of"),
        ('msgstr[0] "{count} Minute"', 'msgstr[0] "eine"', ""),
        ('msgstr[1] "{count} Minuten"', 'msgstr[1] "Minuten"', "has lost count"),
    ],
)
def test_what_a_catalogue_lacks_is_named(
    was: str, becomes: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = catalogues.path_of("de").read_text()
    assert was in text
    copy = tmp_path / "django.po"
    copy.write_text(text.replace(was, becomes))
    monkeypatch.setattr(catalogues, "path_of", lambda language: copy)
    found = "\n".join(catalogues.problems("de"))
    assert what in found
    assert bool(found) == bool(what)


def test_what_is_read_is_made_from_what_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "django.po").write_text(catalogues.path_of("de").read_text())
    catalogues.compile_stale(tmp_path)
    made = (folder / "django.mo").read_bytes()
    assert b"Handyrechnung" in made
    assert [path.name for path in folder.iterdir() if path.suffix not in (".po", ".mo")] == []


def unmarked(text: str) -> Iterator[str]:
    """What a template says without asking a catalogue."""
    plain = _NOT_WORDS.sub("", _COMMANDS.sub("", text))
    for said in (*_SAID.findall(plain), *_TAGS.sub("\n", plain).split("\n")):
        if _WORD.search(said):
            yield said.strip()


def templates() -> list[str]:
    found = [path for pattern in catalogues.TEMPLATES for path in TEMPLATES.glob(pattern)]
    return sorted({path.relative_to(TEMPLATES).as_posix() for path in found} - ENGLISH_ONLY)


@pytest.mark.parametrize("name", templates())
def test_a_template_says_nothing_that_is_not_marked(name: str) -> None:
    found = [said for said in unmarked((TEMPLATES / name).read_text()) if said != "Demo stories"]
    assert found == []


def test_what_is_not_marked_is_found() -> None:
    page = '<p>{% translate "Deposit" %} now</p><a aria-label="Go on" href="/deposit/">{{ label }}</a>'
    assert list(unmarked(page)) == ["Go on", "now"]
