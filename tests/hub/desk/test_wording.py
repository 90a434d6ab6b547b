"""Every reason, flag, source and act of the hub has its words, its advice and its way back at the desk."""

from __future__ import annotations

import pytest

from hub.acts.catalogue import all_acts
from hub.desk.base.deeds import TITLES, deed_of
from hub.desk.base.reasons import WHYS, may_all_be_released, why_named, why_of, whys_of
from hub.desk.base.wording import FLAGS, SOURCES
from hub.intake.intervals import Source
from hub.intake.reasons import RELEASABLE, Reason
from hub.intake.values import Flag

DISMISSED = Reason.VOIDED | Reason.DECIDED
HELD = [one for one in Reason if one not in DISMISSED]
WITHOUT_WAY_BACK = {"renew settings", "reopen decision", "trust clock"}


def test_every_reason_has_words_of_its_own() -> None:
    assert [why.reason for why in WHYS if why.reason not in DISMISSED] == [
        one for one in Reason if one not in DISMISSED
    ]
    assert len({why.name for why in WHYS}) == len({why.title for why in WHYS}) == len(WHYS) == len(Reason)
    assert all(why_named(why.name) is why for why in WHYS)


@pytest.mark.parametrize("reason", HELD)
def test_every_reason_says_what_it_means_and_by_which_act_it_is_settled(reason: Reason) -> None:
    why = why_of(int(reason))

    assert all([why.title.ja, why.title.en, why.what, why.meaning, why.advice])
    assert why.acts
    assert set(why.acts) <= all_acts().keys()
    assert ("release" in why.acts) == (reason in RELEASABLE)


def test_several_reasons_are_all_said_the_first_first() -> None:
    both = int(Reason.TIME | Reason.BEYOND_SHARE)

    assert [why.name for why in whys_of(both)] == ["time", "share"]
    assert why_of(both).name == "time"
    assert not may_all_be_released(both)
    assert may_all_be_released(int(Reason.TIME | Reason.DAY))


def test_every_flag_and_every_source_has_words_of_its_own() -> None:
    assert {flag.value for flag in Flag} == FLAGS.keys()
    assert set(Source) == SOURCES.keys()
    assert len(set(FLAGS.values())) == len(Flag)


def test_every_act_has_its_name_its_place_and_its_way_back() -> None:
    places = {kind: deed_of(kind).place for kind in all_acts()}
    ways_back = {kind: deed_of(kind).counter for kind in all_acts()}

    assert TITLES.keys() == all_acts().keys()
    assert set(places.values()) == {"office", "event", "member", "invitation", "kiosk", "hub"}
    assert {kind for kind, way in ways_back.items() if way is None} == WITHOUT_WAY_BACK
