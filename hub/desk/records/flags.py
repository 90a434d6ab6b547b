"""What of a kiosk is posted all the same and may be worth a look. Reads only."""

from __future__ import annotations

import sqlalchemy as sa

from hub.store.database import rows


def flags_of(connection: sa.Connection, kiosk: bytes) -> dict[str, int]:
    """Return {flag: how many} of a kiosk's records."""
    found = rows(
        connection,
        "SELECT flag, count(*) AS times FROM flag WHERE kiosk = :kiosk GROUP BY flag ORDER BY flag",
        kiosk=kiosk,
    )
    return {one.flag: one.times for one in found}
