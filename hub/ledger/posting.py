"""Turns standings into postings: new claims by set-based SQL, contested repeat keys one by one. The only writer of
transfers and balances.

A posted row is never changed. Where a later arrival, a void or a decision changes who wins a key, the difference is
posted as linked
transfers (turn 1, 2 …), and what a member no longer has goes to `owed` in the same transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from hub.intake.judge import VOID_OF_NOTHING, Candidacy, Judged
from hub.intake.settle import Claim, RepeatKey, winner
from hub.ledger.inbox import fill_asked, fill_inbox
from hub.store.database import execute, execute_many, row, rows
from sync.member import bucket_of, printed


class Change(NamedTuple):
    """A standing, and what it was: None (just arrived), "eligible", "held" or "dismissed"."""

    judged: Judged
    was: str | None


class Tally:
    """How grants and points move between verdicts, per kiosk, within one transaction."""

    def __init__(self) -> None:
        self.grants: Counter[tuple[bytes, str]] = Counter()
        self.points: Counter[tuple[bytes, str]] = Counter()

    def add(self, kiosk: bytes, verdict: str, points: int, grants: int = 1) -> None:
        """Count `grants` (negative: take away) under a verdict."""
        self.grants[kiosk, verdict] += grants
        self.points[kiosk, verdict] += points if grants >= 0 else -points

    def write(self, connection: sa.Connection) -> None:
        """Add the tally to the progress table."""
        execute_many(
            connection,
            """
            INSERT INTO kiosk_count (kiosk, verdict, grants, points) VALUES (:kiosk, :verdict, :grants, :points)
            ON CONFLICT (kiosk, verdict)
            DO UPDATE SET grants = kiosk_count.grants + excluded.grants, points = kiosk_count.points + excluded.points
            """,
            [
                {"kiosk": kiosk, "verdict": verdict, "grants": grants, "points": self.points[kiosk, verdict]}
                for (kiosk, verdict), grants in sorted(self.grants.items())
                if grants or self.points[kiosk, verdict]
            ],
        )


def post(
    connection: sa.Connection, kiosk: bytes, changes: Sequence[Change], shares: Iterable[int], now_ms: int
) -> frozenset[bytes]:
    """Bring the ledger from what the standings of one kiosk were to what they are. `shares` are the allotments it
    carries a share of. Return the hashes of new claims that were settled one by one: their repeat key was claimed
    before, or they were judged before.
    """
    tally = Tally()
    carried = frozenset(shares)
    added = [change for change in changes if _is_added(change)]
    arrived = [_claim(kiosk, change.judged, carried) for change in added if change.was is None]
    again = [_claim(kiosk, change.judged, carried) for change in added if change.was is not None]
    removed = [change.judged for change in changes if _is_removed(change)]
    _forget_asides(connection, kiosk, [change for change in changes if change.was in {"held", "dismissed"}], tally)
    # What was judged before may have stood posted once: its own rows must not be taken for its posting now.
    contested = [*_post_fresh(connection, arrived, tally, now_ms), *again]
    keys: dict[RepeatKey, list[Claim]] = {}
    for claim in contested:
        keys.setdefault(claim.key, []).append(claim)
    gone = {(kiosk, judged.seq, judged.hash) for judged in removed}
    for judged in removed:
        keys.setdefault(_key(judged), [])
    for key in sorted(keys):
        _settle_key(connection, key, keys[key], gone, tally, now_ms)
    _put_aside(connection, kiosk, [change.judged for change in changes if _is_aside(change)], carried, tally, now_ms)
    _write_flags(connection, kiosk, changes)
    tally.write(connection)
    return frozenset(claim.hash for claim in contested)


def unusual_members(connection: sa.Connection, members: Iterable[int]) -> dict[int, str]:
    """Return those of `members` that are not simply members: {member: "unknown" | "ended"}."""
    fill_asked(connection, members)
    found = rows(
        connection,
        """
        SELECT a.member, m.state FROM asked a LEFT JOIN member m ON m.bucket = a.bucket AND m.member = a.member
        WHERE m.state IS NULL OR m.state <> 'open'
        """,
    )
    return {member: state or "unknown" for member, state in found}


def ended_moments(connection: sa.Connection, unusual: Mapping[int, str]) -> dict[int, int]:
    """Return when each account among `unusual` that was ended was ended: {member: moment}, as its act says."""
    moments = {}
    for member, why in unusual.items():
        if why == "ended":
            text = "SELECT max(done_ms) AS done_ms FROM act WHERE kind = 'end member' AND subject = :subject"
            moments[member] = row(connection, text, subject=printed(member)).done_ms or 0
    return moments


def _is_added(change: Change) -> bool:
    return change.judged.candidacy is Candidacy.ELIGIBLE and change.was != "eligible"


def _is_removed(change: Change) -> bool:
    return (
        change.judged.candidacy is not Candidacy.ELIGIBLE
        and change.was == "eligible"
        and change.judged.grant is not None
    )


def _is_aside(change: Change) -> bool:
    return change.judged.candidacy is not Candidacy.ELIGIBLE


NO_KEY = RepeatKey(0, 0, 0, 0, 0)
"""Where entries lie that are no grant, or are not understood."""


def _key(judged: Judged) -> RepeatKey:
    grant = judged.grant
    if grant is None:
        return NO_KEY
    return RepeatKey(grant.event, bucket_of(grant.member), grant.member, grant.activity, grant.occasion)


def _claim(kiosk: bytes, judged: Judged, carried: frozenset[int]) -> Claim:
    points = judged.grant.points if judged.grant else 0
    from_share = int(judged.allotment in carried)
    return Claim(_key(judged), kiosk, judged.seq, judged.hash, points, judged.allotment, from_share, judged.occurred_ms)


def _post_fresh(connection: sa.Connection, claims: list[Claim], tally: Tally, now_ms: int) -> list[Claim]:
    """Post the claims whose repeat key nobody has claimed before; return the others. Only for entries that have just
    arrived: of these no row of the ledger can speak yet.

    Rows go in sorted by key, then the better claim first, so that of two claims in one batch the right one wins.
    """
    fill_inbox(connection, sorted(claims, key=_posting_order))  # even with none: limits asks the inbox later
    if not claims:
        return []
    posted = execute(
        connection,
        """
        INSERT INTO transfer (event, bucket, member, activity, occasion, turn, kiosk, seq, hash, points, owed,
        allotment,
                              from_share, occurred_ms, posted_ms, reason)
        SELECT event, bucket, member, activity, occasion, 0, kiosk, seq, hash, points, 0, allotment, from_share,
               occurred_ms, CAST(:now_ms AS BIGINT), NULL
        FROM inbox WHERE true
        ORDER BY event, bucket, member, activity, occasion, points DESC, kiosk, seq, hash
        ON CONFLICT (event, bucket, member, activity, occasion, turn) DO NOTHING
        """,
        now_ms=now_ms,
    )
    contested = [] if posted == len(claims) else _drop_contested(connection, claims)
    lost = {claim.identity for claim in contested}
    _credit_members(connection)
    _debit_sources(connection, [claim for claim in claims if claim.identity not in lost] if lost else claims, tally)
    return contested


def _posting_order(claim: Claim) -> tuple[RepeatKey, int, bytes, int, bytes]:
    return (claim.key, -claim.points, claim.kiosk, claim.seq, claim.hash)


_NOT_POSTED = """
    SELECT i.seq, i.hash FROM inbox i LEFT JOIN transfer t
      ON t.event = i.event AND t.bucket = i.bucket AND t.member = i.member AND t.activity = i.activity
     AND t.occasion = i.occasion AND t.turn = 0 AND t.kiosk = i.kiosk AND t.seq = i.seq AND t.hash = i.hash
    WHERE t.turn IS NULL
