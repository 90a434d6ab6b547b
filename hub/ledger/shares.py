"""What a kiosk carries of each allotment. A share that was lowered gives its points back once the kiosk has named the
lower manifest: until then it may have signed grants against the higher total.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from hub.ledger.accounts import Movement, allotment_account, carried_account, kiosk_holder
from hub.store.database import row, rows


def carried(connection: sa.Connection, kiosk: bytes, allotment: int) -> int:
    """Return the points of an allotment that were handed to a kiosk for its share and have not gone back."""
    found = row(
        connection,
        """
        SELECT coalesce(sum(CASE WHEN kind = 'share' THEN points ELSE -points END), 0) AS points FROM movement
        WHERE (kind = 'share' AND target_holder = :holder AND target_part = :allotment)
           OR (kind = 'share back' AND source_holder = :holder AND source_part = :allotment)
        """,
        holder=kiosk_holder(kiosk),
        allotment=allotment,
    )
    return int(found.points)


def lowered(
    connection: sa.Connection,
    kiosk: bytes,
    named: tuple[int, int],
    used: Mapping[int, int],
    under_way: Iterable[Movement],
    now_ms: int,
    cause: bytes,
) -> list[Movement]:
    """Return the movements that give back what a kiosk carries beyond the totals signed in a manifest (opening,
    version) it has named, or later, but never what it has used. `under_way` are movements of the same transaction;
    `cause` is 16 bytes that name what brought it about: an act, or a moment of arrival.
    """
    movements = []
    for allotment, (limit, act) in sorted(_limits_since(connection, kiosk, named).items()):
        out, home = carried_account(kiosk, allotment), allotment_account(allotment)
        coming = sum(one.points for one in under_way if one.target == out and one.kind == "share")
        points = carried(connection, kiosk, allotment) + coming - max(limit, used.get(allotment, 0))
        if points > 0:
            mark = kiosk + allotment.to_bytes(4, "big") + cause
            movements.append(Movement("share back", mark, out, home, points, act, now_ms))
    return movements


def _limits_since(connection: sa.Connection, kiosk: bytes, named: tuple[int, int]) -> dict[int, tuple[int, bytes]]:
    """Return for each allotment the highest total + reserve signed since a manifest, and the act of that manifest."""
    found = rows(
        connection,
        """
        SELECT s.allotment, s.total + s.reserve AS points, m.act, s.instance_ms, s.version
        FROM share s JOIN manifest m
          ON m.kiosk = s.kiosk AND m.instance_ms = s.instance_ms AND m.version = s.version
        WHERE s.kiosk = :kiosk ORDER BY s.allotment, s.instance_ms, s.version
        """,
        kiosk=kiosk,
    )
    limits: dict[int, tuple[int, bytes]] = {}
    for one in found:
        if (one.instance_ms, one.version) >= named:
            limit, act = limits.get(one.allotment, (0, bytes(one.act)))
            limits[one.allotment] = (max(limit, one.points), act)
    return limits
