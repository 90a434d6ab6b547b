"""The watch finds what the audit finds, over less: the keys that acts touch, samples, and each night everything."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from audit_insider import Insider, edited
from hub_world import HELP, World, activities
from wire_samples import MORNING_MS

from hub.acts.decisions import dismiss
from hub.acts.events import change_event
from hub.acts.kiosks import top_up
from hub.audit import some
from hub.audit.support import write_support_file
from hub.audit.watch import SAMPLE_SIZE, Watch, check_keys, check_sample, latest_breaks
from hub.store.database import Store, execute, rows
from sync.citytime import DAY_MS, city_day

PLANTED: Final = {
    "account": "amount",
    "act": "kind",
    "activity": "daily_limit",
    "allotment": "fiscal_year",
    "aside": "reasons",
    "assignment": "act",
    "boot_start": "started_ms",
    "card": "made_ms",
    "decision": "points",
    "entry": "encoded",
    "event": "ends_ms",
    "flag": "flag",
    "hole": "last_seq",
    "kept_fold": "fold",
    "kiosk": "serial",
    "kiosk_count": "points",
    "kiosk_name": "organisation",
    "kiosk_progress": "cursor_hash",
    "landmark": "boot",
    "line": "tip_hash",
    "lost_card": "since_ms",
    "lost_tail": "last_seq",
    "manifest": "encoded",
    "member": "since_ms",
    "member_balance": "held",
    "movement": "points",
    "organisation": "kind",
    "placed": "points",
    "replacement": "slot",
    "share": "total",
    "transfer": "allotment",
}
"""A column of each table that a repeat key depends on, or that depends on one."""


@pytest.fixture(scope="module")
def insider(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Insider]:
    somebody = Insider(sqlite_template, tmp_path_factory.mktemp("watched"))
    yield somebody
    somebody.close()


def touched_with(insider: Insider, row: dict[str, Any]) -> tuple[list[tuple[int, ...]], list[bytes]]:
    """Return the keys on which the kiosk or the member of a row has anything, and the kiosk itself."""
    column = next((one for one in ("kiosk", "member") if row.get(one)), "")
    found = [one for table in ("transfer", "aside") for one in insider.rows(table)]
    columns = ("event", "bucket", "member", "activity", "occasion")
    keys = {tuple(one[part] for part in columns) for one in found if not column or one[column] == row[column]}
    return sorted(keys), [row["kiosk"]] if column == "kiosk" else []


@pytest.mark.parametrize("table", sorted(PLANTED))
def test_a_drift_in_any_table_is_found_on_the_keys_it_touches(insider: Insider, table: str) -> None:
    column = PLANTED[table]
    row = next(one for one in insider.rows(table) if one[column] is not None)
    keys, kiosks = touched_with(insider, row)
    before = check_keys(insider.store, insider.keyring, keys, kiosks)

    with insider.replaced(table, row, {**row, column: edited(row[column])}):
        found = check_keys(insider.store, insider.keyring, keys, kiosks)

    assert before == []
    assert table in {one.table for one in found}


def test_samples_of_a_rich_ledger_are_clean_and_find_a_drift_sooner_or_later(insider: Insider) -> None:
    row = next(one for one in insider.rows("transfer") if one["turn"] == 0)
    seeds = range(30)
    before = [one for seed in seeds for one in check_sample(insider.store, insider.keyring, seed, 3)]

    with insider.replaced("transfer", row, {**row, "points": row["points"] + 1}):
        found = [one for seed in seeds for one in check_sample(insider.store, insider.keyring, seed, SAMPLE_SIZE)]

    assert before == []
    assert "transfer" in {one.table for one in found}


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def watched(world: World) -> tuple[Watch, list[str]]:
    said: list[str] = []
    return Watch(world.hub, said.append), said


def drift(world: World, text: str, **values: object) -> None:
    """Change a table behind the hub's back; only tables that may change can be, on either engine."""
    with world.store.transaction() as connection:
        execute(connection, text, **values)


