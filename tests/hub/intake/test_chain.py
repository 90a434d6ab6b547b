"""How entries hang together: main branch, cursor, holes, forks, fences. Pure, on made-up hashes."""

from __future__ import annotations

import pytest

from hub.intake.chain import Line, Lines, Link, branches, cursor_on_branch, fork_seq, fork_tip
from hub.intake.reasons import Reason
from sync.head import Head

ROOT = b"root"
NO_LINES = Lines()


def chain(names: str, prev: bytes = ROOT, first_seq: int = 1) -> list[Link]:
    """Return links a → b → c …, each named by a letter."""
    links = []
    for seq, name in enumerate(names, first_seq):
        links.append(Link(seq, name.encode(), prev))
        prev = name.encode()
    return links


def names(links: list[Link]) -> str:
    return "".join(link.hash.decode() for link in links)


def test_a_plain_chain_is_all_main_and_its_cursor_is_the_last() -> None:
    tree = branches(chain("abc"), ROOT, NO_LINES, {})

    assert (names(tree.main), tree.cursor, tree.aside, tree.beyond) == ("abc", Head(3, b"c"), {}, ())


def test_nothing_arrived_leaves_the_cursor_before_the_first() -> None:
    assert branches([], ROOT, NO_LINES, {}).cursor == Head(0, ROOT)


def test_what_follows_a_hole_is_aside_and_named_as_beyond() -> None:
    links = [link for link in chain("abcdefg") if link.seq not in {3, 6}]

    tree = branches(links, ROOT, NO_LINES, {})

    assert (names(tree.main), tree.beyond) == ("ab", ((4, 5), (7, 7)))
    assert set(tree.aside.values()) == {Reason.HOLE}


def test_an_accepted_hole_is_stepped_over_and_its_late_entries_find_their_place() -> None:
    links = [link for link in chain("abcdef") if link.seq not in {3, 4}]

    accepted = branches(links, ROOT, NO_LINES, {3: 4})
    late = branches([*links, chain("abcdef")[3]], ROOT, NO_LINES, {3: 4})

    assert (names(accepted.main), accepted.cursor) == ("abef", Head(6, b"f"))
    assert names(late.main) == "abdef"


@pytest.mark.parametrize(
    ("other", "seq"),
    [
        (Link(3, b"x", b"b"), 3),
        (Link(4, b"x", b"y"), 3),
        (Link(1, b"x", b"stranger"), 0),
    ],
    ids=["same number", "another parent", "another root"],
)
def test_two_attested_hashes_for_a_number_are_a_fork(other: Link, seq: int) -> None:
    assert fork_seq([*chain("abc"), other], ROOT) == seq


def test_a_chain_with_a_hole_is_no_fork() -> None:
    assert fork_seq([link for link in chain("abcdef") if link.seq != 3], ROOT) is None


def test_behind_a_fence_only_ancestors_of_the_tip_are_judged() -> None:
    links = [*chain("abcd"), *chain("xy", prev=b"b", first_seq=3)]

    tree = branches(links, ROOT, Lines(fork=Line(Head(3, b"c"), Reason.FORK, 3)), {})

    assert (names(tree.main), tree.cursor) == ("abc", Head(3, b"c"))
    assert tree.aside == {b"d": Reason.FORK, b"x": Reason.FORK, b"y": Reason.FORK}


def test_the_cursor_of_a_branch_is_the_wanted_entry_once_all_before_it_has_arrived() -> None:
    links = [*chain("abcd"), *chain("xy", prev=b"b", first_seq=3)]
    otherwise = Head(4, b"d")

    assert cursor_on_branch(links, [Head(4, b"y")], {}, otherwise) == Head(4, b"y")
    assert cursor_on_branch(links, [Head(9, b"z"), Head(3, b"x")], {}, otherwise) == Head(3, b"x")
    assert cursor_on_branch(links[1:], [Head(4, b"y")], {}, otherwise) == otherwise


def test_a_stop_holds_what_comes_after_its_tip_and_the_cursor_goes_on() -> None:
    lines = Lines(drawn=Line(Head(2, b"b"), Reason.STOPPED))

    tree = branches(chain("abcd"), ROOT, lines, {})

    assert (names(tree.main), tree.cursor) == ("ab", Head(4, b"d"))
    assert tree.aside == {b"c": Reason.STOPPED, b"d": Reason.STOPPED}


def test_behind_a_stop_and_a_hole_an_entry_has_both_reasons() -> None:
    links = [link for link in chain("abcd") if link.seq != 3]
    lines = Lines(drawn=Line(Head(2, b"b"), Reason.WITHDRAWN))

    assert branches(links, ROOT, lines, {}).aside == {b"d": Reason.WITHDRAWN | Reason.HOLE}


