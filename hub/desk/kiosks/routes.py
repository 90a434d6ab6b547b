"""The desk's pages of kiosks: inviting and letting them in, one kiosk's figures and settings, and the acts on it."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

import sqlalchemy as sa
from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from hub.acts import decisions
from hub.acts.decisions import ActRefused
from hub.desk.base import closer, overview, registers, visitor
from hub.desk.base.forms import ApproveForm, AssignForm, DeskForm, GapForm, InviteForm, ReasonForm, TopUpForm, choices
from hub.register import enrolments
from hub.register.enrolments import EnrolmentRefused
from hub.register.manifests import ManifestRefused, assign, sign_manifest
from hub.served import served
from sync.enrolment import Invitation, write_invitation
from sync.manifest import Share

kiosks = Blueprint("kiosks", __name__, url_prefix="/kiosks")

REFRESH_SECONDS = 5
"""How often the page of an open invitation looks whether the kiosk has come; it holds no form, so nothing typed is
lost.
"""

Page = Response | str | tuple[str, HTTPStatus]


@kiosks.get("/")
def page() -> str:
    """All kiosks, and those that are to come."""
    return _list_page(_invite_form(InviteForm(formdata=None, prefix="invite")))


@kiosks.post("/invitations")
def invite() -> Page:
    """Open an invitation of ten minutes."""
    form = _invite_form(InviteForm(prefix="invite"))
    if not form.validate():
        return _list_page(form), HTTPStatus.BAD_REQUEST
    address = form.address.data.rstrip("/")
    enrolment, _ = enrolments.invite(served().hub, form.name.data.strip(), form.organisation.data, address)
    session["address"] = address
    return redirect(url_for(".invitation", enrolment=enrolment))


@kiosks.get("/invitations/<hex:enrolment>")
def invitation(enrolment: bytes) -> Response:
    """The code for the kiosk's camera; once a kiosk has answered, the digits to compare."""
    line = _invitation(enrolment)
    answer = Response(_invitation_page(line, _approve_form(line, is_answer=False)), mimetype="text/html")
    if line.state == "open" and served().hub.wall_ms() < line.expires_ms:
        answer.headers["Refresh"] = str(REFRESH_SECONDS)
    return answer


@kiosks.post("/invitations/<hex:enrolment>/approve")
def approve(enrolment: bytes) -> Page:
    """Let the kiosk in, with its events and shares."""
    line = _invitation(enrolment)
    form = _approve_form(line, is_answer=True)
    if form.validate():
        shares = tuple(
            Share(int(one.form.allotment.data), one.form.total.data, one.form.reserve.data)
            for one in form.shares
            if one.form.total.data or one.form.reserve.data
        )
        try:
            kiosk = enrolments.approve(served().hub, enrolment, tuple(form.events.data), shares)
        except EnrolmentRefused:
            form.refuse("is_same", "いま承認を待っている端末はありません / No kiosk waits here any more")
        except ManifestRefused as error:
            form.refuse("is_same", str(error))
        else:
            _write_down(line, kiosk)
            flash(f"端末「{line.name}」を登録しました。端末の画面を確かめてください。")
            return redirect(url_for(".kiosk", kiosk=kiosk))
    return _invitation_page(line, form), HTTPStatus.BAD_REQUEST


@kiosks.post("/invitations/<hex:enrolment>/decline")
def decline(enrolment: bytes) -> Response:
    """Call the invitation off."""
    enrolments.decline(served().hub, enrolment)
    flash("招待を取りやめました。端末は登録されていません。")
    return redirect(url_for(".page"))


@kiosks.get("/<hex:kiosk>")
def kiosk(kiosk: bytes) -> str:
    """One kiosk: its equation, shares, settings, and the acts on it."""
    return _kiosk_page(kiosk, {})


@kiosks.get("/<hex:kiosk>/recount")
def recount(kiosk: bytes) -> str:
    """The kiosk's figures, counted again from everything it has signed."""
    with served().hub.store.reading() as connection:
        line = overview.kiosk_line(connection, kiosk) or abort(HTTPStatus.NOT_FOUND)
        counted = closer.recount(connection, kiosk)
    return render_template("records/recount.html", line=line, counted=counted)


@kiosks.post("/<hex:kiosk>/top-up")
def top_up(kiosk: bytes) -> Page:
    """Raise the kiosk's share; what was held for want of it is posted."""
    form = _top_up_form(kiosk, TopUpForm(prefix="share"))
    if form.validate():
        amount, reason = form.points.data, form.reason.data
        act = lambda: decisions.top_up(served().hub, kiosk, form.allotment.data, amount, reason, visitor.done_by())  # noqa: E731
        if _is_done(act, form, "points"):
            flash(f"端末枠に {amount:,} ポイントを追加しました。保留していた付与も見なおしました。")
            return redirect(url_for(".kiosk", kiosk=kiosk))
    return _kiosk_page(kiosk, {"top_up": form}), HTTPStatus.BAD_REQUEST


