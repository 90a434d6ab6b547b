"""Posts by difference: for the repeat keys that a change touches, states which grant should stand, and writes what
differs. The only writer of transfers, balances and rows put aside (docs/verdicts.md).

A posted row is never changed. Where another grant is to stand, or the same with other points or out of another account,
linked transfers follow (turn 1, 2 …). What a member no longer has goes to `owed` in the same transaction, and comes off
it again when the key gives again. No key, claim or turn is taken for new: what stands is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from hub.intake.settle import Claim, OnKey, RepeatKey, Turn, difference, owed_on
from hub.intake.values import Candidacy, Standing
from hub.ledger.accounts import Account, Movement, carried_account, write_with_movements
from hub.ledger.aside import Put, forget, lie_elsewhere, put_aside, write_flags
from hub.ledger.inbox import fill_asked, fill_inbox, fill_touched
from hub.store.database import execute, execute_many, rows


class Change(NamedTuple):
    """An entry whose standing is to be posted: what it was (None: it has just arrived), and what it is now (None: it no
    longer has one).
    """

    old: Standing | None
    new: Standing | None


class Moved(NamedTuple):
    """What a posting came to, over all members: grants that were posted before and are not now (`taken`), the other way
    (`given`), and each member's net points.
    """

    taken: int = 0
    given: int = 0
    net: Mapping[int, int] = {}
    touched: frozenset[RepeatKey] = frozenset()

    @property
    def points_taken(self) -> int:
        """Return the points that members lose, net of what they are given."""
        return -sum(points for points in self.net.values() if points < 0)

    @property
    def people(self) -> int:
        """Return how many members lose points."""
        return sum(points < 0 for points in self.net.values())

    def and_also(self, other: Moved) -> Moved:
        """Return both together."""
        net = Counter(self.net)
        net.update(other.net)
        return Moved(self.taken + other.taken, self.given + other.given, net, self.touched | other.touched)


def post(  # a change of the ledger, and what caused it
    connection: sa.Connection,
    kiosk: bytes,
    changes: Sequence[Change],
    now_ms: int,
    act: bytes | None = None,
    movements: Sequence[Movement] = (),
) -> Moved:
    """Bring the ledger from what the standings of one kiosk were to what they are. `act` is the act that caused it,
    `movements` between accounts that it asks for as well. Raises AccountShort.
    """
    posting = _Posting(connection, kiosk, now_ms, act)
    posting.forget_rows(changes)
    keys: dict[RepeatKey, list[Claim]] = {}
    gone: set[tuple[bytes, int, bytes]] = set()
    for old, new in changes:
        if old is not None and old.candidacy is Candidacy.ELIGIBLE:
            keys.setdefault(old.key, [])
            gone.add((kiosk, old.seq, old.hash))
        if old is not None and new is not None and new.candidacy is Candidacy.ELIGIBLE:
            keys.setdefault(new.key, []).append(new.claim(kiosk))
    fresh = [new for old, new in changes if old is None and new is not None and new.candidacy is Candidacy.ELIGIBLE]
    for claim in posting.post_fresh([one.claim(kiosk) for one in fresh], {key.member for key in keys}):
        keys.setdefault(claim.key, []).append(claim)
    posting.settle(keys, gone)
    posting.put_rows(changes)
    return posting.finish(movements)


class _Posting:
    """One posting within one transaction. Rows are taken in one order everywhere, so that two hubs never wait for each
    other in a circle: keys, then members' balances, then accounts, then counts, each sorted.
    """

    def __init__(self, connection: sa.Connection, kiosk: bytes, now_ms: int, act: bytes | None) -> None:
        self._connection = connection
        self._kiosk = kiosk
        self._now_ms = now_ms
        self._act = act
        self._grants: Counter[tuple[bytes, str]] = Counter()
        self._points: Counter[tuple[bytes, str]] = Counter()
        self._accounts: Counter[Account] = Counter()
        self._net: Counter[int] = Counter()
        self._touched: set[RepeatKey] = set()
        self._locked: set[int] = set()
        self._taken = 0
        self._given = 0

    def forget_rows(self, changes: Sequence[Change]) -> None:
        """Take away the rows of standings that were held or dismissed."""
        old = [change.old for change in changes if change.old is not None]
        aside = [one for one in old if one.candidacy is not Candidacy.ELIGIBLE]
        forget(self._connection, self._kiosk, aside)
        for one in aside:
            self._count(self._kiosk, one.candidacy.value, one.points, -1 if one.is_counted else 0)

    def post_fresh(self, claims: list[Claim], others: set[int]) -> list[Claim]:
        """Post the claims of entries that have just arrived whose key nobody has claimed before; return the others.

        Rows go in sorted by key, then the better claim first, so that of two claims in one batch the right one wins.
        `others` are members whose keys will be settled: they are locked together with those of the claims.
        """
        fill_inbox(self._connection, sorted(claims, key=_posting_order))
        if not claims:
            return []
        posted = execute(self._connection, _POST_INBOX, now_ms=self._now_ms)
        contested = [] if posted == len(claims) else self._drop_contested(claims)
        self._credit_inbox({claim.key.member for claim in contested} | others)
        lost = {claim.identity for claim in contested}
        for claim in claims:
            if not lost or claim.identity not in lost:
                self._note_given(claim)
        return contested

    def settle(self, keys: Mapping[RepeatKey, list[Claim]], gone: set[tuple[bytes, int, bytes]]) -> None:
        """Find who wins each key now, and post the difference."""
        if not keys:
            return
        self._touched |= keys.keys()
        self._lock_members({key.member for key in keys})
        found = self._read_keys(keys)
        turns: list[Turn] = []
        leaving: list[Claim] = []
        coming: list[Claim] = []
        for key in sorted(keys):
            found_now = difference(found.get(key, OnKey()), keys[key], gone)
            turns += found_now.turns
            leaving += found_now.leaving
            coming += found_now.coming
        self._write_turns(turns)
        self._write_duplicates(leaving, coming)

    def _write_duplicates(self, leaving: Sequence[Claim], coming: Sequence[Claim]) -> None:
        forget(self._connection, None, leaving)
        for claim in leaving:
            self._count(claim.kiosk, "duplicate", claim.points, -1)
        put_aside(self._connection, [Put(claim, "duplicate", 0, b"") for claim in coming], self._now_ms)
        for claim in coming:
            self._count(claim.kiosk, "duplicate", claim.points, 1)

    def put_rows(self, changes: Sequence[Change]) -> None:
        """Put aside what is held or dismissed now, and keep where grants lie and how they are flagged."""
        puts = []
        for _, new in changes:
            if new is not None and new.candidacy is not Candidacy.ELIGIBLE:
                puts.append(Put(new.claim(self._kiosk), new.candidacy.value, int(new.reasons), new.boot))
                self._count(self._kiosk, new.candidacy.value, new.points, 1 if new.is_counted else 0)
        put_aside(self._connection, puts, self._now_ms)
        lie_elsewhere(self._connection, self._kiosk, changes)
        write_flags(self._connection, self._kiosk, changes)

    def finish(self, movements: Sequence[Movement]) -> Moved:
        """Write accounts and counts, and say what it came to."""
        write_with_movements(self._connection, self._accounts, movements)
        self._write_counts()
        return Moved(self._taken, self._given, dict(self._net), frozenset(self._touched))

    def _drop_contested(self, claims: list[Claim]) -> list[Claim]:
        """Take the claims that were not posted out of the inbox, and return them."""
        names = {(one.seq, bytes(one.hash)) for one in rows(self._connection, _DROP_NOT_POSTED)}
        return [claim for claim in claims if (claim.seq, claim.hash) in names]

    def _credit_inbox(self, others: set[int]) -> None:
        """Credit what was posted out of the inbox, and lock the balances of others whose keys will be settled: all of
        them in one go, in key order.
        """
        if others:
            fill_asked(self._connection, others)
            self._locked |= others
        execute(self._connection, _CREDIT_INBOX_AND_LOCK_ASKED if others else _CREDIT_INBOX)

    def _lock_members(self, members: set[int]) -> None:
        """Lock members' balances in key order: two hubs that meet on a key take turns from here on."""
        if members <= self._locked:
            return
        fill_asked(self._connection, members)
        execute(self._connection, _LOCK_ASKED)
        self._locked |= members

    def _read_keys(self, keys: Iterable[RepeatKey]) -> dict[RepeatKey, OnKey]:
        fill_touched(self._connection, keys)
        found: dict[RepeatKey, OnKey] = {}
        for one in rows(self._connection, _TURNS_OF_TOUCHED):
            claim = _claim_of(one)
            before = found.get(claim.key, OnKey())
            standing = claim if one.points > 0 else None
            found[claim.key] = OnKey(one.turn, standing, before.owing + one.owed, one.posted_ms)
        for one in rows(self._connection, _DUPLICATES_OF_TOUCHED):
            claim = _claim_of(one)
            before = found.get(claim.key, OnKey())
            found[claim.key] = before._replace(duplicates=(*before.duplicates, claim))
        return found

    def _write_turns(self, turns: list[Turn]) -> None:
        """Write the turns with what is owed on each, and the members' balances."""
        if not turns:
            return
        owed = owed_on(turns, self._held())
        for one in turns:
            if one.sign > 0:
                self._note_given(one.claim)
                self._given += 1
            else:
                self._note_taken(one.claim)
        execute_many(
            self._connection,
            _INSERT_TURN,
            [self._turn_row(one, owed[one.claim.key, one.turn]) for one in turns],
        )
        self._write_balances(turns, owed)

    def _turn_row(self, one: Turn, owed: int) -> dict[str, object]:
        claim = one.claim
        return {
            **claim.key._asdict(),
            "turn": one.turn,
            "kiosk": claim.kiosk,
            "seq": claim.seq,
            "hash": claim.hash,
            "points": one.sign * claim.points,
            "owed": owed,
            "allotment": claim.allotment,
            "occurred_ms": claim.occurred_ms,
            "occurred_from": claim.occurred_from,
            "posted_ms": max(self._now_ms, one.on_key.posted_ms),
            "act": self._act,
        }

    def _write_balances(self, turns: list[Turn], owed: Mapping[tuple[RepeatKey, int], int]) -> None:
        changes: dict[tuple[int, int], list[int]] = {}
        for one in turns:
            change = changes.setdefault((one.claim.key.bucket, one.claim.key.member), [0, 0])
            more_owed = owed[one.claim.key, one.turn]
            change[0] += one.sign * one.claim.points + more_owed
            change[1] += more_owed
        execute_many(
            self._connection,
            """
            UPDATE member_balance SET held = held + :held, owed = owed + :owed
            WHERE bucket = :bucket AND member = :member
            """,
            [
                {"bucket": bucket, "member": member, "held": held, "owed": more_owed}
                for (bucket, member), (held, more_owed) in sorted(changes.items())
            ],
        )

    def _held(self) -> dict[int, int]:
        """Return what the members of the keys that were read have."""
        found = rows(
            self._connection,
            """
            SELECT b.member, b.held FROM touched k CROSS JOIN member_balance b
            WHERE b.bucket = k.bucket AND b.member = k.member
            """,
        )
        return {one.member: one.held for one in found}

    def _note_given(self, claim: Claim) -> None:
        self._accounts[carried_account(claim.kiosk, claim.allotment)] -= claim.points
        self._net[claim.key.member] += claim.points
        self._count(claim.kiosk, "posted", claim.points, 1)

    def _note_taken(self, claim: Claim) -> None:
        self._accounts[carried_account(claim.kiosk, claim.allotment)] += claim.points
        self._net[claim.key.member] -= claim.points
        self._taken += 1
        self._count(claim.kiosk, "posted", claim.points, -1)

    def _count(self, kiosk: bytes, verdict: str, points: int, grants: int) -> None:
        """Count grants under a verdict; −1 takes one away, 0 is no grant."""
        self._grants[kiosk, verdict] += grants
        self._points[kiosk, verdict] += points * grants

    def _write_counts(self) -> None:
        execute_many(
            self._connection,
            """
            INSERT INTO kiosk_count (kiosk, verdict, grants, points) VALUES (:kiosk, :verdict, :grants, :points)
            ON CONFLICT (kiosk, verdict)
            DO UPDATE SET grants = kiosk_count.grants + excluded.grants, points = kiosk_count.points + excluded.points
            """,
            [
                {"kiosk": kiosk, "verdict": verdict, "grants": grants, "points": self._points[kiosk, verdict]}
                for (kiosk, verdict), grants in sorted(self._grants.items())
                if grants or self._points[kiosk, verdict]
            ],
        )


