"""What a booth still knows of a person when its clock was set between two scans: a real journal, two scans, and the
clock's word for the day at each.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

import pytest
import wire_samples as wire
from kiosk_booth import STATION, HandClock, SmallHub, enrolled

from kiosk.booth import Booth, Scan
from kiosk.journal import Journal, Kept
from kiosk.scan import WORDS, AlreadyReceived, Station
from kiosk.uplink import UplinkThread
from sync.citytime import DAY_MS, city_day
from sync.entry import Stamp, Trust
from sync.manifest import Activity, Manifest, OccasionBy, Slot
from sync.rules import Fixed
from sync.token import write_token

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
NEVER_SET: Final = 0
"""1970, where a machine without a clock begins."""
EVENING: Final = wire.MORNING_MS + 14 * HOUR + 50 * MINUTE
"""23:50 of the first day; twenty minutes later it is the second."""
OTHER_BOOT: Final = bytes(16)

ONCE, DAILY, SLOTTED, LIMITED, OTHER_DAILY = 1, 2, 3, 4, 5
SLOTS: Final = (Slot(1, "午前"), Slot(3, "午後"))
CARD: Final = write_token(wire.MEMBER_KEY, wire.member(1), 1)


class Moment(NamedTuple):
    """What the clocks say at a scan: the wall clock, how far it is believed, and since when this boot runs."""

    wall_ms: int
    trust: Trust = Trust.NONE
    since_ms: int = 0
    boot: bytes = wire.BOOT

    @property
    def stamp(self) -> Stamp:
        return Stamp(self.wall_ms, self.boot, 600_000 + self.since_ms, self.trust)


class BoothAt(Booth):
    """A booth whose clocks say what a test tells them, at one station after another."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(journal, HandClock(), STATION)
        self.now = Moment(EVENING)

    def stamp(self) -> Stamp:
        return self.now.stamp

    def scan_at(self, moment: Moment, activity: int, slot: int = 1) -> str:
        self.now, self._station = moment, Station(wire.EVENT, activity, slot=slot)
        return WORDS[type(self.scan_code(CARD).outcome)]


def two_days() -> Manifest:
    activities = (
        Activity(ONCE, "入場", Fixed(10), OccasionBy.NONE, 0),
        Activity(DAILY, "お手伝い", Fixed(10), OccasionBy.DAY, 0),
        Activity(SLOTTED, "講座", Fixed(10), OccasionBy.SLOT, 0, SLOTS),
        Activity(LIMITED, "体操", Fixed(10), OccasionBy.SLOT, 1, SLOTS),
        Activity(OTHER_DAILY, "そうじ", Fixed(10), OccasionBy.DAY, 0),
    )
    event = wire.event()._replace(ends_ms=wire.EVENING_MS + DAY_MS, activities=activities)
    return wire.manifest()._replace(events=(event,))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(enrolled(tmp_path / "journal.db", two_days())) as journal:
        yield journal


@pytest.fixture
def booth(journal: Journal) -> BoothAt:
    return BoothAt(journal)


NONE, CONFIRMED, HUB = Trust.NONE, Trust.CONFIRMED, Trust.HUB
SOON, ALMOST, LONG = 20 * MINUTE, 10 * HOUR - 1, 10 * HOUR
"""How long after the first scan the second one is; 9 h 59 min 59.999 s is still the same day."""
MORNING: Final = wire.MORNING_MS
NEXT: Final = EVENING + SOON
FIRST_OTHER_BOOT = Moment(MORNING, HUB, boot=OTHER_BOOT)

