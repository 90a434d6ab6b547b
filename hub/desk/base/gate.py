"""Who may use the desk until there are accounts: one link, good once, made anew at every start. Remembers it in memory
only.

The hub listens on loopback alone, so whoever reads the link on the terminal sits at this machine.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable

KEY_LENGTH = 16
"""Bytes of randomness in a link and in a session: nobody guesses 128 bits."""


class Gate:
    """Lets one browser in with the link's key, and knows it again until it leaves."""

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes
        self._lock = threading.Lock()
        self._unused_key: str | None = random_bytes(KEY_LENGTH).hex()
        self._visitor: str | None = None

    @property
    def unused_key(self) -> str | None:
        """Return the key for the sign-in link, None once it has been used."""
        return self._unused_key

    def admit(self, key: str) -> str | None:
        """Use up the key and return the visitor's mark for the session; None where the key is wrong or used."""
        with self._lock:
            if self._unused_key is None or not _is_same(key, self._unused_key):
                return None
            self._unused_key = None
            self._visitor = self._random_bytes(KEY_LENGTH).hex()
            return self._visitor

    def knows(self, visitor: str) -> bool:
        """Tell whether this mark was handed out and has not left."""
        known = self._visitor
        return known is not None and _is_same(visitor, known)

    def leave(self) -> None:
        """Forget the visitor; the desk is closed until the hub starts again."""
        with self._lock:
            self._visitor = None


def _is_same(one: str, other: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())
