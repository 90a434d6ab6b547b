"""One kiosk's page: its equation, shares, settings, what was said of its records, and the forms for all acts on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from flask import Blueprint, abort, flash, redirect, render_template, url_for

from hub.acts import journal as journal_acts
from hub.acts import kiosks as kiosk_acts
from hub.acts.doing import Done
from hub.desk.acts.queries import ActLine, acts_on
from hub.desk.base.acting import Asked, Page, do, errand, fresh
from hub.desk.base.forms import ActForm, ReasonForm, VersionForm, choices
from hub.desk.base.moves import Effect
from hub.desk.events.queries import EventLine, by_nearness, events
from hub.desk.held.queries import HeldGroup, held_groups
from hub.desk.kiosks import journal, offer
from hub.desk.kiosks.forms import (
    BootForm,
    EventOfKioskForm,
    RangeForm,
    RenameForm,
    ReplaceForm,
    ShareChangeForm,
    WithdrawForm,
)
from hub.desk.kiosks.queries import KioskLine, kiosk_line
from hub.desk.kiosks.settings import Settings, events_ever_of, events_of_kiosk, settings_of
from hub.desk.offices.queries import AllotmentLine, OrganisationLine, allotments, organisations
from hub.desk.records.flags import flags_of
from hub.intake.reasons import Reason
from hub.register.kiosks import newest_name
from hub.served import served

kiosks = Blueprint("kiosks", __name__, url_prefix="/kiosks")

ACTS_SHOWN = 20


class Told(NamedTuple):
    """Everything that is known of a kiosk for its page."""

    line: KioskLine
    groups: list[HeldGroup]
    settings: Settings
    flags: dict[str, int]
    allotments: list[AllotmentLine]
    organisations: list[OrganisationLine]
    events: list[EventLine]
    assigned: set[int]
    holes: list[journal.Range]
    tails: list[journal.Range]
    replacements: list[journal.ReplacementLine]
    boots: list[journal.BootLine]
    answers: list[journal.AnswerLine]
    named: set[tuple[int, int]]
    ever_served: set[int]
    now_ms: int
    acts: list[ActLine]

    @property
    def own_events(self) -> list[EventLine]:
        """Return the events the kiosk serves."""
        return [one for one in self.events if one.event.event in self.assigned]

    @property
    def lacks_points(self) -> bool:
        """Tell whether something is held for want of a share."""
        return any((group.reason | group.others) & Reason.BEYOND_SHARE for group in self.groups)

    @property
    def when_back(self) -> str:
        """Say when points of a lowered share go back to their allotment. A kiosk in use takes up its new settings; of
        one whose records do not count, or with some missing, nobody knows what it has still signed.
        """
        if self.line.standing == "withdrawn":
            return "端末枠を減らすと付与枠に戻ります"
        if self.line.is_forked:
            return "記録が二通りあるので戻りません。失効にしてから端末枠を減らすと付与枠に戻ります"
        if self.line.standing == "stopped":
            return "再開した端末が新しい設定を受けとると付与枠に戻ります"
        if self.line.gap or not all(one.is_filled for one in self.holes):
            return "欠けた記録が届き、端末が新しい設定を受けとると付与枠に戻ります"
        return "端末が新しい設定を受けとると付与枠に戻ります"

    @property
    def without_share(self) -> set[int]:
        """Return the kiosk's events for whose allotment it has no share: what it gives there is held."""
        shares = {one.share.allotment for one in self.settings.shares if one.share.total + one.share.reserve}
        return {one.event.event for one in self.own_events if one.event.allotment not in shares}

    def allotment_name(self, allotment: int) -> str:
        """Return what an allotment is called."""
        return next((one.name for one in self.allotments if one.allotment == allotment), str(allotment))

    def activity_name(self, event: int, activity: int, slot: int = 0) -> str:
        """Return what an activity of an event, in one of its slots, is called."""
        line = next((one for one in self.events if one.event.event == event), None)
        found = line.event.activity(activity) if line is not None else None
        name = f"{line.title if line else f'イベント {event}'}・{found.name if found else f'活動 {activity}'}"
        within = found.slot(slot) if found is not None and slot else None
        return name + (f"・{within.name}" if within else "")

    def without(self, replaced: journal.ReplacementLine) -> str:
        """Say what will count once a replacement is taken back. An earlier one of the same range does not come back."""
        others = [
            one
            for one in self.replacements
            if one != replaced
            and one.signed == replaced.signed
            and one.first <= replaced.last
            and replaced.first <= one.last
        ]
        signed = self.activity_name(*replaced.signed)
        earlier = "この範囲の前の置きかえには戻りません。" if replaced.has_earlier else ""
        overlap = "重なるほかの置きかえがある記録は、それで数えます。" if others else ""
        return f"取り消すと、端末が付けた「{signed}」に戻ります。{earlier}{overlap}"


