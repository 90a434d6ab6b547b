"""The desk's pages of events and their activities. A changed event is a new version; what was held for its time is
judged again.
"""

from __future__ import annotations

from http import HTTPStatus

import sqlalchemy as sa
from flask import Blueprint, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from hub.acts.decisions import judge_kiosks_at, record
from hub.desk.base import registers, visitor
from hub.desk.base.forms import ChangeEventForm, EventForm, choices, event_fields
from hub.register.reference import add_event, slots_before
from hub.served import served

events = Blueprint("events", __name__, url_prefix="/events")

NEW_ROWS = 3

Page = Response | str | tuple[str, HTTPStatus]


@events.get("/")
def page() -> str:
    """All events, the latest first."""
    with served().hub.store.reading() as connection:
        found = registers.events(connection)
    return render_template("events/events.html", events=found)


@events.get("/new")
def new() -> str:
    """An empty event."""
    return _form_page(_with_allotments(EventForm(formdata=None, activities=[{}] * NEW_ROWS)), None)


@events.post("/new")
def add() -> Page:
    """Add an event with its activities."""
    form = _with_allotments(EventForm())
    if not form.validate():
        return _form_page(form, None), HTTPStatus.BAD_REQUEST
    name, window, allotment = form.name.data.strip(), form.window(), form.allotment.data
    activities = form.activity_values({})
    number = served().hub.store.run(lambda connection: add_event(connection, name, *window, allotment, activities))
    flash(f"イベント「{name}」を加えました。端末に割り当てると使えます。")
    return redirect(url_for(".event", number=number))


@events.get("/<int:number>")
def event(number: int) -> str:
    """One event, as it is now."""
    line = _line(number)
    return _form_page(_with_allotments(ChangeEventForm(formdata=None, **event_fields(line.event))), line)


@events.post("/<int:number>")
def change(number: int) -> Page:
    """Make a new version of the event."""
    line = _line(number)
    form = _with_allotments(ChangeEventForm())
    if not form.validate():
        return _form_page(form, line), HTTPStatus.BAD_REQUEST
    hub, done_by, reason = served().hub, visitor.done_by(), form.reason.data
    name, window, allotment = form.name.data.strip(), form.window(), form.allotment.data

    def work(connection: sa.Connection) -> None:
        record(hub, connection, "change event", name, reason, done_by)
        activities = form.activity_values(slots_before(connection, number))
        add_event(connection, name, *window, allotment, activities, event=number)

    hub.store.run(work)
    judge_kiosks_at(hub, number)
    flash(f"イベント「{name}」を変更しました。届いていた付与も見なおしました。端末設定を新しくしてください。")
    return redirect(url_for(".event", number=number))


def _line(number: int) -> registers.EventLine:
    with served().hub.store.reading() as connection:
        return registers.event_numbered(connection, number) or abort(HTTPStatus.NOT_FOUND)


def _form_page(form: EventForm, line: registers.EventLine | None) -> str:
    with served().hub.store.reading() as connection:
        serving = registers.kiosks_serving(connection, line.event.event) if line else []
    return render_template("events/event.html", form=form, line=line, serving=serving)


def _with_allotments(form: EventForm) -> EventForm:
    with served().hub.store.reading() as connection:
        found = registers.allotments(connection)
    form.allotment.choices = choices(
        (one.allotment, f"{one.name}({one.organisation_name}・残り {one.left:,})") for one in found
    )
    return form
