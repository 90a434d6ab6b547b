"""What a clerk in a simulated city sees before an act: the subjects there are, read from the hub's own tables.

Every list has one order, so that a number drawn beforehand picks the same thing on every engine.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from hub.intake.facts import accepted_holes, read_activities, shares_in_force
from hub.intake.progress import Progress, read_progress
from hub.service import Hub
from hub.store.database import rows
from simulator.booths import Machine
from simulator.town import World
from sync.enrolment import Invitation
from sync.manifest import Activity


@dataclass
class City:
    """The people and things a story is about, beside the hub's tables: what outsiders remember of it.

    `strangers` are numbers that no hub has given; `invitations` those that were shown and not answered yet.
    """

    world: World
    members: list[int] = field(default_factory=list)
    strangers: list[int] = field(default_factory=list)
    invitations: list[tuple[bytes, Invitation]] = field(default_factory=list)
    machines: list[Machine] = field(default_factory=list)
    made: int = 0

    def name(self, what: str) -> str:
        """Return a fresh sample name."""
        self.made += 1
        return f"見本{what}{self.made}"


class Desk:
    """What one clerk looks at. Reads only; `rows` hold what the hub has now."""

    def __init__(self, hub: Hub, city: City, connection: sa.Connection) -> None:
        self.hub = hub
        self.city = city
        self.connection = connection

    @property
    def now_ms(self) -> int:
        """The hub's time."""
        return self.hub.wall_ms()

    def rows(self, text: str, **parameters: Any) -> list[Any]:
        """Return rows of a query."""
        return rows(self.connection, text, **parameters)

    def organisations(self, state: str = "open") -> list[Any]:
        """Return the organisations in a state, as their newest versions say."""
        found = self.rows(_newest("organisation", "organisation"))
        return [one for one in found if one.state == state]

    def allotments(self) -> list[Any]:
        """Return all allotments."""
        return self.rows("SELECT * FROM allotment ORDER BY allotment")

    def events(self, state: str = "open") -> list[Any]:
        """Return the events in a state, as their newest versions say."""
        return [one for one in self.rows(_newest("event", "event")) if one.state == state]

    def versions_of(self, event: int) -> list[Any]:
        """Return all versions of an event, oldest first."""
        return self.rows("SELECT * FROM event WHERE event = :event ORDER BY version", event=event)

    def activities(self, event: int, version: int) -> tuple[Activity, ...]:
        """Return the activities of one version of an event."""
        return read_activities(self.connection, event, version)

    def members(self, state: str = "open") -> list[int]:
        """Return the numbers of accounts in a state."""
        found = self.rows(_newest("member", "bucket member"))
        return [one.member for one in found if one.state == state]

    def cards(self) -> list[Any]:
        """Return all cards."""
        return self.rows("SELECT bucket, member, issue FROM card ORDER BY bucket, member, issue")

    def lost_cards(self) -> list[Any]:
        """Return the cards that are listed as lost."""
        return [one for one in self.rows(_newest("lost_card", "bucket member issue")) if one.state == "lost"]

    def unknown_members(self) -> list[int]:
        """Return the numbers that have turned up in entries without the hub knowing them, and some that have not."""
        found = self.rows(
            """
            SELECT DISTINCT a.member FROM aside a WHERE a.member > 0 AND NOT EXISTS
              (SELECT 1 FROM member m WHERE m.bucket = a.bucket AND m.member = a.member AND m.state <> 'unknown')
            ORDER BY a.member
            """
        )
        return [*(one.member for one in found), *self.city.strangers[:3]]

    def kiosks(self) -> list[bytes]:
        """Return the kiosks the hub has let in, in order of their approval."""
        found = self.rows("SELECT kiosk FROM kiosk ORDER BY approved_ms, kiosk")
        return [bytes(one.kiosk) for one in found]

    def kiosk_names(self) -> list[Any]:
        """Return the newest name of each kiosk."""
        return self.rows(_newest("kiosk_name", "kiosk"))

    def assigned(self, kiosk: bytes) -> list[int]:
        """Return the events a kiosk serves."""
        found = self.rows("SELECT * FROM assignment WHERE kiosk = :kiosk ORDER BY event, version", kiosk=kiosk)
        newest = {one.event: one.state for one in found}
        return [event for event, state in newest.items() if state == "assigned"]

    def shares(self, kiosk: bytes) -> list[tuple[int, tuple[int, int]]]:
        """Return the shares of a kiosk: (allotment, (total, reserve))."""
        return sorted(shares_in_force(self.connection, kiosk).items())

    def enrolments(self, *states: str) -> list[bytes]:
        """Return the invitations in one of some states."""
        found = self.rows("SELECT enrolment, state FROM enrolment ORDER BY expires_ms, enrolment")
        return [bytes(one.enrolment) for one in found if one.state in states]

    def progress(self, kiosk: bytes) -> Progress:
        """Return how far a kiosk has come."""
        return read_progress(self.connection, kiosk)

    def holes(self, kiosk: bytes) -> list[int]:
        """Return the first numbers of the holes that stand accepted."""
        return sorted(accepted_holes(self.connection, kiosk))

    def lost_tails(self) -> list[Any]:
        """Return the tails that stand given up."""
        return [one for one in self.rows(_newest("lost_tail", "kiosk first_seq")) if one.state == "given up"]

    def replacements(self) -> list[Any]:
        """Return all versions of all replacements."""
        return self.rows("SELECT * FROM replacement ORDER BY kiosk, version")

    def boot_starts(self) -> list[Any]:
        """Return the newest answers about boots that stand."""
        return [one for one in self.rows(_newest("boot_start", "kiosk boot")) if one.started_ms is not None]

    def aside(self, *verdicts: str) -> list[Any]:
        """Return what lies aside under some verdicts."""
        found = self.rows("SELECT * FROM aside ORDER BY kiosk, seq, hash")
        return [one for one in found if one.verdict in verdicts]

    def posted(self) -> list[Any]:
        """Return the grants that stand posted: the last turn of each key that gives."""
        return self.rows(
            """
            SELECT t.* FROM transfer t WHERE t.points > 0 AND NOT EXISTS
              (SELECT 1 FROM transfer later WHERE later.event = t.event AND later.bucket = t.bucket
                 AND later.member = t.member AND later.activity = t.activity AND later.occasion = t.occasion
                 AND later.turn > t.turn)
            ORDER BY t.kiosk, t.seq, t.hash
            """
        )

    def decisions(self) -> list[Any]:
        """Return the newest decisions that are in force."""
        return [one for one in self.rows(_newest("decision", "kiosk seq hash")) if one.kind != "reopen"]


def names_of(found: Iterable[Any]) -> tuple[tuple[int, bytes], ...]:
    """Return the entries that some rows name: (number, hash)."""
    return tuple((one.seq, bytes(one.hash)) for one in found)


def _newest(table: str, key: str) -> str:
    """Return a query for the newest version of each subject. Table and key are this module's own words."""
    same = " AND ".join(f"later.{column} = t.{column}" for column in key.split())
    order = ", ".join(f"t.{column}" for column in key.split())
    later = f"SELECT 1 FROM {table} later WHERE {same} AND later.version > t.version"  # noqa: S608  # as said
    return f"SELECT t.* FROM {table} t WHERE NOT EXISTS ({later}) ORDER BY {order}"  # noqa: S608  # as said