"""


def _drop_contested(connection: sa.Connection, claims: list[Claim]) -> list[Claim]:
    """Take the claims that were not posted out of the inbox, and return them."""
    names = {(seq, entry_hash) for seq, entry_hash in rows(connection, _NOT_POSTED)}
    execute_many(
        connection,
        "DELETE FROM inbox WHERE seq = :seq AND hash = :hash",
        [{"seq": seq, "hash": entry_hash} for seq, entry_hash in sorted(names)],
    )
    return [claim for claim in claims if (claim.seq, claim.hash) in names]


def _credit_members(connection: sa.Connection) -> None:
    """Add what stands in the inbox to the members' balances, in key order."""
    execute(
        connection,
        """
        INSERT INTO member_balance (bucket, member, held, owed)
        SELECT bucket, member, sum(points), 0 FROM inbox WHERE true GROUP BY bucket, member ORDER BY bucket, member
        ON CONFLICT (bucket, member) DO UPDATE SET held = member_balance.held + excluded.held
        """,
    )


def _debit_sources(connection: sa.Connection, claims: list[Claim], tally: Tally) -> None:
    totals: Counter[tuple[bytes, int, int]] = Counter()
    for claim in claims:
        totals[claim.kiosk, claim.allotment, claim.from_share] += claim.points
    for (kiosk, allotment, from_share), points in sorted(totals.items()):
        move_out_of_source(connection, kiosk, allotment, from_share, points)
    for kiosk in {claim.kiosk for claim in claims}:
        own = [claim.points for claim in claims if claim.kiosk == kiosk]
        tally.add(kiosk, "posted", sum(own), len(own))


