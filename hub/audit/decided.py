"""What persons have decided about entries, as the newest version of each subject says: decisions, lines, holes, lost
tails, replacements, and when boots began. Checks each row against its act.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise, takewhile
from typing import Any, NamedTuple

import sqlalchemy as sa

from hub.audit.acts import Acts
from hub.audit.findings import Findings
from hub.audit.reading import of_kiosks
from hub.audit.tree import Line, Place
from hub.audit.versions import by_subject
from hub.intake.reasons import Reason
from sync.citytime import DAY_MS

NEVER_SET_ASIDE = int(
    Reason.NOT_UNDERSTOOD
    | Reason.OCCASION
    | Reason.MEMBER_UNKNOWN
    | Reason.BEYOND_SHARE
    | Reason.HOLE
    | Reason.VOID_OF_NOTHING
    | Reason.CLOCK
)
"""What no release sets aside: each has an act of its own, or none."""


class Decision(NamedTuple):
    """The newest decision on an entry; `allotment` is what covers a release that no share covers, 0 where one does."""

    kind: str
    reasons: int
    allotment: int


class Hole(NamedTuple):
    """A version of a hole."""

    first_seq: int
    last_seq: int
    is_accepted: bool
    since_ms: int


class Replacement(NamedTuple):
    """Another event, activity and slot in the place of what a range of entries names that had arrived by then."""

    version: int
    first_seq: int
    last_seq: int
    from_event: int
    from_activity: int
    event: int
    activity: int
    slot: int
    allotment: int
    event_version: int
    since_ms: int


class Answer(NamedTuple):
    """A person's word: the boot's monotonic clock stood at 0 at `started_ms`. Known since `since_ms`."""

    started_ms: int
    since_ms: int


@dataclass
class Decided:
    """What has been decided about one kiosk. `replaced_ever` and `covers_ever` hold what was in force at any time,
    `replaced_at` when each replacement was said, by version.
    """

    decisions: dict[Place, Decision] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    holes: list[Hole] = field(default_factory=list)
    replacements: tuple[Replacement, ...] = ()
    replaced_ever: tuple[Replacement, ...] = ()
    replaced_at: dict[int, int] = field(default_factory=dict)
    covers_ever: set[int] = field(default_factory=set)
    answers: dict[bytes, Answer] = field(default_factory=dict)

    def fork(self) -> Line | None:
        """Return the line that a fork has drawn."""
        return next((line for line in self.lines if line.kind == "fork"), None)

    def drawn(self, by_ms: int | None = None) -> Line | None:
        """Return the newest line that a person has drawn, unless it was a resumption. It stands since the first one
        after the last resumption, or since the last one that believes more than the one before it.
        """
        own = [one for one in self.lines if one.kind != "fork" and (by_ms is None or one.since_ms <= by_ms)]
        standing = [*takewhile(lambda one: one.kind != "resumed", reversed(own))][::-1]
        if not standing:
            return None
        further = [after for before, after in pairwise(standing) if after.tip[0] > before.tip[0]]
        return standing[-1]._replace(since_ms=(further or standing)[-1 if further else 0].since_ms)

    def accepted(self, by_ms: int | None = None) -> dict[int, int]:
        """Return {first: last} of the holes that stand accepted, or stood so at a moment."""
        newest = {one.first_seq: one for one in self.holes if by_ms is None or one.since_ms <= by_ms}
        return {one.first_seq: one.last_seq for one in newest.values() if one.is_accepted}

    def accepted_at(self, moment_ms: int) -> list[dict[int, int]]:
        """Return {first: last} of the holes that stood accepted at a moment, as it was before and after each act of
        that very moment: where a clock was set back, several have the same.
        """
        newest = {one.first_seq: one for one in self.holes if one.since_ms < moment_ms}
        states = [dict(newest)]
        for one in self.holes:
            if one.since_ms == moment_ms:
                newest[one.first_seq] = one
                states.append(dict(newest))
        return [{one.first_seq: one.last_seq for one in state.values() if one.is_accepted} for state in states]

    def set_aside(self, place: Place) -> int:
        """Return the reasons that a release of an entry sets aside, where it may."""
        decision = self.decisions.get(place)
        return decision.reasons & ~NEVER_SET_ASIDE if decision is not None and decision.kind == "release" else 0

    def cover_of(self, place: Place) -> int:
        """Return the allotment out of which the release of an entry has brought its own cover, 0 for none."""
        decision = self.decisions.get(place)
        return decision.allotment if decision is not None and decision.kind == "release" else 0


Covers = Counter[tuple[bytes, bytes, int]]
"""Points that acts are to have moved from allotments to kiosks: by (act, kiosk, allotment)."""


def read_decided(
    connection: sa.Connection, acts: Acts, kiosks: Iterable[bytes] | None, findings: Findings
) -> tuple[Mapping[bytes, Decided], Covers]:
    """Check what was decided about some kiosks, or about all; return it, and the covers it asks for."""
    wanted = None if kiosks is None else sorted(kiosks)
    found: dict[bytes, Decided] = defaultdict(Decided)
    covers: Covers = Counter()
    _read_decisions(connection, acts, wanted, found, covers, findings)
    _read_lines(connection, acts, wanted, found, findings)
    _read_holes(connection, acts, wanted, found, findings)
    _read_tails(connection, acts, wanted, findings)
    _read_replacements(connection, acts, wanted, found, covers, findings)
    _read_answers(connection, acts, wanted, found, findings)
    return found, covers


def _read_decisions(
    connection: sa.Connection,
    acts: Acts,
    kiosks: list[bytes] | None,
    found: dict[bytes, Decided],
    covers: Covers,
    findings: Findings,
) -> None:
    """An act says how many entries it decides; a release that no share covers moves the points, and what takes the
    release back moves them back.
    """
    counts: Counter[bytes] = Counter()
    rows = of_kiosks(connection, "decision", "seq, hash, version", kiosks)
    for name, versions in by_subject("decision", rows, ("kiosk", "seq", "hash"), findings):
        covered: tuple[int, int] = (0, 0)
        for one in versions:
            act = acts.made("decision", one.kind, one.act, {**name, "version": one.version}, kiosk=name["kiosk"])
            counts[bytes(one.act)] += 1
            if act is not None:
                covered = _cover(one, covered, act.act, name, covers)
            found[name["kiosk"]].covers_ever.add(one.allotment)
            if act is not None and act.says.get("seq", name["seq"]) != name["seq"]:
                findings.defect("act", "names another entry than its decision", act=act.act)
            if act is not None and act.says.get("hash", name["hash"]) != name["hash"]:
                findings.defect("act", "names another entry than its decision", act=act.act)
            defect = _defect_of_decision(one)
            if defect:
                findings.defect("decision", defect, **name, version=one.version)
        newest = versions[-1]
        place = (name["seq"], name["hash"])
        found[name["kiosk"]].decisions[place] = Decision(newest.kind, newest.reasons, newest.allotment)
    for key, count in counts.items():
        act = acts.by_key.get(key)
        if act is not None and act.says.get("entries") != count:
            findings.defect("act", f"{count} decisions name it, it says {act.says.get('entries')}", act=key)
            findings.defect("decision", "one too many or missing: its act says another number", act=key)


def _defect_of_decision(one: Any) -> str:  # a row
    if (one.allotment != 0) != (one.points != 0) or one.points < 0:
        return "a cover needs an allotment and points"
    if one.kind != "release" and (one.reasons or one.allotment):
        return "only a release sets reasons aside and takes cover"
    if one.reasons & NEVER_SET_ASIDE:
        return "sets aside what no release may"
    return "a release sets something aside" if one.kind == "release" and not one.reasons else ""


def _cover(one: Any, covered: tuple[int, int], act: bytes, name: Mapping[str, Any], covers: Covers) -> tuple[int, int]:
    """Note what a decision moves: the cover of the decision before it goes back, its own comes."""
    before, now = covered, (one.allotment, one.points)
    if before != now:
        covers[act, name["kiosk"], before[0]] -= before[1]
        covers[act, name["kiosk"], now[0]] += now[1]
    return now


def _read_lines(
    connection: sa.Connection,
    acts: Acts,
    kiosks: list[bytes] | None,
    found: dict[bytes, Decided],
    findings: Findings,
) -> None:
    rows = of_kiosks(connection, "line", "version", kiosks)
    for name, versions in by_subject("line", rows, ("kiosk",), findings):
        for one in versions:
            whose = {**name, "version": one.version}
            tip = (one.tip_seq, bytes(one.tip_hash))
            found[name["kiosk"]].lines.append(Line(one.version, one.kind, tip, one.fork_seq, one.since_ms))
            if one.kind == "fork":
                if one.act is not None:
                    findings.defect("line", "a fork comes to light by itself, no act draws it", **whose)
                continue
            if one.fork_seq:
                findings.defect("line", "only a fork has a number", **whose)
            act = acts.made("line", one.kind, one.act, whose, kiosk=name["kiosk"])
            if act is not None and one.kind == "withdrawn" and act.says.get("seq") not in {None, one.tip_seq}:
                findings.defect("line", "its act names another last entry", **whose)
            if act is not None and not act.done_ms <= one.since_ms <= acts.newest_ms + DAY_MS:
                findings.defect("line", "drawn before its act was done, or long after", **whose)
                findings.defect("act", "done after its line was drawn", act=act.act)


def _read_holes(
    connection: sa.Connection,
    acts: Acts,
    kiosks: list[bytes] | None,
    found: dict[bytes, Decided],
    findings: Findings,
) -> None:
    rows = of_kiosks(connection, "hole", "first_seq, version", kiosks)
    for name, versions in by_subject("hole", rows, ("kiosk", "first_seq"), findings):
        for before, one in zip([None, *versions], versions, strict=False):
            whose = {**name, "version": one.version}
            act = acts.made("hole", one.state, one.act, whose, kiosk=name["kiosk"], first_seq=one.first_seq)
            if act is not None and one.state == "accepted" and act.says.get("last_seq") != one.last_seq:
                findings.defect("hole", "its act accepts another", **whose)
                findings.defect("act", f"accepts {one.first_seq}-{one.last_seq}", act=act.act)
            if not 1 <= one.first_seq <= one.last_seq:
                findings.defect("hole", "its numbers are none", **whose)
                continue
            if act is not None and not act.done_ms <= one.since_ms <= acts.newest_ms + DAY_MS:
                findings.defect("hole", "accepted or taken back before its act was done, or long after", **whose)
                findings.defect("act", "done after its hole was accepted or taken back", act=act.act)
            hole = Hole(one.first_seq, one.last_seq, one.state == "accepted", one.since_ms)
            found[name["kiosk"]].holes.append(hole)
            if one.state != "accepted" and before is not None and one.last_seq != before.last_seq:
                findings.defect("hole", "takes back another hole than was accepted", **whose)


def _read_tails(connection: sa.Connection, acts: Acts, kiosks: list[bytes] | None, findings: Findings) -> None:
    rows = of_kiosks(connection, "lost_tail", "first_seq, version", kiosks)
    for name, versions in by_subject("lost_tail", rows, ("kiosk", "first_seq"), findings):
        for before, one in zip([None, *versions], versions, strict=False):
            whose = {**name, "version": one.version}
            act = acts.made("lost_tail", one.state, one.act, whose, kiosk=name["kiosk"], first_seq=one.first_seq)
            if act is not None and one.state == "given up" and act.says.get("last_seq") != one.last_seq:
                findings.defect("lost_tail", "its act gives up another", **whose)
                findings.defect("act", f"gives up {one.first_seq}-{one.last_seq}", act=act.act)
            if one.state != "given up" and before is not None and one.last_seq != before.last_seq:
                findings.defect("lost_tail", "takes back another tail than was given up", **whose)


_RANGE = ("first_seq", "last_seq", "from_event", "from_activity", "event", "activity", "slot", "allotment")


def _read_replacements(
    connection: sa.Connection,
    acts: Acts,
    kiosks: list[bytes] | None,
    found: dict[bytes, Decided],
    covers: Covers,
    findings: Findings,
) -> None:
    """A version says of a range what holds from then on; of those in force the newest that covers an entry counts."""
    rows = of_kiosks(connection, "replacement", "version", kiosks)
    for name, versions in by_subject("replacement", rows, ("kiosk",), findings):
        newest: dict[tuple[int, ...], Any] = {}
        for one in versions:
            whose = {**name, "version": one.version}
            says = {"kiosk": name["kiosk"]}
            if one.state == "in force":
                says |= {column: getattr(one, column) for column in ("first_seq", "last_seq", "event", "activity")}
            act = acts.made("replacement", one.state, one.act, whose, **says)
            if one.state == "in force":
                given = {column: getattr(one, column) for column in _RANGE[:-1]}
                acts.check_content(act, "replacement", whose, kiosk=name["kiosk"], **given)
            subject = (one.first_seq, one.last_seq, one.from_event, one.from_activity)
            before = newest.get(subject)
            if one.state == "taken back" and (before is None or before.state == "taken back"):
                findings.defect("replacement", "takes back what is not in force", **whose)
            if one.state == "taken back" and before is not None:
                columns = (*_RANGE, "event_version", "points")
                differing = [column for column in columns if getattr(one, column) != getattr(before, column)]
                if differing:
                    findings.defect("replacement", f"takes back with another {', '.join(differing)}", **whose)
            if act is not None and not act.done_ms <= one.since_ms <= acts.newest_ms + DAY_MS:
                findings.defect("replacement", "said before its act was done, or long after", **whose)
                findings.defect("act", "done after its replacement was said", act=act.act)
            if act is not None:
                if before is not None and before.state == "in force":
                    covers[act.act, name["kiosk"], before.allotment] -= before.points
                if one.state == "in force":
                    covers[act.act, name["kiosk"], one.allotment] += one.points
            newest[subject] = one
        decided = found[name["kiosk"]]
        in_force = sorted((one for one in newest.values() if one.state == "in force"), key=lambda one: -one.version)
        decided.replacements = tuple(_replacement(one) for one in in_force)
        decided.replaced_ever = tuple(_replacement(one) for one in versions)
        decided.replaced_at = {
            one.version: known.done_ms
            for one in versions
            if one.state == "in force" and (known := acts.by_key.get(bytes(one.act))) is not None
        }


def _replacement(one: Any) -> Replacement:  # a row
    return Replacement(**{column: getattr(one, column) for column in Replacement._fields})


def _read_answers(
    connection: sa.Connection,
    acts: Acts,
    kiosks: list[bytes] | None,
    found: dict[bytes, Decided],
    findings: Findings,
) -> None:
    rows = of_kiosks(connection, "boot_start", "boot, version", kiosks)
    for name, versions in by_subject("boot_start", rows, ("kiosk", "boot"), findings):
        for one in versions:
            how = "taken back" if one.started_ms is None else "said"
            whose = {**name, "version": one.version}
            act = acts.made("boot_start", how, one.act, whose, kiosk=name["kiosk"])
            given = {"started_ms": one.started_ms} if how == "said" else {}
            acts.check_content(act, "boot_start", whose, kiosk=name["kiosk"], boot=name["boot"], **given)
            if act is not None and not act.done_ms <= one.since_ms <= acts.newest_ms + DAY_MS:
                findings.defect("boot_start", "known before its act was done, or long after", **whose)
                findings.defect("act", "done after its answer was known", act=act.act)
        newest = versions[-1]
        if newest.started_ms is not None:
            found[name["kiosk"]].answers[name["boot"]] = Answer(newest.started_ms, newest.since_ms)
