"""How quickly the audit reads a hub's whole database, beside the least of it: verifying every entry's signature.

Every entry is really signed, because the audit looks at each.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final, NamedTuple

import click
from nacl.bindings import crypto_sign_open

from benchmarks.ground import Ground, grants, laid, let_in
from benchmarks.ingest import one_signed
from benchmarks.report import Line, Works, at_least, by_turns, rate
from hub.audit import audit
from hub.intake.arrival import take_batch

BATCH: Final = 5_000


class Sizes(NamedTuple):
    """How much is measured: entries, of as many booths, each at events of its own."""

    rounds: int
    entries: int
    booths: int
    members: int


FULL: Final = Sizes(1, 200_000, 10, 5_000)
QUICK: Final = Sizes(1, 60, 2, 40)


def measure(folder: Path, sizes: Sizes) -> list[Line]:
    """Fill a hub, audit it, and verify the signatures of all its entries."""
    per_booth = sizes.entries // sizes.booths
    events_each = -(-per_booth // sizes.members)
    with laid(folder, sizes.members, sizes.booths * events_each) as ground:
        began = time.perf_counter()
        for number in range(sizes.booths):
            events = ground.events[number * events_each : (number + 1) * events_each]
            _fill(ground, f"見本{number + 1}", events, per_booth)
        click.echo(f"filled {sizes.entries:,} entries in {time.perf_counter() - began:.0f} s", err=True)
        signed = one_signed()

        def works(_number: int) -> Works:
            yield "audit", lambda: _audit(ground)
            yield "verify", lambda: limit_verify(*signed, sizes.entries)

        took = by_turns(sizes.rounds, works)
    return [
        Line(
            f"audit of {sizes.entries:,} entries, of bare verification of their signatures",
            rate(took["audit"], sizes.entries),
            f"{rate(took['verify'], sizes.entries)}: one verification an entry",
            took["verify"].cpu / took["audit"].cpu,
            at_least(0.36),
        )
    ]


def limit_verify(signed: bytes, public_key: bytes, times: int) -> None:
    """Verify so many signatures of a message as long as an entry, and nothing else."""
    for _ in range(times):
        crypto_sign_open(signed, public_key)


def _audit(ground: Ground) -> None:
    defects = [one for one in audit(ground.hub.store, ground.hub.keyring) if not one.is_note]
    assert not defects, defects[:3]


def _fill(ground: Ground, name: str, events: tuple[int, ...], entries: int) -> None:
    """Let a booth send so many entries: to each member once at each of its events."""
    booth = let_in(ground, name, events)
    take_batch(ground.hub, booth.batch([booth.opened]))
    left = entries - 1
    for event in events:
        people = ground.members[: min(left, len(ground.members))]
        left -= len(people)
        for start in range(0, len(people), BATCH):
            take_batch(ground.hub, booth.batch(grants(ground, event, people[start : start + BATCH])))
