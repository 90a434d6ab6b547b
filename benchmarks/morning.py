"""A morning on which many booths boot and send, with somebody at the desk: how long its pages take meanwhile, and the
longest batch. The hub answers over HTTP; its booths have a long past there.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count, cycle
from pathlib import Path
from typing import Final, NamedTuple

import requests
from msgspec.structs import replace

from benchmarks.booth import percentile
from benchmarks.drain import served
from benchmarks.ground import NOW_MS, SOFTWARE, Booth, Ground, grants, laid, let_in
from benchmarks.report import Line, at_most
from hub.desk.base.gate import Gate
from hub.intake.arrival import take_batch
from hub.service import Hub
from hub.store.database import row, rows
from hub.wire.carriers import own_carrier
from sync.batch import write_batch
from sync.citytime import city_day
from sync.entry import Body, Clock, Opened, Stamp, Trust
from sync.http import HttpTransport


class Sizes(NamedTuple):
    """How many booths there are, what each has sent before, and what it sends on the morning, in batches of so many."""

    booths: int
    before: int
    batches: int
    batch: int
    threads: int


FULL: Final = Sizes(booths=80, before=10_000, batches=4, batch=500, threads=8)
QUICK: Final = Sizes(booths=4, before=40, batches=2, batch=10, threads=2)

FILL_BATCH: Final = 5_000
MORNING_MS: Final = NOW_MS + 22 * 3_600_000
"""On the second day of the events, which last three. The hub's clock is only ever turned forward."""
BOOTED_BEFORE_MS: Final = 15 * 60_000
BOOTS: Final = (bytes(16), bytes([1] * 16))
"""Yesterday's boot, and this morning's."""


class Waits(NamedTuple):
    """Seconds that each page of the desk and each batch took, by the wall clock, and how long all batches took."""

    pages: dict[str, list[float]]
    batches: list[float]
    seconds: float

    @property
    def all_pages(self) -> list[float]:
        """Return the seconds of all pages, the shortest first."""
        return sorted(seconds for waits in self.pages.values() for seconds in waits)


def measure(folder: Path, sizes: Sizes) -> list[Line]:
    """Give every booth its past, then let all of them boot and send while pages of the desk are fetched."""
    with laid(folder, sizes.before + sizes.batches * sizes.batch, sizes.booths) as ground:
        booths = [let_in(ground, f"見本{event}", (event,)) for event in ground.events]
        for booth, event in zip(booths, ground.events, strict=True):
            _give_past(ground, booth, event, sizes)
        ground.watch.now_ms = MORNING_MS
        sendings = [
            _mornings_batches(ground, booth, event, sizes) for booth, event in zip(booths, ground.events, strict=True)
        ]
        waits = _run(ground, [booth.kiosk for booth in booths], sendings, sizes.threads)
        _see_that_all_is_posted(ground, sizes)
        return lines_of(sizes, waits)


def _see_that_all_is_posted(ground: Ground, sizes: Sizes) -> None:
    """See that every grant is posted where its booth has signed it, so that this is an ordinary morning."""
    with ground.hub.store.reading() as connection:
        found = rows(connection, "SELECT verdict, sum(grants) AS grants FROM kiosk_count GROUP BY verdict")
        elsewhere = row(connection, "SELECT count(*) AS grants FROM placed").grants
    each = sizes.before + sizes.batches * sizes.batch - 2
    assert [(one.verdict, int(one.grants)) for one in found] == [("posted", sizes.booths * each)], found
    assert elsewhere == 0


def lines_of(sizes: Sizes, waits: Waits) -> list[Line]:
    """Return how long pages and batches took."""
    pages, batches = waits.all_pages, sorted(waits.batches)
    entries = len(batches) * sizes.batch
    ours = f"{entries / waits.seconds:,.0f} entries/s from {sizes.threads} threads, {len(pages)} pages meanwhile"
    name = f"{sizes.booths} booths with {sizes.before:,} entries each boot on one morning"
    slowest = max(waits.pages, key=lambda page: percentile(sorted(waits.pages[page]), 0.95))
    told = {page: percentile(sorted(times), 0.95) for page, times in waits.pages.items()}
    return [
        Line(
            f"{name}: desk pages, 95 of 100, seconds",
            ours,
            f"longest {pages[-1]:.2f} s; slowest: {slowest}, {told[slowest]:.2f} s",
            percentile(pages, 0.95),
            at_most(1),
        ),
        Line(
            "the same: the longest batch, seconds",
            f"half of them {percentile(batches, 0.5):.2f} s, 95 of 100 {percentile(batches, 0.95):.2f} s",
            "",
            batches[-1],
            at_most(5),
        ),
    ]


