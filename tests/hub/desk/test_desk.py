"""The clerk's desk: what its pages show, and what its forms do to the books.

Its own SQL is tried on both engines: every page by test_hub_desk_pages, and here whatever counts or writes.
"""

from __future__ import annotations

import pytest
from desk_browser import Desk
from desk_scene import NEW_BOOTH, STRANGER, Scene, answered_invitation, busy
from hub_world import VISIT, Booth, World
from wire_samples import MORNING_MS, sample_key

from hub.audit import audit
from hub.desk.base import closer, overview, registers
from hub.intake.facts import find_kiosk
from hub.register.reference import SlotsBefore, slots_before
from hub.register.reference import add_event as new_version
from hub.service import mark_rolled_back
from hub.store.database import Store, execute, row, rows
from sync.certificate import kiosk_identity
from sync.citytime import DAY_MS
from sync.enrolment import digits_to_compare
from sync.entry import Clock
from sync.envelope import MANIFEST
from sync.manifest import Activity, OccasionBy, Share, Slot, read_manifest
from sync.member import bucket_of, printed
from sync.rules import ByHours, Fixed


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


def kiosk_path(booth: Booth) -> str:
    return f"/desk/kiosks/{booth.kiosk.hex()}"


def held(world: World, booth: Booth, reason: str = "%") -> int:
    with world.store.reading() as connection:
        return len(closer.held_hashes(connection, booth.kiosk, reason))


def newest_act(world: World) -> tuple[str, str, str]:
    with world.store.reading() as connection:
        act = overview.acts(connection, 1)[0]
    return act.kind, act.reason, act.done_by


# the front page


def test_what_is_signed_has_arrived_or_not_yet_and_every_grant_became_something(either: World) -> None:
    scene = busy(either)

    with scene.world.store.reading() as connection:
        lines = overview.kiosk_lines(connection)

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
    assert "0 合っています" in page.text


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
    assert f"{kiosk_path(booth)}#acts" in page.links
    either.now_ms += 2 * DAY_MS
    assert "きょう決めることはありません" in desk.get("/desk/").text


def test_records_on_hold_are_still_said_after_their_kiosk_was_withdrawn(scene: Scene, desk: Desk) -> None:
    desk.submit(desk.get(kiosk_path(scene.copied)), "/withdraw", reason="複製された")

    page = desk.get("/desk/")

    assert held(scene.world, scene.copied, "fork") == 4
    assert "端末「見本通り 屋台」に、食い違う記録が 4件(200ポイント)あります" in page.text


def test_what_puts_the_books_in_doubt_is_said_before_anything_else(scene: Scene, desk: Desk) -> None:
    page = desk.get("/desk/")

    assert page.text.index("記録が二通りあります") < page.text.index("登録を待っています")


def test_a_ledger_that_does_not_sum_to_zero_is_said_first(world: World, desk: Desk) -> None:
    with world.store.transaction() as connection:
        execute(connection, "UPDATE account SET amount = amount + 5 WHERE kind = 'allotment'")

    page = desk.get("/desk/")

    assert "帳簿の合計が 0 ではありません(+5)" in page.text
    assert "5 合っていません" in page.text


def test_a_hub_that_was_rolled_back_says_so(world: World, desk: Desk) -> None:
    with world.store.transaction() as connection:
        mark_rolled_back(connection, "test")

    page = desk.get("/desk/")

    assert "古い控えに戻っています" in page.text


# single records


def test_each_figure_of_the_equation_opens_the_records_behind_it(scene: Scene, desk: Desk) -> None:
    records = f"/desk/records/{scene.short.kiosk.hex()}"
    front = desk.get("/desk/")

    lists = {became: desk.get(f"{records}?became={became}") for became in ("held", "dismissed", "duplicate")}
    everything = desk.get(records)

    assert {f"{records}?became=held", f"{records}?became=dismissed", records} <= set(front.links)
    assert f"{records}?became=duplicate" not in front.links  # there are none
    numbers = {became: sum(link.startswith(f"{records}/") for link in page.links) for became, page in lists.items()}
    assert numbers == {"held": 4, "dismissed": 1, "duplicate": 0}
    assert sum(link.startswith(f"{records}/") for link in everything.links) == 21
    assert "5 番を取り消しました(まちがい)" in everything.text
    assert "日締め: 付与 18件 870ポイント、取り消し 1件" in everything.text


def test_a_held_record_is_opened_decided_and_then_shows_decision_and_reason(either: World) -> None:
    scene, desk = busy(either), Desk(either.hub)
    group = desk.get(f"/desk/held/{scene.late.kiosk.hex()}/time")
    address = next(link for link in group.links if link.startswith("/desk/records/"))
    opened = desk.get(address)

    told = desk.submit(opened, "/time", decision="release", reason="会場に電話で確かめた")

    assert "要確認 人が決めるのを待っています。 時刻がイベントの外。" in opened.text
    assert printed(either.members[30]) in opened.text
    assert told.path == address
    assert "反映済み ポイントになりました。" in told.text
    assert "処理 decision 反映する 理由 reason 会場に電話で確かめた だれ by 担当 3" in told.text
    assert either.balance(either.members[30]) == 50
    assert not told.form("/sign-out").offered
    assert len(told.forms) == 1


