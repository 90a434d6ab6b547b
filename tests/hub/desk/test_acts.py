"""The list of acts, and that the audit understands what the desk does."""

from __future__ import annotations

import re

from desk_browser import Desk, Page
from desk_look import act_count, kiosk_path
from desk_scene import STRANGER, Scene, busy, without_clock
from hub_world import World

from hub.acts.decisions import dismiss, reopen_decision
from hub.acts.journal import say_boot_start
from hub.acts.kiosks import stop_kiosk
from hub.acts.organisations import add_organisation
from hub.audit import audit
from hub.store.database import insert, row
from sync.envelope import MANIFEST
from sync.manifest import read_manifest


def acts_in(page: Page) -> list[str]:
    """Where the acts of a list lead, in its order."""
    return [link for link in page.links if re.fullmatch(r"/desk/acts/[0-9a-f]{32}", link)]


def test_every_act_stands_in_the_list_with_its_reason_and_who_did_it(scene: Scene, desk: Desk) -> None:
    desk.submit(desk.get(kiosk_path(scene.short)), "/top-up", points="1000", reason="理由その1")
    desk.submit(desk.get(kiosk_path(scene.gap)), "/gap", reason="理由その2")
    scene.world.now_ms += 1_000
    desk.submit(desk.get(kiosk_path(scene.copied)), "/withdraw", reason="理由その3")

    page = desk.get("/desk/acts")

    assert "端末を失効 端末「見本通り 屋台」 理由その3 担当 3" in page.text
    assert "欠けを認める 端末「見本公園 入口」 記録 5〜7番 理由その2 担当 3" in page.text
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


def test_an_act_leads_to_its_subject_and_says_how_it_is_taken_back(scene: Scene, desk: Desk) -> None:
    scene.world.now_ms += 1_000
    desk.submit(desk.get(kiosk_path(scene.short)), "/stop", reason="置き忘れた")
    listed = desk.get("/desk/acts/")

    page = desk.get(acts_in(listed)[0])

    assert "端末を停止 kiosk stopped" in page.text
    assert "理由 reason 置き忘れた だれ by 担当 3" in page.text
    assert "対象のページで「端末を再開」を行います" in page.text
    assert kiosk_path(scene.short) in page.links


def test_a_decision_on_many_records_is_taken_back_at_once(scene: Scene, desk: Desk) -> None:
    scene.world.now_ms += 1_000
    group = desk.get(f"/desk/held/{scene.late.kiosk.hex()}/time")
    desk.submit(group, "/time", everything="y", decision="release", reason="確かめた")
    act = acts_in(desk.get("/desk/acts/"))[0]

    shown = desk.submit(desk.get(act), "/back", reason="まちがえた")
    back = desk.submit(shown, "/back")

    assert "2件の付与が変わります。2人が 100ポイントを失います。" in shown.text
    assert "決める前に戻す decision taken back" in back.text
    assert scene.world.verdicts(scene.late) == {"held": (2, 100)}
    assert not [form for form in desk.get(act).forms if form.action.endswith("/back")]


def test_a_decision_that_another_one_has_followed_is_not_taken_back_by_a_page_of_before(
    scene: Scene, desk: Desk
) -> None:
    entries = tuple((seq, scene.late.entries[seq - 1].hash) for seq in (2, 3))
    act = scene.world.do(dismiss, scene.late.kiosk, entries).act.hex()
    yesterday = desk.get(f"/desk/acts/{act}")
    scene.world.do(reopen_decision, scene.late.kiosk, entries[:1])

    refused = desk.submit(yesterday, "/back", reason="まちがえた")

    assert "そのあいだに、別の決定がありました" in refused.text
    assert act_count(scene.world) == 0


def test_of_a_decision_on_many_records_those_are_taken_back_that_no_other_one_has_followed(
    scene: Scene, desk: Desk
) -> None:
    entries = tuple((seq, scene.late.entries[seq - 1].hash) for seq in (2, 3))
    act = scene.world.do(dismiss, scene.late.kiosk, entries).act.hex()
    scene.world.do(reopen_decision, scene.late.kiosk, entries[:1])
    page = desk.get(f"/desk/acts/{act}")

    back = desk.submit(page, "/back", reason="まちがえた")

    assert "1件を、決める前に戻します。ほかの 1件は、そのあとに別の決定があるので戻しません。" in page.text
    assert "1件を、決める前に戻しました" in back.text
    assert scene.world.verdicts(scene.late) == {"held": (2, 100)}


def test_an_answer_about_a_start_of_a_booth_is_listed_with_the_start_as_it_stands_elsewhere(
    scene: Scene, desk: Desk
) -> None:
    booth = without_clock(scene.world)
    scene.world.do(say_boot_start, booth.kiosk, booth.boot, booth.started_ms)

    listed = desk.get("/desk/acts/")

    assert f"起動 {booth.boot.hex()[:8]} " in listed.text
    assert booth.boot.hex() not in listed.text


def test_older_acts_are_shown_page_by_page_also_those_of_one_moment(world: World, desk: Desk) -> None:
    for number in range(120):
        world.do(add_organisation, f"見本{number}", "grants")

    first = desk.get("/desk/acts/")
    second = desk.get(next(link for link in first.links if "before=" in link))

    with world.store.reading() as connection:
        total = row(connection, "SELECT count(*) AS acts FROM act").acts
    assert len(acts_in(first)) == 100
    assert len({*acts_in(first), *acts_in(second)}) == total


def test_what_is_still_to_be_judged_is_said_on_the_act_and_on_the_first_page(scene: Scene, desk: Desk) -> None:
    world = scene.world
    act = world.do(stop_kiosk, scene.short.kiosk).act
    with world.store.transaction() as connection:
        insert(connection, "to_judge", act=act, kiosk=scene.short.kiosk, seq=2, hash=scene.short.entries[1].hash)

    pages = [desk.get("/desk/"), desk.get(f"/desk/acts/{act.hex()}")]

    assert "見なおし中: のこり1件" in pages[0].text
    assert "見なおし中 のこり 1件" in pages[1].text
