"""Checks the flags on one kiosk's grants: lost card, expired token, typed number. The flag for a daily limit needs the
ledger, and is handed on.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from hub.audit.expected import Identity
from hub.audit.findings import Findings
from hub.audit.limits import OVER_LIMIT
from hub.audit.reading import stream
from hub.audit.standings import Standing


def check_flags(
    connection: sa.Connection, kiosk: bytes, standings: Iterable[Standing], altered: set[Identity], findings: Findings
) -> set[Identity]:
    """Check the table flag for one kiosk; return the grants flagged for a daily limit."""
    over_limit: set[Identity] = set()
    wanted = {(one.seq, one.hash): one for one in standings if one.grant is not None}
    missing = {(place, flag) for place, one in wanted.items() for flag in one.must_flag}
    for row in stream(
        connection, "SELECT seq, hash, flag FROM flag WHERE kiosk = :kiosk ORDER BY seq, hash, flag", kiosk=kiosk
    ):
        place = (row.seq, bytes(row.hash))
        if (kiosk, *place) in altered:
            continue
        missing.discard((place, row.flag))
        standing = wanted.get(place)
        if standing is not None and row.flag == OVER_LIMIT:
            over_limit.add((kiosk, *place))
        elif standing is None or row.flag not in standing.may_flag:
            defect = "nothing speaks for it" if standing else "there is no such grant"
            findings.defect("flag", defect, kiosk=kiosk, seq=place[0], hash=place[1], flag=row.flag)
            if standing is None:
                findings.defect(
                    "entry", "missing, or its flag names what never was", kiosk=kiosk, seq=place[0], hash=place[1]
                )
    for (seq, entry_hash), flag in sorted(missing):
        findings.defect("flag", "missing", kiosk=kiosk, seq=seq, hash=entry_hash, flag=flag)
    return over_limit
