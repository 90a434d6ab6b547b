"""Checks who was let in: kiosks against their certificates, names, invitations and acts. Returns the kiosks for the
rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from hub.audit.acts import Acts
from hub.audit.findings import Findings
from hub.audit.reading import of_kiosks, stream
from hub.audit.trust import Trust
from hub.audit.versions import by_subject
from sync.certificate import kiosk_identity, read_certificate
from sync.codec import WireError
from sync.enrolment import CODE_LENGTH, LIFETIME_MS
from sync.envelope import is_usable_public_key

TABLES_THAT_NAME_KIOSKS = (
    "kiosk_name",
    "assignment",
    "manifest",
    "share",
    "decision",
    "line",
    "hole",
    "lost_tail",
    "replacement",
    "boot_start",
    "entry",
    "transfer",
    "aside",
    "placed",
    "flag",
    "landmark",
    "kept_fold",
    "kiosk_progress",
    "kiosk_count",
)


class Kiosk(NamedTuple):
    """A kiosk in the hub's books and all its names. `public_key` is the certified one where the two differ."""

    kiosk: bytes
    public_key: bytes
    names: tuple[str, ...]
    approved_ms: int


def read_kiosks(
    connection: sa.Connection, trust: Trust, acts: Acts, wanted: Iterable[bytes] | None, findings: Findings
) -> list[Kiosk]:
    """Check the tables kiosk, kiosk_name and enrolment, and that no table names a kiosk that is not in the books. Where
    only some kiosks are `wanted`, these alone are looked at.
    """
    chosen = None if wanted is None else sorted(wanted)
    organisations = {one.organisation for one in stream(connection, "SELECT DISTINCT organisation FROM organisation")}
    rows = list(of_kiosks(connection, "kiosk", "kiosk", chosen))
    invitations = _check_enrolments(connection, acts, organisations, findings) if chosen is None else None
    names = _read_names(connection, acts, chosen, organisations, findings)
    serials = Counter(one.serial for one in rows)
    kiosks = []
    for one in rows:
        versions = names.get(bytes(one.kiosk), [])
        kiosk = _check_kiosk(one, versions, trust, acts, findings)
        kiosks.append(kiosk)
        if invitations is not None:
            _check_invitation(one, versions, invitations.get(bytes(one.public_key)), findings)
        if serials[one.serial] > 1:
            findings.defect("kiosk", f"serial {one.serial} is given twice", kiosk=kiosk.kiosk)
    if chosen is None:
        _check_all_known(connection, kiosks, findings)
    return kiosks


def _read_names(
    connection: sa.Connection,
    acts: Acts,
    kiosks: list[bytes] | None,
    organisations: set[int],
    findings: Findings,
) -> Mapping[bytes, list[Any]]:
    names = {}
    rows = of_kiosks(connection, "kiosk_name", "version", kiosks)
    for name, versions in by_subject("kiosk_name", rows, ("kiosk",), findings):
        names[name["kiosk"]] = versions
        for one in versions:
            whose = {**name, "version": one.version}
            if one.act is None and one.version == 1 and one.organisation == 0:
                continue  # a kiosk known again
            act = acts.made("kiosk_name", "first" if one.version == 1 else "next", one.act, whose, kiosk=name["kiosk"])
            if one.organisation not in organisations:
                findings.defect("kiosk_name", f"organisation {one.organisation} does not exist", **whose)
                findings.defect("organisation", "missing, though a kiosk names it", organisation=one.organisation)
            if act is not None and act.kind == "rename kiosk" and act.says.get("organisation") != one.organisation:
                findings.defect("kiosk_name", "its act says another organisation", **whose)
                findings.defect("act", "says another organisation than its row of kiosk_name", act=act.act)
    return names


