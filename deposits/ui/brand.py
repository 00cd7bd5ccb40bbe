"""The operator's own look: a colour and a logo, from the settings, checked before anything is served."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import blake2s
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

Colour = tuple[int, int, int]

#: What links and the words on buttons need (WCAG 2.2, 1.4.3).
_LEAST_CONTRAST = 4.5
#: The cards of both themes, as in static/deposit.css, and the ink of dark buttons.
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
_DARK_CARD = (0x18, 0x1C, 0x26)
#: So much of the cold page's first round trip may go to a logo.
_LARGEST_LOGO_BYTES = 8_192
_LOGO_TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp"}
#: The address changes with the content.
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture as it is sent."""

    name: str
    content_type: str
    content: bytes


def unsuitable(accent: str, logo: str) -> Iterator[str]:
    """Yield one sentence for each of the settings OPERATOR_ACCENT and OPERATOR_LOGO that cannot be used."""
    if accent:
        try:
            colour = _colour(accent)
        except ValueError:
            yield f"OPERATOR_ACCENT: must be a colour like #1b4dd8, and is {accent!r}"
        else:
            found = contrast(colour, _WHITE)
            if found < _LEAST_CONTRAST:
                yield (
                    f"OPERATOR_ACCENT: {accent} stands {found:.1f} to 1 against white; "
                    f"links and buttons need {_LEAST_CONTRAST} to 1 (WCAG 2.2, 1.4.3), so take a darker one"
                )
    if logo:
        path = Path(logo)
        if path.suffix not in _LOGO_TYPES:
            yield f"OPERATOR_LOGO: must be a file that ends in {', '.join(_LOGO_TYPES)}, and is {logo!r}"
        elif not path.is_file():
            yield f"OPERATOR_LOGO: there is no file {logo!r}"
        elif path.stat().st_size > _LARGEST_LOGO_BYTES:
            size = path.stat().st_size
            yield f"OPERATOR_LOGO: must be at most {_LARGEST_LOGO_BYTES} bytes, and has {size}"


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, definition of contrast ratio)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def stylesheet(accent: str) -> str:
    """Return the tokens of static/deposit.css that follow from an accent, for both themes."""
    light = _colour(accent)
    # On the dark card it is mixed with white until it can be read there.
    shades = (_mix(light, _WHITE, step / 20) for step in range(21))
    dark = next(one for one in shades if contrast(one, _DARK_CARD) > _LEAST_CONTRAST + 1)
    return (
        f":root{{{_tokens(light, _WHITE, _mix(light, _BLACK, 0.2), _mix(light, _WHITE, 0.91))}}}"
        "@media(prefers-color-scheme:dark){"
        f":root{{{_tokens(dark, _mix(dark, _BLACK, 0.88), _mix(dark, _WHITE, 0.3), _mix(dark, _DARK_CARD, 0.84))}}}}}"
    )


def _tokens(act: Colour, ink: Colour, over: Colour, tint: Colour) -> str:
    named = {"act": act, "act-ink": ink, "act-over": over, "tint": tint}
    return ";".join(f"--{name}:#{''.join(f'{part:02x}' for part in one)}" for name, one in named.items())


def _colour(text: str) -> Colour:
    """Raises ValueError for what is no #rrggbb."""
    if len(text) != 7 or text[0] != "#":
        raise ValueError(text)
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        part / 255 / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4
        for part in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@cache
def _stylesheet_name(accent: str) -> str:
    return f"{blake2s(stylesheet(accent).encode(), digest_size=5).hexdigest()}.css"


@cache
def _logo(path: str) -> Logo:
    content = Path(path).read_bytes()
    suffix = Path(path).suffix
    digest = blake2s(content, digest_size=5).hexdigest()
    return Logo(f"{digest}{suffix}", _LOGO_TYPES[suffix], content)


def addresses() -> dict[str, str]:
    """Return where the operator's stylesheet and logo are, "" for what is not set."""
    accent, logo = settings.OPERATOR_ACCENT, settings.OPERATOR_LOGO
    return {
        "brand_css": reverse("brand", args=[_stylesheet_name(accent)]) if accent else "",
        "brand_logo": reverse("brand", args=[_logo(logo).name]) if logo else "",
    }


@require_safe
def serve(request: HttpRequest, name: str) -> HttpResponse:
    """The stylesheet or the logo, under a name that changes with it. Raises Http404 for another name."""
    accent, logo = settings.OPERATOR_ACCENT, settings.OPERATOR_LOGO
    headers = {"Cache-Control": _FOR_EVER}
    if accent and name == _stylesheet_name(accent):
        return HttpResponse(stylesheet(accent), content_type="text/css; charset=utf-8", headers=headers)
    if logo and name == _logo(logo).name:
        return HttpResponse(_logo(logo).content, content_type=_logo(logo).content_type, headers=headers)
    raise Http404