def tell(kiosk: bytes) -> Told:
    """Read everything that is known of a kiosk."""
    hub = served().hub
    with hub.store.reading() as connection:
        return Told(
            line=kiosk_line(connection, kiosk) or abort(HTTPStatus.NOT_FOUND),
            groups=held_groups(connection, kiosk),
            settings=settings_of(hub, connection, kiosk),
            flags=flags_of(connection, kiosk),
            allotments=allotments(connection),
            organisations=organisations(connection),
            events=by_nearness(events(connection), hub.wall_ms()),
            assigned=events_of_kiosk(connection, kiosk),
            holes=journal.accepted_holes(connection, kiosk),
            tails=journal.tails_given_up(connection, kiosk),
            replacements=journal.replacements(connection, kiosk),
            boots=journal.boots_asked_about(connection, kiosk),
            answers=journal.answers(connection, kiosk),
            named=journal.activities_named(connection, kiosk),
            ever_served=events_ever_of(connection, kiosk),
            now_ms=hub.wall_ms(),
            acts=acts_on(connection, kiosk, ACTS_SHOWN),
        )


def kiosk_page(kiosk: bytes, shown: dict[str, ActForm]) -> str:
    """Return the page; `shown` are forms that were sent and stand there with what was typed."""
    told = tell(kiosk)
    forms = {**_forms(told), **shown}
    for name, form in shown.items():
        _offer(told, name, form)
    return render_template("kiosks/kiosk.html", told=told, line=told.line, forms=forms, now_ms=served().hub.wall_ms())


def act_on(
    kiosk: bytes,
    name: str,
    form: ActForm,
    function: Callable[..., Done[Any]],
    arguments: Callable[[], tuple[Any, ...]],
    said: str,
    subject: str = "",
    reason: str = "",
    field: str = "reason",
    changes: Sequence[str] = (),
) -> Page:
    """Carry out an act on a kiosk as a form asks for it: say that it is done, or show the page with what is wrong.

    `name` is the form's on the page, `arguments` are asked for once the form is valid, `subject` tells forms of one
    kind apart.
    """
    if form.validate():
        back = url_for("desk.kiosks.kiosk", kiosk=kiosk)
        of = errand(function, f"{kiosk.hex()}{subject}")
        asked = Asked(form, of, back, reason or form["reason"].data, field, f"端末「{name_of(kiosk)}」", changes)
        done = do(asked, function, kiosk, *arguments())
        if isinstance(done, Effect):
            flash(said + done.said)
            return redirect(back)
        if done is not None:
            return done
    return kiosk_page(kiosk, {name: form}), HTTPStatus.BAD_REQUEST


def name_of(kiosk: bytes) -> str:
    """Return what a kiosk is called now."""
    with served().hub.store.reading() as connection:
        found = newest_name(connection, kiosk)
    return found.name if found is not None else kiosk.hex()


