"""The desk's pages of events and their activities. A changed event is a new version; what has arrived is judged by it
anew.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for

from hub.acts import events as acts
from hub.acts.doing import Done
from hub.desk.base.acting import Asked, Page, do, errand, fresh
from hub.desk.base.forms import VersionForm, choices
from hub.desk.base.moves import Effect
from hub.desk.events import queries
from hub.desk.events.changes import changes_of
from hub.desk.events.forms import ChangeEventForm, EventForm, FindEventsForm, event_fields
from hub.desk.events.queries import EventLine, Wanted
from hub.desk.offices.queries import allotments, organisations
from hub.served import served

events = Blueprint("events", __name__, url_prefix="/events")

NEW_ROWS = 3
ADDED = "イベントを登録する"
"""The reason that stands in the list of acts where nobody has to give one."""


@events.get("/")
def page() -> str:
    """All events, or those that are looked for: what is going on and comes next, then what is over."""
    form, now_ms = FindEventsForm(request.args), served().hub.wall_ms()
    with served().hub.store.reading() as connection:
        all_events, known = queries.events(connection), organisations(connection)
    form.organisation.choices = choices([(0, "すべて"), *((one.organisation, one.name) for one in known)])
    wanted = Wanted(form.name.data or "", form.organisation.data or 0)
    found = queries.by_nearness(queries.that_match(all_events, wanted), now_ms)
    coming = [one for one in found if one.event.ends_ms >= now_ms]
    return render_template(
        "events/events.html",
        form=form,
        names={one.organisation: one.name for one in known},
        coming=coming,
        past=found[len(coming) :],
        is_found=wanted != Wanted(),
        count=len(all_events),
    )


@events.get("/new")
def new() -> str:
    """An empty event."""
    form: EventForm = fresh(EventForm, "", errand(acts.add_event), activities=[{}] * NEW_ROWS)
    return _form_page(form, None, {})


@events.post("/new")
def add() -> Page:
    """Add an event with its activities."""
    form = EventForm()
    if form.validate():
        values = form.values({})
        done = do(Asked(form, errand(acts.add_event), url_for(".new"), ADDED, "name"), acts.add_event, *values)
        if isinstance(done, Effect):
            flash(f"イベント「{values[0]}」を加えました。端末に割り当てると使えます。")
            return redirect(url_for(".event", number=done.made))
        if done is not None:
            return done
    return _form_page(form, None, {}), HTTPStatus.BAD_REQUEST


@events.get("/<int(max=9007199254740991):number>")
def event(number: int) -> str:
    """One event, as it is now."""
    line = _line(number)
    return _form_page(_fresh_change(line), line, {})


@events.post("/<int(max=9007199254740991):number>")
def change(number: int) -> Page:
    """Make a new version of the event."""
    line = _line(number)
    form = ChangeEventForm()
    if form.validate():
        with served().hub.store.reading() as connection:
            shown = queries.activities_of(connection, number, form.version.data)
        values = form.values(queries.slots_of(shown))
        back = url_for(".event", number=number)
        asked = Asked(
            *(form, errand(acts.change_event, number), back, form.reason.data, "name"),
            about=f"イベント「{line.title}」",
            changes=changes_of(line.event, values),
        )
        done = do(asked, acts.change_event, number, form.version.data, *values)
        if isinstance(done, Effect):
            flash(f"イベント「{values[0]}」を変更しました。{done.said}端末設定を新しくしてください。")
            return redirect(back)
        if done is not None:
            return done
    return _form_page(form, line, {}), HTTPStatus.BAD_REQUEST


@events.post("/<int(max=9007199254740991):number>/call-off")
def call_off(number: int) -> Page:
    """Call the event off: it goes into no new settings."""
    said = "イベントを中止にしました。届いた付与はそのままです。端末設定を新しくすると、端末から消えます。"
    return _turn(number, "off", acts.call_off_event, said)


@events.post("/<int(max=9007199254740991):number>/take-up")
def take_up(number: int) -> Page:
    """Take the event up again."""
    return _turn(number, "up", acts.take_up_event, "中止を取り消しました。端末設定を新しくしてください。")


def _turn(number: int, name: str, function: Callable[..., Done[Any]], said: str) -> Page:
    line = _line(number)
    form = VersionForm(prefix=name)
    if form.validate():
        back = url_for(".event", number=number)
        done = do(Asked(form, errand(function, number), back, form.reason.data), function, number, form.version.data)
        if isinstance(done, Effect):
            flash(said)
            return redirect(back)
        if done is not None:
            return done
    return _form_page(_fresh_change(line), line, {name: form}), HTTPStatus.BAD_REQUEST


def _line(number: int) -> EventLine:
    with served().hub.store.reading() as connection:
        return queries.event_numbered(connection, number) or abort(HTTPStatus.NOT_FOUND)


def _fresh_change(line: EventLine) -> ChangeEventForm:
    of = errand(acts.change_event, line.event.event)
    form: ChangeEventForm = fresh(ChangeEventForm, "", of, version=line.version, **event_fields(line.event))
    return form


def _form_page(form: EventForm, line: EventLine | None, shown: dict[str, VersionForm]) -> str:
    with served().hub.store.reading() as connection:
        serving = queries.kiosks_serving(connection, line.event.event) if line else []
        form.allotment.choices = _allotments_to_choose(connection, line)
        names = {one.organisation: one.name for one in organisations(connection)}
    organisation = names.get(line.organisation, "") if line else ""
    turns = dict(shown)
    if line is not None:
        name, function = ("up", acts.take_up_event) if line.is_called_off else ("off", acts.call_off_event)
        of = errand(function, line.event.event)
        turns.setdefault(name, fresh(VersionForm, name, of, version=line.version))
    return render_template(
        "events/event.html", form=form, line=line, serving=serving, turns=turns, organisation=organisation
    )


def _allotments_to_choose(connection: sa.Connection, line: EventLine | None) -> list[Any]:
    """Return the allotments of organisations that are open, and the one the event has."""
    is_open = {one.organisation for one in organisations(connection) if one.is_open}
    return choices(
        (one.allotment, f"{one.name}({one.organisation_name}・残り {one.left:,})")
        for one in allotments(connection)
        if one.organisation in is_open or (line is not None and line.event.allotment == one.allotment)
    )
