"""A kiosk believes a hub only if everything fits the code its camera read, and keeps nothing before that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import wire_samples as wire
from kiosk_booth import CODE, Desk, HandClock, picture_of

from kiosk.decode import CodeReader
from kiosk.enrol import Admission, Refusal, enrol, find_invitation
from kiosk.journal import Journal
from kiosk.journal_open import begin_enrolment, read_journal
from kiosk.lookup import reference_of
from sync.certificate import kiosk_identity
from sync.engine import HubUnreachable
from sync.enrolment import Invitation, is_same_mac, mac_from_kiosk, write_invitation

SEED = bytes(range(32))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(begin_enrolment(tmp_path / "journal.db", "KPE1:SAMPLE", "http://127.0.0.1:9", SEED)) as journal:
        yield journal


def applied(journal: Journal, desk: Desk, *, is_demo: bool = False) -> tuple[Admission | Refusal, list[str]]:
    shown: list[str] = []
    return enrol(journal, desk, desk.invitation(), HandClock(), shown.append, is_demo=is_demo), shown


def test_an_approved_kiosk_keeps_everything_it_needs_to_work_for_weeks(journal: Journal) -> None:
    desk = Desk()

    answer, _ = applied(journal, desk)

    assert isinstance(answer, Admission)
    assert journal.root_public_key == wire.ROOT_KEY.public
    assert reference_of(journal).manifest == wire.manifest(kiosk=journal.kiosk)
    assert journal.certificate() == answer.certificate


def test_the_code_itself_is_never_sent(journal: Journal) -> None:
    desk = Desk()

    applied(journal, desk)

    application = desk.applications[0]
    expected = mac_from_kiosk(CODE, journal.public_key, desk.invitation().root_key_hash)
    assert application.public_key == journal.public_key
    assert is_same_mac(application.mac, expected)
    assert CODE not in application.mac


def test_the_kiosk_asks_again_until_a_clerk_has_approved(journal: Journal) -> None:
    desk = LateDesk(is_approved=False)

    answer, _ = applied(journal, desk)

    assert isinstance(answer, Admission)
    assert len(desk.applications) == 4
    assert len({application.mac for application in desk.applications}) == 1


class LateDesk(Desk):
    """The clerk approves after the third time of asking."""

    def post_application(self, encoded: bytes) -> bytes:
        self.is_approved = len(self.applications) >= 3
        return super().post_application(encoded)


def test_bad_weather_is_shown_and_waited_out(journal: Journal) -> None:
    desk = Desk(unreachable=[HubUnreachable("no route"), HubUnreachable("HTTP 502", 502)])

    answer, shown = applied(journal, desk)

    assert isinstance(answer, Admission)
    assert shown == ["no route", "HTTP 502"]


def test_a_code_that_the_hub_takes_no_more_is_said_at_once(journal: Journal) -> None:
    desk = Desk(unreachable=[HubUnreachable("HTTP 409", 409)])

    answer, shown = applied(journal, desk)

    assert (answer, shown) == (Refusal.CODE_CLOSED, [])
    assert journal.certificate() is None


def test_after_ten_minutes_the_kiosk_gives_up(journal: Journal) -> None:
    answer, _ = applied(journal, Desk(is_approved=False))

    assert answer is Refusal.TOO_LATE
    assert journal.certificate() is None


@pytest.mark.parametrize(
    ("desk", "refusal"),
    [
        (Desk(root=wire.sample_key("stranger")), Refusal.ROOT_KEY),
        (Desk(code=bytes(16)), Refusal.MAC),
        (Desk(certified=wire.OTHER_KIOSK_KEY.public), Refusal.CERTIFICATE),
        (Desk(manifest_for=bytes(8)), Refusal.MANIFEST),
        (Desk(label="demo"), Refusal.DEMO),
    ],
)
def test_a_hub_that_does_not_fit_the_code_is_refused_and_nothing_is_kept(
    journal: Journal, desk: Desk, refusal: Refusal
) -> None:
    answer, _ = applied(journal, desk)

    assert answer is refusal
    assert journal.certificate() is None
    assert journal.root_public_key == b""


def test_a_key_list_of_another_root_is_refused(journal: Journal) -> None:
    desk = ForeignKeys()

    answer, _ = applied(journal, desk)

    assert answer is Refusal.KEY_LIST


class ForeignKeys(Desk):
    """Answers with the right root key, but a key list that another one has signed."""

    def key_list(self) -> bytes:
        return Desk(root=wire.sample_key("stranger")).key_list()


def test_an_answer_that_is_no_welcome_is_refused(journal: Journal) -> None:
    class Portal(Desk):
        def post_application(self, encoded: bytes) -> bytes:
            return b"<html>" + encoded

    answer, _ = applied(journal, Portal())

    assert answer is Refusal.NO_ANSWER


def test_a_demo_hub_enrols_a_kiosk_started_as_demo(journal: Journal) -> None:
    answer, _ = applied(journal, Desk(label="demo"), is_demo=True)

    assert isinstance(answer, Admission)
    assert reference_of(journal).label == "demo"


def test_a_broken_off_enrolment_goes_on_with_the_same_key_and_a_new_code_makes_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    seeds = [bytes([number]) * 32 for number in range(3)]
    keys = []

    for invitation, seed in zip(["KPE1:ONE", "KPE1:ONE", "KPE1:TWO"], seeds, strict=True):
        with closing(begin_enrolment(path, invitation, "http://127.0.0.1:9", seed)) as journal:
            keys.append(journal.public_key)

    assert keys[0] == keys[1] != keys[2]
    with closing(read_journal(path)) as reader:
        assert reader.kiosk == kiosk_identity(keys[2])
    assert (tmp_path / "journal.db.retired-1").exists()


def test_an_enrolled_journal_is_not_begun_anew(journal: Journal, tmp_path: Path) -> None:
    applied(journal, Desk())
    journal.close()

    with closing(begin_enrolment(tmp_path / "journal.db", "KPE1:OTHER", "http://127.0.0.1:9", bytes(32))) as again:
        assert again.certificate() is not None
        assert again.kiosk == journal.kiosk


def test_the_enrolment_code_is_read_from_a_picture_among_other_codes() -> None:
    invitation = Invitation("http://127.0.0.1:8000", bytes(32), CODE)
    text = write_invitation(invitation)
    pictures = [picture_of(), picture_of("https://poster.example/"), picture_of("https://poster.example/", text)]

    found = find_invitation(pictures, CodeReader().read_still)

    assert found == (text, invitation)


def test_pictures_without_an_enrolment_code_give_none() -> None:
    assert find_invitation([picture_of("KPE1:NOT ONE")], CodeReader().read_still) is None
