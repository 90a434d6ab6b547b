"""What a form of the desk stands for: its number, what it has shown, and the person it was given to."""

from __future__ import annotations

import pytest
from desk_browser import Desk, Page
from desk_look import act_count, event_line, held, kiosk_path, newest_act
from desk_scene import Scene, without_clock
from hub_world import CLERK, HELP, World

from hub.acts.doing import Person, new_number
from hub.acts.events import change_event
from hub.acts.journal import accept_hole, replace_range, say_boot_start
from hub.acts.kiosks import rename_kiosk, stop_kiosk, withdraw_kiosk
from hub.acts.organisations import close_organisation
from hub.intake.reasons import Reason

# its number


def test_a_slip_keeps_the_number_and_a_done_form_leads_to_its_act(world: World, desk: Desk) -> None:
    page = desk.get("/desk/organisations/")
    slip = desk.submit(page, "/raise", points="many", reason="予算")

    done = desk.submit(slip, "/raise", points="500", reason="予算")
    again = desk.submit(slip, "/raise", points="500", reason="予算")

    numbers = [shown.form("/raise").fields["raise-form_number"] for shown in (page, slip, done)]
    assert numbers[0] == numbers[1] != numbers[2]
    assert act_count(world) == 1
    assert again.path == f"/desk/acts/{numbers[0]}"
    assert "付与枠を追加 allotment raised" in again.text
    assert "500ポイント" in again.text


def test_a_used_form_with_another_content_is_refused_and_a_fresh_one_shows_what_was_done(
    world: World, desk: Desk
) -> None:
    page = desk.get("/desk/organisations/")
    desk.submit(page, "/raise", points="500", reason="予算")

    refused = desk.submit(page, "/raise", points="5,000", reason="予算")

    used, fresh = (one.form("/raise").fields["raise-form_number"] for one in (page, refused))
    assert "この画面の処理はもう行われています" in refused.text
    assert f"/desk/acts/{used}" in refused.links
    assert fresh != used
    assert act_count(world) == 1


@pytest.mark.parametrize("number", ["", "00" * 16, "xyz", "another form's", "another person's", "another kiosk's"])
def test_a_number_that_this_form_was_not_given_does_nothing(scene: Scene, desk: Desk, number: str) -> None:
    world, kind = scene.world, "stop kiosk"
    page = desk.get(kiosk_path(scene.short))
    given = {
        "another form's": page.form("/withdraw").fields["withdraw-form_number"],
        "another person's": new_number(world.hub, Person("担当 9"), kind, scene.short.kiosk.hex()).hex(),
        "another kiosk's": new_number(world.hub, Person("担当 3"), kind, scene.gap.kiosk.hex()).hex(),
    }

    refused = desk.submit(page, "/stop", form_number=given.get(number, number), reason="止める")

    assert "この画面は古いか、ほかの人のものです" in refused.text
    assert refused.form("/stop").fields["stop-form_number"] not in {number, *given.values()}
    assert act_count(world) == 0


def test_a_double_click_on_a_whole_group_decides_it_once(scene: Scene, desk: Desk) -> None:
    page = desk.get(f"/desk/held/{scene.late.kiosk.hex()}/time")
    typed = {"everything": "y", "decision": "dismiss", "reason": "練習だった"}

    first = desk.submit(page, "/time", **typed)
    second = desk.submit(page, "/time", **typed)
    other = desk.submit(page, "/time", **{**typed, "decision": "release"})

    assert "2件を取り消しにしました" in first.text
    assert "もう一度は行っていません" in second.text
    assert "中身が変わりました" in other.text
    assert act_count(scene.world, "dismiss") == act_count(scene.world) == 1


# what it takes back


def lost(grants: int, points: int) -> str:
    """What is said where each grant is another person's."""
    return f"{grants}件の付与が変わります。{grants}人が {points:,}ポイントを失い"