@kiosks.post("/<hex:kiosk>/gap")
def accept_gap(kiosk: bytes) -> Page:
    """Accept that records are missing, and let what came after them count."""
    form = GapForm(prefix="gap")
    if form.validate():
        first, last = form.first.data, form.last.data
        act = lambda: decisions.accept_hole(served().hub, kiosk, first, last, form.reason.data, visitor.done_by())  # noqa: E731
        if _is_done(act, form, "reason"):
            flash(f"記録 {first}〜{last} 番の欠けを認めました。あとから届いたときも受け付けます。")
            return redirect(url_for(".kiosk", kiosk=kiosk))
    return _kiosk_page(kiosk, {"gap": form}), HTTPStatus.BAD_REQUEST


@kiosks.post("/<hex:kiosk>/stop")
def stop(kiosk: bytes) -> Page:
    """Count nothing more that this kiosk signs."""
    return _draw(kiosk, "stop", decisions.fence, "端末を止めました。これから届く記録は保留します。")


@kiosks.post("/<hex:kiosk>/withdraw")
def withdraw(kiosk: bytes) -> Page:
    """Take the kiosk out of use for good, for instance when it was stolen."""
    return _draw(kiosk, "withdraw", decisions.revoke, "端末を失効にしました。これから届く記録は保留します。")


@kiosks.post("/<hex:kiosk>/events")
def assign_event(kiosk: bytes) -> Page:
    """Let the kiosk serve another event, and sign new settings for it."""
    form = _assign_form(kiosk, AssignForm(prefix="event"))
    if not form.validate():
        return _kiosk_page(kiosk, {"assign": form}), HTTPStatus.BAD_REQUEST
    event = form.event.data

    def work(connection: sa.Connection) -> None:
        assign(connection, kiosk, event)
        sign_manifest(served().hub, connection, kiosk)

    try:
        served().hub.store.run(work)
    except ManifestRefused as error:
        form.refuse("event", str(error))
        return _kiosk_page(kiosk, {"assign": form}), HTTPStatus.BAD_REQUEST
    flash("イベントを割り当て、新しい端末設定を用意しました。")
    return redirect(url_for(".kiosk", kiosk=kiosk))


@kiosks.post("/settings")
def renew_settings() -> Response:
    """Sign new settings for every kiosk whose settings are out of date."""
    hub = served().hub
    with hub.store.reading() as connection:
        outdated = closer.outdated_kiosks(hub, connection)
    renewed = sum(_renew(kiosk, name) for kiosk, name in outdated)
    flash(f"{renewed}台の端末に新しい設定を用意しました。端末が次につながったときに受けとります。")
    return redirect(url_for(".page"))


@kiosks.post("/<hex:kiosk>/settings")
def renew_one(kiosk: bytes) -> Response:
    """Sign new settings for one kiosk."""
    if _renew(kiosk, _line(kiosk).name):
        flash("新しい端末設定を用意しました。")
    return redirect(url_for(".kiosk", kiosk=kiosk))


def _renew(kiosk: bytes, name: str) -> bool:
    """Sign new settings for a kiosk; where the hub refuses to, say so, and the next one still gets its own."""
    hub = served().hub
    try:
        hub.store.run(lambda connection: sign_manifest(hub, connection, kiosk))
    except ManifestRefused as error:
        flash(f"端末「{name}」: {error}")
        return False
    return True


def _write_down(line: registers.InvitationLine, kiosk: bytes) -> None:
    """The approval's reason is the comparison."""
    hub, done_by, digits = served().hub, visitor.done_by(), f"16文字を見くらべた: {line.digits}"
    hub.store.run(lambda connection: decisions.record(hub, connection, "approve kiosk", kiosk.hex(), digits, done_by))


def _is_done(act: Callable[[], None], form: DeskForm, field: str) -> bool:
    """Do the act; where the hub refuses it, say so beside the field."""
    try:
        act()
    except ActRefused as error:
        form.refuse(field, str(error))
        return False
    return True


def _draw(kiosk: bytes, name: str, act: Callable[..., None], done: str) -> Page:
    form = ReasonForm(prefix=name)
    _line(kiosk)
    if form.validate() and _is_done(
        lambda: act(served().hub, kiosk, form.reason.data, visitor.done_by()), form, "reason"
    ):
        flash(done)
        return redirect(url_for(".kiosk", kiosk=kiosk))
    return _kiosk_page(kiosk, {name: form}), HTTPStatus.BAD_REQUEST


def _line(kiosk: bytes) -> overview.KioskLine:
    with served().hub.store.reading() as connection:
        return overview.kiosk_line(connection, kiosk) or abort(HTTPStatus.NOT_FOUND)


def _invitation(enrolment: bytes) -> registers.InvitationLine:
    with served().hub.store.reading() as connection:
        return registers.invitation(connection, enrolment) or abort(HTTPStatus.NOT_FOUND)


