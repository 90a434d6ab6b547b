"""One kiosk: its figures, its settings, and what is done to it."""

from __future__ import annotations

import pytest
from desk_browser import Desk
from desk_look import held, kiosk_path, manifest_of, type_event
from desk_scene import Scene, busy
from hub_world import Booth, World

from hub.desk.kiosks.settings import outdated_kiosks
from hub.intake.reasons import Reason
from hub.store.database import Store, execute


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

    assert (refused.status, "付与枠のポイントが足りません" in refused.text) == (400, True)
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
