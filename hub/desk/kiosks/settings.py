"""What was last signed for each kiosk, what of it the kiosk has taken up, whether it still says what the registers say,
and how far its shares will last. As many statements for two kiosks as for two hundred. Reads only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import sqlalchemy as sa

from hub.desk.base.shares import coming_back
from hub.desk.events.queries import EventLine, events
from hub.desk.kiosks.queries import standings
from hub.intake.facts import lost_now, read_stored_manifest, shares_in_force
from hub.intake.values import Fold
from hub.service import Hub, instances
from hub.store.database import row, rows
from sync.keys import Instance
from sync.manifest import Event, Manifest, Share

SCARCE_PERCENT = 80
"""From here on a share is said to run short, at the desk as on the kiosk."""


class CarriedShare(NamedTuple):
    """A share and how much of it a kiosk's arrived grants have used. `coming_back` are points that were handed out for
    it and are in it no longer: the kiosk may still give them until it has the lower share.
    """

    share: Share
    used: int
    coming_back: int = 0

    @property
    def used_percent(self) -> int:
        """Return how much of the total is used; more than 100 means the reserve is in use."""
        return 100 * self.used // self.share.total if self.share.total else 100

    @property
    def lacking(self) -> int:
        """Return how many points more than share and reserve the arrived grants would take."""
        return max(0, self.used - self.share.total - self.share.reserve)


class ScarceShare(NamedTuple):
    """A share of which most is used while an event that it is for is not over."""

    kiosk: bytes
    kiosk_name: str
    total: int
    used: int


class Settings(NamedTuple):
    """What was last signed for a kiosk, and what of it the kiosk has named. `is_current` is false once something has
    changed since.
    """

    manifest: Manifest | None
    taken_version: int
    is_current: bool
    shares: list[CarriedShare]


class Present(NamedTuple):
    """What manifests signed now would say: the instance, the lost cards, and each kiosk's events and name."""

    instance: Instance
    lost_cards: frozenset[tuple[int, int]]
    events: dict[int, EventLine]
    assigned: dict[bytes, set[int]]
    names: dict[bytes, str]

    def is_said_by(self, kiosk: bytes, manifest: Manifest | None) -> bool:
        """Tell whether a kiosk's newest manifest says so."""
        return (
            manifest is not None
            and manifest.instance == self.instance
            and frozenset(manifest.lost_cards) == self.lost_cards
            and sorted(manifest.events) == self.events_of(kiosk)
            and dict(manifest.texts).get("kiosk", "") == self.names.get(kiosk, "")
        )

    def events_of(self, kiosk: bytes) -> list[Event]:
        """Return the events a kiosk serves, as a manifest holds them; one that was called off is in none."""
        lines = [self.events[event] for event in sorted(self.assigned.get(kiosk, set())) if event in self.events]
        return [line.event for line in lines if not line.is_called_off]


def present(connection: sa.Connection) -> Present:
    """Return what the registers say now."""
    assigned: dict[bytes, set[int]] = {}
    for one in rows(connection, _ASSIGNED):
        assigned.setdefault(bytes(one.kiosk), set()).add(one.event)
    names = {bytes(one.kiosk): one.name for one in rows(connection, _NAMES)}
    lines = {line.event.event: line for line in events(connection)}
    return Present(instances(connection)[-1], lost_now(connection), lines, assigned, names)


def settings_of(hub: Hub, connection: sa.Connection, kiosk: bytes) -> Settings:
    """Return a kiosk's settings and shares."""
    found = rows(connection, _NEWEST_MANIFESTS + "AND m.kiosk = :kiosk", kiosk=kiosk)
    manifest = read_stored_manifest(hub, bytes(found[0].encoded)) if found else None
    progress = row(connection, "SELECT fold FROM kiosk_progress WHERE kiosk = :kiosk", kiosk=kiosk)
    fold = Fold.unpack(bytes(progress.fold)) if progress else Fold()
    is_named = fold.manifest is not None and manifest is not None and fold.manifest[0] == manifest.instance
    used = dict(fold.used)
    shares = [
        CarriedShare(
            Share(allotment, total, reserve),
            used.get(allotment, 0),
            coming_back(connection, kiosk, allotment, total + reserve, used.get(allotment, 0)),
        )
        for allotment, (total, reserve) in sorted(shares_in_force(connection, kiosk).items())
    ]
    taken_version = fold.manifest[1] if fold.manifest is not None and is_named else 0
    return Settings(manifest, taken_version, present(connection).is_said_by(kiosk, manifest), shares)


