"""Runs the hub's migrations on the connection that `hub.store` hands in; there is no way to run them without one."""

from __future__ import annotations

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
