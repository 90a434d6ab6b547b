"""The audit reads a rich ledger as clean, and names each row that somebody edits, removes or adds by hand."""

from __future__ import annotations

import ast
import sqlite3
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import sqlalchemy as sa
from audit_insider import Insider, edited
from audit_ledger import rich_ledger
from hub_world import Booth, World, activities
from wire_samples import MORNING_MS, sample_key

from hub.acts.events import change_event
from hub.acts.members import make_known
from hub.audit import Finding, audit, journal
from hub.intake.backlog import finish_backlog
from hub.intake.reasons import Reason
from hub.ledger.posting import Moved
from hub.store.append_only import POSTED_TABLES
from hub.store.database import Store, execute, rows, sqlite_url
from sync.citytime import DAY_MS
from sync.entry import SignedEntry, hash_of, sign_entry
from sync.member import with_check_digits

ROOT: Final = Path(__file__).parents[3]

EDITED_ROWS, REMOVED_ROWS, COPIED_ROWS = 2, 24, 1
"""So many rows of each table have every cell edited, are removed, or are added once more under another key."""


class Blind(NamedTuple):
    """What the audit does not see of one cell or row, and why; docs/audit.md says the same. A noted change is named,
    but as a note: it could have come about rightly.
    """

    table: str
    column: str
    reason: str
    applies: Callable[[dict[str, Any]], bool] = lambda _: True
    is_noted: bool = False


def _is_kind(*kinds: str) -> Callable[[dict[str, Any]], bool]:
    return lambda row: row["kind"] in kinds


def _let_nobody_in(row: dict[str, Any]) -> bool:
    return bool(row["state"] != "approved")


DOES_NOT_SAY_ALL: Final = frozenset(
    {
        *("add organisation", "close organisation", "reopen organisation", "add allotment", "add event"),
        *("change event", "call off event", "take up event", "add members", "invite kiosk", "approve kiosk"),
        *("rename kiosk", "withdraw kiosk", "take back replacement", "release", "dismiss", "reopen decision"),
    }
)
"""Acts that were given more than their columns and records hold: their content is only kept."""
BLIND_TO_EDITS: Final = [
    *(Blind("act", column, "free text") for column in ("reason", "done_by", "text")),
    Blind("act", "content", "a hash of more than the books hold", _is_kind(*DOES_NOT_SAY_ALL)),
    Blind("allotment", "name", "free text"),
    Blind("card", "issue", "any issue above those before it", lambda row: bool(row["issue"] > 1)),
    Blind("instance", "reason", "free text"),
    Blind("organisation", "name", "free text", lambda row: row["organisation"] == 1),
    Blind("enrolment", "software", "free text", lambda row: row["software"] is not None),
    Blind("enrolment", "code", "a random secret that nothing repeats"),
    Blind("enrolment", "name", "the invitation let nobody in", _let_nobody_in),
]
BLIND_TO_REMOVAL: Final = [
    Blind("account", "", "an account that holds nothing", lambda row: bool(row["amount"] == 0)),
    Blind("act", "", "a second key cancels an invitation too", _is_kind("decline invitation")),
    Blind("kept_fold", "", "judging then begins at the one before"),
    Blind("kiosk_count", "", "a count of nothing", lambda row: bool(row["grants"] == 0)),
]
BLIND_TO_ADDITION: Final[list[Blind]] = []
BOUNDED: Final = {
    ("aside", "since_ms"),
    ("boot_start", "since_ms"),
    ("entry", "arrived_ms"),
    ("hole", "since_ms"),
    ("kiosk", "approved_ms"),
    ("line", "since_ms"),
    ("replacement", "since_ms"),
    ("transfer", "posted_ms"),
}
"""Cells that nothing signed repeats, but much surrounds: a change within bounds passes, one beyond them is named."""
BOUNDED_BELOW: Final = {
    ("act", "done_ms"),
    ("kiosk_progress", "head_seq"),
    ("kiosk_progress", "receipt_number"),
    ("kiosk_progress", "last_contact_ms"),
}
"""Cells that may as well be higher."""


@pytest.fixture(scope="module")
def insider(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Insider]:
    somebody = Insider(sqlite_template, tmp_path_factory.mktemp("insider"))
    yield somebody
    somebody.close()


