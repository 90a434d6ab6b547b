"""Whether a booth that runs and runs needs more and more memory: a season of scans through one program
(`benchmarks.booth_season`), which tells how much it has, with the events of its page read beside it.
"""

from __future__ import annotations

import random
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec
import numpy as np

from benchmarks.crowd import tokens
from benchmarks.ground import HELPING, Ground, journal_of, let_in
from benchmarks.lane import Ended, end
from demo.processes import ROOT
from sync.member import with_check_digits

WARM_SHARE: Final = 0.2
"""By then everything that is filled once is full: caches of the database, of the language, of the allocator."""
OPEN_EVERY, OPEN_FOR, PICTURE_EVERY = 1_000, 200, 50
"""Scans from one opening of the page to the next, how long it stays open, and between two pictures it fetches then."""
PATIENCE_SECONDS: Final = 30.0
SHOW: Final = b"event: show\n"


class Sample(msgspec.Struct, frozen=True):
    """After so many scans: how many of them were granted, how much memory the program has, seconds it has run."""

    scans: int
    grants: int
    resident: int
    seconds: float


class Season(NamedTuple):
    """All scans of a season, and a straight line through the memory from WARM_SHARE of them on: its two ends."""

    scans: int
    grants: int
    seconds: float
    events: int
    first_bytes: float
    last_bytes: float

    @property
    def growth_percent(self) -> float:
        """How much longer the line is at its end."""
        return (self.last_bytes / self.first_bytes - 1) * 100


class Page:
    """Opens the page of a booth, reads its events and fetches pictures as a browser does, and closes it, again and
    again.
    """

    def __init__(self, address: str) -> None:
        self.events = 0
        """How often it was told what is to be shown."""
        self._address = address
        self._events: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def go_on(self, scans: int) -> None:
        """Do what is to be done at this moment of a season."""
        moment = scans % OPEN_EVERY
        if moment == 0:
            self._open()
        elif moment == OPEN_FOR:
            self.close()
        if moment < OPEN_FOR and moment % PICTURE_EVERY == 0:
            _fetch(self._address, "picture.jpg")

    def close(self) -> None:
        """Close it, if it is open."""
        if self._events is not None and self._thread is not None:
            with suppress(OSError):  # the booth may have ended first
                self._events.shutdown(socket.SHUT_RDWR)
            self._thread.join()
            self._events.close()
        self._events = None

    def _open(self) -> None:
        _fetch(self._address, "")
        self._events = _ask(self._address, "events")
        self._thread = threading.Thread(target=self._read, args=(self._events,), name="page")
        self._thread.start()

    def _read(self, events: socket.socket) -> None:
        end_of_last = b""
        with suppress(OSError):  # whoever ends while there is something unread resets the connection
            while chunk := events.recv(1 << 16):
                chunk = end_of_last + chunk
                self.events += chunk.count(SHOW)
                end_of_last = chunk[-len(SHOW) + 1 :]


def season(folder: Path, ground: Ground, scans: int) -> Season:
    """Show so many different members' cards to one program, one after the other."""
    folder.mkdir()
    journal_of(ground, let_in(ground, "見本の季節", ground.events), folder / "journal.db").close()
    with (folder / "complained").open("wb") as complained, _started(folder, ground.events[0], complained) as program:
        samples, events = _shown_all(program, tokens(ground, _members(scans)))
    if program.returncode or not samples or samples[-1].scans != scans:
        raise Ended((folder / "complained").read_text(encoding="utf-8"))
    last = samples[-1]
    return Season(scans, last.grants, last.seconds, events, *ends_of_line(samples))


def ends_of_line(samples: list[Sample]) -> tuple[float, float]:
    """Return where the line of least squares through the memory begins, at WARM_SHARE of all scans, and ends."""
    last = samples[-1].scans
    warm = [(one.scans, one.resident) for one in samples if one.scans >= WARM_SHARE * last]
    scans, resident = zip(*warm, strict=True)
    slope, start = np.polyfit(scans, resident, 1)
    return float(start + slope * WARM_SHARE * last), float(start + slope * last)


def _members(count: int) -> Iterable[int]:
    return (with_check_digits(number) for number in random.SystemRandom().sample(range(10**12), count))


def _shown_all(program: subprocess.Popen[bytes], texts: Iterable[str]) -> tuple[list[Sample], int]:
    """Hand over the texts as quickly as they are taken; return what the program told, and how many events it sent."""
    assert program.stdin is not None
    assert program.stdout is not None
    address = program.stdout.readline().decode("ascii").strip()
    if not address:
        return [], 0
    with closing(Page(address)) as page:
        for number, text in enumerate(texts):
            page.go_on(number)
            program.stdin.write(text.encode("ascii") + b"\n")
        program.stdin.close()
        samples = [msgspec.json.decode(line, type=Sample) for line in program.stdout]
        program.wait(PATIENCE_SECONDS)
    return samples, page.events


@contextmanager
def _started(folder: Path, event: int, complained: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    arguments = [str(folder / "journal.db"), str(event), str(HELPING)]
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.booth_season", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=complained,
        start_new_session=True,  # Ctrl-C reaches only us, and we end it
    ) as program:
        try:
            yield program
        finally:
            end(program)


def _fetch(address: str, path: str) -> None:
    with _ask(address, path, "Connection: close\r\n") as asked:
        while asked.recv(1 << 16):
            pass


def _ask(address: str, path: str, headers: str = "") -> socket.socket:
    place = urlsplit(address)
    asked = socket.create_connection((place.hostname, place.port or 80), PATIENCE_SECONDS)
    asked.sendall(f"GET /{path} HTTP/1.1\r\nHost: {place.netloc}\r\n{headers}\r\n".encode("ascii"))
    return asked
