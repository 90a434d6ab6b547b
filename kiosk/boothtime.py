"""Turns readings of the booth's clocks, and what the hub or a volunteer said of the time, into the stamp of an entry.
Pure.

A Raspberry Pi has no clock of its own: after a start it may believe to be in 1970. What a person or the hub told in
this boot is carried on by the monotonic clock; the machine's wall clock counts only where nobody has told anything.
"""

from __future__ import annotations

from typing import NamedTuple

from sync.citytime import city_day
from sync.codec import MOMENT_LIMIT
from sync.entry import Clock, Stamp, Trust

SAMPLE_TOLERANCE_MS = 2_000
"""How far the hub's time may be from what the first sample of the boot predicts before another one is written down."""


SAME_DAY_MS = 10 * 3_600_000
"""How long one boot's monotonic clock alone vouches that it is still the same day: as long as most events, shorter than
the night between two of them.
"""


class Confirmed(NamedTuple):
    """The date and time a volunteer confirmed in one tap, and when in this boot that was."""

    wall_ms: int
    monotonic_ms: int


class BootTime(NamedTuple):
    """What is known of the time in one boot of the machine."""

    boot: bytes
    sample: Clock | None = None
    confirmed: Confirmed | None = None


def stamp_at(known: BootTime, wall_ms: int, monotonic_ms: int) -> Stamp:
    """Return the stamp for this moment: by the hub's time if it was heard in this boot, else the volunteer's, else the
    machine's.
    """
    if known.sample is not None:
        told_ms = known.sample.hub_ms + monotonic_ms - (known.sample.sent_ms + known.sample.received_ms) // 2
        return Stamp(_within_limits(told_ms), known.boot, monotonic_ms, Trust.HUB)
    if known.confirmed is not None:
        told_ms = known.confirmed.wall_ms + monotonic_ms - known.confirmed.monotonic_ms
        return Stamp(_within_limits(told_ms), known.boot, monotonic_ms, Trust.CONFIRMED)
    return Stamp(_within_limits(wall_ms), known.boot, monotonic_ms, Trust.NONE)


def moment_of(earlier: Stamp, now: Stamp) -> int:
    """Return when an earlier entry was signed, as far as the booth knows by now: within one boot the monotonic clock
    tells, whatever the wall clock believed at the time.
    """
    if earlier.boot == now.boot:
        return _within_limits(now.wall_ms - (now.monotonic_ms - earlier.monotonic_ms))
    return earlier.wall_ms


def is_same_day(earlier: Stamp, now: Stamp) -> bool:
    """Tell whether it is known that an earlier entry was signed on the day it is now.

    Where the hub had told the time both times, the city's calendar says. Else one boot's own monotonic clock vouches
    for 10 hours: it runs on whatever the wall clock is set to, by a network as by a hand. Nothing else is believed.
    """
    if earlier.trust == now.trust == Trust.HUB:
        return city_day(earlier.wall_ms) == city_day(now.wall_ms)
    return earlier.boot == now.boot and now.monotonic_ms - earlier.monotonic_ms < SAME_DAY_MS


def trusted_day(stamp: Stamp) -> int | None:
    """Return the city's day if the hub has told the time in this boot, else None: then nobody is refused by a date."""
    return city_day(stamp.wall_ms) if stamp.trust == Trust.HUB else None


def is_worth_keeping(sample: Clock, known: Clock | None) -> bool:
    """Tell whether a sample teaches the hub something: the first of a boot does, and one that contradicts it by more
    than 2 seconds.

    A sample says only that the hub's time was read between sending and receiving, so two samples contradict by the gap
    between two ranges.
    """
    if known is None:
        return True
    earliest, latest = _offset_range_ms(sample)
    known_earliest, known_latest = _offset_range_ms(known)
    return max(earliest - known_latest, known_earliest - latest) > SAMPLE_TOLERANCE_MS


def _within_limits(wall_ms: int) -> int:
    """A clock may say anything; an entry may not (sync.codec), and a wrong time is no reason to sign nothing."""
    return min(max(0, wall_ms), MOMENT_LIMIT - 1)


def _offset_range_ms(sample: Clock) -> tuple[int, int]:
    """Between which two values the hub's clock is ahead of the monotonic one."""
    return sample.hub_ms - sample.received_ms, sample.hub_ms - sample.sent_ms
