"""Letting a kiosk in."""

from __future__ import annotations

import pytest
from desk_browser import Desk
from desk_look import manifest_of, newest_act
from desk_scene import NEW_BOOTH, answered_invitation
from hub_world import World
from wire_samples import sample_key

from hub.desk.kiosks.queries import kiosk_lines
from hub.intake.facts import find_kiosk
from sync.certificate import kiosk_identity
from sync.enrolment import digits_to_compare
from sync.manifest import Share


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
    manifest = manifest_of(world, kiosk)
    assert [event.event for event in manifest.events] == [world.event]
    assert manifest.shares == (Share(world.allotment, 500, 50),)
    assert newest_act(world).kind == "approve kiosk"


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({}, "見くらべてから"),
        ({"is_same": "y", "total": "-1"}, "数だけを入れてください"),
        ({"is_same": "y", "total": "9,999,999,999"}, "0 から"),
        ({"is_same": "y", "total": "99999999"}, "足りません。先に付与枠を増やしてください"),
        ({"is_same": "y", "total": "many"}, "数だけを入れてください(例 1,000)"),
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
        assert kiosk_lines(connection) == []


def test_a_kiosk_whose_digits_differ_is_refused_for_good(world: World, desk: Desk) -> None:
    enrolment = answered_invitation(world, NEW_BOOTH)
    page = desk.get(f"/desk/kiosks/invitations/{enrolment.hex()}")

    told = desk.submit(page, "/decline")
    late = desk.submit(page, "/approve", is_same="y")

    assert "招待を取りやめました" in told.text
    assert late.status == 400
    with world.store.reading() as connection:
        assert kiosk_lines(connection) == []