def test_a_record_that_the_booth_took_back_shows_the_booths_reason(scene: Scene, desk: Desk) -> None:
    listed = desk.get(f"/desk/records/{scene.short.kiosk.hex()}?became=dismissed")
    address = next(link for link in listed.links if "/5/" in link)

    page = desk.get(address)

    assert "取り消し ポイントになりません。 会場の担当が取り消しました。" in page.text
    assert "理由 reason まちがい" in page.text


def test_a_repeated_grant_leads_to_the_one_that_stands(either: World) -> None:
    first, second = either.booth("見本会館"), either.booth("見本公園")
    first.grant(3)
    first.send()
    second.grant(3)
    second.send()
    desk = Desk(either.hub)
    standing, repeated = sorted((first, second), key=lambda booth: booth.kiosk)
    listed = desk.get(f"/desk/records/{repeated.kiosk.hex()}?became=duplicate")

    page = desk.get(next(link for link in listed.links if "/2/" in link))

    assert "重複 同じ人の同じ活動で、先に反映した付与があります" in page.text
    assert f"/desk/records/{standing.kiosk.hex()}/2/{standing.entries[1].hash.hex()}" in page.links


def test_many_records_are_shown_in_pages_by_their_numbers(world: World, desk: Desk) -> None:
    booth = world.booth()
    for person in range(150):
        booth.grant(person % 40, occasion=person)
    booth.send()
    records = f"/desk/records/{booth.kiosk.hex()}"

    first = desk.get(records)
    second = desk.get(next(link for link in first.links if "first=" in link))

    numbers = [
        [int(link.split("/")[4]) for link in page.links if link.startswith(f"{records}/")] for page in (first, second)
    ]
    assert numbers == [list(range(1, 101)), list(range(101, 152))]


@pytest.mark.parametrize("address", ["?became=posted", "?became=x", "/1/00", "/99/" + "00" * 32, f"/{10**30}/00"])
def test_records_that_are_not_there_are_not_found(scene: Scene, desk: Desk, address: str) -> None:
    assert desk.get(f"/desk/records/{scene.short.kiosk.hex()}{address}").status == 404


@pytest.mark.parametrize("where", ["first=x", "first=-1", f"first={10**30}", "first=", "from=-1", f"from={10**30}"])
def test_no_number_in_an_address_breaks_a_list(scene: Scene, desk: Desk, where: str) -> None:
    too_far = [f"/desk/{register}/{10**30}" for register in ("events", "members")]

    pages = [
        desk.get(f"/desk/records/{scene.short.kiosk.hex()}?{where}"),
        desk.get(f"/desk/held/{scene.short.kiosk.hex()}/share?{where}"),
        desk.get(f"/desk/acts?{where.replace('first', 'before')}"),
    ]

    assert [page.status for page in pages] == [200, 200, 200]
    assert {desk.get(path).status for path in too_far} == {404}


# what is held


def test_held_entries_are_opened_down_to_who_what_when_and_what_the_screen_said(scene: Scene, desk: Desk) -> None:
    page = desk.get(f"/desk/held/{scene.late.kiosk.hex()}/time")

    world = scene.world
    assert printed(world.members[30]) in page.text
    assert printed(world.members[31]) in page.text
    assert "見本まつり 来場" in page.text
    assert "2026/11/16 9:00" in page.text
    assert "うけとりました" in page.text
    assert "番号の手入力" in page.text


def test_one_entry_is_released_and_the_rest_stays(scene: Scene, desk: Desk) -> None:
    page = desk.get(f"/desk/held/{scene.late.kiosk.hex()}/time")
    first = page.form("/time").offered["entries"][0]

    told = desk.submit(page, "/time", entries=[first], decision="release", reason="会場に電話で確かめた")

    assert "1件を反映しました" in told.text
    assert scene.world.verdicts(scene.late) == {"posted": (1, 50), "held": (1, 50)}
    assert newest_act(scene.world) == ("release", "会場に電話で確かめた", "担当 3")


def test_several_entries_are_dismissed_in_one_act(scene: Scene, desk: Desk) -> None:
    page = desk.get(f"/desk/held/{scene.late.kiosk.hex()}/time")

    told = desk.submit(
        page, "/time", entries=page.form("/time").offered["entries"], decision="dismiss", reason="練習だった"
    )

    assert "2件を取り消しにしました" in told.text
    assert scene.world.verdicts(scene.late) == {"dismissed": (2, 100)}
    with scene.world.store.reading() as connection:
        assert row(connection, "SELECT count(*) AS acts FROM act").acts == 1


