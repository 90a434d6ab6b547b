"""What the desk's pages show, read from the database: plain rows in, small values out. Writes nothing and decides
nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import cbor2
import sqlalchemy as sa

from hub.intake.facts import accepted_holes
from hub.store.database import row, rows

Pair = tuple[int, int]
NOTHING: Pair = (0, 0)


class KioskLine(NamedTuple):
    """A kiosk and its equation. `counts` is {verdict: (grants, points)}; `signed` = `arrived` + `missing` count the
    numbers of records of every kind, and `twice` are records that came under a number that another one has.

    `standing` is ok, silent, fork, fenced or revoked; `beyond` are runs that came after a gap; `cursor_seq` is the last
    record before it.
    """

    kiosk: bytes
    name: str
    organisation: str
    standing: str
    signed: int
    arrived: int
    missing: int
    twice: int
    counts: dict[str, Pair]
    beyond: tuple[Pair, ...]
    cursor_seq: int
    last_contact_ms: int

    @property
    def grants(self) -> Pair:
        """Return the grants that have arrived and their points: the sum of what became of them."""
        return (sum(grants for grants, _ in self.counts.values()), sum(points for _, points in self.counts.values()))

    def became(self, verdict: str) -> Pair:
        """Return (grants, points) with a verdict."""
        return self.counts.get(verdict, NOTHING)


class HeldGroup(NamedTuple):
    """What one kiosk has that is held for one reason."""

    kiosk: bytes
    kiosk_name: str
    reason: str
    entries: int
    points: int
    since_ms: int


class Totals(NamedTuple):
    """The city's figures. `ledger` is the sum over all accounts, which must be 0."""

    circulation: int
    members: int
    ledger: int
    allotted: int
    with_kiosks: int


class Act(NamedTuple):
    """What a person has done. `kiosk_name` is "" where it was not about a kiosk."""

    kind: str
    kiosk_name: str
    subject: str
    reason: str
    done_by: str
    done_ms: int


def kiosk_lines(connection: sa.Connection) -> list[KioskLine]:
    """Return every kiosk with its equation, by name."""
    counts = _counts(connection)
    standings = _standings(connection)
    found = rows(
        connection,
        """
        SELECT k.kiosk, k.name, o.name AS organisation, p.head_seq, p.cursor_seq, p.is_plain, p.beyond,
               p.last_contact_ms
        FROM kiosk k LEFT JOIN organisation o ON o.organisation = k.organisation
        LEFT JOIN kiosk_progress p ON p.kiosk = k.kiosk
        ORDER BY k.name, k.serial, k.kiosk
        """,
    )
    return [_kiosk_line(connection, one, counts, standings) for one in found]


def kiosk_line(connection: sa.Connection, kiosk: bytes) -> KioskLine | None:
    """Return one kiosk's line."""
    return next((line for line in kiosk_lines(connection) if line.kiosk == kiosk), None)


def sum_of(lines: list[KioskLine]) -> KioskLine:
    """Return the line under the table."""
    counts: dict[str, Pair] = {}
    for line in lines:
        for verdict, (grants, points) in line.counts.items():
            before = counts.get(verdict, NOTHING)
            counts[verdict] = (before[0] + grants, before[1] + points)
    return KioskLine(
        b"",
        "",
        "",
        "",
        sum(one.signed for one in lines),
        sum(one.arrived for one in lines),
        sum(one.missing for one in lines),
        sum(one.twice for one in lines),
        counts,
        (),
        0,
        0,
    )


def held_groups(connection: sa.Connection) -> list[HeldGroup]:
    """Return what is held, one group for each kiosk and reason, the oldest first."""
    found = rows(
        connection,
        """
        SELECT a.kiosk, k.name, a.reason, count(*) AS entries, sum(a.points) AS points, min(a.since_ms) AS since_ms
        FROM aside a JOIN kiosk k ON k.kiosk = a.kiosk
        WHERE a.verdict = 'held' GROUP BY a.kiosk, k.name, a.reason ORDER BY since_ms, a.kiosk, a.reason
        """,
    )
    return [
        HeldGroup(bytes(one.kiosk), one.name, one.reason, one.entries, int(one.points), one.since_ms) for one in found
    ]


