"""Gathers what the judging of one kiosk depends on beside its entries: manifests, events, shares, lost cards,
decisions, fences, holes.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import sqlalchemy as sa

from hub.intake.chain import Line
from hub.intake.judge import EventNow, Facts
from hub.service import Hub
from hub.store.database import row, rows
from sync.batch import Head
from sync.codec import WireError
from sync.envelope import MANIFEST
from sync.keys import Instance
from sync.manifest import Manifest, read_manifest


class KioskRow(NamedTuple):
    """A kiosk the hub has let in."""

    kiosk: bytes
    public_key: bytes
    name: str
    organisation: int


def find_kiosk(connection: sa.Connection, kiosk: bytes) -> KioskRow | None:
    """Return a kiosk by its identity."""
    found = row(connection, "SELECT kiosk, public_key, name, organisation FROM kiosk WHERE kiosk = :kiosk", kiosk=kiosk)
    return (
        None if found is None else KioskRow(bytes(found.kiosk), bytes(found.public_key), found.name, found.organisation)
    )


def load_facts(hub: Hub, connection: sa.Connection, kiosk: bytes) -> Facts:
    """Return the facts for one kiosk; members are looked up later, for the batch at hand."""
    return Facts(
        manifests=_manifests(hub, connection, kiosk),
        events=_events(connection),
        shares={
            allotment: total + reserve for allotment, (total, reserve) in shares_in_force(connection, kiosk).items()
        },
        lost_cards=frozenset(
            (one.member, one.issue) for one in rows(connection, "SELECT member, issue FROM lost_card")
        ),
        decisions={
            bytes(one.hash): one.kind
            for one in rows(connection, "SELECT hash, kind FROM decision WHERE kiosk = :kiosk", kiosk=kiosk)
        },
    )


def shares_in_force(connection: sa.Connection, kiosk: bytes) -> dict[int, tuple[int, int]]:
    """Return {allotment: (total, reserve)} as last signed for a kiosk."""
    signed = rows(
        connection,
        """
        SELECT allotment, total, reserve FROM share WHERE kiosk = :kiosk ORDER BY instance_ms, version
        """,
        kiosk=kiosk,
    )
    return {one.allotment: (one.total, one.reserve) for one in signed}


def line_of(connection: sa.Connection, kiosk: bytes) -> Line | None:
    """Return the fence in force: the one with the lowest tip, because nothing after it was judged any more."""
    fences = rows(
        connection,
        "SELECT kind, tip_seq, tip_hash FROM fence WHERE kiosk = :kiosk ORDER BY tip_seq, since_ms, kind",
        kiosk=kiosk,
    )
    if not fences:
        return None
    return Line(Head(fences[0].tip_seq, bytes(fences[0].tip_hash)), fences[0].kind)


def accepted_holes(connection: sa.Connection, kiosk: bytes) -> dict[int, int]:
    """Return {first: last} of the holes a person has accepted."""
    found = rows(connection, "SELECT first_seq, last_seq FROM accepted_hole WHERE kiosk = :kiosk", kiosk=kiosk)
    return {one.first_seq: one.last_seq for one in found}


def _manifests(hub: Hub, connection: sa.Connection, kiosk: bytes) -> dict[tuple[Instance, int], Manifest]:
    found = rows(connection, "SELECT encoded FROM manifest WHERE kiosk = :kiosk", kiosk=kiosk)
    manifests = [stored_manifest(hub, bytes(one.encoded)) for one in found]
    return {(manifest.instance, manifest.version): manifest for manifest in manifests if manifest is not None}


def stored_manifest(hub: Hub, encoded: bytes) -> Manifest | None:
    """Return a manifest of the database, None where it cannot be read: then it is as if it were not there, and what was
    granted under it is held.

    Each is read once: they never change, and every batch asks for them.
    """
    if encoded not in hub.manifest_cache:
        try:
            hub.manifest_cache[encoded] = read_manifest(encoded, hub.keyring.verifying(MANIFEST))
        except WireError:
            hub.manifest_cache[encoded] = None
    return cast("Manifest | None", hub.manifest_cache[encoded])


def _events(connection: sa.Connection) -> dict[int, EventNow]:
    found = rows(connection, "SELECT event, starts_ms, ends_ms, allotment FROM event ORDER BY event, version")
    return {one.event: EventNow(one.starts_ms, one.ends_ms, one.allotment) for one in found}