def test_a_whole_group_is_dismissed_in_one_act(scene: Scene, desk: Desk) -> None:
    before = held(scene.world, scene.copied, "fork")
    page = desk.get(f"/desk/held/{scene.copied.kiosk.hex()}/two-lines")

    desk.submit(page, "/two-lines", everything="y", decision="dismiss", reason="複製された端末")

    assert before == 4
    assert held(scene.world, scene.copied) == 0
    assert scene.world.verdicts(scene.copied)["dismissed"] == (4, 200)


def test_all_means_all_that_the_clerk_has_seen(scene: Scene, desk: Desk) -> None:
    page = desk.get(f"/desk/held/{scene.late.kiosk.hex()}/time")
    scene.late.grant(32)
    scene.late.send()

    refused = desk.submit(page, "/time", everything="y", decision="dismiss", reason="すべて")

    assert refused.status == 400
    assert "件数が変わりました" in refused.text
    assert held(scene.world, scene.late) == 3


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"entries": ["first"], "reason": ""}, "理由を書いてください"),
        ({"entries": ["first"], "reason": "   "}, "理由を書いてください"),
        ({"entries": [], "reason": "確かめた"}, "1件以上えらんでください"),
        ({"entries": ["no hash"], "reason": "確かめた"}, "もう一度えらんでください"),
        ({"entries": ["00" * 32], "reason": "確かめた"}, "要確認ではありません"),
    ],
)
def test_a_decision_needs_entries_and_a_reason(
    scene: Scene, desk: Desk, typed: dict[str, list[str] | str], told: str
) -> None:
    page = desk.get(f"/desk/held/{scene.late.kiosk.hex()}/time")
    first = page.form("/time").offered["entries"][0]
    entries = [first if one == "first" else one for one in typed["entries"]]

    refused = desk.submit(page, "/time", entries=entries, decision="dismiss", reason=typed["reason"])

    assert refused.status == 400
    assert told in refused.text
    assert held(scene.world, scene.late) == 2


def test_what_needs_another_act_cannot_be_released_by_a_form_made_by_hand(scene: Scene, desk: Desk) -> None:
    page = desk.get(f"/desk/held/{scene.short.kiosk.hex()}/share")

    refused = desk.submit(page, "/share", everything="y", decision="release", reason="確かめた")

    assert "decision" in page.form("/share").offered
    assert page.form("/share").offered["decision"] == ["dismiss"]
    assert (refused.status, "別の処理が必要です" in refused.text) == (400, True)
    assert held(scene.world, scene.short, "beyond share") == 2


def test_an_entry_that_was_decided_before_is_refused_kindly_when_another_reason_holds_it(
    world: World, desk: Desk
) -> None:
    booth = world.booth(total=0)
    world.now_ms += 2 * DAY_MS
    booth.grant(0)
    booth.add(Clock(world.now_ms, booth.stamp().monotonic_ms - 50, booth.stamp().monotonic_ms))
    booth.send()
    path = f"/desk/held/{booth.kiosk.hex()}"
    desk.submit(desk.get(f"{path}/time"), "/time", everything="y", decision="release", reason="確かめた")
    event = f"/desk/events/{world.event}"
    desk.submit(desk.get(event), event, ends="2026-11-17T17:00", reason="延期")
    desk.submit(desk.get(kiosk_path(booth)), "/settings")
    world.now_ms += 1_000
    desk.submit(desk.get(kiosk_path(booth)), "/top-up", points="10", reason="見なおす")

    refused = desk.submit(desk.get(f"{path}/share"), "/share", everything="y", decision="dismiss", reason="やめる")

    assert world.reasons(booth) == {2: ("held", "beyond share")}
    assert (refused.status, "もう決めてあります" in refused.text) == (400, True)


def test_a_long_group_is_shown_in_pages_and_still_decided_at_once(world: World, desk: Desk) -> None:
    booth = world.booth(total=0)
    for person in range(40):
        for occasion in range(3):
            booth.grant(person, occasion=occasion)
    booth.send()
    path = f"/desk/held/{booth.kiosk.hex()}/share"

    first = desk.get(path)
    second = desk.get(next(link for link in first.links if "from=" in link))
    desk.submit(second, "/share", everything="y", decision="dismiss", reason="見本")

    assert len(first.form("/share").offered["entries"]) == 100
    assert len(second.form("/share").offered["entries"]) == 20
    assert world.verdicts(booth) == {"dismissed": (120, 6_000)}


def test_an_unknown_number_is_made_known_and_its_grant_is_posted(either: World) -> None:
    scene, world, desk = busy(either), either, Desk(either.hub)
    desk.submit(desk.get(kiosk_path(scene.short)), "/top-up", points="1000", reason="足りない")
    world.now_ms += 1
    page = desk.get("/desk/held/unknown-members")

    desk.submit(page, f"/{STRANGER}", reason="カードを見た")

    assert printed(STRANGER) in page.text
    assert world.balance(STRANGER) == 50
    assert held(world, scene.short, "member unknown") == 0
    assert newest_act(world) == ("know member", "カードを見た", "担当 3")


