"""Organisations and their allotments."""

from __future__ import annotations

from desk_browser import Desk
from desk_look import newest_act
from desk_scene import Scene, busy
from hub_world import World

from hub.audit import audit
from hub.desk.offices.queries import allotments
from hub.store.database import row


def test_an_organisation_gets_an_allotment_and_more_points_with_a_reason(world: World, desk: Desk) -> None:
    desk.submit(desk.get("/desk/organisations/"), "/organisations/", name="見本団体2", kind="both")
    page = desk.get("/desk/organisations/")

    desk.submit(page, "/allotments", organisation="2", name="清掃", points="3000", reason="予算")
    world.now_ms += 1
    desk.submit(desk.get("/desk/organisations/"), "/raise", allotment="2", points="500", reason="参加者が増えた")

    with world.store.reading() as connection:
        line = next(one for one in allotments(connection) if one.allotment == 2)
    assert (line.organisation_name, line.fiscal_year, line.budget, line.left, line.granted) == (
        "見本団体2",
        2026,
        3_500,
        3_500,
        0,
    )
    assert [one for one in audit(world.store, world.hub.keyring) if not one.is_note] == []
    assert newest_act(world) == ("raise allotment", "参加者が増えた", "担当 3")


def test_where_an_allotments_points_are_always_adds_up(either: World) -> None:
    scene = busy(either)

    with scene.world.store.reading() as connection:
        lines = allotments(connection)
        posted = row(connection, "SELECT sum(points) AS points FROM transfer").points

    assert [(line.budget, line.left + line.with_kiosks + line.granted) for line in lines] == [(1_000_000, 1_000_000)]
    assert lines[0].granted == posted


def test_an_allotment_is_lowered_as_far_as_it_holds_points(scene: Scene, desk: Desk) -> None:
    page = desk.get("/desk/organisations/")

    too_far = desk.submit(page, "/lower", points="900,000", reason="減額")
    lowered = desk.submit(too_far, "/lower", points="1,000", reason="減額")

    assert (too_far.status, "付与枠に残っているのは" in too_far.text) == (400, True)
    assert "付与枠「見本の付与枠」から 1,000 ポイントを減らしました" in lowered.text
    assert "見本の付与枠 見本団体1 令和8年度 999,000" in lowered.text


def test_a_closed_organisation_is_offered_for_nothing_new_until_it_is_reopened(world: World, desk: Desk) -> None:
    closed = desk.submit(desk.get("/desk/organisations/"), "/1/close", reason="解散した")
    invite = desk.get("/desk/kiosks/")

    reopened = desk.submit(closed, "/1/reopen", reason="続けることになった")

    assert "見本団体1 付与団体 終了" in closed.text
    assert "付与枠を作る" not in closed.text
    assert "先に 団体 を加えてください" in invite.text
    assert reopened.form("/allotments").offered["allotment-organisation"] == ["1"]
