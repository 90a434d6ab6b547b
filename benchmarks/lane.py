"""One lane of people before a real booth: `kiosk run` as a process with its journal on the disk, a camera that writes
MJPEG into its pipe at 15 pictures a second, and a page in Chromium beside it. What happened is told as plain values.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import IO, Final, NamedTuple

import cv2
import msgspec
import numpy as np
import zxingcpp

from benchmarks.crowd import Crowd
from benchmarks.ground import HELPING, Ground, journal_of, let_in
from benchmarks.programs import cpu_seconds, descendants
from benchmarks.report import NO_TIME, Took, timed
from benchmarks.window import Drawn, Window, window
from config.clock import SystemClock
from demo.camera_feed import Pace, open_output
from demo.processes import ROOT
from kiosk.journal_open import read_journal
from sync.entry import Grant, read_entry
from sync.envelope import ENTRY, take_apart

FRAMES_A_SECOND: Final = 15
FRAME_MS: Final = 1000 / FRAMES_A_SECOND
SHOWN_FRAMES, GAP_FRAMES = 8, 5
"""How long somebody stands before the camera, and how long nobody does: 69 people a minute."""

NOWHERE: Final = "http://127.0.0.1:9"
"""The booth has no network: nobody listens here."""
START_SECONDS, END_SECONDS = 60.0, 20.0
GOOD, RECEIVED = "good", "received"
QR_ONLY: Final = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])


class Ended(Exception):
    """The booth's program has ended by itself; the text is what it said last."""


class Service(NamedTuple):
    """How one person was served: what the journal, the program's lines and the page say, each as often as it says it.

    waits_ms: from the first picture with the code, whole in the pipe, to each time the result was drawn.
    """

    grants: int
    said: int
    waits_ms: tuple[float, ...]


class Idle(NamedTuple):
    """What some seconds with nobody there took: seconds of the wall clock, of the booth's and of Chromium's CPU; and
    the limit for the same pictures, each beside its own frame, and all in a loop.
    """

    wall: float
    kiosk: float
    chromium: float
    paced: Took
    looped: Took


class Lane:
    """A running booth with nobody before it. `page` is None where there is no Chromium."""

    def __init__(self, kiosk: subprocess.Popen[bytes], folder: Path, crowd: Crowd, page: Window | None) -> None:
        self.page = page
        self.kiosk = kiosk
        self._folder = folder
        self._people = crowd.people
        self._nobody = cycle(crowd.nobody)
        self._pace = Pace(SystemClock(), FRAMES_A_SECOND)
        self._pipe = open_output(str(folder / "camera"), SystemClock())
        self._shown_ms: list[float] = []

    def close(self) -> None:
        """Take the camera away."""
        os.close(self._pipe)

    def settle(self, frames: int) -> None:
        """Show nobody until the page says that the camera is well, and for so many frames more."""
        give_up = time.monotonic() + START_SECONDS
        while self.page is not None and (camera := self.page.camera) != GOOD:
            assert time.monotonic() < give_up, f"the page says of the camera: {camera}"
            self._show(next(self._nobody))
        for jpeg in islice(self._nobody, frames):
            self._show(jpeg)

    def idle(self, rounds: int, frames: int) -> Idle:
        """Show nobody for `rounds` times so many frames, and do the limit for each beside it and for all after it."""
        browser = descendants(os.getpid(), "chrom")
        wall = kiosk = 0.0
        paced = looped = NO_TIME
        chromium = cpu_seconds(*browser)
        for _ in range(rounds):
            jpegs = list(islice(self._nobody, frames))
            wall, kiosk = wall - time.monotonic(), kiosk - cpu_seconds(self.kiosk.pid)
            for jpeg in jpegs:
                self._show(jpeg)
                time.sleep(FRAME_MS / 2000)  # the booth has done its work by then
                paced = timed(lambda jpeg=jpeg: limit_decode_and_read([jpeg]), paced)  # type: ignore[misc]
            wall, kiosk = wall + time.monotonic(), kiosk + cpu_seconds(self.kiosk.pid)
            looped = timed(lambda jpegs=jpegs: limit_decode_and_read(jpegs), looped)  # type: ignore[misc]
        return Idle(wall, kiosk, cpu_seconds(*browser) - chromium, paced, looped)

    def serve(self) -> float:
        """Show everybody, one after the other; return how many seconds it took."""
        begun = time.monotonic()
        for person in self._people:
            first, *others = islice(cycle(person.pictures), SHOWN_FRAMES)
            self._shown_ms.append(self._show(first))
            for jpeg in (*others, *islice(self._nobody, GAP_FRAMES)):
                self._show(jpeg)
        return time.monotonic() - begun

    def drawn(self) -> list[Drawn]:
        """Return what the page has shown so far."""
        return self.page.drawn() if self.page is not None else []

    def services(self, drawn: list[Drawn]) -> list[Service]:
        """Return how everybody was served, in their order. The booth has ended."""
        grants = _grants_by_member(self._folder / "journal.db")
        said = _scans_by_seq(self._folder / "said")
        views: dict[int, list[float]] = defaultdict(list)
        for scan, state, at_ms in drawn:
            if state == RECEIVED:
                views[scan].append(at_ms)
        return [
            _service(grants[person.member], said, views, shown_ms)
            for person, shown_ms in zip(self._people, self._shown_ms, strict=True)
        ]

    def _show(self, jpeg: bytes) -> float:
        """Write a picture when it is due; return when the whole of it was in the pipe (wall clock)."""
        self._pace.wait()
        rest = memoryview(jpeg)
        try:
            while rest:
                rest = rest[os.write(self._pipe, rest) :]
        except BrokenPipeError as error:
            raise Ended(_last_words(self._folder)) from error
        return time.time() * 1000


