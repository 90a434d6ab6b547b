"""Holds the clerk's acts on reference records against those records: each act has left what it says, and what could not
have come about without an act has one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import sqlalchemy as sa

from hub.audit.findings import Findings
from hub.audit.reading import stream
from hub.audit.reference import Reference
from sync.member import printed


class Act(NamedTuple):
    """Something a person did."""

    act: bytes
    kind: str
    subject: str
    done_ms: int


ELSEWHERE = {"release", "dismiss", "accept hole", "top up", "fenced", "revoked"}
"""Acts whose consequences are not reference records."""


Bounds = tuple[int, int]
"""Not before, not after: when an act that led to a record can have been done."""

FOR_EVER = 2**63


def check_records(connection: sa.Connection, acts: Iterable[Act], reference: Reference, findings: Findings) -> None:
    """Check acts against members, lost cards, events, budgets and kiosks; tell `reference` when accounts were ended."""
    records = _records(connection, reference)
    ended = {printed(member): member for member, state in reference.members.items() if state == "ended"}
    for one in sorted(acts, key=lambda act: (act.done_ms, act.act)):
        if one.kind in ELSEWHERE:
            continue
        left = records.get(one.kind, {}).get(one.subject, [])
        bounds = next((known for known in left if known[0] <= one.done_ms <= known[1]), None)
        if one.kind not in records:
            findings.note("act", f"an act of a kind the audit does not know: {one.kind}", act=one.act)
        elif bounds is None:
            findings.defect("act", f"nothing of that time shows it: {one.kind} {one.subject}", act=one.act)
        else:
            left.remove(bounds)
            if one.kind == "end member":
                reference.ended_ms[ended[one.subject]] = one.done_ms
    for member in sorted(ended.values() - reference.ended_ms.keys()):
        findings.defect("member", "ended without an act", member=member)
        findings.defect("act", "missing: a member was ended", kind="end member", subject=printed(member))
    for kind in ("lost card", "raise allotment", "change event"):
        for subject in sorted(subject for subject, left in records[kind].items() if left):
            findings.note("act", "missing: this came about without one", kind=kind, subject=subject)


def _records(connection: sa.Connection, reference: Reference) -> dict[str, dict[str, list[Bounds]]]:
    """Return what each kind of act may speak of: {kind: {subject: when it can have been done}}."""
    records: dict[str, dict[str, list[Bounds]]] = {
        kind: defaultdict(list)
        for kind in ("end member", "know member", "lost card", "change event", "raise allotment", "approve kiosk")
    }
    for one in stream(connection, "SELECT member, state, since_ms FROM member"):
        records["know member"][printed(one.member)].append((0, one.since_ms))
        if one.state == "ended":
            records["end member"][printed(one.member)].append((one.since_ms, FOR_EVER))
    for (member, issue), lost_ms in reference.lost_ms.items():
        records["lost card"][f"{printed(member)} - {issue}"].append((0, lost_ms))
    for versions in reference.events.values():
        for version in versions[1:]:
            records["change event"][version.name].append((0, FOR_EVER))
    for one in stream(connection, "SELECT mark, target_holder, points, posted_ms FROM movement WHERE kind = 'budget'"):
        if one.mark != f"{one.target_holder}/1":
            records["raise allotment"][f"付与枠 {one.target_holder} に +{one.points}"].append((0, one.posted_ms))
    for one in stream(connection, "SELECT kiosk, approved_ms FROM kiosk"):
        records["approve kiosk"][bytes(one.kiosk).hex()].append((one.approved_ms, FOR_EVER))
    return records
