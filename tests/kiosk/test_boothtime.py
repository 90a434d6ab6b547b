"""The stamp follows whoever told the time last and best, on the boot's own monotonic clock."""

from __future__ import annotations

import pytest
import wire_samples as wire

from kiosk.boothtime import BootTime, Confirmed, is_worth_keeping, stamp_at, trusted_day
from sync.citytime import city_day
from sync.codec import MOMENT_LIMIT
from sync.entry import Clock, Stamp, Trust

SAMPLE = Clock(wire.MORNING_MS, 1_000, 1_200)


def test_the_hubs_time_goes_before_the_volunteers_and_that_before_the_machines() -> None:
    confirmed = Confirmed(wire.MORNING_MS - 60_000, 500)

    by_machine = stamp_at(BootTime(wire.BOOT), 7, 2_100)
    by_volunteer = stamp_at(BootTime(wire.BOOT, None, confirmed), 7, 2_100)
    by_hub = stamp_at(BootTime(wire.BOOT, SAMPLE, confirmed), 7, 2_100)

    assert by_machine == Stamp(7, wire.BOOT, 2_100, Trust.NONE)
    assert by_volunteer == Stamp(wire.MORNING_MS - 58_400, wire.BOOT, 2_100, Trust.CONFIRMED)
    assert by_hub == Stamp(wire.MORNING_MS + 1_000, wire.BOOT, 2_100, Trust.HUB)


def test_only_the_hubs_time_is_trusted_with_a_date() -> None:
    known = BootTime(wire.BOOT, None, Confirmed(wire.MORNING_MS, 0))

    assert trusted_day(stamp_at(known, 0, 0)) is None
    assert trusted_day(stamp_at(known._replace(sample=SAMPLE), 0, 0)) == city_day(wire.MORNING_MS)


@pytest.mark.parametrize("wall_ms", [-5, 10**18])
def test_an_impossible_clock_still_gives_a_stamp_the_wire_takes(wall_ms: int) -> None:
    stamp = stamp_at(BootTime(wire.BOOT), wall_ms, 0)

    assert 0 <= stamp.wall_ms < MOMENT_LIMIT


@pytest.mark.parametrize(
    ("ahead_ms", "is_kept"),
    [(0, False), (2_000, False), (2_200, False), (2_201, True), (-2_201, True), (-2_200, False)],
)
def test_a_second_sample_is_kept_only_if_it_contradicts_the_first_by_more_than_two_seconds(
    ahead_ms: int, *, is_kept: bool
) -> None:
    later = Clock(wire.MORNING_MS + 60_000 + ahead_ms, 61_000, 61_200)

    assert is_worth_keeping(later, SAMPLE) is is_kept


def test_the_first_sample_of_a_boot_is_kept() -> None:
    assert is_worth_keeping(SAMPLE, None)


def test_a_slow_answer_does_not_contradict_a_quick_one() -> None:
    slow = Clock(wire.MORNING_MS + 90_000, 61_000, 121_000)

    assert not is_worth_keeping(slow, SAMPLE)
