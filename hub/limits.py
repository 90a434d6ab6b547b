"""Flags what goes over a person's daily limit.

Kiosks keep the limit by themselves; only across kiosks can it be passed, and what a screen has promised is posted all
the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from hub.judge import Candidacy, Facts, Judged
from hub.store import execute, rows
from sync.citytime import DAY_MS, city_day
from sync.entry import Grant
from sync.member import bucket_of

OVER_LIMIT = "over daily limit"
_CITY_AHEAD_MS = 9 * 3_600_000
"""The city's day begins 9 hours before that of UTC."""


def flag_over_limit(
    connection: sa.Connection, kiosk: bytes, judged: Iterable[Judged], facts: Facts, contested: frozenset[bytes]
) -> None:
    """Flag each newly judged grant that is one too many for its member, activity and day, after they were posted.

    Almost none is: only those of the inbox whose member has another grant that day, and the `contested`, are looked at
    one by one.
    """
    limits = _limits(facts)
    if not limits:
        return
    looked_at = _with_another_that_day(connection) | contested
    for one in judged:
        if one.hash not in looked_at or one.grant is None or one.candidacy is not Candidacy.ELIGIBLE:
            continue
        limit = limits.get((one.grant.event, one.grant.activity), 0)
        if limit and _posted_on_day(connection, one.grant, city_day(one.occurred_ms)) > limit:
            execute(
                connection,
                """
                INSERT INTO flag (kiosk, seq, hash, flag) VALUES (:kiosk, :seq, :hash, :flag)
                ON CONFLICT (kiosk, seq, hash, flag) DO NOTHING
                """,
                kiosk=kiosk,
                seq=one.seq,
                hash=one.hash,
                flag=OVER_LIMIT,
            )


def _with_another_that_day(connection: sa.Connection) -> frozenset[bytes]:
    """Return the grants in the inbox whose member has another transfer of the same activity on the same city day."""
    found = rows(
        connection,
        """
        SELECT i.hash FROM inbox i JOIN transfer t
          ON t.event = i.event AND t.bucket = i.bucket AND t.member = i.member AND t.activity = i.activity
        WHERE t.hash <> i.hash AND (t.occurred_ms + :ahead_ms) / :day_ms = (i.occurred_ms + :ahead_ms) / :day_ms
        """,
        ahead_ms=_CITY_AHEAD_MS,
        day_ms=DAY_MS,
    )
    return frozenset(bytes(one.hash) for one in found)


def _limits(facts: Facts) -> Mapping[tuple[int, int], int]:
    return {
        (event.event, activity.activity): activity.daily_limit
        for manifest in facts.manifests.values()
        for event in manifest.events
        for activity in event.activities
        if activity.daily_limit
    }


def _posted_on_day(connection: sa.Connection, grant: Grant, day: int) -> int:
    """Return how many grants of this activity stand posted for the member on a city day."""
    posted = rows(
        connection,
        """
        SELECT max(occurred_ms) AS occurred_ms FROM transfer
        WHERE event = :event AND bucket = :bucket AND member = :member AND activity = :activity
        GROUP BY occasion HAVING sum(points) > 0
        """,
        event=grant.event,
        bucket=bucket_of(grant.member),
        member=grant.member,
        activity=grant.activity,
    )
    return sum(city_day(one.occurred_ms) == day for one in posted)
