"""A refusal is seen: once at the head of the page, with the way to the field, and once beside the field."""

from __future__ import annotations

import pytest
from desk_browser import Desk, Page
from desk_look import act_count, held, kiosk_path, type_event
from desk_scene import Scene
from hub_world import World

from hub.acts.kiosks import stop_kiosk
from hub.desk.events.queries import events


def ids(page: Page) -> set[str | None]:
    return {given.get("id") for _, given in page.tags}


def ways(page: Page) -> list[str]:
    """The links to places on the same page, without the one past the frame."""
    return [link.partition("#")[2] for link in page.links if "#" in link and not link.endswith("#main")]


@pytest.mark.parametrize(
    ("ending", "typed", "told", "field"),
    [
        ("/stop", {"reason": ""}, "理由を書いてください", "stop-reason"),
        ("/top-up", {"points": "900000000", "reason": "x"}, "先に付与枠を増やしてください", "top-up-points"),
        ("/withdraw", {"believed": "99", "reason": "x"}, "つながった記録にありません", "withdraw-believed"),
        ("/gap", {"reason": " "}, "理由を書いてください", "gap-reason"),
    ],
)
def test_a_refusal_on_a_kiosks_page_is_said_at_the_head_and_beside_its_field_and_nowhere_else(
    scene: Scene, desk: Desk, ending: str, typed: dict[str, str], told: str, field: str
) -> None:
    refused = desk.submit(desk.get(kiosk_path(scene.gap)), ending, **typed)

    assert refused.status == 400
    assert refused.text.count(told) == 2
    assert refused.text.count("できませんでした。") == 1
    assert field in ways(refused)
    assert field in ids(refused)


@pytest.mark.parametrize(
    ("page", "ending", "typed", "field"),
    [
        ("/desk/organisations/", "/organisations/", {"name": " "}, "organisation-name"),
        ("/desk/events/new", "/events/new", {"name": "x", "ends": "x", "starts": "2026-11-20T09:00"}, "ends"),
        ("/desk/members/", "/members/", {"count": "0"}, "add-count"),
        ("/desk/kiosks/", "/invitations", {"name": "x", "address": "nowhere"}, "invite-address"),
    ],
)
def test_every_page_leads_from_its_head_to_the_first_wrong_field(
    scene: Scene, desk: Desk, page: str, ending: str, typed: dict[str, str], field: str
) -> None:
    refused = desk.submit(desk.get(page), ending, **typed)

    assert refused.status == 400
    assert ways(refused)[0] == field
    assert field in ids(refused)


def test_a_wrong_row_of_an_event_is_led_to_as_well(desk: Desk) -> None:
    refused = type_event(desk, **{"activities-2-points": "0"})

    assert ways(refused)[0] == "activities-2-points"


def test_where_the_form_is_gone_the_refusal_is_said_without_a_way_to_it(scene: Scene, desk: Desk) -> None:
    page = desk.get(kiosk_path(scene.gap))
    scene.world.do(stop_kiosk, scene.gap.kiosk)

    refused = desk.submit(page, "/stop", reason="止める")

    assert refused.text.count("もうそうなっています") == 1
    assert "stop-reason" not in ways(refused)


def test_all_and_chosen_at_once_is_refused_and_what_was_typed_stays(scene: Scene, desk: Desk) -> None:
    page = desk.get(f"/desk/held/{scene.late.kiosk.hex()}/time")
    first = page.form("/time").offered["entries"][0]

    refused = desk.submit(page, "/time", everything="y", entries=[first], decision="dismiss", reason="練習だった")

    fields = refused.form("/time").fields
    assert (refused.status, "どちらか一方にしてください" in refused.text) == (400, True)
    assert (fields["everything"], fields.getlist("entries"), fields["reason"]) == ("y", [first], "練習だった")
    assert (held(scene.world, scene.late), act_count(scene.world)) == (2, 0)


@pytest.mark.parametrize("typed", [{"points": "50"}, {"slots": "午前"}, {"daily_limit": "2"}])
def test_a_new_row_with_something_in_it_but_no_name_is_refused_beside_the_name(
    world: World, desk: Desk, typed: dict[str, str]
) -> None:
    row = {f"activities-1-{name}": value for name, value in typed.items()}

    refused = type_event(desk, **row)

    assert (refused.status, "名前を入れてください。使わない行なら" in refused.text) == (400, True)
    assert ways(refused)[0] == "activities-1-name"
    with world.store.reading() as connection:
        assert len(events(connection)) == 1


def test_enter_presses_nothing_in_a_form_that_decides_or_is_grave(scene: Scene, desk: Desk) -> None:
    record = f"/desk/records/{scene.late.kiosk.hex()}/2/{scene.late.entries[1].hash.hex()}"
    paths = [f"/desk/held/{scene.late.kiosk.hex()}/time", record, kiosk_path(scene.short)]

    for path in [*paths, f"/desk/members/{scene.world.members[0]}", "/desk/organisations/"]:
        first_buttons = first_button_of_each_form(desk.get(path))
        for buttons in first_buttons:
            is_grave = any(given.get("class") == "grave" for given in buttons)
            assert not is_grave or {"disabled", "hidden"} <= buttons[0].keys(), (path, buttons)


def first_button_of_each_form(page: Page) -> list[list[dict[str, str | None]]]:
    """The buttons of each form, in their order."""
    found: list[list[dict[str, str | None]]] = []
    for tag, given in page.tags:
        if tag == "form":
            found.append([])
        elif tag == "button":
            found[-1].append(given)
    return found


def test_a_wrong_field_in_a_row_is_counted_once(scene: Scene, desk: Desk) -> None:
    page = desk.get(f"/desk/kiosks/invitations/{scene.answered.hex()}")

    refused = desk.submit(page, "/approve", total="x", is_same="y")

    assert "できませんでした。数だけを入れてください" in refused.text
    assert "か所あります" not in refused.text
