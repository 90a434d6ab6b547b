"""Flags what goes over a person's daily limit.

Kiosks keep the limit by themselves; only across kiosks can it be passed, and what a screen has promised is posted all
the same. The flag is a pure function of what stands posted for one member, activity and city day, so it does not matter
how entries were split into batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import NamedTuple

import sqlalchemy as sa

from hub.intake.settle import RepeatKey
from hub.intake.values import EventNow, Flag
from hub.ledger.inbox import fill_touched
from hub.store.database import execute_many, row, rows
from sync.citytime import CITY_AHEAD_MS, DAY_MS, city_day


class Group(NamedTuple):
    """One member's grants of one activity at one event."""

    event: int
    bucket: int
    member: int
    activity: int


class Posted(NamedTuple):
    """A grant that stands posted."""

    occurred_ms: int
    kiosk: bytes
    seq: int
    hash: bytes


def flag_over_limits(connection: sa.Connection, events: Mapping[int, EventNow], touched: Iterable[RepeatKey]) -> None:
    """Flag anew what is over a daily limit among touched keys and the claims in the inbox, after they were posted."""
    limits = {
        (event, number): activity.daily_limit
        for event, now in events.items()
        for number, activity in now.activities.items()
        if activity.daily_limit
    }
    if not limits:
        return
    groups = {Group(key.event, key.bucket, key.member, key.activity) for key in touched}
    groups |= _met_in_the_inbox(connection)
    limited = {group for group in groups if (group.event, group.activity) in limits}
    if not limited:
        return
    gone, found = [], []
    for group, turns in _turns(connection, limited).items():
        over = {_name(one) for one in over_limit(_posted(turns), limits[group.event, group.activity])}
        flagged = {_name(one) for one in turns if one.flag is not None}
        gone += sorted(flagged - over)
        found += sorted(over - flagged)
    text = "DELETE FROM flag WHERE kiosk = :kiosk AND seq = :seq AND hash = :hash AND flag = :flag"
    execute_many(connection, text, [_flag_row(name) for name in gone])
    text = "INSERT INTO flag (kiosk, seq, hash, flag) VALUES (:kiosk, :seq, :hash, :flag)"
    execute_many(connection, text, [_flag_row(name) for name in found])


def over_limit(posted: Iterable[Posted], limit: int) -> list[Posted]:
    """Return the grants that are too many on their city day, in order of occurrence."""
    in_order = sorted(posted)
    return [one for _, day in groupby(in_order, key=lambda one: city_day(one.occurred_ms)) for one in list(day)[limit:]]


def _name(one: Posted | sa.Row[tuple[object, ...]]) -> tuple[bytes, int, bytes]:
    return (bytes(one.kiosk), one.seq, bytes(one.hash))


def _flag_row(name: tuple[bytes, int, bytes]) -> dict[str, object]:
    return {**dict(zip(("kiosk", "seq", "hash"), name, strict=True)), "flag": Flag.OVER_LIMIT.value}


def _met_in_the_inbox(connection: sa.Connection) -> set[Group]:
    """Return the groups of claims in the inbox that have another posted grant on the same city day."""
    day = {"ahead_ms": CITY_AHEAD_MS, "day_ms": DAY_MS}
    if row(connection, f"{_MET} LIMIT 1", **day) is None:  # the usual batch: listing them would take longer
        return set()
    return {Group(one.event, one.bucket, one.member, one.activity) for one in rows(connection, _MET, **day)}


_MET = """
    SELECT i.event, i.bucket, i.member, i.activity FROM inbox i CROSS JOIN transfer t
    WHERE t.event = i.event AND t.bucket = i.bucket AND t.member = i.member AND t.activity = i.activity
      AND t.hash <> i.hash AND (t.occurred_ms + :ahead_ms) / :day_ms = (i.occurred_ms + :ahead_ms) / :day_ms
"""


def _turns(connection: sa.Connection, groups: Iterable[Group]) -> dict[Group, list[sa.Row[tuple[object, ...]]]]:
    """Return what was ever written to the ledger for each group, and whether each grant is flagged now."""
    fill_touched(connection, {RepeatKey(*group, 0) for group in groups})
    turns = rows(
        connection,
        """
        SELECT t.event, t.bucket, t.member, t.activity, t.occasion, t.kiosk, t.seq, t.hash, t.points, t.occurred_ms,
               f.flag
        FROM touched k CROSS JOIN transfer t
        LEFT JOIN flag f ON f.kiosk = t.kiosk AND f.seq = t.seq AND f.hash = t.hash AND f.flag = :flag
        WHERE t.event = k.event AND t.bucket = k.bucket AND t.member = k.member AND t.activity = k.activity
        ORDER BY t.event, t.bucket, t.member, t.activity, t.occasion, t.turn
        """,
        flag=Flag.OVER_LIMIT.value,
    )
    return {group: list(found) for group, found in groupby(turns, key=_group_of)}


def _group_of(turn: sa.Row[tuple[object, ...]]) -> Group:
    return Group(turn.event, turn.bucket, turn.member, turn.activity)


def _posted(turns: Iterable[sa.Row[tuple[object, ...]]]) -> list[Posted]:
    """Return the grants that stand posted among a group's turns, each with the moment under which it does: it may have
    stood on another day before.
    """
    last = {one.occasion: one for one in turns}
    return [Posted(one.occurred_ms, *_name(one)) for one in last.values() if one.points > 0]
