"""The hub is killed at every statement of a batch, and meets other faults: nothing is lost, nothing is posted twice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hub_invariants import broken_invariants
from hub_world import World

from hub.intake.arrival import take_batch
from hub.store.database import Store, rows
from sync.batch import write_batch
from sync.entry import Clock, Void
from sync.envelope import RECEIPT
from sync.receipt import read_receipt

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("road", ["plain", "whole"])
def test_a_hub_killed_before_any_statement_of_a_batch_takes_it_in_once(store: Store, tmp_path: Path, road: str) -> None:
    world = World(store)
    one, other = world.booth("受付1"), world.booth("受付2")
    for person in range(5):
        one.grant(person)
        other.grant(person + 2)
    one.send()
    if road == "whole":
        other.add(Clock(world.now_ms, 600_000, 600_010), other.stamp())
        other.add(Void(3, "まちがい"))
    batch_file = tmp_path / "batch"
    batch_file.write_bytes(write_batch(other.batch()))
    url = store.url.render_as_string(hide_password=False)

    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "support" / "hub_killer.py"), url, str(batch_file), str(world.now_ms)],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests' / 'support'}"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert int(done.stdout) > 10
    assert broken_invariants(world) == []
    with store.reading() as connection:
        stored = {bytes(one.hash) for one in rows(connection, "SELECT hash FROM entry")}
    assert stored == {entry.hash for booth in (one, other) for entry in booth.entries}
    before = world.picture()
    other.send(first_seq=1)
    assert world.picture() == before


def test_a_fault_in_the_middle_leaves_neither_entries_nor_verdicts(sqlite: Store) -> None:
    world = World(sqlite)
    booth = world.booth()
    booth.grant(0)
    before = world.picture()
    with sqlite.transaction() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON transfer BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )

    with pytest.raises(Exception, match="disk full"):
        booth.send()
    failed = world.picture()
    with sqlite.transaction() as connection:
        connection.exec_driver_sql("DROP TRIGGER full")
    receipt = booth.send()

    assert failed == before
    assert receipt.cursor == booth.head
    assert broken_invariants(world) == []


def test_a_lost_receipt_costs_nothing_because_the_batch_is_sent_again(store: Store) -> None:
    world = World(store)
    booth = world.booth()
    booth.grant(0)
    lost = read_receipt(take_batch(world.hub, booth.batch()), world.hub.keyring.verifying(RECEIPT))

    again = booth.send()

    assert (again.cursor, again.number) == (lost.cursor, lost.number + 1)
    assert world.verdicts(booth) == {"posted": (1, 50)}


def test_one_kiosks_trouble_is_not_anothers(store: Store) -> None:
    world = World(store)
    bad, good = world.booth("受付1"), world.booth("受付2")
    for booth in (bad, good):
        booth.grant(0 if booth is bad else 1)
        booth.send()
    clone = bad.clone(after_seq=1)
    clone.grant(4)
    clone.send()

    good.grant(2)
    receipt = good.send()

    assert receipt.cursor == good.head
    assert world.verdicts(good) == {"posted": (2, 100)}
