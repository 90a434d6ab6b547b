"""What waits for a person, and the decisions on it."""

from __future__ import annotations

import pytest
from desk_browser import Desk
from desk_look import act_count, held, kiosk_path, newest_act
from desk_scene import STRANGER, Scene, busy
from hub_world import World

from hub.intake.reasons import Reason
from hub.store.database import Store
from sync.entry import Void
from sync.member import printed


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
    assert act_count(scene.world) == 1


def test_a_whole_group_is_dismissed_in_one_act(scene: Scene, desk: Desk) -> None:
    before = held(scene.world, scene.copied, Reason.FORK)
    page = desk.get(f"/desk/held/{scene.copied.kiosk.hex()}/two-lines")

    desk.submit(page, "/two-lines", everything="y", decision="dismiss", reason="複製された端末")

    assert before == 4
    assert held(scene.world, scene.copied) == 0
    assert scene.world.verdicts(scene.copied)["dismissed"] == (4, 200)


def test_all_means_those_that_were_seen_also_where_as_many_others_came(scene: Scene, desk: Desk) -> None:
    booth = scene.world.booth("入口")
    booth.grant(0, points=60)
    booth.send()
    page = desk.get(f"/desk/held/{booth.kiosk.hex()}/points")
    booth.add(Void(2, "まちがい"))
    booth.grant(7, points=4_000)
    booth.send()

    refused = desk.submit(page, "/points", everything="y", decision="release", reason="確かめた")

    assert "中身が変わりました" in refused.text
    assert scene.world.verdicts(booth) == {"dismissed": (1, 60), "held": (1, 4_000)}


def test_all_means_all_that_the_clerk_has_seen(scene: Scene, desk: Desk) -> None:
    page = desk.get(f"/desk/held/{scene.late.kiosk.hex()}/time")
    scene.late.grant(32)
    scene.late.send()

    refused = desk.submit(page, "/time", everything="y", decision="dismiss", reason="すべて")

    assert "中身が変わりました" in refused.text
    assert refused.form("/time").fields["seen"] == "3"
    assert held(scene.world, scene.late) == 3


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"entries": ["first"], "reason": ""}, "理由を書いてください"),
        ({"entries": ["first"], "reason": "   "}, "理由を書いてください"),
        ({"entries": [], "reason": "確かめた"}, "1件以上えらんでください"),
        ({"entries": ["no hash"], "reason": "確かめた"}, "もう一度えらんでください"),
        ({"entries": ["00" * 32], "reason": "確かめた"}, "もう一度えらんでください"),
        ({"entries": ["2-" + "00" * 32], "reason": "確かめた"}, "もうありません"),
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
    assert held(scene.world, scene.short, Reason.BEYOND_SHARE) == 4  # two of them for other reasons too


def test_a_later_decision_takes_the_place_of_an_earlier_one(scene: Scene, desk: Desk) -> None:
    record = f"/desk/records/{scene.late.kiosk.hex()}/2/{scene.late.entries[1].hash.hex()}"
    desk.submit(desk.get(record), "/decide", decision="release", reason="会場に確かめた")

    shown = desk.submit(desk.get(record), "/decide", decision="dismiss", reason="まちがいだった")
    desk.submit(shown, "/decide")

    assert "1件の付与が変わります。1人が 50ポイントを失います。" in shown.text
    assert scene.world.verdicts(scene.late) == {"held": (1, 50), "dismissed": (1, 50)}
    assert scene.world.balance(scene.world.members[30]) == 0


def test_a_long_group_is_shown_in_pages_and_still_decided_at_once(sqlite: Store) -> None:
    world = World(sqlite, people=120)
    desk, booth = Desk(world.hub), world.booth(total=0)
    for person in range(120):
        booth.grant(person)
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
    assert held(world, scene.short, Reason.MEMBER_UNKNOWN) == 0
    assert newest_act(world) == ("make known", "カードを見た", "担当 3")