# one kiosk


def test_a_top_up_releases_what_was_held_for_want_of_it(scene: Scene, desk: Desk) -> None:
    page = desk.get(kiosk_path(scene.short))

    told = desk.submit(page, "/top-up", points="1,000", reason="思ったより人が来た")
    refused = desk.submit(page, "/top-up", points="many", reason="x")

    assert refused.status == 400
    assert told.status == 400  # a comma is no number; it is said beside the field
    assert held(scene.world, scene.short, "beyond share") == 2
    desk.submit(page, "/top-up", points="1000", reason="思ったより人が来た")
    assert held(scene.world, scene.short, "beyond share") == 0
    assert scene.world.shares(scene.short) == {scene.world.allotment: 1_700}


def test_a_top_up_beyond_the_allotment_is_refused_beside_the_field(scene: Scene, desk: Desk) -> None:
    page = desk.get(kiosk_path(scene.short))

    refused = desk.submit(page, "/top-up", points="900000000", reason="多すぎ")

    assert (refused.status, "付与枠が足りません" in refused.text) == (400, True)
    assert 'value="900000000"' in refused.html
    assert scene.world.shares(scene.short) == {scene.world.allotment: 700}


def test_a_gap_is_accepted_by_its_numbers_and_a_late_piece_still_counts(scene: Scene, desk: Desk) -> None:
    page = desk.get(kiosk_path(scene.gap))

    told = desk.submit(page, "/gap", reason="カードがこわれた")

    assert "記録 5〜7 番の欠けを認めました" in told.text
    assert scene.world.verdicts(scene.gap) == {"posted": (7, 350)}
    assert "この端末の要確認" not in desk.get(kiosk_path(scene.gap)).text
    scene.gap.send(5, 7)
    assert scene.world.verdicts(scene.gap) == {"posted": (10, 500)}


def test_a_gap_that_is_no_more_is_refused(scene: Scene, desk: Desk) -> None:
    page = desk.get(kiosk_path(scene.gap))
    scene.gap.send(5)

    refused = desk.submit(page, "/gap", reason="まだあると思った")

    assert (refused.status, "この番号の欠落はありません" in refused.text) == (400, True)


@pytest.mark.parametrize(
    ("ending", "reason", "standing"), [("/stop", "fenced", "停止"), ("/withdraw", "revoked", "失効")]
)
def test_a_stopped_or_withdrawn_kiosk_keeps_what_was_posted_and_holds_the_rest(
    world: World, desk: Desk, ending: str, reason: str, standing: str
) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.send()
    page = desk.get(kiosk_path(booth))
    missing = desk.submit(page, ending, reason="")

    told = desk.submit(page, ending, reason="置き忘れた")
    booth.grant(1)
    booth.send()

    assert (missing.status, "理由を書いてください" in missing.text) == (400, True)
    assert standing in told.text
    assert world.verdicts(booth) == {"posted": (1, 50), "held": (1, 50)}
    assert held(world, booth, reason) == 1


def test_the_recount_reads_every_entry_and_finds_a_figure_that_was_changed(scene: Scene, desk: Desk) -> None:
    path = f"{kiosk_path(scene.short)}/recount"
    honest = desk.get(path)
    with scene.world.store.transaction() as connection:
        execute(
            connection,
            "UPDATE kiosk_count SET points = points + 10 WHERE verdict = 'posted' AND kiosk = :kiosk",
            kiosk=scene.short.kiosk,
        )

    changed = desk.get(path)

    assert "数は合っています" not in honest.text  # the booth's own day end forgot 50 points
    assert "端末の日締め(21番) the kiosk's own day end 18 870" in honest.text
    assert "届いた記録を数えると from the records 18 920" in honest.text
    assert "表にある数 in the tables 18 930" in changed.text


def test_the_recount_does_not_agree_with_a_table_that_lost_a_point(scene: Scene, desk: Desk) -> None:
    with scene.world.store.transaction() as connection:
        text = "UPDATE kiosk_count SET points = points - 1 WHERE verdict = 'posted' AND kiosk = :kiosk"
        execute(connection, text, kiosk=scene.gap.kiosk)

    page = desk.get(f"{kiosk_path(scene.gap)}/recount")

    assert "数が合っていません" in page.text


@pytest.mark.parametrize("name", ["late", "copied", "gap", "silent"])
def test_the_recount_agrees_where_nothing_is_wrong(scene: Scene, desk: Desk, name: str) -> None:
    booth: Booth = getattr(scene, name)

    page = desk.get(f"{kiosk_path(booth)}/recount")

    assert "数は合っています" in page.text


