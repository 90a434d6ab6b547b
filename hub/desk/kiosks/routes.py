"""The desk's pages of kiosks. One kiosk's page is put together in `page`; what can be done there stands in `ordinary`
and `trouble`, letting a kiosk in stands in `inviting`.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import abort, render_template

from hub.desk.kiosks import inviting, ordinary, trouble
from hub.desk.kiosks.page import kiosk_page, kiosks
from hub.desk.kiosks.queries import kiosk_line
from hub.desk.records.recount import recount as count_again
from hub.served import served

__all__ = ["inviting", "kiosks", "ordinary", "trouble"]


@kiosks.get("/<hex:kiosk>")
def kiosk(kiosk: bytes) -> str:
    """One kiosk: its equation, shares, settings, and the acts on it."""
    return kiosk_page(kiosk, {})


@kiosks.get("/<hex:kiosk>/recount")
def recount(kiosk: bytes) -> str:
    """The kiosk's figures, counted again from everything it has signed."""
    with served().hub.store.reading() as connection:
        line = kiosk_line(connection, kiosk) or abort(HTTPStatus.NOT_FOUND)
        counted = count_again(connection, kiosk)
    return render_template("records/recount.html", line=line, counted=counted)
