"""Holds transfers and rows put aside against what is expected, repeat key by repeat key: who wins, every turn on the
way there, and everybody else's verdict. Reads both tables once, in their own order.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from hub.audit.acts import Acts
from hub.audit.expected import NO_KEY, Expected, Identity, Key, Scratch, winner_of
from hub.audit.findings import Findings, is_in_bucket
from hub.audit.limits import LimitWatch
from hub.audit.reading import stream
from sync.citytime import DAY_MS

KEY_COLUMNS = ("event", "bucket", "member", "activity", "occasion")
_OF_A_TURN = ("kiosk", "seq", "hash", "allotment", "occurred_ms", "occurred_from")

CouldHaveBeen = Callable[[Expected, Any], bool]
"""Tells whether a row may have been posted of a grant at another time, by what was in force then."""

Rows = tuple[Iterable[Any], Iterable[Any]]
"""The rows of transfer and of aside, both in the order of their keys."""


class Ledger:
    """One reading of the ledger. `grants` and `points` are what each kiosk comes to per verdict. What an act has left
    to be judged is `waiting`: the keys it is expected on are passed over, and the counts of their kiosks are `unsure`.
    """

    def __init__(
        self,
        connection: sa.Connection,
        acts: Acts,
        altered: Container[Identity],
        could_have_been: CouldHaveBeen,
        findings: Findings,
    ) -> None:
        self._connection = connection
        self._acts = acts
        self._altered = altered
        self._could_have_been = could_have_been
        self._findings = findings
        self.waiting = waiting_to_be_judged(connection)
        self.unsure: set[bytes] = set()
        self._has_one_kiosk = True  # in the books of one kiosk time never goes back; between two it is not told
        self.grants: Counter[tuple[bytes, str]] = Counter()
        self.points: Counter[tuple[bytes, str]] = Counter()

    def check(self, scratch: Scratch, limits: LimitWatch, keys: Iterable[Key] | None = None) -> None:
        """Check transfers and rows put aside against everything in the scratch, on all keys or on some."""
        if keys is None:
            found, rows = scratch.in_key_order(), all_rows(self._connection)
        else:
            some = sorted(keys)
            found, rows = scratch.on_keys(some), rows_on(self._connection, some)
        for key, expected, transfers, asides in _by_key(found, rows):
            if self.waiting and any(_identity(one) in self.waiting for one in (*expected, *transfers, *asides)):
                self.unsure |= {bytes(one.kiosk) for one in (*expected, *transfers, *asides)}
                limits.pass_over(key)
                continue
            winner = winner_of(expected)
            self._has_one_kiosk = len({bytes(one.kiosk) for one in (*expected, *transfers, *asides)}) < 2  # noqa: PLR2004
            if (transfers or asides) and key != NO_KEY and not is_in_bucket(key[2], key[1]):
                table = "transfer" if transfers else "aside"
                self._findings.defect(table, "its bucket is another member's", **_named(key))
            if transfers or winner is not None:
                self._check_turns(key, transfers, winner, scratch)
                self._check_winner(key, transfers, winner, expected)
            if asides or len(expected) > 1 or winner is None:
                self._check_asides(key, asides, {one.identity: one for one in expected}, winner)
            self._count(expected, winner)
            limits.see(key, winner)
        limits.end()

    def _check_turns(self, key: Key, transfers: list[Any], winner: Expected | None, scratch: Scratch) -> None:
        before: Any = None
        owed = 0
        for turn, one in enumerate(transfers):
            name = {**_named(key), "turn": one.turn}
            if one.turn != turn and (before is None or one.turn != before.turn + 1):
                self._findings.defect("transfer", "missing: a turn is left out", **{**name, "turn": turn})
            act = self._acts.named("transfer", one.act, name)
            if one.points > 0:
                defect = self._defect_of_gift(one, winner if one is transfers[-1] else None, scratch)
                if before is not None and before.points > 0:
                    defect = defect or "given before the turn before it was taken back"
                if one.owed != -min(owed, one.points):
                    defect = defect or f"{min(owed, one.points)} points were owed on this key"
            else:
                defect = _defect_of_return(one, before)
            if before is not None and self._has_one_kiosk and one.posted_ms < before.posted_ms:
                defect = defect or "posted before the turn before it"
            if act is not None and act.done_ms > one.posted_ms:
                self._findings.defect("act", "done after a transfer that it caused", act=act.act)
                defect = defect or "posted before its act was done"
            if defect:
                self._findings.defect("transfer", defect, **name)
            owed, before = owed + one.owed, one

    def _defect_of_gift(self, one: Any, winner: Expected | None, scratch: Scratch) -> str:
        identity = _identity(one)
        if identity in self._altered:
            return ""
        if winner is not None and winner.identity == identity:
            return self._defect_of_row(one, winner, one.posted_ms)
        expected = scratch.elsewhere(identity)
        if expected is None:
            self._name_missing_entry(identity, "transfer")
            return "no arrived grant stands behind it"
        if not self._could_have_been(expected, one):
            return "no arrived grant with this key, these points and this allotment stands behind it"
        return self._defect_of_age(expected, one.posted_ms)

    def _defect_of_row(self, one: Any, expected: Expected, row_ms: int) -> str:
        """Return what is wrong with the columns that transfers and rows put aside share."""
        if one.points != expected.points:
            return f"its grant gives {expected.points} points"
        if one.allotment != expected.allotment:
            return f"its points come out of allotment {expected.allotment}"
        if (one.occurred_ms, one.occurred_from) != (expected.occurred_ms, expected.occurred_from):
            told, kept = (expected.occurred_ms, expected.occurred_from), (one.occurred_ms, one.occurred_from)
            return f"occurred at {told[0]} by source {told[1]}, not at {kept[0]} by {kept[1]}"
        return self._defect_of_age(expected, row_ms)

    def _defect_of_age(self, expected: Expected, row_ms: int) -> str:
        if row_ms > self._acts.newest_ms + DAY_MS:
            return "later than anything else the hub has done"
        if row_ms >= expected.arrived_ms - (0 if self._has_one_kiosk else DAY_MS):
            return ""
        self._findings.defect("entry", "arrived after it was judged", **_placed(expected))
        return "older than its arrival"

    def _check_winner(self, key: Key, transfers: list[Any], winner: Expected | None, expected: list[Expected]) -> None:
        last = transfers[-1] if transfers and transfers[-1].points > 0 else None
        standing = _identity(last) if last is not None else None
        if standing == (winner.identity if winner else None) or standing in self._altered:
            return
        if winner is not None:
            place = {"kiosk": winner.kiosk, "seq": winner.seq, "hash": winner.hash}
            instead = "" if last is None else " instead"
            self._findings.defect(
                "transfer", f"missing: its grant is to be posted{instead}", **_named(key), turn=len(transfers), **place
            )
        if last is not None:
            now = next((one for one in expected if one.identity == standing), None)
            why = "" if now is None else f", because it is {now.row_verdict} {now.row_reasons}"
            self._findings.defect("transfer", f"is not to stand posted{why}", **_named(key), turn=last.turn)
            if winner is None:
                defect = "missing: what is not to stand is to be taken back"
                self._findings.defect("transfer", defect, **_named(key), turn=len(transfers))

    def _check_asides(
        self, key: Key, asides: list[Any], known: Mapping[Identity, Expected], winner: Expected | None
    ) -> None:
        for one in asides:
            identity = _identity(one)
            expected = known.get(identity)
            if identity in self._altered:
                continue
            if expected is None:
                self._name_missing_entry(identity, "aside")
                defect = "no arrived entry with this key stands behind it"
            elif expected is winner:
                defect = "is put aside, but wins its key"
            else:
                defect = _defect_of_aside(one, expected) or self._defect_of_row(one, expected, one.since_ms)
            if defect:
                self._findings.defect("aside", defect, **_named(key), **_placed(one))
        kept = {_identity(one) for one in asides}
        for expected in known.values():
            if expected is not winner and expected.identity not in kept:
                defect = f"missing: is to be {expected.row_verdict} {expected.row_reasons}"
                self._findings.defect("aside", defect, **_named(key), **_placed(expected))

    def _count(self, expected: Iterable[Expected], winner: Expected | None) -> None:
        for one in expected:
            if one.is_counted:
                verdict = "posted" if one is winner else one.row_verdict
                self.grants[one.kiosk, verdict] += 1
                self.points[one.kiosk, verdict] += one.points

    def _name_missing_entry(self, identity: Identity, table: str) -> None:
        kiosk, seq, entry_hash = identity
        found = stream(
            self._connection,
            "SELECT 1 FROM entry WHERE kiosk = :kiosk AND seq = :seq AND hash = :hash",
            kiosk=kiosk,
            seq=seq,
            hash=entry_hash,
        )
        if not list(found):
            self._findings.defect(
                "entry", f"missing, or {table} names what never was", kiosk=kiosk, seq=seq, hash=entry_hash
            )


def waiting_to_be_judged(connection: sa.Connection) -> set[Identity]:
    """Return the entries that a large act has left to be judged: until that is done, their rows are as before."""
    found = stream(connection, "SELECT DISTINCT kiosk, seq, hash FROM to_judge")
    return {(bytes(one.kiosk), one.seq, bytes(one.hash)) for one in found}


def all_rows(connection: sa.Connection) -> Rows:
    """Return all transfers and all rows put aside."""
    return (
        stream(connection, "SELECT * FROM transfer ORDER BY event, bucket, member, activity, occasion, turn"),
        stream(
            connection,
            "SELECT * FROM aside ORDER BY event, bucket, member, activity, occasion, kiosk, seq, hash",
        ),
    )


def rows_on(connection: sa.Connection, keys: Iterable[Key]) -> Rows:
    """Return the transfers and the rows put aside on some keys, which come in order."""
    in_order = sorted(keys)
    where = " AND ".join(f"{column} = :{column}" for column in KEY_COLUMNS)

    def of(table: str, order: str) -> Iterator[Any]:
        for key in in_order:
            yield from stream(
                connection,
                f"SELECT * FROM {table} WHERE {where} ORDER BY {order}",  # noqa: S608  # our own words
                **_named(key),
            )

    return of("transfer", "turn"), of("aside", "kiosk, seq, hash")


def _by_key(found: Iterable[Expected], rows: Rows) -> Iterator[tuple[Key, list[Expected], list[Any], list[Any]]]:
    transfers, asides = rows
    in_order = heapq.merge(
        ((one[:5], 0, one) for one in found),
        ((tuple(one[:5]), 1, one) for one in transfers),
        ((tuple(one[:5]), 2, one) for one in asides),
        key=lambda item: item[:2],
    )
    for key, group in groupby(in_order, key=lambda item: item[0]):
        sorted_out: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
        for _, which, one in group:
            sorted_out[which].append(one)
        yield key, *sorted_out


def _defect_of_return(one: Any, before: Any) -> str:
    if before is None or before.points <= 0:
        return "takes back what was not given"
    differing = [column for column in _OF_A_TURN if getattr(one, column) != getattr(before, column)]
    if one.points != -before.points:
        differing.append("points")
    if differing:
        return f"takes back with another {', '.join(differing)} than was given"
    # Nothing but transfers moves a member's points yet, so whoever was given points on a key still holds them.
    return "owes what the member holds" if one.owed else ""


def _defect_of_aside(one: Any, expected: Expected) -> str:
    if (one.verdict, one.reasons) != (expected.row_verdict, expected.row_reasons):
        return f"is to be {expected.row_verdict} {expected.row_reasons}, not {one.verdict} {one.reasons}"
    boot = b"" if one.verdict == "duplicate" else expected.boot
    return "" if bytes(one.boot) == boot else f"is of boot {boot.hex()}"


def check_counts(connection: sa.Connection, ledger: Ledger, findings: Findings) -> None:
    """Check that each kiosk's counts are those of the verdicts expected."""
    left = {key: (ledger.grants[key], ledger.points[key]) for key in ledger.grants if key[0] not in ledger.unsure}
    kept = stream(connection, "SELECT * FROM kiosk_count ORDER BY kiosk, verdict")
    compare_counts((one for one in kept if bytes(one.kiosk) not in ledger.unsure), left, findings)


