"""Checks what the city entered: organisations, allotments, events with activities, and the manifests signed for kiosks
that speak of them. Returns what the rest of the audit judges by.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import sqlalchemy as sa

from hub.audit.acts import Act, Acts
from hub.audit.findings import Findings
from hub.audit.reading import stream
from hub.audit.versions import by_subject
from sync.citytime import DAY_MS, fiscal_year
from sync.codec import MOMENT_LIMIT, WireError, decode
from sync.keys import Instance
from sync.manifest import Activity, Event, Manifest, OccasionBy, read_slots
from sync.rules import read_rule

Manifests = Mapping[tuple[Instance, int], Manifest]


class MemberNow(NamedTuple):
    """The newest state of a member, and since when."""

    state: str
    since_ms: int


UNKNOWN = MemberNow("unknown", 0)


@dataclass
class Reference:
    """What judging depends on beside entries and acts. `events` holds all versions, oldest first; `lost` the cards
    listed as lost now, `lost_history` since when each was lost or found; `issues` the issues of each member that
    has more than one.
    """

    events: dict[int, list[Event]] = field(default_factory=dict)
    event_since: dict[tuple[int, int], int] = field(default_factory=dict)
    called_off: set[int] = field(default_factory=set)
    members: dict[int, MemberNow] = field(default_factory=dict)
    lost: set[tuple[int, int]] = field(default_factory=set)
    lost_history: dict[tuple[int, int], list[tuple[int, str]]] = field(default_factory=dict)
    has_all_members: bool = False
    issues: dict[int, set[int]] = field(default_factory=dict)
    member_keys: frozenset[bytes] = frozenset()
    confirmed: set[tuple[int, int]] = field(default_factory=set)

    def event_now(self, event: int) -> Event | None:
        """Return the newest version of an event."""
        versions = self.events.get(event)
        return versions[-1] if versions else None

    def had_version(self, event: int, version: int, moment_ms: int) -> bool:
        """Tell whether an event can have been in a version at a moment."""
        since_ms, until_ms = (self.event_since.get((event, one)) for one in (version, version + 1))
        return since_ms is not None and since_ms <= moment_ms and (until_ms is None or moment_ms <= until_ms)

    def event_version(self, event: int, version: int) -> Event | None:
        """Return one version of an event."""
        versions = self.events.get(event, [])
        return versions[version - 1] if 0 < version <= len(versions) else None


def read_reference(connection: sa.Connection, acts: Acts, findings: Findings) -> Reference:
    """Check organisations, allotments, events and activities, and return them."""
    reference = Reference()
    allotments = _check_allotments(connection, acts, findings)
    _read_events(connection, acts, allotments, reference, findings)
    return reference


def note_unconfirmed(reference: Reference, findings: Findings) -> None:
    """Note the versions of events that no signed manifest holds as they are."""
    for number, versions in reference.events.items():
        for version, _ in enumerate(versions, 1):
            if (number, version) not in reference.confirmed:
                findings.note("event", "stands in no signed manifest as it is", event=number, version=version)


def _check_allotments(connection: sa.Connection, acts: Acts, findings: Findings) -> set[int]:
    organisations = _check_organisations(connection, acts, findings)
    allotments = set()
    for one in stream(connection, "SELECT * FROM allotment ORDER BY allotment"):
        allotments.add(one.allotment)
        name = {"allotment": one.allotment}
        act = acts.made("allotment", "", one.act, name, allotment=one.allotment, organisation=one.organisation)
        if one.organisation not in organisations:
            findings.defect("allotment", f"organisation {one.organisation} does not exist", **name)
            findings.defect("organisation", "missing, though an allotment names it", organisation=one.organisation)
        if act is not None and not _is_of_year(act.done_ms, one.fiscal_year):
            findings.defect("allotment", "its act was done in another fiscal year", **name)
            findings.defect("act", "done in another fiscal year than its allotment is for", act=act.act)
    return allotments


def _check_organisations(connection: sa.Connection, acts: Acts, findings: Findings) -> set[int]:
    organisations = set()
    rows = stream(connection, "SELECT * FROM organisation ORDER BY organisation, version")
    for name, versions in by_subject("organisation", rows, ("organisation",), findings):
        organisations.add(name["organisation"])
        for before, one in zip([None, *versions], versions, strict=False):
            whose = {**name, "version": one.version}
            how = "first"
            if before is not None:
                how = one.state if (one.name, one.kind) == (before.name, before.kind) else "changed"
            acts.made("organisation", how, one.act, whose, organisation=one.organisation)
            if one.kind not in {"grants", "serves", "both"} or one.state not in {"open", "closed"}:
                findings.defect("organisation", "no such kind or state", **whose)
            if before is None and one.state != "open":
                findings.defect("organisation", "closed from the first", **whose)
            if before is not None and (one.state == before.state) != (how == "changed"):
                findings.defect("organisation", "not one thing has changed since the version before", **whose)
    return organisations


def _is_of_year(done_ms: int, year: int) -> bool:
    return 0 <= done_ms < MOMENT_LIMIT and fiscal_year(done_ms) == year


def _read_events(
    connection: sa.Connection, acts: Acts, allotments: set[int], reference: Reference, findings: Findings
) -> None:
    activities: dict[tuple[int, int], list[Activity]] = defaultdict(list)
    for one in stream(connection, "SELECT * FROM activity ORDER BY event, version, activity"):
        activity = _read_activity(one, findings)
        if activity is not None:
            activities[one.event, one.version].append(activity)
    rows = stream(connection, "SELECT * FROM event ORDER BY event, version")
    for name, versions in by_subject("event", rows, ("event",), findings):
        known = reference.events.setdefault(name["event"], [])
        for before, one in zip([None, *versions], versions, strict=False):
            own = tuple(activities.pop((one.event, one.version), ()))
            known.append(Event(one.event, one.name, one.starts_ms, one.ends_ms, one.allotment, own))
            act = _check_event(one, before, known, acts, allotments, findings)
            reference.event_since[one.event, one.version] = act.done_ms if act is not None else 0
        if versions[-1].state == "called off":
            reference.called_off.add(name["event"])
    for event, version in activities:
        findings.defect("activity", "belongs to no event", event=event, version=version)
        findings.defect("event", "missing, though it has activities", event=event, version=version)


def _check_event(
    one: Any, before: Any, known: list[Event], acts: Acts, allotments: set[int], findings: Findings
) -> Act | None:
    """Return the act of a version of an event: its first, a change, or a calling off and taking up that changes nothing
    else.
    """
    name = {"event": one.event, "version": one.version}
    how = "first" if before is None else "changed" if one.state == before.state else one.state
    says: dict[str, object] = {"event": one.event}
    if how in {"first", "changed"}:
        says["allotment"] = one.allotment
    act = acts.made("event", how, one.act, name, **says)
    if one.state not in {"open", "called off"} or (before is None and one.state != "open"):
        findings.defect("event", f"no such state: {one.state}", **name)
    if one.allotment not in allotments:
        findings.defect("event", f"allotment {one.allotment} does not exist", **name)
        findings.defect("allotment", "missing, though an event names it", allotment=one.allotment)
    if how in {"open", "called off"} and known[-1][:5] != known[-2][:5]:
        for version in (before.version, one.version):
            defect = "not the same before and after it was called off or taken up"
            findings.defect("event", defect, event=one.event, version=version)
    if how in {"open", "called off"}:
        for number in sorted(_differing(known[-1].activities, known[-2].activities)):
            for version in (before.version, one.version):
                defect = "not the same before and after its event was called off or taken up"
                findings.defect("activity", defect, event=one.event, version=version, activity=number)
    return act


def _differing(some: tuple[Activity, ...], others: tuple[Activity, ...]) -> set[int]:
    return {activity.activity for activity in set(some) ^ set(others)}


def _read_activity(one: Any, findings: Findings) -> Activity | None:
    name = {"event": one.event, "version": one.version, "activity": one.activity}
    try:
        rule = read_rule(decode(bytes(one.rule), depth=3))
        slots = read_slots(decode(bytes(one.slots), depth=2))
        activity = Activity(one.activity, one.name, rule, OccasionBy(one.occasion_by), one.daily_limit, slots)
    except (WireError, ValueError) as error:
        findings.defect("activity", f"cannot be read: {error}", **name)
        return None
    if (activity.occasion_by is OccasionBy.SLOT) != bool(slots):
        findings.defect("activity", "has slots exactly where it goes by slots", **name)
    return activity


def check_no_number_changes_hands(reference: Reference, findings: Findings) -> None:
    """An activity's number, once out of an event, does not come back under another name."""
    for event, versions in reference.events.items():
        for version, (before, after) in enumerate(pairwise(versions), 2):
            last_names = {one.activity: one.name for known in versions[: version - 1] for one in known.activities}
            for one in after.activities:
                if before.activity(one.activity) is None and last_names.get(one.activity, one.name) != one.name:
                    defect = "a number that was out of use is in use again for another activity"
                    findings.defect("activity", defect, event=event, version=version, activity=one.activity)


