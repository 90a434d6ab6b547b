"""What persons have said about a kiosk's records, and what they are asked: holes, lost tails, replacements, and when
the booth was switched on. Reads only.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import sqlalchemy as sa

from hub.desk.held.queries import BY_BOOT
from hub.intake.check import read_arrived
from hub.store.database import rows
from sync.entry import Grant

RELEASED_READ = 200
"""So many records that a person has posted are read for what they name."""
ACTIVITIES_NAMED = 100
"""So many activities are offered that records put aside have named: a booth can make up as many as it likes."""


class Range(NamedTuple):
    """A run of numbers. `is_filled` tells that all of it has arrived after all."""

    first: int
    last: int
    is_filled: bool = False


class ReplacementLine(NamedTuple):
    """A replacement in force. `has_earlier` tells that the same range had been replaced by something else before."""

    version: int
    first: int
    last: int
    signed: tuple[int, int]
    meant: tuple[int, int]
    slot: int
    has_earlier: bool


BOOTS_SHOWN = 20


class BootLine(NamedTuple):
    """A boot whose days nobody can tell: its held records, and how long after the switch the first and last of them
    were written. `wall_ms` is what the booth's own clock read at the first; `version` counts what was said of the boot
    and taken back so far.
    """

    boot: bytes
    entries: int
    points: int
    first_seq: int
    last_seq: int
    after_ms: tuple[int, int]
    wall_ms: int
    version: int


class AnswerLine(NamedTuple):
    """When a booth was switched on, as a person has said."""

    boot: bytes
    started_ms: int
    version: int


def accepted_holes(connection: sa.Connection, kiosk: bytes) -> list[Range]:
    """Return the holes that stand accepted."""
    found = rows(
        connection,
        """
        SELECT first_seq, last_seq,
               (SELECT count(DISTINCT e.seq) FROM entry e
                WHERE e.kiosk = h.kiosk AND e.seq BETWEEN h.first_seq AND h.last_seq) AS arrived
        FROM hole h WHERE kiosk = :kiosk AND state = 'accepted'
         AND version = (SELECT max(version) FROM hole n WHERE n.kiosk = h.kiosk AND n.first_seq = h.first_seq)
        ORDER BY first_seq
        """,
        kiosk=kiosk,
    )
    return [Range(one.first_seq, one.last_seq, one.arrived == one.last_seq - one.first_seq + 1) for one in found]


def tails_given_up(connection: sa.Connection, kiosk: bytes) -> list[Range]:
    """Return the lost tails that nobody waits for."""
    found = rows(
        connection,
        """
        SELECT first_seq, last_seq FROM lost_tail t WHERE kiosk = :kiosk AND state = 'given up'
         AND version = (SELECT max(version) FROM lost_tail n WHERE n.kiosk = t.kiosk AND n.first_seq = t.first_seq)
        ORDER BY first_seq
        """,
        kiosk=kiosk,
    )
    return [Range(one.first_seq, one.last_seq) for one in found]


def replacements(connection: sa.Connection, kiosk: bytes) -> list[ReplacementLine]:
    """Return the replacements in force, by their numbers."""
    found = rows(connection, "SELECT * FROM replacement WHERE kiosk = :kiosk ORDER BY version", kiosk=kiosk)
    versions: dict[tuple[int, int, int, int], list[Any]] = {}
    for one in found:
        versions.setdefault((one.first_seq, one.last_seq, one.from_event, one.from_activity), []).append(one)
    return [
        ReplacementLine(
            one.version,
            one.first_seq,
            one.last_seq,
            (one.from_event, one.from_activity),
            (one.event, one.activity),
            one.slot,
            any(earlier.state == "in force" for earlier in before[-1:]),
        )
        for _, (*before, one) in sorted(versions.items())
        if one.state == "in force"
    ]


def boots_asked_about(connection: sa.Connection, kiosk: bytes) -> list[BootLine]:
    """Return the boots with records that wait until it is known when the booth was switched on; of very many those with
    most records. The others follow once these are answered.
    """
    found = rows(
        connection,
        """
        SELECT b.boot, b.entries, b.points, b.first_seq, b.last_seq, e.seq, e.encoded,
               (SELECT coalesce(max(version), 0) FROM boot_start s
                WHERE s.kiosk = :kiosk AND s.boot = b.boot) AS version
        FROM (SELECT boot, count(*) AS entries, sum(points) AS points, min(seq) AS first_seq, max(seq) AS last_seq
              FROM aside WHERE kiosk = :kiosk AND verdict = 'held' AND reasons & :by_boot <> 0 GROUP BY boot
              ORDER BY count(*) DESC, min(seq) LIMIT :most) b
        JOIN entry e ON e.kiosk = :kiosk AND e.seq IN (b.first_seq, b.last_seq)
        ORDER BY b.first_seq, e.seq, e.hash
        """,
        kiosk=kiosk,
        by_boot=int(BY_BOOT),
        most=BOOTS_SHOWN,
    )
    lines: dict[bytes, BootLine] = {}
    for one in found:
        _, entry, _ = read_arrived(bytes(one.encoded))
        boot = bytes(one.boot)
        if entry is None or entry.stamp.boot != boot:
            continue
        after_ms, wall_ms = entry.stamp.monotonic_ms, entry.stamp.wall_ms
        before = lines.get(boot)
        if before is None:
            counted = (one.entries, int(one.points), one.first_seq, one.last_seq)
            lines[boot] = BootLine(boot, *counted, (after_ms, after_ms), wall_ms, one.version)
        else:
            lines[boot] = before._replace(after_ms=(before.after_ms[0], after_ms))
    return list(lines.values())


def answers(connection: sa.Connection, kiosk: bytes) -> list[AnswerLine]:
    """Return what persons have said about boots, as far as it stands."""
    found = rows(
        connection,
        """
        SELECT boot, started_ms, version FROM boot_start b WHERE kiosk = :kiosk AND started_ms IS NOT NULL
         AND version = (SELECT max(version) FROM boot_start n WHERE n.kiosk = b.kiosk AND n.boot = b.boot)
        ORDER BY started_ms, boot
        """,
        kiosk=kiosk,
    )
    return [AnswerLine(bytes(one.boot), one.started_ms, one.version) for one in found]


def activities_named(connection: sa.Connection, kiosk: bytes) -> set[tuple[int, int]]:
    """Return (event, activity) of what is put aside of a kiosk, of very many those with most records, and of the newest
    that a person has posted: a booth may have granted for an event that is not its own, or not there.
    """
    put_aside = rows(
        connection,
        """
        SELECT event, activity FROM aside WHERE kiosk = :kiosk AND event > 0 GROUP BY event, activity
        ORDER BY count(*) DESC, event, activity LIMIT :most
        """,
        kiosk=kiosk,
        most=ACTIVITIES_NAMED,
    )
    aside = {(one.event, one.activity) for one in put_aside}
    released = rows(
        connection,
        """
        SELECT e.encoded FROM decision d JOIN entry e ON e.kiosk = d.kiosk AND e.seq = d.seq AND e.hash = d.hash
        WHERE d.kiosk = :kiosk AND d.kind = 'release' ORDER BY d.seq DESC LIMIT :limit
        """,
        kiosk=kiosk,
        limit=RELEASED_READ,
    )
    entries = [read_arrived(bytes(one.encoded))[1] for one in released]
    grants = [one.body for one in entries if one is not None and isinstance(one.body, Grant)]
    return aside | {(grant.event, grant.activity) for grant in grants}
