"""Events and their activities."""

from __future__ import annotations

import pytest
from desk_browser import Desk
from desk_look import event_line, newest_act, type_event
from desk_scene import Scene
from hub_world import VISIT, World
from wire_samples import MORNING_MS

from hub.audit import audit
from hub.desk.events.queries import events
from hub.store.database import rows
from sync.citytime import DAY_MS
from sync.manifest import OccasionBy, Slot
from sync.rules import ByHours, Fixed


def test_an_event_with_activities_is_written_as_it_was_typed(world: World, desk: Desk) -> None:
    told = type_event(desk).text

    line = event_line(world, 2)
    assert "イベント「見本の清掃」を加えました" in told
    assert line.event.ends_ms - line.event.starts_ms == 3 * 3_600_000
    assert line.event.starts_ms == MORNING_MS + 6 * DAY_MS
    assert [(one.activity, one.name, one.rule, one.occasion_by, one.daily_limit) for one in line.event.activities] == [
        (1, "そうじ", ByHours(((30, 5), (60, 10))), OccasionBy.DAY, 1),
        (2, "来場", Fixed(50), OccasionBy.NONE, 0),
    ]


def slots_of(world: World, event: int) -> list[tuple[Slot, ...]]:
    return [activity.slots for activity in event_line(world, event).event.activities]


def test_slots_are_numbered_from_1_and_stand_in_the_list_and_in_the_kiosks_settings(world: World, desk: Desk) -> None:
    type_event(desk, **{"activities-0-occasion_by": "2", "activities-0-slots": "午前\n\n 午後 \n"})

    listed = desk.get("/desk/events").text.replace("&nbsp;", " ").replace("\xa0", " ")
    told = world.booth(events=(world.event, 2)).manifest.event(2)

    assert told is not None
    assert slots_of(world, 2) == [activity.slots for activity in told.activities]
    assert slots_of(world, 2) == [(Slot(1, "午前"), Slot(2, "午後")), ()]
    assert "午後 (時間帯 2)" in listed
    assert audit(world.store, world.hub.keyring) == []


def test_a_slot_keeps_its_number_also_when_it_comes_back_and_no_new_one_gets_a_used_one(
    world: World, desk: Desk
) -> None:
    type_event(desk, **{"activities-0-occasion_by": "2", "activities-0-slots": "朝\n昼\n夜"})
    seen = []

    for names in ("夕方\n朝\n昼", "昼\n夜", "深夜\n昼"):
        desk.submit(desk.get("/desk/events/2"), "/events/2", reason="見直し", **{"activities-0-slots": names})
        seen.append(slots_of(world, 2)[0])

    assert seen == [
        (Slot(1, "朝"), Slot(2, "昼"), Slot(4, "夕方")),
        (Slot(2, "昼"), Slot(3, "夜")),
        (Slot(2, "昼"), Slot(5, "深夜")),
    ]


def test_an_activity_that_goes_by_slots_again_has_its_old_numbers_and_new_ones_behind_them(
    world: World, desk: Desk
) -> None:
    type_event(desk, **{"activities-0-occasion_by": "2", "activities-0-slots": "朝\n昼"})
    changes = [("1", ""), ("2", "朝\n夜")]

    for occasion_by, names in changes:
        typed = {"activities-0-occasion_by": occasion_by, "activities-0-slots": names}
        desk.submit(desk.get("/desk/events/2"), "/events/2", reason="見直し", **typed)

    assert slots_of(world, 2)[0] == (Slot(1, "朝"), Slot(3, "夜"))


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
    shown = type_event(desk, **typed).text

    assert told in shown
    with world.store.reading() as connection:
        assert len(events(connection)) == 1


def test_the_events_show_the_numbers_that_a_booth_is_started_with(desk: Desk, scene: Scene) -> None:
    text = desk.get("/desk/events").text.replace("&nbsp;", " ").replace("\xa0", " ")

    assert f"(番号 {scene.world.event})" in text
    assert "(番号 2)" in text


def test_a_changed_event_is_a_new_version_and_releases_what_was_held_for_its_time(scene: Scene, desk: Desk) -> None:
    page = desk.get(f"/desk/events/{scene.world.event}")

    told = desk.submit(page, f"/events/{scene.world.event}", ends="2026-11-17T17:00", reason="雨で延期した")

    assert "イベント「見本まつり」を変更しました" in told.text
    assert scene.world.verdicts(scene.late) == {"posted": (2, 100)}
    line = event_line(scene.world, scene.world.event)
    with scene.world.store.reading() as connection:
        versions = rows(connection, "SELECT version FROM event WHERE event = :event", event=scene.world.event)
    assert (line.version, len(versions)) == (2, 2)
    assert [activity.activity for activity in line.event.activities] == [1, 2]
    assert newest_act(scene.world) == ("change event", "雨で延期した", "担当 3")


def test_an_activity_keeps_its_number_when_another_is_taken_out(world: World, desk: Desk) -> None:
    page = desk.get(f"/desk/events/{world.event}")
    typed = {"activities-0-name": "", "activities-2-name": "清掃", "activities-2-points": "20", "reason": "見直し"}

    desk.submit(page, f"/events/{world.event}", **typed)

    line = event_line(world, world.event)
    assert [(one.activity, one.name) for one in line.event.activities] == [(2, "お手伝い"), (3, "清掃")]
    assert VISIT not in [one.activity for one in line.event.activities]


def test_an_event_that_was_called_off_goes_into_no_new_settings_until_it_is_taken_up(scene: Scene, desk: Desk) -> None:
    path = f"/desk/events/{scene.world.event}"

    off = desk.submit(desk.get(path), "/call-off", reason="台風")
    listed = desk.get("/desk/events/")
    kiosks = desk.get("/desk/kiosks/")
    up = desk.submit(off, "/take-up", reason="晴れた")

    assert "中止 新しい端末設定には入りません。" in off.text
    assert "見本まつり (番号 1) 中止" in listed.text.replace("\xa0", " ")
    assert "端末設定が古い端末が 5台あります" in kiosks.text
    assert "中止を取り消しました" in up.text
    assert "端末設定が古い端末" not in desk.get("/desk/kiosks/").text
