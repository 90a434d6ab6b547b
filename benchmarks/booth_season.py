"""The program whose memory is watched: a whole booth but for its camera – journal, scan loop, board, page and event
streams – that is shown one code after the other, as quickly as it can scan.

    python -m benchmarks.booth_season JOURNAL EVENT ACTIVITY     (texts of codes on standard input, one a line)

Most codes are handed over as if they had been read; one in REAL_EVERY stands in a picture and is read out of it.
"""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import zxingcpp

from benchmarks.memory import Sample
from benchmarks.programs import resident_bytes
from config.clock import SystemClock
from kiosk.booth import Booth, Scan
from kiosk.camera import Frame, Gray
from kiosk.catalogue import read_catalogues
from kiosk.decode import CodeReader
from kiosk.face import Face, new_face
from kiosk.feed import TypedLines
from kiosk.journal import Journal
from kiosk.journal_open import open_journal
from kiosk.page.app import Screen, create_app
from kiosk.page.serving import served
from kiosk.page.streams import Streams
from kiosk.run import ScanLoop
from kiosk.scan import Received, Station
from kiosk.screen import json_of
from kiosk.sight import CameraState, Code, Sight

REAL_EVERY: Final = 20
APART_MS: Final = 1_000
"""Between two people, in the time of the footage."""
TELL_EVERY: Final = 250
"""Scans; all that is told must fit into a pipe that is read only at the end (pipe(7): 64 KiB)."""
HEIGHT, WIDTH = 720, 1280
MODULE_PIXELS: Final = 7
AREA: Final = 80_000.0  # of such a code, in square pixels


class Queue:
    """A source of frames, one for each text, that sees what it shows; a real picture is looked at by a real reader."""

    state = CameraState.GOOD

    def __init__(self, texts: Iterator[str]) -> None:
        self.has_ended = False
        self._texts = texts
        self._numbers = count(1)
        self._look = CodeReader().sight
        self._chance = np.random.default_rng()
        self._nobody = self._chance.integers(150, 170, (HEIGHT, WIDTH), np.uint8)
        self._shown = ""
        """What stands in no picture; "": whatever is there to be read."""

    def next(self) -> Frame | None:
        """Return a frame with the next person, or the end."""
        text = next(self._texts, None)
        if text is None:
            self.has_ended = True
            return None
        number = next(self._numbers)
        is_real = number % REAL_EVERY == 0
        self._shown = "" if is_real else text
        return Frame(self._picture_of(text) if is_real else self._nobody, number, number * APART_MS)

    def sight_of(self, gray: Gray) -> Sight:
        """Return what is to be seen in the frame that was given last."""
        return Sight((Code(self._shown, AREA),)) if self._shown else self._look(gray)

    def _picture_of(self, text: str) -> Gray:
        code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
        modules = np.array(code.to_image(scale=MODULE_PIXELS, add_quiet_zones=True))
        picture = self._nobody.copy()
        top, left = (int(self._chance.integers(0, room)) for room in np.subtract(picture.shape, modules.shape))
        picture[top : top + modules.shape[0], left : left + modules.shape[1]] = modules
        return picture


class Tally:
    """Counts scans, and tells now and then on standard output how it stands."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._scans = self._grants = 0

    def show(self, scan: Scan) -> None:
        """Count a scan."""
        json_of(scan)
        self._scans += 1
        self._grants += isinstance(scan.outcome, Received)
        if self._scans % TELL_EVERY == 0:
            self.tell()

    def tell(self) -> None:
        """Tell how many scans there were, and how much memory the program has."""
        sample = Sample(self._scans, self._grants, resident_bytes(), time.monotonic() - self._begun)
        sys.stdout.buffer.write(msgspec.json.encode(sample) + b"\n")
        sys.stdout.buffer.flush()


def main(path: str, event: str, activity: str) -> None:
    """Scan everything that comes, with the page served beside it."""
    clock, face, catalogues = SystemClock(), new_face(), read_catalogues()
    streams = Streams(face.board, clock)
    screen = Screen(face, streams, catalogues, "ja", secrets.token_hex(8))
    station = Station(int(event), int(activity), operator=1)
    with (
        closing(open_journal(Path(path), accept_volatile=True)) as journal,
        served(create_app(screen), 0, streams.end) as address,
    ):
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()
        _scan_all(journal, station, face)


def _scan_all(journal: Journal, station: Station, face: Face) -> None:
    booth = Booth(journal, SystemClock(), station)
    booth.open(time_is_confirmed=True)
    queue = Queue(line.strip() for line in sys.stdin)
    tally = Tally()
    loop = ScanLoop(booth, queue, TypedLines(None), queue.sight_of, SystemClock(), tally.show, face)
    loop.run(lambda: False, lambda: None)
    booth.end_day()
    tally.tell()


if __name__ == "__main__":
    main(*sys.argv[1:])
