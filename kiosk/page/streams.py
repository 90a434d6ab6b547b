"""Turns what the board holds into server-sent events, one stream for each open page, and keeps the number of streams
small: each holds a thread of the server.

The newest page wins: an older one is told to stop, and does not come back by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import msgspec

from config.clock import Clock
from kiosk.board import Board, Showing, Versioned

MOST_STREAMS = 3
"""Open at once. While the oldest is on its way out there may be one more."""
BEAT_SECONDS = 3.0
"""Between two signs of life: a page that hears none for three of them says that the program is not running."""


class Ticket:
    """One open stream: whether it is over, and what its page hears then."""

    def __init__(self) -> None:
        self.is_over = False
        self.last_word = "closed"


class Streams:
    """All open streams of one server."""

    def __init__(self, board: Board, clock: Clock) -> None:
        self._board = board
        self._clock = clock
        self._lock = threading.Lock()
        self._open: list[Ticket] = []
        self._has_ended = False

    def open(self, run: str, render: Callable[[Showing], dict[str, str]]) -> Iterator[bytes]:
        """Return the events of a new stream; `render` gives the HTML of each part of the page by its name, `run` tells
        a page whether it is still this program that it was made by.
        """
        ticket = Ticket()
        with self._lock:
            self._open.append(ticket)
            if self._has_ended:
                ticket.is_over = True
            for oldest in self._open[:-MOST_STREAMS]:
                oldest.is_over, oldest.last_word = True, "stop"
        self._board.nudge()
        return self._events(ticket, run, render)

    def end(self) -> None:
        """End all streams, now and later, so that their threads are free; their pages hear that the booth is closed."""
        with self._lock:
            self._has_ended = True
            for ticket in self._open:
                ticket.is_over = True
        self._board.nudge()

    def _events(self, ticket: Ticket, run: str, render: Callable[[Showing], dict[str, str]]) -> Iterator[bytes]:
        version = 0
        sent: dict[str, str] = {}
        try:
            yield _event("run", msgspec.json.encode(run))
            while not ticket.is_over:
                now = self._board.now
                if now.version == version:
                    yield _event("beat", b"{}")
                else:
                    parts = render(now.showing)
                    changed = {name: html for name, html in parts.items() if sent.get(name) != html}
                    version, sent = now.version, parts
                    yield _event("show", msgspec.json.encode(self._told(now, changed)))
                self._board.wait(version, BEAT_SECONDS, lambda: ticket.is_over)
            yield _event(ticket.last_word, b"{}")
        finally:
            with self._lock:
                self._open.remove(ticket)

    def _told(self, now: Versioned, parts: dict[str, str]) -> dict[str, object]:
        showing, result = now.showing, now.showing.result
        return {
            "version": now.version,
            "state": showing.state,
            "scan": result.scan.number if result is not None else 0,
            "spent_ms": max(0, self._clock.monotonic_ms() - result.since_ms) if result is not None else 0,
            "camera": showing.camera.value,
            "is_lively": showing.glance.is_lively,
            "parts": parts,
        }


def _event(name: str, content: bytes) -> bytes:
    return b"event: " + name.encode("ascii") + b"\ndata: " + content + b"\n\n"