def test_a_hub_that_works_has_no_breaks(world: World) -> None:
    watch, said = watched(world)
    booth = world.booth(total=100)
    for person in range(4):
        booth.grant(person)
    booth.grant(0, activity=HELP, occasion=city_day(world.now_ms), quantity=30, points=100)
    booth.send()
    world.do(top_up, booth.kiosk, world.allotment, 1_000)
    world.do(dismiss, booth.kiosk, ((2, booth.entries[1].hash),))
    window = (MORNING_MS, MORNING_MS + DAY_MS)
    world.do(change_event, world.event, 1, "見本まつり", *window, world.allotment, activities())

    found = watch.look()

    assert (found, said, latest_breaks(world.hub)) == ([], [], [])


def test_what_drifted_is_said_once_when_an_act_touches_it_and_goes_when_it_is_mended(world: World) -> None:
    watch, said = watched(world)
    booth = world.booth()
    booth.grant(0)
    booth.send()
    member = world.members[0]
    drift(world, "UPDATE member_balance SET held = held + 1 WHERE member = :member", member=member)

    world.do(dismiss, booth.kiosk, ((2, booth.entries[1].hash),))
    broken = watch.look_at_touched()
    again = watch.look()
    drift(world, "UPDATE member_balance SET held = held - 1 WHERE member = :member", member=member)
    mended = watch.look()

    assert [(one.table, str(member) in one.subject) for one in broken] == [("member_balance", True)]
    assert (broken == again, len(said), str(member) in said[0]) == (True, 1, True)
    assert (mended, latest_breaks(world.hub)) == ([], [])


def test_grants_that_a_daily_limit_counts_together_are_looked_at_together_or_not_at_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(some, "KIOSKS_AT_MOST", 1)
    day, help_ = city_day(world.now_ms), {"activity": HELP, "quantity": 30, "points": 100}
    world.do(
        change_event, world.event, 1, "見本まつり", MORNING_MS, MORNING_MS + 2 * DAY_MS, world.allotment, activities()
    )
    one, other = world.booth("受付1"), world.booth("受付2")
    world.now_ms += 2 * DAY_MS
    for booth, occasion in ((one, day), (other, day + 1)):
        booth.add(booth.make_grant(0, occasion=occasion, **help_), booth.stamp(wall_ms=MORNING_MS, trust=2))
        booth.send()

    found = [check_keys(world.store, world.hub.keyring, [tuple(key)]) for key in _keys(world)]

    assert sorted(flag for flags in (world.flags(one), world.flags(other)) for flag in flags.values())
    assert found == [[], []]


def test_each_night_everything_is_looked_at(world: World) -> None:
    watch, said = watched(world)
    one, other = world.booth("受付1"), world.booth("受付2")
    one.grant(0)
    one.send()
    other.grant(1)
    other.send()
    drift(world, "INSERT INTO kiosk_count (kiosk, verdict, grants, points) VALUES (:kiosk, 'x', 1, 1)", kiosk=one.kiosk)
    world.now_ms = MORNING_MS + DAY_MS

    found = watch.look()

    assert ("kiosk_count", f"kiosk {one.kiosk.hex()}, verdict x") in {
        (broken.table, broken.subject) for broken in found
    }
    assert len(said) == len(found)


def test_the_file_for_support_names_no_member_but_those_in_findings(world: World, tmp_path: Path) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.grant(1)
    booth.send()
    drift(world, "UPDATE member_balance SET held = held + 1 WHERE member = :member", member=world.members[0])
    keys = [tuple(one) for one in _keys(world)]
    path = tmp_path / "support.json"

    write_support_file(path, world.store, world.hub.keyring, check_keys(world.store, world.hub.keyring, keys), 5)

    text = path.read_text("utf-8")
    named = {member for member in world.members if str(member) in text}
    content = json.loads(text)
    assert named == {world.members[0]}
    assert (content["rows"]["entry"], content["made_ms"]) == (3, 5)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        write_support_file(path, world.store, world.hub.keyring, [], 6)


def _keys(world: World) -> list[Any]:
    with world.store.reading() as connection:
        return rows(connection, "SELECT event, bucket, member, activity, occasion FROM transfer")