class Clerk:
    """Somebody who is signed in at the desk and opens one page after the other."""

    def __init__(self, address: str, gate: Gate) -> None:
        self._address = address
        self._session = requests.Session()
        page = self._session.get(f"{address}/desk/sign-in", params={"key": gate.unused_key or ""}).text
        fields = dict(_HIDDEN.findall(page))
        operator = _OPERATOR.search(page)
        assert operator is not None, page
        self._session.post(f"{address}/desk/sign-in", data={**fields, operator[1]: "1"}).raise_for_status()

    def close(self) -> None:
        """Go home."""
        self._session.close()

    def open(self, path: str) -> float:
        """Open a page; return how many seconds it took until all of it was there."""
        begun = time.perf_counter()
        answer = self._session.get(f"{self._address}{path}", allow_redirects=False)
        assert answer.status_code == requests.codes.ok, (path, answer.status_code)
        return time.perf_counter() - begun


_HIDDEN: Final = re.compile(r'<input[^>]*name="([^"]+)"[^>]*type="hidden"[^>]*value="([^"]*)"')
_OPERATOR: Final = re.compile(r'name="([^"]*operator)"')


def _run(ground: Ground, kiosks: list[bytes], sendings: list[list[bytes]], threads: int) -> Waits:
    """Send everything from several threads, a booth's batches in order, and fetch pages until all has arrived."""
    gate, is_over = Gate(ground.hub.random_bytes), threading.Event()
    pages: dict[str, list[float]] = {"front": [], "kiosks": [], "one kiosk": []}
    paths = cycle(
        (name, path)
        for kiosk in kiosks
        for name, path in zip(pages, ("/desk/", "/desk/kiosks/", f"/desk/kiosks/{kiosk.hex()}"), strict=True)
    )
    with served(ground.hub, gate) as address, closing(Clerk(address, gate)) as clerk:

        def look() -> None:
            while not is_over.is_set():
                name, path = next(paths)
                pages[name].append(clerk.open(path))

        with ThreadPoolExecutor(threads + 1) as pool:
            begun = time.perf_counter()
            looking = pool.submit(look)
            try:
                waits = [
                    wait for waits in pool.map(lambda one: _send(ground.hub, address, one), sendings) for wait in waits
                ]
                seconds = time.perf_counter() - begun
            finally:
                is_over.set()
            looking.result()
    return Waits(pages, waits, seconds)


def _send(hub: Hub, address: str, batches: Iterable[bytes]) -> list[float]:
    waits = []
    carrier = own_carrier(hub.keyring, hub.random_bytes(32), hub.wall_ms())
    with closing(HttpTransport(address, carrier)) as line:
        for encoded in batches:
            begun = time.perf_counter()
            line.post_batch(encoded)
            waits.append(time.perf_counter() - begun)
    return waits


def _give_past(ground: Ground, booth: Booth, event: int, sizes: Sizes) -> None:
    """Let a booth have sent everything of the day before, in one boot."""
    take_batch(ground.hub, booth.batch_at(zip([booth.opened], _stamps(booth, NOW_MS, BOOTS[0]), strict=False)))
    people = ground.members[: sizes.before]
    for start in range(0, len(people), FILL_BATCH):
        bodies = grants(ground, event, people[start : start + FILL_BATCH])
        take_batch(ground.hub, booth.quick_batch(zip(bodies, _stamps(booth, NOW_MS, BOOTS[0]), strict=False)))


def _mornings_batches(ground: Ground, booth: Booth, event: int, sizes: Sizes) -> list[bytes]:
    """Return what a booth sends: it opens without knowing the time, and the second batch brings a time sample."""
    people = iter(ground.members[sizes.before :])
    batches = []
    for number in range(sizes.batches):
        bodies = list(_firsts(booth, number))
        granted = grants(ground, event, [next(people) for _ in range(sizes.batch - len(bodies))])
        bodies += [replace(one, occasion=city_day(MORNING_MS)) for one in granted]
        batches.append(write_batch(booth.batch_at(zip(bodies, _stamps(booth, MORNING_MS, BOOTS[1]), strict=False))))
    return batches


def _firsts(booth: Booth, number: int) -> Iterator[Body]:
    if number == 0:
        yield Opened(SOFTWARE, booth.opened.manifest, MORNING_MS - BOOTED_BEFORE_MS)
    if number == 1:
        yield Clock(MORNING_MS, BOOTED_BEFORE_MS - 100, BOOTED_BEFORE_MS)


def _stamps(booth: Booth, now_ms: int, boot: bytes) -> Iterator[Stamp]:
    """Yield when a booth signs its next entries: from some minutes before now, each a little after the one before."""
    for since_boot_ms in count(booth.head.seq):
        yield Stamp(now_ms - BOOTED_BEFORE_MS + since_boot_ms, boot, since_boot_ms, int(Trust.CONFIRMED))
