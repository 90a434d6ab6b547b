"""The hub's side of the demo: founds a hub, fills it with events and sample members, runs it, and plays the clerk.

What a clerk does goes through the hub's own acts on the hub's database. The members' cards are entered while the
hub process does not run; only the kiosks are let in beside it, when its database is new and nobody else writes to it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from config.clock import Clock
from demo.cable import Address
from demo.cast import OTHER_POINTS, POINTS
from demo.processes import Child, DidNotCome, Family, Line
from hub.acts.doing import Done, Person, kind_of, new_number, perform
from hub.acts.events import add_event
from hub.acts.kiosks import approve_kiosk, invite_kiosk
from hub.acts.members import add_members, lose_card
from hub.acts.organisations import add_allotment, add_organisation
from hub.audit import audit
from hub.keys.keyring import load_keyring
from hub.register.enrolments import applicants, invitation_of
from hub.service import Hub
from hub.store.opening import store_for
from hub.store.turn import turn_to_write
from sync import base45
from sync.citytime import DAY_MS
from sync.enrolment import write_invitation
from sync.envelope import MEMBER, SigningKey
from sync.manifest import Activity, OccasionBy, Share
from sync.rules import Fixed
from sync.token import PREFIX, write_token

ACTIVITY = 1
ALLOTTED, SHARE, RESERVE = 100_000, 20_000, 2_000
HOUR_MS = 3_600_000
SETTINGS_FILE = "hub.toml"
SETTINGS = "next_after_seconds = 1\n"
"""Kiosks are asked to come every second, so that there is something to see."""

CLERK = Person("デモ")

START_SECONDS = 60.0
LOOK_SECONDS = 0.1
"""How often the clerk looks at the desk."""


class Opening(NamedTuple):
    """Where a hub process listens, and the link that opens its desk once."""

    address: Address
    desk: str


class Town:
    """A hub in `folder`, its process, and its clerk."""

    def __init__(self, folder: Path, family: Family, clock: Clock, random: Random) -> None:
        self.events: tuple[int, int] = (0, 0)
        """The event of today, and the one that is over or has not begun."""
        self.members: list[int] = []
        self._folder = folder
        self._family = family
        self._clock = clock
        self._random = random
        self._process: Child | None = None

    async def found(self, people: int) -> None:
        """Run `hub init`, and enter the organisation, its points, two events and the members."""
        self._folder.mkdir(parents=True)
        data, root_key = self._folder / "data", self._folder / "root.key"
        child = await self._family.start(
            "hub init", "-m", "hub", "init", "--data", str(data), "--root-key", str(root_key), "--demo"
        )
        await child.ended(START_SECONDS)
        (self._folder / SETTINGS_FILE).write_text(SETTINGS, encoding="utf-8")
        self.store = store_for(data, "")
        self.hub = Hub(self.store, load_keyring(data), self._clock.wall_ms, os.urandom)
        with turn_to_write(data):
            self._enter(people)

    async def open(self, port: int = 0) -> Opening:
        """Start `hub serve`; return where it listens."""
        where = ("--data", str(self._folder / "data"), "--settings", str(self._folder / SETTINGS_FILE))
        options = (*where, "--port", str(port), "--json", "--demo")
        self._process = await self._family.start("hub serve", "-m", "hub", "serve", *options)
        return await self._process.wait_for(_opening, START_SECONDS, "address")

    async def kill(self) -> None:
        """Take its power away."""
        assert self._process is not None
        await self._process.kill()

    async def close(self) -> int:
        """End the hub with SIGTERM; return its status."""
        assert self._process is not None
        return await self._process.end()

    def look(self) -> None:
        """Raise DidNotCome if the hub's process has ended by itself."""
        if self._process is not None and not self._process.is_running:
            raise self._process.did_not_come("ended by itself")

    def invite(self, name: str, address: Address) -> tuple[bytes, str]:
        """Open an invitation for a kiosk that reaches the hub at `address`; return its key and the text of its code."""
        enrolment: bytes = _do(self.hub, invite_kiosk, name, self._organisation).made
        with self.store.reading() as connection:
            invitation = invitation_of(self.hub, connection, enrolment, "http://{}:{}".format(*address))
        assert invitation is not None
        return enrolment, write_invitation(invitation)

    async def approve(self, enrolment: bytes, digits: str) -> bytes:
        """Wait until the kiosk stands on the desk, and let it in if both show the same digits; return its identity.
        Raises DidNotCome.
        """
        shown = ""
        for _ in range(round(START_SECONDS / LOOK_SECONDS)):
            with self.store.reading() as connection:
                shown = {one.enrolment: one.digits for one in applicants(connection)}[enrolment]
            if shown:
                break
            await asyncio.sleep(LOOK_SECONDS)
        if shown != digits:
            raise DidNotCome(f"the kiosk shows {digits}, the desk {shown or 'nothing'}")
        kiosk: bytes = _do(
            self.hub, approve_kiosk, enrolment, self.events, (Share(self._allotment, SHARE, RESERVE),)
        ).made
        return kiosk

    def report_lost(self, person: int) -> None:
        """List somebody's first card as lost; the hub process must not be running."""
        with turn_to_write(self._folder / "data"):
            _do(self.hub, lose_card, self.member(person), 1)

    def defects(self) -> list[str]:
        """Return what the hub's own audit objects to."""
        return [
            f"{one.table}: {one.subject}: {one.defect}"
            for one in audit(self.store, self.hub.keyring)
            if not one.is_note
        ]

    def member(self, person: int) -> int:
        """Return the number of 見本`person`."""
        return self.members[person - 1]

    def card_of(self, person: int) -> str:
        """Return what the code on somebody's first card says."""
        return write_token(self.hub.keyring.signer(MEMBER), self.member(person), 1)

    def forged_card_of(self, person: int) -> str:
        """Return a card for somebody that the hub has not signed: by a stranger's key, or a true one altered."""
        if self._random.random() < 0.5:
            return write_token(SigningKey(self._random.randbytes(32)), self.member(person), 1)
        signed = bytearray(base45.decode(self.card_of(person)[len(PREFIX) :]))
        signed[-1 - self._random.randrange(64)] ^= 1 << self._random.randrange(8)
        return PREFIX + base45.encode(bytes(signed))

    def end(self) -> None:
        """Close the database."""
        if hasattr(self, "store"):
            self.store.close()

    def _enter(self, people: int) -> None:
        # The numbers of a run come from its seed, so that the same people come again.
        seeded = replace(self.hub, random_bytes=self._random.randbytes)
        now_ms = self._clock.wall_ms()
        self._organisation = _do(seeded, add_organisation, "見本団体1", "grants").made
        self._allotment = _do(seeded, add_allotment, self._organisation, "見本の付与枠", ALLOTTED).made
        today = (now_ms - HOUR_MS, now_ms + DAY_MS)
        other = self._random.choice([(now_ms - DAY_MS, now_ms - HOUR_MS), (now_ms + DAY_MS, now_ms + 2 * DAY_MS)])
        self.events = (
            self._add_event(seeded, "見本まつり", today, POINTS),
            self._add_event(seeded, "見本そうじの日", other, OTHER_POINTS),
        )
        self.members = list(_do(seeded, add_members, people).made)
        self._random.shuffle(self.members)

    def _add_event(self, hub: Hub, name: str, window: tuple[int, int], points: int) -> int:
        activity = Activity(0, "来場", Fixed(points), OccasionBy.NONE, 0)
        event: int = _do(hub, add_event, name, *window, self._allotment, (activity,)).made
        return event


def _do(hub: Hub, function: Callable[..., Done[Any]], *arguments: Any) -> Done[Any]:
    """Do an act as the demo's clerk, by a form of its own."""
    number = new_number(hub, CLERK, kind_of(function))
    return perform(hub, CLERK, number, "デモ / demo", function, *arguments)


def _opening(line: Line) -> Opening | None:
    """Return what the first line of `hub serve --json` says."""
    if "address" not in line:
        return None
    parts = urlsplit(str(line["address"]))
    return Opening((parts.hostname or "127.0.0.1", parts.port or 0), str(line.get("desk", "")))
