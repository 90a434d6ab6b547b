"""The moment at which something is done with a kiosk. Asked inside the transaction, once its turn to write has come.

A clock that was read while waiting for that turn is behind what others wrote meanwhile, and a clock may be set back.
In the books of one kiosk time never goes back, so that what came first can always be told from them.
"""

from __future__ import annotations

import sqlalchemy as sa

from hub.service import Hub
from hub.store.database import row


def moment_for(hub: Hub, connection: sa.Connection, kiosk: bytes) -> int:
    """Return the hub's time, but never one before what is written down about a kiosk already, and one after everything
    that has arrived: what an act says of the same millisecond was not known yet when an entry arrived.
    """
    return max(hub.wall_ms(), _known_ms(connection, kiosk, after_arrivals_ms=1))


def moment_of_arrival(hub: Hub, connection: sa.Connection, kiosk: bytes) -> int:
    """Return the hub's time, but one after everything that is written down about a kiosk: what was known when an entry
    arrived must be told from what came with the next batch, or was decided in the same millisecond.
    """
    return max(hub.wall_ms(), _known_ms(connection, kiosk, after_arrivals_ms=0) + 1)


def _known_ms(connection: sa.Connection, kiosk: bytes, after_arrivals_ms: int) -> int:
    """Return the newest moment that is written down about a kiosk, that of an arrival so much later."""
    known = row(
        connection,
        """
        SELECT max(moment) AS moment FROM (
            SELECT last_contact_ms AS moment FROM kiosk_progress WHERE kiosk = :kiosk
            UNION ALL SELECT last_arrival_ms + :after_arrivals_ms FROM kiosk_progress WHERE kiosk = :kiosk
            UNION ALL SELECT approved_ms FROM kiosk WHERE kiosk = :kiosk
            UNION ALL SELECT max(issued_ms) FROM manifest WHERE kiosk = :kiosk
            UNION ALL SELECT max(since_ms) FROM line WHERE kiosk = :kiosk
            UNION ALL SELECT max(since_ms) FROM replacement WHERE kiosk = :kiosk
            UNION ALL SELECT max(since_ms) FROM hole WHERE kiosk = :kiosk
            UNION ALL SELECT max(since_ms) FROM boot_start WHERE kiosk = :kiosk
        ) AS known
        """,
        kiosk=kiosk,
        after_arrivals_ms=after_arrivals_ms,
    )
    return known.moment or 0