SAME_DAY = {
    "no clock was set": (Moment(EVENING), Moment(NEXT, NONE, SOON)),
    "nobody set it, 1970 both times": (Moment(NEVER_SET), Moment(NEVER_SET + SOON, NONE, SOON)),
    "the network set it from 1970 to the second day": (Moment(NEVER_SET), Moment(NEXT, NONE, SOON)),
    "the network set it from the first day to the second": (Moment(MORNING), Moment(NEXT, NONE, SOON)),
    "the network set it back from the second day to the first": (Moment(NEXT), Moment(MORNING, NONE, SOON)),
    "the network set it back to 1970": (Moment(NEXT), Moment(NEVER_SET, NONE, SOON)),
    "the network set it to 2099": (Moment(MORNING), Moment(4_070_908_800_000, NONE, SOON)),
    "a volunteer set it from 1970 to the second day": (Moment(NEVER_SET), Moment(NEXT, CONFIRMED, SOON)),
    "a volunteer set it back to the first day": (Moment(NEXT), Moment(MORNING, CONFIRMED, SOON)),
    "it was confirmed, and midnight passed": (Moment(EVENING, CONFIRMED), Moment(NEXT, CONFIRMED, SOON)),
    "the hub told the second day after 1970": (Moment(NEVER_SET), Moment(NEXT, HUB, SOON)),
    "the hub told the first day after the second": (Moment(NEXT), Moment(MORNING, HUB, SOON)),
    "the hub told the second day after a confirmed first": (Moment(MORNING, CONFIRMED), Moment(NEXT, HUB, SOON)),
    "the hub told the first day after a confirmed second": (Moment(NEXT, CONFIRMED), Moment(MORNING, HUB, SOON)),
    "the hub had told the same day both times": (Moment(MORNING, HUB), Moment(MORNING + SOON, HUB, SOON)),
    "the hub had told the same day, 11 hours apart": (
        Moment(MORNING, HUB),
        Moment(MORNING + 11 * HOUR, HUB, 11 * HOUR),
    ),
    "the hub had told the same day, to another boot": (FIRST_OTHER_BOOT, Moment(MORNING + SOON, HUB)),
    "a jump of a day, 9 h 59 min": (Moment(MORNING), Moment(NEXT, NONE, ALMOST)),
    "the hub's word for another day, 9 h 59 min": (Moment(NEVER_SET), Moment(NEXT, HUB, ALMOST)),
}
ANOTHER_DAY = {
    "the hub had told two days, and midnight passed": (Moment(EVENING, HUB), Moment(NEXT, HUB, SOON)),
    "the hub told the second day and then the first": (Moment(NEXT, HUB), Moment(MORNING, HUB, SOON)),
    "10 hours, no clock": (Moment(MORNING), Moment(MORNING + LONG, NONE, LONG)),
    "10 hours, 1970 both times": (Moment(NEVER_SET), Moment(NEVER_SET + LONG, NONE, LONG)),
    "10 hours and a jump of a day": (Moment(MORNING), Moment(NEXT, NONE, LONG)),
    "10 hours, confirmed": (Moment(MORNING, CONFIRMED), Moment(MORNING + LONG, CONFIRMED, LONG)),
    "10 hours, then the hub told the same day": (Moment(MORNING), Moment(MORNING + LONG, HUB, LONG)),
    "another boot, no clock": (Moment(NEVER_SET, boot=OTHER_BOOT), Moment(NEVER_SET + SOON, NONE, SOON)),
    "another boot, set to the second day": (Moment(MORNING, boot=OTHER_BOOT), Moment(NEXT, NONE, SOON)),
    "another boot, confirmed": (Moment(MORNING, CONFIRMED, boot=OTHER_BOOT), Moment(MORNING + SOON, CONFIRMED, SOON)),
    "another boot, told by the hub only now": (Moment(MORNING, boot=OTHER_BOOT), Moment(MORNING + SOON, HUB, SOON)),
    "another boot, told by the hub only then": (FIRST_OTHER_BOOT, Moment(MORNING + SOON, NONE, SOON)),
    "another boot, two days by the hub": (FIRST_OTHER_BOOT, Moment(NEXT, HUB, SOON)),
}
same_day = pytest.mark.parametrize(("first", "second"), SAME_DAY.values(), ids=list(SAME_DAY))
another_day = pytest.mark.parametrize(("first", "second"), ANOTHER_DAY.values(), ids=list(ANOTHER_DAY))
any_day = pytest.mark.parametrize(
    ("first", "second"), [*SAME_DAY.values(), *ANOTHER_DAY.values()], ids=[*SAME_DAY, *ANOTHER_DAY]
)


@same_day
def test_once_a_day_is_once_whatever_the_clock_was_set_to(booth: BoothAt, first: Moment, second: Moment) -> None:
    booth.scan_at(first, DAILY)

    again = booth.scan_at(second, DAILY)

    assert again == "already_received"


@another_day
def test_once_a_day_is_given_again_where_it_may_be_another_day(booth: BoothAt, first: Moment, second: Moment) -> None:
    booth.scan_at(first, DAILY)

    again = booth.scan_at(second, DAILY)

    assert again == "received"


@same_day
def test_a_days_limit_is_not_passed_by_setting_the_clock(booth: BoothAt, first: Moment, second: Moment) -> None:
    booth.scan_at(first, LIMITED, slot=1)

    again = booth.scan_at(second, LIMITED, slot=3)

    assert again == "todays_limit"