@contextmanager
def lane(folder: Path, ground: Ground, crowd: Crowd) -> Iterator[Lane]:
    """Start a booth in `folder`, a camera before it and a window on its page. The booth ends with the context."""
    folder.mkdir()
    journal_of(ground, let_in(ground, "見本", ground.events), folder / "journal.db").close()
    os.mkfifo(folder / "camera")
    with (folder / "said").open("wb") as said, (folder / "complained").open("wb") as complained:
        kiosk = _start(folder, ground.events[0], said, complained)
        try:
            with window(_address(kiosk, folder)) as page, closing(Lane(kiosk, folder, crowd, page)) as opened:
                yield opened
        finally:
            end(kiosk)


def limit_decode_and_read(jpegs: list[bytes]) -> None:
    """Decode each picture to gray and look for codes in it once, and nothing else."""
    for jpeg in jpegs:
        gray = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
        zxingcpp.read_barcodes(gray, formats=QR_ONLY, try_rotate=False, text_mode=zxingcpp.TextMode.Plain)


def end(program: subprocess.Popen[bytes]) -> None:
    """End a program we have started as a volunteer does, and by force where that does not help."""
    program.terminate()
    try:
        program.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()


def _start(folder: Path, event: int, said: IO[bytes], complained: IO[bytes]) -> subprocess.Popen[bytes]:
    arguments = ["--journal", str(folder / "journal.db"), "--camera", str(folder / "camera"), "--hub", NOWHERE]
    arguments += ["--event", str(event), "--activity", str(HELPING), "--operator", "1", "--confirm-time"]
    return subprocess.Popen(
        [sys.executable, "-m", "kiosk", "run", *arguments, "--demo", "--json", "--port", "0"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=complained,
        start_new_session=True,  # Ctrl-C reaches only us, and we end it
    )


def _address(kiosk: subprocess.Popen[bytes], folder: Path) -> str:
    """Wait for the first line, which names the page."""
    give_up = time.monotonic() + START_SECONDS
    while b"\n" not in (line := (folder / "said").read_bytes()):
        if kiosk.poll() is not None or time.monotonic() > give_up:
            raise Ended(_last_words(folder))
        time.sleep(0.02)
    return msgspec.json.decode(line.splitlines()[0], type=dict[str, str])["page"]


def _last_words(folder: Path) -> str:
    return (folder / "complained").read_text(encoding="utf-8")


def _service(seqs: list[int], said: dict[int, list[int]], views: dict[int, list[float]], shown_ms: float) -> Service:
    scans = [scan for seq in seqs for scan in said.get(seq, [])]
    waits_ms = tuple(at_ms - shown_ms for scan in scans for at_ms in views[scan])
    return Service(len(seqs), len(scans), waits_ms)


def _grants_by_member(path: Path) -> dict[int, list[int]]:
    grants: dict[int, list[int]] = defaultdict(list)
    with closing(read_journal(path)) as reader:
        for row in reader.rows(1):
            body = read_entry(take_apart(ENTRY, row.encoded).payload).body
            if isinstance(body, Grant):
                grants[body.member].append(row.seq)
    return grants


def _scans_by_seq(path: Path) -> dict[int, list[int]]:
    """Return the numbers of the scans that were said to be received, by the entry each was said to be."""
    scans: dict[int, list[int]] = defaultdict(list)
    for encoded in path.read_bytes().splitlines():
        line = msgspec.json.decode(encoded, type=dict[str, object])
        if line.get("outcome") == RECEIVED:
            seq, scan = line["seq"], line["scan"]
            assert isinstance(seq, int)
            assert isinstance(scan, int)
            scans[seq].append(scan)
    return scans