def _list_page(form: InviteForm) -> str:
    hub = served().hub
    with hub.store.reading() as connection:
        lines = overview.kiosk_lines(connection)
        outdated = closer.outdated_kiosks(hub, connection)
        invited = registers.invitations(connection)
    now_ms = hub.wall_ms()
    waiting = [one for one in invited if one.state == "answered" or (one.state == "open" and now_ms < one.expires_ms)]
    return render_template(
        "kiosks/kiosks.html",
        lines=lines,
        outdated=outdated,
        waiting=waiting,
        form=form,
        renew_form=_plain("renew"),
        now_ms=now_ms,
    )


def _invitation_page(line: registers.InvitationLine, form: ApproveForm) -> str:
    hub = served().hub
    address = session.get("address") or _own_address()
    text = write_invitation(Invitation(address, hub.keyring.root_key_hash, line.code)) if line.code else ""
    return render_template(
        "kiosks/invitation.html",
        line=line,
        form=form,
        decline_form=_plain("decline"),
        text=text,
        address=address,
        now_ms=hub.wall_ms(),
    )


def _kiosk_page(kiosk: bytes, shown: dict[str, DeskForm]) -> str:
    hub = served().hub
    with hub.store.reading() as connection:
        line = overview.kiosk_line(connection, kiosk) or abort(HTTPStatus.NOT_FOUND)
        groups = [group for group in overview.held_groups(connection) if group.kiosk == kiosk]
        settings = closer.settings_of(hub, connection, kiosk)
        flags = overview.flags_of(connection, kiosk)
        names = {one.allotment: one.name for one in registers.allotments(connection)}
        assigned = registers.events_of_kiosk(connection, kiosk)
        events = [one for one in registers.events(connection) if one.event.event in assigned]
    gap = (line.cursor_seq + 1, line.beyond[0][0] - 1) if line.beyond else None
    forms = {
        "top_up": _top_up_form(kiosk, TopUpForm(formdata=None, prefix="share")),
        "assign": _assign_form(kiosk, AssignForm(formdata=None, prefix="event")),
        "gap": GapForm(formdata=None, prefix="gap", first=gap[0] if gap else 0, last=gap[1] if gap else 0),
        "stop": ReasonForm(formdata=None, prefix="stop"),
        "withdraw": ReasonForm(formdata=None, prefix="withdraw"),
        "renew": _plain("renew"),
        **shown,
    }
    return render_template(
        "kiosks/kiosk.html",
        line=line,
        groups=groups,
        settings=settings,
        flags=flags,
        allotment_names=names,
        events=events,
        gap=gap,
        forms=forms,
        now_ms=hub.wall_ms(),
    )


def _plain(prefix: str) -> DeskForm:
    """Return a form of one button."""
    return DeskForm(formdata=None, prefix=prefix)


def _own_address() -> str:
    return served().office.address or request.host_url.rstrip("/")


def _invite_form(form: InviteForm) -> InviteForm:
    with served().hub.store.reading() as connection:
        form.organisation.choices = choices((number, name) for number, name, _ in overview.organisations(connection))
    if form.address.data is None:
        form.address.data = _own_address()
    return form


def _approve_form(line: registers.InvitationLine, *, is_answer: bool) -> ApproveForm:
    """Return the form with the events and allotments of the kiosk's organisation."""
    with served().hub.store.reading() as connection:
        allotments = [one for one in registers.allotments(connection) if one.organisation == line.organisation]
        events = [one for one in registers.events(connection) if one.organisation == line.organisation]
    rows = [{"allotment": str(one.allotment), "total": 0, "reserve": 0} for one in allotments]
    form = ApproveForm(prefix="approve") if is_answer else ApproveForm(formdata=None, prefix="approve", shares=rows)
    form.events.choices = choices((one.event.event, one.event.name) for one in events)
    left = {str(one.allotment): one for one in allotments}
    for entry in form.shares:
        entry.form.of = left.get(entry.form.allotment.data) or abort(HTTPStatus.BAD_REQUEST)
    return form


def _top_up_form(kiosk: bytes, form: TopUpForm) -> TopUpForm:
    """Offer the allotments of the kiosk's events and shares."""
    hub = served().hub
    with hub.store.reading() as connection:
        carried = {one.share.allotment for one in closer.settings_of(hub, connection, kiosk).shares}
        assigned = registers.events_of_kiosk(connection, kiosk)
        carried |= {one.event.allotment for one in registers.events(connection) if one.event.event in assigned}
        form.allotment.choices = choices(
            (one.allotment, f"{one.name}(残り {one.left:,})")
            for one in registers.allotments(connection)
            if one.allotment in carried
        )
    return form


def _assign_form(kiosk: bytes, form: AssignForm) -> AssignForm:
    _line(kiosk)
    with served().hub.store.reading() as connection:
        assigned = registers.events_of_kiosk(connection, kiosk)
        form.event.choices = choices(
            (one.event.event, one.event.name) for one in registers.events(connection) if one.event.event not in assigned
        )
    return form
