"""Flags what goes over a daily limit anew, after a person has changed the limit: no grant's standing tells of that."""

from __future__ import annotations

import sqlalchemy as sa

from hub.intake.facts import events_now
from hub.intake.settle import RepeatKey
from hub.intake.values import Flag
from hub.ledger.daily_limits import flag_over_limits
from hub.ledger.inbox import fill_inbox
from hub.store.database import execute, rows


def flag_anew(connection: sa.Connection, event: int, activity: int) -> None:
    """Take away the daily limit's flags of one activity, and set those that its limit calls for now."""
    execute(
        connection,
        """
        DELETE FROM flag WHERE flag = :flag AND (kiosk, seq, hash) IN (
            SELECT kiosk, seq, hash FROM transfer WHERE event = :event AND activity = :activity
        )
        """,
        flag=Flag.OVER_LIMIT.value,
        event=event,
        activity=activity,
    )
    keys = rows(
        connection,
        """
        SELECT DISTINCT event, bucket, member, activity, occasion FROM transfer
        WHERE event = :event AND activity = :activity
        """,
        event=event,
        activity=activity,
    )
    fill_inbox(connection, ())
    flag_over_limits(connection, events_now(connection, [event]), [RepeatKey(*key) for key in keys])
