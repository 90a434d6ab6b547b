"""The kiosks as the desk lists them: each with its equation and its standing, in as many statements whether there are
two or two hundred. Reads only.
"""

from __future__ import annotations

from typing import NamedTuple

import cbor2
import sqlalchemy as sa

from hub.intake.check import read_arrived
from hub.store.database import rows
from sync.entry import Grant

Pair = tuple[int, int]
NOTHING: Pair = (0, 0)


class KioskLine(NamedTuple):
    """A kiosk and its equation. `counts` is {verdict: (grants, points)}; `signed` = `arrived` + `missing` count the
    numbers of records of every kind, `given_up` says how many of the missing ones nobody waits for any more, and
    `twice` are records that came under a number that another one has.

    `standing` is ok, silent, fork, stopped or withdrawn; `beyond` are runs that came after a gap; `cursor_seq` is the
    last record before it, `highest` the highest number that has arrived at all, also where it is not believed.
    `version` is that of its name. `replaced` are the points by which replacements let grants count for more or less
    than the kiosk has signed.
    """

    kiosk: bytes
    name: str
    organisation: int
    organisation_name: str
    version: int
    standing: str
    is_forked: bool
    head_seq: int
    signed: int
    arrived: int
    missing: int
    given_up: int
    twice: int
    counts: dict[str, Pair]
    beyond: tuple[Pair, ...]
    cursor_seq: int
    highest: int
    replaced: int
    last_contact_ms: int

    @property
    def grants(self) -> Pair:
        """Return the grants that have arrived and their points: the sum of what became of them."""
        return (sum(grants for grants, _ in self.counts.values()), sum(points for _, points in self.counts.values()))

    @property
    def given(self) -> Pair:
        """Return the grants that have arrived and their points as the kiosk has signed them."""
        return (self.grants[0], self.grants[1] - self.replaced)

    @property
    def awaited(self) -> int:
        """Return how many records are missing and awaited."""
        return self.missing - self.given_up

    @property
    def gap(self) -> Pair | None:
        """Return the numbers of the first gap that nobody has accepted, None where there is none."""
        return (self.cursor_seq + 1, self.beyond[0][0] - 1) if self.beyond else None

    @property
    def lost_tail(self) -> Pair | None:
        """Return the numbers at the end that the kiosk has told of and that have not arrived, None for none."""
        return (self.highest + 1, self.head_seq) if self.head_seq > self.highest else None

    def became(self, verdict: str) -> Pair:
        """Return (grants, points) with a verdict."""
        return self.counts.get(verdict, NOTHING)


class _Tables(NamedTuple):
    """What is read once for all kiosks."""

    counts: dict[bytes, dict[str, Pair]]
    standings: dict[bytes, tuple[str, bool]]
    arrived: dict[bytes, tuple[int, int, int]]
    given_up: dict[bytes, int]
    replaced: dict[bytes, int]


_LINES = """
    SELECT k.kiosk, n.name, n.version, n.organisation, o.name AS organisation_name,
           p.head_seq, p.cursor_seq, p.beyond, p.last_contact_ms
    FROM kiosk k
    JOIN kiosk_name n ON n.kiosk = k.kiosk
     AND n.version = (SELECT max(version) FROM kiosk_name newest WHERE newest.kiosk = k.kiosk)
    LEFT JOIN organisation o ON o.organisation = n.organisation
     AND o.version = (SELECT max(version) FROM organisation newest WHERE newest.organisation = n.organisation)
    LEFT JOIN kiosk_progress p ON p.kiosk = k.kiosk
"""


def kiosk_lines(connection: sa.Connection) -> list[KioskLine]:
    """Return every kiosk with its equation, by name."""
    found = rows(connection, _LINES + "ORDER BY n.name, k.serial, k.kiosk")
    tables = _tables(connection)
    return [_kiosk_line(one, tables) for one in found]


