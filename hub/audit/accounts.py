"""Checks the accounts that are not members': each against its movements and transfers, each movement of a share against
the manifest that signed it, and that everything sums to 0.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import chain, pairwise
from typing import Any

import sqlalchemy as sa

from hub.audit.findings import Findings, left_out
from hub.audit.reading import stream
from hub.audit.reference import Reference, ShareSigned

Account = tuple[str, int, int]
"""Kind, holder, part: ("issue", 0, 0), ("allotment", 3, 0), ("out", kiosk as a number, allotment)."""


def check_accounts(connection: sa.Connection, reference: Reference, members_hold: int, findings: Findings) -> None:
    """Check the tables movement and account, and the trial balance."""
    wanted: Counter[Account] = Counter()
    unsigned: dict[tuple[Account, Account], list[str]] = defaultdict(list)
    signed = {_mark_of(one): one for one in chain.from_iterable(reference.shares.values()) if one.moved}
    budgets: dict[int, dict[int, int]] = defaultdict(dict)
    for one in stream(connection, "SELECT * FROM movement ORDER BY kind, mark"):
        source = (one.source, one.source_holder, one.source_part)
        target = (one.target, one.target_holder, one.target_part)
        wanted[source] -= one.points
        wanted[target] += one.points
        defect = _defect_of_share(one, signed.pop(one.mark, None)) if one.kind == "share" else _defect_of_budget(one)
        if one.kind == "budget" and not defect:
            budgets[one.target_holder][int(one.mark.partition("/")[2])] = one.posted_ms
            unsigned[source, target].append(one.mark)
        if not one.reason.strip():
            defect = defect or "has no reason"
        if defect:
            findings.defect("movement", defect, kind=one.kind, mark=one.mark)
    for mark in sorted(signed):
        findings.defect("movement", "missing, though a manifest signs it", kind="share", mark=mark)
    _check_budgets(budgets, findings)
    for one in stream(
        connection,
        """
        SELECT kiosk, allotment, from_share, sum(points) AS points FROM transfer
        GROUP BY kiosk, allotment, from_share ORDER BY kiosk, allotment, from_share
        """,
    ):
        straight = ("allotment", one.allotment, 0)
        out = ("out", _holder(bytes(one.kiosk)), one.allotment)
        wanted[out if one.from_share else straight] -= int(one.points)
    off = _compare(connection, wanted, members_hold, findings)
    _name_movements(off, unsigned, findings)


def _check_budgets(budgets: dict[int, dict[int, int]], findings: Findings) -> None:
    """Budgets of an allotment, {number: when}, are numbered from 1 in the order in which they were posted."""
    for allotment, numbers in budgets.items():
        gap = left_out(numbers)
        if gap is not None:
            defect = "left out, or a later number was added"
            findings.defect("movement", defect, kind="budget", mark=f"{allotment}/{gap}")
            defect = "added, or one before is missing"
            findings.defect("movement", defect, kind="budget", mark=f"{allotment}/{max(numbers)}")
        for before, after in pairwise(sorted(numbers)):
            if numbers[before] > numbers[after]:
                for number in (before, after):
                    defect = f"{before} was posted after {after}"
                    findings.defect("movement", defect, kind="budget", mark=f"{allotment}/{number}")


def _compare(
    connection: sa.Connection, wanted: Counter[Account], members_hold: int, findings: Findings
) -> dict[Account, int]:
    """Compare all accounts; return by how many points each is off."""
    off: dict[Account, int] = {}
    sum_kept = 0
    left = dict(wanted)
    for one in stream(connection, "SELECT kind, holder, part, amount FROM account ORDER BY kind, holder, part"):
        account = (one.kind, one.holder, one.part)
        sum_kept += one.amount
        if account not in left:
            findings.defect("account", "nothing was ever moved to or from it", **_named(account))
        elif one.amount != left[account]:
            off[account] = one.amount - left[account]
            findings.defect(
                "account", f"movements and transfers come to {left[account]}, not {one.amount}", **_named(account)
            )
        left.pop(account, None)
    for account, amount in sorted(left.items()):
        if amount:
            off[account] = -amount
            findings.defect("account", f"missing: movements and transfers come to {amount}", **_named(account))
    if sum_kept + members_hold != 0:
        defect = f"all accounts and members together come to {sum_kept + members_hold} instead of 0"
        findings.defect("account", defect, kind="all", holder=0, part=0)
    return off


def _name_movements(
    off: dict[Account, int], unsigned: dict[tuple[Account, Account], list[str]], findings: Findings
) -> None:
    """Two accounts off by the same points in opposite directions: a budget between them is not what was posted."""
    for (source, target), marks in unsigned.items():
        if source in off and off[source] == -off.get(target, 0):
            points = off[target]
            defect = f"one of {len(marks)} between two accounts was edited, or one is missing: {points} points"
            for mark in marks:
                findings.defect("movement", defect, kind="budget", mark=mark)


def _defect_of_share(one: Any, signed: ShareSigned | None) -> str:
    if signed is None:
        return "no manifest signs it"
    out, allotment = ("out", _holder(signed.kiosk), signed.allotment), ("allotment", signed.allotment, 0)
    source, target = (allotment, out) if signed.moved > 0 else (out, allotment)
    if (one.source, one.source_holder, one.source_part) != source:
        return "its points come from elsewhere than the manifest says"
    if (one.target, one.target_holder, one.target_part) != target:
        return "its points go elsewhere than the manifest says"
    if one.points != abs(signed.moved):
        return f"signed for {abs(signed.moved)} points"
    return "" if one.posted_ms == signed.issued_ms else "posted at another moment than its manifest was signed"


def _defect_of_budget(one: Any) -> str:
    if one.kind != "budget":
        return "no such kind"
    allotment, _, number = one.mark.partition("/")
    if not (allotment.isascii() and allotment.isdigit() and number.isascii() and number.isdigit()) or int(number) < 1:
        return "its mark names no allotment and number"
    if (one.source, one.source_holder, one.source_part) != ("issue", 0, 0):
        return "its points do not come from the city's issue"
    if (one.target, one.target_holder, one.target_part) != ("allotment", int(allotment), 0):
        return "its points do not go to the allotment it is for"
    return ""


def _mark_of(signed: ShareSigned) -> str:
    return f"{signed.kiosk.hex()}/{signed.allotment}/{signed.instance_ms}/{signed.version}"


def _holder(kiosk: bytes) -> int:
    """Return a kiosk as the signed number that its account is kept under."""
    return int.from_bytes(kiosk, "big", signed=True)


def _named(account: Account) -> dict[str, object]:
    return dict(zip(("kind", "holder", "part"), account, strict=True))
