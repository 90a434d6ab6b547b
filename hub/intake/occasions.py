"""Pure: which time of its activity a grant is for: none, a slot, or the city's day (docs/time.md)."""

from __future__ import annotations

from typing import NamedTuple

from hub.intake.intervals import FOR_EVER_MS, Interval, Known, Reading, Signed, day_of, interval
from hub.intake.offers import Offer
from hub.intake.reasons import NONE, Reason
from sync.citytime import city_day
from sync.entry import Grant
from sync.manifest import OccasionBy


class Occasion(NamedTuple):
    """Which time of the activity it is. `is_day`: the number is a city day; `when` is the interval that told it."""

    number: int
    is_day: bool = False
    when: Interval | None = None


def occasion_of(
    offer: Offer, grant: Grant, signed: Signed, when: tuple[Interval, Interval], known: Known, *, is_read: bool
) -> tuple[Occasion | None, Reason]:
    """Return which time of the activity a grant is for, or why nobody can tell. `is_read`: a person has put it on the
    day that the booth read, if that is one of the event.
    """
    activity = offer.activity
    if activity is None:
        return None, NONE
    match activity.occasion_by:
        case OccasionBy.NONE:
            is_wrong = offer.slot is None and grant.occasion != 0
            return (None, Reason.OCCASION) if is_wrong else (Occasion(0), NONE)
        case OccasionBy.SLOT:
            slot = grant.occasion if offer.slot is None else offer.slot
            is_there = any(one.slot == slot for one in activity.slots)
            return (Occasion(slot), NONE) if is_there else (None, Reason.OCCASION)
        case OccasionBy.DAY:
            if is_read and city_day(offer.window[0]) <= grant.occasion <= city_day(offer.window[1]):
                return None, Reason.DAY
            told = _day_told(offer, grant, signed, when, known)
            return (None, Reason.DAY) if told is None else (told, NONE)


def _day_told(
    offer: Offer, grant: Grant, signed: Signed, when: tuple[Interval, Interval], known: Known
) -> Occasion | None:
    """Return the day of a once-a-day grant by what told it first: what was known when it arrived, what a person said of
    its boot, or all that is known. So no later sample takes back what was settled.
    """
    stamp, answer = signed.stamp, known.answers.get(signed.stamp.boot)
    reading = Reading(grant.event, grant.activity, grant.member, grant.occasion, stamp.boot, stamp.trust)
    views = [(signed.arrived_ms, when[0])]
    if answer is not None and answer.done_ms > signed.arrived_ms:
        views.append((answer.done_ms, interval(signed, known, answer.done_ms)))
    for known_by_ms, seen in [*views, (FOR_EVER_MS, when[1])]:
        day = day_of(reading, seen, offer.window, known, known_by_ms)
        if day is not None:
            return Occasion(day, is_day=True, when=seen)
    return None
