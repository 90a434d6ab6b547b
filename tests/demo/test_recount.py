"""The recount finds whatever is missing, added or counted wrongly between the journals and the hub's database."""

import unicodedata
from collections.abc import Callable

import pytest
from hub_world import VISIT_POINTS, Booth, World

from demo.capture import batches_in
from demo.cast import Total
from demo.evidence import read_hub
from demo.processes import Line
from demo.reckoning import screen_checks
from demo.recount import Aside, Books, HubBooks, KioskSums, Posting, checks, recount, sum_of
from demo.report import Result, as_object, table
from hub.store.database import Store
from sync.http import BATCHES_PATH

ONE = Total(1, VISIT_POINTS)
NONE = Total()


def books_of(world: World, *booths: Booth) -> Books:
    journals = {booth.kiosk: tuple(entry.encoded for entry in booth.entries) for booth in booths}
    with world.store.reading() as connection:
        return Books(journals, read_hub(connection))


def two_booths(store: Store) -> tuple[World, Booth, Booth]:
    """Two booths, one person of each their own, and one who came to both."""
    world = World(store)
    booths = sorted((world.booth("受付1"), world.booth("受付2")), key=lambda booth: booth.kiosk)
    for number, booth in enumerate(booths):
        booth.grant(number)
        booth.grant(9)
    return world, booths[0], booths[1]


def failing(books: Books) -> set[str]:
    """What does not hold, without the kiosk's number before it."""
    return {check.what.split(": ")[-1] for check in checks(books, recount(books)) if not check.holds}


def result_of(books: Books, scans: int = 4) -> Result:
    sums = {kiosk.hex()[:4]: one for kiosk, one in recount(books).items()}
    return Result(sums, checks(books, recount(books)), scans, 3.25, 2, {"booth": 1, "hub": 1}, 7)


def test_where_all_has_arrived_nothing_is_missing_and_all_balances(store: Store) -> None:
    world, first, second = two_booths(store)
    first.send()
    second.send()

    books = books_of(world, first, second)

    sums = recount(books)
    two = Total(2, 2 * VISIT_POINTS)
    assert sums[first.kiosk] == KioskSums(two, NONE, two, NONE, posted=two)
    assert sums[second.kiosk] == KioskSums(two, NONE, two, NONE, posted=ONE, duplicate=ONE)
    assert failing(books) == set()


def test_an_entry_the_hub_never_got_is_missing_and_the_equation_still_holds(sqlite: Store) -> None:
    world, first, second = two_booths(sqlite)
    first.send()
    second.send(last_seq=2)

    books = books_of(world, first, second)

    sums = recount(books)[second.kiosk]
    assert (sums.signed, sums.arrived, sums.unsent, sums.missing) == (Total(2, 2 * VISIT_POINTS), ONE, ONE, 1)
    assert failing(books) == set()
    assert not result_of(books).is_good


def test_an_opening_that_has_not_arrived_is_missing_too(sqlite: Store) -> None:
    world, first, second = two_booths(sqlite)
    for booth in (first, second):
        booth.send()
        booth.add(booth.opened())

    assert sum_of(recount(books_of(world, first, second)).values()).missing == 2


def drop_posting(hub: HubBooks) -> HubBooks:
    gone = hub.postings[0]
    balances = {**hub.balances, gone.member: (0, 0)}
    counts = {**hub.counts, (gone.kiosk, "posted"): NONE}
    return hub._replace(
        postings=hub.postings[1:], balances=balances, counts=counts, accounts=(*hub.accounts, gone.points)
    )


def judge_twice(hub: HubBooks) -> HubBooks:
    posted = hub.postings[0]
    twice = Aside(posted.kiosk, posted.hash, "held", posted.points, "time")
    return hub._replace(asides=(*hub.asides, twice), counts={**hub.counts, (posted.kiosk, "held"): ONE})


def post_less(hub: HubBooks) -> HubBooks:
    first, *others = hub.postings
    held, owed = hub.balances[first.member]
    return hub._replace(
        postings=(first._replace(points=first.points - 10), *others),
        balances={**hub.balances, first.member: (held - 10, owed)},
        accounts=(*hub.accounts, 10),
    )


def post_out_of_nothing(hub: HubBooks) -> HubBooks:
    stray = Posting(hub.postings[0].kiosk, bytes(32), hub.postings[0].member, 0)
    return hub._replace(postings=(*hub.postings, stray._replace(points=10), stray._replace(points=-5)))


def turn(amount: int) -> Callable[[HubBooks], HubBooks]:
    return lambda hub: hub._replace(accounts=(*hub.accounts, amount))


def overpay(hub: HubBooks) -> HubBooks:
    member, (held, owed) = next(iter(hub.balances.items()))
    return hub._replace(balances={**hub.balances, member: (held + 1, owed)}, accounts=(*hub.accounts, -1))


