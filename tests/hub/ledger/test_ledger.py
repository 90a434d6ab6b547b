"""The ledger keeps what was posted: nothing is changed afterwards, and two hubs on one database post nothing twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import sqlalchemy as sa
from hub_invariants import broken_invariants
from hub_world import CLERK, Booth, World

from hub.acts.doing import new_number, perform
from hub.acts.members import end_account
from hub.intake.arrival import take_batch
from hub.ledger.accounts import ISSUE, Account, AccountShort, Movement, amount_of, move, write_account_changes
from hub.service import Hub
from hub.store.append_only import POSTED_TABLES, grant_to_runtime_role
from hub.store.database import Store, StoreError, insert, row
from sync.entry import Void


@pytest.mark.parametrize("table", POSTED_TABLES)
@pytest.mark.parametrize("verb", ["UPDATE", "DELETE"])
def test_posted_rows_cannot_be_changed_or_deleted(store: Store, table: str, verb: str) -> None:
    world = World(store)
    booth = world.booth()
    booth.grant(0)
    booth.send()
    with store.reading() as connection:
        column = sa.inspect(connection).get_columns(table)[0]["name"]
    statement = f"UPDATE {table} SET {column} = {column}" if verb == "UPDATE" else f"DELETE FROM {table}"
    world.store.run(lambda connection: _fill(connection, table))

    with pytest.raises(sa.exc.DBAPIError, match="posted rows are never changed"), store.transaction() as connection:
        connection.exec_driver_sql(statement)


def _fill(connection: sa.Connection, table: str) -> None:
    """SQLite's triggers fire per row, so tables that are still empty get one."""
    b, samples = (
        b"x",
        {
            "lost_card": {"bucket": 1, "member": 1, "issue": 1, "version": 1, "state": "lost", "since_ms": 1},
            "decision": {
                "seq": 1,
                "hash": b"x",
                "version": 1,
                "kind": "dismiss",
                "reasons": 0,
                "allotment": 0,
                "points": 0,
            },
            "line": {"version": 1, "kind": "stopped", "tip_seq": 1, "tip_hash": b"x", "fork_seq": 0, "since_ms": 1},
            "hole": {"first_seq": 1, "version": 1, "last_seq": 1, "state": "accepted", "since_ms": 1},
            "lost_tail": {"first_seq": 1, "version": 1, "last_seq": 1, "state": "given up"},
            "replacement": {
                **dict.fromkeys(("version", "first_seq", "last_seq", "from_event", "from_activity"), 1),
                **dict.fromkeys(("event", "event_version", "activity", "slot", "allotment", "points"), 1),
                "state": "in force",
                "since_ms": 1,
            },
            "boot_start": {"boot": b"x", "version": 1, "started_ms": 1, "since_ms": 1},
        },
    )
    if table in samples:
        whose = {} if table == "lost_card" else {"kiosk": b}
        insert(connection, table, **whose, **samples[table], act=b)


def test_a_row_cannot_be_slipped_in_by_replacing_it(sqlite: Store) -> None:
    world = World(sqlite)
    booth = world.booth()
    booth.grant(0)
    booth.send()

    with pytest.raises(sa.exc.DBAPIError, match="never changed"), sqlite.transaction() as connection:
        connection.exec_driver_sql("INSERT OR REPLACE INTO transfer SELECT * FROM transfer")


def test_the_database_itself_keeps_members_from_going_below_zero(store: Store) -> None:
    world = World(store)
    booth = world.booth()
    booth.grant(0)
    booth.send()

    with pytest.raises(sa.exc.DBAPIError), store.transaction() as connection:
        connection.exec_driver_sql("UPDATE member_balance SET held = held - 51")


def test_sqlite_is_opened_durably(sqlite: Store) -> None:
    with sqlite.reading() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()
            for pragma in ("journal_mode", "synchronous", "recursive_triggers")
        ]

    assert found == ["wal", 2, 1]


