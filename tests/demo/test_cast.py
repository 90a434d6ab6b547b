"""Every story of the demo holds every planted case, and what it must come to follows from who came."""

from collections import Counter
from random import Random

import pytest

from demo.cast import (
    OTHER_POINTS,
    POINTS,
    Chapter,
    Granted,
    Part,
    Story,
    Total,
    expected_grants,
    expected_verdicts,
    screens_for,
    write_story,
)

PLANTED = (Part.BOTH, Part.FORGED, Part.LOST_LISTED, Part.LOST_LATER, Part.OTHER_EVENT)
CHAPTERS = list(Chapter)


def stories() -> list[Story]:
    return [write_story(Random(seed), seed % 60) for seed in range(300)]


def test_every_story_holds_every_planted_case_once() -> None:
    for story in stories():
        parts = Counter(visit.part for visit in story.visits)

        assert {part: parts[part] for part in PLANTED} == dict.fromkeys(PLANTED, 1)


def test_the_stand_is_killed_while_it_is_offline_and_has_something_to_lose() -> None:
    for story in stories():
        interrupted = [visit for visit in story.visits if visit.is_interrupted]
        before = story.at(Chapter.OFFLINE, story.killed_stand)

        assert [(visit.chapter, visit.stand) for visit in interrupted] == [(Chapter.OFFLINE, story.killed_stand)]
        assert before.index(interrupted[0]) > 0


def test_who_comes_to_both_stands_comes_to_the_second_while_it_cannot_know() -> None:
    for story in stories():
        second = next(visit for visit in story.visits if visit.part is Part.BOTH)
        first = next(visit for visit in story.visits if visit.person == second.person)

        assert (first.part, first.stand) == (Part.VISITOR, 1 - second.stand)
        assert CHAPTERS.index(first.chapter) < CHAPTERS.index(second.chapter)
        assert second.chapter is Chapter.OFFLINE


def test_who_comes_again_was_served_here_before_and_has_gone_since() -> None:
    again = 0
    for story in stories():
        for stand in (0, 1):
            visits = [visit for visit in story.visits if visit.stand == stand]
            for place, visit in enumerate(visits):
                if visit.part is Part.AGAIN:
                    again += 1
                    assert visit.person in {earlier.person for earlier in visits[: place - 1]}
                    assert visit.person != visits[place - 1].person

    assert again > 0


def test_a_story_has_as_many_people_as_its_time_allows() -> None:
    short, long = (len(write_story(Random(1), seconds).visits) for seconds in (10, 100))

    assert short < 25
    assert 60 < long < 80


def test_without_a_network_there_is_a_crowd() -> None:
    story = write_story(Random(1), 80)

    visits = [len(story.at(chapter, 0)) for chapter in (Chapter.MORNING, Chapter.OFFLINE, Chapter.JOINED)]

    assert visits == [2, 18, 4]


def test_a_stand_with_a_camera_of_its_own_has_no_people_written_for_it() -> None:
    story = write_story(Random(1), 30, stands=(1,))

    assert {visit.stand for visit in story.visits} == {1}
    assert (story.killed_stand, story.wrong_stand) == (1, 1)


def test_the_same_seed_writes_the_same_story() -> None:
    assert write_story(Random(5), 30) == write_story(Random(5), 30)
    assert write_story(Random(5), 30) != write_story(Random(6), 30)


def test_lost_and_forged_cards_come_to_no_grant() -> None:
    for story in stories():
        granted = expected_grants(story.visits)

        refused = {visit.person for visit in story.visits if visit.part in {Part.FORGED, Part.LOST_LISTED}}
        assert len(refused) == 2
        assert not refused & {grant.person for grant in granted}


@pytest.mark.parametrize(("lowest", "duplicate"), [(0, 1), (1, 0)])
def test_of_two_equal_grants_the_kiosk_with_the_lower_identity_has_the_posted_one(lowest: int, duplicate: int) -> None:
    grants = {Granted(0, 1, False), Granted(1, 1, False), Granted(0, 2, False), Granted(1, 3, False)}

    verdicts = expected_verdicts(grants, lowest)

    assert verdicts == {
        (lowest, "posted"): Total(2, 2 * POINTS),
        (duplicate, "posted"): Total(1, POINTS),
        (duplicate, "duplicate"): Total(1, POINTS),
    }


def test_the_other_event_is_held_and_never_meets_a_grant_of_today() -> None:
    grants = {Granted(0, 1, True), Granted(0, 1, False), Granted(1, 1, False)}

    verdicts = expected_verdicts(grants, 0)

    assert verdicts[0, "held"] == Total(1, OTHER_POINTS)
    assert (verdicts[0, "posted"], verdicts[1, "duplicate"]) == (Total(1, POINTS), Total(1, POINTS))


def test_whoever_was_interrupted_may_find_the_points_already_there() -> None:
    story = write_story(Random(1), 30)
    interrupted = next(visit for visit in story.visits if visit.is_interrupted)

    assert screens_for(interrupted) == {"received", "already_received"}
    assert screens_for(interrupted._replace(is_interrupted=False)) == {"received"}
