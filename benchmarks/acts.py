"""What an act costs in a large hub beside a small one: to make a number known, to release a record, to change an event
with 500 grants; and how much a batch of the usual size writes in the city's shape.

The large hub is filled as `growth` fills its ledgers. The booth whose records the acts touch has sent real ones.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import click
import sqlalchemy as sa

from benchmarks import written
from benchmarks.ground import (
    HELPING,
    NOW_MS,
    Booth,
    Ground,
    do,
    eligible,
    grant,
    grants,
    helping,
    laid,
    let_in,
)
from benchmarks.growth import ENTRY_LENGTH
from benchmarks.report import Line, Took, Works, at_most, by_turns
from hub.acts.decisions import release
from hub.acts.events import change_event
from hub.acts.members import make_known
from hub.intake.arrival import take_batch
from hub.intake.progress import lock_progress, write_progress
from hub.intake.reasons import Reason
from hub.intake.values import Candidacy, Standing
from hub.ledger.inbox import write_entries
from hub.ledger.posting import Change, post
from hub.store.database import row, rows
from sync.citytime import DAY_MS
from sync.entry import Grant
from sync.head import Head
from sync.member import with_check_digits


class Sizes(NamedTuple):
    """How much is measured: two hubs by their entries and booths, what one booth of each has really sent, and what is
    sent then to see how much it writes.
    """

    rounds: int
    few: int
    many: int
    booths: int
    sent_by_one: int
    at_event: int
    held_each: int
    events: int
    members: int
    written: written.Sizes

    @property
    def fresh(self) -> int:
        """Return how many events nobody has been to."""
        return self.written.events + 1


FULL: Final = Sizes(9, 1_000, 1_000_000, 500, 10_000, 500, 5, 334, 15_000, written.FULL)
QUICK: Final = Sizes(2, 60, 300, 4, 100, 10, 1, 3, 200, written.QUICK)

SENDING: Final = 5_000
WINDOW: Final = (NOW_MS - DAY_MS, NOW_MS + DAY_MS)
LONG_AGO: Final = (NOW_MS - 40 * DAY_MS, NOW_MS - 39 * DAY_MS)
"""An event that was over when its grants were signed: they are held for their time."""
USUAL, CHANGED, OVER, FRESH = range(4)
"""The last events of a hub: one booth's usual one, the one that is changed, the one that was over, and from there on
those that nobody has been to.
"""


@dataclass
class Town:
    """A filled hub, the booth whose records are touched, one that will send, the numbers nobody knows, what is held,
    the events that were not for filling, and the changed one's version.
    """

    ground: Ground
    booth: Booth
    sender: Booth
    unknown: list[int]
    held: list[tuple[int, bytes]]
    own: tuple[int, ...]
    version: int = 1


def measure(folder: Path, sizes: Sizes) -> list[Line]:
    """Fill two hubs, do the same acts in both by turns, and send batches of the usual size to the large one."""
    with ExitStack() as stack:
        towns = {
            "few": stack.enter_context(_town(folder / "few", sizes._replace(many=sizes.few, booths=1))),
            "many": stack.enter_context(_town(folder / "many", sizes)),
        }

        def works(number: int) -> Works:
            for name, town in towns.items():
                yield f"make known {name}", partial(_make_known, town, number)
            for name, town in towns.items():
                yield f"release {name}", partial(_release, town, number)
            for name, town in towns.items():
                yield f"there {name}", partial(_change, town, LONG_AGO)
                assert _posted_at(town) == 0
                yield f"back {name}", partial(_change, town, WINDOW)
                assert _posted_at(town) == sizes.at_event

        took = by_turns(sizes.rounds, works)
        many = towns["many"]
        lines = written.measure(folder / "many", many.ground, many.sender, many.own[FRESH:], sizes.written)
    return [
        _act_line(sizes, "make a number known, one grant", took, "make known"),
        _act_line(sizes, "release one record", took, "release"),
        _act_line(sizes, f"change an event with {sizes.at_event} grants, which takes them back", took, "there"),
        _act_line(sizes, "change it back, which gives them again", took, "back"),
        *lines,
    ]


def _act_line(sizes: Sizes, what: str, took: dict[str, Took], name: str) -> Line:
    many, few = took[f"{name} many"], took[f"{name} few"]
    return Line(
        f"{what}: at {sizes.many:,} entries and {sizes.booths} booths, of the same at {sizes.few:,}",
        _milliseconds(many),
        _milliseconds(few),
        many.cpu / few.cpu,
        at_most(3),
    )


def _milliseconds(took: Took) -> str:
    return f"{took.cpu * 1e3:.1f} ({took.wall * 1e3:.1f}) ms"


def _make_known(town: Town, number: int) -> None:
    moved = do(town.ground.hub, make_known, town.unknown[number]).moved
    assert moved.given == 1


def _release(town: Town, number: int) -> None:
    moved = do(town.ground.hub, release, town.booth.kiosk, (town.held[number],), int(Reason.TIME)).moved
    assert moved.given == 1


def _change(town: Town, window: tuple[int, int]) -> None:
    """Move an event's hours."""
    activities = (helping(HELPING),)
    event, allotment = town.own[CHANGED], town.ground.allotment
    do(town.ground.hub, change_event, event, town.version, "行事", *window, allotment, activities)
    town.version += 1


