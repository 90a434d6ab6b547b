"""Checks the manifests signed for one kiosk: each against its act, the events and lost cards it names, the shares in it
against the table of shares, and the points that moved with them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlalchemy as sa

from hub.audit.acts import Acts
from hub.audit.findings import Findings
from hub.audit.kiosks import Kiosk
from hub.audit.reading import stream
from hub.audit.reference import Reference, check_events_of, check_lost_cards_of
from hub.audit.trust import Trust
from hub.audit.versions import by_subject
from sync.codec import WireError
from sync.keys import Instance
from sync.manifest import Manifest, read_manifest


class ShareSigned(NamedTuple):
    """A share as it stood in a manifest, and by how much it was raised there (or lowered)."""

    allotment: int
    instance_ms: int
    version: int
    total: int
    reserve: int
    moved: int


@dataclass
class Carried:
    """What was signed for a kiosk: its manifests; `newest` and `highest` are the shares last signed, and the most that
    was ever signed {allotment: total + reserve}.
    """

    manifests: dict[tuple[Instance, int], Manifest] = field(default_factory=dict)
    newest: dict[int, int] = field(default_factory=dict)
    highest: dict[int, int] = field(default_factory=dict)

    def limits_from(self) -> dict[tuple[Instance, int], dict[int, int]]:
        """Return for each manifest the most that it or a later one lets the kiosk carry of each allotment."""
        highest: dict[int, int] = {}
        found = {}
        for named in sorted(self.manifests, reverse=True):
            for allotment, total, reserve in self.manifests[named].shares:
                highest[allotment] = max(total + reserve, highest.get(allotment, 0))
            found[named] = dict(highest)
        return found


def read_carried(
    connection: sa.Connection, kiosk: Kiosk, trust: Trust, reference: Reference, acts: Acts, findings: Findings
) -> Carried:
    """Check the tables manifest, share and assignment for one kiosk."""
    manifests, made_by = _read_manifests(connection, kiosk.kiosk, trust, acts, findings)
    carried = Carried({(one.instance, one.version): one for one in manifests})
    signed = _signed_shares(manifests)
    for one in signed:
        carried.newest[one.allotment] = one.total + one.reserve
        carried.highest[one.allotment] = max(carried.highest.get(one.allotment, 0), one.total + one.reserve)
        act = made_by.get((one.instance_ms, one.version))
        if one.moved and act is not None:
            _check_who_moves(kiosk.kiosk, one, acts, act, findings)
    _check_shares(connection, kiosk.kiosk, signed, findings)
    assigned = _check_assignments(connection, kiosk.kiosk, acts, reference, findings)
    if manifests:
        _check_newest(kiosk, manifests[-1], assigned, reference, findings)
        if kiosk.approved_ms > manifests[0].issued_ms:
            findings.defect("kiosk", "its first manifest is older than its approval", kiosk=kiosk.kiosk)
    for manifest in manifests:
        check_events_of(manifest, reference, findings)
        if reference.has_all_members:
            check_lost_cards_of(manifest, reference, findings)
    return carried


def _read_manifests(
    connection: sa.Connection, kiosk: bytes, trust: Trust, acts: Acts, findings: Findings
) -> tuple[list[Manifest], Mapping[tuple[int, int], bytes]]:
    """Return a kiosk's manifests in the order in which they took effect, and the act of each."""
    manifests: list[Manifest] = []
    made_by: dict[tuple[int, int], bytes] = {}
    rows = stream(connection, "SELECT * FROM manifest WHERE kiosk = :kiosk ORDER BY instance_ms, version", kiosk=kiosk)
    for subject, versions in by_subject("manifest", rows, ("kiosk", "instance_ms"), findings):
        for one in versions:
            name = {**subject, "version": one.version}
            act = acts.made("manifest", "", one.act, name)
            if act is not None:
                made_by[one.instance_ms, one.version] = act.act
                if act.says.get("kiosk") != kiosk:
                    findings.defect("manifest", "its act is about another kiosk", **name)
            manifest = _read_manifest(one, kiosk, trust, name, findings)
            if manifest is not None:
                manifests.append(manifest)
    return sorted(manifests, key=lambda one: (one.instance, one.version)), made_by


def _read_manifest(
    one: Any, kiosk: bytes, trust: Trust, name: Mapping[str, object], findings: Findings
) -> Manifest | None:
    try:
        manifest = read_manifest(bytes(one.encoded), trust.manifest_keys)
    except WireError as error:
        findings.defect("manifest", f"not signed by the hub: {error.reason}", **name)
        return None
    signed = (manifest.kiosk, manifest.instance.opened_ms, manifest.version, manifest.issued_ms)
    if signed != (kiosk, one.instance_ms, one.version, one.issued_ms):
        findings.defect("manifest", "signed for another kiosk, version or moment than its columns say", **name)
    if trust.instances.get(manifest.instance.opened_ms) != manifest.instance:
        findings.defect("manifest", "signed under an instance the hub never had", **name)
    return manifest if manifest.kiosk == kiosk else None


