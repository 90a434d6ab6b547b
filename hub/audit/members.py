"""Checks each member: number, bucket and states, cards and lost cards, each against its act, and the balance against
the transfers. Returns what grants are judged by.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from hub.audit.acts import Acts
from hub.audit.findings import Findings, is_in_bucket
from hub.audit.reading import stream
from hub.audit.reference import MemberNow, Reference
from hub.audit.versions import by_subject
from sync.member import bucket_of, is_member_number

_TABLES = ("member", "card", "lost_card")
_ORDER = {"member": "version", "card": "issue", "lost_card": "issue, version"}


def read_members(
    connection: sa.Connection, acts: Acts, wanted: Iterable[int] | None, reference: Reference, findings: Findings
) -> None:
    """Check the tables member, card and lost_card, of all members or of some, and tell `reference` what they say."""
    chosen = None if wanted is None else sorted((bucket_of(member), member) for member in wanted)
    reference.has_all_members = chosen is None
    for whose, rows in _by_member(connection, chosen):
        name = {"bucket": whose[0], "member": whose[1]}
        for table in _TABLES:
            if rows[table] and not is_in_bucket(whose[1], whose[0]):
                findings.defect(table, "its bucket is another member's", **name)
            if rows[table] and not rows["member"]:
                findings.defect("member", f"missing, though {table} names it", **name, version=1)
                findings.defect(table, "its member is not in the books", **name)
        _check_states(rows["member"], acts, reference, findings)
        _check_cards(name, rows["card"], acts, findings)
        if rows["member"] and not rows["card"]:
            findings.defect("card", "missing: every member has a card", **name, issue=1)
        _check_lost(rows["lost_card"], rows["card"], acts, reference, findings)
        if rows["card"] and rows["card"][-1].issue > 1:
            reference.issues[whose[1]] = {one.issue for one in rows["card"]}


def _by_member(
    connection: sa.Connection, chosen: list[tuple[int, int]] | None
) -> Iterator[tuple[tuple[int, int], Mapping[str, list[Any]]]]:
    in_order = heapq.merge(
        *(_labelled(connection, table, chosen) for table in _TABLES), key=lambda item: (item[0], item[1])
    )
    for whose, group in groupby(in_order, key=lambda item: item[0]):
        found: dict[str, list[Any]] = {table: [] for table in _TABLES}
        for _, which, one in group:
            found[_TABLES[which]].append(one)
        yield whose, found


def _labelled(
    connection: sa.Connection, table: str, chosen: list[tuple[int, int]] | None
) -> Iterator[tuple[tuple[int, int], int, Any]]:
    which, order = _TABLES.index(table), _ORDER[table]
    if chosen is None:
        for one in stream(connection, f"SELECT * FROM {table} ORDER BY bucket, member, {order}"):  # noqa: S608  # ours
            yield (one.bucket, one.member), which, one
        return
    text = f"SELECT * FROM {table} WHERE bucket = :bucket AND member = :member ORDER BY {order}"  # noqa: S608  # ours
    for bucket, member in chosen:
        for one in stream(connection, text, bucket=bucket, member=member):
            yield (bucket, member), which, one


def _check_states(versions: list[Any], acts: Acts, reference: Reference, findings: Findings) -> None:
    """Each state is made by its own act, and another than the one before it."""
    for name, whole in by_subject("member", versions, ("bucket", "member"), findings):
        if not is_member_number(name["member"]):
            findings.defect("member", "its check digits are wrong", **name)
        for before, one in zip([None, *whole], whole, strict=False):
            whose = {**name, "version": one.version}
            if one.state not in {"open", "ended", "unknown"}:
                findings.defect("member", f"no such state: {one.state}", **whose)
                continue
            if one.state == (before.state if before is not None else "") or (before is None and one.state != "open"):
                findings.defect("member", f"cannot become {one.state}", **whose)
            act = acts.made("member", one.state if before is not None else "first", one.act, whose)
            _check_act_of_member("member", one.since_ms, act, whose, findings)
        newest = whole[-1]
        reference.members[newest.member] = MemberNow(newest.state, newest.since_ms)


def _check_act_of_member(
    table: str, since_ms: int, act: Any, name: Mapping[str, object], findings: Findings, issue: int | None = None
) -> None:
    """An act on one member names it, and what it did holds from its own moment on, or a later one."""
    if act is None or act.kind == "add members":
        wrong = [] if act is None or act.done_ms == since_ms else ["moment"]
    else:
        wrong = ["member"] if act.says.get("member") != name["member"] else []
        wrong += ["issue"] if issue is not None and act.says.get("issue") != issue else []
        is_later_by_right = act.kind == "end account" and act.done_ms <= since_ms
        wrong += [] if act.done_ms == since_ms or is_later_by_right else ["moment"]
    if wrong:
        findings.defect(table, f"its act says another {', '.join(wrong)}", **name)
        findings.defect("act", f"says another {', '.join(wrong)} than its row of {table}", act=act.act)


def _check_cards(name: Mapping[str, object], cards: list[Any], acts: Acts, findings: Findings) -> None:
    """Issues rise; the first comes with the member, each other by an act of its own."""
    for place, one in enumerate(cards):
        whose = {**name, "issue": one.issue}
        if one.kind not in {"paper", "phone"} or one.issue < 1:
            findings.defect("card", f"no such card: {one.kind}", **whose)
        act = acts.made("card", "next" if place else "first", one.act, whose)
        _check_act_of_member("card", one.made_ms, act, whose, findings)
        if act is not None and act.kind == "lose card" and not one.issue > (act.says.get("issue") or 0):
            findings.defect("card", "is not above the one it replaces", **whose)
        if act is not None and act.kind == "add members" and one.issue != 1:
            findings.defect("card", "a first card has the issue 1", **whose)


def _check_lost(rows: list[Any], cards: list[Any], acts: Acts, reference: Reference, findings: Findings) -> None:
    known = {one.issue for one in cards}
    for name, versions in by_subject("lost_card", rows, ("bucket", "member", "issue"), findings):
        if name["issue"] not in known:
            findings.defect("lost_card", "there is no such card", **name)
            findings.defect("card", "missing, though it was reported lost", **name)
        for before, one in zip([None, *versions], versions, strict=False):
            whose = {**name, "version": one.version}
            if one.state not in {"lost", "found"} or one.state == (before.state if before is not None else "found"):
                findings.defect("lost_card", f"cannot become {one.state}", **whose)
                continue
            act = acts.made("lost_card", one.state, one.act, whose)
            _check_act_of_member("lost_card", one.since_ms, act, whose, findings, name["issue"])
        reference.lost_history[name["member"], name["issue"]] = [(one.since_ms, one.state) for one in versions]
        if versions[-1].state == "lost":
            reference.lost.add((name["member"], name["issue"]))


_SUMS = """
    SELECT bucket, member, sum(points + owed) AS held, sum(owed) AS owed FROM transfer
    GROUP BY bucket, member ORDER BY bucket, member