def _posted_at(town: Town) -> int:
    """Return how many grants stand posted at the event that is changed."""
    with town.ground.hub.store.reading() as connection:
        turns = row(
            connection,
            "SELECT coalesce(sum(sign(points)), 0) AS posted FROM transfer WHERE event = :event",
            event=town.own[CHANGED],
        )
    return int(turns.posted)


@contextmanager
def _town(folder: Path, sizes: Sizes) -> Iterator[Town]:
    """Found a hub, fill it, and let one booth send what the acts will touch."""
    windows = [*[WINDOW] * sizes.events, WINDOW, WINDOW, LONG_AGO, *[WINDOW] * sizes.fresh]
    with laid(folder, sizes.members, len(windows), windows=windows) as ground:
        began = time.perf_counter()
        sent = min(sizes.sent_by_one, sizes.many)
        _fill(ground, sizes, sizes.many - sent)
        own = ground.events[sizes.events :]
        booth, sender = let_in(ground, "見本1", own[:FRESH]), let_in(ground, "見本2", own[FRESH:])
        take_batch(ground.hub, sender.batch([sender.opened]))
        unknown = [_number(ground) for _ in range(sizes.rounds)]
        _send(ground, booth, _bodies(ground, own, sizes, unknown, sent - 1))
        click.echo(f"filled {sizes.many:,} entries in {time.perf_counter() - began:.0f} s", err=True)
        yield Town(ground, booth, sender, unknown, _held_for_time(ground, booth), own)


def _bodies(ground: Ground, own: tuple[int, ...], sizes: Sizes, unknown: list[int], count: int) -> list[Grant]:
    """Return what one booth grants: those for unknown numbers and those that will be held lie among its usual ones."""
    held = grants(ground, own[OVER], ground.members[: sizes.rounds])
    usual_count = count - sizes.at_event - len(held) - len(unknown)
    usual = grants(ground, own[USUAL], ground.members[:usual_count])
    mixed = [*held, *grants(ground, own[USUAL], unknown), *usual]
    ground.chance.shuffle(mixed)
    changed = grants(ground, own[CHANGED], ground.members[: sizes.at_event])
    half = len(mixed) // 2
    return [*mixed[:half], *changed, *mixed[half:]]


def _send(ground: Ground, booth: Booth, bodies: list[Grant]) -> None:
    take_batch(ground.hub, booth.batch([booth.opened]))
    for start in range(0, len(bodies), SENDING):
        take_batch(ground.hub, booth.batch(bodies[start : start + SENDING]))


def _held_for_time(ground: Ground, booth: Booth) -> list[tuple[int, bytes]]:
    with ground.hub.store.reading() as connection:
        found = rows(
            connection,
            "SELECT seq, hash FROM aside WHERE kiosk = :kiosk AND reasons = :time ORDER BY seq",
            kiosk=booth.kiosk,
            time=int(Reason.TIME),
        )
    return [(one.seq, bytes(one.hash)) for one in found]


def _fill(ground: Ground, sizes: Sizes, entries: int) -> None:
    """Let other booths have sent so many entries: each at an event, with members that nobody else has there."""
    others = sizes.booths - 1
    queues = {event: iter(_shuffled(ground)) for event in ground.events[: min(others, sizes.events)]}
    for number in range(others):
        count = entries * (number + 1) // others - entries * number // others
        event = ground.events[number % sizes.events]
        _fill_one(ground, event, list(islice(queues[event], count - sizes.held_each)), sizes.held_each)


def _shuffled(ground: Ground) -> list[int]:
    return ground.chance.sample(ground.members, len(ground.members))


def _fill_one(ground: Ground, event: int, people: list[int], held: int) -> None:
    booth, randbytes = let_in(ground, f"見本{event}", (event,)), ground.chance.randbytes
    posted = [eligible(ground, seq, randbytes(32), one) for seq, one in enumerate(grants(ground, event, people), 1)]
    judged = [*posted, *(_unknown(ground, event, len(posted) + 1 + more) for more in range(held))]
    last = judged[-1]

    def work(connection: sa.Connection) -> None:
        write_entries(connection, [(booth.kiosk, one.seq, one.hash, NOW_MS, randbytes(ENTRY_LENGTH)) for one in judged])
        post(connection, booth.kiosk, [Change(None, one) for one in judged], NOW_MS)
        progress = lock_progress(connection, booth.kiosk, NOW_MS)
        cursor = Head(last.seq, last.hash)
        progress = progress._replace(head_seq=last.seq, cursor=cursor, last_arrival_ms=NOW_MS)
        write_progress(connection, booth.kiosk, progress)

    ground.hub.store.run(work)


def _unknown(ground: Ground, event: int, seq: int) -> Standing:
    """Return the standing of a grant for a number that the hub does not know."""
    granted = grant(ground, event, _number(ground))
    standing = eligible(ground, seq, ground.chance.randbytes(32), granted)
    return standing._replace(candidacy=Candidacy.HELD, reasons=Reason.MEMBER_UNKNOWN)


def _number(ground: Ground) -> int:
    return with_check_digits(ground.chance.randrange(10**12))
