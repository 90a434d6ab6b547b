"""The desk's list of acts."""

from __future__ import annotations

from flask import render_template, request

from hub.desk.base import overview
from hub.desk.base.shapes import whole
from hub.served import served

ACTS_A_PAGE = 100


def acts() -> str:
    """What persons have decided, the newest first."""
    before_ms = request.args.get("before", type=whole)
    with served().hub.store.reading() as connection:
        found = overview.acts(connection, ACTS_A_PAGE, before_ms)
    return render_template(
        "acts/acts.html", acts=found, next_before_ms=found[-1].done_ms if len(found) == ACTS_A_PAGE else None
    )