def move_out_of_source(connection: sa.Connection, kiosk: bytes, allotment: int, from_share: int, points: int) -> None:
    """Take points from where a grant's points come from: the kiosk's share, or the allotment itself (negative: give
    back).
    """
    if from_share:
        change_account(connection, "out", kiosk_holder(kiosk), allotment, -points)
    else:
        change_account(connection, "allotment", allotment, 0, -points)


def kiosk_holder(kiosk: bytes) -> int:
    """Return a kiosk's identity as the signed 64-bit number that names its account."""
    return int.from_bytes(kiosk, "big", signed=True)


def change_account(connection: sa.Connection, kind: str, holder: int, part: int, amount: int) -> None:
    """Add `amount` to an account that is not a member's."""
    execute(
        connection,
        """
        INSERT INTO account (kind, holder, part, amount) VALUES (:kind, :holder, :part, :amount)
        ON CONFLICT (kind, holder, part) DO UPDATE SET amount = account.amount + excluded.amount
        """,
        kind=kind,
        holder=holder,
        part=part,
        amount=amount,
    )


def _settle_key(  # one repeat key and everything that bears on it
    connection: sa.Connection,
    key: RepeatKey,
    added: list[Claim],
    gone: set[tuple[bytes, int, bytes]],
    tally: Tally,
    now_ms: int,
) -> None:
    """Find who wins a contested key now, and post the difference.

    The member's balance row is locked first: two hubs that meet on a key take turns from here on.
    """
    _lock_member(connection, key)
    turn, standing, posted_ms = _posted_claim(connection, key)
    asides = _duplicates(connection, key)
    # Claims of other kiosks meet here, whose moments may be later: the books of a key never go back in time.
    now_ms = max(now_ms, posted_ms, *asides.values())
    claims = [claim for claim in [*asides, *added, *([standing] if standing else [])] if claim.identity not in gone]
    now_wins = winner(claims)
    before = standing.identity if standing else None
    after = now_wins.identity if now_wins else None
    if before != after:
        if standing:
            turn += 1
            _take_back(connection, standing, turn, tally, now_ms)
        if now_wins:
            _give(connection, now_wins, turn + 1, tally, now_ms)
    were_aside = {claim.identity for claim in asides}
    for claim in asides:
        if claim.identity == after or claim.identity in gone:
            _delete_aside(connection, claim)
            tally.add(claim.kiosk, "duplicate", claim.points, -1)
    for claim in claims:
        if claim.identity != after and claim.identity not in were_aside:
            _insert_asides(connection, [(claim, "duplicate", "")], now_ms)
            tally.add(claim.kiosk, "duplicate", claim.points)


