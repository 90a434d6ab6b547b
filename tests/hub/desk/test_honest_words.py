"""What the desk promises and counts is so: ways back with what they leave, shares on their way back, sums."""

from __future__ import annotations

from desk_browser import Desk
from desk_look import kiosk_path, type_event
from desk_scene import Scene
from hub_world import HELP, VISIT, World
from wire_samples import MORNING_MS

from hub.acts.events import add_event
from hub.acts.journal import accept_hole, replace_range, take_back_hole
from hub.acts.kiosks import lower_share, remove_event
from hub.acts.lines import stop_kiosk, withdraw_kiosk
from hub.acts.organisations import add_allotment, add_organisation
from hub.desk.base.deeds import PROVISOS, TITLES, deed_of
from hub.desk.base.shapes import ago
from hub.desk.base.shares import coming_back
from sync.citytime import DAY_MS
from sync.manifest import Activity, OccasionBy, Slot
from sync.rules import Fixed


def add_on(world: World, name: str, days: int, allotment: int | None = None) -> int:
    """Add an event that lasts an hour, so many days from now."""
    activities = (Activity(0, "清掃", Fixed(10), OccasionBy.NONE, 0, ()),)
    starts_ms = world.now_ms + days * DAY_MS
    window = (starts_ms, starts_ms + 3_600_000)
    made: int = world.do(add_event, name, *window, allotment or world.allotment, activities).made
    return made


def order(text: str, *words: str) -> list[str]:
    """The words in the order in which they first stand in a text."""
    return sorted(words, key=text.index)


# ways back


def test_a_way_back_that_leaves_something_says_so_where_it_is_promised(scene: Scene, desk: Desk) -> None:
    kiosk, offices = desk.get(kiosk_path(scene.short)).text, desk.get("/desk/organisations/").text

    assert "「端末枠を減らす」で元に戻せます。元に戻せるのは、それまでに使われていない分だけです。" in kiosk
    assert offices.count("元に戻せるのは、付与枠に残っている分だけです。") == 2
    assert PROVISOS.keys() <= TITLES.keys()
    assert all(deed_of(kind).counter for kind in PROVISOS)


def test_the_page_of_an_approval_does_not_promise_that_all_comes_back(scene: Scene, desk: Desk) -> None:
    acts = desk.get(kiosk_path(scene.short))

    page = desk.get(next(link for link in acts.links if "/desk/acts/" in link and len(link) > len("/desk/acts/")))

    assert "端末を登録" in page.text
    assert "反映した付与はそのままです" in page.text


def test_a_withdrawn_kiosks_points_are_said_to_be_back_at_once(scene: Scene, desk: Desk) -> None:
    path = kiosk_path(scene.silent)
    scene.world.do(withdraw_kiosk, scene.silent.kiosk)

    before = desk.get(path)
    lowered = desk.submit(before, "/lower-share", points="1,000", reason="戻す")

    assert "ポイントはすぐに付与枠に戻ります" in before.text
    assert "端末枠を 1,000 ポイント下げました。ポイントは付与枠に戻りました。" in lowered.text
    assert "もどる途中" not in lowered.text


def test_points_on_their_way_back_stand_beside_the_share(scene: Scene, desk: Desk) -> None:
    lowered = desk.submit(desk.get(kiosk_path(scene.silent)), "/lower-share", points="99,000", reason="余った")

    assert "ポイントは、端末が新しい設定を受けとると付与枠に戻ります" in lowered.text
    assert "ほかに 99,000 ポイントが もどる途中" in lowered.text
    assert "そのうち要確認・取り消し・重複になったものも入ります" in lowered.text
    assert "もどる途中" not in desk.get(kiosk_path(scene.short)).text


# lists and selects


def test_events_are_listed_the_nearest_first_and_what_is_over_behind(world: World, desk: Desk) -> None:
    for name, days in (("来年", 400), ("あさって", 2), ("先月", -30), ("去年", -400)):
        add_on(world, name, days)

    page = desk.get("/desk/events/")

    assert order(page.text, "去年", "先月", "来年", "あさって", "見本まつり") == [
        *("見本まつり", "あさって", "来年", "先月", "去年"),
    ]


