"""Checks the accounts that are not members': each movement against its act, each account against its movements and
transfers, that none but the city's issue is below zero, and that everything sums to 0.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from hub.audit.acts import Acts
from hub.audit.findings import Findings
from hub.audit.reading import stream

Account = tuple[str, int, int]
"""Kind, holder, part: ("issue", 0, 0), ("allotment", 3, 0), ("out", kiosk as a number, allotment)."""

Covers = Mapping[tuple[bytes, bytes, int], int]
"""Points that acts are to have moved to kiosks for what no share covers: {(act, kiosk, allotment): points}."""


class Bounds(NamedTuple):
    """Between which points something lies."""

    low: int
    high: int


ISSUE: Account = ("issue", 0, 0)
KINDS = {
    "budget": ("issue", "allotment"),
    "budget back": ("allotment", "issue"),
    "share": ("allotment", "out"),
    "share back": ("out", "allotment"),
    "cover": ("allotment", "out"),
    "cover back": ("out", "allotment"),
}
"""From which kind of account to which each kind of movement goes."""
_BUDGETS = {"add allotment": 1, "raise allotment": 1, "lower allotment": -1}


class Movements:
    """One reading of the movements. `wanted` is what they make of each account, `moved` what each act moved."""

    def __init__(self, connection: sa.Connection, acts: Acts, findings: Findings) -> None:
        self._findings = findings
        self.wanted: Counter[Account] = Counter()
        self.budgets: Counter[tuple[bytes, int]] = Counter()
        self.moved: Counter[tuple[bytes, bytes, int, str]] = Counter()
        self._marks: dict[bytes, list[dict[str, object]]] = defaultdict(list)
        for one in stream(connection, "SELECT * FROM movement ORDER BY kind, mark"):
            self._read(one, acts)
        for act in acts.by_key.values():
            if act.kind in _BUDGETS:
                self._check_budget(act.act, _BUDGETS[act.kind], act.says)

    def _read(self, one: Any, acts: Acts) -> None:
        name: dict[str, object] = {"kind": one.kind, "mark": bytes(one.mark)}
        source = (one.source, one.source_holder, one.source_part)
        target = (one.target, one.target_holder, one.target_part)
        self.wanted[source] -= one.points
        self.wanted[target] += one.points
        defect = _defect_of(one, source, target)
        if one.kind not in KINDS:
            self._findings.defect("movement", defect, **name)
            return
        act = acts.made("movement", one.kind, one.act, name)
        if not _is_marked(one, source, target):
            defect = defect or "its mark is another act's"
        is_later_by_right = one.kind == "share back" and act is not None and one.posted_ms >= act.done_ms
        if act is not None and one.posted_ms != act.done_ms and not is_later_by_right:
            defect = defect or "posted at another moment than its act was done"
            self._findings.defect("act", "done at another moment than a movement that it caused", act=act.act)
        if defect:
            self._findings.defect("movement", defect, **name)
        self._marks[bytes(one.act)].append(name)
        if "issue" in {one.source, one.target}:
            sign, holder = (1, one.target_holder) if one.source == "issue" else (-1, one.source_holder)
            self.budgets[bytes(one.act), holder] += sign * one.points
        else:
            sign, out = (1, target) if one.target == "out" else (-1, source)
            self.moved[bytes(one.act), _kiosk_of(out[1]), out[2], one.kind.removesuffix(" back")] += sign * one.points

    def _check_budget(self, act: bytes, sign: int, says: Mapping[str, Any]) -> None:
        """An act on an allotment's budget moved as many points as it says, to or from that allotment."""
        found = {holder: points for (key, holder), points in self.budgets.items() if key == act}
        if found != {says.get("allotment"): sign * (says.get("points") or 0)}:
            self._findings.defect("act", f"moved {found}, which is not what it says", act=act)
            self._name(act, "its act says other points or another allotment")

    def check_shares(self, bounds: Mapping[tuple[bytes, int], Bounds], kiosks: Container[bytes] | None) -> None:
        """Hold what was moved for shares, altogether, against what was signed of each."""
        found: Counter[tuple[bytes, int]] = Counter()
        for (_, kiosk, allotment, which), points in self.moved.items():
            if which == "share" and (kiosks is None or kiosk in kiosks):
                found[kiosk, allotment] += points
        for kiosk, allotment in sorted(found.keys() | bounds.keys()):
            low, high = bounds.get((kiosk, allotment), Bounds(0, 0))
            if not low <= found[kiosk, allotment] <= high:
                defect = f"shares come to {found[kiosk, allotment]} points, signed are {low} to {high}"
                name = {"kiosk": kiosk, "allotment": allotment}
                self._findings.defect("movement", f"missing, or edited: {defect}", **name)
                for act, whose, of, which in sorted(self.moved):
                    if (whose, of, which) == (kiosk, allotment, "share"):
                        self._name(act, f"not what was signed: {defect}")

    def check_covers(self, covers: Covers, acts: Acts, kiosks: Container[bytes] | None) -> None:
        """Hold what was moved for releases and replacements, act by act, against what these ask for."""
        found: Counter[tuple[bytes, bytes, int]] = Counter()
        for (act, kiosk, allotment, which), points in self.moved.items():
            if which == "cover" and (kiosks is None or kiosk in kiosks):
                found[act, kiosk, allotment] += points
        for key in sorted(found.keys() | covers.keys()):
            wanted = covers.get(key, 0)
            if found[key] != wanted:
                act, kiosk, allotment = key
                defect = f"missing, or other points than its act asks for: {wanted}, not {found[key]}"
                self._findings.defect("movement", defect, kind="cover", kiosk=kiosk, allotment=allotment)
                self._name(act, "other points than its act asks for")
                if act in acts.by_key:
                    self._findings.defect("act", f"moved {found[key]} points instead of {wanted}", act=act)
                    table = "replacement" if "replace" in acts.by_key[act].kind else "decision"
                    self._findings.defect(table, f"its act moved {found[key]} points instead of {wanted}", kiosk=kiosk)

    def _name(self, act: bytes, defect: str) -> None:
        for name in self._marks[act]:
            self._findings.defect("movement", defect, **name)