def totals(connection: sa.Connection) -> Totals:
    """Return the city's figures. Circulation is what members hold; there are no partner accounts yet."""
    people = row(
        connection,
        "SELECT coalesce(sum(held), 0) AS held, coalesce(sum(owed), 0) AS owed, "
        "(SELECT count(*) FROM member WHERE state = 'open') AS members FROM member_balance",
    )
    kinds = {
        one.kind: int(one.amount)
        for one in rows(connection, "SELECT kind, sum(amount) AS amount FROM account GROUP BY kind")
    }
    ledger = sum(kinds.values()) + int(people.held) - int(people.owed)
    return Totals(int(people.held), people.members, ledger, kinds.get("allotment", 0), kinds.get("out", 0))


def acts(connection: sa.Connection, limit: int, before_ms: int | None = None) -> list[Act]:
    """Return the newest acts, those before a moment if one is given."""
    names = {bytes(one.kiosk).hex(): one.name for one in rows(connection, "SELECT kiosk, name FROM kiosk")}
    found = rows(
        connection,
        """
        SELECT kind, subject, reason, done_by, done_ms FROM act WHERE done_ms < :before_ms
        ORDER BY done_ms DESC, act LIMIT :limit
        """,
        before_ms=2**62 if before_ms is None else before_ms,
        limit=limit,
    )
    return [_act(one, names) for one in found]


def flags_of(connection: sa.Connection, kiosk: bytes) -> dict[str, int]:
    """Return {flag: how many} of a kiosk's records."""
    found = rows(
        connection,
        "SELECT flag, count(*) AS times FROM flag WHERE kiosk = :kiosk GROUP BY flag ORDER BY flag",
        kiosk=kiosk,
    )
    return {one.flag: one.times for one in found}


def organisations(connection: sa.Connection) -> list[tuple[int, str, str]]:
    """Return (number, name, kind) of every organisation."""
    found = rows(connection, "SELECT organisation, name, kind FROM organisation ORDER BY organisation")
    return [(one.organisation, one.name, one.kind) for one in found]


def _kiosk_line(
    connection: sa.Connection,
    found: sa.Row[tuple[object, ...]],
    counts: dict[bytes, dict[str, Pair]],
    standings: dict[bytes, str],
) -> KioskLine:
    kiosk = bytes(found.kiosk)
    if found.head_seq is None:
        silent = standings.get(kiosk, "silent")
        return KioskLine(kiosk, found.name, found.organisation or "", silent, 0, 0, 0, 0, {}, (), 0, 0)
    records, numbers = _arrived(connection, kiosk, found)
    beyond = tuple((first, last) for first, last in cbor2.loads(bytes(found.beyond))) if found.beyond else ()
    signed = max(found.head_seq, found.cursor_seq, *(last for _, last in beyond))
    return KioskLine(
        kiosk,
        found.name,
        found.organisation or "",
        standings.get(kiosk, "ok"),
        signed,
        numbers,
        signed - numbers,
        records - numbers,
        counts.get(kiosk, {}),
        beyond,
        found.cursor_seq,
        found.last_contact_ms,
    )


def _arrived(connection: sa.Connection, kiosk: bytes, found: sa.Row[tuple[object, ...]]) -> Pair:
    """Return how many records have arrived, and how many numbers they cover (in a fork one number comes twice).

    A kiosk without gap, fork or fence has all up to its cursor, so that its records need not be counted one by one.
    """
    if found.is_plain and not accepted_holes(connection, kiosk):
        return found.cursor_seq, found.cursor_seq
    counted = row(
        connection,
        "SELECT count(*) AS records, count(DISTINCT seq) AS numbers FROM entry WHERE kiosk = :kiosk",
        kiosk=kiosk,
    )
    return counted.records, counted.numbers


def _counts(connection: sa.Connection) -> dict[bytes, dict[str, Pair]]:
    counts: dict[bytes, dict[str, Pair]] = {}
    for one in rows(connection, "SELECT kiosk, verdict, grants, points FROM kiosk_count"):
        counts.setdefault(bytes(one.kiosk), {})[one.verdict] = (one.grants, one.points)
    return counts


def _standings(connection: sa.Connection) -> dict[bytes, str]:
    """Return the gravest fence of each kiosk that has one."""
    grave = ("fork", "fenced", "revoked")
    standings: dict[bytes, str] = {}
    for one in rows(connection, "SELECT kiosk, kind FROM fence"):
        kiosk = bytes(one.kiosk)
        standings[kiosk] = max(one.kind, standings.get(kiosk, "fork"), key=grave.index)
    return standings


def _act(found: sa.Row[tuple[object, ...]], names: dict[str, str]) -> Act:
    first, _, rest = found.subject.partition(" ")
    if first in names:
        return Act(found.kind, names[first], rest, found.reason, found.done_by, found.done_ms)
    return Act(found.kind, "", found.subject, found.reason, found.done_by, found.done_ms)