def test_events_are_found_by_name_and_organisation(world: World, desk: Desk) -> None:
    other = world.do(add_organisation, "見本商店会", "grants").made
    allotment = world.do(add_allotment, other, "商店会の付与枠", 1_000).made
    add_on(world, "駅前Clean", 1)
    add_on(world, "商店会の市", 2, allotment)

    named = desk.get("/desk/events/?name=ｃｌｅａｎ&organisation=0")
    theirs = desk.get(f"/desk/events/?name=&organisation={other}")
    none = desk.get("/desk/events/?name=ありません&organisation=x")

    assert ("駅前Clean" in named.text, "見本まつり" in named.text) == (True, False)
    assert ("商店会の市" in theirs.text, "見本まつり" in theirs.text) == (True, False)
    assert (none.status, "さがしたイベントはありません" in none.text) == (200, True)


def test_a_kiosk_is_offered_events_of_its_own_organisation_first_and_the_nearest_of_them(
    world: World, desk: Desk
) -> None:
    booth = world.booth()
    other = world.do(add_organisation, "見本商店会", "grants").made
    theirs = add_on(world, "商店会の市", 1, world.do(add_allotment, other, "商店会の付与枠", 1_000).made)
    far, near = add_on(world, "遠い", 300), add_on(world, "近い", 3)

    page = desk.get(kiosk_path(booth))

    groups = [given["label"] for tag, given in page.tags if tag == "optgroup"][:2]
    assert page.form("/events").offered["assign-event"] == [str(one) for one in (near, far, theirs)]
    assert groups == ["この端末の団体", "ほかの団体"]


def test_what_a_kiosk_may_have_granted_is_of_events_that_it_serves_or_has_served(world: World, desk: Desk) -> None:
    booth = world.booth()
    elsewhere = add_on(world, "よその", 1)
    world.do(remove_event, booth.kiosk, world.event)

    offered = desk.get(kiosk_path(booth)).form("/replace").offered

    assert offered["replace-signed"] == [f"{world.event}.{VISIT}", f"{world.event}.{HELP}"]
    assert f"{elsewhere}.1.0" in offered["replace-meant"]


def test_allotments_have_a_total_and_ways_to_the_forms(world: World, desk: Desk) -> None:
    world.do(add_allotment, world.organisation, "清掃", 2_500)

    page = desk.get("/desk/organisations/")

    ids = {given.get("id") for _, given in page.tags}
    assert "合計 total 1,002,500 1,002,500 0 0" in page.text
    assert {"add", "allot", "raise", "lower"} <= ids
    assert {f"/desk/organisations/#{one}" for one in ("add", "allot", "raise", "lower")} <= set(page.links)


# looks of words


def test_one_rule_says_how_long_ago_something_was() -> None:
    hours = [ago(0, hours * 3_600_000) for hours in (1, 23, 24, 46, 48)]

    assert hours == ["1時間前", "23時間前", "1日前", "1日前", "2日前"]


def test_an_acts_page_says_which_records_and_which_activity_it_was_about(scene: Scene, desk: Desk) -> None:
    world, kiosk = scene.world, scene.gap.kiosk
    replaced = world.do(replace_range, kiosk, 2, 4, world.event, VISIT, world.event, HELP).act
    world.do(accept_hole, kiosk, 5, 7)
    taken_back = world.do(take_back_hole, kiosk, 5).act

    pages = [desk.get(f"/desk/acts/{act.hex()}").text for act in (replaced, taken_back)]

    assert "記録 2〜4番" in pages[0]
    assert "見本まつり・お手伝い" in pages[0]
    assert "記録 5〜7番" in pages[1]


def test_every_page_bears_in_its_foot_what_it_is_and_when_it_was_shown(world: World, desk: Desk) -> None:
    type_event(desk)

    pages = {path: desk.get(path).text for path in ("/desk/", "/desk/events/2", "/desk/acts/", "/desk/organisations/")}

    assert all("2026年11月14日(土)" in text.rpartition("Kumapo hub")[2] for text in pages.values())
    assert "見本の清掃・" in pages["/desk/events/2"].rpartition("Kumapo hub")[2]


def test_a_printed_event_says_all_that_its_form_holds(world: World, desk: Desk) -> None:
    type_event(desk, **{"activities-0-occasion_by": "2", "activities-0-slots": "午前\n午後"})
    world.booth("見本公園", events=(2,))

    text = desk.get("/desk/events/2").text

    assert "2026年11月20日(金) 9:00 〜 2026年11月20日(金) 12:00" in text
    assert "これから(番号 2・1版)" in text
    assert "30分から5、60分から10ポイント・時間帯ごとに1回・1日 1回まで(午前、午後)" in text
    assert "見本公園" in text


# what does not come back, and what is lacking