def _posting_order(claim: Claim) -> tuple[RepeatKey, int, bytes, int, bytes]:
    return (claim.key, -claim.points, claim.kiosk, claim.seq, claim.hash)


def _claim_of(one: sa.Row[tuple[object, ...]]) -> Claim:
    """Return the claim in a row of transfer or aside; of one taken back, what had been given."""
    key = RepeatKey(one.event, one.bucket, one.member, one.activity, one.occasion)
    where = (abs(one.points), one.allotment, one.occurred_ms, one.occurred_from)
    return Claim(key, bytes(one.kiosk), one.seq, bytes(one.hash), *where)


_POST_INBOX = """
    INSERT INTO transfer (event, bucket, member, activity, occasion, turn, kiosk, seq, hash, points, owed, allotment,
                          occurred_ms, occurred_from, posted_ms, act)
    SELECT event, bucket, member, activity, occasion, 0, kiosk, seq, hash, points, 0, allotment,
           occurred_ms, occurred_from, CAST(:now_ms AS BIGINT), NULL
    FROM inbox WHERE true
    ORDER BY event, bucket, member, activity, occasion, points DESC, kiosk, seq, hash
    ON CONFLICT (event, bucket, member, activity, occasion, turn) DO NOTHING
"""

# An entry that has just arrived stands in no transfer yet, so a first turn with its name is the one just written.
_DROP_NOT_POSTED = """
    DELETE FROM inbox WHERE NOT EXISTS (
        SELECT 1 FROM transfer t
        WHERE t.event = inbox.event AND t.bucket = inbox.bucket AND t.member = inbox.member
          AND t.activity = inbox.activity AND t.occasion = inbox.occasion AND t.turn = 0
          AND t.kiosk = inbox.kiosk AND t.seq = inbox.seq AND t.hash = inbox.hash
    ) RETURNING seq, hash
"""

