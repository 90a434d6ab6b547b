"""What persons have done, and what each act has left: every record names an act of a kind that makes such a record,
with its very kiosk, member, event … in the act's own columns; and every act has a record to show for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping
from typing import Any, NamedTuple

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
        ("enrolment", "declined"): "invite kiosk, decline invitation",
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
    """One thing a person did: its typed columns are in `says`, those that are filled."""

    act: bytes
    kind: str
    done_ms: int
    says: Mapping[str, Any]


class Acts:
    """All acts, and what they have been found to have left behind."""

    def __init__(self, connection: sa.Connection, findings: Findings) -> None:
        self._findings = findings
        self._left: dict[bytes, Counter[str]] = {}
        self.by_key: dict[bytes, Act] = {}
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
        self._left[act.act][table] += 1
        if act.kind not in MADE_BY[table, how]:
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

    def left(self, act: bytes, table: str) -> int:
        """Return how many rows of a table an act has left."""
        return self._left[act][table]

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
                if is_read and not self._left[act.act][table]:
                    self._findings.defect("act", f"has no {table} to show for it", act=act.act)
                    self._findings.defect(table, f"missing, though an act made it: {act.kind}", act=act.act)

    def _read(self, one: Any) -> None:
        act = bytes(one.act)
        says = {column: _plain(getattr(one, column)) for column in TYPED if getattr(one, column) is not None}
        self.by_key[act] = Act(act, one.kind, one.done_ms, says)
        self._left[act] = Counter()
        if one.kind not in NEEDS:
            self._findings.defect("act", f"no such kind: {one.kind}", act=act)
        if one.role not in ROLES:
            self._findings.defect("act", f"no such role: {one.role}", act=act)
        for column in ("reason", "done_by"):
            if not getattr(one, column).strip():
                self._findings.defect("act", f"{column} is empty", act=act)
        for column, length in (("act", ACT_LENGTH), ("content", CONTENT_LENGTH)):
            if len(bytes(getattr(one, column))) != length:
                self._findings.defect("act", f"{column} has not {length} bytes", act=act)


def _plain(content: Any) -> Any:  # a driver's own values
    return bytes(content) if isinstance(content, memoryview) else content
