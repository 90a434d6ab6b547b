"""Who may use the desk until there are accounts: one link, good once, made anew at every start. Remembers it in memory
only.

The hub listens on loopback alone, so whoever reads the link on the terminal sits at this machine.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable
from typing import NamedTuple

KEY_LENGTH = 16
"""Bytes of randomness in a link and in a session: nobody guesses 128 bits."""
AGAIN_WITHIN_MS = 60_000
"""So long the same link in the same browser is the same sign-in: a double click must not shut the clerk out."""


class _Used(NamedTuple):
    """With which key, in which browser and when somebody came in."""

    key: str
    browser: str
    at_ms: int


class Gate:
    """Lets one browser in with the link's key, and knows it again until it leaves."""

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes
        self._lock = threading.Lock()
        self._unused_key: str | None = random_bytes(KEY_LENGTH).hex()
        self._used: _Used | None = None
        self._visitor: str | None = None

    @property
    def unused_key(self) -> str | None:
        """Return the key for the sign-in link, None once it has been used."""
        return self._unused_key

    def new_browser(self) -> str:
        """Return a mark for a browser that opens the link."""
        return self._random_bytes(KEY_LENGTH).hex()

    def admit(self, key: str, browser: str = "", now_ms: int = 0) -> str | None:
        """Use up the key and return the visitor's mark for the session; None where the key is wrong or used.

        The same key from the same browser within a minute gives the same mark again.
        """
        with self._lock:
            if self._unused_key is not None and _is_same(key, self._unused_key):
                self._unused_key = None
                self._used = _Used(key, browser, now_ms)
                self._visitor = self._random_bytes(KEY_LENGTH).hex()
                return self._visitor
            return self._visitor if self._is_again(key, browser, now_ms) else None

    def knows(self, visitor: str) -> bool:
        """Tell whether this mark was handed out and has not left."""
        known = self._visitor
        return known is not None and _is_same(visitor, known)

    def leave(self) -> None:
        """Forget the visitor; the desk is closed until the hub starts again."""
        with self._lock:
            self._visitor = self._used = None

    def _is_again(self, key: str, browser: str, now_ms: int) -> bool:
        used = self._used
        if used is None or not browser or not 0 <= now_ms - used.at_ms <= AGAIN_WITHIN_MS:
            return False
        return _is_same(key, used.key) and _is_same(browser, used.browser)


def _is_same(one: str, other: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())
