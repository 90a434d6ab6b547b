"""Checks what the city entered: organisations, allotments, events with activities, and the signed manifests that speak
of them. Returns what the rest of the audit judges by.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlalchemy as sa

from hub.audit.findings import Findings, left_out
from hub.audit.kiosks import Kiosk
from hub.audit.reading import stream
from hub.audit.trust import Trust
from sync.citytime import fiscal_year
from sync.codec import MOMENT_LIMIT, WireError, decode
from sync.keys import Instance
from sync.manifest import Activity, Event, Manifest, OccasionBy, read_manifest, read_slots
from sync.rules import read_rule


class ShareSigned(NamedTuple):
    """A share as it stood in a manifest, and the points that went from the allotment to the kiosk with it (or back)."""

    kiosk: bytes
    allotment: int
    instance_ms: int
    version: int
    issued_ms: int
    total: int
    reserve: int
    moved: int


@dataclass
class Reference:
    """What judging depends on beside entries and acts. `events` holds all versions, oldest first; `lost_ms` is when a
    card (member, issue) was reported lost, `ended_ms` when a member was let go.
    """

    events: dict[int, list[Event]] = field(default_factory=dict)
    manifests: dict[bytes, dict[tuple[Instance, int], Manifest]] = field(default_factory=dict)
    shares: dict[tuple[bytes, int], list[ShareSigned]] = field(default_factory=dict)
    members: dict[int, str] = field(default_factory=dict)
    lost_ms: dict[tuple[int, int], int] = field(default_factory=dict)
    ended_ms: dict[int, int] = field(default_factory=dict)

    def unusual_member(self, member: int, arrived_ms: int) -> str:
        """Return why a grant that arrived then cannot be posted to a member: unknown, ended; nothing where it can."""
        state = self.members.get(member, "unknown")
        if state == "ended" and arrived_ms < self.ended_ms.get(member, 0):
            return ""
        return "" if state == "open" else f"member {state}"

    def limit_in_force(self, kiosk: bytes, allotment: int) -> int:
        """Return total and reserve of a kiosk's share as last signed."""
        signed = self.shares.get((kiosk, allotment))
        return signed[-1].total + signed[-1].reserve if signed else 0

    def first_share_ms(self, kiosk: bytes, allotment: int) -> int | None:
        """Return when a kiosk was first given a share of an allotment, None for never."""
        signed = self.shares.get((kiosk, allotment))
        return signed[0].issued_ms if signed else None


def read_reference(connection: sa.Connection, kiosks: list[Kiosk], trust: Trust, findings: Findings) -> Reference:
    """Check the reference tables and the manifests, and return them."""
    reference = Reference()
    _check_allotments(connection, findings)
    reference.events = _read_events(connection, findings)
    for one in stream(connection, "SELECT member, state FROM member"):
        reference.members[one.member] = one.state
    for one in stream(connection, "SELECT member, issue, lost_ms FROM lost_card"):
        reference.lost_ms[one.member, one.issue] = one.lost_ms
    confirmed: set[tuple[int, int]] = set()
    for kiosk in kiosks:
        manifests = _read_manifests(connection, kiosk.kiosk, trust, findings)
        reference.manifests[kiosk.kiosk] = {(one.instance, one.version): one for one in manifests}
        shares = _signed_shares(manifests)
        for signed in shares:
            reference.shares.setdefault((signed.kiosk, signed.allotment), []).append(signed)
        _check_shares(connection, kiosk.kiosk, shares, findings)
        _check_kiosk_against(connection, kiosk, manifests, reference, findings)
        for manifest in manifests:
            confirmed |= _check_events_of(manifest, reference, findings)
            _check_lost_cards_of(manifest, reference, findings)
    for number, versions in reference.events.items():
        for version, _ in enumerate(versions, 1):
            if (number, version) not in confirmed:
                findings.note("event", "stands in no signed manifest as it is", event=number, version=version)
    return reference


