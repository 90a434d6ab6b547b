"""The desk's front page."""

from __future__ import annotations

from flask import render_template

from hub.desk.base import closer, overview, registers
from hub.desk.base.todo import Found, to_decide
from hub.served import served
from hub.service import is_rolled_back


def front() -> str:
    """Per kiosk the equation, and what there is to decide."""
    hub = served().hub
    with hub.store.reading() as connection:
        lines = overview.kiosk_lines(connection)
        totals = overview.totals(connection)
        found = Found(
            is_rolled_back(connection),
            totals.ledger,
            lines,
            overview.held_groups(connection),
            [one for one in registers.invitations(connection) if one.state == "answered"],
            closer.scarce_shares(connection, hub.wall_ms()),
            closer.outdated_kiosks(hub, connection),
        )
    total = overview.sum_of(lines) if lines else None
    return render_template(
        "front/front.html", lines=lines, total=total, totals=totals, todos=to_decide(found), now_ms=hub.wall_ms()
    )
