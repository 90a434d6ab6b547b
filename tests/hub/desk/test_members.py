"""Members and their cards."""

from __future__ import annotations

from typing import Any

import pytest
from desk_browser import Desk
from desk_look import act_count, kiosk_path
from desk_scene import STRANGER, busy
from hub_world import HELP, World

from hub.acts.decisions import dismiss
from hub.acts.members import add_members, end_account, make_unknown
from hub.desk.members.queries import joined_by, member_counts, member_file, newest_joins
from hub.desk.records import recount as recounting
from hub.intake.reasons import Reason
from hub.served import Office
from sync.citytime import DAY_MS, city_day
from sync.member import printed


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


def test_many_cards_are_drawn_beside_and_the_page_says_how_far_that_is(world: World, desk: Desk) -> None:
    world.now_ms += 1_000
    listed = desk.submit(desk.get("/desk/members/"), "/members/", count="101")
    prepared = desk.get(next(link for link in listed.links if "/members/cards/" in link))

    begun = desk.submit(prepared, prepared.path)
    answers = 0
    while "できました" not in (page := desk.get(begun.path)).text:
        answers += 1
        assert page.headers["Refresh"] == "2"
        assert "101枚のうち" in page.text
    sheet = desk.client.get(next(link for link in page.links if link.endswith(".pdf")))

    assert "カード 101枚のシートを作る" in prepared.text
    assert "Refresh" not in page.headers
    assert sheet.data.startswith(b"%PDF-")
    assert sheet.headers["Content-Disposition"].startswith("attachment")
    assert act_count(world) == 1


def test_a_request_for_many_cards_at_once_leads_to_the_page_that_draws_them_beside(world: World, desk: Desk) -> None:
    act = world.do(add_members, 101).act

    page = desk.get(f"/desk/members/cards/{act.hex()}.pdf")

    assert page.path == f"/desk/members/cards/{act.hex()}"


def test_cards_that_cannot_be_drawn_are_said_and_the_next_ones_are_drawn(world: World) -> None:
    act = world.do(add_members, 101).act.hex()
    desk = Desk(world.hub, office=Office(city="\U0001f43b市"))

    begun = desk.submit(desk.get(f"/desk/members/cards/{act}"), f"/members/cards/{act}")
    while "作れません" not in (page := desk.get(begun.path)).text:
        assert "枚のうち" in page.text

    one = desk.get(f"/desk/members/{world.members[0]}/card.pdf")
    assert "カードの文字にない字です" in page.text
    assert (one.path, "カードの文字にない字です" in one.text) == ("/desk/members/", True)


@pytest.mark.parametrize("path", ["printing/00", "printing/00/cards.pdf", "cards/00.pdf", "cards/00", "1/card.pdf"])
def test_cards_that_are_not_there_are_not_found(desk: Desk, path: str) -> None:
    assert desk.get(f"/desk/members/{path}").status == 404


def test_a_card_that_was_found_and_an_account_that_was_ended_come_back(world: World, desk: Desk) -> None:
    member = f"/desk/members/{world.members[0]}"
    desk.submit(desk.get(member), "/lost", reason="なくした")

    found = desk.submit(desk.get(member), "/found", reason="見つかった")
    ended = desk.submit(found, "/end", reason="転出")
    reopened = desk.submit(ended, "/reopen", reason="戻った")

    assert found.form("/lost").offered["lost-issue"] == ["2", "1"]
    assert "利用終了" in ended.text
    assert "状態 state 利用中" in reopened.text


def test_a_number_made_known_by_mistake_is_made_unknown_and_known_again(world: World, desk: Desk) -> None:
    booth, member = world.booth(), f"/desk/members/{world.members[0]}"
    booth.grant(0)
    booth.send()

    shown = desk.submit(desk.get(member), "/unknown", reason="打ちまちがい")
    unknown = desk.submit(shown, "/unknown")
    reasons = world.reasons(booth)
    desk.submit(unknown, f"/{world.members[0]}", reason="カードを見た")

    assert "1件の付与が変わります。1人が 50ポイントを失います。" in shown.text
    assert reasons == {2: ("held", Reason.MEMBER_UNKNOWN)}
    assert world.balance(world.members[0]) == 50


def test_a_number_that_nobody_has_registered_is_said_to_be_none(world: World, desk: Desk) -> None:
    found = desk.client.get("/desk/members/", query_string={"number": printed(STRANGER)}, follow_redirects=True)

    assert found.status_code == 404
    assert "この番号は登録されていません。" in found.text


@pytest.mark.parametrize("act", [end_account, make_unknown])
def test_no_card_is_printed_for_a_number_that_is_not_in_use(world: World, desk: Desk, act: Any) -> None:
    world.do(act, world.members[0])

    told = desk.get(f"/desk/members/{world.members[0]}/card.pdf")

    assert told.path == f"/desk/members/{world.members[0]}"
    assert "この番号は利用中ではないので、カードを印刷できません。" in told.text


def test_what_was_taken_back_stands_with_the_moment_when_it_was(world: World, desk: Desk) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.send()
    world.now_ms += DAY_MS
    world.do(dismiss, booth.kiosk, ((2, booth.entries[1].hash),))

    page = desk.get(f"/desk/members/{world.members[0]}")

    assert "2026/11/15 9:00 見本まつり 来場 受付1 -50" in page.text
    assert "2026/11/14 9:00 見本まつり 来場 受付1 50" in page.text
