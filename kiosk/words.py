"""Turns what the booth knows (an outcome, the camera's state, what waits, the clock) into lines for people. Pure.

The lines are in no language yet; a catalogue says them. No name, no balance, no inner words.
"""

from __future__ import annotations

from typing import NamedTuple

from kiosk.scan import (
    AlreadyReceived,
    CallStaff,
    Later,
    NotUsable,
    Outcome,
    Reason,
    Received,
    Recorded,
    TodaysLimit,
)
from kiosk.sentences import Line, Sentence, line
from kiosk.sight import CameraState, Hint
from sync.citytime import city_datetime, city_day
from sync.entry import Trust

WHY = {
    Reason.FOREIGN_CODE: Sentence.NOT_KUMAPO,
    Reason.UNKNOWN_KEY: Sentence.OTHER_CITY,
    Reason.BAD_CODE: Sentence.CANNOT_CHECK,
    Reason.EXPIRED: Sentence.EXPIRED,
    Reason.LOST_CARD: Sentence.REPORTED_LOST,
    Reason.NUMBER_UNREADABLE: Sentence.NUMBER_DIFFERS,
    Reason.NOT_SET_UP: Sentence.NOT_READY,
    Reason.NO_POINTS: Sentence.NOTHING_SET,
    Reason.ENROL_ANEW: Sentence.RESTING,
    Reason.NOT_KEPT: Sentence.NOT_RECORDED,
}
"""Why nothing was given, for the participant."""

ADVICE = {
    Reason.FOREIGN_CODE: Sentence.DO_SHOW_KUMAPO,
    Reason.UNKNOWN_KEY: Sentence.DO_SHOW_KUMAPO,
    Reason.BAD_CODE: Sentence.DO_TYPE_INSTEAD,
    Reason.EXPIRED: Sentence.DO_REOPEN,
    Reason.LOST_CARD: Sentence.DO_ASK_OWNER,
    Reason.NUMBER_UNREADABLE: Sentence.DO_TYPE_AGAIN,
    Reason.NOT_SET_UP: Sentence.DO_CALL_OFFICE,
    Reason.NO_POINTS: Sentence.DO_CHECK_MINUTES,
    Reason.ENROL_ANEW: Sentence.DO_USE_ANOTHER,
    Reason.NOT_KEPT: Sentence.DO_CHECK_POWER,
}
"""What the volunteer does then."""

LATER = {
    Later.SHARE: Sentence.LATER_USED_UP,
    Later.FENCED: Sentence.LATER_CHECKED,
    Later.REVOKED: Sentence.LATER_PAUSED,
}

CAMERA = {
    CameraState.STARTING: Sentence.CAMERA_STARTING,
    CameraState.GONE: Sentence.CAMERA_GONE,
    CameraState.SILENT: Sentence.CAMERA_SILENT,
    CameraState.FROZEN: Sentence.CAMERA_FROZEN,
    CameraState.BLACK: Sentence.CAMERA_BLACK,
    CameraState.COVERED: Sentence.CAMERA_COVERED,
    CameraState.OVEREXPOSED: Sentence.CAMERA_OVEREXPOSED,
    CameraState.ENDED: Sentence.CAMERA_ENDED,
}

CAMERA_ADVICE = {
    CameraState.STARTING: Sentence.DO_WAIT,
    CameraState.GONE: Sentence.DO_PLUG_IN,
    CameraState.SILENT: Sentence.DO_PLUG_IN,
    CameraState.FROZEN: Sentence.DO_PLUG_IN,
    CameraState.BLACK: Sentence.DO_LIGHT,
    CameraState.COVERED: Sentence.DO_CLEAR,
    CameraState.OVEREXPOSED: Sentence.DO_TURN,
    CameraState.ENDED: Sentence.CALL_STAFF,
}

HINTS = {
    Hint.CLOSER: Sentence.CLOSER,
    Hint.FARTHER: Sentence.FARTHER,
    Hint.BRIGHTER: Sentence.BRIGHTER,
    Hint.LESS_GLARE: Sentence.LESS_GLARE,
    Hint.STEADY: Sentence.STEADY,
}

