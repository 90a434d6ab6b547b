"""One kiosk: its figures, its settings, and what is done to it."""

from __future__ import annotations

import pytest
from desk_browser import Desk, Page
from desk_look import act_count, held, kiosk_path, manifest_of, type_event
from desk_scene import Scene, without_clock
from hub_world import HELP, VISIT, Booth, World, activities, as_new
from wire_samples import MORNING_MS

from hub.acts.events import add_event
from hub.acts.journal import replace_range, take_back_boot_start
from hub.desk.base.shapes import day
from hub.desk.kiosks.settings import outdated_kiosks
from hub.intake.reasons import Reason
from hub.store.database import execute
from sync.citytime import DAY_MS
from sync.entry import Stamp


def test_a_top_up_releases_what_was_held_for_want_of_it(scene: Scene, desk: Desk) -> None:
    page = desk.get(kiosk_path(scene.short))

    refused = desk.submit(page, "/top-up", points="1,00", reason="思ったより人が来た")
    before = held(scene.world, scene.short, Reason.BEYOND_SHARE)
    told = desk.submit(refused, "/top-up", points="1,000", reason="思ったより人が来た")

    assert (refused.status, before) == (400, 4)
    assert "端末枠に 1,000 ポイントを追加しました" in told.text
    assert held(scene.world, scene.short, Reason.BEYOND_SHARE) == 0
    assert scene.world.shares(scene.short) == {scene.world.allotment: 1_700}


def test_a_top_up_beyond_the_allotment_is_refused_beside_the_field(scene: Scene, desk: Desk) -> None:
    page = desk.get(kiosk_path(scene.short))

    refused = desk.submit(page, "/top-up", points="900000000", reason="多すぎ")

    assert (refused.status, "足りません。先に付与枠を増やしてください" in refused.text) == (400, True)
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

    assert (refused.status, "この番号の欠けはありません" in refused.text) == (400, True)


