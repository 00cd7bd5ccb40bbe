"""Where a partner's players may be sent back to: addresses that the partner has registered, and what lies under them.

An entry is the beginning of an address: "https://casino.example/" covers the whole site, "https://casino.example/cashier"
that page and everything below it. Scheme, host and port have to be the same; a player is never sent anywhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlencode, urlsplit

#: A partner with more places than this registers what they have in common.
MOST_ADDRESSES = 50
ADDRESS_CHARACTERS = 500

_PORTS = {"https": 443, "http": 80}
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1"})
# Browsers read a backslash as a slash, and drop white space: none of them belongs in an address.
_NEVER = frozenset(' \\"<>^`{|}')
# "." and ".." lead out of the path that was registered, also when they are written with %2e.
_DOTS = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)


def problem_of(address: str) -> str:
    """Return what is wrong with an entry and what would be right, "" when it can be registered."""
    parts = _parts(address)
    right = "Write it like https://casino.example/ or https://casino.example/cashier."
    if parts is None or len(address) > ADDRESS_CHARACTERS:
        return f"{address[:80]}: {right}"
    if parts.scheme != "https" and not is_local(address):
        return f"{address[:80]}: must begin with https:// (http:// only for localhost and 127.0.0.1)."
    if parts.query or parts.fragment or "?" in address or "#" in address:
        return f"{address[:80]}: leave out what follows the path. {right}"
    return ""


def covers(addresses: Iterable[str], url: str) -> bool:
    """Whether `url` is one of `addresses`, or lies below one."""
    wanted = _parts(url)
    return wanted is not None and any(_is_below(wanted, _parts(one)) for one in addresses)


def is_local(url: str) -> bool:
    """Whether `url` is a page on the developer's own machine, which needs no registering for a test key."""
    parts = _parts(url)
    return parts is not None and parts.hostname in _LOCAL_HOSTS


def with_deposit(url: str, deposit: str) -> str:
    """Return `url` with "deposit=<id>" added to its query, and nothing else changed."""
    bare, hash_, fragment = url.partition("#")
    joint = "" if bare.endswith(("?", "&")) else "&" if "?" in bare else "?"
    return f"{bare}{joint}{urlencode({'deposit': deposit})}{hash_}{fragment}"


def _is_below(wanted: SplitResult, entry: SplitResult | None) -> bool:
    if entry is None or _origin(wanted) != _origin(entry):
        return False
    path, beginning = wanted.path or "/", entry.path.rstrip("/")
    return path == beginning or path.startswith(f"{beginning}/")


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def _parts(url: str) -> SplitResult | None:
    """The parts of an http address; None for anything that browsers might read in another way than we do."""
    if not url.isascii() or not url.isprintable() or _NEVER & set(url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc or _DOTS.search(parts.path):
        return None
    return parts
