"""Looks at a simulated hub: that its ledger adds up, after each step; that the audit agrees on the keys that a step has
touched; and, each hour, that everything read again and judged again says the same.

The reckoning is written here in few lines of its own, over whole tables: a story's tables are small.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple, NoReturn

import sqlalchemy as sa

from hub.audit import audit
from hub.audit.findings import Finding
from hub.audit.watch import check_keys
from hub.intake.judging import Cause, judge_kiosk
from hub.intake.moment import moment_for
from hub.intake.reasons import NOT_COUNTED
from hub.intake.settle import RepeatKey
from hub.ledger.accounts import kiosk_holder
from hub.service import Hub, is_rolled_back
from hub.store.database import row, rows
from simulator.digest import picture
from simulator.town import Violated
from sync.batch import read_batch
from sync.codec import WireError
from sync.entry import Grant, read_entry
from sync.envelope import ENTRY, take_apart
from sync.member import bucket_of

Key = tuple[int, int, int, int, int]
_NO_GRANTS = int(NOT_COUNTED)


class Turn(NamedTuple):
    """A row of transfer; its first five columns are the key."""

    event: int
    bucket: int
    member: int
    activity: int
    occasion: int
    turn: int
    kiosk: bytes
    seq: int
    hash: bytes
    points: int
    owed: int
    allotment: int

    @property
    def name(self) -> tuple[bytes, int, bytes]:
        """What names the grant."""
        return self[6:9]


class Aside(NamedTuple):
    """A row of what lies aside; its first five columns are the key."""

    event: int
    bucket: int
    member: int
    activity: int
    occasion: int
    kiosk: bytes
    seq: int
    hash: bytes
    points: int
    verdict: str
    reasons: int

    @property
    def name(self) -> tuple[bytes, int, bytes]:
        """What names the grant."""
        return self[5:8]


_TURNS = """
    SELECT event, bucket, member, activity, occasion, turn, kiosk, seq, hash, points, owed, allotment FROM transfer
    ORDER BY event, bucket, member, activity, occasion, turn
"""
_ASIDE = """
    SELECT event, bucket, member, activity, occasion, kiosk, seq, hash, points, verdict, reasons FROM aside
    ORDER BY kiosk, seq, hash
"""


def check_reckoning(hub: Hub) -> None:
    """Look whether transfers, balances, accounts, counts and what lies aside agree. Raises Violated."""
    with hub.store.reading() as connection:
        transfers = [Turn(*one) for one in rows(connection, _TURNS)]
        aside = [Aside(*one) for one in rows(connection, _ASIDE)]
        standing = _turns(transfers)
        _winners(standing, aside)
        _balances(transfers, rows(connection, "SELECT * FROM member_balance"))
        _accounts(connection, transfers)
        _counts(connection, standing, aside)


def check_hub(hub: Hub, keys: Iterable[RepeatKey]) -> None:
    """Let the audit look at the keys a step has touched. Raises Violated."""
    wanted = sorted(set(keys))
    findings = check_keys(hub.store, hub.keyring, wanted) if wanted else []
    for one in findings:
        if _is_defect(one):
            raise Violated(f"watch: {one.table}: {one.defect}", one.subject)


def whole_look(hub: Hub) -> None:
    """Let the audit read everything, and judge every kiosk again from its first entry. Raises Violated."""
    for one in audit(hub.store, hub.keyring):
        if _is_defect(one):
            raise Violated(f"audit: {one.table}: {one.defect}", one.subject)
    check_judged_again(hub)


def _is_defect(one: Finding) -> bool:
    """Tell whether a finding is one; that a hub was rolled back is what was played."""
    return not one.is_note and one.table != "hub_state"


class _TakenBack(Exception):
    """Ends a transaction without a commit."""


def check_judged_again(hub: Hub) -> None:
    """Judge every kiosk again from its first entry; nothing may change. Raises Violated."""

    def work(connection: sa.Connection) -> NoReturn:
        before = picture(connection)
        for one in rows(connection, "SELECT kiosk FROM kiosk_progress ORDER BY kiosk"):
            kiosk = bytes(one.kiosk)
            judge_kiosk(hub, connection, kiosk, Cause(moment_for(hub, connection, kiosk)))
            after = picture(connection)
            if after != before:
                raise Violated("judged again from its first entry, a kiosk stands otherwise", _first(before, after))
        raise _TakenBack

    try:
        hub.store.run(work)
    except _TakenBack:
        return


def is_rolled_back_now(hub: Hub) -> bool:
    """Tell whether the hub has been shown its own future."""
    with hub.store.reading() as connection:
        return is_rolled_back(connection)


def keys_of_batch(encoded: bytes) -> list[RepeatKey]:
    """Return the keys that the grants of a batch name."""
    keys = []
    for one in read_batch(encoded).entries:
        try:
            body = read_entry(take_apart(ENTRY, one).payload).body
        except WireError:
            continue
        if isinstance(body, Grant):
            keys.append(RepeatKey(body.event, bucket_of(body.member), body.member, body.activity, body.occasion))
    return keys


def _turns(transfers: Iterable[Turn]) -> dict[Key, Turn]:
    """Return what stands on each key: turns follow each other, one given, one taken back."""
    standing: dict[Key, Turn] = {}
    last: dict[Key, int] = {}
    for one in transfers:
        key = one[:5]
        if one.turn != last.get(key, -1) + 1:
            raise Violated("turns of a key do not follow each other", f"{key} turn {one.turn}")
        last[key] = one.turn
        before = standing.pop(key, None)
        if one.points > 0 and before is None:
            standing[key] = one
        elif before is None or one.points != -before.points or one.name != before.name:
            raise Violated("a turn is not the next one", f"{key} turn {one.turn}: {one.points}")
        elif one.allotment != before.allotment:
            raise Violated("taken back from another account than it was given", f"{key}")
    return standing


def _winners(standing: dict[Key, Turn], aside: Iterable[Aside]) -> None:
    """The best of the claims on a key stands; every duplicate lost to one that stands."""
    posted = {one.name for one in standing.values()}
    for one in aside:
        if one.name in posted:
            raise Violated("posted and put aside at once", f"{one[:5]} {one.verdict} entry {one.seq}")
        if one.verdict == "duplicate":
            winner = standing.get(one[:5])
            if winner is None or (-one.points, *one.name) < (-winner.points, *winner.name):
                raise Violated("a duplicate of nothing better", f"{one[:5]} entry {one.seq}")


def _balances(transfers: Iterable[Turn], balances: Iterable[Any]) -> None:
    held: Counter[int] = Counter()
    owed: Counter[int] = Counter()
    for one in transfers:
        held[one.member] += one.points + one.owed
        owed[one.member] += one.owed
    for one in balances:
        if (one.held, one.owed) != (held.pop(one.member, 0), owed.pop(one.member, 0)):
            raise Violated("a balance is not the sum of its transfers", f"{one.member} {one.held} {one.owed}")
        if one.held < 0 or one.owed < 0:
            raise Violated("a balance below zero", f"{one.member} {one.held} {one.owed}")
    if any(held.values()):
        raise Violated("transfers without a balance", f"{held}")


def _accounts(connection: sa.Connection, transfers: Iterable[Turn]) -> None:
    """Each account is the sum of its movements and transfers; none but the city's issue lies below zero."""
    sums: Counter[tuple[str, int, int]] = Counter()
    for one in rows(connection, "SELECT * FROM movement"):
        sums[one.source, one.source_holder, one.source_part] -= one.points
        sums[one.target, one.target_holder, one.target_part] += one.points
    for one in transfers:
        sums["out", kiosk_holder(one.kiosk), one.allotment] -= one.points
    for one in rows(connection, "SELECT * FROM account"):
        account = (one.kind, one.holder, one.part)
        if one.amount != sums.pop(account, 0):
            raise Violated("an account is not the sum of what moved it", f"{account}: {one.amount}")
        if one.amount < 0 and one.kind != "issue":
            raise Violated("an account below zero", f"{account}: {one.amount}")
    if any(sums.values()):
        raise Violated("movements without an account", f"{sums}")


