"""Carries batches between booths and hub as bad weather does: cut before or after the hub, twice, late, out of order,
cut short; and sticks that race the network.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from pathlib import Path

from hub.intake.arrival import ClockDoubted, RolledBack, take_batch
from hub.register.manifests import newest_manifest
from hub.service import newest_key_list
from hub.store.database import row
from hub.wire.importing import batch_files, import_files, take_here
from simulator.booths import Machine
from simulator.hub import HubCrashed, HubHouse
from simulator.town import Violated, World
from sync.batch import read_batch
from sync.codec import WireError
from sync.engine import HubUnreachable
from sync.envelope import RECEIPT
from sync.files import BATCH_SUFFIX, export_batches, take_answers
from sync.receipt import Status, read_receipt

BAG_SIZE = 12
"""Messages that are under way for long, at most."""
_ON_THE_WAY_MS = 40


class Weather(IntEnum):
    """What becomes of a batch on its way."""

    FAIR = 0
    CUT_BEFORE = 1
    CUT_AFTER = 2
    TWICE = 3
    LATE = 4
    OLD_ANSWER = 5
    CUT_SHORT = 6
    SLOW = 7


class Road:
    """What lies between all booths and the hub. `bag` holds batches that are still under way."""

    def __init__(self, world: World, house: HubHouse, folder: Path, looked_at: Callable[[bytes], None]) -> None:
        self.world = world
        self.house = house
        self.bag: list[bytes] = []
        self.stick = folder / "stick"
        self.stick.mkdir()
        self.answers = folder / "answers"
        self.answers.mkdir()
        self._looked_at = looked_at

    def deliver(self, encoded: bytes) -> bytes:
        """Hand a batch to the hub and return its receipt. Raises HubUnreachable where there is none."""
        hub = self.house.hub
        if hub is None:
            raise HubUnreachable("down")
        try:
            answer = take_batch(hub, read_batch(encoded))
        except WireError as error:
            raise HubUnreachable(error.reason) from error
        except RolledBack as error:
            self.world.count("rolled back")
            raise HubUnreachable("rolled back") from error
        except ClockDoubted as error:
            self.world.count("clock doubted")
            raise HubUnreachable("clock doubted") from error
        except HubCrashed as error:
            self.crashed()
            raise HubUnreachable("gone") from error
        self._look_at_receipt(answer)
        self._looked_at(encoded)
        return answer

    def crashed(self) -> None:
        """The hub has ended: it is served again at once, and finishes what it had left."""
        self.world.count("crashes")
        self.house.stop()
        self.house.start()

    def deliver_late(self, which: int) -> None:
        """Hand over one of the batches in the bag; nobody waits for the answer."""
        encoded = self.bag.pop(which % len(self.bag))
        self.world.count("late batches")
        try:
            self.deliver(encoded)
        except HubUnreachable:
            return

    def export(self, machine: Machine) -> int:
        """Write everything that waits on a booth's card onto the stick."""
        return len(export_batches(machine.usable(), self.stick))

    def import_stick(self, *, stays: bool) -> int:
        """Take the stick in at the hub; the answers go onto it. `stays`: the batches stay on it, to be taken in again.

        Raises HubUnreachable.
        """
        hub = self.house.hub
        if hub is None:
            raise HubUnreachable("down")
        files = batch_files([self.stick])
        take = take_here(hub)

        def looked_at(encoded: bytes) -> bytes:
            answer = take(encoded)
            self._look_at_receipt(answer)
            self._looked_at(encoded)
            return answer

        try:
            done = list(import_files(hub, files, self.answers, looked_at))
        except HubCrashed:
            self.crashed()
            return 0
        except ClockDoubted as error:
            self.world.count("clock doubted")
            raise HubUnreachable("clock doubted") from error
        if not stays:
            for one in done:
                if not one.trouble:
                    one.path.unlink()
        return len(done)

    def take_answers(self, machine: Machine) -> int:
        """Carry the answers back to a booth."""
        return len(take_answers(machine.usable(), self.answers))

    def batches_on_stick(self) -> list[Path]:
        """Return the batches that are still on the stick."""
        return sorted(path for path in self.stick.iterdir() if path.suffix == BATCH_SUFFIX)

    def _look_at_receipt(self, answer: bytes) -> None:
        """What the hub has signed as arrived must be in its database by then."""
        hub = self.house.hub
        if hub is None:
            return
        receipt = read_receipt(answer, hub.keyring.verifying(RECEIPT))
        if receipt.status is Status.UNKNOWN or receipt.cursor.seq == 0:
            return
        with hub.store.reading() as connection:
            found = row(
                connection,
                "SELECT 1 FROM entry WHERE kiosk = :kiosk AND seq = :seq AND hash = :hash",
                kiosk=receipt.kiosk,
                seq=receipt.cursor.seq,
                hash=receipt.cursor.hash,
            )
        if found is None:
            raise Violated("a receipt names what has not arrived", f"{receipt.kiosk.hex()[:4]} {receipt.cursor.seq}")


class SimulatedLine:
    """One booth's line to the hub (`kiosk.uplink.Line`). `weather` is what becomes of the next batches, in turn."""

    def __init__(self, road: Road, machine: Machine) -> None:
        self._road = road
        self._machine = machine
        self.weather: list[Weather] = []
        self._old_answer = b""

    def post_batch(self, encoded: bytes) -> bytes:
        """Carry a batch as the weather is. Raises HubUnreachable."""
        self._pass_time(_ON_THE_WAY_MS)
        weather = self.weather.pop(0) if self.weather else Weather.FAIR
        if self._machine.is_offline:
            raise HubUnreachable("offline")
        if weather is not Weather.FAIR:
            self._road.world.count("carrier faults")
        if weather is Weather.CUT_BEFORE:
            raise HubUnreachable("cut")
        if weather is Weather.CUT_SHORT:
            encoded = encoded[: len(encoded) // 2]
        if weather is Weather.LATE and len(self._road.bag) < BAG_SIZE:
            self._road.bag.append(encoded)
            raise HubUnreachable("no answer yet")
        answer = self._road.deliver(encoded)
        self._pass_time(_ON_THE_WAY_MS)
        if weather is Weather.TWICE:
            answer = self._road.deliver(encoded)
        if weather is Weather.CUT_AFTER:
            raise HubUnreachable("answer lost")
        if weather is Weather.SLOW:
            self._pass_time(25_000)
        before, self._old_answer = self._old_answer, answer
        return before if weather is Weather.OLD_ANSWER and before else answer

    def get_key_list(self) -> bytes:
        """Return the hub's newest key list. Raises HubUnreachable."""
        hub = self._road.house.hub
        if hub is None or self._machine.is_offline:
            raise HubUnreachable("offline")
        with hub.store.reading() as connection:
            return newest_key_list(connection)

    def get_manifest(self) -> bytes:
        """Return the newest manifest for this booth's kiosk. Raises HubUnreachable."""
        hub = self._road.house.hub
        if hub is None or self._machine.is_offline:
            raise HubUnreachable("offline")
        with hub.store.reading() as connection:
            encoded = newest_manifest(connection, self._machine.usable().kiosk)
        if encoded is None:
            raise HubUnreachable("HTTP 404")
        return encoded

    def close(self) -> None:
        """Let go of the line."""

    def _pass_time(self, duration_ms: int) -> None:
        self._road.world.now_ms += duration_ms
