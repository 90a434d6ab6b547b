"""Looks at a simulated hub: that its ledger adds up, after each step; that the audit agrees on the keys that a step has
touched; and, each hour, that everything read again and judged again says the same.

The reckoning is written here in few lines of its own, over whole tables: a story's tables are small.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, NoReturn

import sqlalchemy as sa

from hub.audit import audit
from hub.audit.findings import Finding
from hub.audit.watch import check_keys
from hub.intake.judging import Cause, judge_kiosk
from hub.intake.moment import moment_for
from hub.intake.reasons import NOT_COUNTED
from hub.intake.settle import RepeatKey
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
Name = tuple[bytes, int, bytes]


def check_reckoning(hub: Hub) -> None:
    """Look whether transfers, balances, accounts, counts and what lies aside agree. Raises Violated."""
    with hub.store.reading() as connection:
        transfers = rows(connection, "SELECT * FROM transfer ORDER BY event, bucket, member, activity, occasion, turn")
        aside = rows(connection, "SELECT * FROM aside")
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


def _turns(transfers: Iterable[Any]) -> dict[Key, Any]:
    """Return what stands on each key: turns follow each other, one given, one taken back."""
    standing: dict[Key, Any] = {}
    last: dict[Key, int] = {}
    for one in transfers:
        key = _key(one)
        if one.turn != last.get(key, -1) + 1:
            raise Violated("turns of a key do not follow each other", f"{key} turn {one.turn}")
        last[key] = one.turn
        before = standing.get(key)
        if one.points > 0 and before is None:
            standing[key] = one
        elif one.points < 0 and before is not None and _name(before) == _name(one) and before.points == -one.points:
            standing[key] = None
            if before.allotment != one.allotment:
                raise Violated("taken back from another account than it was given", f"{key}")
        else:
            raise Violated("a turn is not the next one", f"{key} turn {one.turn}: {one.points}")
    return {key: one for key, one in standing.items() if one is not None}


def _winners(standing: dict[Key, Any], aside: Iterable[Any]) -> None:
    """The best of the claims on a key stands; every duplicate lost to one that stands."""
    posted = {_name(one) for one in standing.values()}
    for one in aside:
        if _name(one) in posted:
            raise Violated("posted and put aside at once", f"{_key(one)} {one.verdict} entry {one.seq}")
        if one.verdict == "duplicate":
            winner = standing.get(_key(one))
            if winner is None or _rank(one) < _rank(winner):
                raise Violated("a duplicate of nothing better", f"{_key(one)} entry {one.seq}")


def _balances(transfers: Iterable[Any], balances: Iterable[Any]) -> None:
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


def _accounts(connection: sa.Connection, transfers: Iterable[Any]) -> None:
    """Each account is the sum of its movements and transfers; none but the city's issue lies below zero."""
    sums: Counter[tuple[str, int, int]] = Counter()
    for one in rows(connection, "SELECT * FROM movement"):
        sums[one.source, one.source_holder, one.source_part] -= one.points
        sums[one.target, one.target_holder, one.target_part] += one.points
    for one in transfers:
        sums["out", int.from_bytes(one.kiosk, "big", signed=True), one.allotment] -= one.points
    for one in rows(connection, "SELECT * FROM account"):
        account = (one.kind, one.holder, one.part)
        if one.amount != sums.pop(account, 0):
            raise Violated("an account is not the sum of what moved it", f"{account}: {one.amount}")
        if one.amount < 0 and one.kind != "issue":
            raise Violated("an account below zero", f"{account}: {one.amount}")
    if any(sums.values()):
        raise Violated("movements without an account", f"{sums}")


def _counts(connection: sa.Connection, standing: dict[Key, Any], aside: Iterable[Any]) -> None:
    """Each grant that has arrived is posted or lies aside, once; the counts say so."""
    grants: Counter[tuple[bytes, str]] = Counter()
    points: Counter[tuple[bytes, str]] = Counter()
    for one in standing.values():
        grants[bytes(one.kiosk), "posted"] += 1
        points[bytes(one.kiosk), "posted"] += one.points
    not_understood: Counter[bytes] = Counter()
    for one in aside:
        if not one.reasons & int(NOT_COUNTED):
            grants[bytes(one.kiosk), one.verdict] += 1
            points[bytes(one.kiosk), one.verdict] += one.points
            not_understood[bytes(one.kiosk)] += one.member == 0
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


def _key(one: Any) -> Key:
    return (one.event, one.bucket, one.member, one.activity, one.occasion)


def _name(one: Any) -> Name:
    return (bytes(one.kiosk), one.seq, bytes(one.hash))


def _rank(one: Any) -> tuple[int, bytes, int, bytes]:
    return (-one.points, *_name(one))


def _first(before: list[tuple[str, ...]], after: list[tuple[str, ...]]) -> str:
    """Return what differs first between two pictures."""
    gone, come = sorted(set(before) - set(after)), sorted(set(after) - set(before))
    return f"was {gone[:2]}, is {come[:2]}"


def count_of(hub: Hub, table: str) -> int:
    """Return how many rows a table holds; its name is the caller's own word."""
    with hub.store.reading() as connection:
        return int(row(connection, f"SELECT count(*) AS found FROM {table}").found)  # noqa: S608  # as said