CLOCK = {
    Trust.NONE: Sentence.CLOCK_UNCHECKED,
    Trust.CONFIRMED: Sentence.CLOCK_CONFIRMED,
    Trust.HUB: Sentence.CLOCK_RIGHT,
}


class ResultWords(NamedTuple):
    """A result: its word in very large letters, what it is about, and what the volunteer does, if anything."""

    word: Line
    about: tuple[Line, ...]
    advice: Line | None = None


class CameraWords(NamedTuple):
    """What is wrong with the camera, what to do about it, and what still works meanwhile."""

    what: Line
    advice: Line
    meanwhile: Line


def result_words(outcome: Outcome, now_ms: int | None = None) -> ResultWords:
    """Return what the screen says of an outcome. Without `now_ms` an earlier grant counts as today's."""
    match outcome:
        case Received(grant):
            return ResultWords(line(Sentence.RECEIVED), (line(Sentence.POINTS, count=grant.points),))
        case Recorded(grant, later):
            return ResultWords(
                line(Sentence.RECORDED), (line(Sentence.POINTS_LATER, count=grant.points), line(LATER[later]))
            )
        case AlreadyReceived(wall_ms, activity, points):
            what_for = line(Sentence.ALREADY_FOR, activity=activity, count=points)
            return ResultWords(line(Sentence.ALREADY), (_received_at(wall_ms, now_ms), what_for))
        case TodaysLimit(limit):
            return ResultWords(line(Sentence.LIMIT), (line(Sentence.LIMIT_TIMES, count=limit),))
        case NotUsable(reason):
            return ResultWords(line(Sentence.NOT_USABLE), (line(WHY[reason]),), line(ADVICE[reason]))
        case CallStaff(reason):
            return ResultWords(line(Sentence.CALL_STAFF), (line(WHY[reason]),), line(ADVICE[reason]))


def waiting_lines(count: int, since_ms: int | None, now_ms: int) -> tuple[Line, ...]:
    """Return how much waits to be sent, since when (None: not known), and that it is safe; or that nothing waits."""
    if not count:
        return (line(Sentence.ALL_SENT),)
    since = () if since_ms is None else (_since(since_ms, now_ms),)
    return (line(Sentence.KEPT_HERE, count=count), *since, line(Sentence.KEPT_SAFE))


def camera_words(state: CameraState) -> CameraWords | None:
    """Return what is said of the camera; None where there is nothing to say."""
    if state not in CAMERA:
        return None
    return CameraWords(line(CAMERA[state]), line(CAMERA_ADVICE[state]), line(Sentence.NUMBER_MEANWHILE))


def hint_line(hint: Hint) -> Line:
    """Return what helps a person whose code is seen but not read."""
    return line(HINTS[hint])


def clock_line(trust: Trust) -> Line:
    """Return how far the clock is to be believed."""
    return line(CLOCK[trust])


def _received_at(wall_ms: int, now_ms: int | None) -> Line:
    match _days_between(wall_ms, now_ms):
        case 0:
            return line(Sentence.ALREADY_AT, time=city_datetime(wall_ms))
        case 1:
            return line(Sentence.ALREADY_YESTERDAY)
        case _:
            return line(Sentence.ALREADY_BEFORE)


def _since(wall_ms: int, now_ms: int) -> Line:
    match _days_between(wall_ms, now_ms):
        case 0:
            return line(Sentence.SINCE_TIME, time=city_datetime(wall_ms))
        case 1:
            return line(Sentence.SINCE_YESTERDAY)
        case _:
            return line(Sentence.SINCE_BEFORE)


def _days_between(wall_ms: int, now_ms: int | None) -> int:
    """Return how many of the city's days ago it was; 0 too where the clock has jumped back since."""
    return 0 if now_ms is None else max(0, city_day(now_ms) - city_day(wall_ms))