@another_day
def test_a_days_limit_begins_anew_where_it_may_be_another_day(booth: BoothAt, first: Moment, second: Moment) -> None:
    booth.scan_at(first, LIMITED, slot=1)

    again = booth.scan_at(second, LIMITED, slot=3)

    assert again == "received"


@same_day
def test_what_was_voided_is_no_earlier_grant(booth: BoothAt, journal: Journal, first: Moment, second: Moment) -> None:
    for activity in (DAILY, LIMITED):
        booth.scan_at(first, activity)
        voided = booth.void(journal.head().seq, "間違い")
        assert isinstance(voided, Kept)

    again = [booth.scan_at(second, DAILY), booth.scan_at(second, LIMITED, slot=3)]

    assert again == ["received", "received"]


@same_day
def test_another_activity_is_not_touched(booth: BoothAt, first: Moment, second: Moment) -> None:
    booth.scan_at(first, DAILY)

    other = booth.scan_at(second, OTHER_DAILY)

    assert other == "received"


@any_day
def test_once_and_once_in_a_slot_go_by_no_clock(booth: BoothAt, first: Moment, second: Moment) -> None:
    booth.scan_at(first, ONCE)
    booth.scan_at(first, SLOTTED, slot=1)

    again = [booth.scan_at(second, ONCE), booth.scan_at(second, SLOTTED, 1), booth.scan_at(second, SLOTTED, 3)]

    assert again == ["already_received", "already_received", "received"]


def test_a_second_grant_that_is_voided_does_not_make_the_first_forgotten(booth: BoothAt, journal: Journal) -> None:
    """A booth that starts again without a clock gives once more; that is seen and taken back, then the hub is heard."""
    booth.scan_at(FIRST_OTHER_BOOT, DAILY)
    booth.scan_at(FIRST_OTHER_BOOT, LIMITED, slot=1)
    mistakes = [booth.scan_at(Moment(NEVER_SET), DAILY), booth.scan_at(Moment(NEVER_SET), LIMITED, slot=3)]
    for seq in (3, 4):
        booth.void(seq, "間違い")

    told = Moment(MORNING + SOON, HUB, SOON)
    again = [booth.scan_at(told, DAILY), booth.scan_at(told, LIMITED, slot=3)]

    assert mistakes == ["received", "received"]
    assert again == ["already_received", "todays_limit"]


def test_the_days_limit_counts_all_that_one_boot_gave_whatever_the_clock_said(booth: BoothAt) -> None:
    words = [
        booth.scan_at(Moment(NEVER_SET), SLOTTED, slot=1),
        booth.scan_at(Moment(NEXT, NONE, SOON), LIMITED, slot=1),
        booth.scan_at(Moment(MORNING, CONFIRMED, 2 * SOON), LIMITED, slot=3),
        booth.scan_at(Moment(NEXT, HUB, 3 * SOON), LIMITED, slot=3),
    ]

    assert words == ["received", "received", "todays_limit", "todays_limit"]


def test_a_clock_set_by_the_network_is_told_as_twenty_minutes_ago_not_as_1970(journal: Journal) -> None:
    clock = HandClock(wall=NEVER_SET)
    booth = Booth(journal, clock, STATION._replace(activity=DAILY))
    booth.open(time_is_confirmed=False)

    booth.scan_code(CARD)
    clock.turn(SOON)
    clock.wall = NEXT
    again = booth.scan_code(CARD)

    assert again.outcome == AlreadyReceived(NEXT - SOON, "お手伝い", 10)
    assert journal.totals().grants == 1


def test_the_hub_that_is_heard_after_midnight_gives_nothing_twice(journal: Journal) -> None:
    clock = HandClock(wall=NEVER_SET)
    booth = Booth(journal, clock, STATION._replace(activity=DAILY))
    scans: list[Scan] = [booth.scan_code(CARD)]

    clock.turn(SOON)
    UplinkThread(journal, SmallHub(changes={"hub_ms": NEXT}), clock, lambda: 0.5).turn()
    scans.append(booth.scan_code(CARD))
    clock.turn(DAY_MS)
    scans.append(booth.scan_code(CARD))

    assert [WORDS[type(scan.outcome)] for scan in scans] == ["received", "already_received", "received"]
    assert booth.stamp().trust == HUB
    assert city_day(booth.stamp().wall_ms) == city_day(NEXT) + 1
