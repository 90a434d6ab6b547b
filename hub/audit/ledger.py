"""Holds transfers and rows put aside against what is expected, repeat key by repeat key: who wins, every turn on the
way there, and everybody else's verdict. Reads both tables once, in their own order.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from hub.audit.expected import NO_KEY, Expected, Identity, Key, Scratch
from hub.audit.findings import Findings, is_in_bucket
from hub.audit.limits import LimitWatch
from hub.audit.reading import stream
from hub.audit.reference import Reference
from hub.audit.standings import ELIGIBLE

NOW_WINS = "now the winner of its key"
NO_LONGER_WINS = "no longer the winner of its key"
_KEY_COLUMNS = ("event", "bucket", "member", "activity", "occasion")


class Ledger:
    """One reading of the ledger. `counts` is what each kiosk's grants and points come to per verdict."""

    def __init__(
        self, connection: sa.Connection, reference: Reference, altered: set[Identity], findings: Findings
    ) -> None:
        self._connection = connection
        self._reference = reference
        self._altered = altered
        self._findings = findings
        self.grants: Counter[tuple[bytes, str]] = Counter()
        self.points: Counter[tuple[bytes, str]] = Counter()

    def check(self, scratch: Scratch, limits: LimitWatch) -> None:
        """Check all transfers and all rows put aside."""
        for key, expected, transfers, asides in self._by_key(scratch):
            winner = min(
                (one for one in expected if one.verdict == ELIGIBLE),
                key=lambda one: (-one.points, one.kiosk, one.seq, one.hash),
                default=None,
            )
            known = {one.identity: one for one in expected}
            if (transfers or asides) and key != NO_KEY and not is_in_bucket(key[2], key[1]):
                table = "transfer" if transfers else "aside"
                self._findings.defect(table, "its bucket is another member's", **_named(key))
            self._check_turns(key, transfers, known)
            self._check_winner(key, transfers, winner, known)
            self._check_asides(key, asides, known, winner)
            self._count(expected, winner)
            limits.see(key, expected, transfers)
        limits.end()

    def _by_key(self, scratch: Scratch) -> Iterator[tuple[Key, list[Expected], list[Any], list[Any]]]:
        transfers = stream(
            self._connection,
            "SELECT * FROM transfer ORDER BY event, bucket, member, activity, occasion, turn",
        )
        asides = stream(
            self._connection,
            "SELECT * FROM aside ORDER BY event, bucket, member, activity, occasion, kiosk, seq, hash",
        )
        in_order = heapq.merge(
            ((one.key, 0, one) for one in scratch.in_key_order()),
            ((tuple(one[:5]), 1, one) for one in transfers),
            ((tuple(one[:5]), 2, one) for one in asides),
            key=lambda item: item[:2],
        )
        for key, group in groupby(in_order, key=lambda item: item[0]):
            sorted_out: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
            for _, which, one in group:
                sorted_out[which].append(one)
            yield key, *sorted_out

    def _check_turns(self, key: Key, transfers: list[Any], known: Mapping[Identity, Expected]) -> None:
        before: Any = None
        for turn, one in enumerate(transfers):
            name = {**_named(key), "turn": one.turn}
            if one.turn != turn and (before is None or one.turn != before.turn + 1):
                self._findings.defect("transfer", "missing: a turn is left out", **{**name, "turn": turn})
            defect = self._defect_of_gift(one, known) if one.points > 0 else self._defect_of_return(one, before)
            if one.points > 0 and before is not None and before.points > 0:
                defect = defect or "given before the turn before it was taken back"
            if before is not None and one.posted_ms < before.posted_ms:
                defect = defect or "posted before the turn before it"
            if defect:
                self._findings.defect("transfer", defect, **name)
            before = one

    def _defect_of_gift(self, one: Any, known: Mapping[Identity, Expected]) -> str:
        identity = _identity(one)
        if identity in self._altered:
            return ""
        expected = known.get(identity)
        if expected is None:
            self._name_missing_entry(identity, "transfer")
            return "no arrived grant with this key stands behind it"
        if one.reason != (None if one.turn == 0 else NOW_WINS):
            return f"its reason is not that of turn {one.turn}"
        if one.owed != 0:
            return "nothing can be owed on points that are given"
        return self._defect_of_row(one, expected, one.posted_ms)

    def _defect_of_return(self, one: Any, before: Any) -> str:
        if before is None or before.points <= 0:
            return "takes back what was not given"
        same = ("kiosk", "seq", "hash", "allotment", "from_share", "occurred_ms")
        differing = [column for column in same if getattr(one, column) != getattr(before, column)]
        if one.points != -before.points:
            differing.append("points")
        if differing:
            return f"takes back with another {', '.join(differing)} than was given"
        if one.reason != NO_LONGER_WINS:
            return "its reason is not that of taking back"
        return "" if 0 <= one.owed <= -one.points else "owes more than it takes back"

    def _defect_of_row(self, one: Any, expected: Expected, row_ms: int) -> str:
        """Return what is wrong with the columns that transfers and rows put aside share."""
        if one.points != expected.points:
            return f"its grant was signed for {expected.points} points"
        if one.allotment not in expected.allotments:
            return f"its points come out of allotment {' or '.join(map(str, expected.allotments))}"
        if not self._may_be_from_share(one, expected, row_ms):
            return f"from_share cannot be {one.from_share}"
        if one.occurred_ms not in expected.moments:
            return f"occurred at {' or '.join(map(str, expected.moments))}"
        if row_ms >= expected.arrived_ms:
            return ""
        self._findings.defect("entry", "arrived after it was judged", **_placed(expected))
        return "older than its arrival"

    def _may_be_from_share(self, one: Any, expected: Expected, row_ms: int) -> bool:
        """A kiosk's share, once given, is used; before, points come out of the allotment itself."""
        if expected.from_share is not None:
            return bool(one.from_share == expected.from_share)
        first_ms = self._reference.first_share_ms(expected.kiosk, one.allotment)
        if one.from_share == 1:
            return first_ms is not None and first_ms <= row_ms
        return bool(one.from_share == 0) and (first_ms is None or first_ms >= expected.arrived_ms)

    def _check_winner(
        self, key: Key, transfers: list[Any], winner: Expected | None, known: Mapping[Identity, Expected]
    ) -> None:
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
        if last is not None and (now := known.get(_identity(last))):
            why = "" if now.verdict == ELIGIBLE else f", because it is {now.verdict}: {now.reason}"
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
            defect = ""
            if expected is None:
                self._name_missing_entry(identity, "aside")
                defect = "no arrived entry with this key stands behind it"
            elif expected is winner:
                defect = "is put aside, but wins its key"
            else:
                wanted = _verdict(expected)
                if (one.verdict, one.reason) != wanted:
                    defect = f"is to be {wanted[0]} {wanted[1]}".rstrip()
                defect = defect or self._defect_of_row(one, expected, one.since_ms)
            if defect:
                self._findings.defect("aside", defect, **_named(key), **_placed(one))
        kept = {_identity(one) for one in asides}
        for expected in known.values():
            if expected is not winner and expected.identity not in kept:
                defect = f"missing: is to be {' '.join(_verdict(expected))}".rstrip()
                self._findings.defect("aside", defect, **_named(key), **_placed(expected))

    def _count(self, expected: Iterable[Expected], winner: Expected | None) -> None:
        for one in expected:
            if one.is_counted:
                verdict = "posted" if one is winner else _verdict(one)[0]
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