def compare_counts(kept: Iterable[Any], left: dict[tuple[bytes, str], tuple[int, int]], findings: Findings) -> None:
    """Hold rows of kiosk_count against {(kiosk, verdict): (grants, points)}."""
    for one in kept:
        found, wanted = (one.grants, one.points), left.pop((bytes(one.kiosk), one.verdict), (0, 0))
        if one.verdict not in {"posted", "duplicate", "held", "dismissed"}:
            findings.defect("kiosk_count", "no such verdict", kiosk=bytes(one.kiosk), verdict=one.verdict)
        elif found != wanted:
            defect = f"is {wanted[0]} grants with {wanted[1]} points, not {found[0]} with {found[1]}"
            findings.defect("kiosk_count", defect, kiosk=bytes(one.kiosk), verdict=one.verdict)
    for (kiosk, verdict), (grants, points) in sorted(left.items()):
        if grants:
            defect = f"missing: {grants} grants with {points} points"
            findings.defect("kiosk_count", defect, kiosk=kiosk, verdict=verdict)


def _identity(one: Any) -> Identity:
    return (bytes(one.kiosk), one.seq, bytes(one.hash))


def _placed(one: Any) -> dict[str, object]:
    return {"kiosk": bytes(one.kiosk), "seq": one.seq, "hash": bytes(one.hash)}


def _named(key: Key) -> dict[str, object]:
    return dict(zip(KEY_COLUMNS, key, strict=True))
