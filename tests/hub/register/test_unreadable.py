"""Dates and numbers nobody can read: the desk's forms refuse them, the hub signs no settings that hold them, and
settings that an older hub has signed with them stop neither a booth nor a page.
"""

from __future__ import annotations

import pytest
from desk_browser import Desk
from hub_invariants import broken_invariants
from hub_world import VISIT_POINTS, Booth, World, activities
from werkzeug.datastructures import MultiDict
from wire_samples import MORNING_MS
from wtforms import SelectField

from hub.acts import decisions
from hub.audit import audit
from hub.desk.base import closer, registers
from hub.desk.base.forms import (
    ActivityForm,
    AddMembersForm,
    AllotmentForm,
    EventForm,
    GapForm,
    RaiseForm,
    ShareForm,
    TopUpForm,
)
from hub.intake.facts import load_facts
from hub.register.manifests import ManifestRefused, assign, newest_manifest, newest_version, sign_manifest
from hub.register.reference import add_event, load_events
from hub.service import instances
from hub.store.database import Store, execute, rows
from sync.citytime import DAY_MS
from sync.codec import MOMENT_LIMIT
from sync.envelope import MANIFEST
from sync.manifest import Manifest, Share, write_manifest

YEAR_26_MS = -61_320_000_000_000
IN_TIME = "2020年から2099年まで"


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def kiosk_path(booth: Booth) -> str:
    return f"/desk/kiosks/{booth.kiosk.hex()}"


def event_at(world: World, starts_ms: int, ends_ms: int, event: int | None = None) -> int:
    """Write an event past the form, as an older hub has done."""
    return world.store.run(
        lambda connection: add_event(
            connection, "年をまちがえた", starts_ms, ends_ms, world.allotment, activities(), event
        )
    )


def sign_unread(world: World, booth: Booth) -> None:
    """Sign and keep the next settings without reading them back, as an older hub has done."""
    with world.store.transaction() as connection:
        instance = instances(connection)[-1]
        version = 1 + newest_version(connection, booth.kiosk, instance.opened_ms)
        events, shares = load_events(connection, booth.kiosk), (Share(world.allotment, 100_000, 0),)
        booth.manifest = Manifest(booth.kiosk, instance, version, world.now_ms, events, shares, (), (), ())
        execute(
            connection,
            """
            INSERT INTO manifest (kiosk, instance_ms, version, issued_ms, encoded)
            VALUES (:kiosk, :instance_ms, :version, :issued_ms, :encoded)
            """,
            kiosk=booth.kiosk,
            instance_ms=instance.opened_ms,
            version=version,
            issued_ms=world.now_ms,
            encoded=write_manifest(world.hub.keyring.signer(MANIFEST), booth.manifest),
        )


def with_unreadable_settings(world: World) -> tuple[Booth, int]:
    """Return a booth whose newest settings nobody can read, and the event to blame; three grants stand posted."""
    booth = world.booth()
    for person in range(3):
        booth.grant(person)
    booth.send()
    world.now_ms += 60_000
    event = event_at(world, YEAR_26_MS, MORNING_MS)
    world.store.run(lambda connection: assign(connection, booth.kiosk, event))
    sign_unread(world, booth)
    return booth, event


# the forms


@pytest.mark.parametrize(
    ("starts", "ends"),
    [
        ("0026-11-20T09:00", "2026-11-20T12:00"),
        ("2019-12-31T23:59", "2026-11-20T12:00"),
        ("2026-11-20T09:00", "2100-01-01T00:00"),
        ("2026-11-20T09:00", "9999-12-31T23:59"),
        ("0026-11-20T09:00", "0026-11-20T12:00"),
        ("9999-01-01T09:00", "9999-01-02T12:00"),
    ],
)
def test_an_event_outside_our_time_is_refused_beside_the_field(sqlite: Store, starts: str, ends: str) -> None:
    world = World(sqlite)
    desk = Desk(world.hub)
    typed = {"name": "清掃", "activities-0-name": "そうじ", "activities-0-points": "5", "starts": starts, "ends": ends}

    page = desk.submit(desk.get("/desk/events/new"), "/events/new", **typed)

    assert (page.status, IN_TIME in page.text) == (400, True)
    with world.store.reading() as connection:
        assert len(registers.events(connection)) == 1


