"""Thirty and more bugs to plant, each a small change that somebody could make. The first are faults that were once
found in this hub from outside, the others are their kin.

`right` stands exactly once in its file, and `wrong` takes its place; `tests` are pytest's arguments, of which at least
one test must turn red. `docs/proof.md` holds what found them last.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Bug(NamedTuple):
    """One small change for the worse."""

    name: str
    file: str
    right: str
    wrong: str
    tests: tuple[str, ...]


_SETTLE: Final = ("tests/hub/intake/test_settle.py",)
_JUDGE: Final = ("tests/hub/intake/test_judge.py",)
_INTERVALS: Final = ("tests/hub/intake/test_intervals.py",)
_CHAIN: Final = ("tests/hub/intake/test_chain.py",)
_THERE_AND_BACK: Final = ("tests/hub/ledger/test_there_and_back.py", "-k", "sqlite")
_EDGES: Final = ("tests/hub/intake/test_edges.py",)
_CHANGED_MINDS: Final = ("tests/hub/acts/test_changed_minds.py", "-k", "sqlite")
_UNCOVERED: Final = ("tests/hub/acts/test_nothing_uncovered.py", "-k", "sqlite")
_ACTS: Final = ("tests/hub/acts", "-k", "not postgres")

BUGS: Final = (
    Bug(
        "A1: take a returning claim for a new one",
        "hub/ledger/posting.py",
        "fresh = [new for old, new in changes if old is None and new is not None",
        "fresh = [new for old, new in changes if new is not None",
        _THERE_AND_BACK,
    ),
    Bug(
        "A2: do what takes back more than was shown",
        "hub/acts/doing.py",
        "if moved.taken > shown.taken or moved.points_taken > shown.points_taken:",
        "if moved.taken < 0:",
        _ACTS,
    ),
    Bug(
        "A4: believe the booth's day",
        "hub/intake/intervals.py",
        "    if first == last:\n        return first\n    if not first <= reading.day <= last:",
        "    if first == last:\n        return reading.day\n    if not first <= reading.day <= last:",
        _INTERVALS,
    ),
    Bug(
        "A5: forget this boot's monotonic clock at the booth",
        "kiosk/boothtime.py",
        "return earlier.boot == now.boot and now.monotonic_ms - earlier.monotonic_ms < SAME_DAY_MS",
        "return city_day(earlier.wall_ms) == city_day(now.wall_ms)",
        ("tests/kiosk/test_same_day.py",),
    ),
    Bug(
        "A6: take an older manifest that is named again",
        "hub/intake/offers.py",
        "reasons = Reason.MANIFEST_OLD if is_old else NONE",
        "reasons = NONE",
        _JUDGE,
    ),
    Bug(
        "A8: do the same form twice",
        "hub/acts/doing.py",
        "    return before\n\n\ndef _made(",
        "    return None\n\n\ndef _made(",
        _ACTS,
    ),
    Bug(
        "A9: forget the act's row",
        "hub/acts/doing.py",
        "            _write(doing, kind, content, typed, text(**values))\n",
        "",
        _ACTS,
    ),
    Bug(
        "A10: walk a hole number by number",
        "hub/intake/chain.py",
        "place = bisect_right(ordered, seq - 1, key=lambda link: link.seq)",
        "place = next((n for at in range(seq - 1, 0, -1) for n, link in enumerate(ordered, 1) if link.seq == at), 0)",
        _CHAIN,
    ),
    Bug(
        "A13: set aside reasons that were not shown",
        "hub/intake/judge.py",
        "reasons &= ~(decision.reasons & RELEASABLE)",
        "reasons = NONE",
        _JUDGE,
    ),
    Bug(
        "A15: keep a row that no standing explains",
        "hub/intake/judging.py",
        "    changes += _without_standing(kept, {(one.seq, one.hash) for one in standings})\n    if only is not None:",
        "    if only is not None:",
        _EDGES,
    ),
    Bug(
        "A17: overlook another account or other points",
        "hub/intake/settle.py",
        "if (standing.worth if standing else None) != (wins.worth if wins else None):",
        "if (standing.identity if standing else None) != (wins.identity if wins else None):",
        _SETTLE,
    ),
    Bug(
        "A18: take the cursor for a fork's tip, whatever lies before the fork",
        "hub/intake/chain.py",
        "    last = max(fork.tip.seq, fork.fork_seq - 1)\n",
        "    last = fork.tip.seq\n",
        _EDGES,
    ),
    Bug(
        "A19: use numbers again after a restore",
        "hub/register/numbers.py",
        "return max(highest + 1, (known[-1].opened_ms - _FROM_2020_MS) // 1_000)",
        "return highest + 1",
        ("tests/hub/register", "tests/hub/acts", "-k", "not postgres"),
    ),
    Bug(
        "A21: flag what is over a limit only among what has just come",
        "hub/ledger/daily_limits.py",
        "    groups = {Group(key.event, key.bucket, key.member, key.activity) for key in touched}\n",
        "    groups: set[Group] = set()\n",
        ("tests/hub/ledger/test_daily_limits.py", "-k", "sqlite"),
    ),
    Bug(
        "F2: let a moment go back with the clock",
        "hub/intake/moment.py",
        "return max(hub.wall_ms(), _known_ms(connection, kiosk, after_arrivals_ms=0) + 1)",
        "return hub.wall_ms()",
        ("tests/hub/intake/test_moment.py", "-k", "sqlite"),
    ),
    Bug(
        "F4: take back by what is learnt later",
        "hub/intake/judge.py",
        "at_arrival = interval(signed, known, attested.arrived_ms)",
        "at_arrival = interval(signed, known, FOR_EVER_MS)",
        _JUDGE,
    ),
    Bug(
        "believe every time sample",
        "hub/intake/intervals.py",
        "return is_quick and floor_ms - BELIEVED_WITHIN_MS <= clock.hub_ms <= arrived_ms + BELIEVED_WITHIN_MS",
        "return True",
        (*_INTERVALS, *_JUDGE),
    ),
    Bug(
        "believe a clock that nobody has set",
        "hub/intake/intervals.py",
        "if reading.trust == Trust.HUB or",
        "if reading.trust >= Trust.NONE or",
        _INTERVALS,
    ),
    Bug(
        "let the claim that came first stay",
        "hub/intake/settle.py",
        "    wins = winner(claims)\n",
        "    wins = standing if standing in claims else winner(claims)\n",
        _SETTLE,
    ),
    Bug(
        "let owed points stand when the key gives again",
        "hub/intake/settle.py",
        "change = -min(points, one.on_key.owing) if one.sign > 0 else max(0, points - left[member])",
        "change = 0 if one.sign > 0 else max(0, points - left[member])",
        _SETTLE,
    ),
    Bug(
        "let a record beside the main branch use up the share",
        "hub/intake/judge.py",
        "if event is not None and not off:",
        "if event is not None:",
        _JUDGE,
    ),
    Bug(
        "count a void of another day",
        "hub/intake/voids.py",
        "0 <= void.monotonic_ms - grant.monotonic_ms < VOID_WITHIN_MS",
        "void.monotonic_ms >= grant.monotonic_ms",
        _JUDGE,
    ),
    Bug(
        "take any occasion of a once activity",
        "hub/intake/occasions.py",
        "return (None, Reason.OCCASION) if is_wrong else (Occasion(0), NONE)",
        "return (Occasion(grant.occasion), NONE)",
        _JUDGE,
    ),
    Bug(
        "hold what had arrived before an account was ended",
        "hub/intake/judge.py",
        "return Reason.MEMBER_ENDED if arrived_ms >= now.since_ms else NONE",
        "return Reason.MEMBER_ENDED",
        _JUDGE,
    ),
    Bug(
        "judge what comes after a stop",
        "hub/intake/chain.py",
        "        if link.seq > drawn.tip.seq or is_late:\n",
        "        if is_late:\n",
        _CHAIN,
    ),
    Bug(
        "overlook earlier grants that a void names",
        "hub/intake/judging.py",
        "touched = voided_before | before_first_sample(connection, kiosk, progress, samples)",
        "touched = before_first_sample(connection, kiosk, progress, samples)",
        ("tests/hub/intake/test_arrival.py", "-k", "sqlite"),
    ),
    Bug(
        "judge nothing earlier again when a sample comes",
        "hub/intake/judging.py",
        "    touched -= {(one.seq, one.hash) for one in fresh}\n",
        "    touched = voided_before - {(one.seq, one.hash) for one in fresh}\n",
        _EDGES,
    ),
    Bug(
        "keep a fold without its boot's sample",
        "hub/intake/judge.py",
        "        if self.sample is None:\n            self.sample = _sample(attested, clock, stamp)\n",
        "",
        _EDGES,
    ),
    Bug(
        "judge again only what is new behind a filled hole",
        "hub/intake/judging.py",
        "is_forced = changed_from is not None and new.seq >= changed_from",
        "is_forced = False",
        ("tests/hub/acts/test_changed_minds.py", "-k", "sqlite"),
    ),
    Bug(
        "move no cover for a grant that no share covers",
        "hub/intake/reasons.py",
        "UNCOVERED = Reason.NOT_THIS_KIOSKS | Reason.FORK | Reason.STOPPED | Reason.WITHDRAWN",
        "UNCOVERED = Reason(0)",
        _ACTS,
    ),
    Bug(
        "give back what a lowered share has used",
        "hub/ledger/shares.py",
        "- max(limit, used.get(allotment, 0))",
        "- limit",
        ("tests/hub/acts/test_changed_minds.py", "tests/hub/acts/test_kiosks.py", "-k", "sqlite"),
    ),
    Bug(
        "go on although the hub's clock was set back",
        "hub/own_clock.py",
        "        if jump_ms < -TOLERATED_MS:\n            return Doubt.SET_BACK\n",
        "",
        ("tests/hub/test_own_clock.py",),
    ),
    Bug(
        "give one grant more than the share holds at the booth",
        "kiosk/scan.py",
        "if share_used + offer.points > offer.share.total + offer.share.reserve:",
        "if share_used > offer.share.total + offer.share.reserve:",
        ("tests/kiosk/test_scan.py", "tests/kiosk/test_booth.py"),
    ),
    Bug(
        "keep the moment under which a grant was posted first",
        "hub/intake/settle.py",
        "return (*self.identity, self.points, self.allotment, self.occurred_ms, self.occurred_from)",
        "return (*self.identity, self.points, self.allotment, 0, 0)",
        _CHANGED_MINDS,
    ),
    Bug(
        "let both branches of a second fork count",
        "hub/intake/chain.py",
        "        if known == (link.hash, link.prev):\n",
        "        if known:\n",
        _CHAIN,
    ),
    Bug(
        "look at one of two grants that a daily limit counts together",
        "hub/audit/some.py",
        "together = {key, *self._beside(key, limits)}",
        "together = {key}",
        ("tests/hub/audit/test_watch.py", "-k", "sqlite"),
    ),
    Bug(
        "let a withdrawn key fill a hole",
        "hub/intake/chain.py",
        "        is_late = link.arrived_ms > drawn.since_ms and (link.seq, link.hash) != named\n",
        "        is_late = False\n",
        _CHAIN,
    ),
    Bug(
        "let settings count before they were signed",
        "hub/intake/judge.py",
        "return manifest if manifest is not None and manifest.issued_ms < arrived_ms else None",
        "return manifest",
        _UNCOVERED,
    ),
    Bug(
        "reckon cover from the settings in force, not the newest named",
        "hub/intake/judge.py",
        "named = (self.newest[0].opened_ms, self.newest[1]) if self.newest else (0, 0)",
        "named = (self.manifest[0].opened_ms, self.manifest[1]) if self.manifest else (0, 0)",
        _UNCOVERED,
    ),
    Bug(
        "give a lowered share back while records are missing",
        "hub/intake/judging.py",
        "    whole = [one for place, one in enumerate(main, 1) if one.seq == place]\n",
        "    whole = main\n",
        _UNCOVERED,
    ),
    Bug(
        "let a replacement cover what arrives after it",
        "hub/intake/offers.py",
        "one.first_seq <= attested.seq <= one.last_seq and attested.arrived_ms <= one.since_ms",
        "one.first_seq <= attested.seq <= one.last_seq",
        _JUDGE,
    ),
    Bug(
        "let a boot that comes back void",
        "hub/intake/voids.py",
        "if one.entry is None or target.entry is None or starts.comes_back(one.entry.stamp.boot, one.seq):",
        "if one.entry is None or target.entry is None:",
        _JUDGE,
    ),
    Bug(
        "let a later sample move a day that a person told",
        "hub/intake/occasions.py",
        "        views.append((answer.done_ms, interval(signed, known, answer.done_ms)))\n",
        "        pass\n",
        _JUDGE,
    ),
    Bug(
        "give replaced grants what the rule has become",
        "hub/intake/offers.py",
        "now, activity = facts.events.get(replacement.event), replacement.offered",
        "now = facts.events[replacement.event]\n    activity = now.activities.get(replacement.activity)",
        _UNCOVERED,
    ),
    Bug(
        "count a grant on a day it was posted on before",
        "hub/ledger/daily_limits.py",
        "last = {one.occasion: one for one in turns}",
        "last = {(one.occasion, one.turn): one for one in turns}",
        ("tests/hub/ledger/test_daily_limits.py", "-k", "sqlite or day_is"),
    ),
)