def kiosk_line(connection: sa.Connection, kiosk: bytes) -> KioskLine | None:
    """Return one kiosk's line."""
    found = rows(connection, _LINES + "WHERE k.kiosk = :kiosk", kiosk=kiosk)
    if not found:
        return None
    return _kiosk_line(found[0], _tables(connection, kiosk))


def sum_of(lines: list[KioskLine]) -> KioskLine:
    """Return the line under the table."""
    counts: dict[str, Pair] = {}
    for line in lines:
        for verdict, (grants, points) in line.counts.items():
            before = counts.get(verdict, NOTHING)
            counts[verdict] = (before[0] + grants, before[1] + points)
    return KioskLine(
        kiosk=b"",
        name="",
        organisation=0,
        organisation_name="",
        version=0,
        standing="",
        is_forked=False,
        head_seq=0,
        signed=sum(one.signed for one in lines),
        arrived=sum(one.arrived for one in lines),
        missing=sum(one.missing for one in lines),
        given_up=sum(one.given_up for one in lines),
        twice=sum(one.twice for one in lines),
        counts=counts,
        beyond=(),
        cursor_seq=0,
        highest=0,
        replaced=sum(one.replaced for one in lines),
        last_contact_ms=0,
    )


def standings(connection: sa.Connection, kiosk: bytes | None = None) -> dict[bytes, tuple[str, bool]]:
    """Return how the hub stands to each kiosk with a line: the newest word of a person, else the fork; and whether
    there is a fork.
    """
    text = "SELECT kiosk, kind FROM line {} ORDER BY kiosk, version"
    found: dict[bytes, tuple[str, bool]] = {}
    for one in _of(connection, text, "WHERE kiosk = :kiosk", kiosk):
        said, is_forked = found.get(bytes(one.kiosk), ("", False))
        is_forked |= one.kind == "fork"
        said = said if one.kind == "fork" else one.kind
        found[bytes(one.kiosk)] = (said, is_forked)
    return {
        one: (said if said in {"stopped", "withdrawn"} else "fork" if is_forked else "", is_forked)
        for one, (said, is_forked) in found.items()
    }


def _tables(connection: sa.Connection, kiosk: bytes | None = None) -> _Tables:
    return _Tables(
        _counts(connection, kiosk),
        standings(connection, kiosk),
        _arrived(connection, kiosk),
        _given_up(connection, kiosk),
        _replaced(connection, kiosk),
    )


def _kiosk_line(found: sa.Row[tuple[object, ...]], tables: _Tables) -> KioskLine:
    kiosk = bytes(found.kiosk)
    standing, is_forked = tables.standings.get(kiosk, ("", False))
    cursor_seq, head_seq = found.cursor_seq or 0, found.head_seq or 0
    records, numbers, highest = tables.arrived.get(kiosk, (cursor_seq, cursor_seq, cursor_seq))
    beyond = tuple((first, last) for first, last in cbor2.loads(bytes(found.beyond))) if found.beyond else ()
    signed = max(head_seq, cursor_seq, *(last for _, last in beyond), 0)
    return KioskLine(
        kiosk=kiosk,
        name=found.name,
        organisation=found.organisation,
        organisation_name=found.organisation_name or "",
        version=found.version,
        standing=standing or ("silent" if not found.head_seq and not numbers else "ok"),
        is_forked=is_forked,
        head_seq=head_seq,
        signed=signed,
        arrived=numbers,
        missing=signed - numbers,
        given_up=min(tables.given_up.get(kiosk, 0), signed - numbers),
        twice=records - numbers,
        counts=tables.counts.get(kiosk, {}),
        beyond=beyond,
        cursor_seq=cursor_seq,
        highest=highest,
        replaced=tables.replaced.get(kiosk, 0),
        last_contact_ms=found.last_contact_ms or 0,
    )