@contextmanager
def under_the_run_time_role(world: World) -> Iterator[Hub]:
    """Open the same hub once more, under a role that owns nothing."""
    store, role = world.store, f"runtime_{world.store.url.database}"
    with store.transaction() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN")
        grant_to_runtime_role(connection, role)
    runtime = Store(store.url.set(username=role).render_as_string(hide_password=False))
    try:
        yield replace(world.hub, store=runtime)
    finally:
        runtime.close()
        with store.transaction() as connection:
            connection.exec_driver_sql(f"DROP OWNED BY {role}")
            connection.exec_driver_sql(f"DROP ROLE {role}")


def test_the_run_time_role_may_add_but_not_change(postgres: Store) -> None:
    world = World(postgres)
    booth = world.booth()
    booth.grant(0)
    booth.send()
    booth.grant(1)

    with under_the_run_time_role(world) as hub:
        with hub.store.reading() as connection:
            assert row(connection, "SELECT count(*) AS transfers FROM transfer").transfers == 1
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"), hub.store.transaction() as connection:
            connection.exec_driver_sql("UPDATE transfer SET points = 9")
        take_batch(hub, booth.batch())

    assert world.verdicts(booth) == {"posted": (2, 100)}


def test_the_run_time_role_may_let_all_kiosks_wait_for_an_act(postgres: Store) -> None:
    world = World(postgres)
    booth = world.booth()
    booth.grant(0)

    with under_the_run_time_role(world) as hub:
        perform(hub, CLERK, new_number(hub, CLERK, "end account"), "見本", end_account, world.members[0])
    booth.send()

    assert world.verdicts(booth) == {"held": (1, 50)}


def test_two_hubs_on_one_database_meet_on_the_same_members_and_post_nothing_twice(store: Store) -> None:
    world = World(store, people=60)
    booths = [world.booth(f"受付{number}") for number in range(4)]
    for booth in booths:
        for person in range(60):
            booth.grant(person)
        booth.add(Void(3, "まちがい"))
    other_store = Store(store.url.render_as_string(hide_password=False))
    other = Hub(other_store, world.hub.keyring, world.hub.wall_ms, world.hub.random_bytes, world.hub.pace)
    troubles: list[BaseException] = []

    def drain(hub: Hub, booth: Booth) -> None:
        try:
            for first in range(1, len(booth.entries) + 1, 9):
                take_batch(hub, booth.batch(first, first + 8))
        except (sa.exc.SQLAlchemyError, StoreError) as trouble:
            troubles.append(trouble)

    threads = [
        threading.Thread(target=drain, args=(hub, booth))
        for hub, booth in zip([world.hub, other, world.hub, other], booths, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other_store.close()

    assert troubles == []
    assert broken_invariants(world) == []
    assert world.verdicts()["posted"] == (60 - 1, (60 - 1) * 50)


def test_accounts_move_by_what_they_are_told(store: Store) -> None:
    used = Account("used", 0, 0)
    with store.transaction() as connection:
        write_account_changes(connection, {used: 30})
        write_account_changes(connection, {used: -10})

        found = amount_of(connection, used)

    assert found == 20


def test_a_movement_is_a_double_entry_and_takes_no_account_but_the_citys_issue_below_zero(store: Store) -> None:
    allotment, used = Account("allotment", 1, 0), Account("used", 0, 0)
    with store.transaction() as connection:
        move(connection, [Movement("budget", b"m", ISSUE, allotment, 30, b"a", 1)])

        with pytest.raises(AccountShort) as short:
            move(connection, [Movement("share", b"m", allotment, used, 50, b"a", 1)])

        assert short.value.lacking == 20
        assert amount_of(connection, ISSUE) == -30


def test_who_waits_too_long_for_the_writer_is_told_that_it_is_busy(
    sqlite: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite.engine.pool, "_timeout", 0.01)

    with sqlite.transaction(), pytest.raises(StoreError, match="too busy"):
        sqlite.run(lambda _connection: None)
