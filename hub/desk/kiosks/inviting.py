"""Inviting a kiosk and letting it in: the code, the characters to compare, its events and shares."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response as FlaskResponse
from flask import abort, flash, redirect, render_template, request, session, url_for

from hub.acts.kiosks import approve_kiosk, decline_invitation, invite_kiosk
from hub.desk.base.acting import Asked, Errand, Page, do, errand, fresh
from hub.desk.base.forms import ActForm, choices, pairs_of
from hub.desk.base.moves import Effect
from hub.desk.events.queries import events
from hub.desk.kiosks.forms import ApproveForm, InviteForm
from hub.desk.kiosks.invitations import InvitationLine, invitation, invitations
from hub.desk.kiosks.page import kiosks
from hub.desk.kiosks.queries import kiosk_lines
from hub.desk.kiosks.settings import outdated_kiosks
from hub.desk.offices.queries import allotments, organisations
from hub.register.enrolments import invitation_of
from hub.served import served
from sync.enrolment import write_invitation
from sync.manifest import Share

REFRESH_SECONDS = 5
"""How often the page of an open invitation looks whether the kiosk has come; it holds no form, so nothing typed is
lost.
"""

INVITED, DECLINED = "端末を迎える", "16文字が違うか、端末が来ない"
"""The reasons that stand in the list of acts where nobody has to give one."""


@kiosks.get("/")
def page() -> str:
    """All kiosks, and those that are to come."""
    form: InviteForm = fresh(InviteForm, "invite", errand(invite_kiosk), address=_own_address())
    return _list_page(form)


@kiosks.post("/invitations")
def invite() -> Page:
    """Open an invitation of ten minutes."""
    form = InviteForm(prefix="invite")
    if form.validate():
        asked = Asked(form, errand(invite_kiosk), url_for(".page"), INVITED, "name")
        done = do(asked, invite_kiosk, form.name.data.strip(), form.organisation.data)
        if isinstance(done, Effect):
            session["address"] = form.address.data.rstrip("/")
            return redirect(url_for(".invitation", enrolment=done.made))
        if done is not None:
            return done
    return _list_page(form), HTTPStatus.BAD_REQUEST


@kiosks.get("/invitations/<hex:enrolment>", endpoint="invitation")
def show_invitation(enrolment: bytes) -> FlaskResponse:
    """The code for the kiosk's camera; once a kiosk has answered, the digits to compare."""
    line = _invitation(enrolment)
    answer = FlaskResponse(_invitation_page(line, _fresh_approval(line)), mimetype="text/html")
    if line.state == "open" and served().hub.wall_ms() < line.expires_ms:
        answer.headers["Refresh"] = str(REFRESH_SECONDS)
    return answer


@kiosks.post("/invitations/<hex:enrolment>/approve")
def approve(enrolment: bytes) -> Page:
    """Let the kiosk in, with its events and shares. The reason is the comparison."""
    line = _invitation(enrolment)
    form = _with_choices(line, ApproveForm(prefix="approve"))
    if form.validate():
        shares = tuple(
            Share(int(one.form.allotment.data), one.form.total.data, one.form.reserve.data)
            for one in form.shares
            if one.form.total.data or one.form.reserve.data
        )
        reason = f"16文字を見くらべた: {line.digits}"
        back = url_for(".invitation", enrolment=enrolment)
        asked = Asked(form, errand(approve_kiosk, enrolment), back, reason, "is_same")
        done = do(asked, approve_kiosk, enrolment, tuple(sorted(form.events.data)), shares)
        if isinstance(done, Effect):
            flash(f"端末「{line.name}」を登録しました。端末の画面を確かめてください。{_lacking(form, shares)}")
            return redirect(url_for(".kiosk", kiosk=done.made))
        if done is not None:
            return done
    return _invitation_page(line, form), HTTPStatus.BAD_REQUEST


@kiosks.post("/invitations/<hex:enrolment>/decline")
def decline(enrolment: bytes) -> Page:
    """Call the invitation off."""
    line = _invitation(enrolment)
    form = ActForm(prefix="decline")
    if form.validate():
        back = url_for(".invitation", enrolment=enrolment)
        asked = Asked(form, errand(decline_invitation, enrolment), back, DECLINED, "form_number")
        done = do(asked, decline_invitation, enrolment)
        if isinstance(done, Effect):
            flash("招待を取りやめました。端末は登録されていません。")
            return redirect(url_for(".page"))
        if done is not None:
            return done
    return _invitation_page(line, _fresh_approval(line)), HTTPStatus.BAD_REQUEST


def _lacking(form: ApproveForm, shares: tuple[Share, ...]) -> str:
    """Say what a kiosk has been let in without; it can give nothing then."""
    missing = [*(() if form.events.data else ("イベント",)), *(() if shares else ("端末枠",))]
    if not missing:
        return ""
    return f"まだ{'と'.join(missing)}がないので、ポイントは付けられません。このページで加えてください。"


def _invitation(enrolment: bytes) -> InvitationLine:
    with served().hub.store.reading() as connection:
        return invitation(connection, enrolment) or abort(HTTPStatus.NOT_FOUND)


def _own_address() -> str:
    return served().office.address or request.host_url.rstrip("/")


def _list_page(form: InviteForm) -> str:
    hub = served().hub
    with hub.store.reading() as connection:
        lines = kiosk_lines(connection)
        outdated = outdated_kiosks(hub, connection)
        invited = invitations(connection)
        form.organisation.choices = choices(
            (one.organisation, one.name) for one in organisations(connection) if one.is_open
        )
    now_ms = hub.wall_ms()
    waiting = [one for one in invited if one.state == "answered" or now_ms < one.expires_ms]
    return render_template(
        "kiosks/kiosks.html",
        lines=lines,
        outdated=outdated,
        waiting=waiting,
        form=form,
        renew_form=fresh(ActForm, "renew", Errand("renew settings", "all")),
        now_ms=now_ms,
    )


def _invitation_page(line: InvitationLine, form: ApproveForm) -> str:
    hub = served().hub
    address = session.get("address") or _own_address()
    with hub.store.reading() as connection:
        invited = invitation_of(hub, connection, line.enrolment, address)
    return render_template(
        "kiosks/invitation.html",
        line=line,
        form=form,
        decline_form=fresh(ActForm, "decline", errand(decline_invitation, line.enrolment)),
        text=write_invitation(invited) if invited is not None else "",
        address=address,
        now_ms=hub.wall_ms(),
    )


def _fresh_approval(line: InvitationLine) -> ApproveForm:
    """Return the form with a row for each allotment of the kiosk's organisation."""
    with served().hub.store.reading() as connection:
        own = [one for one in allotments(connection) if one.organisation == line.organisation]
    shown = [{"allotment": str(one.allotment), "total": 0, "reserve": 0} for one in own]
    form: ApproveForm = fresh(ApproveForm, "approve", errand(approve_kiosk, line.enrolment), shares=shown)
    return _with_choices(line, form)


def _with_choices(line: InvitationLine, form: ApproveForm) -> ApproveForm:
    """Offer the events of the kiosk's organisation, and say how much each allotment holds."""
    with served().hub.store.reading() as connection:
        left = {one.allotment: one for one in allotments(connection) if one.organisation == line.organisation}
        own = [one for one in events(connection) if one.organisation == line.organisation and not one.is_called_off]
    form.events.choices = choices((one.event.event, one.title) for one in own)
    for entry in form.shares:
        numbers: Any = pairs_of(entry.form.allotment.data or "") or (0,)
        entry.form.of = left.get(numbers[0]) or abort(HTTPStatus.BAD_REQUEST)
    return form
