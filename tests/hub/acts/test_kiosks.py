"""Kiosks are invited and let in by acts, called by names, and given events, settings and shares; each way and back."""

from __future__ import annotations

import pytest
from act_samples import add_other_event, answered, with_grants
from hub_invariants import broken_invariants
from hub_world import VISIT_POINTS, Booth, World
from wire_samples import sample_key

from hub.acts.kiosks import (
    approve_kiosk,
    assign_event,
    decline_invitation,
    invite_kiosk,
    lower_share,
    remove_event,
    rename_kiosk,
    renew_settings,
    resume_kiosk,
    top_up,
    withdraw_kiosk,
)
from hub.acts.organisations import lower_allotment
from hub.acts.refusals import ActRefused, Refusal
from hub.intake.facts import find_kiosk
from hub.register.enrolments import EnrolmentRefused, apply
from hub.register.manifests import newest_manifest
from hub.service import mark_rolled_back
from hub.store.database import Store, execute
from sync.certificate import read_certificate
from sync.envelope import KIOSK, MANIFEST
from sync.manifest import Manifest, Share, read_manifest


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def settings(world: World, booth: Booth) -> Manifest:
    """Return a booth's newest settings."""
    with world.store.reading() as connection:
        encoded = newest_manifest(connection, booth.kiosk)
    assert encoded is not None
    return read_manifest(encoded, world.hub.keyring.verifying(MANIFEST))


def take_settings(world: World, booth: Booth) -> None:
    """Let a booth take its newest settings."""
    booth.manifest = settings(world, booth)
    booth.add(booth.opened())


def allotment_left(world: World) -> int:
    return world.accounts()["allotment"]


# letting in


def test_an_approval_leaves_a_kiosk_with_its_name_events_settings_and_share(world: World) -> None:
    enrolment = answered(world, "受付5")

    kiosk = world.do(approve_kiosk, enrolment, (world.event,), (Share(world.allotment, 300, 40),)).made

    with world.store.reading() as connection:
        found = find_kiosk(connection, kiosk)
        encoded = newest_manifest(connection, kiosk)
    assert found is not None
    assert encoded is not None
    manifest = read_manifest(encoded, world.hub.keyring.verifying(MANIFEST))
    assert (found.name, found.organisation) == ("受付5", world.organisation)
    assert [one.event for one in manifest.events] == [world.event]
    assert manifest.shares == (Share(world.allotment, 300, 40),)
    assert (world.accounts()["out"], allotment_left(world)) == (340, world.allotted - 340)


def test_serials_are_random_and_never_counted(world: World) -> None:
    booths = [world.booth(f"受付{number}") for number in range(4)]

    serials = [read_certificate(one.certificate or b"", world.hub.keyring.verifying(KIOSK)).serial for one in booths]

    assert len(set(serials)) == 4
    assert min(serials) > 1_000


def test_a_share_beyond_the_allotment_lets_nobody_in(world: World) -> None:
    enrolment = answered(world)
    before = world.picture()

    with pytest.raises(ActRefused) as refused:
        world.do(approve_kiosk, enrolment, (world.event,), (Share(world.allotment, world.allotted, 1),))
    kept = world.picture()
    world.do(approve_kiosk, enrolment, (world.event,), (Share(world.allotment, world.allotted, 0),))

    assert (refused.value.refusal, refused.value.details["lacking"]) == (Refusal.NO_COVER, 1)
    assert kept == before
    assert allotment_left(world) == 0


def test_a_declined_invitation_lets_nobody_in(world: World) -> None:
    enrolment = answered(world)
    application = world.application(enrolment, sample_key("booth 新しい端末"))

    world.do(decline_invitation, enrolment)

    with pytest.raises(EnrolmentRefused, match="cancelled"):
        apply(world.hub, application)
    with pytest.raises(ActRefused) as refused:
        world.do(approve_kiosk, enrolment, (), ())
    with pytest.raises(ActRefused) as again:
        world.do(decline_invitation, enrolment)
    assert (refused.value.refusal, again.value.refusal) == (Refusal.NOBODY_WAITS, Refusal.STANDS_SO)


def test_nobody_is_let_in_twice_or_before_a_kiosk_has_come(world: World) -> None:
    fresh = world.do(invite_kiosk, "受付7", world.organisation).made
    world.booth("受付1")
    known = world.do(invite_kiosk, "受付8", world.organisation).made
    apply(world.hub, world.application(known, sample_key("booth 受付1")))
    done = answered(world)
    world.do(approve_kiosk, done, (), ())

    told = [(fresh, Refusal.NOBODY_WAITS), (known, Refusal.LET_IN_ALREADY), (done, Refusal.NOBODY_WAITS)]
    for enrolment, refusal in [*told, (bytes(16), Refusal.NOBODY_WAITS)]:
        with pytest.raises(ActRefused) as refused:
            world.do(approve_kiosk, enrolment, (), ())
        assert refused.value.refusal is refusal


def test_an_invitation_needs_an_organisation_that_is_there(sqlite: Store) -> None:
    with pytest.raises(ActRefused) as refused:
        World(sqlite).do(invite_kiosk, "受付7", 99)

    assert refused.value.refusal is Refusal.NO_ORGANISATION


