"""What is said of points: before an act that takes some back, and once any act was done."""

from __future__ import annotations

import pytest
from desk_browser import Desk, Page
from desk_look import act_count, kiosk_path
from desk_scene import STRANGER, Scene
from hub_world import World

import hub.intake.judging as judging_module
from hub.acts.members import end_account
from hub.desk.base.moves import Moves, coming_text, done_text
from hub.ledger.posting import Moved
from hub.store.database import row

NOTHING = "利用者のポイントは変わりません。"


EARLY = {"starts": "2026-11-14T08:00", "ends": "2026-11-14T08:30"}
"""Before everything that the booths have granted."""


def change_event(desk: Desk, world: World, **typed: str) -> Page:
    path = f"/desk/events/{world.event}"
    return desk.submit(desk.get(path), path, reason="見直し", **typed)


def granted(world: World, people: int) -> None:
    booth = world.booth()
    for person in range(people):
        booth.grant(person)
    booth.send()


def test_who_gains_and_who_loses_are_both_said() -> None:
    moves = Moves(Moved(25, 24, {1: -50, **dict.fromkeys(range(2, 26), 48)}), 25)

    assert coming_text(moves) == "25件の付与が変わります。1人が 50ポイントを失い、24人が 1,152ポイントを得ます。"
    assert done_text(moves) == "1人から 50ポイントを取り戻し、24人に 1,152ポイントを付けました(付与 25件)。"


def test_what_is_left_for_later_is_not_called_nothing() -> None:
    moves = Moves(Moved(), 0, 3_000)

    assert NOTHING not in done_text(moves)
    assert "3,000件は続けて見なおします" in done_text(moves)


def test_a_changed_event_says_what_it_took_back_and_what_it_gave(world: World, desk: Desk) -> None:
    granted(world, 3)

    shown = change_event(desk, world, **EARLY)
    taken = desk.submit(shown, f"/events/{world.event}")
    given = change_event(desk, world, ends="2026-11-14T17:00")

    assert "3件の付与が変わります。3人が 150ポイントを失います。" in shown.text
    assert "3人から 150ポイントを取り戻しました(付与 3件)。" in taken.text
    assert "3人に 150ポイントを付けました(付与 3件)。" in given.text


def test_a_grant_that_gets_other_points_is_counted_once(scene: Scene, desk: Desk) -> None:
    typed = {"first": "2", "last": "4", "signed": "1.1", "meant": "1.2.0", "reason": "活動をまちがえた"}

    told = desk.submit(desk.get(kiosk_path(scene.gap)), "/replace", **typed)

    assert "3人に 150ポイントを付けました(付与 3件)。" in told.text


def test_a_changed_event_that_moves_nothing_says_so(world: World, desk: Desk) -> None:
    granted(world, 3)

    told = change_event(desk, world, name="見本の祭り")

    assert f"イベント「見本の祭り」を変更しました。{NOTHING}" in told.text


def test_every_act_that_judges_says_what_it_did_with_points(scene: Scene, desk: Desk) -> None:
    short, record = kiosk_path(scene.short), f"/desk/records/{scene.late.kiosk.hex()}/2"
    record += f"/{scene.late.entries[1].hash.hex()}"
    ended = scene.world.members[30]
    scene.world.do(end_account, ended)

    said = {
        "top up": desk.submit(desk.get(short), "/top-up", points="1000", reason="x"),
        "make known": desk.submit(desk.get("/desk/held/unknown-members"), f"/{STRANGER}", reason="x"),
        "stop": desk.submit(desk.get(short), "/stop", reason="x"),
        "resume": desk.submit(desk.get(short), "/resume", reason="x"),
        "accept": desk.submit(desk.get(kiosk_path(scene.gap)), "/gap", reason="x"),
        "release": desk.submit(desk.get(record), "/decide", decision="release", reason="x"),
        "reopen": desk.submit(desk.get(f"/desk/members/{ended}"), "/reopen", reason="x"),
        "lost": desk.submit(desk.get(f"/desk/members/{ended}"), "/lost", reason="x"),
    }

    assert "2人に 100ポイントを付けました(付与 2件)。" in said["top up"].text
    assert "1人に 50ポイントを付けました(付与 1件)。" in said["make known"].text
    assert "4人に 200ポイントを付けました(付与 4件)。" in said["accept"].text
    assert "反映しました。1人に 50ポイントを付けました(付与 1件)。" in said["release"].text
    assert all(NOTHING in said[kind].text for kind in ("stop", "resume", "reopen", "lost"))


def test_a_large_act_says_what_its_trial_has_found(world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging_module, "RUN_LIMIT", 2)
    granted(world, 5)

    shown = change_event(desk, world, **EARLY)
    told = desk.submit(shown, f"/events/{world.event}")

    assert "5件の付与が変わります。5人が 250ポイントを失います。" in shown.text
    assert "5人から 250ポイントを取り戻しました(付与 5件)。記録が多いので、5件は続けて見なおします。" in told.text
    assert [world.balance(member) for member in world.members[:5]] == [0] * 5


# the page that asks again


def test_the_page_that_asks_again_names_the_subject_and_what_changes(world: World, desk: Desk) -> None:
    granted(world, 3)

    event = change_event(desk, world, **{**EARLY, "activities-0-points": "40"})
    member = desk.submit(desk.get(f"/desk/members/{world.members[0]}"), "/unknown", reason="x")

    assert "対象 of what イベント「見本まつり(2026年11月14日(土))」" in event.text
    assert "→ 2026/11/14 8:00〜2026/11/14 8:30" in event.text
    assert "活動「来場」: 50ポイント・イベントで1回 → 40ポイント・イベントで1回" in event.text
    assert "対象 of what" in member.text


def test_a_kiosk_and_the_number_typed_are_named_where_it_asks_again(scene: Scene, desk: Desk) -> None:
    shown = desk.submit(desk.get(kiosk_path(scene.short)), "/withdraw", believed="4", reason="盗まれた")

    assert "端末「見本会館 受付1」" in shown.text
    assert "信じる最後の記録の番号(なければ空のまま): 4" in shown.text


def test_who_leaves_it_finds_the_form_as_it_was_typed_and_nothing_done(scene: Scene, desk: Desk) -> None:
    path = kiosk_path(scene.short)
    shown = desk.submit(desk.get(path), "/withdraw", believed="4", reason="盗まれた")
    before = scene.world.picture()

    left = desk.submit(shown, "/withdraw#withdraw-believed")
    fields = left.form("/withdraw").fields
    asked_again = desk.submit(left, "/withdraw")

    assert left.status == 200
    assert "まだ何も行っていません" in left.text
    assert (fields["withdraw-believed"], fields["withdraw-reason"]) == ("4", "盗まれた")
    assert scene.world.picture() == before
    assert "10人が 500ポイントを失います" in asked_again.text
    assert act_count(scene.world) == 0


def test_who_leaves_a_changed_event_loses_nothing_of_what_was_typed(world: World, desk: Desk) -> None:
    granted(world, 3)
    shown = change_event(desk, world, **{**EARLY, "activities-2-name": "清掃", "activities-2-points": "5"})

    left = desk.submit(shown, f"/events/{world.event}#name")

    fields = left.form(f"/events/{world.event}").fields
    assert (fields["ends"], fields["activities-2-name"]) == ("2026-11-14T08:30", "清掃")
    with world.store.reading() as connection:
        assert row(connection, "SELECT max(version) AS version FROM event").version == 1