def _counts(connection: sa.Connection, standing: dict[Key, Turn], aside: Iterable[Aside]) -> None:
    """Each grant that has arrived is posted or lies aside, once; the counts say so."""
    grants: Counter[tuple[bytes, str]] = Counter()
    points: Counter[tuple[bytes, str]] = Counter()
    not_understood: Counter[bytes] = Counter()
    for turn in standing.values():
        grants[turn.kiosk, "posted"] += 1
        points[turn.kiosk, "posted"] += turn.points
    for put in aside:
        if not put.reasons & _NO_GRANTS:
            grants[put.kiosk, put.verdict] += 1
            points[put.kiosk, put.verdict] += put.points
            not_understood[put.kiosk] += put.member == 0
    for one in rows(connection, "SELECT * FROM kiosk_count"):
        name = (bytes(one.kiosk), one.verdict)
        if (one.grants, one.points) != (grants[name], points[name]):
            seen = f"{name[0].hex()[:4]} {one.verdict}: {one.grants}, {one.points} is {grants[name]}, {points[name]}"
            raise Violated("a count is not what it counts", seen)
    arrived = rows(
        connection,
        """
        SELECT e.kiosk, count(*) - count(l.seq) AS grants FROM entry e
        LEFT JOIN landmark l ON l.kiosk = e.kiosk AND l.seq = e.seq AND l.hash = e.hash GROUP BY e.kiosk
        """,
    )
    judged: dict[bytes, int] = defaultdict(int)
    for (kiosk, _), number in grants.items():
        judged[kiosk] += number
    for one in arrived:
        kiosk = bytes(one.kiosk)
        if one.grants + not_understood[kiosk] != judged[kiosk]:
            seen = f"{kiosk.hex()[:4]}: {one.grants} arrived, {judged[kiosk]} have a verdict"
            raise Violated("arrived grants without exactly one verdict", seen)


def _first(before: list[tuple[str, ...]], after: list[tuple[str, ...]]) -> str:
    """Return what differs first between two pictures."""
    gone, come = sorted(set(before) - set(after)), sorted(set(after) - set(before))
    return f"was {gone[:2]}, is {come[:2]}"


def count_of(hub: Hub, table: str) -> int:
    """Return how many rows a table holds; its name is the caller's own word."""
    with hub.store.reading() as connection:
        return int(row(connection, f"SELECT count(*) AS found FROM {table}").found)  # noqa: S608  # as said