def test_a_hub_that_was_rolled_back_signs_no_settings(world: World) -> None:
    booth, enrolment = world.booth(), answered(world)
    with world.store.transaction() as connection:
        mark_rolled_back(connection, "見本")
    before = world.picture()

    for act, told in (
        (renew_settings, (booth.kiosk,)),
        (top_up, (booth.kiosk, world.allotment, 5)),
        (approve_kiosk, (enrolment, (), ())),
    ):
        with pytest.raises(ActRefused) as refused:
            world.do(act, *told)
        assert refused.value.refusal is Refusal.NOT_SIGNED

    assert world.picture() == before


def test_settings_that_no_kiosk_could_read_are_never_kept(world: World) -> None:
    booth = world.booth()
    with world.store.transaction() as connection:
        columns = "event, version, name, starts_ms, ends_ms, allotment, state, act"
        execute(
            connection,
            f"INSERT INTO event ({columns}) SELECT event, 2, name, -61000000000000, ends_ms, allotment, state, act "
            "FROM event",
        )

    with pytest.raises(ActRefused, match=r"日時と数.*dates and numbers"):
        world.do(renew_settings, booth.kiosk)

    assert settings(world, booth) == booth.manifest


# names and events


def test_a_kiosk_is_renamed_and_its_settings_say_so_once_they_are_renewed(world: World) -> None:
    booth = world.booth("受付1")

    world.do(rename_kiosk, booth.kiosk, 1, "西口", world.organisation)
    world.do(renew_settings, booth.kiosk)
    renamed = settings(world, booth)
    world.do(rename_kiosk, booth.kiosk, 2, "受付1", world.organisation)

    with pytest.raises(ActRefused) as late:
        world.do(rename_kiosk, booth.kiosk, 2, "東口", world.organisation)
    with pytest.raises(ActRefused) as same:
        world.do(rename_kiosk, booth.kiosk, 3, "受付1", world.organisation)
    assert renamed.texts == (("kiosk", "西口"),)
    assert (late.value.refusal, same.value.refusal) == (Refusal.GROUND_CHANGED, Refusal.STANDS_SO)


def test_an_event_is_assigned_and_removed_and_both_sign_new_settings(world: World) -> None:
    booth, other = with_grants(world), add_other_event(world)

    world.do(assign_event, booth.kiosk, other)
    both = settings(world, booth)
    world.do(remove_event, booth.kiosk, world.event)
    one = settings(world, booth)
    world.do(assign_event, booth.kiosk, world.event)
    world.do(remove_event, booth.kiosk, other)
    back = settings(world, booth)

    assert [event.event for event in both.events] == [world.event, other]
    assert [event.event for event in one.events] == [other]
    assert (back.events, back.version) == (booth.manifest.events, 5)
    assert world.verdicts() == {"posted": (3, 150)}


def test_assigning_what_is_assigned_and_removing_what_is_not_are_refused(world: World) -> None:
    booth, other = world.booth(), add_other_event(world)
    told = [
        (assign_event, (booth.kiosk, world.event), Refusal.STANDS_SO),
        (assign_event, (booth.kiosk, 99), Refusal.NO_EVENT),
        (assign_event, (bytes(8), world.event), Refusal.NO_KIOSK),
        (remove_event, (booth.kiosk, other), Refusal.STANDS_SO),
        (renew_settings, (bytes(8),), Refusal.NO_KIOSK),
    ]

    for act, arguments, refusal in told:
        with pytest.raises(ActRefused) as refused:
            world.do(act, *arguments)
        assert refused.value.refusal is refusal

    assert settings(world, booth) == booth.manifest


# shares


def test_a_share_used_up_holds_the_rest_and_one_top_up_releases_all(world: World) -> None:
    booth = world.booth(total=100, reserve=50)
    for person in range(6):
        booth.grant(person)
    booth.send()
    before = world.verdicts(booth)

    world.do(top_up, booth.kiosk, world.allotment, 1_000)

    assert before == {"posted": (3, 150), "held": (3, 150)}
    assert world.verdicts(booth) == {"posted": (6, 300)}
    assert world.shares(booth) == {world.allotment: 1_150}
    assert broken_invariants(world) == []


def test_a_top_up_beyond_the_allotment_is_refused_and_leaves_nothing(world: World) -> None:
    booth = world.booth()
    before = world.picture()

    with pytest.raises(ActRefused) as refused:
        world.do(top_up, booth.kiosk, world.allotment, 10_000_000)

    assert refused.value.refusal is Refusal.NO_COVER
    assert world.picture() == before
    assert settings(world, booth) == booth.manifest


def test_a_first_share_may_come_by_topping_up(world: World) -> None:
    booth = world.booth(has_share=False)
    booth.grant(0)
    booth.send()

    world.do(top_up, booth.kiosk, world.allotment, 500)

    assert world.verdicts(booth) == {"posted": (1, VISIT_POINTS)}
    assert settings(world, booth).shares == (Share(world.allotment, 500, 0),)
    assert broken_invariants(world) == []