def check_events_of(manifest: Manifest, reference: Reference, findings: Findings) -> None:
    """Hold the events of a manifest against the event tables; keep which versions it confirms."""
    for signed in manifest.events:
        versions = reference.events.get(signed.event, [])
        as_signed = [version for version, one in enumerate(versions, 1) if one == signed]
        if as_signed:
            reference.confirmed |= {(signed.event, version) for version in as_signed}
            continue
        defect = f"no version is as manifest {manifest.version} of kiosk {manifest.kiosk.hex()} has it"
        differing = [set(one.activities) ^ set(signed.activities) for one in versions if one[:5] == signed[:5]]
        for number in sorted({activity.activity for activity in min(differing, key=len, default=())}):
            findings.defect("activity", defect, event=signed.event, activity=number)
        if not differing:
            findings.defect("event", defect, event=signed.event)


def check_lost_cards_of(manifest: Manifest, reference: Reference, findings: Findings) -> None:
    """Hold the lost cards in a manifest against those that were lost when it was signed, as far as moments tell: the
    hub's clock may have been set back in between, but not by a day.
    """
    listed = set(manifest.lost_cards)
    for member, issue in sorted(listed | reference.lost_history.keys()):
        history = reference.lost_history.get((member, issue), [])
        long_before = [state for since_ms, state in history if since_ms + DAY_MS < manifest.issued_ms][-1:]
        near = [state for since_ms, state in history if abs(manifest.issued_ms - since_ms) <= DAY_MS]
        is_listed = "lost" if (member, issue) in listed else "found"
        if is_listed not in {*(long_before or ["found"]), *near}:
            defect = f"manifest {manifest.version} of kiosk {manifest.kiosk.hex()} has it as {is_listed}"
            findings.defect("lost_card", defect, member=member, issue=issue)