def test_a_withdrawal_may_lie_before_a_forks_tip() -> None:
    links = [*chain("abcd"), *chain("xy", prev=b"b", first_seq=3)]
    lines = Lines(Line(Head(4, b"d"), Reason.FORK, 3), Line(Head(1, b"a"), Reason.WITHDRAWN))

    tree = branches(links, ROOT, lines, {})

    assert names(tree.main) == "a"
    assert tree.aside[b"d"] == Reason.WITHDRAWN
    assert tree.aside[b"x"] == Reason.WITHDRAWN | Reason.FORK


@pytest.mark.parametrize("by_then", ["ab", "a", ""])
def test_a_forks_tip_is_at_least_the_whole_chain_before_the_forked_number(by_then: str) -> None:
    links = [*chain("abcd"), *chain("z", prev=b"c", first_seq=4)]
    cursor = Head(len(by_then), by_then[-1:].encode() or ROOT)

    assert fork_tip(links, 4, cursor, {}) == Head(3, b"c")


def test_a_forks_tip_is_the_cursor_where_that_is_beyond_the_forked_number() -> None:
    links = [*chain("abcd"), *chain("x", prev=b"a", first_seq=2)]

    assert fork_tip(links, 2, Head(4, b"d"), {}) == Head(4, b"d")


def test_a_hole_of_a_million_million_numbers_is_stepped_over_at_once() -> None:
    far = 10**12
    links = [*chain("ab"), Link(far, b"y", b"x")]
    lines = Lines(fork=Line(Head(far, b"y"), Reason.FORK, far))

    assert names(branches(links, ROOT, lines, {3: far - 1}).main) == "aby"
    assert names(branches(links, ROOT, NO_LINES, {3: far - 1}).main) == "aby"


def test_a_hole_on_the_way_to_a_forks_tip_cuts_what_lies_behind_it_until_it_is_accepted() -> None:
    links = [*(link for link in chain("abcdef") if link.seq != 4), *chain("xy", prev=b"b", first_seq=3)]
    lines = Lines(fork=Line(Head(6, b"f"), Reason.FORK, 3))

    cut = branches(links, ROOT, lines, {})
    accepted = branches(links, ROOT, lines, {4: 4})

    assert (names(cut.main), cut.cursor) == ("abc", Head(3, b"c"))
    assert (cut.aside[b"e"], cut.aside[b"x"]) == (Reason.HOLE, Reason.FORK)
    assert (names(accepted.main), accepted.cursor) == ("abcef", Head(6, b"f"))


def test_of_another_fork_below_a_forks_line_the_branch_that_arrived_first_counts() -> None:
    shared, first = chain("abcd"), Link(5, b"e", b"d", arrived_ms=10)
    links = [*shared, first, Link(5, b"A", b"d", arrived_ms=20), Link(6, b"B", b"A", arrived_ms=20)]
    lines = Lines(fork=Line(Head(2, b"b"), Reason.FORK, 7))

    tree = branches(links, ROOT, lines, {})
    later = branches([*links, Link(6, b"f", b"e", arrived_ms=30)], ROOT, lines, {})

    assert (names(tree.main), tree.cursor) == ("abcde", Head(5, b"e"))
    assert tree.aside == {b"A": Reason.FORK, b"B": Reason.FORK}
    assert names(later.main) == "abcdef"


def test_what_turns_up_in_an_accepted_hole_and_does_not_fit_takes_nothing_back() -> None:
    before = [*chain("abc"), *chain("efg", prev=b"D", first_seq=5)]
    late = Link(4, b"D", b"another c", arrived_ms=50)
    lines = Lines(fork=Line(Head(7, b"g"), Reason.FORK, 3))

    accepted = branches(before, ROOT, NO_LINES, {4: 4})
    filled = branches([*before, late], ROOT, lines, {4: 4})

    assert names(accepted.main) == "abcefg"
    assert (names(filled.main), filled.cursor) == ("abcefg", accepted.cursor)
    assert filled.aside == {b"D": Reason.FORK}


def test_what_comes_after_a_withdrawal_in_an_accepted_hole_counts_only_if_an_entry_from_before_names_it() -> None:
    known = [*chain("ab"), *chain("fg", prev=b"e", first_seq=6)]
    invented = [Link(3, b"x", b"b", arrived_ms=50)]
    named = [Link(4, b"d", b"c", arrived_ms=60), Link(5, b"e", b"d", arrived_ms=60)]
    lines = Lines(drawn=Line(Head(7, b"g"), Reason.WITHDRAWN, since_ms=40))

    tree = branches([*known, *invented, *named], ROOT, lines, {3: 5})

    assert names(tree.main) == "abdefg"
    assert tree.aside == {b"x": Reason.WITHDRAWN}


def test_over_a_hole_a_branch_is_not_taken_for_another_ones() -> None:
    own = [link._replace(arrived_ms=50) for link in chain("XY", prev=b"b", first_seq=3)]
    links = [*chain("ab"), *own, *chain("cd", prev=b"b", first_seq=3), *chain("gh", prev=b"F", first_seq=7)]
    head, last_sent = Head(8, b"h"), Head(4, b"Y")

    cursor = cursor_on_branch(links, [head, last_sent], {5: 6}, Head(8, b"h"))

    assert cursor == last_sent