def outdated_kiosks(hub: Hub, connection: sa.Connection) -> list[tuple[bytes, str]]:
    """Return (identity, name) of the kiosks in use whose settings no longer say what the registers say."""
    now = present(connection)
    newest = {
        bytes(one.kiosk): read_stored_manifest(hub, bytes(one.encoded)) for one in rows(connection, _NEWEST_MANIFESTS)
    }
    in_use = _in_use(connection, now.names)
    return [(kiosk, now.names[kiosk]) for kiosk in in_use if not now.is_said_by(kiosk, newest.get(kiosk))]


def scarce_shares(connection: sa.Connection, now_ms: int) -> list[ScarceShare]:
    """Return the shares that run short, of kiosks in use with an event that is going on or still to come."""
    names = {bytes(one.kiosk): one.name for one in rows(connection, _NAMES)}
    shares = {(bytes(one.kiosk), one.allotment): one.total for one in rows(connection, _SHARES)}
    used = {
        bytes(one.kiosk): dict(Fold.unpack(bytes(one.fold)).used)
        for one in rows(connection, "SELECT kiosk, fold FROM kiosk_progress")
    }
    lasting = {(bytes(one.kiosk), one.allotment) for one in rows(connection, _LASTING, now_ms=now_ms)}
    scarce = []
    for kiosk in _in_use(connection, names):
        for allotment, spent in sorted(used.get(kiosk, {}).items()):
            total = shares.get((kiosk, allotment), 0)
            if total and (kiosk, allotment) in lasting and 100 * spent >= SCARCE_PERCENT * total:
                scarce.append(ScarceShare(kiosk, names[kiosk], total, spent))
    return scarce


def events_of_kiosk(connection: sa.Connection, kiosk: bytes) -> set[int]:
    """Return the numbers of the events a kiosk serves."""
    return {one.event for one in rows(connection, _ASSIGNED + "AND a.kiosk = :kiosk", kiosk=kiosk)}


def events_ever_of(connection: sa.Connection, kiosk: bytes) -> set[int]:
    """Return the numbers of the events a kiosk serves or has served."""
    found = rows(connection, "SELECT DISTINCT event FROM assignment WHERE kiosk = :kiosk", kiosk=kiosk)
    return {one.event for one in found}


def _in_use(connection: sa.Connection, names: dict[bytes, str]) -> Iterable[bytes]:
    """Return the kiosks that are neither stopped nor withdrawn, by name."""
    away = {kiosk for kiosk, (said, _) in standings(connection).items() if said in {"stopped", "withdrawn"}}
    return sorted(names.keys() - away, key=lambda kiosk: (names[kiosk], kiosk))


_NAMES = """
    SELECT n.kiosk, n.name FROM kiosk_name n
    WHERE n.version = (SELECT max(version) FROM kiosk_name newest WHERE newest.kiosk = n.kiosk)
"""

_ASSIGNED = """
    SELECT a.kiosk, a.event FROM assignment a WHERE a.state = 'assigned'
     AND a.version = (SELECT max(version) FROM assignment newest
                      WHERE newest.kiosk = a.kiosk AND newest.event = a.event)
"""

_NEWEST_MANIFESTS = """
    SELECT m.kiosk, m.encoded FROM manifest m
    WHERE (m.instance_ms, m.version) = (SELECT instance_ms, version FROM manifest newest WHERE newest.kiosk = m.kiosk
                                        ORDER BY instance_ms DESC, version DESC LIMIT 1)
"""

_SHARES = """
    SELECT s.kiosk, s.allotment, s.total FROM share s
    WHERE (s.instance_ms, s.version) = (SELECT instance_ms, version FROM share newest
                                        WHERE newest.kiosk = s.kiosk AND newest.allotment = s.allotment
                                        ORDER BY instance_ms DESC, version DESC LIMIT 1)
"""

_LASTING = """
    SELECT DISTINCT a.kiosk, e.allotment FROM assignment a
    JOIN event e ON e.event = a.event AND e.state = 'open' AND e.ends_ms >= :now_ms
     AND e.version = (SELECT max(version) FROM event newest WHERE newest.event = e.event)
    WHERE a.state = 'assigned'
     AND a.version = (SELECT max(version) FROM assignment newest
                      WHERE newest.kiosk = a.kiosk AND newest.event = a.event)
"""
