"""Dates and numbers nobody can read: the hub signs no settings that hold them, and settings that an older hub has
signed with them stop no booth.
"""

from __future__ import annotations

import pytest
from hub_invariants import broken_invariants
from hub_world import VISIT_POINTS, Booth, World, activities
from wire_samples import MORNING_MS

from hub.acts.decisions import release
from hub.acts.events import change_event
from hub.acts.kiosks import assign_event, renew_settings, top_up
from hub.acts.refusals import ActRefused, Refusal
from hub.audit import audit
from hub.intake.reasons import Reason
from hub.register.events import OPEN, EventVersion, load_events, write_event
from hub.register.manifests import newest_manifest, newest_version
from hub.service import instances
from hub.store.database import Store, insert, row, rows
from sync.citytime import DAY_MS
from sync.codec import MOMENT_LIMIT
from sync.envelope import MANIFEST
from sync.manifest import Manifest, Share, read_manifest, write_manifest

YEAR_26_MS = -61_320_000_000_000


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def event_at(world: World, starts_ms: int, ends_ms: int) -> int:
    """Write an event past the act, as an older hub has done."""
    with world.store.transaction() as connection:
        event = 1 + int(row(connection, "SELECT max(event) AS event FROM event").event)
        act = bytes(row(connection, "SELECT act FROM event").act)
        version = EventVersion(event, 1, "年をまちがえた", starts_ms, ends_ms, world.allotment, OPEN)
        write_event(connection, version, activities(), act)
    return event


def assign_past_the_act(world: World, booth: Booth, event: int) -> None:
    with world.store.transaction() as connection:
        act = bytes(row(connection, "SELECT act FROM event").act)
        insert(connection, "assignment", kiosk=booth.kiosk, event=event, version=1, state="assigned", act=act)


def sign_unread(world: World, booth: Booth) -> None:
    """Sign and keep the next settings without reading them back, as an older hub has done."""
    with world.store.transaction() as connection:
        instance = instances(connection)[-1]
        version = 1 + newest_version(connection, booth.kiosk, instance.opened_ms)
        events, shares = load_events(connection, booth.kiosk), (Share(world.allotment, 100_000, 0),)
        booth.manifest = Manifest(booth.kiosk, instance, version, world.now_ms, events, shares, (), (), ())
        insert(
            connection,
            "manifest",
            kiosk=booth.kiosk,
            instance_ms=instance.opened_ms,
            version=version,
            issued_ms=world.now_ms,
            encoded=write_manifest(world.hub.keyring.signer(MANIFEST), booth.manifest),
            act=bytes(row(connection, "SELECT act FROM event").act),
        )


def with_unreadable_settings(world: World) -> tuple[Booth, int]:
    """Return a booth whose newest settings nobody can read, and the event to blame; three grants stand posted."""
    booth = world.booth()
    for person in range(3):
        booth.grant(person)
    booth.send()
    world.now_ms += 60_000
    event = event_at(world, YEAR_26_MS, MORNING_MS)
    assign_past_the_act(world, booth, event)
    sign_unread(world, booth)
    return booth, event


# signing


@pytest.mark.parametrize(
    ("starts_ms", "ends_ms"), [(YEAR_26_MS, MORNING_MS), (MORNING_MS, MOMENT_LIMIT), (MOMENT_LIMIT, MOMENT_LIMIT + 1)]
)
def test_settings_that_cannot_be_read_back_are_refused_in_words_and_nothing_of_them_is_kept(
    world: World, starts_ms: int, ends_ms: int
) -> None:
    booth = world.booth()
    event = event_at(world, starts_ms, ends_ms)
    before = world.picture()

    with pytest.raises(ActRefused, match=r"日時と数.*dates and numbers") as refused:
        world.do(assign_event, booth.kiosk, event)

    with world.store.reading() as connection:
        assert len(rows(connection, "SELECT 1 FROM manifest")) == 1
        assert len(rows(connection, "SELECT 1 FROM assignment")) == 1
    assert refused.value.refusal is Refusal.NOT_SIGNED
    assert world.picture() == before
    assert world.shares(booth) == {world.allotment: 100_000}


def test_a_top_up_of_a_booth_whose_settings_cannot_be_signed_is_refused(world: World) -> None:
    booth, _ = with_unreadable_settings(world)
    before = world.picture()

    with pytest.raises(ActRefused, match="署名しませんでした"):
        world.do(top_up, booth.kiosk, world.allotment, 500)

    assert world.picture() == before


# what an older hub has left


def test_grants_under_settings_that_nobody_can_read_are_held_and_the_others_stay(world: World) -> None:
    booth, _ = with_unreadable_settings(world)
    booth.add(booth.opened())
    booth.grant(3)

    receipt = booth.send()
    window = (MORNING_MS, MORNING_MS + DAY_MS // 3)
    world.do(change_event, world.event, 1, "見本の日", *window, world.allotment, activities())

    assert receipt.cursor == booth.head
    assert world.reasons(booth) == {6: ("held", Reason.NOT_THIS_KIOSKS)}
    assert world.verdicts(booth) == {"posted": (3, 3 * VISIT_POINTS), "held": (1, VISIT_POINTS)}
    assert broken_invariants(world) == []


def test_the_audit_names_settings_that_nobody_can_read_and_goes_on(world: World) -> None:
    booth, _ = with_unreadable_settings(world)
    booth.add(booth.opened())
    booth.grant(3)
    booth.send()

    found = [finding for finding in audit(world.store, world.hub.keyring) if not finding.is_note]

    assert "manifest" in {finding.table for finding in found}


def test_once_the_event_is_put_right_new_settings_are_signed_and_what_was_held_can_be_released(world: World) -> None:
    booth, event = with_unreadable_settings(world)
    booth.add(booth.opened())
    booth.grant(3)
    booth.send()

    window = (MORNING_MS, MORNING_MS + DAY_MS)
    world.do(change_event, event, 1, "年をなおした", *window, world.allotment, activities())
    world.do(renew_settings, booth.kiosk)
    world.do(release, booth.kiosk, ((6, booth.entries[5].hash),), int(Reason.NOT_THIS_KIOSKS))

    with world.store.reading() as connection:
        newest = newest_manifest(connection, booth.kiosk)
    assert newest is not None
    signed = read_manifest(newest, world.hub.keyring.verifying(MANIFEST))
    assert [one.event for one in signed.events] == [world.event, event]
    assert world.verdicts(booth) == {"posted": (4, 4 * VISIT_POINTS)}
    assert broken_invariants(world) == []
