"""Checks each member: number and bucket, cards and lost cards, and the balance against the transfers."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from hub.audit.findings import Findings, is_in_bucket
from hub.audit.reading import stream
from sync.member import is_member_number

_KEY_COLUMNS = ("event", "bucket", "member", "activity", "occasion", "turn")
_SUMS = """
    SELECT bucket, member, sum(points + owed) AS held, sum(owed) AS owed FROM transfer
    GROUP BY bucket, member ORDER BY bucket, member
"""


def check_members(connection: sa.Connection, findings: Findings) -> int:
    """Check the tables member, card, lost_card and member_balance; return what members hold less what they owe."""
    total = 0
    for whose, member, cards, lost, balance, sums in _by_member(connection):
        if member is not None:
            _check_member(member[0], cards, findings)
        for table, found in (("card", cards), ("lost_card", lost), ("member_balance", balance), ("transfer", sums)):
            if found and member is None:
                findings.defect("member", f"missing, though {table} names it", bucket=whose[0], member=whose[1])
                findings.defect(table, "its member is not in the books", bucket=whose[0], member=whose[1])
            if found and not is_in_bucket(whose[1], whose[0]):
                findings.defect(table, "its bucket is another member's", bucket=whose[0], member=whose[1])
        _check_cards(cards, lost, findings)
        _check_balance(whose, balance, sums, findings)
        total += sum(one.held - one.owed for one in balance)
    _check_owed(connection, findings)
    return total


def _by_member(
    connection: sa.Connection,
) -> Iterator[tuple[tuple[int, int], list[Any] | None, list[Any], list[Any], list[Any], list[Any]]]:
    questions = (
        "SELECT bucket, member, state, since_ms FROM member ORDER BY bucket, member",
        "SELECT bucket, member, issue, kind, made_ms FROM card ORDER BY bucket, member, issue",
        "SELECT bucket, member, issue, lost_ms FROM lost_card ORDER BY bucket, member, issue",
        "SELECT bucket, member, held, owed FROM member_balance ORDER BY bucket, member",
        _SUMS,
    )
    in_order = heapq.merge(
        *(_labelled(connection, which, text) for which, text in enumerate(questions)), key=lambda item: item[:2]
    )
    for whose, group in groupby(in_order, key=lambda item: item[0]):
        found: list[list[Any]] = [[] for _ in questions]
        for _, which, one in group:
            found[which].append(one)
        yield whose, found[0] or None, found[1], found[2], found[3], found[4]


def _labelled(connection: sa.Connection, which: int, text: str) -> Iterator[tuple[tuple[int, int], int, Any]]:
    for one in stream(connection, text):
        yield (one.bucket, one.member), which, one


def _check_member(member: Any, cards: list[Any], findings: Findings) -> None:
    name = {"bucket": member.bucket, "member": member.member}
    if not is_in_bucket(member.member, member.bucket):
        findings.defect("member", "its bucket is another member's", **name)
    if not is_member_number(member.member):
        findings.defect("member", "its check digits are wrong", **name)
    if member.state not in {"open", "ended"}:
        findings.defect("member", f"no such state: {member.state}", **name)
    if not cards:
        findings.defect("card", "missing: every member has a first card", **name, issue=1)
    elif member.since_ms > cards[0].made_ms:
        findings.defect("member", "is younger than its first card", **name)
        findings.defect("card", "is older than its member", **name, issue=cards[0].issue)


def _check_cards(cards: list[Any], lost: list[Any], findings: Findings) -> None:
    """Issues run from 1 without a gap; each after the first replaces one that was lost, and was made at that moment."""
    made_ms = {one.issue: one.made_ms for one in cards}
    for issue, one in enumerate(cards, 1):
        name = {"bucket": one.bucket, "member": one.member, "issue": one.issue}
        if one.kind not in {"paper", "phone"}:
            findings.defect("card", f"no such kind: {one.kind}", **name)
        if one.issue != issue:
            findings.defect("card", "missing: an issue is left out", **{**name, "issue": issue})
        if one.issue > 1 and not any(other.issue < one.issue and other.lost_ms <= one.made_ms for other in lost):
            findings.defect("card", "replaces a card that nobody has lost", **name)
            findings.defect("lost_card", "missing: a card was replaced", bucket=one.bucket, member=one.member)
    for one in lost:
        name = {"bucket": one.bucket, "member": one.member, "issue": one.issue}
        if one.issue not in made_ms:
            findings.defect("lost_card", "there is no such card", **name)
            findings.defect("card", "missing, though it was reported lost", **name)
        elif not any(issue > one.issue and moment == one.lost_ms for issue, moment in made_ms.items()):
            findings.defect("lost_card", "no card was made in its place when it was lost", **name)
            findings.defect("card", "missing, or made at another moment: it replaces a lost one", **name)


def _check_balance(whose: tuple[int, int], balance: list[Any], sums: list[Any], findings: Findings) -> None:
    name = {"bucket": whose[0], "member": whose[1]}
    wanted = (int(sums[0].held), int(sums[0].owed)) if sums else None
    kept = (balance[0].held, balance[0].owed) if balance else None
    if kept is None and wanted is not None:
        findings.defect("member_balance", f"missing: holds {wanted[0]} and owes {wanted[1]}", **name)
    elif kept is not None and wanted is None:
        findings.defect("member_balance", "there is no transfer to this member", **name)
    elif kept is not None and wanted is not None and kept != wanted:
        defect = f"transfers come to {wanted[0]} held and {wanted[1]} owed, not {kept[0]} and {kept[1]}"
        findings.defect("member_balance", defect, **name)


_TURNS_OF_THE_TAKEN_BACK = """
    SELECT t.event, t.bucket, t.member, t.activity, t.occasion, t.turn, t.points, t.owed, t.posted_ms FROM transfer t
    JOIN (SELECT DISTINCT bucket, member FROM transfer WHERE points < 0) taken
      ON taken.bucket = t.bucket AND taken.member = t.member
    ORDER BY t.bucket, t.member, t.posted_ms
"""


def _check_owed(connection: sa.Connection, findings: Findings) -> None:
    """What is taken back is owed only as far as the member did not hold it then. Rows of one moment have no order, so
    the least and the most it can have held are asked.
    """
    for _, turns in groupby(stream(connection, _TURNS_OF_THE_TAKEN_BACK), key=lambda one: (one.bucket, one.member)):
        held = 0
        for _, at_once in groupby(turns, key=lambda one: one.posted_ms):
            beside = list(at_once)
            changes = [one.points + one.owed for one in beside]
            for one in beside:
                own = one.points + one.owed
                most = held + sum(change for change in changes if change > 0)
                least = held + sum(change for change in changes if change < 0) - own
                if one.points < 0 and not max(0, -one.points - most) <= one.owed <= max(0, -one.points - least):
                    name = {column: getattr(one, column) for column in _KEY_COLUMNS}
                    findings.defect("transfer", f"owes {one.owed} although the member held {least} to {most}", **name)
            held += sum(changes)
