"""The first page: what is signed and what became of it, and what there is to decide."""

from __future__ import annotations

from desk_browser import Desk
from desk_look import held, kiosk_path
from desk_scene import NEW_BOOTH, Scene, busy, without_clock
from hub_world import HELP, World

from hub.desk.kiosks.queries import kiosk_lines
from hub.intake.reasons import Reason
from hub.own_clock import Doubt, mark_doubted
from hub.service import Break, mark_rolled_back
from sync.citytime import DAY_MS, city_day


def test_what_is_signed_has_arrived_or_not_yet_and_every_grant_became_something(either: World) -> None:
    scene = busy(either)

    with scene.world.store.reading() as connection:
        lines = kiosk_lines(connection)

    found = {
        line.name: (line.standing, line.signed, line.arrived, line.missing, line.twice, line.beyond) for line in lines
    }
    assert found == {
        "見本会館 受付1": ("ok", 21, 21, 0, 0, ()),
        "見本公園 入口": ("ok", 13, 8, 5, 0, ((8, 11),)),
        "見本通り 屋台": ("fork", 10, 10, 0, 2, ()),
        "見本小学校 体育館": ("ok", 4, 4, 0, 0, ()),
        "見本駅前": ("silent", 0, 0, 0, 0, ()),
    }
    assert all(line.signed == line.arrived + line.missing for line in lines)
    assert {line.name: (line.grants, line.became("held")) for line in lines if line.name == "見本会館 受付1"} == {
        "見本会館 受付1": ((18, 920), (4, 220))
    }


def test_the_front_page_shows_the_figures_the_booths_know(scene: Scene, desk: Desk) -> None:
    page = desk.get("/desk/")

    for name in ("見本会館 受付1", "見本公園 入口", "見本通り 屋台", "見本小学校 体育館", "見本駅前"):
        assert name in page.text
    assert "18 件 920 P" in page.text
    assert "8〜11番は到着" in page.text
    assert "帳簿の確かめ the books 食い違いなし" in page.text


def test_the_front_page_says_in_plain_sentences_what_there_is_to_decide(scene: Scene, desk: Desk) -> None:
    page = desk.get("/desk/")

    assert f"端末「{NEW_BOOTH}」が登録を待っています" in page.text
    assert "端末「見本公園 入口」の記録 5〜7 番が届いていません" in page.text
    assert "端末「見本通り 屋台」の記録が二通りあります" in page.text
    assert "端末「見本会館 受付1」に、端末枠をこえた付与が 2件(100ポイント)あります" in page.text
    assert "登録のない番号への付与が 1件(50ポイント)あります" in page.text
    assert "時刻がイベントの日時に合わない付与が 2件(100ポイント)あります" in page.text


def test_a_quiet_hub_has_nothing_to_decide(desk: Desk) -> None:
    page = desk.get("/desk/")

    assert "きょう決めることはありません。 Nothing to decide today." in page.text
    assert "まだ端末がありません" in page.text


def test_a_share_that_runs_short_is_said_before_it_is_used_up(either: World) -> None:
    desk = Desk(either.hub)
    booth = either.booth("見本会館", total=300)
    for person in range(4):
        booth.grant(person)
    booth.send()
    before = desk.get("/desk/").text
    booth.grant(4)
    booth.send()

    page = desk.get("/desk/")

    assert "きょう決めることはありません" in before
    assert "端末「見本会館」は、端末枠 300ポイントのうち 250ポイントを使いました" in page.text
    assert f"{kiosk_path(booth)}#share" in page.links
    either.now_ms += 2 * DAY_MS
    assert "きょう決めることはありません" in desk.get("/desk/").text


def test_records_on_hold_are_still_said_after_their_kiosk_was_withdrawn(scene: Scene, desk: Desk) -> None:
    desk.submit(desk.get(kiosk_path(scene.copied)), "/withdraw", reason="複製された")

    page = desk.get("/desk/")

    assert held(scene.world, scene.copied, Reason.FORK) == 4
    assert "端末「見本通り 屋台」に、食い違う記録が 4件(200ポイント)あります" in page.text


def test_what_puts_the_books_in_doubt_is_said_before_anything_else(scene: Scene, desk: Desk) -> None:
    page = desk.get("/desk/")

    assert page.text.index("記録が二通りあります") < page.text.index("登録を待っています")


def test_a_hub_that_was_rolled_back_says_so(world: World, desk: Desk) -> None:
    with world.store.transaction() as connection:
        mark_rolled_back(connection, "test")

    page = desk.get("/desk/")

    assert "古い控えに戻っています" in page.text


def test_a_hub_whose_clock_is_doubted_says_so_first_until_somebody_has_looked(world: World, desk: Desk) -> None:
    with world.store.transaction() as connection:
        mark_doubted(connection, Doubt.SET_FORWARD)

    page = desk.get("/desk/")
    told = desk.submit(page, "/clock", reason="スマートフォンの時刻と同じ")

    assert "このセンターの時計が合っていないかもしれません" in page.text
    assert "2026年11月14日(土) 9:00" in page.text
    assert "時計を確かめたと記録しました" in told.text
    assert "センターの時計が合っていない" not in told.text


def test_the_boots_of_one_kiosk_are_one_sentence_and_a_case_each(scene: Scene, desk: Desk) -> None:
    booth = without_clock(scene.world)
    booth.boot = bytes(range(1, 17))
    booth.grant(36, event=2, activity=HELP, occasion=city_day(scene.world.now_ms), points=100)
    booth.send()

    front, listed = desk.get("/desk/"), desk.get("/desk/held/")

    assert "端末「見本の土手」に、何日の付与か分からないものが 4件(400ポイント)あります" in front.text
    assert len([link for link in listed.links if "/day?boot=" in link]) == 2


def test_a_break_that_the_hub_has_found_in_its_books_stands_first(scene: Scene, desk: Desk) -> None:
    scene.world.hub.watched.breaks = (Break("member_balance", "member 12", "5 more than was posted"),)

    page = desk.get("/desk/")

    assert page.text.index("帳簿に食い違いが 1件見つかりました") < page.text.index("記録が二通りあります")
    assert "帳簿の確かめ the books 食い違い 1 件" in page.text
    assert "member_balance member 12 5 more than was posted" in page.text
    assert "/desk/#watch" in page.links
