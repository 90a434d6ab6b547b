"""Acts on kiosks: inviting and letting them in, their names, events and settings. Those on shares are written in
`shares.py`, those that stop and withdraw in `lines.py`; all can be had from here.
"""

from __future__ import annotations

from itertools import chain

from hub.acts.checks import want_event, want_kiosk, want_name, want_open
from hub.acts.doing import Doing, Outcome, act
from hub.acts.judged import lock_kiosk
from hub.acts.lines import resume_kiosk, stop_kiosk, withdraw_kiosk
from hub.acts.money import hand_out, move_covered
from hub.acts.refusals import ActRefused, Refusal
from hub.acts.shares import lower_share, top_up
from hub.acts.signing import sign
from hub.intake.facts import find_kiosk
from hub.register.enrolments import (
    ANSWERED,
    APPROVED,
    CANCELLED,
    OPEN,
    find_invitation,
    settle_invitation,
    write_invitation,
)
from hub.register.kiosks import (
    ASSIGNED,
    REMOVED,
    KioskName,
    assignment_of,
    newest_name,
    write_assignment,
    write_kiosk,
    write_name,
)
from sync.certificate import Certificate, kiosk_identity, write_certificate
from sync.enrolment import CODE_LENGTH, LIFETIME_MS
from sync.envelope import KIOSK
from sync.manifest import Share

__all__ = (
    "approve_kiosk",
    "assign_event",
    "decline_invitation",
    "invite_kiosk",
    "lower_share",
    "remove_event",
    "rename_kiosk",
    "renew_settings",
    "resume_kiosk",
    "stop_kiosk",
    "top_up",
    "withdraw_kiosk",
)

SERIAL_LENGTH = 6
"""Bytes of a certificate's serial. It is random: a restored hub has forgotten how many it gave."""


@act("invite kiosk", counter="decline invitation", makes="enrolment", text=lambda **told: told["name"])
def invite_kiosk(doing: Doing, name: str, organisation: int) -> Outcome[bytes]:
    """Open an invitation of ten minutes for a kiosk that is to come; return its key."""
    want_open(doing.connection, organisation)
    enrolment, code = doing.hub.random_bytes(16), doing.hub.random_bytes(CODE_LENGTH)
    expires_ms = doing.now_ms + LIFETIME_MS
    write_invitation(doing.connection, enrolment, code, want_name(name), organisation, expires_ms, doing.number)
    return Outcome(enrolment)


@act("decline invitation", counter="invite kiosk")
def decline_invitation(doing: Doing, enrolment: bytes) -> Outcome[None]:
    """Call an invitation off, because the digits differ or nobody is to come; it lets no kiosk in any more."""
    invited = find_invitation(doing.connection, enrolment)
    if invited is None:
        raise ActRefused(Refusal.GONE)
    if invited.state == APPROVED:
        raise ActRefused(Refusal.IS_LET_IN, what=invited.name)
    if invited.state not in {OPEN, ANSWERED}:
        raise ActRefused(Refusal.STANDS_SO, what=invited.name)
    settle_invitation(doing.connection, enrolment, CANCELLED)
    return Outcome(None)


@act("approve kiosk", counter="withdraw kiosk", makes="kiosk")
def approve_kiosk(doing: Doing, enrolment: bytes, events: tuple[int, ...], shares: tuple[Share, ...]) -> Outcome[bytes]:
    """Let a kiosk in after its digits were compared: certificate, name, events, shares, first manifest. Return its
    identity.
    """
    invited = find_invitation(doing.connection, enrolment)
    if invited is None or invited.state != ANSWERED or invited.public_key is None:
        raise ActRefused(Refusal.NOBODY_WAITS)
    want_open(doing.connection, invited.organisation)
    kiosk = kiosk_identity(invited.public_key)
    if find_kiosk(doing.connection, kiosk) is not None:
        raise ActRefused(Refusal.LET_IN_ALREADY)
    approved_ms = max(doing.now_ms, invited.expires_ms - LIFETIME_MS)  # a clock may be set back in between
    _write_kiosk(doing, kiosk, invited.public_key, approved_ms)
    write_name(doing.connection, KioskName(kiosk, 1, invited.name, invited.organisation), doing.number)
    settle_invitation(doing.connection, enrolment, APPROVED)
    for event in sorted(set(events)):
        want_event(doing.connection, event)
        assignment = assignment_of(doing.connection, kiosk, event)._replace(version=1, state=ASSIGNED)
        write_assignment(doing.connection, assignment, doing.number)
    handed_out = [hand_out(doing, "share", kiosk, one.allotment, one.total + one.reserve) for one in shares]
    move_covered(doing, chain.from_iterable(handed_out))
    sign(doing, kiosk, shares)
    return Outcome(kiosk)


@act("rename kiosk", counter="rename kiosk", text=lambda **told: told["name"])
def rename_kiosk(doing: Doing, kiosk: bytes, version: int, name: str, organisation: int) -> Outcome[None]:
    """Call a kiosk otherwise, or put it with another organisation. Its screen says so after its next settings."""
    newest = newest_name(doing.connection, kiosk)
    if newest is None:
        raise ActRefused(Refusal.NO_KIOSK)
    if newest.version != version:
        raise ActRefused(Refusal.GROUND_CHANGED, what=newest.name)
    if organisation != newest.organisation:
        want_open(doing.connection, organisation)
    changed = KioskName(kiosk, version + 1, want_name(name), organisation)
    if changed[2:] == newest[2:]:
        raise ActRefused(Refusal.STANDS_SO, what=newest.name)
    write_name(doing.connection, changed, doing.number)
    return Outcome(None)


@act("assign event", counter="remove event")
def assign_event(doing: Doing, kiosk: bytes, event: int) -> Outcome[None]:
    """Let a kiosk serve an event, and sign new settings for it."""
    return _turn_assignment(doing, kiosk, event, ASSIGNED)


@act("remove event", counter="assign event")
def remove_event(doing: Doing, kiosk: bytes, event: int) -> Outcome[None]:
    """Let a kiosk serve an event no longer, and sign new settings for it. What it has granted there stays."""
    return _turn_assignment(doing, kiosk, event, REMOVED)


@act("renew settings", counter="")
def renew_settings(doing: Doing, kiosk: bytes) -> Outcome[None]:
    """Sign new settings for a kiosk, with its events, lost cards and shares as they stand."""
    want_kiosk(doing.connection, kiosk)
    lock_kiosk(doing, kiosk)
    sign(doing, kiosk)
    return Outcome(None)


def _write_kiosk(doing: Doing, kiosk: bytes, public_key: bytes, approved_ms: int) -> None:
    serial = int.from_bytes(doing.hub.random_bytes(SERIAL_LENGTH), "big")
    certificate = Certificate(public_key, serial, 0)
    encoded = b"" if doing.is_preview else write_certificate(doing.hub.keyring.signer(KIOSK), certificate)
    write_kiosk(doing.connection, kiosk, public_key, serial, encoded, approved_ms, doing.number)


def _turn_assignment(doing: Doing, kiosk: bytes, event: int, state: str) -> Outcome[None]:
    want_kiosk(doing.connection, kiosk)
    named = want_event(doing.connection, event)
    lock_kiosk(doing, kiosk)
    before = assignment_of(doing.connection, kiosk, event)
    if before.state == state:
        raise ActRefused(Refusal.STANDS_SO, what=named.name)
    write_assignment(doing.connection, before._replace(version=before.version + 1, state=state), doing.number)
    sign(doing, kiosk)
    return Outcome(None)