def test_an_event_that_is_there_cannot_be_moved_outside_our_time(sqlite: Store) -> None:
    world = World(sqlite)
    desk = Desk(world.hub)
    address = f"/desk/events/{world.event}"

    page = desk.submit(desk.get(address), f"/events/{world.event}", ends="9999-12-31T23:59", reason="ずっと")

    assert (page.status, IN_TIME in page.text) == (400, True)
    with world.store.reading() as connection:
        line = registers.event_numbered(connection, world.event)
    assert line is not None
    assert line.version == 1


def test_the_first_and_the_last_minute_of_our_time_are_taken_and_can_be_signed(sqlite: Store) -> None:
    world = World(sqlite)
    desk = Desk(world.hub)
    booth = world.booth()
    typed = {"activities-0-name": "そうじ", "activities-0-points": "5"}
    window = {"starts": "2020-01-01T00:00", "ends": "2099-12-31T23:59"}

    desk.submit(desk.get("/desk/events/new"), "/events/new", name="いつも", **typed, **window)
    desk.submit(desk.get(kiosk_path(booth)), "/events", event="2")

    with world.store.reading() as connection:
        manifests = load_facts(world.hub, connection, booth.kiosk).manifests
    assert [len(manifest.events) for manifest in manifests.values()] == [1, 2]


@pytest.mark.parametrize("typed", ["-1", "1000000001", "9" * 30, "9" * 5_000, "1e3", "いち", "0.5"])
@pytest.mark.parametrize(
    ("form", "field"),
    [
        (AllotmentForm, "points"),
        (RaiseForm, "points"),
        (TopUpForm, "points"),
        (AddMembersForm, "count"),
        (ShareForm, "total"),
        (ShareForm, "reserve"),
        (ActivityForm, "daily_limit"),
    ],
)
def test_no_form_takes_a_number_beyond_its_bounds(sqlite: Store, form: type, field: str, typed: str) -> None:
    app = Desk(World(sqlite).hub).app

    with app.test_request_context():
        filled = form(MultiDict({field: typed, "name": "見本"}))
        for one in filled:
            if isinstance(one, SelectField) and one.choices is None:
                one.choices = []
        filled.validate()

    assert filled[field].errors


@pytest.mark.parametrize("typed", ["-1", "9" * 30, "9" * 5_000])
def test_no_number_that_a_page_has_put_in_can_be_made_larger_than_any_count(sqlite: Store, typed: str) -> None:
    app = Desk(World(sqlite).hub).app

    with app.test_request_context():
        gap = GapForm(MultiDict({"first": typed, "last": typed, "reason": "欠け"}))
        event = EventForm(MultiDict({"activities-0-activity": typed, "activities-0-name": "清掃"}))
        gap.validate()
        event.activities[0].form.validate()

    assert gap.first.errors
    assert gap.last.errors
    assert event.activities[0].form.activity.errors


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

    def work(connection: object) -> None:
        assign(connection, booth.kiosk, event)  # type: ignore[arg-type]
        sign_manifest(world.hub, connection, booth.kiosk, (Share(world.allotment, 200_000, 0),))  # type: ignore[arg-type]

    with pytest.raises(ManifestRefused, match=r"日時と数.*dates and numbers"):
        world.store.run(work)

    with world.store.reading() as connection:
        assert len(rows(connection, "SELECT 1 FROM manifest")) == 1
        assert len(rows(connection, "SELECT 1 FROM assignment")) == 1
    assert world.picture() == before
    assert world.shares(booth) == {world.allotment: 100_000}


