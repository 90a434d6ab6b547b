"""Checks what persons decided: each act has a reason and its consequence, each decision, fence and accepted hole has
its act. Returns them for the judging.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from hub.audit.findings import Findings
from hub.audit.reading import stream
from hub.audit.records import Act, check_records
from hub.audit.reference import Reference
from hub.audit.tree import Fence

ACT_LENGTH = 16
FENCES = {"fenced", "revoked"}
DECISIONS = {"release": "decision", "dismiss": "decision", "accept hole": "accepted_hole"}


@dataclass
class Decided:
    """What persons decided, per kiosk: decisions {hash: release or dismiss}, fences, and accepted holes
    {first: (last, when, act)}.
    """

    decisions: dict[bytes, dict[bytes, str]] = field(default_factory=lambda: defaultdict(dict))
    fences: dict[bytes, list[Fence]] = field(default_factory=lambda: defaultdict(list))
    holes: dict[bytes, dict[int, tuple[int, int, bytes]]] = field(default_factory=lambda: defaultdict(dict))

    def holes_of(self, kiosk: bytes, by_ms: int | None = None) -> dict[int, int]:
        """Return a kiosk's accepted holes {first: last}, those accepted by a moment where one is given."""
        known = self.holes.get(kiosk, {})
        return {first: last for first, (last, done_ms, _) in known.items() if by_ms is None or done_ms <= by_ms}


def read_acts(connection: sa.Connection, reference: Reference, findings: Findings) -> Decided:
    """Check the tables act, decision, fence and accepted_hole against each other, and return what was decided."""
    acts = _read_all(connection, findings)
    decided = Decided()
    justified: set[bytes] = set()
    justified |= _read_decisions(connection, acts, decided, findings)
    justified |= _read_fences(connection, acts, decided, findings)
    justified |= _read_holes(connection, acts, decided, findings)
    for one in acts.values():
        if one.kind in FENCES:
            drawn_by = [fence.act for fence in decided.fences.get(_kiosk_in(one.subject), []) if fence.kind == one.kind]
            if not drawn_by:
                findings.defect("fence", "missing, though an act draws it", kiosk=one.subject, kind=one.kind)
                findings.defect("act", "draws no fence", act=one.act)
            elif drawn_by[0] not in acts:  # else it is a second act of one kind, which draws no second line
                findings.defect("act", "is not the one that its fence names", act=one.act)
        elif one.kind in DECISIONS and one.act not in justified and not one.subject.endswith(" 0"):
            table = DECISIONS[one.kind]
            findings.defect("act", f"has no {table} to show for it", act=one.act)
            findings.defect(table, f"missing, though an act made it: {one.subject}", act=one.act)
    _check_top_ups([one for one in acts.values() if one.kind == "top up"], reference, findings)
    check_records(connection, acts.values(), reference, findings)
    return decided


def _read_all(connection: sa.Connection, findings: Findings) -> dict[bytes, Act]:
    acts = {}
    for one in stream(connection, "SELECT * FROM act ORDER BY act"):
        act = bytes(one.act)
        acts[act] = Act(act, one.kind, one.subject, one.done_ms)
        for column in ("reason", "done_by"):
            if not getattr(one, column).strip():
                findings.defect("act", f"{column} is empty", act=act)
        if len(act) != ACT_LENGTH:
            findings.defect("act", "its key has not 16 bytes", act=act)
    return acts


def _read_decisions(
    connection: sa.Connection, acts: dict[bytes, Act], decided: Decided, findings: Findings
) -> set[bytes]:
    """Return the acts that decisions name. An act says how many entries it decided."""
    counts: Counter[tuple[bytes, str]] = Counter()
    for one in stream(
        connection,
        """
        SELECT d.kiosk, d.seq, d.hash, d.kind, d.act, e.arrived_ms FROM decision d
        LEFT JOIN entry e ON e.kiosk = d.kiosk AND e.seq = d.seq AND e.hash = d.hash ORDER BY d.kiosk, d.seq, d.hash
        """,
    ):
        kiosk, entry_hash, act = bytes(one.kiosk), bytes(one.hash), bytes(one.act)
        decided.decisions[kiosk][entry_hash] = one.kind
        counts[act, kiosk.hex()] += 1
        name = {"kiosk": kiosk, "seq": one.seq, "hash": entry_hash}
        _check_act(acts.get(act), one.kind, "decision", name, findings)
        if one.arrived_ms is None:
            findings.defect("decision", "there is no such entry", **name)
            findings.defect("entry", "missing, though it was decided upon", **name)
        elif act in acts and acts[act].done_ms < one.arrived_ms:
            findings.defect("act", "decides upon what had not arrived", act=act)
    for (act, kiosk_hex), count in counts.items():
        if act in acts and acts[act].subject != f"{kiosk_hex} {count}":
            findings.defect("act", f"{count} decisions of kiosk {kiosk_hex} name it", act=act)
            findings.defect("decision", f"one too many or missing: the act says {acts[act].subject}", act=act)
    return {act for act, _ in counts}


