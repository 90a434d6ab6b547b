"""Works off what a large act has left to be judged, in runs, each a transaction of its own. A hub that was killed in
between goes on at its next start.
"""

from __future__ import annotations

import sqlalchemy as sa

from hub.intake.judging import Cause, judge_some
from hub.intake.moment import moment_for
from hub.intake.progress import read_progress
from hub.service import Hub
from hub.store.database import execute_many, row, rows

RUN_LENGTH = 500
RUN_LENGTH_OF_WHOLE = 5_000
"""Of a kiosk that is judged whole each time, so that few runs do."""


def entries_left(connection: sa.Connection) -> int:
    """Return how many entries still wait to be judged after an act."""
    return int(row(connection, "SELECT count(*) AS left_over FROM to_judge").left_over)


def finish_backlog(hub: Hub) -> int:
    """Judge everything that is left; return how many entries that were."""
    total = 0
    while (judged := hub.store.run(lambda connection: judge_a_run(hub, connection))) > 0:
        total += judged
    return total


def judge_a_run(hub: Hub, connection: sa.Connection) -> int:
    """Judge a run of entries of one kiosk and one act; return how many."""
    first = row(connection, "SELECT act, kiosk FROM to_judge ORDER BY act, kiosk, seq, hash LIMIT 1")
    if first is None:
        return 0
    act, kiosk = bytes(first.act), bytes(first.kiosk)
    progress = read_progress(connection, kiosk)
    found = rows(
        connection,
        "SELECT seq, hash FROM to_judge WHERE act = :act AND kiosk = :kiosk ORDER BY seq, hash LIMIT :length",
        act=act,
        kiosk=kiosk,
        length=RUN_LENGTH if progress.is_plain else RUN_LENGTH_OF_WHOLE,
    )
    names = {(one.seq, bytes(one.hash)) for one in found}
    done = row(connection, "SELECT done_ms FROM act WHERE act = :act", act=act)
    judge_some(hub, connection, kiosk, names, Cause(max(done.done_ms, moment_for(hub, connection, kiosk)), act))
    execute_many(
        connection,
        "DELETE FROM to_judge WHERE act = :act AND kiosk = :kiosk AND seq = :seq AND hash = :hash",
        [{"act": act, "kiosk": kiosk, "seq": seq, "hash": entry_hash} for seq, entry_hash in sorted(names)],
    )
    return len(names)
