"""A booth of a simulated city: a card with a journal on it, a machine with clocks of its own, and what it was seen to
say.

The journal, the scan and the uplink are the kiosk's own code. The machine around them is played: it boots without a
clock, is killed, its card is copied, put back from an older copy, damaged or thrown away.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from kiosk.booth import Booth, Scan
from kiosk.journal import Journal, Kept
from kiosk.journal_file import COMPANIONS, JournalError
from kiosk.journal_open import JournalSetAside, begin_enrolment, open_journal
from kiosk.scan import Received, Recorded, Station
from kiosk.uplink import Line, UplinkThread
from simulator.town import Impossible, Violated, World
from sync.entry import Grant, Stamp, Void

NO_STATION = Station(0, 0)
_BOOTING_MS = 20_000


class MachineClock:
    """The clocks of one machine: a wall clock that is wrong by any amount, and a monotonic one from its boot."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.started_ms = world.now_ms
        self.ahead_ms = 0
        self._boot = bytes(16)

    def start(self, ahead_ms: int) -> None:
        """Boot: a new boot id, the monotonic clock at 0, the wall clock as far ahead as told."""
        self._boot = self._world.random_bytes(16)
        self.started_ms = self._world.now_ms - _BOOTING_MS
        self.ahead_ms = ahead_ms

    def wall_ms(self) -> int:
        """Return what the machine takes for the time."""
        return max(0, self._world.now_ms + self.ahead_ms)

    def monotonic_ms(self) -> int:
        """Return milliseconds since the boot."""
        return self._world.now_ms - self.started_ms

    def boot_id(self) -> bytes:
        """Return the boot's id."""
        return self._boot

    def sleep_ms(self, duration_ms: int) -> None:
        """Wait: the city's time goes on."""
        self._world.now_ms += duration_ms


