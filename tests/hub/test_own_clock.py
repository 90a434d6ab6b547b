"""The hub's own clock: which jumps stop the hub, by value."""

from __future__ import annotations

import pytest

from hub.own_clock import Doubt, OwnClock, Told, doubt_about
from sync.citytime import DAY_MS

MINUTE_MS = 60_000
NOON_MS = 1_794_614_400_000


@pytest.mark.parametrize(
    ("jump_ms", "is_synchronised", "expected"),
    [
        (0, False, None),
        (5 * MINUTE_MS, False, None),
        (5 * MINUTE_MS + 1, False, Doubt.SET_FORWARD),
        (5 * MINUTE_MS + 1, True, None),
        (DAY_MS, True, None),
        (DAY_MS + 1, True, Doubt.SET_FORWARD),
        (-5 * MINUTE_MS, False, None),
        (-5 * MINUTE_MS - 1, True, Doubt.SET_BACK),
    ],
)
def test_the_wall_clock_may_leave_the_monotonic_one_by_five_minutes(
    jump_ms: int, expected: Doubt | None, *, is_synchronised: bool
) -> None:
    before, now = Told(NOON_MS, 1_000), Told(NOON_MS + 60_000 + jump_ms, 61_000)

    assert doubt_about(before, now, 0, is_synchronised=is_synchronised) is expected


@pytest.mark.parametrize(("behind_ms", "expected"), [(5 * MINUTE_MS, None), (5 * MINUTE_MS + 1, Doubt.BEFORE_ARRIVALS)])
def test_a_hub_that_starts_before_its_newest_arrival_is_doubted(behind_ms: int, expected: Doubt | None) -> None:
    assert doubt_about(None, Told(NOON_MS, 0), NOON_MS + behind_ms, is_synchronised=True) is expected


def test_a_jump_stays_doubted_until_a_person_trusts_the_clock() -> None:
    told = [NOON_MS, 0]
    clock = OwnClock(lambda: told[0], lambda: told[1], lambda: False)
    clock.look(0)
    told[:] = [NOON_MS + DAY_MS, 1_000]

    doubts = [clock.look(0), clock.look(0)]
    clock.trust()

    assert doubts == [Doubt.SET_FORWARD, Doubt.SET_FORWARD]
    assert clock.look(0) is None
