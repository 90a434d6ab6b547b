"""Reads what has arrived from one kiosk, and how it stands in the tables: entries, landmarks, kept folds, standings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import sqlalchemy as sa

from hub.intake.chain import Link
from hub.intake.check import read_arrived
from hub.intake.intervals import Source
from hub.intake.reasons import NONE, Reason
from hub.intake.settle import RepeatKey
from hub.intake.values import NO_KEY, Attested, Candidacy, Flag, Fold, Standing
from hub.ledger.inbox import fill_touched, fill_wanted
from hub.store.database import execute, execute_many, row, rows
from sync.entry import Grant
from sync.member import bucket_of

Name = tuple[int, bytes]
"""An entry of a kiosk: its number and hash."""


class Stored(NamedTuple):
    """An arrived entry: its place in the chain, and itself."""

    link: Link
    attested: Attested


def all_entries(connection: sa.Connection, kiosk: bytes) -> list[Stored]:
    """Return everything that has arrived from a kiosk, by number."""
    found = rows(
        connection,
        "SELECT seq, hash, arrived_ms, encoded FROM entry WHERE kiosk = :kiosk ORDER BY seq, hash",
        kiosk=kiosk,
    )
    return [_stored(one) for one in found]


def entries_between(connection: sa.Connection, kiosk: bytes, first_seq: int, last_seq: int) -> list[Attested]:
    """Return a run of a plain kiosk's entries."""
    found = rows(
        connection,
        """
        SELECT seq, hash, arrived_ms, encoded FROM entry
        WHERE kiosk = :kiosk AND seq BETWEEN :first_seq AND :last_seq ORDER BY seq, hash
        """,
        kiosk=kiosk,
        first_seq=first_seq,
        last_seq=last_seq,
    )
    return [_stored(one).attested for one in found]


def entries_numbered(connection: sa.Connection, kiosk: bytes, numbers: Iterable[int]) -> dict[int, Attested]:
    """Return single entries of a plain kiosk by number; what has not arrived is left out."""
    fill_wanted(connection, {(seq, b"") for seq in numbers})
    found = rows(
        connection,
        """
        SELECT e.seq, e.hash, e.arrived_ms, e.encoded FROM wanted w CROSS JOIN entry e
        WHERE e.kiosk = :kiosk AND e.seq = w.seq
        """,
        kiosk=kiosk,
    )
    return {one.seq: _stored(one).attested for one in found}


def entries_like(connection: sa.Connection, kiosk: bytes, grants: Iterable[Grant]) -> list[Attested]:
    """Return the entries of a plain kiosk for the same member, event and activity as one of some grants, posted or put
    aside, and those for the same member that lie elsewhere than they were signed for.
    """
    fill_touched(
        connection, {RepeatKey(one.event, bucket_of(one.member), one.member, one.activity, 0) for one in grants}
    )
    found = rows(
        connection,
        """
        SELECT e.seq, e.hash, e.arrived_ms, e.encoded FROM (
            SELECT t.seq, t.hash FROM touched k CROSS JOIN transfer t
            WHERE t.event = k.event AND t.bucket = k.bucket AND t.member = k.member AND t.activity = k.activity
              AND t.kiosk = :kiosk
            UNION SELECT a.seq, a.hash FROM touched k CROSS JOIN aside a
            WHERE a.event = k.event AND a.bucket = k.bucket AND a.member = k.member AND a.activity = k.activity
              AND a.kiosk = :kiosk
            UNION SELECT p.seq, p.hash FROM placed p
            WHERE p.kiosk = :kiosk AND p.member IN (SELECT k.member FROM touched k)
        ) n CROSS JOIN entry e
        WHERE e.kiosk = :kiosk AND e.seq = n.seq AND e.hash = n.hash ORDER BY e.seq, e.hash
        """,
        kiosk=kiosk,
    )
    return [_stored(one).attested for one in found]


