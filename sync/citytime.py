"""The city's calendar: which day, month and fiscal year a moment falls in. Pure; the moment is always handed in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

CITY_ZONE = timezone(timedelta(hours=9), "JST")
"""Asia/Tokyo has had no daylight saving time since 1951, so a fixed offset is exact and needs no zone files."""

DAY_MS = 86_400_000
_APRIL = 4
CITY_AHEAD_MS = 9 * 3_600_000
"""The city's day begins 9 hours before that of UTC."""


def city_day(wall_ms: int) -> int:
    """Return the city's day as a count of days from 1970-01-01."""
    return (wall_ms + CITY_AHEAD_MS) // DAY_MS


def city_datetime(wall_ms: int) -> datetime:
    """Return the moment as an aware datetime on the city's wall clock."""
    return datetime.fromtimestamp(wall_ms / 1000, CITY_ZONE)


def wall_ms_of(moment: datetime) -> int:
    """Return an aware datetime as milliseconds since 1970-01-01 UTC."""
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))


def fiscal_year(wall_ms: int) -> int:
    """Return the year in which the fiscal year began: April 1st to March 31st."""
    moment = city_datetime(wall_ms)
    return moment.year if moment.month >= _APRIL else moment.year - 1
