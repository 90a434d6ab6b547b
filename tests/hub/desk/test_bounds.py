"""Dates and numbers nobody can read: the desk's forms refuse them, and its pages stand beside what an older hub has
left.
"""

from __future__ import annotations

import pytest
from desk_browser import Desk
from desk_look import event_line, kiosk_path, manifest_of, type_event
from hub_world import Booth, World, activities
from werkzeug.datastructures import MultiDict
from wire_samples import MORNING_MS

from hub.desk.events.forms import ActivityForm, EventForm
from hub.desk.events.queries import events
from hub.desk.kiosks.forms import RangeForm, ReplaceForm, ShareChangeForm, ShareForm, WithdrawForm
from hub.desk.kiosks.settings import outdated_kiosks
from hub.desk.members.forms import AddMembersForm
from hub.desk.offices.forms import AllotmentForm, ChangeAllotmentForm
from hub.register.events import OPEN, EventVersion, load_events, write_event
from hub.register.manifests import newest_version
from hub.service import instances
from hub.store.database import insert, row
from sync.citytime import DAY_MS
from sync.envelope import MANIFEST
from sync.manifest import Manifest, Share, write_manifest

YEAR_26_MS = -61_320_000_000_000
IN_TIME = "2020年から2099年まで"


def event_past_the_form(world: World, event: int, version: int, starts_ms: int) -> int:
    """Write a version of an event as an older hub has done, with the act of the first one."""
    with world.store.transaction() as connection:
        act = bytes(row(connection, "SELECT act FROM event").act)
        made = EventVersion(event, version, "年をまちがえた", starts_ms, MORNING_MS + DAY_MS, world.allotment, OPEN)
        write_event(connection, made, activities(), act)
    return event


def with_unreadable_settings(world: World) -> tuple[Booth, int]:
    """A booth whose newest settings nobody can read, and the event to blame."""
    booth, event = world.booth(), event_past_the_form(world, 7, 1, YEAR_26_MS)
    with world.store.transaction() as connection:
        act = bytes(row(connection, "SELECT act FROM event").act)
        insert(connection, "assignment", kiosk=booth.kiosk, event=event, version=1, state="assigned", act=act)
        instance = instances(connection)[-1]
        version = 1 + newest_version(connection, booth.kiosk, instance.opened_ms)
        events_now, shares = load_events(connection, booth.kiosk), (Share(world.allotment, 100_000, 0),)
        booth.manifest = Manifest(booth.kiosk, instance, version, world.now_ms, events_now, shares, (), (), ())
        insert(
            connection,
            "manifest",
            kiosk=booth.kiosk,
            instance_ms=instance.opened_ms,
            version=version,
            issued_ms=world.now_ms,
            encoded=write_manifest(world.hub.keyring.signer(MANIFEST), booth.manifest),
            act=act,
        )
    booth.grant(3)
    booth.send()
    return booth, event


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
def test_an_event_outside_our_time_is_refused_beside_the_field(world: World, starts: str, ends: str) -> None:
    page = type_event(Desk(world.hub), starts=starts, ends=ends)

    assert (page.status, IN_TIME in page.text) == (400, True)
    with world.store.reading() as connection:
        assert len(events(connection)) == 1


def test_an_event_that_is_there_cannot_be_moved_outside_our_time(world: World) -> None:
    desk, address = Desk(world.hub), f"/desk/events/{world.event}"

    page = desk.submit(desk.get(address), f"/events/{world.event}", ends="9999-12-31T23:59", reason="ずっと")

    assert (page.status, IN_TIME in page.text) == (400, True)
    assert event_line(world, world.event).version == 1


def test_the_first_and_the_last_minute_of_our_time_are_taken_and_can_be_signed(world: World) -> None:
    desk, booth = Desk(world.hub), world.booth()

    type_event(desk, name="いつも", starts="2020-01-01T00:00", ends="2099-12-31T23:59")
    desk.submit(desk.get(kiosk_path(booth)), "/events", event="2", reason="いつも使う")

    assert [event.name for event in manifest_of(world, booth.kiosk).events] == ["見本まつり", "いつも"]