def _check_kiosk(one: Any, names: list[Any], trust: Trust, acts: Acts, findings: Findings) -> Kiosk:
    kiosk, public_key = bytes(one.kiosk), bytes(one.public_key)
    if not names:
        findings.defect("kiosk_name", "missing: every kiosk has a name", kiosk=kiosk, version=1)
    if one.act is not None:
        act = acts.made("kiosk", "", one.act, {"kiosk": kiosk}, kiosk=kiosk)
        if names and (names[0].act is None or bytes(names[0].act) != bytes(one.act)):
            findings.defect("kiosk_name", "given by another act than its approval", kiosk=kiosk, version=1)
            findings.defect("kiosk", "let in by another act than gave its name", kiosk=kiosk)
        if act is not None and act.done_ms > one.approved_ms:
            findings.defect("kiosk", "let in before its act was done", kiosk=kiosk)
            findings.defect("act", "done after its kiosk was let in", act=act.act)
    called = tuple(version.name for version in names)
    if kiosk_identity(public_key) != kiosk:
        findings.defect("kiosk", "its public key is another kiosk's", kiosk=kiosk)
    try:
        certificate = read_certificate(bytes(one.certificate), trust.kiosk_keys)
    except WireError as error:
        findings.defect("kiosk", f"its certificate is not the hub's: {error.reason}", kiosk=kiosk)
        return Kiosk(kiosk, public_key, called, one.approved_ms)
    if certificate.public_key != public_key:
        findings.defect("kiosk", "its certificate is for another key", kiosk=kiosk)
    if certificate.serial != one.serial:
        findings.defect("kiosk", f"certified with serial {certificate.serial}", kiosk=kiosk)
    is_certified = kiosk_identity(certificate.public_key) == kiosk
    return Kiosk(kiosk, certificate.public_key if is_certified else public_key, called, one.approved_ms)


def _check_invitation(one: Any, names: list[Any], invitation: Any, findings: Findings) -> None:
    """A kiosk was invited and approved; one that this database had forgotten came back with its certificate, and names
    that as its cause by naming no act.
    """
    kiosk = bytes(one.kiosk)
    first = names[0] if names else None
    if one.act is None:
        findings.note("kiosk", "let in on its certificate: it was enrolled before this database's backup", kiosk=kiosk)
        if invitation is not None:
            findings.defect("kiosk", "invited, but no act let it in", kiosk=kiosk)
        return
    if invitation is None:
        findings.defect("kiosk", "let in without having been invited", kiosk=kiosk)
        findings.defect("enrolment", "missing: no approved invitation for this kiosk", kiosk=kiosk)
        return
    whose = {"enrolment": bytes(invitation.enrolment)}
    for column in ("name", "organisation"):
        if first is not None and getattr(first, column) != getattr(invitation, column):
            findings.defect("kiosk_name", f"invited under another {column}", kiosk=kiosk, version=1)
            findings.defect("enrolment", f"its kiosk has another {column}", **whose)
    if one.approved_ms < invitation.expires_ms - LIFETIME_MS:
        findings.defect("kiosk", "approved before it was invited", kiosk=kiosk)
        findings.defect("enrolment", "opened after approval", **whose)


def _check_enrolments(
    connection: sa.Connection, acts: Acts, organisations: set[int], findings: Findings
) -> dict[bytes, Any]:
    """Return {public key: invitation} of the approved ones."""
    kiosks = {bytes(one.kiosk) for one in stream(connection, "SELECT kiosk FROM kiosk")}
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
        _check_invited(one, acts, findings)
    states = {bytes(one.enrolment): one.state for one in rows}
    for act in acts.by_key.values():
        if act.kind == "decline invitation" and states.get(act.says.get("enrolment", b"")) != "cancelled":
            findings.defect("act", "declines an invitation that is not cancelled", act=act.act)
            findings.defect("enrolment", "missing, or declined but not cancelled", enrolment=act.says.get("enrolment"))
    return approved


def _check_invited(one: Any, acts: Acts, findings: Findings) -> None:
    name = {"enrolment": bytes(one.enrolment)}
    act = acts.made("enrolment", "invited", one.act, name, organisation=one.organisation)
    if act is None or act.kind != "invite kiosk":
        return
    if act.says.get("enrolment") != name["enrolment"]:
        findings.defect("enrolment", "its act made another invitation", **name)
        findings.defect("act", "made another invitation", act=act.act)
    if one.expires_ms != act.done_ms + LIFETIME_MS:
        findings.defect("enrolment", "does not end ten minutes after its act", **name)
        findings.defect("act", "its invitation ends at another moment", act=act.act)


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