def landmarks(connection: sa.Connection, kiosk: bytes) -> list[Attested]:
    """Return the entries of a kiosk that are no grants, by number: its openings, time samples, voids and day ends."""
    found = rows(
        connection,
        """
        SELECT e.seq, e.hash, e.arrived_ms, e.encoded FROM landmark l CROSS JOIN entry e
        WHERE l.kiosk = :kiosk AND e.kiosk = l.kiosk AND e.seq = l.seq AND e.hash = l.hash ORDER BY e.seq, e.hash
        """,
        kiosk=kiosk,
    )
    return [_stored(one).attested for one in found]


def boots_before(connection: sa.Connection, kiosk: bytes, seq: int) -> set[bytes]:
    """Return the boots in which a kiosk signed anything but grants before an entry."""
    found = rows(
        connection,
        "SELECT DISTINCT boot FROM landmark WHERE kiosk = :kiosk AND seq < :seq",
        kiosk=kiosk,
        seq=seq,
    )
    return {bytes(one.boot) for one in found}


def keep_landmarks(connection: sa.Connection, kiosk: bytes, arrived: Iterable[Attested]) -> None:
    """Note which of the entries that have just arrived are no grants."""
    execute_many(
        connection,
        "INSERT INTO landmark (kiosk, seq, hash, boot) VALUES (:kiosk, :seq, :hash, :boot)",
        [
            {"kiosk": kiosk, "seq": one.seq, "hash": one.hash, "boot": one.entry.stamp.boot if one.entry else b""}
            for one in arrived
            if one.entry is None or not isinstance(one.entry.body, Grant)
        ],
    )


def keep_folds(connection: sa.Connection, kiosk: bytes, folds: Mapping[int, Fold]) -> None:
    """Keep the folds before certain entries of the main branch: {number: fold}."""
    execute_many(
        connection,
        """
        INSERT INTO kept_fold (kiosk, seq, fold) VALUES (:kiosk, :seq, :fold)
        ON CONFLICT (kiosk, seq) DO UPDATE SET fold = excluded.fold
        """,
        [{"kiosk": kiosk, "seq": seq, "fold": fold.pack()} for seq, fold in sorted(folds.items())],
    )


def forget_folds(connection: sa.Connection, kiosk: bytes) -> None:
    """Take away all kept folds of a kiosk."""
    execute(connection, "DELETE FROM kept_fold WHERE kiosk = :kiosk", kiosk=kiosk)


def kept_fold_before(connection: sa.Connection, kiosk: bytes, seq: int) -> tuple[int, Fold]:
    """Return the nearest kept fold at or before an entry, and the number it stands before."""
    found = row(
        connection,
        "SELECT seq, fold FROM kept_fold WHERE kiosk = :kiosk AND seq <= :seq ORDER BY seq DESC LIMIT 1",
        kiosk=kiosk,
        seq=seq,
    )
    return (1, Fold()) if found is None else (found.seq, Fold.unpack(bytes(found.fold)))


def kept_fold_places(connection: sa.Connection, kiosk: bytes, last_seq: int) -> list[int]:
    """Return the numbers of the entries before which folds are kept, up to an entry."""
    found = rows(
        connection,
        "SELECT seq FROM kept_fold WHERE kiosk = :kiosk AND seq <= :last_seq ORDER BY seq",
        kiosk=kiosk,
        last_seq=last_seq,
    )
    return [one.seq for one in found]


def kept_folds(connection: sa.Connection, kiosk: bytes, last_seq: int) -> list[tuple[int, Fold]]:
    """Return the folds that are kept up to an entry, each with the number it stands before."""
    found = rows(
        connection,
        "SELECT seq, fold FROM kept_fold WHERE kiosk = :kiosk AND seq <= :last_seq ORDER BY seq",
        kiosk=kiosk,
        last_seq=last_seq,
    )
    return [(one.seq, Fold.unpack(bytes(one.fold))) for one in found]