def test_changed_registers_make_settings_old_until_they_are_signed_anew(world: World, desk: Desk) -> None:
    booth = world.booth()
    before = desk.get("/desk/kiosks/")
    member = world.members[0]
    desk.submit(desk.get(f"/desk/members/{member}"), "/lost", reason="なくした")

    page = desk.get("/desk/kiosks/")
    told = desk.submit(page, "/kiosks/settings")

    assert "端末設定が古い端末" not in before.text
    assert "端末設定が古い端末が 1台あります" in page.text
    assert "1台の端末に新しい設定を用意しました" in told.text
    with world.store.reading() as connection:
        manifest = closer.settings_of(world.hub, connection, booth.kiosk).manifest
        assert closer.outdated_kiosks(world.hub, connection) == []
    assert manifest is not None
    assert manifest.lost_cards == ((member, 1),)


def test_another_event_is_assigned_and_signed_into_the_settings(world: World, desk: Desk) -> None:
    booth = world.booth()
    add_event(desk, name="見本の清掃")

    told = desk.submit(desk.get(kiosk_path(booth)), "/events", event="2")

    assert "イベントを割り当て" in told.text
    with world.store.reading() as connection:
        manifest = closer.settings_of(world.hub, connection, booth.kiosk).manifest
    assert manifest is not None
    assert [event.name for event in manifest.events] == ["見本まつり", "見本の清掃"]


# letting a kiosk in


def test_an_invitation_shows_a_code_for_ten_minutes_and_then_no_more(world: World, desk: Desk) -> None:
    page = desk.submit(desk.get("/desk/kiosks/"), "/invitations", name="見本図書館", address="http://127.0.0.1:9000")
    world.now_ms += 600_000
    after = desk.get(page.path)

    assert "<svg" in page.html
    assert 'class="code"' in page.html
    assert "2026/11/14 9:10 まで使えます" in page.text
    assert "センターの場所: http://127.0.0.1:9000" in page.text
    assert page.headers["Refresh"] == "5"
    assert 'class="code"' not in after.html
    assert "10分が過ぎました" in after.text
    assert "Refresh" not in after.headers


@pytest.mark.parametrize("address", ["", "hub.example", "javascript:alert(1)", "http://a/b", "ftp://a"])
def test_an_invitation_needs_an_address_a_kiosk_can_go_to(desk: Desk, address: str) -> None:
    refused = desk.submit(desk.get("/desk/kiosks/"), "/invitations", name="見本図書館", address=address)

    assert refused.status == 400
    assert "http://" in refused.text or "入力してください" in refused.text


def test_a_kiosk_is_let_in_with_its_events_and_share_after_the_digits_were_compared(world: World, desk: Desk) -> None:
    enrolment = answered_invitation(world, NEW_BOOTH)
    page = desk.get(f"/desk/kiosks/invitations/{enrolment.hex()}")

    told = desk.submit(page, "/approve", events=[str(world.event)], total="500", reserve="50", is_same="y")

    public_key = sample_key(NEW_BOOTH).public
    kiosk = kiosk_identity(public_key)
    assert digits_to_compare(public_key) in page.text
    assert f"端末「{NEW_BOOTH}」を登録しました" in told.text
    with world.store.reading() as connection:
        assert find_kiosk(connection, kiosk) is not None
        manifest = closer.settings_of(world.hub, connection, kiosk).manifest
    assert manifest is not None
    assert [event.event for event in manifest.events] == [world.event]
    assert manifest.shares == (Share(world.allotment, 500, 50),)
    assert newest_act(world)[0] == "approve kiosk"


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({}, "見くらべてから"),
        ({"is_same": "y", "total": "-1"}, "0 から"),
        ({"is_same": "y", "total": "99999999"}, "付与枠が足りません"),
        ({"is_same": "y", "total": "many"}, "数を入れてください(例 100)"),
    ],
)
def test_without_comparison_or_points_no_kiosk_comes_in(
    world: World, desk: Desk, typed: dict[str, str], told: str
) -> None:
    enrolment = answered_invitation(world, NEW_BOOTH)
    page = desk.get(f"/desk/kiosks/invitations/{enrolment.hex()}")

    refused = desk.submit(page, "/approve", **typed)

    assert (refused.status, told in refused.text) == (400, True)
    with world.store.reading() as connection:
        assert overview.kiosk_lines(connection) == []


def test_a_kiosk_whose_digits_differ_is_refused_for_good(world: World, desk: Desk) -> None:
    enrolment = answered_invitation(world, NEW_BOOTH)
    page = desk.get(f"/desk/kiosks/invitations/{enrolment.hex()}")

    told = desk.submit(page, "/decline")
    late = desk.submit(page, "/approve", is_same="y")

    assert "招待を取りやめました" in told.text
    assert late.status == 400
    with world.store.reading() as connection:
        assert overview.kiosk_lines(connection) == []


# organisations, allotments, events


