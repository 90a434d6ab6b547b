"""A story is drawn from its seed alone, and is as full as it must be."""

from simulator.story import Chapter, draw_chapter, draw_story
from simulator.town import HOUR_MS, hour_begins


def happening(chapter: Chapter, hour: int, machine: int) -> list[str]:
    begins_ms = hour_begins(hour)
    return [
        step.kind
        for step in chapter.steps
        if step.who == machine and begins_ms <= step.at_ms < begins_ms + HOUR_MS and step.kind != "act"
    ]


def test_one_seed_draws_one_story() -> None:
    first = draw_chapter("7/0", 3, 2)

    again = draw_chapter("7/0", 3, 2)

    assert again == first
    assert draw_chapter("8/0", 3, 2) != first


def test_every_kiosk_has_sixty_scans_an_hour_and_clerks_act_meanwhile() -> None:
    chapter = draw_chapter("7/0", 6, 3)

    kinds = {(hour, machine): happening(chapter, hour, machine) for hour in range(6) for machine in range(3)}

    assert all(found.count("scan") >= 60 for found in kinds.values())
    assert sum(step.kind == "act" for step in chapter.steps) == 5 * 6 * 3


def test_a_long_story_is_a_row_of_chapters() -> None:
    chapters = draw_story(7, hours=60, kiosks=5)

    assert [one.hours for one in chapters] == [12, 12, 12, 12, 12]
    assert len({one.seed for one in chapters}) == 5


def test_steps_are_numbered_in_the_order_of_their_moments() -> None:
    chapter = draw_chapter("7/0", 4, 2)

    moments = [step.at_ms for step in chapter.steps]

    assert [step.number for step in chapter.steps] == list(range(1, len(moments) + 1))
    assert moments == sorted(moments)
