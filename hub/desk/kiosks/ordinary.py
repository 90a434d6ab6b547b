"""What is done to a kiosk on an ordinary day: its name, its shares, its events and settings."""

from __future__ import annotations

import hashlib

from flask import flash, redirect, url_for

from hub.acts import kiosks as acts
from hub.acts.doing import NUMBER_LENGTH, Done, perform
from hub.acts.refusals import ActRefused
from hub.desk.base import visitor
from hub.desk.base.acting import REFUSED, Page, errand, number_in
from hub.desk.base.forms import ActForm
from hub.desk.events.queries import event_numbered
from hub.desk.kiosks.forms import EventOfKioskForm, RenameForm, ShareChangeForm
from hub.desk.kiosks.page import act_on, kiosks, tell
from hub.desk.kiosks.settings import outdated_kiosks
from hub.intake.facts import shares_in_force
from hub.served import served

RENEWED = "イベント・カード・名前の変更を端末に知らせる"
"""The reason that stands in the list of acts where nobody has to give one."""


@kiosks.post("/<hex:kiosk>/name")
def rename(kiosk: bytes) -> Page:
    """Call the kiosk otherwise, or put it with another organisation."""
    form = RenameForm(prefix="rename")
    said = "名前と団体を変えました。端末の画面には、端末設定を新しくすると出ます。"
    return act_on(
        kiosk,
        "rename",
        form,
        acts.rename_kiosk,
        lambda: (form.version.data, form.name.data.strip(), form.organisation.data),
        said,
        field="name",
    )


@kiosks.post("/<hex:kiosk>/top-up")
def top_up(kiosk: bytes) -> Page:
    """Raise the kiosk's share; what was held for want of it is posted."""
    form = ShareChangeForm(prefix="top-up")
    said = f"端末枠に {form.points.data or 0:,} ポイントを追加しました。"
    arguments = lambda: (form.allotment.data, form.points.data)  # noqa: E731  # asked for once it is valid
    return act_on(kiosk, "top-up", form, acts.top_up, arguments, said, field="points")


@kiosks.post("/<hex:kiosk>/lower-share")
def lower_share(kiosk: bytes) -> Page:
    """Lower the kiosk's share; its points come back once the kiosk has taken up the lower one."""
    form = ShareChangeForm(prefix="lower")
    told = tell(kiosk)
    is_back = told.line.standing == "withdrawn"
    when = "ポイントは付与枠に戻りました。" if is_back else f"ポイントは、{told.when_back}。"
    said = f"端末枠を {form.points.data or 0:,} ポイント下げました。{when}"
    arguments = lambda: (form.allotment.data, form.points.data)  # noqa: E731  # asked for once it is valid
    return act_on(kiosk, "lower", form, acts.lower_share, arguments, said, field="points")


@kiosks.post("/<hex:kiosk>/events")
def assign_event(kiosk: bytes) -> Page:
    """Let the kiosk serve another event, and sign new settings for it."""
    form = EventOfKioskForm(prefix="assign")
    said = f"イベントを割り当て、新しい端末設定を用意しました。{_without_share(kiosk, form.event.data)}"
    return act_on(kiosk, "assign", form, acts.assign_event, lambda: (form.event.data,), said, field="event")


def _without_share(kiosk: bytes, event: int | None) -> str:
    """Say that a kiosk carries nothing of the allotment of an event that it is to serve."""
    with served().hub.store.reading() as connection:
        line = event_numbered(connection, event) if event is not None else None
        shares = shares_in_force(connection, kiosk)
    if line is None or any(shares.get(line.event.allotment, ())):
        return ""
    return f"付与枠「{line.allotment_name}」の端末枠がありません。追加するまで、付与は要確認になります。"


@kiosks.post("/<hex:kiosk>/events/remove")
def remove_event(kiosk: bytes) -> Page:
    """Let the kiosk serve an event no longer, and sign new settings for it."""
    form = EventOfKioskForm(prefix="remove")
    said = "イベントの割り当てをやめ、新しい端末設定を用意しました。届いた付与はそのままです。"
    return act_on(kiosk, "remove", form, acts.remove_event, lambda: (form.event.data,), said, field="event")


@kiosks.post("/<hex:kiosk>/settings")
def renew_one(kiosk: bytes) -> Page:
    """Sign new settings for one kiosk."""
    form = ActForm(prefix="renew")
    said = "新しい端末設定を用意しました。"
    return act_on(kiosk, "renew", form, acts.renew_settings, tuple, said, reason=RENEWED, field="form_number")


@kiosks.post("/settings")
def renew_settings() -> Page:
    """Sign new settings for every kiosk whose settings are out of date: an act for each, numbered from the form's."""
    form = ActForm(prefix="renew")
    number = number_in(form, errand(acts.renew_settings, "all"))
    if number is None or not form.validate():
        flash("この画面は古くなっていました。もう一度お願いします。", REFUSED)
        return redirect(url_for(".page"))
    hub = served().hub
    with hub.store.reading() as connection:
        outdated = outdated_kiosks(hub, connection)
    renewed = sum(_renewed(kiosk, name, number) for kiosk, name in outdated)
    if renewed or not outdated:
        flash(
            f"{renewed}台の端末に新しい設定を用意しました。端末が次につながったときに受けとります。"
            if renewed
            else "端末設定はもうすべて新しくなっています。"
        )
    return redirect(url_for(".page"))


def _renewed(kiosk: bytes, name: str, number: bytes) -> bool:
    """Sign new settings for a kiosk; where the hub refuses to, say so, and the next one still gets its own."""
    line_number = hashlib.sha256(number + kiosk).digest()[:NUMBER_LENGTH]
    try:
        done: Done[None] = perform(served().hub, visitor.person(), line_number, RENEWED, acts.renew_settings, kiosk)
    except ActRefused as refused:
        flash(f"端末「{name}」: {refused}", REFUSED)
        return False
    return not done.was_done_before