def _signed_shares(manifests: list[Manifest]) -> list[ShareSigned]:
    carried: dict[int, int] = {}
    signed = []
    for one in manifests:
        for allotment, total, reserve in one.shares:
            moved = total + reserve - carried.get(allotment, 0)
            carried[allotment] = total + reserve
            signed.append(ShareSigned(allotment, one.instance.opened_ms, one.version, total, reserve, moved))
    return signed


_MOVES_SHARES = {"approve kiosk", "top up", "lower share"}


def _check_who_moves(kiosk: bytes, one: ShareSigned, acts: Acts, act: bytes, findings: Findings) -> None:
    """A share changes by the act that is for it, by as many points as that act says."""
    known = acts.by_key[act]
    name = {"kiosk": kiosk, "allotment": one.allotment, "instance_ms": one.instance_ms, "version": one.version}
    if known.kind not in _MOVES_SHARES:
        findings.defect("share", f"changed by an act that changes no share: {known.kind}", **name)
        findings.defect("act", "its manifest changes a share, which it does not say", act=act)
    elif known.kind != "approve kiosk":
        says = (known.says.get("allotment"), known.says.get("points"))
        if says != (one.allotment, abs(one.moved)):
            findings.defect("act", f"says other points than its manifest signs: {abs(one.moved)}", act=act)
            findings.defect("share", "its act says other points", **name)


def _check_shares(connection: sa.Connection, kiosk: bytes, shares: list[ShareSigned], findings: Findings) -> None:
    signed = {(one.allotment, one.instance_ms, one.version): (one.total, one.reserve) for one in shares}
    kept = {
        (one.allotment, one.instance_ms, one.version): (one.total, one.reserve)
        for one in stream(connection, "SELECT * FROM share WHERE kiosk = :kiosk", kiosk=kiosk)
    }
    for key in sorted(signed.keys() | kept.keys()):
        name = dict(zip(("kiosk", "allotment", "instance_ms", "version"), (kiosk, *key), strict=True))
        if key not in kept:
            findings.defect("share", "missing, though a manifest signs it", **name)
        elif key not in signed:
            findings.defect("share", "no manifest signs it", **name)
            del name["allotment"]
            findings.defect("manifest", "missing, or a share was added", **name)
        elif signed[key] != kept[key]:
            findings.defect("share", f"signed as total {signed[key][0]} and reserve {signed[key][1]}", **name)


def _check_assignments(
    connection: sa.Connection, kiosk: bytes, acts: Acts, reference: Reference, findings: Findings
) -> set[int]:
    """Return the events that a kiosk is to serve now."""
    assigned: dict[int, str] = defaultdict(str)
    rows = stream(connection, "SELECT * FROM assignment WHERE kiosk = :kiosk ORDER BY event, version", kiosk=kiosk)
    for name, versions in by_subject("assignment", rows, ("kiosk", "event"), findings):
        for one in versions:
            whose = {**name, "version": one.version}
            act = acts.made("assignment", one.state, one.act, whose)
            is_of_this = act is None or (
                act.says.get("kiosk") == kiosk and act.says.get("event") in {name["event"], None}
            )
            if not is_of_this or (act is not None and act.kind != "approve kiosk" and "event" not in act.says):
                findings.defect("assignment", "its act is about another kiosk or event", **whose)
            if one.state == assigned[name["event"]] or (one.version == 1 and one.state != "assigned"):
                findings.defect("assignment", "stands so already", **whose)
            assigned[name["event"]] = one.state
        if name["event"] not in reference.events:
            findings.defect("assignment", "no such event", **name)
    return {event for event, state in assigned.items() if state == "assigned"}


def _check_newest(kiosk: Kiosk, newest: Manifest, assigned: set[int], reference: Reference, findings: Findings) -> None:
    """Hold the newest manifest against the kiosk's name and assignments; each change of these signs a new one."""
    served = {event.event for event in newest.events}
    for event in sorted(served - assigned):
        findings.defect("assignment", "missing, though the newest manifest has it", kiosk=kiosk.kiosk, event=event)
    for event in sorted(assigned - served - reference.called_off):
        findings.note("assignment", "stands in no manifest yet", kiosk=kiosk.kiosk, event=event)
    name = dict(newest.texts).get("kiosk")
    if name is not None and name not in kiosk.names:  # a new name goes into the next settings
        findings.defect("kiosk_name", "its newest manifest gives it another name", kiosk=kiosk.kiosk)
