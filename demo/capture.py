"""Finds the batches in what a cable has recorded of a kiosk's requests. Pure; it looks into no batch."""

from __future__ import annotations

from collections.abc import Iterable

from sync.http import BATCHES_PATH

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


def batches_in(connections: Iterable[bytes]) -> list[bytes]:
    """Return the bodies of all whole requests that carry a batch, in order; each connection is a run of HTTP/1.1
    requests, the last of which may have been cut off.
    """
    return [body for sent in connections for start, body in _requests(sent) if BATCHES_PATH.encode("ascii") in start]


def _requests(sent: bytes) -> list[tuple[bytes, bytes]]:
    """Return (request line, body) of each whole request."""
    found = []
    while _HEAD_END in sent:
        head, _, rest = sent.partition(_HEAD_END)
        start, *fields = head.split(b"\r\n")
        lengths = [int(field[len(_LENGTH) :]) for field in fields if field.lower().startswith(_LENGTH)]
        length = lengths[0] if lengths else 0
        if len(rest) < length:
            break
        found.append((start, bytes(rest[:length])))
        sent = rest[length:]
    return found