def tables() -> list[str]:
    """Return the tables of a migrated database: a new one is audited or this test says why not."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(sqlite_url(Path(folder) / "hub.db"))
        store.migrate()
        found = set(sa.inspect(store.engine).get_table_names())
        store.close()
    # what alembic keeps; a state and a list that are empty as long as all is well and done
    return sorted(found - {"alembic_version", "hub_state", "to_judge"})


def names(finding: Finding, table: str, key: list[str], *versions: dict[str, Any] | None) -> bool:
    """Tell whether a finding names a row, as it was or as it is: it gives parts of its key, and none wrongly."""
    if finding.table != table:
        return False
    pairs = dict(part.split(" ", 1) for part in finding.subject.split(", ") if " " in part)
    told = [column for column in key if column in pairs]
    spelled = [
        {column: one[column].hex() if isinstance(one[column], bytes) else str(one[column]) for column in key}
        for one in versions
        if one is not None
    ]
    return bool(told) and any(all(pairs[column] == one[column] for column in told) for one in spelled)


def says_missing(finding: Finding, table: str) -> bool:
    """Tell whether a finding says that a row of a table is missing, under whatever name: the key is gone with it."""
    return finding.table == table and "missing" in finding.defect


def edits(table: str, column: str, row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the row with a cell edited; a bounded one once to either side, far beyond any bound."""
    content = row[column]
    if (table, column) in BOUNDED_BELOW:
        return [{**row, column: content - 10**12}]
    if (table, column) in BOUNDED:
        return [{**row, column: content - 10**12}, {**row, column: content + 10**12}]
    if content is None:
        bytes_of = {"act": 16, "kiosk": 8, "hash": 32, "enrolment": 16, "takes_back": 16, "public_key": 32}
        if column in bytes_of:
            return [{**row, column: b"x" * bytes_of[column]}]
        return [{**row, column: "x" if column == "software" else 5}]
    return [{**row, column: edited(content)}]


def blind(known: list[Blind], table: str, column: str, row: dict[str, Any]) -> Blind | None:
    """Return the exception that a change falls under."""
    return next((one for one in known if one[:2] == (table, column) and one.applies(row)), None)


