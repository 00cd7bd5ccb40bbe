"""In which language a page is: as the visitor chose it, else as the browser asks for it, else the operator's first.

What machines and staff read stays English.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.http import escape_leading_slashes
from django.utils.translation.trans_real import parse_accept_lang_header

from deposits.ui.headers import NOT_FOR_PLAYERS

#: Every language that the pages speak, by its own name; each but English has a catalogue in locale/.
LANGUAGES = {"en": "English", "cy": "Cymraeg", "de": "Deutsch", "es": "Español", "ar": "العربية"}
#: What everything is written in. It needs no catalogue.
ENGLISH = "en"
_CATALOGUE = "LC_MESSAGES/django.mo"
#: In an address, any page's: this language from now on.
CHOSEN = "lang"
_YEAR_S = 365 * 24 * 3_600
_LONGEST_HEADER = 500
#: What is written in words; pictures and styles are the same in all languages.
_IN_WORDS = ("text/html", "text/plain", "text/csv", "text/javascript")


@dataclass(frozen=True, slots=True)
class Choice:
    """One language at the foot of a page. `href` is "" for the one that the page is in."""

    code: str
    name: str
    href: str


def unsuitable(codes: list[str]) -> Iterator[str]:
    """Yield what is wrong with the setting PAGE_LANGUAGES, in a sentence each."""
    if not codes:
        yield "PAGE_LANGUAGES: must name at least one language"
    for code in codes:
        if code not in LANGUAGES:
            yield f"PAGE_LANGUAGES: must be of {', '.join(LANGUAGES)}, and names {code!r}"
        elif code != ENGLISH and not Path(settings.LOCALE_PATHS[0], code, _CATALOGUE).exists():
            yield f"PAGE_LANGUAGES: {code!r} has no catalogue yet; make it: manage.py messages --compile"


def cookie_name() -> str:
    """Return the cookie's name: bound to this host where pages come over TLS."""
    return "__Host-language" if settings.SECURE_COOKIES else "language"


def spoken() -> str:
    """Return the code of the moment's language, as HTML and addresses name it."""
    language = translation.get_language() or settings.LANGUAGE_CODE
    return ENGLISH if language == settings.LANGUAGE_CODE else language


def speaking(code: str) -> AbstractContextManager[None]:
    """A block in which all is said in the language `code`, or in the operator's first where that is not offered."""
    offered = code if code in settings.PAGE_LANGUAGES else settings.PAGE_LANGUAGES[0]
    return translation.override(settings.LANGUAGE_CODE if offered == ENGLISH else offered)


def wanted(request: HttpRequest) -> str:
    """Return the language that a visitor has chosen, or that the browser would rather have; "" for neither."""
    kept = request.COOKIES.get(cookie_name(), "")
    if kept in settings.PAGE_LANGUAGES:
        return kept
    asked = request.META.get("HTTP_ACCEPT_LANGUAGE", "")[:_LONGEST_HEADER].lower()
    codes = (tag.partition("-")[0] for tag, _ in parse_accept_lang_header(asked))
    return next((code for code in codes if code in settings.PAGE_LANGUAGES), "")


class LanguageMiddleware:
    """Answers each request for a page in its visitor's language, what goes wrong with it too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(NOT_FOR_PLAYERS):
            return self.get_response(request)
        if request.method in ("GET", "HEAD") and request.GET.get(CHOSEN) in settings.PAGE_LANGUAGES:
            return _chosen(request, request.GET[CHOSEN])
        with speaking(wanted(request)):
            response = self.get_response(request)
            if response.headers.get("Content-Type", "").startswith(_IN_WORDS):
                response.headers["Content-Language"] = spoken()
                patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response


def _chosen(request: HttpRequest, code: str) -> HttpResponse:
    """Keep the choice, and lead to the same page without it in the address."""
    response = HttpResponseRedirect(_address(request), status=HTTPStatus.SEE_OTHER)
    response.set_cookie(
        cookie_name(), code, max_age=_YEAR_S, secure=settings.SECURE_COOKIES, httponly=True, samesite="Lax"
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _address(request: HttpRequest, more: Mapping[str, str] | None = None) -> str:
    """The page's own address, whatever its path begins with, with another choice of language or none."""
    query = request.GET.copy()
    query.pop(CHOSEN, None)
    query.update(more or {})
    path = escape_leading_slashes(request.path)
    return f"{path}?{query.urlencode()}" if query else path


def choices(request: HttpRequest) -> list[Choice]:
    """Return what stands at the foot of a page; nothing where there is nothing to choose."""
    offered, now = settings.PAGE_LANGUAGES, spoken()
    if len(offered) < 2:
        return []
    return [
        Choice(code, LANGUAGES[code], "" if code == now else _address(request, {CHOSEN: code}))
        for code in offered
    ]
