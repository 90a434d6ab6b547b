"""Checks who was let in: kiosks against their certificates and invitations. Returns the kiosks for the rest."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import sqlalchemy as sa

from hub.audit.findings import Findings
from hub.audit.reading import stream
from hub.audit.trust import Trust
from sync.certificate import kiosk_identity, read_certificate
from sync.codec import WireError
from sync.enrolment import CODE_LENGTH, LIFETIME_MS
from sync.envelope import is_usable_public_key

TABLES_THAT_NAME_KIOSKS = (
    "kiosk_progress",
    "kiosk_count",
    "assignment",
    "manifest",
    "share",
    "entry",
    "transfer",
    "aside",
    "flag",
    "decision",
    "fence",
    "accepted_hole",
)


class Kiosk(NamedTuple):
    """A kiosk in the hub's books. `public_key` is the certified one where the two differ."""

    kiosk: bytes
    public_key: bytes
    name: str
    approved_ms: int


def read_kiosks(connection: sa.Connection, trust: Trust, findings: Findings) -> list[Kiosk]:
    """Check the tables kiosk and enrolment, and that no table names a kiosk that is not in the books."""
    organisations = {one.organisation for one in stream(connection, "SELECT organisation FROM organisation")}
    rows = list(stream(connection, "SELECT * FROM kiosk ORDER BY kiosk"))
    invitations = _check_enrolments(connection, {bytes(one.kiosk) for one in rows}, organisations, findings)
    serials = Counter(one.serial for one in rows)
    kiosks = []
    for one in rows:
        kiosks.append(_check_kiosk(one, trust, findings))
        _check_invitation(one, invitations.get(bytes(one.public_key)), findings)
        if one.organisation and one.organisation not in organisations:
            findings.defect("kiosk", f"organisation {one.organisation} does not exist", kiosk=bytes(one.kiosk))
            findings.defect("organisation", "missing, though a kiosk names it", organisation=one.organisation)
        if serials[one.serial] > 1:
            findings.defect("kiosk", f"serial {one.serial} is given twice", kiosk=bytes(one.kiosk))
    _check_all_known(connection, kiosks, findings)
    return kiosks


def _check_kiosk(one: Any, trust: Trust, findings: Findings) -> Kiosk:
    kiosk, public_key = bytes(one.kiosk), bytes(one.public_key)
    if kiosk_identity(public_key) != kiosk:
        findings.defect("kiosk", "its public key is another kiosk's", kiosk=kiosk)
    try:
        certificate = read_certificate(bytes(one.certificate), trust.kiosk_keys)
    except WireError as error:
        findings.defect("kiosk", f"its certificate is not the hub's: {error.reason}", kiosk=kiosk)
        return Kiosk(kiosk, public_key, one.name, one.approved_ms)
    if certificate.public_key != public_key:
        findings.defect("kiosk", "its certificate is for another key", kiosk=kiosk)
    if certificate.serial != one.serial:
        findings.defect("kiosk", f"certified with serial {certificate.serial}", kiosk=kiosk)
    is_certified = kiosk_identity(certificate.public_key) == kiosk
    return Kiosk(kiosk, certificate.public_key if is_certified else public_key, one.name, one.approved_ms)


def _check_invitation(one: Any, invitation: Any, findings: Findings) -> None:
    """A kiosk was invited and approved; one that this database had forgotten came back with its certificate, and says
    so by belonging to no organisation.
    """
    kiosk = bytes(one.kiosk)
    if invitation is None and one.organisation == 0:
        findings.note("kiosk", "let in on its certificate: it was enrolled before this database's backup", kiosk=kiosk)
    elif invitation is None:
        findings.defect("kiosk", "belongs to an organisation without having been invited", kiosk=kiosk)
        findings.defect("enrolment", "missing: no approved invitation for this kiosk", kiosk=kiosk)
    else:
        for column in ("name", "organisation"):
            if getattr(one, column) != getattr(invitation, column):
                findings.defect("kiosk", f"invited under another {column}", kiosk=kiosk)
                findings.defect("enrolment", f"its kiosk has another {column}", enrolment=bytes(invitation.enrolment))
        if one.approved_ms < invitation.expires_ms - LIFETIME_MS:
            findings.defect("kiosk", "approved before it was invited", kiosk=kiosk)
            findings.defect("enrolment", "opened after approval", enrolment=bytes(invitation.enrolment))


def _check_enrolments(
    connection: sa.Connection, kiosks: set[bytes], organisations: set[int], findings: Findings
) -> dict[bytes, Any]:
    """Return {public key: invitation} of the approved ones."""
    rows = list(stream(connection, "SELECT * FROM enrolment ORDER BY enrolment"))
    approvals = [one for one in rows if one.state == "approved" and one.public_key is not None]
    approved = {bytes(one.public_key): one for one in approvals}
    counts = Counter(bytes(one.public_key) for one in approvals)
    for one in rows:
        defect = _defect_of(one, kiosks, organisations)
        if one in approvals and counts[bytes(one.public_key)] > 1:
            defect = defect or "approved, but its kiosk was let in by another invitation"
        if one.state == "answered" and not defect and bytes(one.public_key) not in approved:
            # a kiosk in the books may answer again, but some invitation let it in
            is_let_in = kiosk_identity(bytes(one.public_key)) in kiosks
            defect = "not approved, but its kiosk is in the books" if is_let_in else ""
        if defect:
            findings.defect("enrolment", defect, enrolment=bytes(one.enrolment))
    return approved


def _defect_of(one: Any, kiosks: set[bytes], organisations: set[int]) -> str:
    public_key = None if one.public_key is None else bytes(one.public_key)
    is_answered = one.state in {"answered", "approved"}
    if one.state not in {"open", "answered", "approved", "cancelled"}:
        return f"no such state: {one.state}"
    if one.organisation not in organisations:
        return f"organisation {one.organisation} does not exist"
    if one.code is not None and len(bytes(one.code)) != CODE_LENGTH:
        return "its code has not 16 bytes"
    if is_answered != (public_key is not None) or is_answered != (one.software is not None):
        return f"{one.state}, but {'no' if public_key is None else 'a'} key is named"
    if public_key is not None and not is_usable_public_key(public_key):
        return "its public key is none"
    if public_key is not None and one.state == "approved" and kiosk_identity(public_key) not in kiosks:
        return "approved, but its kiosk is not in the books"
    return ""


def _check_all_known(connection: sa.Connection, kiosks: list[Kiosk], findings: Findings) -> None:
    known = {one.kiosk for one in kiosks}
    for table in TABLES_THAT_NAME_KIOSKS:
        for one in stream(connection, f"SELECT DISTINCT kiosk FROM {table} ORDER BY kiosk"):  # noqa: S608  # our names
            if bytes(one.kiosk) not in known:
                findings.defect("kiosk", f"missing, though {table} names it", kiosk=bytes(one.kiosk))
                findings.defect(table, "names a kiosk that is not in the books", kiosk=bytes(one.kiosk))