def _check_allotments(connection: sa.Connection, findings: Findings) -> None:
    organisations = set()
    for one in stream(connection, "SELECT organisation, name, kind FROM organisation ORDER BY organisation"):
        organisations.add(one.organisation)
        if one.kind not in {"grants", "serves", "both"}:
            findings.defect("organisation", f"no such kind: {one.kind}", organisation=one.organisation)
    gap = left_out(organisations)
    if gap is not None:
        findings.defect("organisation", "missing, or a later number was added", organisation=gap)
        findings.defect("organisation", "added, or an earlier number is missing", organisation=max(organisations))
    budgets = {
        one.target_holder: one.posted_ms
        for one in stream(connection, "SELECT mark, target_holder, posted_ms FROM movement WHERE kind = 'budget'")
        if one.mark == f"{one.target_holder}/1"
    }
    allotments = set()
    for one in stream(connection, "SELECT allotment, organisation, fiscal_year FROM allotment ORDER BY allotment"):
        allotments.add(one.allotment)
        if one.organisation not in organisations:
            findings.defect("allotment", f"organisation {one.organisation} does not exist", allotment=one.allotment)
            findings.defect("organisation", "missing, though an allotment names it", organisation=one.organisation)
        if one.allotment not in budgets:
            findings.defect("allotment", "never given a budget", allotment=one.allotment)
            findings.defect("movement", "missing: a first budget", kind="budget", mark=f"{one.allotment}/1")
        elif not _is_of_year(budgets[one.allotment], one.fiscal_year):
            findings.defect("allotment", "its first budget is of another fiscal year", allotment=one.allotment)
            mark = f"{one.allotment}/1"
            findings.defect("movement", "not in the fiscal year of its allotment", kind="budget", mark=mark)
    for number in sorted(budgets.keys() - allotments):
        findings.defect("allotment", "missing, though it was given a budget", allotment=number)


def _is_of_year(posted_ms: int, year: int) -> bool:
    return 0 <= posted_ms < MOMENT_LIMIT and fiscal_year(posted_ms) == year


def _read_events(connection: sa.Connection, findings: Findings) -> dict[int, list[Event]]:
    allotments = {one.allotment for one in stream(connection, "SELECT allotment FROM allotment")}
    activities: dict[tuple[int, int], list[Activity]] = defaultdict(list)
    for one in stream(connection, "SELECT * FROM activity ORDER BY event, version, activity"):
        activity = _read_activity(one, findings)
        if activity is not None:
            activities[one.event, one.version].append(activity)
    events: dict[int, list[Event]] = {}
    for one in stream(connection, "SELECT * FROM event ORDER BY event, version"):
        known = events.setdefault(one.event, [])
        version = len(known) + 1
        if one.version != version:
            findings.defect("event", "missing, or a later version was added", event=one.event, version=version)
            findings.defect("event", "added, or the version before is missing", event=one.event, version=one.version)
        if one.allotment not in allotments:
            findings.defect("event", f"allotment {one.allotment} does not exist", event=one.event, version=one.version)
        own = tuple(activities.pop((one.event, one.version), ()))
        known.append(Event(one.event, one.name, one.starts_ms, one.ends_ms, one.allotment, own))
    for event, version in activities:
        findings.defect("activity", "belongs to no event", event=event, version=version)
        findings.defect("event", "missing, though it has activities", event=event, version=version)
    return events


def _read_activity(one: Any, findings: Findings) -> Activity | None:
    try:
        rule = read_rule(decode(bytes(one.rule), depth=3))
        slots = read_slots(decode(bytes(one.slots), depth=2))
        return Activity(one.activity, one.name, rule, OccasionBy(one.occasion_by), one.daily_limit, slots)
    except (WireError, ValueError) as error:
        findings.defect(
            "activity", f"cannot be read: {error}", event=one.event, version=one.version, activity=one.activity
        )
        return None