@pytest.mark.parametrize("typed", ["-1", "1000000001", "9" * 30, "9" * 5_000, "1e3", "いち", "0.5"])
@pytest.mark.parametrize(
    ("form", "field"),
    [
        (AllotmentForm, "points"),
        (ChangeAllotmentForm, "points"),
        (ShareChangeForm, "points"),
        (AddMembersForm, "count"),
        (ShareForm, "total"),
        (ShareForm, "reserve"),
        (ActivityForm, "daily_limit"),
    ],
)
def test_no_form_takes_a_number_beyond_its_bounds(world: World, form: type, field: str, typed: str) -> None:
    app = Desk(world.hub).app

    with app.test_request_context():
        filled = form(MultiDict({field: typed, "name": "見本"}))
        filled.validate()

    assert filled[field].errors


@pytest.mark.parametrize("typed", ["-1", "9" * 30, "9" * 5_000])
def test_no_number_of_a_record_can_be_made_larger_than_any_count(world: World, typed: str) -> None:
    app = Desk(world.hub).app

    with app.test_request_context():
        gap = RangeForm(MultiDict({"first": typed, "last": typed, "reason": "欠け"}))
        replace = ReplaceForm(MultiDict({"first": typed, "last": typed, "reason": "欠け"}))
        withdraw = WithdrawForm(MultiDict({"believed": typed, "reason": "盗難"}))
        event = EventForm(MultiDict({"activities-0-activity": typed, "activities-0-name": "清掃"}))
        for form in (gap, replace, withdraw, event.activities[0].form):
            form.validate()

    assert all([gap.first.errors, gap.last.errors, replace.first.errors, replace.last.errors, withdraw.believed.errors])
    assert event.activities[0].form.activity.errors


@pytest.mark.parametrize("chosen", ["", "1", "1.2.3.4", "a.b", "1.-2", "9" * 20 + ".1", "1.2 "])
def test_a_choice_that_was_not_offered_is_refused(world: World, chosen: str) -> None:
    desk, booth = Desk(world.hub), world.booth()
    booth.grant(0)
    booth.send()

    page = desk.submit(
        desk.get(kiosk_path(booth)), "/replace", first="2", last="2", signed=chosen, meant=chosen, reason="見本"
    )

    assert (page.status, "一覧からえらびなおしてください" in page.text) == (400, True)


def test_every_page_of_the_desk_is_shown_beside_settings_that_nobody_can_read(world: World) -> None:
    booth, event = with_unreadable_settings(world)
    desk, kiosk = Desk(world.hub), booth.kiosk.hex()
    addresses = ["/desk/", "/desk/kiosks/", kiosk_path(booth), f"{kiosk_path(booth)}/recount", "/desk/events/"]
    addresses += [f"/desk/events/{event}", "/desk/held/", f"/desk/held/{kiosk}/place", "/desk/organisations/"]

    pages = [desk.get(address) for address in (*addresses, "/desk/acts/")]

    assert [(page.path, page.status) for page in pages if page.status != 200] == []
    assert "担当でない活動" in pages[7].text


def test_the_desk_says_so_where_settings_cannot_be_signed_and_signs_those_of_the_others(world: World) -> None:
    bad, _ = with_unreadable_settings(world)
    good, desk = world.booth("受付2"), Desk(world.hub)
    event_past_the_form(world, world.event, 2, MORNING_MS)

    one = desk.submit(desk.get(kiosk_path(bad)), "/settings")
    everybody = desk.submit(desk.get("/desk/kiosks/"), "/kiosks/settings")

    assert all("署名しませんでした" in page.text for page in (one, everybody))
    assert "1台の端末に新しい設定を用意しました" in everybody.text
    with world.store.reading() as connection:
        assert [kiosk for kiosk, _ in outdated_kiosks(world.hub, connection)] == [bad.kiosk]
        assert newest_version(connection, good.kiosk, instances(connection)[-1].opened_ms) == 2


def test_once_the_event_is_put_right_new_settings_are_signed(world: World) -> None:
    booth, event = with_unreadable_settings(world)
    desk = Desk(world.hub)
    event_past_the_form(world, event, 2, MORNING_MS)

    told = desk.submit(desk.get(kiosk_path(booth)), "/settings").text

    assert "新しい端末設定を用意しました" in told
    with world.store.reading() as connection:
        assert outdated_kiosks(world.hub, connection) == []
