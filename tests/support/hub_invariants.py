"""Invariants 1 to 7 of the design, asked of a hub's database from outside. Each finding is a sentence; none means all
hold.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from hub_world import World

from hub.intake.check import understand
from hub.intake.reasons import NOT_COUNTED
from hub.store.database import rows
from sync.entry import Grant, read_heading
from sync.envelope import ENTRY, take_apart


class Arrived(NamedTuple):
    """An arrived entry, read again from its bytes."""

    kiosk: bytes
    seq: int
    hash: bytes
    prev: bytes
    grant: Grant | None
    is_understood: bool


def broken_invariants(world: World) -> list[str]:
    """Return what does not hold."""
    with world.store.reading() as connection:
        arrived = [_read(one) for one in rows(connection, "SELECT kiosk, seq, hash, encoded FROM entry")]
        transfers = rows(connection, "SELECT * FROM transfer ORDER BY event, bucket, member, activity, occasion, turn")
        asides = rows(connection, "SELECT * FROM aside")
        forks = rows(connection, "SELECT kiosk FROM line WHERE kind = 'fork'")
        placed = {bytes(one.hash): one for one in rows(connection, "SELECT * FROM placed")}
        accounts = rows(connection, "SELECT * FROM account")
        counts = rows(connection, "SELECT * FROM kiosk_count")
        balances = rows(connection, "SELECT * FROM member_balance")
    return [
        *_sums(world, transfers, balances),
        *_below_zero(accounts),
        *_winners(arrived, transfers, asides, placed),
        *_equation(arrived, transfers, asides, counts, placed),
        *_one_case_per_fork(arrived, [bytes(fork.kiosk) for fork in forks]),
    ]


def _below_zero(accounts: Iterable[Any]) -> list[str]:
    """5: no account but the city's issue is below zero."""
    return [
        f"5: {one.kind} {one.holder} {one.part} holds {one.amount}"
        for one in accounts
        if one.amount < 0 and one.kind != "issue"
    ]


def _sums(world: World, transfers: Iterable[Any], balances: Iterable[Any]) -> list[str]:
    accounts = world.accounts()
    found = []
    if sum(accounts.values()) - 2 * accounts["owed"] != 0:
        found.append(f"1: all accounts sum to {accounts}")
    expected: Counter[int] = Counter()
    for transfer in transfers:
        expected[transfer.member] += transfer.points + transfer.owed
    for balance in balances:
        if balance.held < 0 or balance.owed < 0:
            found.append(f"5: member {balance.member} is below zero")
        if balance.held != expected[balance.member]:
            found.append(f"1: member {balance.member} holds {balance.held}, transfers say {expected[balance.member]}")
    return found


def _winners(
    arrived: list[Arrived], transfers: Iterable[Any], asides: Iterable[Any], placed: Mapping[bytes, Any]
) -> list[str]:
    """2: of the grants on a key that are neither held nor dismissed, the best is posted, the others are duplicates."""
    out_of_play = {bytes(one.hash) for one in asides if one.verdict in {"held", "dismissed"}}
    duplicates = {bytes(one.hash) for one in asides if one.verdict == "duplicate"}
    claims: dict[tuple[int, ...], list[Arrived]] = defaultdict(list)
    for entry in arrived:
        if entry.grant is not None and entry.hash not in out_of_play:
            where = placed.get(entry.hash, entry.grant)
            claims[where.event, where.activity, where.occasion, where.member].append(entry)

    def worth(one: Arrived) -> int:
        where = placed.get(one.hash, one.grant)
        return int(where.points) if where is not None else 0

    net: Counter[bytes] = Counter()
    for transfer in transfers:
        net[bytes(transfer.hash)] += transfer.points
    found = []
    posted = {entry_hash for entry_hash, points in net.items() if points}
    for key, entries in claims.items():
        best = min(entries, key=lambda one: (-worth(one), one.kiosk, one.seq, one.hash))
        if posted & {one.hash for one in entries} != {best.hash}:
            found.append(f"2: key {key} is not posted to its winner")
        if net[best.hash] != worth(best):
            found.append(f"2: net of {best.seq} is {net[best.hash]}")
        if {one.hash for one in entries} - {best.hash} - duplicates:
            found.append(f"2: a loser of key {key} is no duplicate")
    winners = {one.hash for entries in claims.values() for one in entries}
    found += [f"2: {entry_hash.hex()[:8]} is posted without a claim" for entry_hash in posted - winners]
    return found


def _equation(
    arrived: list[Arrived],
    transfers: Iterable[Any],
    asides: Iterable[Any],
    counts: Iterable[Any],
    placed: Mapping[bytes, Any],
) -> list[str]:
    """4: per kiosk, arrived grants = posted + duplicate + held + dismissed, in count and in points."""
    net: Counter[tuple[bytes, bytes]] = Counter()
    for transfer in transfers:
        net[bytes(transfer.kiosk), bytes(transfer.hash)] += transfer.points
    grants: Counter[tuple[bytes, str]] = Counter()
    points: Counter[tuple[bytes, str]] = Counter()
    for (kiosk, _), amount in net.items():
        if amount:
            grants[kiosk, "posted"] += 1
            points[kiosk, "posted"] += amount
    for one in asides:
        if not one.reasons & NOT_COUNTED:
            grants[bytes(one.kiosk), one.verdict] += 1
            points[bytes(one.kiosk), one.verdict] += one.points
    found = []
    for one in counts:
        kept, recounted = (
            (one.grants, one.points),
            (grants[bytes(one.kiosk), one.verdict], points[bytes(one.kiosk), one.verdict]),
        )
        if kept != recounted:
            found.append(f"4: {one.verdict} is counted as {kept}, is {recounted}")
    for kiosk in {entry.kiosk for entry in arrived}:
        own = [entry for entry in arrived if entry.kiosk == kiosk and (entry.grant or not entry.is_understood)]
        verdicts = ("posted", "duplicate", "held", "dismissed")
        if len(own) != sum(grants[kiosk, verdict] for verdict in verdicts):
            found.append(f"4: {len(own)} grants arrived from {kiosk.hex()[:4]}, verdicts {dict(grants)}")
        signed = sum(placed.get(one.hash, one.grant).points for one in own if one.grant)
        if signed != sum(points[kiosk, verdict] for verdict in verdicts):
            found.append(f"4: the points of {kiosk.hex()[:4]} do not add up")
    return found


def _one_case_per_fork(arrived: list[Arrived], fenced: list[bytes]) -> list[str]:
    """6: two attested hashes for a number: exactly one open case for the kiosk."""
    attested: dict[tuple[bytes, int], set[bytes]] = defaultdict(set)
    for entry in arrived:
        attested[entry.kiosk, entry.seq].add(entry.hash)
        if entry.seq > 1:
            attested[entry.kiosk, entry.seq - 1].add(entry.prev)
    forked = {kiosk for (kiosk, _), hashes in attested.items() if len(hashes) > 1}
    return [] if sorted(fenced) == sorted(forked) else [f"6: forked {forked}, fenced {fenced}"]


def _read(one: Any) -> Arrived:  # a row
    payload = take_apart(ENTRY, bytes(one.encoded)).payload
    entry, _ = understand(payload)
    body = entry.body if entry else None
    grant = body if isinstance(body, Grant) else None
    return Arrived(bytes(one.kiosk), one.seq, bytes(one.hash), read_heading(payload).prev, grant, entry is not None)
