"""Drains the journal to the hub beside the scan loop, whenever a network happens to be there. Nothing waits for it.

It turns rounds of `sync.engine.exchange` into a pace: at once again while entries arrive, at the hub's own pace when
there is nothing to do, ever more rarely while no usable answer comes.
"""

from __future__ import annotations

import secrets
import threading
import traceback
from collections.abc import Callable
from typing import NamedTuple, Protocol

from config.clock import Clock
from kiosk.boothtime import is_worth_keeping, stamp_at
from kiosk.journal import Journal, Kept
from sync import engine, entry
from sync.engine import LONGEST_PACE_SECONDS, exchange, wait_seconds
from sync.head import QUESTION_LENGTH
from sync.room import Room

STOP_SECONDS = 10.0
FINAL_ROUNDS = 200
"""Rounds at the end of a run at most: a hub that takes few entries at a time is not waited for without end."""


class Line(engine.Transport, Protocol):
    """A transport that is closed when the run ends."""

    def close(self) -> None:
        """Let go of the network."""


class UplinkState(NamedTuple):
    """How the line is, for people: what the last round came to, and how many in a row brought no usable answer."""

    trouble: str = ""
    failures: int = 0
    rounds: int = 0


class UplinkThread:
    """A thread that drains `journal` over `line`. `random_fraction` returns a number in [0, 1),
    `random_bytes` so many that nobody can guess.
    """

    def __init__(
        self,
        journal: Journal,
        line: Line,
        clock: Clock,
        random_fraction: Callable[[], float],
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
        *,
        prune: bool = False,
    ) -> None:
        self._journal = journal
        self._line = line
        self._clock = clock
        self._boot = clock.boot_id()
        self._random_fraction = random_fraction
        self._random_bytes = random_bytes
        self._room = Room()
        self._prune = prune
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)
        self.state = UplinkState()

    def start(self) -> None:
        """Begin to drain."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, then send what the scan loop left, as far as the line carries it.

        A round that hangs on a dead line is left behind: what it was sending is kept, and goes out at the next start.
        """
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(STOP_SECONDS)
        if self._thread.is_alive():
            return
        self._drain()
        self._line.close()

    def turn(self) -> float:
        """Make one round and return how many seconds to wait before the next: none while entries are on their way."""
        question = self._random_bytes(QUESTION_LENGTH)
        done = exchange(self._journal, self._line, self._clock.monotonic_ms, question, self._room)
        self._room = done.room
        failures = self.state.failures + 1 if done.trouble else 0
        self.state = UplinkState(done.trouble or done.manifest_trouble, failures, self.state.rounds + 1)
        has_learnt = done.sample is not None and self._learn_time(done.sample)
        if self._prune:
            self._journal.prune(self._stamp())
        if not done.trouble and (done.sent or has_learnt) and engine.waiting(self._journal):
            return 0.0
        usual = wait_seconds(failures, self._journal.uplink().next_after_seconds, self._random_fraction())
        return max(usual, done.retry_after_seconds)

    def _run(self) -> None:
        """Make rounds until told to stop. Whatever goes wrong in one is shown and tried again: the scan loop must not
        notice.
        """
        while not self._stop.is_set():
            try:
                seconds = self.turn()
            except Exception as error:  # noqa: BLE001  # this thread's outermost loop
                traceback.print_exception(error)
                trouble = f"{type(error).__name__}: {error}"
                self.state = UplinkState(trouble, self.state.failures + 1, self.state.rounds + 1)
                seconds = wait_seconds(self.state.failures, LONGEST_PACE_SECONDS, self._random_fraction())
            self._stop.wait(seconds)

    def _drain(self) -> None:
        """Make rounds while each brings entries nearer to the hub."""
        for _ in range(FINAL_ROUNDS):
            if not engine.waiting(self._journal) or self.turn() > 0:
                return

    def _learn_time(self, sample: entry.Clock) -> bool:
        """Sign what an online receipt said of the time, if it is the first of this boot or contradicts it; tell
        whether.
        """
        known = self._journal.boot_time(self._boot)
        if not is_worth_keeping(sample, known.sample):
            return False
        stamp = stamp_at(known._replace(sample=sample), self._clock.wall_ms(), self._clock.monotonic_ms())
        return isinstance(self._journal.sign_and_keep(sample, stamp), Kept)

    def _stamp(self) -> entry.Stamp:
        return stamp_at(self._journal.boot_time(self._boot), self._clock.wall_ms(), self._clock.monotonic_ms())