def check_counts(connection: sa.Connection, ledger: Ledger, findings: Findings) -> None:
    """Check that each kiosk's counts are those of the verdicts expected."""
    left = {key: (ledger.grants[key], ledger.points[key]) for key in ledger.grants}
    for one in stream(connection, "SELECT * FROM kiosk_count ORDER BY kiosk, verdict"):
        kept, wanted = (one.grants, one.points), left.pop((bytes(one.kiosk), one.verdict), (0, 0))
        if one.verdict not in {"posted", "duplicate", "held", "dismissed"}:
            findings.defect("kiosk_count", "no such verdict", kiosk=bytes(one.kiosk), verdict=one.verdict)
        elif kept != wanted:
            defect = f"is {wanted[0]} grants with {wanted[1]} points, not {kept[0]} with {kept[1]}"
            findings.defect("kiosk_count", defect, kiosk=bytes(one.kiosk), verdict=one.verdict)
    for (kiosk, verdict), (grants, points) in sorted(left.items()):
        findings.defect("kiosk_count", f"missing: {grants} grants with {points} points", kiosk=kiosk, verdict=verdict)


def _verdict(expected: Expected) -> tuple[str, str]:
    """Return what a grant that does not win is to be."""
    return ("duplicate", "") if expected.verdict == ELIGIBLE else (expected.verdict, expected.reason)


def _identity(one: Any) -> Identity:
    return (bytes(one.kiosk), one.seq, bytes(one.hash))


def _placed(one: Any) -> dict[str, object]:
    return {"kiosk": bytes(one.kiosk), "seq": one.seq, "hash": bytes(one.hash)}


def _named(key: Key) -> dict[str, object]:
    return dict(zip(_KEY_COLUMNS, key, strict=True))
