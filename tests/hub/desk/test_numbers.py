"""The desk's one reader of numbers: what is written is what is stored, or it is refused in words."""

from __future__ import annotations

import pytest
from desk_browser import Desk
from desk_look import event_line, type_event
from hub_world import World
from wtforms import ValidationError

from hub.desk.base.numbers import NotANumber, read_member, read_number
from hub.desk.events.forms import read_points
from hub.store.database import Store
from sync.codec import WireError
from sync.member import printed, with_check_digits
from sync.rules import ByHours, Fixed

MEMBER = with_check_digits(403_819_264_739)
GROUPS = printed(MEMBER).split(" ")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("100", 100),
        (" 100 ", 100),
        ("　100　", 100),
        ("１００", 100),
        ("1,000", 1_000),
        ("１，０００", 1_000),
        ("12,345,678", 12_345_678),
        ("007", 7),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_a_number_is_read_as_it_is_written(text: str, number: int) -> None:
    assert read_number(text) == number


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "-50", "−50", "+5", "1.5", "1e3", "0x10", "1_000", "1 000", "1時間 100", "100ポイント", "百"),
        *("1,00", "1,0000", ",100", "100,", "1,,000", "1000,000", "１－２", "٣", "²", "①", "1\n2", "9" * 20),
    ],
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(NotANumber):
        read_number(text)


@pytest.mark.parametrize(
    ("how", "text", "rule"),
    [
        ("fixed", "50", Fixed(50)),
        ("fixed", " 1,000 ", Fixed(1_000)),
        ("fixed", "５０", Fixed(50)),
        ("by_hours", "60 100", ByHours(((60, 100),))),
        ("by_hours", "６０　１００\r\n120\t1,000\n", ByHours(((60, 100), (120, 1_000)))),
    ],
)
def test_points_are_read_as_they_are_written(how: str, text: str, rule: Fixed | ByHours) -> None:
    assert read_points(how, text) == rule


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("fixed", "-50"),
        ("fixed", "50ポイント"),
        ("fixed", "1,00"),
        ("fixed", ""),
        ("by_hours", "1時間 100"),
        ("by_hours", "60分 100"),
        ("by_hours", "60,100"),
        ("by_hours", "60:100"),
        ("by_hours", "60 -100"),
        ("by_hours", "60 100 5"),
    ],
)
def test_points_with_anything_else_in_them_are_refused(how: str, text: str) -> None:
    with pytest.raises(ValidationError):
        read_points(how, text)


def test_hours_typed_for_minutes_are_said_beside_the_field_and_nothing_is_stored(sqlite: Store) -> None:
    desk = Desk(World(sqlite).hub)

    page = type_event(desk, **{"activities-0-points": "1時間 100"})

    assert (page.status, "数だけを書いてください" in page.text) == (400, True)
    assert desk.get("/desk/events/2").status == 404


def test_what_is_no_number_is_said_at_the_head_and_beside_its_field_and_not_held_against_bounds(
    sqlite: Store,
) -> None:
    desk = Desk(World(sqlite).hub)

    page = desk.submit(desk.get("/desk/organisations/"), "/raise", points="たくさん", reason="予算")

    assert page.text.count("数だけを入れてください") == 2  # at the head, and beside the field
    assert "までの数です" not in page.text


@pytest.mark.parametrize("limit", ["", "101"])
def test_no_daily_limit_is_said_as_zero_and_never_left_open(sqlite: Store, limit: str) -> None:
    desk = Desk(World(sqlite).hub)

    page = type_event(desk, **{"activities-0-daily_limit": limit})

    assert (page.status, "0 から 100 までの数を入れてください" in page.text) == (400, True)
    assert desk.get("/desk/events/2").status == 404


@pytest.mark.parametrize("points", ["1,000", "１０００", " 1000"])
def test_every_number_field_takes_the_same(sqlite: Store, points: str) -> None:
    world = World(sqlite)
    desk = Desk(world.hub)

    raised = desk.submit(desk.get("/desk/organisations/"), "/raise", points=points, reason="予算")
    made = type_event(desk, **{"activities-2-points": points})

    assert (raised.status, made.status) == (200, 200)
    assert "付与枠「見本の付与枠」に 1,000 ポイントを追加しました" in raised.text
    assert event_line(world, 2).event.activities[1].rule == Fixed(1_000)


@pytest.mark.parametrize("between", [*"ー－-‐‑‒–—―−ｰ─〜", " ", "　", "", " - ", "\u00a0", "\t"])
@pytest.mark.parametrize("digits", ["0123456789", "０１２３４５６７８９"])
def test_a_members_number_is_read_whatever_stands_between_its_groups(between: str, digits: str) -> None:
    text = between.join(GROUPS).translate(str.maketrans("0123456789", digits))

    assert read_member(text) == MEMBER


@pytest.mark.parametrize("text", ["", "1234", str(MEMBER + 1), f"{MEMBER}0", f"x{MEMBER}", "-" * 100, "1" * 5_000])
def test_another_number_is_nobodys(text: str) -> None:
    with pytest.raises(WireError):
        read_member(text)