def test_an_organisation_gets_an_allotment_and_more_points_with_a_reason(world: World, desk: Desk) -> None:
    desk.submit(desk.get("/desk/organisations/"), "/organisations/", name="見本団体2", kind="both")
    page = desk.get("/desk/organisations/")

    desk.submit(page, "/allotments", organisation="2", name="清掃", points="3000")
    desk.submit(desk.get("/desk/organisations/"), "/raise", allotment="2", points="500", reason="参加者が増えた")

    with world.store.reading() as connection:
        line = next(one for one in registers.allotments(connection) if one.allotment == 2)
        ledger = overview.totals(connection).ledger
    assert (line.organisation_name, line.fiscal_year, line.budget, line.left, line.granted) == (
        "見本団体2",
        2026,
        3_500,
        3_500,
        0,
    )
    assert ledger == 0
    assert newest_act(world) == ("raise allotment", "参加者が増えた", "担当 3")


def test_where_an_allotments_points_are_always_adds_up(either: World) -> None:
    scene = busy(either)

    with scene.world.store.reading() as connection:
        lines = registers.allotments(connection)
        posted = row(connection, "SELECT sum(points) AS points FROM transfer").points

    assert [(line.budget, line.left + line.with_kiosks + line.granted) for line in lines] == [(1_000_000, 1_000_000)]
    assert lines[0].granted == posted


def add_event(desk: Desk, **typed: str) -> str:
    usual = {
        "name": "見本の清掃",
        "starts": "2026-11-20T09:00",
        "ends": "2026-11-20T12:00",
        "activities-0-name": "そうじ",
        "activities-0-how": "by_hours",
        "activities-0-points": "30 5\n60 10\n",
        "activities-0-occasion_by": "1",
        "activities-0-daily_limit": "1",
        "activities-2-name": "来場",
        "activities-2-points": "50",
    }
    return desk.submit(desk.get("/desk/events/new"), "/events/new", **{**usual, **typed}).text


def test_an_event_with_activities_is_written_as_it_was_typed(world: World, desk: Desk) -> None:
    told = add_event(desk)

    with world.store.reading() as connection:
        line = registers.event_numbered(connection, 2)
    assert "イベント「見本の清掃」を加えました" in told
    assert line is not None
    assert line.event.ends_ms - line.event.starts_ms == 3 * 3_600_000
    assert line.event.starts_ms == MORNING_MS + 6 * DAY_MS
    assert [(one.activity, one.name, one.rule, one.occasion_by, one.daily_limit) for one in line.event.activities] == [
        (1, "そうじ", ByHours(((30, 5), (60, 10))), OccasionBy.DAY, 1),
        (2, "来場", Fixed(50), OccasionBy.NONE, 0),
    ]


def slots_of(world: World, event: int) -> list[tuple[Slot, ...]]:
    with world.store.reading() as connection:
        line = registers.event_numbered(connection, event)
    assert line is not None
    return [activity.slots for activity in line.event.activities]


def test_slots_are_numbered_from_1_and_stand_in_the_list_and_in_the_kiosks_settings(world: World, desk: Desk) -> None:
    add_event(desk, **{"activities-0-occasion_by": "2", "activities-0-slots": "午前\n\n 午後 \n"})

    listed = desk.get("/desk/events").text.replace("&nbsp;", " ").replace("\xa0", " ")
    told = world.booth(events=(world.event, 2)).manifest.event(2)

    assert told is not None
    assert slots_of(world, 2) == [activity.slots for activity in told.activities]
    assert slots_of(world, 2) == [(Slot(1, "午前"), Slot(2, "午後")), ()]
    assert "午後 (時間帯 2)" in listed
    assert audit(world.store, world.hub.keyring) == []


def test_a_slot_that_stays_keeps_its_number_and_a_new_one_never_gets_one_that_was_used(
    world: World, desk: Desk
) -> None:
    add_event(desk, **{"activities-0-occasion_by": "2", "activities-0-slots": "朝\n昼\n夜"})
    seen = []

    for names in ("夕方\n朝\n昼", "昼\n夜", "深夜\n昼"):
        desk.submit(desk.get("/desk/events/2"), "/events/2", reason="見直し", **{"activities-0-slots": names})
        seen.append(slots_of(world, 2)[0])

    assert seen == [
        (Slot(1, "朝"), Slot(2, "昼"), Slot(4, "夕方")),
        (Slot(2, "昼"), Slot(5, "夜")),
        (Slot(2, "昼"), Slot(6, "深夜")),
    ]


def test_of_an_activity_that_was_taken_out_only_the_highest_slot_is_known(world: World) -> None:
    slots = (Slot(1, "朝"), Slot(4, "昼"))
    lesson = Activity(9, "講座", Fixed(10), OccasionBy.SLOT, 0, slots)
    window = (MORNING_MS, MORNING_MS + DAY_MS, world.allotment)
    number = world.store.run(lambda connection: new_version(connection, "教室", *window, [lesson]))

    with world.store.reading() as connection:
        before = slots_before(connection, number)[9]
    world.store.run(lambda connection: new_version(connection, "教室", *window, [], number))
    with world.store.reading() as connection:
        after = slots_before(connection, number)[9]

    assert (before, after) == (SlotsBefore(slots, 4), SlotsBefore((), 4))