def previewed(scene: Scene, desk: Desk) -> dict[str, tuple[Page, str, dict[str, str | list[str]], str]]:
    """Each act that takes posted points back: on which page, where it goes, what is typed, and what is said first."""
    world, event = scene.world, f"/desk/events/{scene.world.event}"
    record = f"/desk/records/{scene.short.kiosk.hex()}/3/{scene.short.entries[2].hash.hex()}"
    stolen: dict[str, str | list[str]] = {"believed": "4", "reason": "盗まれた"}
    world.do(accept_hole, scene.gap.kiosk, 5, 7)
    world.do(replace_range, scene.gap.kiosk, 2, 2, world.event, 1, world.event, HELP)
    dark = without_clock(world)
    world.do(say_boot_start, dark.kiosk, dark.boot, dark.started_ms)
    member = f"/desk/members/{world.members[4]}"
    return {
        "dismiss": (
            desk.get(record),
            "/decide",
            {"decision": "dismiss", "reason": "x"},
            lost(1, 50),
        ),
        "change event": (
            desk.get(event),
            event,
            {"starts": "2026-11-14T08:00", "ends": "2026-11-14T08:30", "reason": "x"},
            "件の付与が変わります。",
        ),
        "withdraw kiosk": (
            desk.get(kiosk_path(scene.short)),
            "/withdraw",
            stolen,
            lost(10, 500),
        ),
        "take back hole": (
            desk.get(kiosk_path(scene.gap)),
            "/gap/5/back",
            {"reason": "x"},
            lost(4, 200),
        ),
        "take back replacement": (
            desk.get(kiosk_path(scene.gap)),
            "/replace/1/back",
            {"reason": "x"},
            lost(1, 50),
        ),
        "replace range": (
            desk.get(kiosk_path(dark)),
            "/replace",
            {"first": "2", "last": "3", "signed": "2.2", "meant": f"{world.event}.1.0", "reason": "x"},
            "2件の付与が変わります。",
        ),
        "take back boot start": (
            desk.get(kiosk_path(dark)),
            f"/boots/{dark.boot.hex()}/back",
            {"reason": "x"},
            lost(3, 300),
        ),
        "make unknown": (
            desk.get(member),
            "/unknown",
            {"reason": "x"},
            lost(1, 50),
        ),
    }


@pytest.mark.parametrize(
    "kind",
    [
        *("dismiss", "change event", "withdraw kiosk", "take back hole", "take back replacement", "replace range"),
        *("take back boot start", "make unknown"),
    ],
)
def test_what_an_act_takes_back_is_said_before_it_is_done(scene: Scene, desk: Desk, kind: str) -> None:
    page, ending, typed, said = previewed(scene, desk)[kind]
    before = scene.world.picture()

    shown = desk.submit(page, ending, **typed)
    unchanged, count = scene.world.picture() == before, act_count(scene.world)
    done = desk.submit(shown, ending)

    assert said in shown.text
    assert "の付与が変わります" in shown.text
    assert (unchanged, count) == (True, 0)
    assert done.status == 200
    assert newest_act(scene.world).kind == kind
    assert scene.world.picture() != before


def test_an_act_that_takes_nothing_back_is_done_at_once(scene: Scene, desk: Desk) -> None:
    page = desk.get(kiosk_path(scene.short))

    done = desk.submit(page, "/stop", reason="置き忘れた")

    assert "端末を止めました" in done.text
    assert newest_act(scene.world).kind == "stop kiosk"


def test_what_takes_more_by_now_is_shown_again_and_not_done(scene: Scene, desk: Desk) -> None:
    event = f"/desk/events/{scene.world.event}"
    typed = {"starts": "2026-11-14T08:00", "ends": "2026-11-14T08:30", "reason": "早まった"}
    shown = desk.submit(desk.get(event), event, **typed)
    scene.gap.send(5, 7)

    again = desk.submit(shown, event)
    done = desk.submit(again, event)

    assert "23件の付与が変わります。23人が 1,150ポイントを失います。" in shown.text
    assert "そのあいだに、取り戻すポイントが増えました" in again.text
    assert "30件の付与が変わります。30人が 1,500ポイントを失います。" in again.text
    assert "変更しました" in done.text
    assert act_count(scene.world) == 1


