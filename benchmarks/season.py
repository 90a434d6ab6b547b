"""What a booth's season costs its hub: many boots without a clock, time samples that come after the first records, and
voids, beside the same grants on the plain road; and 80 booths that boot on one morning, with the desk open.

All roads bring the same grants in the same batches on the same days, each to a hub of its own, batch by batch by turns.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from msgspec.structs import replace

from benchmarks import morning
from benchmarks.ground import NOW_MS, SOFTWARE, Booth, Ground, grant, laid, let_in
from benchmarks.report import Line, Works, at_most, by_turns, rate
from hub.intake.arrival import take_batch
from hub.store.database import rows
from sync.batch import Batch, read_batch, write_batch
from sync.citytime import CITY_AHEAD_MS, DAY_MS, city_day
from sync.entry import Body, Clock, Grant, Opened, Stamp, Trust, Void


class Sizes(NamedTuple):
    """How much is measured: seasons of one booth, and a morning of many."""

    rounds: int
    entries: int
    boots: int
    batches: int
    voids: int
    morning: morning.Sizes


FULL: Final = Sizes(3, 20_000, 60, 240, 20, morning.FULL)
QUICK: Final = Sizes(1, 120, 3, 12, 2, morning.QUICK)

OPENS_MS: Final = 10 * 3_600_000
"""From midnight to the first batch of a day."""
BOOTED_BEFORE_MS, BATCHES_APART_MS, GRANTS_APART_MS = 30 * 60_000, 20 * 60_000, 1_000
ROUND_TRIP_MS: Final = 100
SAMPLE_IN, VOID_IN = 1, 2
"""Which batch of a boot brings its time sample – the answer to the first – and which one a void of its first grant."""


class Samples(Enum):
    """Which batches bring a time sample."""

    NEVER = "never"
    ONCE_A_BOOT = "once a boot"
    ALWAYS = "always"


class Manner(NamedTuple):
    """How a booth goes through its season: whether it boots each day, which batches bring a sample, and its voids."""

    boots: bool
    samples: Samples
    voids: int = 0


SEASON, SAMPLED, PLAIN = "season", "sampled", "plain"


def manners(sizes: Sizes) -> dict[str, Manner]:
    """Return the three roads: a real season; one boot with a sample in every batch; one boot and nothing but grants."""
    return {
        SEASON: Manner(boots=True, samples=Samples.ONCE_A_BOOT, voids=sizes.voids),
        SAMPLED: Manner(boots=False, samples=Samples.ALWAYS),
        PLAIN: Manner(boots=False, samples=Samples.NEVER),
    }


def measure(folder: Path, sizes: Sizes) -> list[Line]:
    """Let booths go through the same season on three roads; then let many boot on one morning."""
    return [*_season_lines(folder, sizes), *morning.measure(folder / "morning", sizes.morning)]


def _season_lines(folder: Path, sizes: Sizes) -> list[Line]:
    with ExitStack() as stack:
        roads: dict[str, Road] = {}

        def works(number: int) -> Works:
            season, batch = divmod(number, sizes.batches)
            if batch == 0:
                _see_that_all_is_posted(sizes, roads)
                for name, manner in manners(sizes).items():
                    ground = stack.enter_context(_ground(folder / f"{name}-{season}", sizes))
                    roads[name] = Road(sizes, manner, ground, let_in(ground, "見本", ground.events))
            for name, road in roads.items():
                encoded = write_batch(road.batch(batch))
                yield name, partial(_send, road, encoded)

        took = by_turns(sizes.rounds, works, sizes.batches)
        _see_that_all_is_posted(sizes, roads)
    plain = f"{rate(took[PLAIN], sizes.entries)}: one boot, no sample, no void"
    return [
        Line(
            f"a season: {sizes.entries:,} entries, {sizes.boots} boots, {sizes.voids} voids, of the plain road",
            rate(took[SEASON], sizes.entries),
            plain,
            took[SEASON].cpu / took[PLAIN].cpu,
            at_most(2),
        ),
        Line(
            "a sample in every batch of one boot, of the plain road",
            rate(took[SAMPLED], sizes.entries),
            plain,
            took[SAMPLED].cpu / took[PLAIN].cpu,
            at_most(3),
        ),
    ]


def _ground(folder: Path, sizes: Sizes) -> AbstractContextManager[Ground]:
    people = -(-sizes.entries // sizes.boots)
    return laid(folder, people, sizes.boots, windows=days(sizes))


def days(sizes: Sizes) -> list[tuple[int, int]]:
    """Return when each day's event begins and ends."""
    return [(midnight_ms(day), midnight_ms(day + 1) - 1) for day in range(sizes.boots)]


def _send(road: Road, encoded: bytes) -> None:
    take_batch(road.ground.hub, read_batch(encoded))


