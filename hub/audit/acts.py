"""What persons have done, and what each act has left: every record names an act of a kind that makes such a record,
with its very kiosk, member, event … in the act's own columns; and every act has a record to show for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Mapping
from typing import Any, NamedTuple

import cbor2
import sqlalchemy as sa

from hub.audit.findings import Findings
from hub.audit.reading import stream

ACT_LENGTH = 16
CONTENT_LENGTH = 32
ROLES = frozenset({"clerk", "administrator"})

MADE_BY: Mapping[tuple[str, str], frozenset[str]] = {
    key: frozenset(kinds.split(", "))
    for key, kinds in {
        ("organisation", "first"): "add organisation",
        ("organisation", "changed"): "change organisation",
        ("organisation", "closed"): "close organisation",
        ("organisation", "open"): "reopen organisation",
        ("allotment", ""): "add allotment",
        ("event", "first"): "add event",
        ("event", "changed"): "change event",
        ("event", "called off"): "call off event",
        ("event", "open"): "take up event",
        ("member", "first"): "add members, make known",
        ("member", "open"): "make known, reopen account",
        ("member", "ended"): "end account",
        ("member", "unknown"): "make unknown",
        ("card", "first"): "add members, make known",
        ("card", "next"): "lose card, make known",
        ("lost_card", "lost"): "lose card",
        ("lost_card", "found"): "find card",
        ("kiosk", ""): "approve kiosk",
        ("kiosk_name", "first"): "approve kiosk, rename kiosk",
        ("kiosk_name", "next"): "rename kiosk",
        ("assignment", "assigned"): "approve kiosk, assign event",
        ("assignment", "removed"): "remove event",
        ("manifest", ""): "approve kiosk, assign event, remove event, renew settings, top up, lower share",
        ("movement", "share back"): "approve kiosk, assign event, remove event, renew settings, top up, lower share",
        ("movement", "cover"): "release, replace range",
        ("movement", "cover back"): "release, dismiss, reopen decision, replace range, take back replacement",
        ("movement", "share"): "approve kiosk, top up, stop kiosk, withdraw kiosk, resume kiosk",
        ("movement", "budget"): "add allotment, raise allotment",
        ("movement", "budget back"): "lower allotment",
        ("decision", "release"): "release",
        ("decision", "dismiss"): "dismiss",
        ("decision", "reopen"): "reopen decision",
        ("line", "stopped"): "stop kiosk",
        ("line", "withdrawn"): "withdraw kiosk",
        ("line", "resumed"): "resume kiosk",
        ("hole", "accepted"): "accept hole",
        ("hole", "taken back"): "take back hole",
        ("lost_tail", "given up"): "give up tail",
        ("lost_tail", "taken back"): "take back tail",
        ("replacement", "in force"): "replace range",
        ("replacement", "taken back"): "take back replacement",
        ("boot_start", "said"): "say boot start",
        ("boot_start", "taken back"): "take back boot start",
        ("enrolment", "invited"): "invite kiosk",
    }.items()
}
"""Which kinds of act make which rows (docs/acts.md)."""

NEEDS: Mapping[str, tuple[str, ...]] = {
    **{kind: (table,) for (table, _), kinds in MADE_BY.items() for kind in kinds},
    "add organisation": ("organisation",),
    "add allotment": ("allotment", "movement"),
    "raise allotment": ("movement",),
    "lower allotment": ("movement",),
    "add event": ("event",),
    "add members": ("member", "card"),
    "make known": ("member", "card"),
    "lose card": ("lost_card", "card"),
    "approve kiosk": ("kiosk", "kiosk_name", "manifest"),
    "rename kiosk": ("kiosk_name",),
    "assign event": ("assignment", "manifest"),
    "remove event": ("assignment", "manifest"),
    "renew settings": ("manifest",),
    "top up": ("manifest",),
    "lower share": ("manifest",),
    "release": ("decision",),
    "dismiss": ("decision",),
    "reopen decision": ("decision",),
    "replace range": ("replacement",),
    "take back replacement": ("replacement",),
    "stop kiosk": ("line",),
    "withdraw kiosk": ("line",),
    "resume kiosk": ("line",),
    "decline invitation": (),
    "trust clock": (),
}
"""In which tables each kind of act leaves a row at the least."""

_SAYS: Mapping[str, str] = {
    "add organisation": "organisation",
    "change organisation": "organisation",
    "close organisation": "organisation",
    "reopen organisation": "organisation",
    "add allotment": "organisation allotment points",
    "raise allotment": "allotment points",
    "lower allotment": "allotment points",
    "add event": "event allotment",
    "change event": "event allotment",
    "call off event": "event",
    "take up event": "event",
    "add members": "",
    "make known": "member",
    "make unknown": "member",
    "end account": "member",
    "reopen account": "member",
    "lose card": "member issue",
    "find card": "member issue",
    "invite kiosk": "organisation enrolment",
    "decline invitation": "enrolment",
    "approve kiosk": "kiosk enrolment",
    "rename kiosk": "kiosk organisation",
    "assign event": "kiosk event",
    "remove event": "kiosk event",
    "renew settings": "kiosk",
    "top up": "kiosk allotment points",
    "lower share": "kiosk allotment points",
    "stop kiosk": "kiosk",
    "withdraw kiosk": "kiosk",
    "resume kiosk": "kiosk",
    "accept hole": "kiosk first_seq last_seq",
    "take back hole": "kiosk first_seq",
    "give up tail": "kiosk first_seq last_seq",
    "take back tail": "kiosk first_seq",
    "replace range": "kiosk first_seq last_seq event activity",
    "take back replacement": "kiosk",
    "say boot start": "kiosk",
    "take back boot start": "kiosk",
    "release": "kiosk entries",
    "dismiss": "kiosk entries",
    "reopen decision": "kiosk entries",
    "trust clock": "",
}
"""Which of its typed columns each kind of act fills."""
_MAY_SAY = {kind: {"seq", "hash"} for kind in ("withdraw kiosk", "release", "dismiss", "reopen decision")}
"""Those that it fills only where a person has named one entry."""
_SAYS_ALL = _SAYS.keys() - {
    *("add organisation", "change organisation", "close organisation", "reopen organisation", "add allotment"),
    *("add event", "change event"),
    *("call off event", "take up event", "add members", "invite kiosk", "approve kiosk", "rename kiosk"),
    *("withdraw kiosk", "replace range", "take back replacement", "say boot start", "take back boot start"),
    *("release", "dismiss", "reopen decision"),
}
"""Acts whose typed columns are all there is to them: their content is the hash of these."""
_LEAVES_MANY = frozenset(
    {("add members", "member"), ("add members", "card")}
    | {(kind, "decision") for kind in ("release", "dismiss", "reopen decision")}
)
"""Where an act leaves as many rows as a person wanted."""

_TABLES_OF = {
    **dict.fromkeys(("organisation", "allotment", "event", "movement")),
    **dict.fromkeys(("member", "card", "lost_card"), "member"),
    **dict.fromkeys(
        ("kiosk", "kiosk_name", "assignment", "manifest", "decision", "line", "hole", "lost_tail"), "kiosk"
    ),
    **dict.fromkeys(("replacement", "boot_start"), "kiosk"),
    "enrolment": "nobody",
}
"""Whose rows a table holds, where only some kiosks and members are looked at; None: always everything."""

_TYPED = "kiosk seq hash first_seq last_seq event activity member issue organisation allotment points entries enrolment"
TYPED = (*_TYPED.split(), "takes_back")


class Act(NamedTuple):
    """One thing a person did: its typed columns are in `says`, those that are filled; `content` is the hash of all that
    it was given.
    """

    act: bytes
    kind: str
    done_ms: int
    content: bytes
    says: Mapping[str, Any]


class Acts:
    """All acts, and what they have been found to have left behind."""

    def __init__(self, connection: sa.Connection, findings: Findings) -> None:
        self._findings = findings
        self._left: dict[bytes, dict[str, list[Mapping[str, object]]]] = {}
        self.by_key: dict[bytes, Act] = {}
        founded = next(stream(connection, "SELECT min(opened_ms) AS opened_ms FROM instance"))
        self._founded_ms = founded.opened_ms or 0
        self.newest_ms = _newest_moment(connection)
        for one in stream(connection, "SELECT * FROM act ORDER BY act"):
            self._read(one)

    def made(
        self, table: str, how: str, encoded_act: Any, name: Mapping[str, object], **says: object
    ) -> Act | None:  # a driver's bytes
        """Hold a record against the act that it names; `how` tells which of the acts on a table it must be, `says` what
        the act must say in its own columns. Returns the act.
        """
        if encoded_act is None:
            self._findings.defect(table, "no act made it", **name)
            return None
        act = self.by_key.get(bytes(encoded_act))
        if act is None:
            self._findings.defect(table, "its act is not in the books", **name)
            self._findings.defect("act", f"missing, though a row of {table} names it", act=bytes(encoded_act))
            return None
        self._left[act.act].setdefault(table, []).append(name)
        kinds = MADE_BY.get((table, how))
        if kinds is None:
            self._findings.defect(table, f"no such kind or state: {how}", **name)
            return act
        if act.kind not in kinds:
            self._findings.defect(table, f"an act of its kind makes no such row: {act.kind}", **name)
            self._findings.defect("act", f"{act.kind} makes no such row of {table}", act=act.act)
            return act
        for column, wanted in says.items():
            if act.says.get(column) != wanted:
                self._findings.defect(table, f"its act says another {column}", **name)
                self._findings.defect("act", f"says another {column} than its row of {table}", act=act.act)
        return act

    def named(self, table: str, encoded_act: Any, name: Mapping[str, object]) -> Act | None:  # a driver's bytes
        """Return the act that a row of the ledger or of progress names as its cause; None where it names none."""
        if encoded_act is None:
            return None
        act = self.by_key.get(bytes(encoded_act))
        if act is None:
            self._findings.defect(table, "its act is not in the books", **name)
            self._findings.defect("act", f"missing, though a row of {table} names it", act=bytes(encoded_act))
        return act

    def check_content(self, act: Act | None, table: str, name: Mapping[str, object], **arguments: object) -> None:
        """Hold what an act was given, as a row of its own says, against the hash that the act keeps of it."""
        if act is not None and _content_of(act.kind, arguments) != act.content:
            self._findings.defect(table, "not what its act was given", **name)
            self._findings.defect("act", f"its content is not that of its row of {table}", act=act.act)

    def check_all_left_something(
        self, kiosks: Container[bytes] | None = None, members: Container[int] | None = None
    ) -> None:
        """Name the acts that have nothing to show for them, once all tables have been read; where only some kiosks and
        members were looked at, the acts on these, and on what is neither.
        """
        for act in self.by_key.values():
            for table in NEEDS.get(act.kind, ()):
                whose = _TABLES_OF.get(table)
                is_read = kiosks is None or (
                    whose is None
                    or (whose == "kiosk" and act.says.get("kiosk") in kiosks)
                    or (whose == "member" and act.says.get("member") in (members or ()))
                )
                left = self._left[act.act].get(table, [])
                if len(left) > 1 and table != "movement" and (act.kind, table) not in _LEAVES_MANY:
                    self._findings.defect("act", f"has left {len(left)} rows of {table}", act=act.act)
                    for name in left:
                        self._findings.defect(table, "one of several that its act has left", **name)
                if is_read and not left:
                    self._findings.defect("act", f"has no {table} to show for it", act=act.act)
                    self._findings.defect(table, f"missing, though an act made it: {act.kind}", act=act.act)

    def _read(self, one: Any) -> None:
        act = bytes(one.act)
        says = {column: _plain(getattr(one, column)) for column in TYPED if getattr(one, column) is not None}
        self.by_key[act] = Act(act, one.kind, one.done_ms, bytes(one.content), says)
        self._left[act] = {}
        if one.kind in _SAYS_ALL and _content_of(one.kind, says) != bytes(one.content):
            self._findings.defect("act", "its content is not what its columns say", act=act)
        if one.kind not in NEEDS:
            self._findings.defect("act", f"no such kind: {one.kind}", act=act)
        wrong = set(says).symmetric_difference(_SAYS.get(one.kind, "").split()) - _MAY_SAY.get(one.kind, set())
        if wrong:
            self._findings.defect("act", f"{one.kind} says too much or too little: {', '.join(sorted(wrong))}", act=act)
        if one.done_ms < self._founded_ms:
            self._findings.defect("act", "done before this hub was founded", act=act)
        if one.role not in ROLES:
            self._findings.defect("act", f"no such role: {one.role}", act=act)
        for column in ("reason", "done_by"):
            if not getattr(one, column).strip():
                self._findings.defect("act", f"{column} is empty", act=act)
        for column, length in (("act", ACT_LENGTH), ("content", CONTENT_LENGTH)):
            if len(bytes(getattr(one, column))) != length:
                self._findings.defect("act", f"{column} has not {length} bytes", act=act)


def _newest_moment(connection: sa.Connection) -> int:
    """Return the newest moment at which something came or was done that another thing may be due to."""
    text = """
        SELECT max(moment) AS moment FROM (
            SELECT max(last_contact_ms) AS moment FROM kiosk_progress UNION ALL SELECT max(done_ms) FROM act
        ) AS known
    """
    return int(next(stream(connection, text)).moment or 0)


def _content_of(kind: str, arguments: Mapping[str, object]) -> bytes:
    """Return the hash of an act's kind and of all it was given, by name."""
    return hashlib.sha256(cbor2.dumps([kind, sorted(arguments.items())])).digest()


def _plain(content: Any) -> Any:  # a driver's own values
    return bytes(content) if isinstance(content, memoryview) else content
