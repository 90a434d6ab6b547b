"""Members and their cards."""

from __future__ import annotations

import pytest
from desk_browser import Desk
from desk_look import kiosk_path
from desk_scene import STRANGER, Scene, busy
from hub_world import HELP, World

from hub.desk.members.queries import joined_by, member_counts, member_file, newest_joins
from hub.desk.records import recount as recounting
from hub.intake.reasons import Reason
from hub.store.database import Store
from sync.citytime import city_day
from sync.member import printed


@pytest.fixture
def world(sqlite: Store) -> World:
    return World(sqlite)


@pytest.fixture
def scene(world: World) -> Scene:
    return busy(world)


@pytest.fixture
def either(store: Store) -> World:
    """The same on both engines, one after the other."""
    return World(store)


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world.hub)


def test_members_are_added_and_their_cards_can_be_printed(world: World, desk: Desk) -> None:
    world.now_ms += 1_000

    told = desk.submit(desk.get("/desk/members/"), "/members/", count="12")
    link = next(link for link in told.links if link.endswith(".pdf"))
    sheet = desk.client.get(link)

    with world.store.reading() as connection:
        assert member_counts(connection) == {"open": 52}
        newest = newest_joins(connection, 1)[0]
        assert (newest.members, len(joined_by(connection, newest.act))) == (12, 12)
    assert (sheet.status_code, sheet.mimetype) == (200, "application/pdf")
    assert sheet.data.startswith(b"%PDF-")
    assert sheet.headers["Content-Disposition"].startswith("attachment")


def test_a_member_is_found_by_the_number_as_it_is_printed(world: World, desk: Desk) -> None:
    number = printed(world.members[0])

    found = desk.client.get("/desk/members/", query_string={"number": number}, follow_redirects=True)
    slip = desk.client.get("/desk/members/", query_string={"number": number[:-1] + "0"})
    nobody = desk.get(f"/desk/members/{STRANGER}")

    assert found.request.path == f"/desk/members/{world.members[0]}"
    assert slip.status_code in {400, 302}
    assert nobody.status == 404


def test_a_members_page_shows_balance_cards_and_what_the_points_were_for(world: World, desk: Desk) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.send()

    page = desk.get(f"/desk/members/{world.members[0]}")

    assert "残高 balance 50 P" in page.text
    assert "見本まつり 来場 受付1 50" in page.text
    assert "1枚目(紙のカード" in page.text


def test_a_lost_card_gets_a_successor_and_the_person_keeps_the_account(either: World) -> None:
    world, desk = either, Desk(either.hub)
    member = world.members[0]
    page = desk.get(f"/desk/members/{member}")

    desk.submit(page, "/lost", reason="電車でなくした")
    again = desk.submit(page, "/lost", reason="もう一度")

    with world.store.reading() as connection:
        file = member_file(connection, member)
    assert file is not None
    assert [(card.issue, card.lost_ms is not None) for card in file.cards] == [(1, True), (2, False)]
    assert file.state == "open"
    assert again.path.startswith("/desk/acts/")
    assert "この処理の画面" in again.text or "もう行われています" in again.text


def test_an_ended_account_holds_later_grants(either: World) -> None:
    world, desk = either, Desk(either.hub)
    booth, member = world.booth(), world.members[0]

    told = desk.submit(desk.get(f"/desk/members/{member}"), "/end", reason="転出")
    booth.grant(0)
    booth.send()

    assert "の利用を終えました" in told.text
    assert "利用終了" in told.text
    assert world.reasons(booth) == {2: ("held", Reason.MEMBER_ENDED)}
    with world.store.reading() as connection:
        file = member_file(connection, member)
    assert file is not None
    assert file.state == "ended"


def test_what_had_arrived_before_an_account_was_ended_stays_posted_whatever_is_judged_again(either: World) -> None:
    world, desk = either, Desk(either.hub)
    booth, member = world.booth(), world.members[0]
    booth.grant(0)
    booth.send()
    world.now_ms += 1_000
    desk.submit(desk.get(f"/desk/members/{member}"), "/end", reason="転出")
    booth.grant(0, activity=HELP, occasion=city_day(world.now_ms), points=100)
    booth.send()

    desk.submit(desk.get(kiosk_path(booth)), "/top-up", points="10", reason="すべて見なおす")

    assert world.verdicts(booth) == {"posted": (1, 50), "held": (1, 100)}
    assert world.reasons(booth) == {3: ("held", Reason.MEMBER_ENDED)}
    assert world.balance(member) == 50


def test_the_recount_reads_long_journals_page_by_page(either: World, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = busy(either)
    with either.store.reading() as connection:
        at_once = {kiosk: recounting.recount(connection, kiosk) for kiosk in (scene.copied.kiosk, scene.gap.kiosk)}

    monkeypatch.setattr(recounting, "_PAGE", 3)

    with either.store.reading() as connection:
        assert {kiosk: recounting.recount(connection, kiosk) for kiosk in at_once} == at_once