def some(rows: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """Return at most so many rows, spread over all."""
    return [rows[place * len(rows) // most] for place in range(most)] if len(rows) > most else rows


def defects(world: World) -> list[Finding]:
    """Return what the audit finds wrong with a world."""
    return [one for one in audit(world.store, world.hub.keyring) if not one.is_note]


def test_the_audit_shares_the_names_of_reasons_with_the_hub_and_no_judging_posting_or_arrival() -> None:
    imported = {
        name
        for path in (ROOT / "hub/audit").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module)]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        if name.split(".")[0] == "hub" and not name.startswith("hub.audit")
    }

    assert imported == {"hub.keys.keyring", "hub.store.database", "hub.intake.reasons", "hub.service"}


def test_a_rich_ledger_is_clean_and_what_nothing_signed_confirms_is_noted(store: Store) -> None:
    world = rich_ledger(store)

    found = audit(store, world.hub.keyring)

    assert [one for one in found if not one.is_note] == []
    assert [(one.table, one.defect) for one in found] == [
        ("kiosk", "let in on its certificate: it was enrolled before this database's backup"),
        ("entry", "its own signature is bad; a later entry's vouches for it"),
    ]


def test_the_audit_reads_while_another_writes_and_waits_for_nobody(sqlite: Store) -> None:
    world = World(sqlite)
    booth = world.booth()
    booth.grant(0)
    booth.send()

    with closing(sqlite3.connect(str(sqlite.url.database), isolation_level=None, timeout=0)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE member_balance SET held = held + 1")
        found = defects(world)
        writer.execute("ROLLBACK")

    assert found == []


def test_a_mistake_in_the_hubs_own_judging_shows_as_a_difference(
    sqlite: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.intake.offers.points_for", lambda _rule, _quantity: 51)
    world = World(sqlite)
    booth = world.booth()
    booth.grant(0, points=51)
    booth.grant(1)
    booth.send()

    found = defects(world)

    assert {"transfer", "aside", "kiosk_count"} <= {finding.table for finding in found}


@pytest.mark.parametrize("is_reached", [True, False], ids=["judged again", "not yet judged again"])
def test_what_a_changed_record_makes_of_a_grant_is_expected_at_once(
    sqlite: Store, monkeypatch: pytest.MonkeyPatch, *, is_reached: bool
) -> None:
    world = World(sqlite)
    booth = world.booth()
    stranger = with_check_digits(123_456_789_012)
    booth.grant(0, member=stranger)
    booth.send()
    if not is_reached:
        monkeypatch.setattr("hub.acts.members._judge_waiting", lambda *_: Moved())

    world.do(make_known, stranger)

    assert (defects(world) == []) is is_reached


def test_what_an_act_has_left_to_be_judged_is_no_defect_until_it_is(
    sqlite: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.intake.judging.RUN_LIMIT", 3)
    monkeypatch.setattr("hub.acts.doing.finish_backlog", lambda _: 0)
    world = World(sqlite)
    booth = world.booth()
    for person in range(5):
        booth.grant(person)
    booth.send()
    window = (MORNING_MS + DAY_MS, MORNING_MS + 2 * DAY_MS)

    world.do(change_event, world.event, 1, "見本まつり", *window, world.allotment, activities())
    while_waiting = defects(world)
    still_posted = world.verdicts()
    finish_backlog(world.hub)

    assert (while_waiting, still_posted) == ([], {"posted": (5, 250)})
    assert (defects(world), world.verdicts()) == ([], {"held": (5, 250)})


def let_everything_be_changed(store: Store) -> None:
    """Do what the owner of a database can do: switch the triggers off."""
    with store.transaction() as connection:
        if store.is_sqlite:
            for (name,) in rows(connection, "SELECT name FROM sqlite_master WHERE type = 'trigger'"):
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        else:
            for table in POSTED_TABLES:
                connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")


def test_points_given_by_hand_with_all_books_adjusted_are_found_on_either_engine(store: Store) -> None:
    world = World(store)
    booth = world.booth()
    booth.grant(0)
    booth.send()
    let_everything_be_changed(store)

    with store.transaction() as connection:
        execute(
            connection,
            """
            INSERT INTO transfer
            SELECT event, bucket, member, activity, occasion + 1, turn, kiosk, seq, hash, points, owed, allotment,
                   occurred_ms, occurred_from, posted_ms, act FROM transfer
            """,
        )
        execute(connection, "UPDATE member_balance SET held = held + 50")
        execute(connection, "UPDATE account SET amount = amount - 50 WHERE kind = 'out'")
        execute(connection, "UPDATE kiosk_count SET grants = grants + 1, points = points + 50 WHERE verdict = 'posted'")
    found = defects(world)

    assert [(one.table, one.defect) for one in found if one.table == "transfer"] == [
        ("transfer", "is not to stand posted"),
        ("transfer", "missing: what is not to stand is to be taken back"),
    ]


def test_a_grant_rewritten_with_its_hash_has_nobody_to_vouch_for_it(store: Store) -> None:
    world = World(store)
    booth = world.booth()
    booth.grant(0)
    booth.send()
    forger = booth.clone(after_seq=1)
    forger.key = sample_key("thief")
    seq, prev = forger.head
    forged = sign_entry(forger.key, seq + 1, prev, booth.make_grant(1), booth.stamp())
    encoded = forged.encoded.replace(forger.kiosk, booth.kiosk)
    let_everything_be_changed(store)

    with store.transaction() as connection:
        change = {"encoded": encoded, "hash": hash_of(encoded), "old": booth.head.hash}
        execute(connection, "UPDATE entry SET encoded = :encoded, hash = :hash WHERE hash = :old", **change)
        for table in ("transfer", "flag"):
            execute(connection, f"UPDATE {table} SET hash = :hash WHERE hash = :old", **change)
        execute(connection, "UPDATE kiosk_progress SET cursor_hash = :hash WHERE cursor_hash = :old", **change)
    found = defects(world)

    assert ("entry", "neither its own signature nor a later entry's vouches for it") in [
        (one.table, one.defect) for one in found
    ]


def with_bad_signatures(world: World, bad: Collection[int], count: int) -> Booth:
    """Let a booth send so many grants of which only the last and some others bear its signature."""
    booth = world.booth()
    booth.add(booth.opened())
    for number in range(count):
        entry = booth.grant(number)
        if booth.head.seq in bad:
            encoded = entry.encoded[:-64] + bytes(64)
            booth.entries[-1] = SignedEntry(encoded, hash_of(encoded))
    booth.send()
    return booth


def test_entries_that_only_a_later_one_vouches_for_are_noted_by_their_runs(sqlite: Store) -> None:
    world = World(sqlite)
    booth = with_bad_signatures(world, {3, 4, 5, 6, 9}, 10)

    found = audit(world.store, world.hub.keyring)

    alone = f"kiosk {booth.kiosk.hex()}, seq 9, hash {booth.entries[8].hash.hex()}"
    assert [(one.subject, one.defect) for one in found if one.is_note] == [
        (
            f"kiosk {booth.kiosk.hex()}, seq 3-6",
            "the signatures of 4 entries of these are bad; later entries' vouch for them",
        ),
        (alone, "its own signature is bad; a later entry's vouches for it"),
    ]


def test_of_very_many_runs_without_signatures_the_others_are_one_note(
    sqlite: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "RUNS_NOTED", 1)
    world = World(sqlite)
    with_bad_signatures(world, {3, 5, 7, 9}, 10)

    found = audit(world.store, world.hub.keyring)

    assert [one.subject.split(", ")[1] for one in found] == ["seq 3", "seq 5-9"]
    assert found[1].defect.startswith("the signatures of 3 entries of these")


def test_a_text_where_a_number_belongs_ends_the_audit_with_a_finding(sqlite: Store) -> None:
    world = World(sqlite)
    let_everything_be_changed(sqlite)
    with sqlite.transaction() as connection:
        execute(connection, "UPDATE act SET done_ms = 'yesterday'")

    found = defects(world)

    assert [one.table for one in found][-1] == "any"


@pytest.mark.parametrize("name", ["rolled back", "something else"])
def test_a_state_that_says_history_is_missing_is_a_defect(sqlite: Store, name: str) -> None:
    world = World(sqlite)
    with sqlite.transaction() as connection:
        execute(connection, "INSERT INTO hub_state (name, value) VALUES (:name, 'evidence')", name=name)

    found = defects(world)

    assert [(one.table, one.subject) for one in found] == [("hub_state", f"name {name}")]


def test_every_reason_is_in_the_rich_ledger_so_that_the_audit_is_asked_about_it(insider: Insider) -> None:
    seen = 0
    for row in insider.rows("aside"):
        seen |= row["reasons"]

    assert [one for one in Reason if not one & seen] == []


@pytest.mark.parametrize("table", tables())
def test_an_edited_cell_is_named(insider: Insider, table: str) -> None:
    key = insider.key(table)
    assert insider.rows(table), "tests/support/audit_ledger.py leaves no row in this table"
    unseen, blind_after_all = set(), set()

    for column in insider.columns(table):
        for row in some(insider.rows(table), EDITED_ROWS):
            found = [one for new in edits(table, column, row) for one in insider.replace(table, row, new)]
            versions = [row, *edits(table, column, row)]
            is_named = any(names(one, table, key, *versions) for one in found if not one.is_note)
            exception = blind(BLIND_TO_EDITS, table, column, row)
            if exception is None and not is_named:
                unseen.add((column, *(row[part] for part in key)))
            if exception is not None and is_named:
                blind_after_all.add(exception[:3])

    assert unseen == set()
    assert blind_after_all == set()


@pytest.mark.parametrize("table", tables())
def test_a_removed_row_is_named(insider: Insider, table: str) -> None:
    key = insider.key(table)
    unseen, blind_after_all = set(), set()

    for row in some(insider.rows(table), REMOVED_ROWS):
        found = insider.replace(table, row, None)
        named = [one for one in found if names(one, table, key, row) or says_missing(one, table)]
        is_named = any(not one.is_note for one in named)
        exception = blind(BLIND_TO_REMOVAL, table, "", row)
        if exception is None and not is_named:
            unseen.add(tuple(row[part] for part in key))
        if exception is not None and (is_named or bool(named) != exception.is_noted):
            blind_after_all.add(exception[:3])

    assert unseen == set()
    assert blind_after_all == set()


@pytest.mark.parametrize("table", tables())
def test_an_added_row_is_named(insider: Insider, table: str) -> None:
    key = insider.key(table)
    unseen, blind_after_all = set(), set()

    for column in key:
        for row in some(insider.rows(table), COPIED_ROWS):
            new = {**row, column: edited(row[column])}
            named = [one for one in insider.replace(table, None, new) if names(one, table, key, new)]
            is_named = any(not one.is_note for one in named)
            exception = blind(BLIND_TO_ADDITION, table, column, row)
            if exception is None and not is_named:
                unseen.add((column, *(new[part] for part in key)))
            if exception is not None and (is_named or bool(named) != exception.is_noted):
                blind_after_all.add(exception[:3])

    assert unseen == set()
    assert blind_after_all == set()