def _counts(connection: sa.Connection, kiosk: bytes | None = None) -> dict[bytes, dict[str, Pair]]:
    text = "SELECT kiosk, verdict, grants, points FROM kiosk_count {}"
    counts: dict[bytes, dict[str, Pair]] = {}
    for one in _of(connection, text, "WHERE kiosk = :kiosk", kiosk):
        counts.setdefault(bytes(one.kiosk), {})[one.verdict] = (one.grants, one.points)
    return counts


def _arrived(connection: sa.Connection, kiosk: bytes | None = None) -> dict[bytes, tuple[int, int, int]]:
    """Return how many records have arrived, how many numbers they cover (in a fork one number comes twice), and the
    highest of these.

    A kiosk without gap, fork or stop has all up to its cursor, so that its records need not be counted one by one.
    """
    text = """
        SELECT e.kiosk, count(*) AS records, count(DISTINCT e.seq) AS numbers, max(e.seq) AS highest FROM entry e
        WHERE e.kiosk IN (SELECT kiosk FROM kiosk_progress WHERE is_plain = 0 UNION SELECT kiosk FROM hole) {}
        GROUP BY e.kiosk
    """
    found = _of(connection, text, "AND e.kiosk = :kiosk", kiosk)
    return {bytes(one.kiosk): (one.records, one.numbers, one.highest) for one in found}


def _given_up(connection: sa.Connection, kiosk: bytes | None = None) -> dict[bytes, int]:
    """Return how many missing numbers of each kiosk a person has given up: accepted holes and lost tails."""
    text = """
        SELECT r.kiosk, r.last_seq - r.first_seq + 1 - count(DISTINCT e.seq) AS numbers
        FROM (SELECT kiosk, first_seq, last_seq FROM hole h WHERE state = 'accepted'
               AND version = (SELECT max(version) FROM hole n WHERE n.kiosk = h.kiosk AND n.first_seq = h.first_seq)
              UNION
              SELECT kiosk, first_seq, last_seq FROM lost_tail t WHERE state = 'given up'
               AND version = (SELECT max(version) FROM lost_tail n
                              WHERE n.kiosk = t.kiosk AND n.first_seq = t.first_seq)) r
        LEFT JOIN entry e ON e.kiosk = r.kiosk AND e.seq BETWEEN r.first_seq AND r.last_seq
        {} GROUP BY r.kiosk, r.first_seq, r.last_seq
    """
    given_up: dict[bytes, int] = {}
    for one in _of(connection, text, "WHERE r.kiosk = :kiosk", kiosk):
        given_up[bytes(one.kiosk)] = given_up.get(bytes(one.kiosk), 0) + one.numbers
    return given_up


def _replaced(connection: sa.Connection, kiosk: bytes | None = None) -> dict[bytes, int]:
    """Return by how many points each kiosk's grants count for more or less than was signed: by replacements only."""
    text = """
        SELECT DISTINCT p.kiosk, p.seq, p.hash, p.points, e.encoded FROM replacement r
        JOIN placed p ON p.kiosk = r.kiosk AND p.seq BETWEEN r.first_seq AND r.last_seq
        JOIN entry e ON e.kiosk = p.kiosk AND e.seq = p.seq AND e.hash = p.hash {}
    """
    replaced: dict[bytes, int] = {}
    for one in _of(connection, text, "WHERE r.kiosk = :kiosk", kiosk):
        entry = read_arrived(bytes(one.encoded))[1]
        if entry is not None and isinstance(entry.body, Grant):
            replaced[bytes(one.kiosk)] = replaced.get(bytes(one.kiosk), 0) + one.points - entry.body.points
    return replaced


def _of(connection: sa.Connection, text: str, condition: str, kiosk: bytes | None) -> list[sa.Row[tuple[object, ...]]]:
    """Ask for all kiosks, or for one. Text and condition are this file's own words."""
    if kiosk is None:
        return rows(connection, text.format(""))
    return rows(connection, text.format(condition), kiosk=kiosk)
