"""Flags what goes over a person's daily limit.

Kiosks keep the limit by themselves; only across kiosks can it be passed, and what a screen has promised is posted all
the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from hub.intake.judge import Candidacy, Facts, Judged
from hub.store.database import execute_many, row, rows
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

    Those in the inbox are counted by one statement; only the `contested` ones are looked at one by one.
    """
    limits = _limits(facts)
    if not limits:
        return
    counted = _posted_with_the_inbox(connection)
    flags = []
    for one in judged:
        if one.grant is None or one.candidacy is not Candidacy.ELIGIBLE:
            continue
        posted, limit = counted.get(one.hash, 1), limits.get((one.grant.event, one.grant.activity))
        if one.hash in contested:
            posted = _posted_on_day(connection, one.grant, city_day(one.occurred_ms))
        if limit is not None and posted > limit:
            flags.append({"kiosk": kiosk, "seq": one.seq, "hash": one.hash, "flag": OVER_LIMIT})
    execute_many(
        connection,
        """
        INSERT INTO flag (kiosk, seq, hash, flag) VALUES (:kiosk, :seq, :hash, :flag)
        ON CONFLICT (kiosk, seq, hash, flag) DO NOTHING
        """,
        flags,
    )


def _posted_with_the_inbox(connection: sa.Connection) -> dict[bytes, int]:
    """Return {hash: how many} for grants in the inbox whose member has more than one posted for the same activity and
    city day.
    """
    day = {"ahead_ms": _CITY_AHEAD_MS, "day_ms": DAY_MS}
    another = row(
        connection,
        """
        SELECT 1 FROM inbox i JOIN transfer t
          ON t.event = i.event AND t.bucket = i.bucket AND t.member = i.member AND t.activity = i.activity
        WHERE t.hash <> i.hash AND (t.occurred_ms + :ahead_ms) / :day_ms = (i.occurred_ms + :ahead_ms) / :day_ms
        LIMIT 1
        """,
        **day,
    )
    if another is None:  # the usual batch: counting would take four times as long
        return {}
    found = rows(
        connection,
        """
        SELECT hash, count(*) AS posted FROM (
            SELECT i.hash AS hash, t.occasion AS occasion FROM inbox i JOIN transfer t
              ON t.event = i.event AND t.bucket = i.bucket AND t.member = i.member AND t.activity = i.activity
            WHERE (t.occurred_ms + :ahead_ms) / :day_ms = (i.occurred_ms + :ahead_ms) / :day_ms
            GROUP BY i.hash, t.occasion HAVING sum(t.points) > 0
        ) AS that_day GROUP BY hash HAVING count(*) > 1
        """,
        **day,
    )
    return {bytes(one.hash): one.posted for one in found}


def _limits(facts: Facts) -> Mapping[tuple[int, int], int]:
    return {
        (event.event, activity.activity): activity.daily_limit
        for _, manifest in sorted(facts.manifests.items())
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
