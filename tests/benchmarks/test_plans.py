"""No question to the database goes through a whole large table, or all entries of a kiosk, to find a few rows.

SQLite chooses its way without knowing how large a table is. A benchmark would show it at a million entries; the plan
shows it at ten.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from benchmarks import season
from benchmarks.ground import HELPING, Ground, do, grant, grants, helping, laid, let_in, made_by
from benchmarks.season import SEASON, Road, manners
from hub.acts.decisions import dismiss, release, reopen_decision
from hub.acts.events import change_event
from hub.acts.members import end_account, find_card, lose_card, make_known, make_unknown, reopen_account
from hub.intake.arrival import take_batch
from hub.intake.reasons import Reason
from hub.store.database import rows
from sync.citytime import DAY_MS
from sync.member import with_check_digits

LARGE = frozenset({"entry", "transfer", "aside", "member", "member_balance", "card", "flag", "landmark", "placed"})
UNKNOWN = with_check_digits(314_159_265_358)


def test_batches_with_boots_samples_voids_and_duplicates_look_up_only_what_they_name(tmp_path: Path) -> None:
    windows = season.days(season.QUICK)
    with laid(tmp_path, 40, len(windows), windows=windows) as ground:
        booths = [let_in(ground, name, ground.events) for name in ("見本1", "見本2")]
        roads = [Road(season.QUICK, manners(season.QUICK)[SEASON], ground, booth) for booth in booths]

        with _watched(ground) as plans:
            for number in range(season.QUICK.batches):
                for road in roads:
                    take_batch(ground.hub, road.batch(number))

    assert _wasteful(plans) == []
    assert any("FROM touched k" in text for text in plans)
    assert any("FROM landmark l" in text for text in plans)


def test_acts_look_up_only_what_they_name(tmp_path: Path) -> None:
    with laid(tmp_path, 10, 1) as ground:
        event, member = ground.events[0], ground.members[0]
        booth = let_in(ground, "見本", ground.events)
        bodies = [*grants(ground, event, ground.members), grant(ground, event, UNKNOWN)]
        take_batch(ground.hub, booth.batch([booth.opened, *bodies]))
        first = _names(ground)[1:2]
        window = (ground.watch.now_ms - DAY_MS, ground.watch.now_ms + DAY_MS)
        gone = (window[0] - 40 * DAY_MS, window[1] - 40 * DAY_MS)

        with _watched(ground) as plans:
            do(ground.hub, make_known, UNKNOWN)
            do(ground.hub, make_unknown, UNKNOWN)
            do(ground.hub, change_event, event, 1, "行事", *gone, ground.allotment, (helping(HELPING),))
            do(ground.hub, release, booth.kiosk, first, int(Reason.TIME))
            do(ground.hub, change_event, event, 2, "行事", *window, ground.allotment, (helping(HELPING),))
            do(ground.hub, dismiss, booth.kiosk, first)
            do(ground.hub, reopen_decision, booth.kiosk, first)
            issue = made_by(ground.hub, lose_card, member, 1)
            do(ground.hub, find_card, member, 1)
            do(ground.hub, end_account, member)
            do(ground.hub, reopen_account, member)

    assert issue == 2
    assert _wasteful(plans) == []


@pytest.mark.parametrize(
    "planted",
    [
        "SELECT t.* FROM (SELECT 1 AS event) k LEFT JOIN transfer t ON t.member = k.event",
        "SELECT e.encoded FROM entry e WHERE e.kiosk = 1",
        "SELECT kiosk FROM aside",
    ],
)
def test_a_question_that_goes_through_everything_is_seen(tmp_path: Path, planted: str) -> None:
    with laid(tmp_path, 3, 1) as ground, _watched(ground) as plans:
        ground.hub.store.run(lambda connection: rows(connection, planted))

    assert [text for text, _ in _wasteful(plans)] == [planted]


@contextmanager
def _watched(ground: Ground) -> Iterator[dict[str, list[str]]]:
    """Note the plan of every statement that is run meanwhile: {statement: steps}."""
    plans: dict[str, list[str]] = {}

    def explain(connection: sa.Connection, _cursor: Any, text: str, parameters: Any, _context: Any, many: bool) -> None:  # noqa: FBT001  # as SQLAlchemy calls it
        text = " ".join(text.split())
        if text not in plans and text.startswith(("SELECT", "INSERT", "UPDATE", "DELETE")):
            cursor = connection.connection.cursor()
            cursor.execute(f"EXPLAIN QUERY PLAN {text}", parameters[0] if many else parameters)
            plans[text] = [step[3] for step in cursor.fetchall()]

    engine = ground.hub.store.engine
    sa.event.listen(engine, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        sa.event.remove(engine, "before_cursor_execute", explain)


def _wasteful(plans: dict[str, list[str]]) -> list[tuple[str, str]]:
    """Return the statements with a step through a whole large table, or through all entries of a kiosk."""
    return [(text, step) for text, steps in plans.items() for step in steps if _is_wasteful(text, step)]


def _is_wasteful(text: str, step: str) -> bool:
    verb, name, *_ = step.split()
    table = _table_of(text, name)
    if verb == "SCAN":
        return table in LARGE
    return table == "entry" and step.endswith("(kiosk=?)")


def _table_of(text: str, name: str) -> str:
    """Return the table that a plan calls by its name or by its alias."""
    found = re.search(rf"(?:FROM|JOIN|INTO) (\w+) (?:AS )?{name}\b", text)
    return name if name in LARGE or found is None else found[1]


def _names(ground: Ground) -> tuple[tuple[int, bytes], ...]:
    with ground.hub.store.reading() as connection:
        found = rows(connection, "SELECT seq, hash FROM entry ORDER BY seq")
    return tuple((one.seq, bytes(one.hash)) for one in found)