def _lock_member(connection: sa.Connection, key: RepeatKey) -> None:
    execute(
        connection,
        """
        INSERT INTO member_balance (bucket, member, held, owed) VALUES (:bucket, :member, 0, 0)
        ON CONFLICT (bucket, member) DO UPDATE SET held = member_balance.held
        """,
        bucket=key.bucket,
        member=key.member,
    )


def _posted_claim(connection: sa.Connection, key: RepeatKey) -> tuple[int, Claim | None, int]:
    """Return the last turn on a key (−1 for none), the claim that stands posted (the last one given and not taken
    back), and the moment of that turn.
    """
    turns = rows(
        connection,
        """
        SELECT turn, kiosk, seq, hash, points, allotment, from_share, occurred_ms, posted_ms FROM transfer
        WHERE event = :event AND bucket = :bucket AND member = :member AND activity = :activity AND occasion = :occasion
        ORDER BY turn
        """,
        **key._asdict(),
    )
    if not turns:
        return -1, None, 0
    last = turns[-1]
    claim = Claim(key, bytes(last.kiosk), last.seq, bytes(last.hash), *last[4:-1])
    return last.turn, claim if last.points > 0 else None, last.posted_ms


def _duplicates(connection: sa.Connection, key: RepeatKey) -> dict[Claim, int]:
    """Return the claims that lost a key, with the moment at which each was put aside."""
    found = rows(
        connection,
        """
        SELECT kiosk, seq, hash, points, allotment, from_share, occurred_ms, since_ms FROM aside
        WHERE event = :event AND bucket = :bucket AND member = :member AND activity = :activity AND occasion = :occasion
          AND verdict = 'duplicate'
        ORDER BY kiosk, seq, hash
        """,
        **key._asdict(),
    )
    return {Claim(key, bytes(one.kiosk), one.seq, bytes(one.hash), *one[3:-1]): one.since_ms for one in found}


def _give(connection: sa.Connection, claim: Claim, turn: int, tally: Tally, now_ms: int) -> None:
    reason = None if turn == 0 else "now the winner of its key"
    _insert_transfer(connection, claim, turn, claim.points, 0, now_ms, reason)
    execute(
        connection,
        "UPDATE member_balance SET held = held + :points WHERE bucket = :bucket AND member = :member",
        points=claim.points,
        bucket=claim.key.bucket,
        member=claim.key.member,
    )
    move_out_of_source(connection, claim.kiosk, claim.allotment, claim.from_share, claim.points)
    tally.add(claim.kiosk, "posted", claim.points)


def _take_back(connection: sa.Connection, claim: Claim, turn: int, tally: Tally, now_ms: int) -> None:
    held = row(
        connection,
        "SELECT held FROM member_balance WHERE bucket = :bucket AND member = :member",
        bucket=claim.key.bucket,
        member=claim.key.member,
    ).held
    owed = max(0, claim.points - held)
    _insert_transfer(connection, claim, turn, -claim.points, owed, now_ms, "no longer the winner of its key")
    execute(
        connection,
        """
        UPDATE member_balance SET held = held - :taken, owed = owed + :owed
        WHERE bucket = :bucket AND member = :member
        """,
        taken=claim.points - owed,
        owed=owed,
        bucket=claim.key.bucket,
        member=claim.key.member,
    )
    move_out_of_source(connection, claim.kiosk, claim.allotment, claim.from_share, -claim.points)
    tally.add(claim.kiosk, "posted", claim.points, -1)