def _read_fences(connection: sa.Connection, acts: dict[bytes, Act], decided: Decided, findings: Findings) -> set[bytes]:
    named = set()
    for one in stream(connection, "SELECT * FROM fence ORDER BY kiosk, kind"):
        kiosk, act = bytes(one.kiosk), None if one.act is None else bytes(one.act)
        tip = (one.tip_seq, bytes(one.tip_hash))
        decided.fences[kiosk].append(Fence(one.kind, tip, one.fork_seq, act, one.since_ms))
        name: dict[str, object] = {"kiosk": kiosk, "kind": one.kind}
        if one.kind == "fork":
            if act is not None:
                findings.defect("fence", "a fork comes to light by itself, no act draws it", **name)
            continue
        if act is None:
            findings.defect("fence", "no act draws it", **name)
            continue
        named.add(act)
        _check_act(acts.get(act), one.kind, "fence", name, findings)
        if act in acts and acts[act].subject != kiosk.hex():
            findings.defect("act", f"draws a fence for kiosk {kiosk.hex()}, but speaks of {acts[act].subject}", act=act)
        if act in acts and acts[act].done_ms < one.since_ms:
            findings.defect("fence", "drawn after its act was done", **name)
            findings.defect("act", "done before its fence was drawn", act=act)
    return named


def _read_holes(connection: sa.Connection, acts: dict[bytes, Act], decided: Decided, findings: Findings) -> set[bytes]:
    named = set()
    for one in stream(connection, "SELECT * FROM accepted_hole ORDER BY kiosk, first_seq"):
        kiosk, act = bytes(one.kiosk), bytes(one.act)
        named.add(act)
        name = {"kiosk": kiosk, "first_seq": one.first_seq}
        _check_act(acts.get(act), "accept hole", "accepted_hole", name, findings)
        if act in acts and acts[act].subject != f"{kiosk.hex()} {one.first_seq}-{one.last_seq}":
            findings.defect("accepted_hole", f"its act accepts another: {acts[act].subject}", **name)
            findings.defect("act", f"accepts {one.first_seq}-{one.last_seq} of kiosk {kiosk.hex()}", act=act)
        if not 1 <= one.first_seq <= one.last_seq:
            findings.defect("accepted_hole", "its numbers are none", **name)
            continue
        done_ms = acts[act].done_ms if act in acts else 0
        decided.holes[kiosk][one.first_seq] = (one.last_seq, done_ms, act)
    return named


def _check_act(act: Act | None, kind: str, table: str, name: dict[str, Any], findings: Findings) -> None:
    if act is None:
        findings.defect(table, "its act is not in the books", **name)
        findings.defect("act", f"missing, though a row of {table} names it", **name)
    elif act.kind != kind:
        findings.defect(table, f"its act is of another kind: {act.kind}", **name)
        findings.defect("act", f"is of another kind than its {table}: {kind}", act=act.act)


def _check_top_ups(acts: list[Act], reference: Reference, findings: Findings) -> None:
    """Each topping up is a manifest that raised the share by those points; a raise without an act is only noted."""
    raises: dict[str, list[int]] = defaultdict(list)
    for signed in reference.shares.values():
        # A share that comes with the first manifest is the approval's; one that comes later was raised from nothing.
        first = min(reference.manifests[signed[0].kiosk])
        is_first = (first[0].opened_ms, first[1]) == (signed[0].instance_ms, signed[0].version)
        totals = [signed[0].total if is_first else 0, *(one.total for one in signed)]
        for before, after in zip(totals, signed, strict=False):
            if after.total > before:
                raises[f"{after.kiosk.hex()} {after.allotment} +{after.total - before}"].append(after.issued_ms)
    for act in sorted(acts, key=lambda act: act.done_ms):
        signed_ms = raises.get(act.subject, [])
        if not signed_ms or signed_ms[0] > act.done_ms:
            findings.defect("act", "no manifest tops up a share by these points by then", act=act.act)
        else:
            signed_ms.pop(0)
    for subject, issued in raises.items():
        for issued_ms in issued:
            findings.note("act", "missing: a share was raised without one", subject=subject, done_ms=issued_ms)


def _kiosk_in(subject: str) -> bytes:
    try:
        return bytes.fromhex(subject)
    except ValueError:
        return b""
