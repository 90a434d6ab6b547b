"""What booths send can make a list very long: a page of the desk shows a part of it and leads to the rest."""

from __future__ import annotations

import pytest
from desk_browser import Desk
from desk_look import kiosk_path
from hub_statements import counted
from hub_world import Booth, World

from hub.desk.held import routes as held
from hub.desk.kiosks import journal
from hub.desk.members import routes as members
from sync.entry import Void
from sync.member import printed, with_check_digits

UNKNOWN = "/desk/held/unknown-members"


def strangers(world: World, count: int) -> list[int]:
    """Let a booth grant to numbers that nobody knows; return them in order."""
    booth, numbers = world.booth(), [with_check_digits(100_000_000_000 + number) for number in range(count)]
    for number in numbers:
        booth.grant(member=number)
    booth.send()
    return numbers


def turned(world: World, times: int) -> Booth:
    """Let a booth grant to one person and take it back, again and again."""
    booth = world.booth()
    for _ in range(times):
        world.now_ms += 60_000
        booth.grant(0)
        booth.send()
        booth.add(Void(len(booth.entries), "まちがい"))
        booth.send()
    return booth


def test_numbers_that_nobody_knows_come_page_by_page(world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "NUMBERS_A_PAGE", 2)
    first, second, third = strangers(world, 3)

    page = desk.get(UNKNOWN)
    rest = desk.get(next(link for link in page.links if "from=" in link))

    assert [printed(number) in page.text for number in (first, second, third)] == [True, True, False]
    assert [printed(number) in rest.text for number in (first, second, third)] == [False, False, True]


def test_the_page_of_unknown_numbers_asks_no_more_for_many_than_for_one(world: World, desk: Desk) -> None:
    strangers(world, 30)

    with counted(world.store) as few:
        desk.get(f"{UNKNOWN}?from={with_check_digits(100_000_000_029)}")
    with counted(world.store) as many:
        desk.get(UNKNOWN)

    assert len(many) == len(few)


def test_who_makes_a_number_known_on_a_later_page_stays_there(
    world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held, "NUMBERS_A_PAGE", 2)
    numbers = strangers(world, 5)
    page = desk.get(f"{UNKNOWN}?from={numbers[2]}")

    refused = desk.submit(page, f"/{numbers[3]}?from={numbers[2]}", reason="")
    told = desk.submit(page, f"/{numbers[3]}?from={numbers[2]}", reason="カードを見た")

    assert "理由を書いてください" in refused.text
    assert [printed(number) in refused.text for number in numbers] == [False, False, True, True, False]
    assert "登録しました" in told.text
    assert [printed(number) in told.text for number in (numbers[0], numbers[2], numbers[4])] == [False, True, True]


def test_a_grant_that_was_turned_over_and_over_leaves_a_members_page_short(
    world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "EARNED_A_PAGE", 4)
    booth = turned(world, 3)

    page = desk.get(f"/desk/members/{world.members[0]}")
    rest = desk.get(next(link for link in page.links if "from=" in link))

    record = f"/desk/records/{booth.kiosk.hex()}/"
    assert [link.split("/")[4] for link in page.links if record in link] == ["6", "6", "4", "4"]
    assert [link.split("/")[4] for link in rest.links if record in link] == ["2", "2"]


def test_of_many_made_up_activities_those_with_most_records_are_offered(
    world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "ACTIVITIES_NAMED", 2)
    booth = world.booth()
    for person, event in enumerate((70, 71, 72, 72, 70, 73)):
        booth.grant(person, event=event)
    booth.send()

    page = desk.get(kiosk_path(booth))

    offered = page.form("/replace").offered["replace-signed"]
    assert sorted(value for value in offered if value.startswith("7")) == ["70.1", "72.1"]
