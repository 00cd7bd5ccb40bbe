"""The operator's colour and logo: refused by name where they cannot be read, and otherwise on every page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from deposits.ui import brand
from paysite.startup import unsafe_settings
from tests.deposits.ui.visiting import player, visitor

pytestmark = pytest.mark.django_db

LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 0h8v8z"/></svg>'
CARDS = {"light": (255, 255, 255), "dark": (0x18, 0x1C, 0x26)}


@pytest.mark.parametrize(
    ("accent", "words"),
    [
        ("red", "OPERATOR_ACCENT: must be a colour like #1b4dd8, and is 'red'"),
        ("#12345", "OPERATOR_ACCENT: must be a colour"),
        ("#ffcc00", "OPERATOR_ACCENT: #ffcc00 stands 1.5 to 1 against white"),
    ],
)
def test_a_colour_that_cannot_be_read_is_refused_at_start_up(settings: Any, accent: str, words: str) -> None:
    settings.OPERATOR_ACCENT = accent
    (found,) = unsafe_settings()
    assert found.startswith(words)


def test_a_logo_that_cannot_be_shown_is_refused_at_start_up(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "large.svg").write_bytes(b" " * 9_000)
    for name, words in (
        ("logo.gif", "must be a file that ends in"),
        ("logo.svg", "there is no file"),
        ("large.svg", "must be at most 8192 bytes, and has 9000"),
    ):
        settings.OPERATOR_LOGO = str(tmp_path / name)
        (found,) = unsafe_settings()
        assert found.startswith(f"OPERATOR_LOGO: {words}")


def test_contrast_is_that_of_the_guidelines() -> None:
    assert brand.contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert brand.contrast((0x76, 0x76, 0x76), (255, 255, 255)) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("accent", ["#1b4dd8", "#7a0019", "#000000", "#006b3c", "#5b2a86", "#767676"])
def test_an_accepted_colour_can_be_read_in_both_themes(accent: str) -> None:
    assert not list(brand.unsuitable(accent, ""))
    for theme, tokens in zip(CARDS, brand.stylesheet(accent).split("@media"), strict=True):
        found = {
            name: tuple(bytes.fromhex(value))
            for name, value in re.findall(r"--([a-z-]+):#([0-9a-f]{6})", tokens)
        }
        for one, other in (
            (found["act"], CARDS[theme]),
            (found["act-ink"], found["act"]),
            (found["act-ink"], found["act-over"]),
        ):
            assert brand.contrast(one, other) >= 4.5, (theme, found)  # type: ignore[arg-type]


def test_both_are_on_the_pages_and_kept_by_the_browser(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "logo.svg").write_bytes(LOGO)
    settings.OPERATOR_ACCENT, settings.OPERATOR_LOGO = "#7a0019", str(tmp_path / "logo.svg")
    client = visitor(player())
    page = client.get("/deposit/").content.decode()
    for pattern, content_type in (
        (r'href="(/deposit/brand/[^"]+\.css)"', "text/css"),
        (r'src="(/deposit/brand/[^"]+\.svg)"', "image/svg+xml"),
    ):
        found = re.search(pattern, page)
        assert found
        answer = client.get(found[1])
        assert answer["Content-Type"].startswith(content_type)
        assert "immutable" in answer["Cache-Control"]
    assert client.get("/deposit/brand/other.css").status_code == 404


def test_without_them_nothing_more_is_asked_for() -> None:
    page = visitor(player()).get("/deposit/").content.decode()
    assert "/deposit/brand/" not in page