def _is_marked(one: Any, source: Account, target: Account) -> bool:
    """Tell whether a movement's mark is its act, with its allotment behind it where the act makes several; or the
    kiosk, the allotment and what brought it about, where a share came back by itself.
    """
    mark, act = bytes(one.mark), bytes(one.act)
    allotment = next((holder for kind, holder, _ in (source, target) if kind == "allotment"), 0)
    behind = (allotment % 2**32).to_bytes(4, "big")
    if mark in {act, act + behind}:
        return True
    return one.kind == "share back" and mark[:-16] == _kiosk_of(source[1]) + behind


def _defect_of(one: Any, source: Account, target: Account) -> str:
    kinds = KINDS.get(one.kind)
    if kinds is None:
        return "no such kind"
    if (one.source, one.target) != kinds:
        return f"goes from {kinds[0]} to {kinds[1]}"
    for account in (source, target):
        if account[0] == "issue" and account != ISSUE:
            return "the city has one issue"
        if account[0] == "allotment" and account[2] != 0:
            return "an allotment has no parts"
    if "issue" not in kinds:
        out, allotment = (target, source) if target[0] == "out" else (source, target)
        if out[2] != allotment[1]:
            return "a kiosk carries points of the allotment that they come from"
    return "" if one.points > 0 else "moves no points"


_POSTED = """
    SELECT kiosk, allotment, sum(points) AS points FROM transfer GROUP BY kiosk, allotment ORDER BY kiosk, allotment
"""


def check_accounts(connection: sa.Connection, movements: Movements, members_hold: int, findings: Findings) -> None:
    """Check the table account against all movements and transfers, and the trial balance."""
    wanted = Counter(movements.wanted)
    for one in stream(connection, _POSTED):
        wanted["out", holder_of(bytes(one.kiosk)), one.allotment] -= int(one.points)
    kept = stream(connection, "SELECT * FROM account ORDER BY kind, holder, part")
    sum_kept = compare_accounts(kept, wanted, findings)
    if sum_kept + members_hold != 0:
        defect = f"all accounts and members together come to {sum_kept + members_hold} instead of 0"
        findings.defect("account", defect, kind="all", holder=0, part=0)


def compare_accounts(kept: Iterable[Any], wanted: Mapping[Account, int], findings: Findings) -> int:
    """Hold rows of account against what they are to be; return their sum."""
    sum_kept = 0
    left = dict(wanted)
    for one in kept:
        account = (one.kind, one.holder, one.part)
        sum_kept += one.amount
        name = dict(zip(("kind", "holder", "part"), account, strict=True))
        if account not in left:
            findings.defect("account", "nothing was ever moved to or from it", **name)
        elif one.amount != left[account]:
            defect = f"movements and transfers come to {left[account]}, not {one.amount}"
            findings.defect("account", defect, **name)
        if one.amount < 0 and account != ISSUE:
            findings.defect("account", "is below zero", **name)
        left.pop(account, None)
    for account, amount in sorted(left.items()):
        if amount:
            name = dict(zip(("kind", "holder", "part"), account, strict=True))
            findings.defect("account", f"missing: movements and transfers come to {amount}", **name)
    return sum_kept


def holder_of(kiosk: bytes) -> int:
    """Return a kiosk as the signed number that its account is kept under."""
    return int.from_bytes(kiosk, "big", signed=True)


def _kiosk_of(holder: int) -> bytes:
    return holder.to_bytes(8, "big", signed=True)