def test_an_activity_that_goes_by_slots_again_begins_behind_its_old_numbers(world: World, desk: Desk) -> None:
    add_event(desk, **{"activities-0-occasion_by": "2", "activities-0-slots": "朝\n昼"})
    changes = [("1", ""), ("2", "朝")]

    for occasion_by, names in changes:
        typed = {"activities-0-occasion_by": occasion_by, "activities-0-slots": names}
        desk.submit(desk.get("/desk/events/2"), "/events/2", reason="見直し", **typed)

    assert slots_of(world, 2)[0] == (Slot(3, "朝"),)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"name": " "}, "入力してください"),
        ({"name": "あ" * 61}, "60文字まで"),
        ({"ends": "2026-11-20T09:00"}, "始まりよりあと"),
        ({"starts": "yesterday"}, "日時を入れてください"),
        ({"activities-0-name": "", "activities-2-name": ""}, "活動を1つ以上"),
        ({"activities-0-points": "60 10\n30 5"}, "小さい順"),
        ({"activities-0-points": "60"}, "分 ポイント"),
        ({"activities-2-points": "0"}, "1から1,000,000まで"),
        ({"activities-2-points": "50 60"}, "数を1つ"),
        ({"activities-2-daily_limit": "101"}, "0 から 100"),
        ({"activities-0-slots": "午前"}, "「時間帯ごとに1回」のときだけ"),
        ({"activities-2-slots": "午前"}, "「時間帯ごとに1回」のときだけ"),
        ({"activities-0-occasion_by": "2"}, "1行に1つ"),
        ({"activities-0-occasion_by": "2", "activities-0-slots": " \n\n"}, "1行に1つ"),
        ({"activities-0-occasion_by": "2", "activities-0-slots": "\n".join(map(str, range(51)))}, "1つから50まで"),
        ({"activities-0-occasion_by": "2", "activities-0-slots": "午前\n午後\n午前 "}, "同じ名前の時間帯"),
        ({"activities-0-occasion_by": "2", "activities-0-slots": "あ" * 61}, "時間帯の名前は60文字まで"),
    ],
)
def test_a_slip_in_an_event_is_said_beside_the_field_and_nothing_is_added(
    world: World, desk: Desk, typed: dict[str, str], told: str
) -> None:
    shown = add_event(desk, **typed)

    assert told in shown
    with world.store.reading() as connection:
        assert len(registers.events(connection)) == 1


def test_the_events_show_the_numbers_that_a_booth_is_started_with(desk: Desk, scene: Scene) -> None:
    text = desk.get("/desk/events").text.replace("&nbsp;", " ").replace("\xa0", " ")

    assert f"(番号 {scene.world.event})" in text
    assert "(番号 2)" in text


def test_a_changed_event_is_a_new_version_and_releases_what_was_held_for_its_time(scene: Scene, desk: Desk) -> None:
    page = desk.get(f"/desk/events/{scene.world.event}")

    told = desk.submit(page, f"/events/{scene.world.event}", ends="2026-11-17T17:00", reason="雨で延期した")

    assert "イベント「見本まつり」を変更しました" in told.text
    assert scene.world.verdicts(scene.late) == {"posted": (2, 100)}
    with scene.world.store.reading() as connection:
        line = registers.event_numbered(connection, scene.world.event)
        versions = rows(connection, "SELECT version FROM event WHERE event = :event", event=scene.world.event)
    assert line is not None
    assert (line.version, len(versions)) == (2, 2)
    assert [activity.activity for activity in line.event.activities] == [1, 2]
    assert newest_act(scene.world) == ("change event", "雨で延期した", "担当 3")


def test_an_activity_keeps_its_number_when_another_is_taken_out(world: World, desk: Desk) -> None:
    page = desk.get(f"/desk/events/{world.event}")
    typed = {"activities-0-name": "", "activities-2-name": "清掃", "activities-2-points": "20", "reason": "見直し"}

    desk.submit(page, f"/events/{world.event}", **typed)

    with world.store.reading() as connection:
        line = registers.event_numbered(connection, world.event)
    assert line is not None
    assert [(one.activity, one.name) for one in line.event.activities] == [(2, "お手伝い"), (3, "清掃")]
    assert VISIT not in [one.activity for one in line.event.activities]


# members and cards


def test_members_are_added_and_their_cards_can_be_printed(world: World, desk: Desk) -> None:
    world.now_ms += 1_000

    told = desk.submit(desk.get("/desk/members/"), "/members/", count="12")
    link = next(link for link in told.links if link.endswith(".pdf"))
    sheet = desk.client.get(link)

    with world.store.reading() as connection:
        assert registers.member_counts(connection) == {"open": 52}
        assert len(registers.joined_at(connection, world.now_ms)) == 12
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
        file = registers.member_file(connection, member)
    assert file is not None
    assert [(card.issue, card.lost_ms is not None) for card in file.cards] == [(1, True), (2, False)]
    assert file.state == "open"
    assert again.status == 400


