"""The desk's front page."""

from __future__ import annotations

from http import HTTPStatus

from flask import flash, redirect, render_template, url_for

from hub.acts.hub_clock import trust_clock as act_trust_clock
from hub.audit.watch import latest_breaks
from hub.desk.base.acting import Asked, Page, do, errand, fresh
from hub.desk.base.forms import ReasonForm
from hub.desk.base.moves import Effect
from hub.desk.front.queries import totals
from hub.desk.front.todo import Found, to_decide
from hub.desk.held.queries import held_groups
from hub.desk.kiosks.invitations import invitations
from hub.desk.kiosks.queries import kiosk_lines, sum_of
from hub.desk.kiosks.settings import outdated_kiosks, scarce_shares
from hub.intake.backlog import entries_left
from hub.own_clock import doubted
from hub.served import served
from hub.service import is_rolled_back

BREAKS_SHOWN = 20


def front() -> str:
    """Per kiosk the equation, and what there is to decide."""
    return _page(None)


def trust_clock() -> Page:
    """Take what the hub's clock says now for right: somebody has looked."""
    form = ReasonForm(prefix="clock")
    if form.validate():
        asked = Asked(form, errand(act_trust_clock), url_for("desk.front"), form.reason.data)
        done = do(asked, act_trust_clock)
        if isinstance(done, Effect):
            flash("時計を確かめたと記録しました。端末からの記録を、また受け付けます。")
            return redirect(url_for("desk.front"))
        if done is not None:
            return done
    return _page(form), HTTPStatus.BAD_REQUEST


def _page(clock_form: ReasonForm | None) -> str:
    hub = served().hub
    breaks = latest_breaks(hub)
    with hub.store.reading() as connection:
        lines = kiosk_lines(connection)
        figures = totals(connection)
        left = entries_left(connection)
        doubt = doubted(connection)
        found = Found(
            is_rolled_back(connection),
            doubt is not None,
            breaks,
            lines,
            held_groups(connection),
            [one for one in invitations(connection) if one.state == "answered"],
            scarce_shares(connection, hub.wall_ms()),
            outdated_kiosks(hub, connection),
        )
    return render_template(
        "front/front.html",
        lines=lines,
        total=sum_of(lines) if lines else None,
        totals=figures,
        todos=to_decide(found),
        breaks=breaks[:BREAKS_SHOWN],
        break_count=len(breaks),
        left=left,
        clock_form=(clock_form or fresh(ReasonForm, "clock", errand(act_trust_clock))) if doubt is not None else None,
        now_ms=hub.wall_ms(),
    )
