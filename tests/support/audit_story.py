"""Random stories of a hub: booths sign whatever a booth can sign and some things that none should, and persons do every
act there is, in any order. What is refused changes nothing, which is part of the story.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from hub_held import ANY_REASON
from hub_world import HELP, SOFTWARE, Booth, World, as_new
from msgspec.structs import astuple
from wire_samples import MORNING_MS

from hub.acts import events, journal, kiosks, members, organisations
from hub.acts.decisions import dismiss, release, reopen_decision
from hub.acts.refusals import ActRefused
from hub.register.events import activities_of, newest_event
from hub.store.database import Store, rows
from sync.citytime import DAY_MS, city_day
from sync.codec import encode
from sync.entry import Clock, DayEnd, Opened, SignedEntry, Void, hash_of
from sync.envelope import ENTRY, MANIFEST, seal
from sync.manifest import Activity, OccasionBy, Slot, read_manifest
from sync.member import with_check_digits
from sync.rules import Fixed

PEOPLE = 8
BOOTHS_AT_MOST = 4
_UNKNOWN_MANIFEST = 99


class Story:
    """One story, told by a seed. `told` lists what has happened."""

    def __init__(self, store: Store, seed: int) -> None:
        chance = self.chance = random.Random(seed)
        world = self.world = World(store, people=PEOPLE, allotted=chance.choice([16_000, 100_000]), seed=seed)
        self.told: list[str] = []
        self.other = world.do(organisations.add_allotment, world.organisation, "別の枠", 2_000).made
        offered = (
            Activity(1, "一度", Fixed(50), OccasionBy.NONE, chance.choice([0, 1, 2])),
            Activity(2, "毎日", Fixed(70), OccasionBy.DAY, chance.choice([0, 1])),
            Activity(3, "回", Fixed(30), OccasionBy.SLOT, 2, (Slot(1, "午前"), Slot(2, "午後"))),
        )
        window = (MORNING_MS, MORNING_MS + 3 * DAY_MS)
        paid_by = chance.choice([world.allotment, self.other])
        self.event = world.do(events.add_event, "三日", *window, paid_by, as_new(offered)).made
        both = (world.event, self.event)
        self.booths = [
            world.booth("受付1", total=chance.choice([250, 5_000]), reserve=50, events=chance.choice([both[:1], both])),
            world.booth("受付2", total=chance.choice([300, 9_000]), events=both),
        ]
        self._step_ms = chance.choice([7, 60_000, 3 * 3_600_000])

    def step(self) -> None:
        """Let one more thing happen."""
        self.world.now_ms += self.chance.choice([self._step_ms, self._step_ms, 1_000, 13])
        booth = self.chance.choice(self.booths)
        deeds = self._signed(booth) if self.chance.random() < 0.55 else self._done(booth)
        name = self.chance.choice(sorted(deeds))
        self.told.append(name)
        try:
            deeds[name]()
        except ActRefused:
            self.told[-1] += " (refused)"

    def _signed(self, booth: Booth) -> dict[str, Callable[[], object]]:
        """Return what a booth may sign."""
        chance, world = self.chance, self.world
        person, today = chance.randrange(PEOPLE), city_day(world.now_ms)
        quantity, points = chance.choice([(30, 100), (130, 300)])
        odd: dict[str, Any] = chance.choice(
            [{"points": 51}, {"event": 77}, {"activity": 9}, {"occasion": 4}, {"expiry_day": 100}, {"quantity": 2}]
        )
        day = chance.choice([today, today, today + 1, city_day(MORNING_MS)])
        daily = booth.make_grant(person, event=self.event, activity=2, points=70, occasion=day)
        monotonic_ms = booth.stamp().monotonic_ms
        off_ms = chance.choice([0, 0, -500, 100_000, -100_000, 400_000, -400_000, DAY_MS])
        sample = Clock(max(0, world.now_ms + off_ms), max(0, monotonic_ms - 20), monotonic_ms)
        version = chance.choice([1, 1, _UNKNOWN_MANIFEST])
        named = chance.choice([None, (booth.manifest.instance, version)])
        return {
            "grant": lambda: booth.grant(person, issue=chance.choice([1, 1, 2, 3]), event=chance.choice([1, 2])),
            "grant again": lambda: booth.grant(person),
            "help": lambda: booth.grant(person, activity=HELP, occasion=day, quantity=quantity, points=points),
            "daily": lambda: booth.add(daily, booth.stamp(chance.choice([None, 1_000]), chance.choice([0, 1, 2]))),
            "slot": lambda: booth.grant(
                person, event=self.event, activity=3, points=30, occasion=chance.choice([1, 2, 3])
            ),
            "odd grant": lambda: booth.grant(person, **odd),
            "grant to a stranger": lambda: booth.grant(0, member=_stranger(chance)),
            "typed": lambda: booth.grant(person, how=1, kid=None, expiry_day=None, issue=0),
            "by an unknown key": lambda: booth.grant(person, kid=b"none"),
            "void": lambda: booth.add(Void(chance.randrange(1, max(2, len(booth.entries) + 1)), "まちがい")),
            "sample": lambda: booth.add(sample, booth.stamp(trust=2)),
            "reboot": lambda: self._reboot(booth),
            "opened": lambda: self._open(booth),
            "opened under another": lambda: booth.add(Opened(SOFTWARE, named, None)),
            "not understood": lambda: _sign_the_unknown(booth),
            "day end": lambda: booth.add(DayEnd(1, 1, 0, 0)),
        }

    def _done(self, booth: Booth) -> dict[str, Callable[[], object]]:
        """Return what may come to the hub, and what persons may do."""
        return {
            **self._sent(booth),
            **self._done_to_entries(booth),
            **self._done_to_kiosks(booth),
            **self._done_to_records(),
        }

    def _sent(self, booth: Booth) -> dict[str, Callable[[], object]]:
        number = self.chance.randrange(1, 7)
        beyond = min(booth.cursor_seq + number + 1, len(booth.entries) + 1)
        return {
            **dict.fromkeys(("send 1", "send 2", "send 3", "send 4"), booth.send),
            **dict.fromkeys(("send part 1", "send part 2"), lambda: booth.send(last_seq=booth.cursor_seq + number)),
            "skip ahead": lambda: booth.send(first_seq=beyond),
            "send again": lambda: booth.send(first_seq=1, last_seq=number),
            "clone": lambda: self._clone(booth),
        }

    def _done_to_entries(self, booth: Booth) -> dict[str, Callable[[], object]]:
        do, chance = self.world.do, self.chance
        first = chance.randrange(1, max(2, len(booth.entries) + 1))
        last = min(len(booth.entries), first + chance.choice([0, 2, 5]))
        wrong = chance.choice([(1, 1), (1, 2), (2, 1), (2, 2), (77, 1), (2, 3)])
        right = chance.choice([(1, 1, 0), (1, 2, 0), (2, 2, 0), (2, 3, 1), (2, 3, 2), (2, 1, 0)])
        started_ms = booth.started_ms + chance.choice([0, 0, -DAY_MS, 3_600_000])
        return {
            "release": lambda: do(release, booth.kiosk, self._some(booth, "aside"), ANY_REASON),
            "dismiss": lambda: do(dismiss, booth.kiosk, self._some(booth, chance.choice(["aside", "entry"]))),
            "reopen": lambda: do(reopen_decision, booth.kiosk, self._some(booth, "decision")),
            "accept hole": lambda: do(journal.accept_hole, booth.kiosk, *self._hole(booth)),
            "take back hole": lambda: do(journal.take_back_hole, booth.kiosk, self._one_of(booth, "hole", "first_seq")),
            "give up tail": lambda: do(journal.give_up_tail, booth.kiosk, self._arrived(booth) + 1, len(booth.entries)),
            "take back tail": lambda: do(
                journal.take_back_tail, booth.kiosk, self._one_of(booth, "lost_tail", "first_seq")
            ),
            "replace": lambda: do(journal.replace_range, booth.kiosk, first, last, *wrong, *right),
            "take back replacement": lambda: do(
                journal.take_back_replacement, booth.kiosk, self._one_of(booth, "replacement", "version")
            ),
            "boot start": lambda: do(journal.say_boot_start, booth.kiosk, booth.boot, started_ms),
            "take back boot start": lambda: do(journal.take_back_boot_start, booth.kiosk, booth.boot),
        }

    def _done_to_kiosks(self, booth: Booth) -> dict[str, Callable[[], object]]:
        do, chance, world = self.world.do, self.chance, self.world
        allotment = chance.choice([world.allotment, self.other])
        event = chance.choice([world.event, self.event])
        version = self._one_of(booth, "kiosk_name", "version")
        believed = chance.randrange(1, len(booth.entries) + 1) if booth.entries else 0
        return {
            "top up": lambda: do(kiosks.top_up, booth.kiosk, allotment, 100),
            "lower share": lambda: do(kiosks.lower_share, booth.kiosk, world.allotment, chance.choice([50, 100])),
            "stop": lambda: do(kiosks.stop_kiosk, booth.kiosk),
            "withdraw": lambda: do(kiosks.withdraw_kiosk, booth.kiosk),
            "withdraw from": lambda: do(kiosks.withdraw_kiosk, booth.kiosk, believed),
            **dict.fromkeys(("resume 1", "resume 2", "resume 3"), lambda: do(kiosks.resume_kiosk, booth.kiosk)),
            "assign": lambda: do(kiosks.assign_event, booth.kiosk, event),
            "remove": lambda: do(kiosks.remove_event, booth.kiosk, event),
            "renew": lambda: do(kiosks.renew_settings, booth.kiosk),
            "rename": lambda: do(kiosks.rename_kiosk, booth.kiosk, version, f"名{version}", world.organisation),
            "invite": lambda: do(kiosks.invite_kiosk, "来ない端末", world.organisation),
            "another booth": self._another_booth,
            "restore": self._restore,
        }

    def _done_to_records(self) -> dict[str, Callable[[], object]]:
        do, chance, world = self.world.do, self.chance, self.world
        member, stranger = chance.choice(world.members), _stranger(chance)
        issue = chance.choice([1, 2])
        return {
            "change event": self._change_event,
            "call off or take up": self._call_off,
            "lose card": lambda: do(members.lose_card, member, issue),
            "find card": lambda: do(members.find_card, member, issue),
            "end account": lambda: do(members.end_account, member),
            "reopen account": lambda: do(members.reopen_account, member),
            "make known": lambda: do(members.make_known, stranger),
            "make unknown": lambda: do(members.make_unknown, chance.choice([stranger, member])),
            "raise allotment": lambda: do(organisations.raise_allotment, self.other, 100),
            "lower allotment": lambda: do(organisations.lower_allotment, self.other, 100),
        }

    def _reboot(self, booth: Booth) -> None:
        booth.boot = self.chance.randbytes(16)
        booth.started_ms = self.world.now_ms - self.chance.choice([0, 1_000, 10_000])
        now_ms = self.world.now_ms
        booth.add(booth.opened(confirmed_ms=self.chance.choice([None, now_ms, now_ms - DAY_MS])))

    def _open(self, booth: Booth) -> None:
        """Let a booth open under its newest settings."""
        newest = self._rows(booth, "manifest", "instance_ms, version")[-1]
        booth.manifest = read_manifest(bytes(newest.encoded), self.world.hub.keyring.verifying(MANIFEST))
        booth.add(booth.opened(confirmed_ms=self.chance.choice([None, None, self.world.now_ms])))

    def _clone(self, booth: Booth) -> None:
        if len(booth.entries) < 3 or self.chance.random() < 0.5:
            return
        clone = booth.clone(after_seq=max(1, len(booth.entries) - self.chance.choice([1, 1, 2, 3])))
        clone.grant(5)
        if self.chance.random() < 0.5:
            clone.grant(6)
        clone.send(first_seq=self.chance.choice([None, None, len(clone.entries)]))

    def _change_event(self) -> None:
        chance, world = self.chance, self.world
        number = chance.choice([world.event, self.event])
        with world.store.reading() as connection:
            now = newest_event(connection, number)
            assert now is not None
            offered = list(activities_of(connection, now))
        if chance.random() < 0.3:
            offered[0] = offered[0]._replace(rule=Fixed(chance.choice([50, 60])))
        if chance.random() < 0.3:
            offered[0] = offered[0]._replace(daily_limit=chance.choice([0, 1]))
        if chance.random() < 0.2:
            offered = [*offered[:-1], Activity(0, "新しい活動", Fixed(10), OccasionBy.NONE, 0)]
        window = chance.choice(
            [
                *[(now.starts_ms, now.ends_ms)] * 2,
                (MORNING_MS, MORNING_MS + 2 * DAY_MS),
                (MORNING_MS + DAY_MS, MORNING_MS + 3 * DAY_MS),
                (MORNING_MS - DAY_MS, MORNING_MS + 3_600_000),
            ]
        )
        paid_by = chance.choice([now.allotment, world.allotment, self.other])
        world.do(events.change_event, number, now.version, "改めた催し", *window, paid_by, tuple(offered))

    def _call_off(self) -> None:
        with self.world.store.reading() as connection:
            now = newest_event(connection, self.event)
        assert now is not None
        turn = events.call_off_event if now.state == "open" else events.take_up_event
        self.world.do(turn, self.event, now.version)

    def _another_booth(self) -> None:
        if len(self.booths) < BOOTHS_AT_MOST:
            self.booths.append(self.world.booth(f"受付{len(self.booths) + 1}", total=400))

    def _restore(self) -> None:
        self.world.now_ms += 1_000
        self.world.open_instance()
        self.world.now_ms += 1_000

    def _rows(self, booth: Booth, table: str, order: str = "kiosk") -> list[Any]:
        with self.world.store.reading() as connection:
            return rows(connection, f"SELECT * FROM {table} WHERE kiosk = :kiosk ORDER BY {order}", kiosk=booth.kiosk)

    def _some(self, booth: Booth, table: str) -> tuple[tuple[int, bytes], ...]:
        names = sorted({(one.seq, bytes(one.hash)) for one in self._rows(booth, table)})
        return tuple(self.chance.sample(names, min(len(names), self.chance.choice([1, 1, 2, 3]))))

    def _one_of(self, booth: Booth, table: str, column: str) -> int:
        found = [getattr(one, column) for one in self._rows(booth, table, column)]
        return found[-1] if found else 0

    def _arrived(self, booth: Booth) -> int:
        return max((one.seq for one in self._rows(booth, "entry")), default=0)

    def _hole(self, booth: Booth) -> tuple[int, int]:
        stored = {one.seq for one in self._rows(booth, "entry")}
        missing = [seq for seq in range(1, max(stored, default=0)) if seq not in stored]
        if not missing:
            return 1, 1
        last = missing[0]
        while last + 1 in missing:
            last += 1
        return missing[0], last


def _stranger(chance: random.Random) -> int:
    return with_check_digits(100_000_000_000 + chance.randrange(3))


def _sign_the_unknown(booth: Booth) -> None:
    """Sign an entry of a kind that this hub does not know."""
    if not booth.entries:
        booth.add(booth.opened())
    seq, prev = booth.head
    encoded = seal(ENTRY, booth.key, encode((1, booth.kiosk, seq + 1, prev, "redeem", (1, 2), astuple(booth.stamp()))))
    booth.entries.append(SignedEntry(encoded, hash_of(encoded)))
