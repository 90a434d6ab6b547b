"""What is filled for one transaction leaves nothing behind for the next."""

from __future__ import annotations

from hub.ledger.inbox import fill_wanted
from hub.store.database import Store, row


def test_on_postgresql_a_temporary_table_does_not_grow_from_one_batch_to_the_next(postgres: Store) -> None:
    sizes = []

    for _ in range(3):
        with postgres.transaction() as connection:
            fill_wanted(connection, {(number, b"hash") for number in range(2_000)})
            sizes.append(row(connection, "SELECT pg_relation_size('pg_temp.wanted') AS bytes").bytes)

    assert sizes[0] > 0
    assert sizes == [sizes[0]] * 3
