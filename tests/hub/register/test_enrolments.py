"""A kiosk is let in once, with one key, by a person; and its manifest and share follow."""

from __future__ import annotations

import pytest
from hub_world import World
from wire_samples import ROOT_KEY, sample_key

from hub.register.enrolments import EnrolmentRefused, applicants, apply, approve, invite
from hub.register.manifests import ShareRefused, sign_manifest
from hub.store.database import Store, rows
from sync.certificate import kiosk_identity, read_certificate
from sync.enrolment import LIFETIME_MS, Application, digits_to_compare, mac_from_hub, mac_from_kiosk, read_welcome
from sync.envelope import KIOSK, SigningKey
from sync.keys import read_key_list
from sync.manifest import Share


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def application(key: SigningKey, code: bytes, root_key_hash: bytes) -> Application:
    return Application(key.public, "kumapo test", mac_from_kiosk(code, key.public, root_key_hash))


def test_a_kiosk_waits_until_a_person_has_compared_the_digits(world: World) -> None:
    key = sample_key("new kiosk")
    enrolment, invitation = invite(world.hub, "受付1", world.organisation, "http://127.0.0.1:1")
    sent = application(key, invitation.code, invitation.root_key_hash)

    before = read_welcome(apply(world.hub, sent))
    with world.store.reading() as connection:
        waiting = applicants(connection)
    approve(world.hub, enrolment, (world.event,), (Share(world.allotment, 500, 50),))
    after = read_welcome(apply(world.hub, sent))

    assert (before.certificate, before.manifest) == (None, None)
    assert before.mac == mac_from_hub(invitation.code, key.public, invitation.root_key_hash)
    assert read_key_list(before.key_list, ROOT_KEY.public).instances
    assert [one.digits for one in waiting] == [digits_to_compare(key.public)]
    assert after.certificate is not None
    assert read_certificate(after.certificate, world.hub.keyring.verifying(KIOSK)).public_key == key.public


def test_a_second_key_with_a_good_proof_cancels_the_invitation_for_both(world: World) -> None:
    enrolment, invitation = invite(world.hub, "受付1", world.organisation, "http://127.0.0.1:1")
    first = application(sample_key("first"), invitation.code, invitation.root_key_hash)
    second = application(sample_key("second"), invitation.code, invitation.root_key_hash)
    apply(world.hub, first)

    with pytest.raises(EnrolmentRefused, match="cancelled"):
        apply(world.hub, second)
    with pytest.raises(EnrolmentRefused, match="cancelled"):
        apply(world.hub, first)
    with pytest.raises(EnrolmentRefused):
        approve(world.hub, enrolment, (), ())


def test_an_invitation_lives_ten_minutes(world: World) -> None:
    _, invitation = invite(world.hub, "受付1", world.organisation, "http://127.0.0.1:1")
    world.now_ms += LIFETIME_MS + 1

    with pytest.raises(EnrolmentRefused, match="expired"):
        apply(world.hub, application(sample_key("late"), invitation.code, invitation.root_key_hash))


@pytest.mark.parametrize("wrong", ["code", "root"])
def test_a_proof_over_another_code_or_root_key_is_no_answer_to_any_invitation(world: World, wrong: str) -> None:
    _, invitation = invite(world.hub, "受付1", world.organisation, "http://127.0.0.1:1")
    code = bytes(16) if wrong == "code" else invitation.code
    root = bytes(32) if wrong == "root" else invitation.root_key_hash

    with pytest.raises(EnrolmentRefused, match="no such invitation"):
        apply(world.hub, application(sample_key("guesser"), code, root))


def test_an_identity_is_let_in_only_once(world: World) -> None:
    world.booth("受付1")
    enrolment, invitation = invite(world.hub, "受付2", world.organisation, "http://127.0.0.1:1")
    apply(world.hub, application(sample_key("booth 受付1"), invitation.code, invitation.root_key_hash))

    with pytest.raises(EnrolmentRefused, match="exists"):
        approve(world.hub, enrolment, (), ())


def test_signing_a_share_moves_its_points_out_of_the_allotment(world: World) -> None:
    booth = world.booth(total=300, reserve=40)

    accounts = world.accounts()

    assert (accounts["out"], accounts["allotment"]) == (340, world.allotted - 340)
    assert booth.manifest.shares == (Share(world.allotment, 300, 40),)


def test_a_share_is_never_lowered_below_what_was_signed_and_never_overdraws(world: World) -> None:
    booth = world.booth(total=300)

    for share in (Share(world.allotment, 200, 0), Share(world.allotment, world.allotted * 2, 0)):
        with pytest.raises(ShareRefused), world.store.transaction() as connection:
            sign_manifest(world.hub, connection, booth.kiosk, (share,))

    assert world.accounts()["out"] == 300


def test_every_manifest_is_newer_than_the_one_before_and_stays_in_the_records(world: World) -> None:
    booth = world.booth()

    with world.store.transaction() as connection:
        second = sign_manifest(world.hub, connection, booth.kiosk)

    assert (second.instance, second.version) == (booth.manifest.instance, booth.manifest.version + 1)
    with world.store.reading() as connection:
        assert len(rows(connection, "SELECT version FROM manifest WHERE kiosk = :kiosk", kiosk=booth.kiosk)) == 2
    assert kiosk_identity(booth.key.public) == booth.kiosk
