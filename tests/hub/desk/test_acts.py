"""The list of acts, and that the audit understands what the desk does."""

from __future__ import annotations

import pytest
from desk_browser import Desk
from desk_look import kiosk_path
from desk_scene import STRANGER, Scene, busy
from hub_world import World

from hub.audit import audit
from hub.store.database import Store, row
from sync.envelope import MANIFEST
from sync.manifest import read_manifest


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


def test_every_act_stands_in_the_list_with_its_reason_and_who_did_it(scene: Scene, desk: Desk) -> None:
    desk.submit(desk.get(kiosk_path(scene.short)), "/top-up", points="1000", reason="理由その1")
    desk.submit(desk.get(kiosk_path(scene.gap)), "/gap", reason="理由その2")
    scene.world.now_ms += 1_000
    desk.submit(desk.get(kiosk_path(scene.copied)), "/withdraw", reason="理由その3")

    page = desk.get("/desk/acts")

    assert "端末を失効 端末「見本通り 屋台」 理由その3 担当 3" in page.text
    assert "欠けを認めた 端末「見本公園 入口」 記録 5〜7番 理由その2 担当 3" in page.text
    assert "端末枠を追加 端末「見本会館 受付1」 付与枠「見本の付与枠」 1,000ポイント 理由その1 担当 3" in page.text
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