def _forms(told: Told) -> dict[str, ActForm]:
    """Return all forms of the page, fresh."""
    line, kiosk = told.line, told.line.kiosk.hex()
    gap, tail = line.gap or (0, 0), line.lost_tail or (0, 0)
    name = {"name": line.name, "organisation": line.organisation, "version": line.version}
    forms: dict[str, ActForm] = {
        "rename": fresh(RenameForm, "rename", errand(kiosk_acts.rename_kiosk, kiosk), **name),
        "top-up": fresh(ShareChangeForm, "top-up", errand(kiosk_acts.top_up, kiosk)),
        "lower": fresh(ShareChangeForm, "lower", errand(kiosk_acts.lower_share, kiosk)),
        "assign": fresh(EventOfKioskForm, "assign", errand(kiosk_acts.assign_event, kiosk)),
        "remove": fresh(EventOfKioskForm, "remove", errand(kiosk_acts.remove_event, kiosk)),
        "renew": fresh(ActForm, "renew", errand(kiosk_acts.renew_settings, kiosk)),
        "stop": fresh(ReasonForm, "stop", errand(kiosk_acts.stop_kiosk, kiosk)),
        "withdraw": fresh(WithdrawForm, "withdraw", errand(kiosk_acts.withdraw_kiosk, kiosk)),
        "resume": fresh(ReasonForm, "resume", errand(kiosk_acts.resume_kiosk, kiosk)),
        "gap": fresh(RangeForm, "gap", errand(journal_acts.accept_hole, kiosk), first=gap[0], last=gap[1]),
        "tail": fresh(RangeForm, "tail", errand(journal_acts.give_up_tail, kiosk), first=tail[0], last=tail[1]),
        "replace": fresh(ReplaceForm, "replace", errand(journal_acts.replace_range, kiosk)),
    }
    for name_of_form, form in forms.items():
        _offer(told, name_of_form, form)
    return {**forms, **_ways_back(told)}


def _ways_back(told: Told) -> dict[str, ActForm]:
    """Return a form for each thing that was said of the kiosk's records, and for each boot that is asked about."""
    kiosk = told.line.kiosk.hex()
    forms: dict[str, ActForm] = {}
    for kind, function, ranges in (
        ("hole", journal_acts.take_back_hole, told.holes),
        ("lost", journal_acts.take_back_tail, told.tails),
    ):
        for one in ranges:
            name = f"{kind}-{one.first}"
            forms[name] = fresh(ReasonForm, name, errand(function, f"{kiosk} {one.first}"))
    for replaced in told.replacements:
        name = f"replaced-{replaced.version}"
        of = errand(journal_acts.take_back_replacement, f"{kiosk} {replaced.version}")
        forms[name] = fresh(ReasonForm, name, of)
    for asked in told.boots:
        name = f"boot-{asked.boot.hex()}"
        of = errand(journal_acts.say_boot_start, f"{kiosk} {asked.boot.hex()}")
        forms[name] = fresh(BootForm, name, of, version=asked.version)
    for answer in told.answers:
        name = f"answer-{answer.boot.hex()}"
        of = errand(journal_acts.take_back_boot_start, f"{kiosk} {answer.boot.hex()}")
        forms[name] = fresh(VersionForm, name, of, version=answer.version)
    return forms


def _offer(told: Told, name: str, form: ActForm) -> None:
    """Put into a form's selects what may be chosen now."""
    if name in {"top-up", "lower"}:
        carried = {one.share.allotment for one in told.settings.shares}
        wanted = carried | {one.event.allotment for one in told.own_events if name == "top-up"}
        form["allotment"].choices = choices(
            (one.allotment, f"{one.name}(残り {one.left:,})") for one in told.allotments if one.allotment in wanted
        )
    elif name in {"assign", "remove"}:
        form["event"].choices = offer.events(told, is_assigned=name == "remove")
    elif name == "rename":
        form["organisation"].choices = choices((one.organisation, one.name) for one in told.organisations)
    elif name == "replace":
        form["signed"].choices, form["meant"].choices = offer.signed(told), offer.meant(told)