def test_an_ended_account_holds_later_grants(either: World) -> None:
    world, desk = either, Desk(either.hub)
    booth, member = world.booth(), world.members[0]

    told = desk.submit(desk.get(f"/desk/members/{member}"), "/end", reason="転出")
    booth.grant(0)
    booth.send()

    assert "の利用を終えました" in told.text
    assert "利用終了" in told.text
    assert world.reasons(booth) == {2: ("held", "member ended")}
    with world.store.reading() as connection:
        state = row(
            connection,
            "SELECT state FROM member WHERE bucket = :bucket AND member = :member",
            bucket=bucket_of(member),
            member=member,
        )
    assert state.state == "ended"


def test_what_had_arrived_before_an_account_was_ended_stays_posted_whatever_is_judged_again(either: World) -> None:
    world, desk = either, Desk(either.hub)
    booth, member = world.booth(), world.members[0]
    booth.grant(0)
    booth.send()
    world.now_ms += 1_000
    desk.submit(desk.get(f"/desk/members/{member}"), "/end", reason="転出")
    booth.grant(0, occasion=1)
    booth.send()

    desk.submit(desk.get(kiosk_path(booth)), "/top-up", points="10", reason="すべて見なおす")

    assert world.verdicts(booth) == {"posted": (1, 50), "held": (1, 50)}
    assert world.reasons(booth) == {3: ("held", "member ended")}
    assert world.balance(member) == 50


def test_the_recount_reads_long_journals_page_by_page(either: World, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = busy(either)
    with either.store.reading() as connection:
        at_once = {kiosk: closer.recount(connection, kiosk) for kiosk in (scene.copied.kiosk, scene.gap.kiosk)}

    monkeypatch.setattr(closer, "_PAGE", 3)

    with either.store.reading() as connection:
        assert {kiosk: closer.recount(connection, kiosk) for kiosk in at_once} == at_once


# the acts


def test_every_act_stands_in_the_list_with_its_reason_and_who_did_it(scene: Scene, desk: Desk) -> None:
    desk.submit(desk.get(kiosk_path(scene.short)), "/top-up", points="1000", reason="理由その1")
    desk.submit(desk.get(kiosk_path(scene.gap)), "/gap", reason="理由その2")
    scene.world.now_ms += 1_000
    desk.submit(desk.get(kiosk_path(scene.copied)), "/withdraw", reason="理由その3")

    page = desk.get("/desk/acts")

    assert "端末を失効 端末「見本通り 屋台」 理由その3 担当 3" in page.text
    assert "欠けを認めた 端末「見本公園 入口」 5〜7 番 理由その2 担当 3" in page.text
    assert "端末枠を追加 端末「見本会館 受付1」 付与枠 1 に +1000 ポイント 理由その1 担当 3" in page.text
    assert page.text.index("理由その3") < page.text.index("理由その1")


def test_a_manifest_signed_at_the_desk_is_one_the_kiosk_would_take(world: World, desk: Desk) -> None:
    booth = world.booth()

    desk.submit(desk.get(kiosk_path(booth)), "/settings")

    with world.store.reading() as connection:
        encoded = row(connection, "SELECT encoded FROM manifest WHERE version = 2").encoded
    manifest = read_manifest(bytes(encoded), world.hub.keyring.verifying(MANIFEST))
    assert (manifest.kiosk, manifest.version) == (booth.kiosk, 2)


def test_the_audit_understands_everything_the_desk_does(either: World) -> None:
    scene, world, desk = busy(either), either, Desk(either.hub)
    world.now_ms += 1_000
    forms: list[tuple[str, str, dict[str, str | list[str]]]] = [
        (kiosk_path(scene.short), "/top-up", {"points": "1000"}),
        (kiosk_path(scene.gap), "/gap", {}),
        (kiosk_path(scene.late), "/stop", {}),
        (kiosk_path(scene.copied), "/withdraw", {}),
        ("/desk/held/unknown-members", f"/{STRANGER}", {}),
        (f"/desk/members/{world.members[0]}", "/end", {}),
        (f"/desk/members/{world.members[3]}", "/lost", {}),
        (f"/desk/events/{world.event}", f"/events/{world.event}", {"ends": "2026-11-17T17:00"}),
        ("/desk/organisations/", "/raise", {"points": "5"}),
        (f"/desk/held/{scene.copied.kiosk.hex()}/two-lines", "/two-lines", {"everything": "y", "decision": "release"}),
        (f"/desk/held/{scene.short.kiosk.hex()}/points", "/points", {"everything": "y", "decision": "dismiss"}),
    ]

    answers = [
        desk.submit(desk.get(path), ending, reason="見本の理由", **typed).status for path, ending, typed in forms
    ]
    answers.append(desk.submit(desk.get("/desk/kiosks/"), "/kiosks/settings").status)

    assert set(answers) == {200}
    assert audit(world.store, world.hub.keyring) == []