def _see_that_all_is_posted(sizes: Sizes, roads: dict[str, Road]) -> None:
    """See that the roads did the same work: but for the voids, each has posted the same grants, and nothing is held."""
    for road in roads.values():
        others = 2 * sizes.boots + sizes.voids
        voids = {"dismissed": road.manner.voids} if road.manner.voids else {}
        assert road.verdicts() == {"posted": sizes.entries - others - road.manner.voids, **voids}, road.verdicts()


@dataclass
class Road:
    """A booth on its way through a season, and the hub it sends to."""

    sizes: Sizes
    manner: Manner
    ground: Ground
    booth: Booth
    first_granted: int = 0

    def batch(self, number: int) -> Batch:
        """Turn the hub's clock to the arrival of a batch, and return it."""
        day, of_day = divmod(number, self.sizes.batches // self.sizes.boots)
        now_ms = midnight_ms(day) + OPENS_MS + of_day * BATCHES_APART_MS
        self.ground.watch.now_ms = now_ms
        bodies = self._bodies(number, now_ms)
        moments = range(now_ms - len(bodies) * GRANTS_APART_MS, now_ms, GRANTS_APART_MS)
        stamps = (self._stamp(number, moment_ms) for moment_ms in moments)
        return self.booth.batch_at(zip(bodies, stamps, strict=True))

    def verdicts(self) -> dict[str, int]:
        """Return how many grants the hub has under each verdict."""
        with self.ground.hub.store.reading() as connection:
            found = rows(connection, "SELECT verdict, grants FROM kiosk_count WHERE grants > 0")
        return {one.verdict: one.grants for one in found}

    def _bodies(self, number: int, now_ms: int) -> list[Body]:
        of_day = number % (self.sizes.batches // self.sizes.boots)
        bodies: list[Body] = []
        if number == 0 or (self.manner.boots and of_day == 0):
            bodies.append(Opened(SOFTWARE, self.booth.opened.manifest, now_ms - BOOTED_BEFORE_MS))
        if self._is_sampled(number):
            told_ms = now_ms - BATCHES_APART_MS
            sent_ms = self._monotonic_ms(number, told_ms)
            bodies.append(Clock(told_ms, sent_ms, sent_ms + ROUND_TRIP_MS))
        if of_day == 0:
            self.first_granted = self.booth.head.seq + 1 + len(bodies)
        bodies += self._grants(number)
        if self.manner.voids and is_voiding(self.sizes, number):
            bodies.append(Void(self.first_granted, "見本"))
        return bodies

    def _grants(self, number: int) -> list[Grant]:
        """Return the grants of a batch: the same on each road, and as many as the season has room for."""
        per_boot = self.sizes.batches // self.sizes.boots
        day, of_day = divmod(number, per_boot)
        starts = [one * self.sizes.entries // self.sizes.batches for one in (day * per_boot, number, number + 1)]
        others = (of_day in {0, SAMPLE_IN}) + is_voiding(self.sizes, number)
        people = self.ground.members[starts[1] - starts[0] : starts[2] - starts[0] - others]
        usual = grant(self.ground, self.ground.events[day], 1)
        occasion = city_day(midnight_ms(day))
        return [replace(usual, member=member, occasion=occasion) for member in people]

    def _is_sampled(self, number: int) -> bool:
        of_day = number % (self.sizes.batches // self.sizes.boots)
        return (
            of_day == SAMPLE_IN
            if self.manner.samples is Samples.ONCE_A_BOOT
            else (self.manner.samples is Samples.ALWAYS and number > 0)
        )

    def _stamp(self, number: int, moment_ms: int) -> Stamp:
        boot = self._boot_day(number).to_bytes(16, "big")
        is_told = self._is_sampled(number) or (
            self.manner.boots and number % (self.sizes.batches // self.sizes.boots) > 1
        )
        trust = Trust.HUB if is_told else Trust.CONFIRMED
        return Stamp(moment_ms, boot, self._monotonic_ms(number, moment_ms), int(trust))

    def _boot_day(self, number: int) -> int:
        return number // (self.sizes.batches // self.sizes.boots) if self.manner.boots else 0

    def _monotonic_ms(self, number: int, moment_ms: int) -> int:
        return moment_ms - (midnight_ms(self._boot_day(number)) + OPENS_MS - BOOTED_BEFORE_MS)


def is_voiding(sizes: Sizes, number: int) -> bool:
    """Tell whether a batch of the season voids the first grant of its day. Voids lie evenly over the days."""
    day, of_day = divmod(number, sizes.batches // sizes.boots)
    return of_day == VOID_IN and (day + 1) * sizes.voids // sizes.boots > day * sizes.voids // sizes.boots


def midnight_ms(day: int) -> int:
    """Return when the `day`th day of the season begins in the city."""
    return (city_day(NOW_MS) + 1 + day) * DAY_MS - CITY_AHEAD_MS