@dataclass
class Machine:
    """One booth. `journal` is None while it is off or has no card; `salvaged` are journals that are only sent."""

    world: World
    folder: Path
    name: str
    is_clone: bool = False
    clock: MachineClock = field(init=False)
    path: Path = field(init=False)
    journal: Journal | None = None
    booth: Booth | None = None
    uplink: UplinkThread | None = None
    station: Station = NO_STATION
    offline_until_ms: int = 0
    last_seen_ms: int = 0
    boots: dict[bytes, int] = field(default_factory=dict)
    cards: int = 0
    salvaged: list[Path] = field(default_factory=list)
    acknowledged: dict[int, bytes] = field(default_factory=dict)
    """What this card has shown as received or recorded: {number: hash}."""

    def __post_init__(self) -> None:
        """Give the machine its clock and a place for its first card."""
        self.clock = MachineClock(self.world)
        self.last_seen_ms = self.world.now_ms
        self.new_card()

    @property
    def is_offline(self) -> bool:
        """Tell whether there is no network here now."""
        return self.world.now_ms < self.offline_until_ms

    @property
    def is_enrolled(self) -> bool:
        """Tell whether the card in the machine belongs to a kiosk that was let in and may sign."""
        return self.journal is not None and self.journal.certificate() is not None and not self.journal.stopped

    def new_card(self) -> None:
        """Put an empty card in."""
        self.cards += 1
        self.path = self.folder / f"{self.name}-{self.cards}.db"
        self.acknowledged = {}

    def begin(self, invitation: str, address: str) -> Journal:
        """Begin an enrolment on the card, with a fresh key."""
        self.start(0)
        self.journal = begin_enrolment(self.path, invitation, address, self.world.random_bytes(32))
        return self.journal

    def start(self, ahead_ms: int) -> None:
        """Boot the machine, its wall clock as far ahead as told."""
        self.clock.start(ahead_ms)
        self.boots[self.clock.boot_id()] = self.clock.started_ms

    def open(self) -> None:
        """Open the journal on the card. Raises Impossible without one; a broken one is set aside and will be sent."""
        if self.journal is not None:
            return
        try:
            self.journal = open_journal(self.path, accept_volatile=True)
        except JournalSetAside as aside:
            self.salvaged.append(aside.salvaged.path)
            self.world.count("salvaged")
            self.new_card()
            raise Impossible from aside
        except JournalError as error:
            raise Impossible from error
        self._look_for_what_was_shown()

    def serve(self, line: Line, *, time_is_confirmed: bool) -> None:
        """Begin a run of the booth's program at its station."""
        self.open()
        journal = self.usable()
        self.uplink = UplinkThread(journal, line, self.clock, lambda: 0.5)
        if journal.stopped:
            return
        self.booth = Booth(journal, self.clock, self.station)
        self.booth.open(time_is_confirmed=time_is_confirmed)

    def usable(self) -> Journal:
        """Return the open journal of a kiosk that was let in. Raises Impossible."""
        if self.journal is None or self.journal.certificate() is None:
            raise Impossible
        return self.journal

    def running(self) -> Booth:
        """Return the booth that runs. Raises Impossible."""
        if self.booth is None:
            raise Impossible
        return self.booth

    def note(self, scan: Scan) -> None:
        """Remember what the screen has promised. What it calls received must be on the card by then."""
        self.world.count(type(scan.outcome).__name__)
        if not isinstance(scan.outcome, Received | Recorded):
            return
        if isinstance(scan.outcome, Recorded):
            self.world.count(f"recorded: {scan.outcome.later.value}")
        kept = self.usable().hash_at(scan.seq or 0)
        if scan.seq is None or kept is None:
            raise Violated("shown before it was durable", f"{self.name}: {scan}")
        self.acknowledged[scan.seq] = kept

    def void(self, seq: int) -> bool:
        """Take a grant back; tell whether a void was signed."""
        return isinstance(self.running().void(seq, "まちがい"), Kept)

    def sign(self, body: Grant | Void, stamp: Stamp) -> None:
        """Sign something that the booth's program would not: what somebody with the card's key could."""
        self.usable().sign_and_keep(body, stamp)

    def end(self) -> None:
        """End the program properly, with the day's totals."""
        if self.booth is not None and self.journal is not None and not self.journal.stopped:
            self.booth.end_day()
        if self.journal is not None:
            self.journal.close()
        self._forget_run()

    def kill(self) -> None:
        """End the program as a power cut does."""
        if self.journal is not None:
            self.journal.abandon()
        self._forget_run()

    def copy_card(self, target: Path, *, with_witness: bool) -> None:
        """Copy the card's files. The program must have ended."""
        if not self.path.exists():
            raise Impossible
        for name in ("", *COMPANIONS):
            source = self.path.with_name(self.path.name + name)
            copy = target.with_name(target.name + name)
            copy.unlink(missing_ok=True)
            if source.exists() and (name != ".head" or with_witness):
                shutil.copy(source, copy)

    def put_card_back(self, copy: Path, *, with_witness: bool) -> None:
        """Put an older copy in the place of the card's files; what was shown since then is gone with them."""
        for name in ("", *COMPANIONS):
            place = self.path.with_name(self.path.name + name)
            source = copy.with_name(copy.name + name)
            if name == ".head" and not with_witness:
                continue
            place.unlink(missing_ok=True)
            if source.exists():
                shutil.copy(source, place)
        self.acknowledged = {}

    def damage(self, places: list[int]) -> None:
        """Overwrite some bytes of the card's file. The program must have ended without a word."""
        if not self.path.exists():
            raise Impossible
        content = bytearray(self.path.read_bytes())
        for place in places:
            start = 4_096 + place % max(1, len(content) - 4_096)
            content[start : start + 40] = bytes(len(content[start : start + 40]))
        self.path.write_bytes(content)
        self.acknowledged = {}

    def throw_away(self) -> None:
        """Lose the card for ever."""
        self.kill()
        for name in ("", *COMPANIONS):
            self.path.with_name(self.path.name + name).unlink(missing_ok=True)
        self.new_card()

    def _forget_run(self) -> None:
        self.last_seen_ms = self.clock.wall_ms()
        self.journal = self.booth = self.uplink = None

    def _look_for_what_was_shown(self) -> None:
        journal = self.journal
        if journal is None:
            return
        for seq in list(self.acknowledged)[-3:]:
            if journal.hash_at(seq) != self.acknowledged[seq]:
                raise Violated("what was shown as received is not on the card", f"{self.name}: entry {seq}")