def names_numbered(connection: sa.Connection, kiosk: bytes, numbers: Iterable[int]) -> set[Name]:
    """Return the names of all entries with some numbers."""
    fill_wanted(connection, {(seq, b"") for seq in numbers})
    found = rows(
        connection,
        "SELECT e.seq, e.hash FROM wanted w CROSS JOIN entry e WHERE e.kiosk = :kiosk AND e.seq = w.seq",
        kiosk=kiosk,
    )
    return {(one.seq, bytes(one.hash)) for one in found}


def names_between(connection: sa.Connection, kiosk: bytes, first_seq: int, last_seq: int) -> set[Name]:
    """Return the names of a run of entries."""
    found = rows(
        connection,
        "SELECT seq, hash FROM entry WHERE kiosk = :kiosk AND seq BETWEEN :first_seq AND :last_seq",
        kiosk=kiosk,
        first_seq=first_seq,
        last_seq=last_seq,
    )
    return {(one.seq, bytes(one.hash)) for one in found}


def last_kept_fold(connection: sa.Connection, kiosk: bytes) -> int:
    """Return the number before which the newest kept fold stands, 0 for none."""
    found = row(connection, "SELECT max(seq) AS seq FROM kept_fold WHERE kiosk = :kiosk", kiosk=kiosk)
    return found.seq or 0


class Kept(NamedTuple):
    """How entries of a kiosk stand in the tables: put aside, lying elsewhere, flagged. What is in neither of the first
    two is posted as it was signed, at the moment in `posted` (in ms, with its source).
    """

    aside: Mapping[Name, sa.Row[tuple[object, ...]]]
    placed: Mapping[Name, sa.Row[tuple[object, ...]]]
    flags: Mapping[Name, frozenset[str]]
    posted: Mapping[Name, tuple[int, Source]] = {}

    def standing(self, new: Standing) -> Standing | None:
        """Return how an entry that was judged before stands in the tables, in the form of its new standing; None for a
        void that counted.
        """
        name = (new.seq, new.hash)
        put, lies = self.aside.get(name), self.placed.get(name)
        if put is None and new.grant is None:
            return None
        old = _eligible(new) if put is None else _put(new, put)
        if put is None and name in self.posted:
            occurred_ms, occurred_from = self.posted[name]
            old = old._replace(occurred_ms=occurred_ms, occurred_from=occurred_from)
        if lies is not None:
            key = _key_of(lies)
            old = old._replace(key=key, points=lies.points, allotment=lies.allotment, is_natural=False)
        flags = self.flags.get(name, frozenset())
        return old._replace(flags=tuple(flag for flag in Flag if flag.value in flags))

    def put(self, name: Name) -> Standing:
        """Return how an entry is put aside that has no standing any more."""
        put = self.aside[name]
        when = (put.occurred_ms, Source(put.occurred_from))
        blank = Standing(*name, None, NO_KEY, 0, 0, Candidacy.HELD, NONE, (), *when, b"")
        return _put(blank, put)


def kept_standings(connection: sa.Connection, kiosk: bytes, judged: Iterable[Standing]) -> Kept:
    """Return how everything of a kiosk stands in the tables, for what has been judged anew."""
    aside = rows(connection, "SELECT * FROM aside WHERE kiosk = :kiosk", kiosk=kiosk)
    placed = rows(connection, "SELECT * FROM placed WHERE kiosk = :kiosk", kiosk=kiosk)
    flags = rows(connection, "SELECT seq, hash, flag FROM flag WHERE kiosk = :kiosk", kiosk=kiosk)
    return _with_posted(connection, kiosk, _kept(aside, placed, flags), judged)


def kept_standings_of(
    connection: sa.Connection, kiosk: bytes, names: Iterable[Name], judged: Iterable[Standing]
) -> Kept:
    """Return how some entries of a kiosk stand in the tables, for what has been judged anew."""
    fill_wanted(connection, names)

    def of(table: str) -> list[sa.Row[tuple[object, ...]]]:
        # The tables are this function's own words, never a caller's.
        where = "WHERE t.kiosk = :kiosk AND t.seq = w.seq AND t.hash = w.hash"
        return rows(connection, f"SELECT t.* FROM wanted w CROSS JOIN {table} t {where}", kiosk=kiosk)  # noqa: S608

    return _with_posted(connection, kiosk, _kept(of("aside"), of("placed"), of("flag")), judged)