def count_wrongly(hub: HubBooks) -> HubBooks:
    kiosk, verdict = next(key for key in hub.counts if key[1] == "posted")
    return hub._replace(counts={**hub.counts, (kiosk, verdict): Total(9, 9)})


def store_twice(hub: HubBooks) -> HubBooks:
    return hub._replace(entries=(*hub.entries, hub.entries[0]))


EQUATION = "arrived = waiting + posted + duplicate + held + dismissed"
DESK = "what the desk counts is what the ledger holds"


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (drop_posting, {"waiting for a verdict"}),
        (judge_twice, {EQUATION, "grants with two verdicts"}),
        (post_less, {EQUATION, DESK}),
        (
            post_out_of_nothing,
            {EQUATION, DESK, "verdicts on what is no grant that has arrived", "members hold what was posted to them"},
        ),
        (turn(1), {"trial balance"}),
        (turn(-50), {"trial balance"}),
        (overpay, {"members hold what was posted to them"}),
        (count_wrongly, {DESK}),
        (store_twice, {"entries stored twice"}),
    ],
)
def test_every_planted_fault_is_named(sqlite: Store, fault: Callable[[HubBooks], HubBooks], named: set[str]) -> None:
    world = World(sqlite)
    booth = world.booth()
    booth.grant(0)
    booth.send()
    books = books_of(world, booth)

    planted = books._replace(hub=fault(books.hub))

    assert failing(books) == set()
    assert failing(planted) == named
    assert not result_of(planted).is_good


def test_an_entry_that_is_in_no_journal_is_named(sqlite: Store) -> None:
    world, first, second = two_booths(sqlite)
    first.send()
    second.send()
    second.entries.pop()

    books = books_of(world, first, second)

    assert failing(books) == {"entries at the hub that are in no journal", "signed = arrived + not yet arrived"}


def test_an_ok_that_is_not_in_the_journal_is_named(sqlite: Store) -> None:
    world, first, second = two_booths(sqlite)
    books = books_of(world, first, second)
    kept: Line = {"outcome": "received", "seq": 2, "event": world.event, "points": VISIT_POINTS}
    refused: Line = {"outcome": "call_staff", "seq": None, "event": world.event, "points": None}
    wrong = [{**kept, "seq": 4}, {**kept, "points": 51}, {**kept, "event": world.event + 1}, {**kept, "seq": 1}]

    true = screen_checks(books, [first.kiosk], [[kept, refused]])
    false = screen_checks(books, [first.kiosk], [[kept, *wrong]])
    twice = screen_checks(books, [first.kiosk], [[kept, kept]])

    assert [check.found for check in true] == [[]]
    assert [check.found for check in false] == [[1, 2, 2, 4]]
    assert [check.found for check in twice] == [[2]]


def test_the_object_counts_grants_and_says_what_failed(sqlite: Store) -> None:
    world, first, second = two_booths(sqlite)
    first.send()
    second.send()
    books = books_of(world, first, second)

    good = as_object(result_of(books))
    bad = as_object(result_of(books._replace(hub=count_wrongly(books.hub))))

    expected = {"scans": 4, "signed": 4, "arrived": 4, "waiting": 0, "posted": 3, "duplicate": 1, "held": 0}
    assert {name: good[name] for name in expected} == expected
    assert (good["missing"], good["balanced"], good["offline_seconds"], good["failed"]) == (0, True, 3.2, [])
    assert bad["balanced"] is False
    assert len(bad["failed"]) == 1  # type: ignore[arg-type]  # a list of sentences


def columns(text: str) -> int:
    """How wide a terminal shows it."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def test_the_table_stands_in_columns_whatever_the_width_of_its_words(sqlite: Store) -> None:
    sums = KioskSums(Total(1234, 61700), NONE, Total(1234, 61700), NONE, Total(1234, 61700))

    lines = table({"受付1": sums}).splitlines()

    assert lines[2].split() == ["受付1", "件", "1,234", "1,234", "0", "1,234", "0", "0", "0", "0"]
    assert columns(lines[3].partition("61,700")[0]) + len("61,700") == lines[1].index("signed") + len("signed")


def request(path: str, body: bytes, length: int | None = None) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\ncontent-length: {len(body) if length is None else length}\r\n\r\n"
    return head.encode() + body


def test_batches_are_found_in_what_each_connection_sent() -> None:
    first = request(BATCHES_PATH, b"one\r\n\r\n") + b"GET /sync/v1/keys HTTP/1.1\r\nHost: x\r\n\r\n"
    first += request("/other", b"no batch") + request(BATCHES_PATH, b"two")
    cut_off = request(BATCHES_PATH, b"three") + request(BATCHES_PATH, b"fo", length=4)

    found = batches_in([first, b"", cut_off, request(BATCHES_PATH, b"five")])

    assert found == [b"one\r\n\r\n", b"two", b"three", b"five"]