"""


def check_balances(connection: sa.Connection, reference: Reference, findings: Findings) -> int:
    """Check all balances against all transfers; return what members hold less what they owe."""
    total = 0
    merged = heapq.merge(
        (((one.bucket, one.member), 0, one) for one in stream(connection, _SUMS)),
        (
            ((one.bucket, one.member), 1, one)
            for one in stream(connection, "SELECT * FROM member_balance ORDER BY bucket, member")
        ),
        key=lambda item: item[:2],
    )
    for whose, group in groupby(merged, key=lambda item: item[0]):
        found = {which: one for _, which, one in group}
        _check_balance(whose, found.get(1), found.get(0), reference, findings)
        if 1 in found:
            total += found[1].held - found[1].owed
    return total


_SUMS_AT_EVENT = """
    SELECT coalesce(sum(points + owed), 0) AS held, coalesce(sum(owed), 0) AS owed, count(*) AS turns FROM transfer
    WHERE event = :event AND bucket = :bucket AND member = :member
"""


class Sums:
    """What the transfers of one member come to, added up event by event: the ledger is led by the event."""

    def __init__(self) -> None:
        self.held = self.owed = self.turns = 0

    def add(self, row: Any) -> None:
        """Add what the transfers at one event come to."""
        self.held, self.owed = self.held + int(row.held), self.owed + int(row.owed)
        self.turns += row.turns


def check_balances_of(
    connection: sa.Connection, members: Iterable[int], reference: Reference, findings: Findings
) -> None:
    """Check the balances of some members."""
    for member in sorted(members):
        whose = (bucket_of(member), member)
        keys = {"bucket": whose[0], "member": member}
        sums = Sums()
        for event in reference.events:
            for row in stream(connection, _SUMS_AT_EVENT, event=event, **keys):
                sums.add(row)
        text = "SELECT * FROM member_balance WHERE bucket = :bucket AND member = :member"
        kept = list(stream(connection, text, **keys))
        _check_balance(whose, kept[0] if kept else None, sums if sums.turns else None, reference, findings)


def _check_balance(whose: tuple[int, int], balance: Any, sums: Any, reference: Reference, findings: Findings) -> None:
    name = {"bucket": whose[0], "member": whose[1]}
    wanted = (int(sums.held), int(sums.owed)) if sums is not None else None
    kept = (balance.held, balance.owed) if balance is not None else None
    if wanted is None and kept is None:
        return
    table = "member_balance" if kept is not None else "transfer"
    if not is_in_bucket(whose[1], whose[0]):
        findings.defect(table, "its bucket is another member's", **name)
    elif whose[1] not in reference.members:
        findings.defect("member", f"missing, though {table} names it", **name, version=1)
        findings.defect(table, "its member is not in the books", **name)
    if kept is not None and min(kept) < 0:
        findings.defect("member_balance", "is below zero", **name)
    if kept is None and wanted is not None:
        findings.defect("member_balance", f"missing: holds {wanted[0]} and owes {wanted[1]}", **name)
    elif kept is not None and wanted is None:
        findings.defect("member_balance", "there is no transfer to this member", **name)
    elif kept is not None and wanted is not None and kept != wanted:
        defect = f"transfers come to {wanted[0]} held and {wanted[1]} owed, not {kept[0]} and {kept[1]}"
        findings.defect("member_balance", defect, **name)