def test_points_that_were_used_meanwhile_are_not_on_their_way_back(world: World, desk: Desk) -> None:
    booth = world.booth(total=200)
    world.do(lower_share, booth.kiosk, world.allotment, 150)
    for person in range(4):
        booth.grant(person)
    booth.send()

    page = desk.get(kiosk_path(booth))

    assert world.verdicts(booth) == {"posted": (4, 200)}
    assert "もどる途中" not in page.text


def test_a_copied_kiosks_points_are_not_said_to_be_on_their_way_back(scene: Scene, desk: Desk) -> None:
    page = desk.get(kiosk_path(scene.copied))
    lowered = desk.submit(page, "/lower-share", points="1,000", reason="余った")

    assert "ポイントは、記録が二通りあるので戻りません。" in lowered.text
    assert "ほかに 1,000 ポイントが端末にのこっています" in lowered.text
    assert "もどる途中" not in lowered.text


def test_points_that_stay_with_a_copied_kiosk_come_back_as_the_page_says(scene: Scene, desk: Desk) -> None:
    path, allotment = kiosk_path(scene.copied), scene.world.allotment
    desk.submit(desk.get(path), "/lower-share", points="1,000", reason="余った")
    scene.world.do(withdraw_kiosk, scene.copied.kiosk)

    told = desk.submit(desk.get(path), "/lower-share", points="1", reason="余った")

    assert "ポイントは付与枠に戻りました。" in told.text
    with scene.world.store.reading() as connection:
        assert coming_back(connection, scene.copied.kiosk, allotment, 98_999, 0) == 0


def test_the_page_says_how_many_points_a_share_lacks(scene: Scene, desk: Desk) -> None:
    page = desk.get(kiosk_path(scene.short))

    assert "「見本の付与枠」は、いま 220 ポイント足りません。" in page.text


def test_an_event_for_which_a_kiosk_has_no_share_is_said_to_have_none(world: World, desk: Desk) -> None:
    booth = world.booth()
    other = world.do(add_allotment, world.organisation, "清掃", 2_500).made
    add_on(world, "川の清掃", 1, other)

    told = desk.submit(desk.get(kiosk_path(booth)), "/events", event="2", reason="清掃もする")

    assert told.text.count("付与枠「清掃」の端末枠がありません。追加するまで、付与は要確認になります") == 2
    assert "付与枠「見本の付与枠」の端末枠がありません" not in told.text


def test_what_is_used_of_a_share_is_said_to_leave_out_what_a_withdrawal_holds(scene: Scene, desk: Desk) -> None:
    before = desk.get(kiosk_path(scene.late))
    scene.world.do(withdraw_kiosk, scene.late.kiosk, 0)

    page = desk.get(kiosk_path(scene.late))

    left_out = "停止・失効、記録の欠け、二通りの記録で要確認になっているものは入りません"
    assert (left_out in before.text, left_out in page.text) == (False, True)


def test_records_held_by_a_withdrawal_are_not_said_to_have_come_after_it(scene: Scene, desk: Desk) -> None:
    scene.world.do(withdraw_kiosk, scene.gap.kiosk, 2)

    front = desk.get("/desk/")

    assert "に、失効で要確認になった記録が" in front.text
    assert "失効のあとに届いた記録" not in front.text


def test_a_kiosk_that_is_resumed_is_not_promised_that_a_stop_puts_everything_back(scene: Scene, desk: Desk) -> None:
    scene.world.do(stop_kiosk, scene.late.kiosk)

    page = desk.get(kiosk_path(scene.late))

    assert "「端末を止める」で元に戻せます。そのときまでに届いた記録は、再開したあとの扱いのままです。" in page.text


# the slot of an activity


def test_the_slot_that_a_grant_is_for_stands_wherever_its_activity_does(world: World, desk: Desk) -> None:
    slotted = (Activity(0, "回", Fixed(10), OccasionBy.SLOT, 0, (Slot(0, "午前"), Slot(0, "午後"))),)
    event = world.do(add_event, "見本市", MORNING_MS, MORNING_MS + DAY_MS, world.allotment, slotted).made
    booth = world.booth(events=(event,))
    for person, points in ((0, 10), (1, 20)):
        booth.grant(person, event=event, activity=1, occasion=2, points=points)
    booth.send()
    kiosk = booth.kiosk.hex()

    pages = [
        desk.get(path)
        for path in (
            f"/desk/members/{world.members[0]}",
            f"/desk/records/{kiosk}/2/{booth.entries[1].hash.hex()}",
            f"/desk/held/{kiosk}/points",
        )
    ]

    assert ["回・午後" in page.text for page in pages] == [True, True, True]
