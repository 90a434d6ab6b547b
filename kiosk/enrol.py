"""Turns the hub's enrolment code into an enrolled journal: applies, shows what is to be compared, waits for approval.

Trust begins with the root key's hash in the code that the camera read; whatever the network answers is held against it.
Nothing is kept before all of it fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from http import HTTPStatus
from typing import NamedTuple, Protocol, TypeVar

from config.clock import Clock
from kiosk import SOFTWARE
from kiosk.journal import Journal
from sync.certificate import kiosk_identity, read_certificate
from sync.codec import WireError
from sync.engine import HubUnreachable
from sync.enrolment import (
    LIFETIME_MS,
    Application,
    Invitation,
    Welcome,
    is_same_mac,
    mac_from_hub,
    mac_from_kiosk,
    read_invitation,
    read_welcome,
    write_application,
)
from sync.envelope import KIOSK, MANIFEST
from sync.keys import DEMO_LABEL, KeyList, read_key_list, root_key_hash
from sync.manifest import read_manifest

POLL_MS = 1_000
"""How often the hub is asked whether a clerk has approved."""

Picture = TypeVar("Picture")


class Refusal(Enum):
    """Why an answer is not believed, or why there is none."""

    NO_ANSWER = "not an enrolment answer"
    ROOT_KEY = "another root key than the code names"
    MAC = "the hub does not know the code"
    KEY_LIST = "key list not signed by the root key"
    DEMO = "a demo hub"
    CERTIFICATE = "certificate not for this kiosk"
    MANIFEST = "manifest not for this kiosk"
    TOO_LATE = "not approved within ten minutes"
    CODE_CLOSED = "the hub takes this code no more: it was used or called off, or its time is over; ask for a new one"


class Admission(NamedTuple):
    """Everything the kiosk keeps once it is let in; a missing manifest comes with the first batch."""

    root_public_key: bytes
    key_list: bytes
    certificate: bytes
    manifest: bytes | None


class NotYet(NamedTuple):
    """The hub is the right one, and no clerk has approved so far."""


class Door(Protocol):
    """Where an application is handed in."""

    def post_application(self, encoded: bytes) -> bytes:
        """Return the hub's welcome. Raises HubUnreachable."""


def find_invitation(pictures: Iterable[Picture], read: Callable[[Picture], list[str]]) -> tuple[str, Invitation] | None:
    """Return the first enrolment code in `pictures`, as its text and what it says; None if they end without one."""
    for picture in pictures:
        for text in read(picture):
            try:
                return text, read_invitation(text)
            except WireError:
                continue
    return None


def enrol(
    journal: Journal,
    door: Door,
    invitation: Invitation,
    clock: Clock,
    show: Callable[[str], None],
    *,
    is_demo: bool = False,
) -> Admission | Refusal:
    """Apply until a clerk has approved, and keep the admission in `journal`. `show` is told each trouble on the way."""
    mac = mac_from_kiosk(invitation.code, journal.public_key, invitation.root_key_hash)
    application = write_application(Application(journal.public_key, SOFTWARE, mac))
    give_up_ms = clock.monotonic_ms() + LIFETIME_MS
    while clock.monotonic_ms() < give_up_ms:
        try:
            answer = judge(door.post_application(application), invitation, journal.public_key, is_demo=is_demo)
        except HubUnreachable as weather:
            if weather.status == HTTPStatus.CONFLICT:
                return Refusal.CODE_CLOSED
            show(str(weather))
            answer = NotYet()
        if isinstance(answer, Admission):
            journal.keep_enrolment(*answer)
            return answer
        if isinstance(answer, Refusal):
            return answer
        clock.sleep_ms(POLL_MS)
    return Refusal.TOO_LATE


def judge(encoded: bytes, invitation: Invitation, public_key: bytes, *, is_demo: bool) -> Admission | NotYet | Refusal:
    """Return what the hub's answer is worth. Pure."""
    try:
        welcome = read_welcome(encoded)
    except WireError:
        return Refusal.NO_ANSWER
    if root_key_hash(welcome.root_public_key) != invitation.root_key_hash:
        return Refusal.ROOT_KEY
    if not is_same_mac(welcome.mac, mac_from_hub(invitation.code, public_key, invitation.root_key_hash)):
        return Refusal.MAC
    try:
        keys = read_key_list(welcome.key_list, welcome.root_public_key)
    except WireError:
        return Refusal.KEY_LIST
    if keys.label == DEMO_LABEL and not is_demo:
        return Refusal.DEMO
    return _admission(welcome, keys, public_key)


def _admission(welcome: Welcome, keys: KeyList, public_key: bytes) -> Admission | NotYet | Refusal:
    if welcome.certificate is None:
        return NotYet()
    try:
        certificate = read_certificate(welcome.certificate, keys.verifying(KIOSK))
    except WireError:
        return Refusal.CERTIFICATE
    if certificate.public_key != public_key:
        return Refusal.CERTIFICATE
    if welcome.manifest is not None and not _is_manifest_for(welcome.manifest, keys, public_key):
        return Refusal.MANIFEST
    return Admission(welcome.root_public_key, welcome.key_list, welcome.certificate, welcome.manifest)


def _is_manifest_for(encoded: bytes, keys: KeyList, public_key: bytes) -> bool:
    try:
        manifest = read_manifest(encoded, keys.verifying(MANIFEST))
    except WireError:
        return False
    return manifest.kiosk == kiosk_identity(public_key) and manifest.instance in keys.instances
