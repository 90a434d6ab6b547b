"""A kiosk is let in once, with one key, by a person; and its settings follow."""

from __future__ import annotations

import pytest
from hub_world import SOFTWARE, World
from wire_samples import ROOT_KEY, sample_key

from hub.acts.kiosks import approve_kiosk, invite_kiosk, renew_settings
from hub.acts.refusals import ActRefused, Refusal
from hub.register.enrolments import EnrolmentRefused, applicants, apply, invitation_of
from hub.register.manifests import newest_manifest, newest_version
from hub.store.database import Store, rows
from sync.certificate import read_certificate
from sync.enrolment import LIFETIME_MS, Application, digits_to_compare, mac_from_hub, mac_from_kiosk, read_welcome
from sync.envelope import KIOSK, MANIFEST
from sync.keys import read_key_list
from sync.manifest import Share, read_manifest


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def invited(world: World) -> bytes:
    enrolment: bytes = world.do(invite_kiosk, "受付1", world.organisation).made
    return enrolment


def code_of(world: World, enrolment: bytes) -> bytes:
    with world.store.reading() as connection:
        invitation = invitation_of(world.hub, connection, enrolment, "http://127.0.0.1:1")
    assert invitation is not None
    assert invitation.root_key_hash == world.hub.keyring.root_key_hash
    return invitation.code


def test_a_kiosk_waits_until_a_person_has_compared_the_digits(world: World) -> None:
    key = sample_key("new kiosk")
    enrolment = invited(world)
    sent = world.application(enrolment, key)

    before = read_welcome(apply(world.hub, sent))
    with world.store.reading() as connection:
        waiting = applicants(connection)
    world.do(approve_kiosk, enrolment, (world.event,), (Share(world.allotment, 500, 50),))
    after = read_welcome(apply(world.hub, sent))

    assert (before.certificate, before.manifest) == (None, None)
    assert before.mac == mac_from_hub(code_of(world, enrolment), key.public, world.hub.keyring.root_key_hash)
    assert read_key_list(before.key_list, ROOT_KEY.public).instances
    assert [one.digits for one in waiting] == [digits_to_compare(key.public)]
    assert after.certificate is not None
    assert read_certificate(after.certificate, world.hub.keyring.verifying(KIOSK)).public_key == key.public


def test_a_second_key_with_a_good_proof_cancels_the_invitation_for_both(world: World) -> None:
    enrolment = invited(world)
    first, second = (world.application(enrolment, sample_key(name)) for name in ("first", "second"))
    apply(world.hub, first)

    for application in (second, first):
        with pytest.raises(EnrolmentRefused, match="cancelled"):
            apply(world.hub, application)
    with pytest.raises(ActRefused) as refused:
        world.do(approve_kiosk, enrolment, (), ())

    assert refused.value.refusal is Refusal.NOBODY_WAITS


def test_the_same_kiosk_may_ask_again_until_it_is_let_in(world: World) -> None:
    application = world.application(invited(world), sample_key("patient"))

    answers = {apply(world.hub, application) for _ in range(3)}

    assert len(answers) == 1


def test_an_invitation_lives_ten_minutes(world: World) -> None:
    application = world.application(invited(world), sample_key("late"))
    world.now_ms += LIFETIME_MS + 1

    with pytest.raises(EnrolmentRefused, match="expired"):
        apply(world.hub, application)


@pytest.mark.parametrize("wrong", ["code", "root"])
def test_a_proof_over_another_code_or_root_key_is_no_answer_to_any_invitation(world: World, wrong: str) -> None:
    enrolment, key = invited(world), sample_key("guesser")
    code = bytes(16) if wrong == "code" else code_of(world, enrolment)
    root = bytes(32) if wrong == "root" else world.hub.keyring.root_key_hash

    with pytest.raises(EnrolmentRefused, match="no such invitation"):
        apply(world.hub, Application(key.public, SOFTWARE, mac_from_kiosk(code, key.public, root)))


def test_every_manifest_is_newer_than_the_one_before_and_stays_in_the_records(world: World) -> None:
    booth = world.booth()

    world.do(renew_settings, booth.kiosk)

    with world.store.reading() as connection:
        stored = rows(connection, "SELECT version FROM manifest WHERE kiosk = :kiosk", kiosk=booth.kiosk)
        newest = newest_manifest(connection, booth.kiosk)
    assert newest is not None
    second = read_manifest(newest, world.hub.keyring.verifying(MANIFEST))
    assert (second.instance, second.version) == (booth.manifest.instance, booth.manifest.version + 1)
    assert len(stored) == 2


def test_in_a_new_instance_versions_begin_again_and_the_newest_is_of_it(world: World) -> None:
    booth = world.booth()
    for _ in range(2):
        world.do(renew_settings, booth.kiosk)
    world.now_ms += 1_000

    instance = world.open_instance()
    world.do(renew_settings, booth.kiosk)

    with world.store.reading() as connection:
        newest = newest_manifest(connection, booth.kiosk)
        version = newest_version(connection, booth.kiosk, instance.opened_ms)
    assert newest is not None
    read = read_manifest(newest, world.hub.keyring.verifying(MANIFEST))
    assert (read.instance, read.version, version) == (instance, 1, 1)
    assert read.shares == booth.manifest.shares
