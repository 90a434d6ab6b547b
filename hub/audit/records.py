"""Holds the clerk's acts on reference records against those records: each act has left what it says, and what could not
have come about without an act has one.
"""

from __future__ import annotations

from collections import Counter
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


def check_records(connection: sa.Connection, acts: Iterable[Act], reference: Reference, findings: Findings) -> None:
    """Check acts against members, lost cards, events, budgets and kiosks; tell `reference` when accounts were ended."""
    consequences = _consequences(connection, reference)
    ended = {printed(member): member for member, state in reference.members.items() if state == "ended"}
    for one in sorted(acts, key=lambda act: (act.done_ms, act.act)):
        if one.kind in ELSEWHERE:
            continue
        if one.kind not in consequences:
            findings.note("act", f"an act of a kind the audit does not know: {one.kind}", act=one.act)
        elif not consequences[one.kind][one.subject]:
            findings.defect("act", f"nothing in the books shows it: {one.kind} {one.subject}", act=one.act)
        else:
            consequences[one.kind][one.subject] -= 1
            if one.kind == "end member":
                reference.ended_ms[ended[one.subject]] = one.done_ms
    for member in sorted(ended.values() - reference.ended_ms.keys()):
        findings.defect("member", "ended without an act", member=member)
        findings.defect("act", "missing: a member was ended", kind="end member", subject=printed(member))
    for kind in ("lost card", "raise allotment", "change event"):
        for subject in sorted((+consequences[kind]).keys()):
            findings.note("act", "missing: this came about without one", kind=kind, subject=subject)


def _consequences(connection: sa.Connection, reference: Reference) -> dict[str, Counter[str]]:
    """Return what each kind of act may speak of, and how often."""
    budgets = stream(connection, "SELECT mark, target_holder, points FROM movement WHERE kind = 'budget'")
    kiosks = stream(connection, "SELECT kiosk FROM kiosk")
    return {
        "end member": Counter(printed(member) for member, state in reference.members.items() if state == "ended"),
        "know member": Counter(printed(member) for member in reference.members),
        "lost card": Counter(f"{printed(member)} - {issue}" for member, issue in reference.lost_ms),
        "change event": Counter(version.name for versions in reference.events.values() for version in versions[1:]),
        "raise allotment": Counter(
            f"付与枠 {one.target_holder} に +{one.points}" for one in budgets if not one.mark.endswith("/1")
        ),
        "approve kiosk": Counter(bytes(one.kiosk).hex() for one in kiosks),
    }