def test_a_lowered_share_comes_back_once_the_kiosk_has_named_the_lower_settings(world: World) -> None:
    booth = with_grants(world)
    out = world.accounts()["out"]

    world.do(lower_share, booth.kiosk, world.allotment, 99_000)
    signed = (settings(world, booth).shares, world.accounts()["out"])
    booth.grant(3)
    booth.send()
    not_yet = world.accounts()["out"]
    take_settings(world, booth)
    booth.send()

    assert signed == ((Share(world.allotment, 1_000, 0),), out)
    assert not_yet == out - VISIT_POINTS
    assert world.accounts()["out"] == 1_000 - 4 * VISIT_POINTS
    assert broken_invariants(world) == []


def test_a_top_up_before_the_lower_settings_are_named_moves_only_what_is_missing(world: World) -> None:
    booth = world.booth(total=300)
    world.do(lower_share, booth.kiosk, world.allotment, 100)

    world.do(top_up, booth.kiosk, world.allotment, 50)
    within = world.accounts()["out"]
    world.do(top_up, booth.kiosk, world.allotment, 150)
    beyond = world.accounts()["out"]
    take_settings(world, booth)
    booth.send()

    assert (within, beyond) == (300, 400)
    assert settings(world, booth).shares == (Share(world.allotment, 400, 0),)
    assert world.accounts()["out"] == 400


def test_a_share_is_never_lowered_below_what_has_arrived(world: World) -> None:
    booth = world.booth(total=300, reserve=20)
    for person in range(4):
        booth.grant(person)
    booth.send()

    with pytest.raises(ActRefused) as refused:
        world.do(lower_share, booth.kiosk, world.allotment, 121)
    with pytest.raises(ActRefused) as negative:
        world.do(lower_share, booth.kiosk, world.allotment, 301)
    world.do(lower_share, booth.kiosk, world.allotment, 120)
    take_settings(world, booth)
    booth.send()

    assert (refused.value.refusal, negative.value.refusal) == (Refusal.BELOW_USED, Refusal.BELOW_USED)
    assert world.accounts()["out"] == 0
    assert world.verdicts() == {"posted": (4, 200)}


def test_the_points_of_a_withdrawn_kiosk_come_back_at_once(world: World) -> None:
    booth = world.booth(total=300)
    booth.grant(0)
    booth.send()
    world.do(withdraw_kiosk, booth.kiosk)

    world.do(lower_share, booth.kiosk, world.allotment, 250)

    assert (world.accounts()["out"], allotment_left(world)) == (0, world.allotted - 50)
    assert broken_invariants(world) == []


def test_a_kiosk_that_is_resumed_is_handed_what_its_settings_still_allow(world: World) -> None:
    booth = world.booth(total=300)
    for person in range(5):
        booth.grant(person)
    booth.send(last_seq=2)
    world.do(withdraw_kiosk, booth.kiosk)
    world.do(lower_share, booth.kiosk, world.allotment, 250)

    world.do(resume_kiosk, booth.kiosk)
    booth.send()

    assert world.verdicts() == {"posted": (5, 250)}
    assert world.accounts()["out"] == 50
    assert broken_invariants(world) == []


def test_a_kiosk_is_not_resumed_where_its_points_have_gone_elsewhere(world: World) -> None:
    booth = world.booth(total=300)
    booth.grant(0)
    booth.send()
    world.do(withdraw_kiosk, booth.kiosk)
    world.do(lower_share, booth.kiosk, world.allotment, 250)
    world.do(lower_allotment, world.allotment, allotment_left(world) - 100)

    with pytest.raises(ActRefused) as refused:
        world.do(resume_kiosk, booth.kiosk)

    assert (refused.value.refusal, refused.value.details["lacking"]) == (Refusal.NO_COVER, 150)


def test_a_withdrawn_kiosk_is_topped_up_only_for_what_waits(world: World) -> None:
    waiting, empty = world.booth("受付1", total=50), world.booth("受付2")
    waiting.grant(0)
    waiting.grant(1)
    waiting.send()
    for booth in (waiting, empty):
        world.do(withdraw_kiosk, booth.kiosk)

    world.do(top_up, waiting.kiosk, world.allotment, 50)
    with pytest.raises(ActRefused) as refused:
        world.do(top_up, empty.kiosk, world.allotment, 50)

    assert refused.value.refusal is Refusal.WITHDRAWN_AND_EMPTY
    assert world.verdicts() == {"posted": (2, 100)}
    assert broken_invariants(world) == []


def test_the_points_of_a_withdrawn_kiosk_stay_while_its_records_are_missing(world: World) -> None:
    booth = world.booth(total=300)
    for person in range(5):
        booth.grant(person)
    booth.send(last_seq=2)
    booth.send(first_seq=5)
    world.do(withdraw_kiosk, booth.kiosk)

    with pytest.raises(ActRefused) as refused:
        world.do(lower_share, booth.kiosk, world.allotment, 100)

    assert refused.value.refusal is Refusal.RECORDS_MISSING
    assert world.accounts()["out"] == 250