def _insert_transfer(  # a row of the ledger
    connection: sa.Connection, claim: Claim, turn: int, points: int, owed: int, now_ms: int, reason: str | None
) -> None:
    execute(
        connection,
        """
        INSERT INTO transfer (event, bucket, member, activity, occasion, turn, kiosk, seq, hash, points, owed,
        allotment,
                              from_share, occurred_ms, posted_ms, reason)
        VALUES (:event, :bucket, :member, :activity, :occasion, :turn, :kiosk, :seq, :hash, :points, :owed, :allotment,
                :from_share, :occurred_ms, :posted_ms, :reason)
        """,
        **claim.key._asdict(),
        turn=turn,
        kiosk=claim.kiosk,
        seq=claim.seq,
        hash=claim.hash,
        points=points,
        owed=owed,
        allotment=claim.allotment,
        from_share=claim.from_share,
        occurred_ms=claim.occurred_ms,
        posted_ms=now_ms,
        reason=reason,
    )


def _put_aside(  # a kiosk's held and dismissed grants
    connection: sa.Connection, kiosk: bytes, judged: list[Judged], carried: frozenset[int], tally: Tally, now_ms: int
) -> None:
    _insert_asides(
        connection, [(_claim(kiosk, one, carried), one.candidacy.value, one.reason) for one in judged], now_ms
    )
    for one in judged:
        if one.reason != VOID_OF_NOTHING:
            tally.add(kiosk, one.candidacy.value, one.grant.points if one.grant else 0)


def _insert_asides(connection: sa.Connection, asides: list[tuple[Claim, str, str]], now_ms: int) -> None:
    execute_many(
        connection,
        """
        INSERT INTO aside (event, bucket, member, activity, occasion, kiosk, seq, hash, points, allotment, from_share,
                           occurred_ms, verdict, reason, since_ms)
        VALUES (:event, :bucket, :member, :activity, :occasion, :kiosk, :seq, :hash, :points, :allotment, :from_share,
                :occurred_ms, :verdict, :reason, :since_ms)
        """,
        [
            {
                **claim.key._asdict(),
                "kiosk": claim.kiosk,
                "seq": claim.seq,
                "hash": claim.hash,
                "points": claim.points,
                "allotment": claim.allotment,
                "from_share": claim.from_share,
                "occurred_ms": claim.occurred_ms,
                "verdict": verdict,
                "reason": reason,
                "since_ms": now_ms,
            }
            for claim, verdict, reason in asides
        ],
    )


def _forget_asides(connection: sa.Connection, kiosk: bytes, changes: list[Change], tally: Tally) -> None:
    for change in changes:
        claim = _claim(kiosk, change.judged, frozenset())
        was_grant = row(
            connection,
            "SELECT reason FROM aside WHERE kiosk = :kiosk AND seq = :seq AND hash = :hash",
            kiosk=kiosk,
            seq=claim.seq,
            hash=claim.hash,
        )
        _delete_aside(connection, claim)
        if was_grant is not None and was_grant.reason != VOID_OF_NOTHING:
            tally.add(kiosk, change.was or "", claim.points, -1)


def _delete_aside(connection: sa.Connection, claim: Claim) -> None:
    execute(
        connection,
        "DELETE FROM aside WHERE kiosk = :kiosk AND seq = :seq AND hash = :hash",
        kiosk=claim.kiosk,
        seq=claim.seq,
        hash=claim.hash,
    )


def _write_flags(connection: sa.Connection, kiosk: bytes, changes: Sequence[Change]) -> None:
    execute_many(
        connection,
        """
        INSERT INTO flag (kiosk, seq, hash, flag) VALUES (:kiosk, :seq, :hash, :flag)
        ON CONFLICT (kiosk, seq, hash, flag) DO NOTHING
        """,
        [
            {"kiosk": kiosk, "seq": change.judged.seq, "hash": change.judged.hash, "flag": flag}
            for change in changes
            for flag in change.judged.flags
        ],
    )