def _with_posted(connection: sa.Connection, kiosk: bytes, kept: Kept, judged: Iterable[Standing]) -> Kept:
    """Add the moments under which grants are posted."""
    keys: set[RepeatKey] = set()
    for new in judged:
        name = (new.seq, new.hash)
        if new.grant is not None and name not in kept.aside:
            lies = kept.placed.get(name)
            keys.add(_key_signed(new.grant) if lies is None else _key_of(lies))
    if not keys:
        return kept
    fill_touched(connection, keys)
    found = rows(
        connection,
        """
        SELECT t.seq, t.hash, t.occurred_ms, t.occurred_from FROM touched k CROSS JOIN transfer t
        WHERE t.event = k.event AND t.bucket = k.bucket AND t.member = k.member AND t.activity = k.activity
          AND t.occasion = k.occasion AND t.kiosk = :kiosk AND t.points > 0
        ORDER BY t.turn
        """,
        kiosk=kiosk,
    )
    return kept._replace(posted={_name(one): (one.occurred_ms, Source(one.occurred_from)) for one in found})


def _kept(
    aside: Iterable[sa.Row[tuple[object, ...]]],
    placed: Iterable[sa.Row[tuple[object, ...]]],
    flags: Iterable[sa.Row[tuple[object, ...]]],
) -> Kept:
    flags_of: dict[Name, frozenset[str]] = {}
    for one in flags:
        if one.flag != Flag.OVER_LIMIT.value:  # the daily limit's is kept by keys
            flags_of[_name(one)] = flags_of.get(_name(one), frozenset()) | {one.flag}
    return Kept({_name(one): one for one in aside}, {_name(one): one for one in placed}, flags_of)


def _name(one: sa.Row[tuple[object, ...]]) -> Name:
    return (one.seq, bytes(one.hash))


def _eligible(new: Standing) -> Standing:
    """Return the standing of a grant that is posted as it was signed."""
    old = new if new.is_natural or new.grant is None else _natural(new, new.grant)
    return old._replace(candidacy=Candidacy.ELIGIBLE, reasons=NONE)


def _natural(standing: Standing, grant: Grant) -> Standing:
    """Return a standing with the key and points of the signed grant."""
    return standing._replace(key=_key_signed(grant), points=grant.points, is_natural=True)


def _key_signed(grant: Grant) -> RepeatKey:
    return RepeatKey(grant.event, bucket_of(grant.member), grant.member, grant.activity, grant.occasion)


def _key_of(one: sa.Row[tuple[object, ...]]) -> RepeatKey:
    return RepeatKey(one.event, one.bucket, one.member, one.activity, one.occasion)


def _put(new: Standing, put: sa.Row[tuple[object, ...]]) -> Standing:
    """Return the standing of a grant that is put aside; a duplicate is eligible."""
    key = _key_of(put)
    candidacy = Candidacy.ELIGIBLE if put.verdict == "duplicate" else Candidacy(put.verdict)
    when = {"occurred_ms": put.occurred_ms, "occurred_from": Source(put.occurred_from)}
    grant = new.grant if key != NO_KEY else None
    old = new._replace(grant=grant, key=key, points=put.points, allotment=put.allotment, is_natural=True, **when)
    return old._replace(candidacy=candidacy, reasons=Reason(put.reasons), boot=bytes(put.boot))


def _stored(one: sa.Row[tuple[object, ...]]) -> Stored:
    prev, entry, defect = read_arrived(bytes(one.encoded))
    entry_hash = bytes(one.hash)
    return Stored(
        Link(one.seq, entry_hash, prev, one.arrived_ms), Attested(one.seq, entry_hash, one.arrived_ms, entry, defect)
    )