# what it has shown


def test_an_event_that_somebody_has_changed_meanwhile_is_shown_as_it_is_now(world: World, desk: Desk) -> None:
    yesterday = desk.get(f"/desk/events/{world.event}")
    line = event_line(world, world.event).event
    changed = (line.starts_ms, line.ends_ms, line.allotment, line.activities)
    world.do(change_event, world.event, 1, "見本まつり2", *changed)

    refused = desk.submit(yesterday, f"/events/{world.event}", name="見本まつり3", reason="名前を直す")

    assert "ほかの人が変更しました" in refused.text
    assert refused.form(f"/events/{world.event}").fields["name"] == "見本まつり2"
    assert event_line(world, world.event).version == 2


def test_a_kiosk_that_somebody_has_renamed_meanwhile_is_shown_as_it_is_now(scene: Scene, desk: Desk) -> None:
    yesterday = desk.get(kiosk_path(scene.short))
    scene.world.do(rename_kiosk, scene.short.kiosk, 1, "見本会館 受付9", scene.world.organisation)

    refused = desk.submit(yesterday, "/name", name="見本会館 受付2", reason="場所が変わった")

    assert "ほかの人が変更しました" in refused.text
    assert refused.form("/name").fields["rename-name"] == "見本会館 受付9"


def test_an_organisation_that_somebody_has_closed_meanwhile_is_not_closed_twice(world: World, desk: Desk) -> None:
    yesterday = desk.get("/desk/organisations/")
    world.do(close_organisation, world.organisation, 1)

    refused = desk.submit(yesterday, "/1/close", reason="解散した")

    assert "ほかの人が変更しました" in refused.text
    assert act_count(world) == 0


def test_a_record_that_has_another_reason_by_now_is_not_released(scene: Scene, desk: Desk) -> None:
    yesterday = desk.get(f"/desk/held/{scene.late.kiosk.hex()}/time")
    scene.world.do(withdraw_kiosk, scene.late.kiosk, 1)

    entries = yesterday.form("/time").offered["entries"]
    refused = desk.submit(yesterday, "/time", entries=entries, decision="release", reason="確かめた")

    assert "ほかの人が変更しました" in refused.text
    assert held(scene.world, scene.late, Reason.WITHDRAWN) == 2
    assert act_count(scene.world) == 0


def test_a_kiosk_that_stands_so_already_says_so_beside_the_field(scene: Scene, desk: Desk) -> None:
    yesterday = desk.get(kiosk_path(scene.short))
    scene.world.do(stop_kiosk, scene.short.kiosk)

    refused = desk.submit(yesterday, "/stop", reason="止める")

    assert (refused.status, "もうそうなっています" in refused.text) == (400, True)
    assert act_count(scene.world) == 0


# whose it is


def test_of_two_clerks_with_the_same_page_each_does_what_is_left(scene: Scene) -> None:
    one = Desk(scene.world.hub)
    other = Desk(scene.world.hub)
    pages = [desk.get(f"/desk/held/{scene.late.kiosk.hex()}/time") for desk in (one, other)]
    first, second = pages[0].form("/time").offered["entries"]

    one.submit(pages[0], "/time", entries=[first], decision="release", reason="確かめた")
    refused = other.submit(pages[1], "/time", entries=[first], decision="release", reason="確かめた")
    done = other.submit(pages[1], "/time", entries=[second], decision="release", reason="確かめた")

    assert (refused.status, "要確認ではありません" in refused.text) == (400, True)
    assert "1件を反映しました" in done.text
    assert scene.world.verdicts(scene.late) == {"posted": (2, 100)}


def test_an_act_of_another_desk_stands_in_the_list_with_its_person(world: World, desk: Desk) -> None:
    page = desk.get("/desk/acts/")

    assert CLERK.name in page.text
