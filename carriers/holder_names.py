"""Whether the holder of an account may be the player: names as banks write them against names as people do."""

from __future__ import annotations

import re
import unicodedata

_TITLES = frozenset({"mr", "mrs", "ms", "miss", "mx", "dr", "sir", "dame", "prof", "rev"})
# Joint accounts name each holder: "MR A SMITH & MRS B SMITH".
_AND = re.compile(r"\s*(?:&|\+|/|,|\band\b)\s*", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")


def may_be(holder: str, player: str) -> bool:
    """Whether one of the account's holders has the player's last name and the first letter of their first.

    Titles, accents, case and middle names do not count: banks cut names and put initials for them.
    """
    wanted = _words(player)
    return bool(wanted) and any(_alike(_words(one), wanted) for one in _AND.split(holder))


def _alike(holder: list[str], player: list[str]) -> bool:
    return bool(holder) and holder[-1] == player[-1] and holder[0][0] == player[0][0]


def _words(name: str) -> list[str]:
    plain = "".join(
        letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter)
    )
    return [word for word in _WORD.findall(plain.casefold()) if word not in _TITLES]