_CREDIT_INBOX = """
    INSERT INTO member_balance (bucket, member, held, owed)
    SELECT bucket, member, sum(points), 0 FROM inbox WHERE true GROUP BY bucket, member ORDER BY bucket, member
    ON CONFLICT (bucket, member) DO UPDATE SET held = member_balance.held + excluded.held
"""

_CREDIT_INBOX_AND_LOCK_ASKED = """
    INSERT INTO member_balance (bucket, member, held, owed)
    SELECT bucket, member, sum(points), 0 FROM (
        SELECT bucket, member, points FROM inbox UNION ALL SELECT bucket, member, 0 FROM asked
    ) AS moved WHERE true GROUP BY bucket, member ORDER BY bucket, member
    ON CONFLICT (bucket, member) DO UPDATE SET held = member_balance.held + excluded.held
"""

_LOCK_ASKED = """
    INSERT INTO member_balance (bucket, member, held, owed)
    SELECT bucket, member, 0, 0 FROM asked WHERE true ORDER BY bucket, member
    ON CONFLICT (bucket, member) DO UPDATE SET held = member_balance.held
"""

_TURNS_OF_TOUCHED = """
    SELECT t.* FROM touched k CROSS JOIN transfer t
    WHERE t.event = k.event AND t.bucket = k.bucket AND t.member = k.member AND t.activity = k.activity
     AND t.occasion = k.occasion
    ORDER BY t.event, t.bucket, t.member, t.activity, t.occasion, t.turn
"""

_DUPLICATES_OF_TOUCHED = """
    SELECT a.* FROM touched k CROSS JOIN aside a
    WHERE a.event = k.event AND a.bucket = k.bucket AND a.member = k.member AND a.activity = k.activity
      AND a.occasion = k.occasion AND a.verdict = 'duplicate' ORDER BY a.kiosk, a.seq, a.hash
"""

_INSERT_TURN = """
    INSERT INTO transfer (event, bucket, member, activity, occasion, turn, kiosk, seq, hash, points, owed, allotment,
                          occurred_ms, occurred_from, posted_ms, act)
    VALUES (:event, :bucket, :member, :activity, :occasion, :turn, :kiosk, :seq, :hash, :points, :owed, :allotment,
            :occurred_ms, :occurred_from, :posted_ms, :act)
"""
