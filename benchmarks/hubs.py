"""Two hubs on one PostgreSQL: how much slower they are when people come to booths of both than when nobody does, and
whether they get into each other's way.

Each hub is a process of its own, as in real life: two threads of one Python would take turns anyway.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final, NamedTuple

import click
import msgspec

from benchmarks.ground import NOW_MS, Booth, Ground, grants, laid, let_in
from benchmarks.hub_process import Done
from benchmarks.postgres import postgres_url
from benchmarks.report import Line, at_least, at_most
from demo.processes import ROOT
from hub.intake.arrival import take_batch
from sync.batch import write_batch

HUBS: Final = 2
NONE_THERE: Final = "there is no PostgreSQL to start (./kumapo test brings it): two hubs are NOT measured"


class Sizes(NamedTuple):
    """How much is measured: batches of each hub in a round (an even number), and how many of a hundred members come to
    both.
    """

    rounds: int
    batches: int
    batch: int
    shared_percent: int


FULL: Final = Sizes(5, 20, 500, 10)
QUICK: Final = Sizes(1, 2, 20, 10)
ALONE, SHARED = "alone", "shared"


class Round(NamedTuple):
    """What both hubs did in one round: grants a second by the wall clock, and what went wrong on the way."""

    rate: float
    deadlocks: int
    retried: int
    batches: int


def measure(folder: Path, sizes: Sizes) -> list[Line]:
    """Let two hubs take batches at the same time: of people of their own, and of people who partly come to both."""
    with postgres_url(folder) as url:
        if not url:
            click.echo(NONE_THERE, err=True)
            return []
        return lines_of(sizes, _rounds(folder, url, sizes))


def lines_of(sizes: Sizes, rounds: dict[str, list[Round]]) -> list[Line]:
    """Return the figures."""
    alone, shared = (sorted(one.rate for one in rounds[name])[len(rounds[name]) // 2] for name in (ALONE, SHARED))
    every = rounds[SHARED]
    retried, batches = (sum(counts) for counts in zip(*((one.retried, one.batches) for one in every), strict=True))
    return [
        Line(
            f"two hubs on one PostgreSQL, {sizes.shared_percent} % of members at both, of none at both",
            f"{shared:,.0f} grants/s, by the wall clock",
            f"{alone:,.0f} grants/s",
            shared / alone,
            at_least(0.8),
        ),
        Line(
            "the same: deadlocks",
            f"in {batches} batches of {sizes.batch}",
            "",
            sum(x.deadlocks for x in every),
            at_most(0),
        ),
        Line(
            "the same: batches that were done again, %",
            f"{retried} of {batches}",
            "",
            100 * retried / batches,
            at_most(10),
        ),
    ]


def _rounds(folder: Path, url: str, sizes: Sizes) -> dict[str, list[Round]]:
    people = HUBS * sizes.batches * sizes.batch
    found: dict[str, list[Round]] = {ALONE: [], SHARED: []}
    with laid(folder / "ground", people, 2 * sizes.rounds, url) as ground, ExitStack() as stack:
        hubs = [stack.enter_context(_hub(folder, url, number)) for number in range(HUBS)]
        events = iter(ground.events)
        for name in [*found] * sizes.rounds:
            share = sizes.shared_percent if name == SHARED else 0
            files = _batches(folder, ground, next(events), sizes, share)
            found[name].append(_race(hubs, files))
    return found


def _race(hubs: list[subprocess.Popen[str]], files: list[Path]) -> Round:
    """Let every hub take its file of batches, all at the same time."""
    for hub, file in zip(hubs, files, strict=True):
        _pipe(hub.stdin).write(f"{file}\n")
        _pipe(hub.stdin).flush()
    done = [msgspec.json.decode(_pipe(hub.stdout).readline(), type=Done) for hub in hubs]
    seconds = max(one.ended for one in done) - min(one.begun for one in done)
    counts = (sum(one.deadlocks for one in done), sum(one.retried for one in done), sum(one.batches for one in done))
    return Round(sum(one.grants for one in done) / seconds, *counts)


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


def _batches(folder: Path, ground: Ground, event: int, sizes: Sizes, shared_percent: int) -> list[Path]:
    """Sign what a booth of each hub sends, all at one event; return a file of batches for each hub.

    Of each hundred members so many are at both booths: each such grant meets the other's. Half of them come to one
    booth first, half to the other, a batch apart.
    """
    booths = [let_in(ground, f"見本{event}-{number}", (event,)) for number in range(HUBS)]
    for booth in booths:
        take_batch(ground.hub, booth.batch([booth.opened]))
    people = iter(ground.chance.sample(ground.members, len(ground.members)))
    both = sizes.batch * shared_percent // 100
    shared = [list(itertools.islice(people, both)) for _ in range(sizes.batches)]
    sent: list[list[bytes]] = [[] for _ in booths]
    for number in range(sizes.batches):
        for place, (booth, batches) in enumerate(zip(booths, sent, strict=True)):
            others = itertools.islice(people, sizes.batch - both)
            batches.append(_batch(ground, booth, event, [*shared[number ^ place], *others]))
    files = [folder / f"{event}-{number}" for number in range(HUBS)]
    for file, batches in zip(files, sent, strict=True):
        file.write_bytes(msgspec.msgpack.encode(batches))
    return files


def _batch(ground: Ground, booth: Booth, event: int, members: list[int]) -> bytes:
    ground.chance.shuffle(members)
    return write_batch(booth.batch(grants(ground, event, members)))


@contextmanager
def _hub(folder: Path, url: str, number: int) -> Iterator[subprocess.Popen[str]]:
    """Start a hub as a process of its own, with the keys of the one that was founded."""
    arguments = [str(folder / "ground" / "hub"), url, str(NOW_MS)]
    with (
        (folder / f"complained-{number}").open("wb") as complained,
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.hub_process", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complained,
            text=True,
        ) as hub,
    ):
        try:
            yield hub
        finally:
            _pipe(hub.stdin).close()
            hub.wait()