def test_the_desk_says_so_where_settings_cannot_be_signed_and_signs_those_of_the_others(sqlite: Store) -> None:
    world = World(sqlite)
    bad, good = world.booth("受付1"), world.booth("受付2")
    desk = Desk(world.hub)
    event = event_at(world, YEAR_26_MS, MORNING_MS)

    assigned = desk.submit(desk.get(kiosk_path(bad)), "/events", event=str(event))
    world.store.run(lambda connection: assign(connection, bad.kiosk, event))
    changed = event_at(world, MORNING_MS, MORNING_MS + DAY_MS, world.event)
    one = desk.submit(desk.get(kiosk_path(bad)), "/settings")
    everybody = desk.submit(desk.get("/desk/kiosks/"), "/kiosks/settings")

    assert (assigned.status, one.status, everybody.status, changed) == (400, 200, 200, world.event)
    assert all("署名しませんでした" in page.text for page in (assigned, one, everybody))
    assert "1台の端末に新しい設定を用意しました" in everybody.text
    with world.store.reading() as connection:
        assert closer.outdated_kiosks(world.hub, connection) == [(bad.kiosk, "受付1")]
        assert newest_version(connection, good.kiosk, instances(connection)[-1].opened_ms) == 2


def test_a_top_up_of_a_booth_whose_settings_cannot_be_signed_is_refused(world: World) -> None:
    booth, _ = with_unreadable_settings(world)
    before = world.picture()

    with pytest.raises(decisions.ActRefused, match="署名しませんでした"):
        decisions.top_up(world.hub, booth.kiosk, world.allotment, 500, "もっと来た", "見本1")

    assert world.picture() == before


# what an older hub has left


def test_grants_under_settings_that_nobody_can_read_are_held_and_the_others_stay(world: World) -> None:
    booth, _ = with_unreadable_settings(world)
    booth.add(booth.opened())
    booth.grant(3)

    receipt = booth.send()
    decisions.judge_kiosks_at(world.hub, world.event)

    assert receipt.cursor == booth.head
    assert world.reasons(booth) == {6: ("held", "not this kiosk's")}
    assert world.verdicts(booth) == {"posted": (3, 3 * VISIT_POINTS), "held": (1, VISIT_POINTS)}
    assert broken_invariants(world) == []


def test_the_audit_names_settings_that_nobody_can_read_and_goes_on(world: World) -> None:
    booth, _ = with_unreadable_settings(world)
    booth.add(booth.opened())
    booth.grant(3)
    booth.send()

    found = [finding for finding in audit(world.store, world.hub.keyring) if not finding.is_note]

    assert [finding.table for finding in found] == ["manifest"]


def test_every_page_of_the_desk_is_shown_beside_settings_that_nobody_can_read(world: World) -> None:
    booth, event = with_unreadable_settings(world)
    booth.add(booth.opened())
    booth.grant(3)
    booth.send()
    desk = Desk(world.hub)
    kiosk = booth.kiosk.hex()

    pages = [
        desk.get(address)
        for address in (
            "/desk/",
            "/desk/kiosks/",
            kiosk_path(booth),
            f"{kiosk_path(booth)}/recount",
            "/desk/events/",
            f"/desk/events/{event}",
            "/desk/held/",
            f"/desk/held/{kiosk}/place",
            "/desk/organisations/",
            "/desk/acts",
        )
    ]

    assert [(page.path, page.status) for page in pages if page.status != 200] == []
    assert "担当でない活動" in pages[7].text


def test_once_the_event_is_put_right_new_settings_are_signed_and_what_was_held_can_be_released(world: World) -> None:
    booth, event = with_unreadable_settings(world)
    booth.add(booth.opened())
    held = booth.grant(3)
    booth.send()
    desk = Desk(world.hub)

    event_at(world, MORNING_MS, MORNING_MS + DAY_MS, event)
    told = desk.submit(desk.get(kiosk_path(booth)), "/settings").text
    decisions.release(world.hub, booth.kiosk, [held.hash], "主催者に確かめた", "見本1")

    assert "新しい端末設定を用意しました" in told
    with world.store.reading() as connection:
        assert newest_manifest(connection, booth.kiosk) is not None
        assert closer.outdated_kiosks(world.hub, connection) == []
    assert world.verdicts(booth) == {"posted": (4, 4 * VISIT_POINTS)}
    assert broken_invariants(world) == []
