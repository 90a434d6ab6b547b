"""One stand of the demo: a kiosk process, the camera process before it, and the cable between it and the hub.

The kiosk is started as a volunteer would start it, and what it prints is all that is known of it while it runs.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

import cv2
import msgspec
import numpy as np

from demo.cable import Cable
from demo.camera_feed import Person, draw
from demo.pictures import Booth
from demo.processes import SAID, Child, DidNotCome, Family, Line

FRAMES_A_SECOND = 5
FRAMES, GAP_FRAMES = 5, 2
"""How long somebody stands before the camera, and how long nobody does."""

START_SECONDS = 60.0
PATIENCE_SECONDS = 8.0
"""How long an answer may take before the person holds the card up again."""

TRIES = 6
DIGITS = "digits to compare: "


class Code(NamedTuple):
    """What somebody shows, how, and where its pictures lie."""

    text: str
    kind: Literal["card", "phone"]
    film: Path


class Stand:
    """A kiosk with its own camera source; without one (`source` "") the camera is played."""

    def __init__(self, name: str, folder: Path, family: Family, cable: Cable, *, seed: int, source: str = "") -> None:
        self.name = name
        self.cable = cable
        self.journal = folder / "journal.db"
        self.source = source
        self.scans: list[Line] = []
        """Everything its screen has said."""
        self.page = ""
        """The address of its screen in the browser, from the first opening on always the same."""
        self.kiosk: Child | None = None
        self._camera = folder / "camera"
        self._place = Booth(np.random.default_rng(seed))
        self._folder = folder
        self._family = family
        self._seed = seed
        self._feed: Child | None = None
        folder.mkdir(parents=True)
        if not source:
            os.mkfifo(self._camera)

    def draw(self, code: Code) -> None:
        """Draw somebody before this stand's camera, as a film for later."""
        code.film.write_bytes(b"".join(draw(Person(code.text, code.kind, FRAMES), self._place)))

    async def ask_for_enrolment(self, invitation: str) -> tuple[Child, str]:
        """Start `kiosk enrol` with a camera picture of the hub's code; return it and the digits it shows. Raises
        DidNotCome.
        """
        picture = self._folder / "invitation.png"
        cv2.imwrite(str(picture), self._place.frame(self._place.show(invitation, "phone")))
        options = ("--journal", str(self.journal), "--camera", str(picture), "--demo")
        child = await self._family.start(f"{self.name} kiosk enrol", "-m", "kiosk", "enrol", *options)
        return child, await child.wait_for(_digits, START_SECONDS, "digits to compare")

    async def open(self, event: int, activity: int) -> None:
        """Start the kiosk at an event, and the camera before it; return when the kiosk is ready. Raises DidNotCome.

        Its screen comes back at the address it had before, so that an open browser finds it again by itself.
        """
        options = ("--journal", str(self.journal), "--camera", self.source or str(self._camera), "--demo", "--json")
        station = ("--event", str(event), "--activity", str(activity), "--confirm-time", "--port", str(self.port))
        if not self.source:
            await self._replace_feed()
        self.kiosk = await self._family.start_service(
            f"{self.name} kiosk run", "-m", "kiosk", "run", *options, *station, seconds=START_SECONDS
        )
        self.page = await self.kiosk.wait_for(_page, START_SECONDS, "address of the screen")

    @property
    def port(self) -> int:
        """Where its screen is served; 0 before the first opening."""
        return urlsplit(self.page).port or 0

    async def close(self) -> int:
        """End the kiosk as a volunteer does, with SIGTERM: it signs the totals and sends what it can. Return its
        status.
        """
        assert self.kiosk is not None
        if self.source and not self.kiosk.is_running:
            await self._send_rest()
        status = await self.kiosk.end()
        self._note(self.kiosk.lines_so_far())
        await self._end_feed()
        return status

    async def kill(self) -> list[Line]:
        """Take its power away in the middle of whatever it does; return what it had still said to who stood there."""
        assert self.kiosk is not None
        scans = self._note(await self.kiosk.kill())
        await self._end_feed()
        return [scan for scan in scans if not is_typed(scan)]

    async def show(self, code: Code) -> Line:
        """Hold a code up until the screen answers, and return what it says. Raises DidNotCome."""
        assert self.kiosk is not None
        for attempt in range(1, TRIES + 1):
            self.hold_up(code, anew=attempt > 1)
            scan = await self._answer(PATIENCE_SECONDS)
            if scan is not None:
                await self._settle(attempt)
                return scan
        raise self.kiosk.did_not_come(f"no answer to a code held up {TRIES} times")

    async def next_scan(self) -> Line | None:
        """Return what the screen says next, whoever is there; None when the pictures have ended. Raises DidNotCome."""
        assert self.kiosk is not None
        try:
            while not (scans := await self._heard(PATIENCE_SECONDS)):
                pass
        except DidNotCome:
            await self.kiosk.ended(PATIENCE_SECONDS)
            return None
        return scans[0]

    def hold_up(self, code: Code, *, anew: bool = False) -> None:
        """Put somebody before the camera; `anew`: the card is held in another way than before."""
        assert self._feed is not None
        if not self._feed.is_running:
            raise self._feed.did_not_come("the camera has ended")
        film = "" if anew else str(code.film)
        person = Person(code.text, code.kind, FRAMES, GAP_FRAMES, film)
        self._feed.say(msgspec.json.encode(person) + b"\n")

    async def _send_rest(self) -> None:
        """A kiosk whose pictures have ended has ended too, perhaps without a network; start it once more, to send."""
        station = ("--event", "1", "--activity", "1")
        options = ("--journal", str(self.journal), "--typed", "--demo", "--json", "--no-page", *station)
        self.kiosk = await self._family.start(f"{self.name} kiosk run", "-m", "kiosk", "run", *options)
        self.kiosk.hang_up()
        await self.kiosk.ended(START_SECONDS)

    def clear(self) -> None:
        """Take away the camera's pipe and the picture of the hub's code; the journal stays."""
        for path in (self._camera, self._folder / "invitation.png"):
            path.unlink(missing_ok=True)

    async def _answer(self, seconds: float) -> Line | None:
        """Return the next scan of the camera. Who types a number meanwhile is somebody else."""
        while scans := await self._heard(seconds):
            if not is_typed(scans[0]):
                return scans[0]
        return None

    async def _heard(self, seconds: float) -> list[Line]:
        """Return the next scan, if there is one in time."""
        assert self.kiosk is not None
        line = await self.kiosk.next_line(seconds)
        return self._note([line] if line is not None else [])

    async def _settle(self, attempts: int) -> None:
        """After several attempts the same card may be answered once more; that answer is nobody else's."""
        assert self.kiosk is not None
        if attempts > 1:
            await asyncio.sleep(2 * FRAMES / FRAMES_A_SECOND)
            self._note(self.kiosk.lines_so_far())

    def _note(self, lines: list[Line]) -> list[Line]:
        """Keep what the screen has said; other lines are no scans."""
        scans = [line for line in lines if "outcome" in line]
        self.scans += scans
        return scans

    async def _replace_feed(self) -> None:
        await self._end_feed()
        options = ("--to", str(self._camera), "--seed", str(self._seed), "--frames-a-second", str(FRAMES_A_SECOND))
        self._feed = await self._family.start(f"{self.name} camera", "-m", "demo.camera_feed", *options)

    async def _end_feed(self) -> None:
        if self._feed is not None:
            await self._feed.end()


def is_typed(scan: Line) -> bool:
    """Tell whether a number was typed; else the camera has read a code."""
    return bool(scan.get("typed"))


def _page(line: Line) -> str | None:
    """Return what the first line of `kiosk run --json` says."""
    return str(line["page"]) if "page" in line else None


def _digits(line: Line) -> str | None:
    """Return the 16 hex digits in a line of `kiosk enrol`."""
    _, found, digits = str(line.get(SAID, "")).partition(DIGITS)
    return digits.strip() if found else None