@pytest.mark.parametrize(
    ("ending", "reason", "standing"), [("/stop", Reason.STOPPED, "停止"), ("/withdraw", Reason.WITHDRAWN, "失効")]
)
def test_a_stopped_or_withdrawn_kiosk_keeps_what_was_posted_and_holds_the_rest(
    world: World, desk: Desk, ending: str, reason: Reason, standing: str
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
        assert outdated_kiosks(world.hub, connection) == []
    manifest = manifest_of(world, booth.kiosk)
    assert manifest.lost_cards == ((member, 1),)


def test_another_event_is_assigned_and_signed_into_the_settings(world: World, desk: Desk) -> None:
    booth = world.booth()
    type_event(desk, name="見本の清掃")

    told = desk.submit(desk.get(kiosk_path(booth)), "/events", event="2", reason="清掃もする")

    assert "イベントを割り当て" in told.text
    manifest = manifest_of(world, booth.kiosk)
    assert [event.name for event in manifest.events] == ["見本まつり", "見本の清掃"]


# what goes wrong, and back


def test_a_gap_that_was_accepted_by_mistake_is_open_again(scene: Scene, desk: Desk) -> None:
    path = kiosk_path(scene.gap)
    accepted = desk.submit(desk.get(path), "/gap", reason="カードがこわれた")

    shown = desk.submit(accepted, "/gap/5/back", reason="見つかった")
    back = desk.submit(shown, "/gap/5/back")

    assert "うち 3 は待たない" in accepted.text
    assert "認めた欠け 5〜7番" in accepted.text
    assert "4件の付与が変わります。4人が 200ポイントを失います。" in shown.text
    assert "欠けを認める(5〜7番)" in back.text
    assert scene.world.verdicts(scene.gap) == {"posted": (3, 150), "held": (4, 200)}


def test_records_that_are_lost_with_the_booth_are_given_up_and_awaited_again(scene: Scene, desk: Desk) -> None:
    given_up = desk.submit(desk.get(kiosk_path(scene.gap)), "/tail", reason="端末が川に落ちた")

    back = desk.submit(given_up, "/tail/12/back", reason="見つかった")

    assert "うち 2 は待たない" in given_up.text
    assert "待たないことにした記録 12〜13番" in given_up.text
    assert "届かない記録をあきらめる(12〜13番)" in back.text


def test_a_range_that_was_granted_for_the_wrong_thing_is_replaced_and_put_back(scene: Scene, desk: Desk) -> None:
    world, path = scene.world, kiosk_path(scene.gap)
    meant = {"first": "2", "last": "4", "signed": "1.1", "meant": "1.2.0"}

    replaced = desk.submit(desk.get(path), "/replace", reason="活動をまちがえた", **meant)
    record = desk.get(f"/desk/records/{scene.gap.kiosk.hex()}/2/{scene.gap.entries[1].hash.hex()}")
    shown = desk.submit(replaced, "/replace/1/back", reason="合っていた")
    back = desk.submit(shown, "/replace/1/back")

    assert "置きかえた範囲 2〜4番" in replaced.text
    titles = [f"見本まつり({day(MORNING_MS)})・{activity}" for activity in ("来場", "お手伝い")]
    assert " → ".join(titles) in replaced.text
    assert "お手伝い" in record.text
    assert "100 (端末は 50)" in record.text
    assert "置きかえなどで、端末が書いたものと違います" in record.text
    assert "3件の付与が変わります。" in shown.text
    assert "置きかえを取り消しました" in back.text
    assert world.verdicts(scene.gap)["posted"] == (3, 150)


def test_the_answer_when_a_booth_was_switched_on_settles_its_days_and_can_be_taken_back(
    scene: Scene, desk: Desk
) -> None:
    booth = without_clock(scene.world)
    asked, boot = desk.get(kiosk_path(booth)), booth.boot.hex()

    slip = desk.submit(asked, f"/boots/{boot}", started="2026-11-20T08:50", reason="担当に聞いた")
    answered = desk.submit(slip, f"/boots/{boot}", started="2026-11-16T08:50", reason="担当に聞いた")
    record = desk.get(f"/desk/records/{booth.kiosk.hex()}/2/{booth.entries[1].hash.hex()}")
    back = desk.submit(desk.submit(answered, f"/{boot}/back", reason="違った"), f"/{boot}/back")

    assert "記録 2〜4番。スイッチを入れてから 10分後に付けました" in asked.text
    assert (slip.status, "届いた記録と合わない日時です" in slip.text) == (400, True)
    assert "2026/11/16 8:50 と回答済み" in answered.text
    assert "2026/11/16 9:00 (窓口の回答)" in record.text
    assert "スイッチの回答を取り消し" in back.text
    assert held(scene.world, booth, Reason.DAY) == 3


def test_of_a_stolen_kiosk_only_what_it_had_signed_up_to_a_record_is_believed(scene: Scene, desk: Desk) -> None:
    page = desk.get(kiosk_path(scene.short))

    shown = desk.submit(page, "/withdraw", believed="4", reason="4番のあとで盗まれた")
    withdrawn = desk.submit(shown, "/withdraw")
    back = desk.submit(withdrawn, "/resume", reason="見つかった")

    assert "10件の付与が変わります。10人が 500ポイントを失います。" in shown.text
    assert "失効" in withdrawn.text
    assert held(scene.world, scene.short, Reason.WITHDRAWN) == 0
    assert "端末を再開しました" in back.text
    assert scene.world.verdicts(scene.short)["posted"] == (13, 650)


@pytest.mark.parametrize("believed", ["99", "-1", "x"])
def test_a_record_that_is_not_there_cannot_be_the_last_believed(scene: Scene, desk: Desk, believed: str) -> None:
    refused = desk.submit(desk.get(kiosk_path(scene.short)), "/withdraw", believed=believed, reason="盗まれた")

    assert refused.status == 400
    assert act_count(scene.world) == 0


def test_a_share_is_lowered_as_far_as_it_is_not_used(scene: Scene, desk: Desk) -> None:
    path = kiosk_path(scene.silent)

    too_far = desk.submit(desk.get(kiosk_path(scene.short)), "/lower-share", points="1", reason="余った")
    lowered = desk.submit(desk.get(path), "/lower-share", points="99,000", reason="余った")

    assert (too_far.status, "届いた付与の 920 ポイントより少なくは下げられません" in too_far.text) == (400, True)
    assert "端末枠を 99,000 ポイント下げました" in lowered.text
    assert "見本の付与枠 1,000" in lowered.text


def test_a_kiosk_is_renamed_and_its_settings_are_out_of_date_until_renewed(scene: Scene, desk: Desk) -> None:
    renamed = desk.submit(desk.get(kiosk_path(scene.silent)), "/name", name="見本駅前 2階", reason="移した")

    listed = desk.get("/desk/kiosks/")

    assert "端末「見本駅前 2階」" in renamed.text
    assert "「見本駅前 2階」" in listed.text
    assert "端末設定が古い端末が 1台あります" in listed.text


def test_an_event_is_removed_from_a_kiosk_and_assigned_again(scene: Scene, desk: Desk) -> None:
    removed = desk.submit(desk.get(kiosk_path(scene.silent)), "/events/remove", event="1", reason="使わない")
    without = manifest_of(scene.world, scene.silent.kiosk)

    desk.submit(removed, "/events", event="1", reason="やはり使う")

    assert "イベントの割り当てがありません" in removed.text
    assert without.events == ()
    assert [event.event for event in manifest_of(scene.world, scene.silent.kiosk).events] == [1]


def test_a_booth_with_hundreds_of_starts_has_a_page_that_can_be_read(scene: Scene, desk: Desk) -> None:
    world = scene.world
    days = (MORNING_MS, MORNING_MS + 2 * DAY_MS)
    event = world.do(add_event, "二日のまつり", *days, world.allotment, as_new(activities())).made
    booth = world.booth("うごかない時計", events=(event,))
    world.now_ms += 2 * DAY_MS
    unsettled = booth.opened()._replace(manifest=None)
    for start in range(300):
        stamp = Stamp(0, start.to_bytes(16, "big"), 60_000, 0)
        booth.add(unsettled, stamp)
        booth.add(booth.make_grant(start % 30, event=event, activity=HELP, occasion=1, quantity=30, points=100), stamp)
    booth.send()

    page = desk.get(kiosk_path(booth))

    assert page.text.count("この日時にする") == 20
    assert len(page.text) < 30_000


# what a replacement changes


def test_a_replacement_that_changes_points_is_no_difference_between_the_figures(scene: Scene, desk: Desk) -> None:
    told = (scene.gap.kiosk, 2, 4, scene.world.event, VISIT, scene.world.event, HELP)
    scene.world.do(replace_range, *told)

    page = desk.get(f"{kiosk_path(scene.gap)}/recount")

    assert "数は合っています" in page.text
    assert "届いた記録を数えると from the records 7 350 置きかえで変わった分 by replacements +150" in page.text
    assert "表にある数 in the tables 7 500" in page.text


@pytest.mark.parametrize("path", ["/desk/", ""])
def test_what_a_kiosk_has_given_is_what_it_signed_with_the_effect_of_a_replacement_beside_it(
    scene: Scene, desk: Desk, path: str
) -> None:
    told = (scene.gap.kiosk, 2, 4, scene.world.event, VISIT, scene.world.event, HELP)
    scene.world.do(replace_range, *told)

    page = desk.get(path or kiosk_path(scene.gap))

    assert "7 件 350 P 置きかえで +150 P" in page.text


# records that have all arrived


def test_a_copied_kiosk_of_which_all_has_arrived_is_not_said_to_lack_records(world: World, desk: Desk) -> None:
    original = world.booth()
    for person in range(5):
        original.grant(person)
    copy = original.clone(4)
    copy.grant(10)
    copy.send()
    original.send(1)

    page = desk.get(kiosk_path(original))

    assert "記録が二通り" in page.text
    assert "届いていません" not in page.text
    assert "あきらめる" not in page.text


def test_an_accepted_gap_of_which_all_has_come_promises_nothing(scene: Scene, desk: Desk) -> None:
    accepted = desk.submit(desk.get(kiosk_path(scene.gap)), "/gap", reason="カードがこわれた")
    scene.gap.send(5, 7)

    page = desk.get(kiosk_path(scene.gap))

    assert "取り消すと、8 番からの付与が要確認に戻ります" in accepted.text
    assert "この番号の記録は、あとからすべて届きました。" in page.text
    assert "付与が要確認に戻ります" not in page.text
    assert "「欠けを認める」で元に戻せます" not in page.text


# what is put back, named


def test_of_two_replacements_of_one_range_it_is_said_that_the_earlier_one_does_not_come_back(
    scene: Scene, desk: Desk
) -> None:
    world, told = scene.world, (scene.gap.kiosk, 2, 4, scene.world.event, VISIT)
    park = world.do(add_event, "公園", MORNING_MS, MORNING_MS + DAY_MS, world.allotment, as_new(activities())).made
    world.do(replace_range, *told, park, VISIT)
    world.do(replace_range, *told, world.event, HELP)

    page = desk.get(kiosk_path(scene.gap))
    shown = desk.submit(page, "/replace/2/back", reason="合っていた")

    signed = f"見本まつり({day(MORNING_MS)})・来場"
    coming = f"取り消すと、端末が付けた「{signed}」に戻ります。この範囲の前の置きかえには戻りません。"
    assert coming in page.text
    assert f"記録 2〜4番 {coming}" in shown.text


def test_what_is_asked_again_before_a_gap_is_open_again_names_its_records(scene: Scene, desk: Desk) -> None:
    accepted = desk.submit(desk.get(kiosk_path(scene.gap)), "/gap", reason="カードがこわれた")

    shown = desk.submit(accepted, "/gap/5/back", reason="見つかった")

    assert "記録 5〜7番の欠け" in shown.text


# what somebody else has said meanwhile


def test_a_gap_that_another_page_has_accepted_is_said_to_be_accepted(scene: Scene, desk: Desk) -> None:
    stale = desk.get(kiosk_path(scene.gap))
    desk.submit(desk.get(kiosk_path(scene.gap)), "/gap", reason="カードがこわれた")

    refused = desk.submit(stale, "/gap", reason="カードがこわれた")

    assert "この欠けは、もう認められています" in refused.text
    assert act_count(scene.world, "accept hole") == 1


def answer(desk: Desk, path: str, boot: str, started: str) -> Page:
    """Say when a booth was switched on."""
    return desk.submit(desk.get(path), f"/boots/{boot}", started=started, reason="担当に聞いた")


def test_an_answer_that_somebody_has_given_meanwhile_is_not_overwritten(scene: Scene, desk: Desk) -> None:
    booth = without_clock(scene.world)
    path, boot = kiosk_path(booth), booth.boot.hex()
    stale = desk.get(path)
    answer(desk, path, boot, "2026-11-16T08:50")

    refused = desk.submit(stale, f"/boots/{boot}", started="2026-11-16T08:30", reason="ほかの人に聞いた")

    assert "そのあいだに、ほかの人が変更しました" in refused.text
    assert "2026/11/16 8:50 と回答済み" in refused.text
    assert act_count(scene.world, "say boot start") == 1


def test_an_answer_is_not_taken_back_by_a_page_that_has_shown_another_one(scene: Scene, desk: Desk) -> None:
    booth = without_clock(scene.world)
    path, boot = kiosk_path(booth), booth.boot.hex()
    stale = answer(desk, path, boot, "2026-11-16T08:50")
    scene.world.do(take_back_boot_start, booth.kiosk, booth.boot)
    answer(desk, path, boot, "2026-11-16T08:40")

    refused = desk.submit(stale, f"/boots/{boot}/back", reason="違った")

    assert "そのあいだに、ほかの人が変更しました" in refused.text
    assert "2026/11/16 8:40 と回答済み" in refused.text