def _read_manifests(connection: sa.Connection, kiosk: bytes, trust: Trust, findings: Findings) -> list[Manifest]:
    """Return a kiosk's manifests in the order in which they took effect."""
    manifests: list[Manifest] = []
    expected: dict[int, int] = defaultdict(lambda: 1)
    for one in stream(
        connection,
        """
        SELECT instance_ms, version, issued_ms, encoded FROM manifest WHERE kiosk = :kiosk ORDER BY instance_ms, version
        """,
        kiosk=kiosk,
    ):
        name = {"kiosk": kiosk, "instance_ms": one.instance_ms, "version": one.version}
        try:
            manifest = read_manifest(bytes(one.encoded), trust.manifest_keys)
        except WireError as error:
            findings.defect("manifest", f"not signed by the hub: {error.reason}", **name)
            continue
        signed = (manifest.kiosk, manifest.instance.opened_ms, manifest.version, manifest.issued_ms)
        if signed != (kiosk, one.instance_ms, one.version, one.issued_ms):
            findings.defect("manifest", "signed for another kiosk, version or moment than its columns say", **name)
        if trust.instances.get(manifest.instance.opened_ms) != manifest.instance:
            findings.defect("manifest", "signed under an instance the hub never had", **name)
        version = expected[one.instance_ms]
        if one.version != version:
            findings.defect("manifest", "missing: a version is left out", **{**name, "version": version})
        expected[one.instance_ms] = one.version + 1
        manifests.append(manifest)
    return sorted(
        (one for one in manifests if one.kiosk == kiosk), key=lambda manifest: (manifest.instance, manifest.version)
    )


def _signed_shares(manifests: list[Manifest]) -> list[ShareSigned]:
    carried: dict[int, int] = {}
    signed = []
    for one in manifests:
        for allotment, total, reserve in one.shares:
            moved = total + reserve - carried.get(allotment, 0)
            carried[allotment] = total + reserve
            signed.append(
                ShareSigned(
                    one.kiosk, allotment, one.instance.opened_ms, one.version, one.issued_ms, total, reserve, moved
                )
            )
    return signed


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


def _check_kiosk_against(
    connection: sa.Connection, kiosk: Kiosk, manifests: list[Manifest], reference: Reference, findings: Findings
) -> None:
    """Hold the newest manifest against the kiosk's name and assignments, and the oldest against its approval."""
    assigned = {
        one.event for one in stream(connection, "SELECT event FROM assignment WHERE kiosk = :kiosk", kiosk=kiosk.kiosk)
    }
    served = {event.event for event in manifests[-1].events} if manifests else set()
    for event in sorted(served - assigned):
        findings.defect("assignment", "missing, though the newest manifest has it", kiosk=kiosk.kiosk, event=event)
    for event in sorted(assigned - served):
        if event in reference.events:
            findings.note("assignment", "stands in no manifest yet", kiosk=kiosk.kiosk, event=event)
        else:
            findings.defect("assignment", "no such event", kiosk=kiosk.kiosk, event=event)
    if not manifests:
        return
    if dict(manifests[-1].texts).get("kiosk", kiosk.name) != kiosk.name:
        findings.defect("kiosk", "its newest manifest gives it another name", kiosk=kiosk.kiosk)
    if kiosk.approved_ms > manifests[0].issued_ms:
        findings.defect("kiosk", "its first manifest is older than its approval", kiosk=kiosk.kiosk)


def _check_events_of(manifest: Manifest, reference: Reference, findings: Findings) -> set[tuple[int, int]]:
    """Hold the events of a manifest against the event tables; return the versions it confirms."""
    confirmed = set()
    for signed in manifest.events:
        versions = reference.events.get(signed.event, [])
        if signed in versions:
            confirmed.add((signed.event, versions.index(signed) + 1))
            continue
        defect = f"no version is as manifest {manifest.version} of kiosk {manifest.kiosk.hex()} has it"
        differing = [set(one.activities) ^ set(signed.activities) for one in versions if one[:5] == signed[:5]]
        for number in sorted({activity.activity for activity in min(differing, key=len, default=())}):
            findings.defect("activity", defect, event=signed.event, activity=number)
        if not differing:
            findings.defect("event", defect, event=signed.event)
    return confirmed


def _check_lost_cards_of(manifest: Manifest, reference: Reference, findings: Findings) -> None:
    listed = set(manifest.lost_cards)
    for member, issue in sorted(listed - reference.lost_ms.keys()):
        findings.defect("lost_card", "missing, though a manifest lists it", member=member, issue=issue)
    for (member, issue), lost_ms in reference.lost_ms.items():
        is_listed = (member, issue) in listed
        if is_listed and lost_ms > manifest.issued_ms:
            findings.defect("lost_card", "a manifest listed it before it was lost", member=member, issue=issue)
        if not is_listed and lost_ms < manifest.issued_ms:
            findings.defect("lost_card", "a manifest signed later does not list it", member=member, issue=issue)
