"""The hub of a simulated city: founded, served, killed at named points, set to a wrong time, put back from an older
copy.

It is the hub's own code on a real database. Only what lies around it is played: the clock, the moment of a crash, and
who copies the database.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import sqlalchemy as sa

from hub.intake.backlog import finish_backlog
from hub.keys.keyring import load_keyring
from hub.own_clock import OwnClock
from hub.service import Hub, Pace, found_hub, open_instance
from hub.store.database import Store
from simulator.shelf import Shelf
from simulator.town import World

Result = TypeVar("Result")


class HubCrashed(Exception):
    """The hub's process has ended in the middle of something."""


class Crash(NamedTuple):
    """When the hub is to end: at the `transaction`-th that is begun from now on, before or after its commit."""

    transaction: int
    is_committed: bool


class MortalStore(Store):
    """A store whose process can end at a commit. What was not committed is gone, as after a kill."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.crash: Crash | None = None

    def run(self, work: Callable[[sa.Connection], Result]) -> Result:
        """Do `work` in one transaction, or end the process in it."""
        if self.crash is None or self.crash.transaction > 1:
            self.crash = self.crash._replace(transaction=self.crash.transaction - 1) if self.crash else None
            return super().run(work)
        crash, self.crash = self.crash, None
        if crash.is_committed:
            super().run(work)
            raise HubCrashed

        def die(connection: sa.Connection) -> Result:
            work(connection)
            raise HubCrashed

        return super().run(die)


class HubHouse:
    """Where a hub lives: its keys, its database and the copies of it. `hub` is None while it is down."""

    def __init__(self, world: World, folder: Path, shelf: Shelf, pace: Pace) -> None:
        self.world = world
        self.hub: Hub | None = None
        self.ahead_ms = 0
        """How far the hub's clock is ahead of the true time."""
        self.restores = 0
        self._data = folder / "hub"
        self._root_key = folder / "root.key"
        self._shelf = shelf
        self._pace = pace
        self._store: MortalStore | None = None

    def found(self) -> None:
        """Make keys, tables and the first instance, and serve."""
        store = self._open_store()
        found_hub(store, self._data, self._root_key, "", self.wall_ms(), self.world.random_bytes)
        self._serve(store)

    def wall_ms(self) -> int:
        """Return what the hub's clock says."""
        return self.world.now_ms + self.ahead_ms

    def start(self) -> Hub:
        """Serve again, if the hub is down; what an act has left to be judged is finished first."""
        if self.hub is None:
            self._serve(self._open_store())
        if self.hub is None:
            raise HubCrashed
        return self.hub

    def stop(self) -> None:
        """End the process."""
        self.hub = None
        if self._store is not None:
            self._store.close()
            self._store = None

    def crash_at(self, crash: Crash) -> None:
        """Let the hub end at one of its next commits."""
        if self._store is not None:
            self._store.crash = crash

    def spare(self) -> None:
        """Let it live after all, if it has not ended yet."""
        if self._store is not None:
            self._store.crash = None

    def keep_copy(self) -> None:
        """Keep a copy of the database, as a backup does."""
        was_up = self.hub is not None
        self.stop()
        self._shelf.keep_copy()
        if was_up:
            self.start()

    @property
    def has_copy(self) -> bool:
        """Tell whether there is a copy to be put back."""
        return self._shelf.has_copy

    def put_back(self) -> None:
        """Put the copy in the database's place. Until an instance is opened, the hub does not know of it."""
        self.stop()
        self._shelf.put_back()
        self.restores += 1

    def open_instance(self) -> None:
        """Open a new instance, as `hub restore` does."""
        self.stop()
        store = self._open_store()
        open_instance(store, self._data, self._root_key, "控えから戻した", self.wall_ms(), self.world.random_bytes)
        self._serve(store)

    def _open_store(self) -> MortalStore:
        self._store = MortalStore(self._shelf.url)
        return self._store

    def _serve(self, store: MortalStore) -> None:
        own_clock = OwnClock(self.wall_ms, lambda: self.world.now_ms, lambda: False)
        keyring = load_keyring(self._data)
        hub = Hub(store, keyring, self.wall_ms, self.world.random_bytes, self._pace, own_clock=own_clock)
        self.hub = hub
        finish_backlog(hub)
