"""The story of the demo, from setting the stage to the recount: what happens to people, network and machines, and when.

It never tells anybody how something must end: what came of it is read from the files when all processes have ended.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from random import Random

from config.clock import Clock
from demo.audience import wait_for_audience
from demo.capture import batches_in
from demo.cast import SHARES, STANDS, Chapter, Part, Visit, write_story
from demo.evidence import chain_checks, counted_at_hub, picture_of, read_books
from demo.narrator import Narrator
from demo.processes import Line
from demo.reckoning import OK_WORDS, Played, cast_checks, screen_checks
from demo.recount import Check, checks, grants_in, recount
from demo.report import Result
from demo.stage import Stage
from demo.stand import Stand, is_typed
from demo.town import ACTIVITY
from hub.wire.carriers import own_carrier
from sync.batch import read_batch
from sync.codec import WireError
from sync.engine import HubUnreachable
from sync.envelope import RECEIPT
from sync.http import HttpTransport
from sync.member import printed
from sync.receipt import Status, read_receipt

SET_UP_SECONDS = 8.0
"""What setting the stage usually takes, so that a story of about the wanted length is written."""

LEAST_STORY_SECONDS = 8.0
ARRIVAL_SECONDS = 10.0
"""How long the demo watches kiosks send by themselves: ten of the hub's paces, within which they come back. When they
are closed, they send the rest at once.
"""

PATIENCE_SECONDS = 20.0
"""How long the story waits for somebody to open a page."""

INVITE_SECONDS = 3.0
"""How long they then see how a screen invites, before the first person comes."""

LAST_LOOK_SECONDS = 9.0
"""How long the booths stay open after the last person: until the last result has gone and a screen invites again."""

LOOK_SECONDS = 0.5
KILL_WITHIN_SECONDS = 0.45
"""A stand is killed by chance within this time after somebody came before its camera: about every second time before it
has answered.
"""


class Conductor:
    """One run of the demo in `folder`. `source` is a camera of the first stand's own, or ""."""

    def __init__(self, folder: Path, narrator: Narrator, clock: Clock, seed: int, seconds: float, source: str) -> None:
        random = Random(seed)
        self._seed, self._seconds, self._source = seed, seconds, source
        self._narrator, self._clock = narrator, clock
        self._story_seconds = max(LEAST_STORY_SECONDS, seconds - SET_UP_SECONDS)
        self._story = write_story(random, self._story_seconds, (1,) if source else range(STANDS))
        self._stage = Stage(folder, self._story, narrator, clock, random, source=source)
        self._pace = Random(seed)
        self._shown: list[tuple[Visit, str]] = []
        self._kills = Counter({"booth": 0, "hub": 0})
        self._checks: list[Check] = []
        self._offline_seconds = 0.0
        self._duplicates_sent = 0
        self._has_audience = False

    async def set_up(self) -> None:
        """Set the stage, open the stands, and tell where to look."""
        self._opening = await self._stage.set_up()
        today, other = self._stage.town.events
        async with asyncio.TaskGroup() as tasks:
            for number, stand in enumerate(self._stage.stands):
                tasks.create_task(stand.open(other if number == self._story.wrong_stand else today, ACTIVITY))
        self._tell_addresses()
        self._narrator.say(
            "見どころ: 人が来る → ケーブルが切れる →「…件、ここにあります」→ つながると「すべて送りました」",
            "watch: people come, the cable is cut, records are kept here, and all is sent when it is back",
        )

    async def welcome(self, terminal: int | None) -> None:
        """Wait for people at a terminal to open a page, but not long. They see the whole story at its own pace."""
        self._has_audience = True
        if terminal is not None:
            self._narrator.say(
                f"画面を開くか Enter を押すと始まります(またはあと{PATIENCE_SECONDS:.0f}秒)",
                "it begins when a booth's screen is opened, at Enter, or after this time",
            )
            ports = {stand.port for stand in self._stage.stands}
            await wait_for_audience(ports, terminal, PATIENCE_SECONDS, self._clock)
            await asyncio.sleep(INVITE_SECONDS)
        self._seconds = self._narrator.seconds + self._story_seconds

    async def play(self) -> None:
        """Play the whole story."""
        async with self._watching([stand for stand in self._stage.stands if stand.source]):
            for chapter in SHARES:
                await self._play_chapter(chapter)
            await self._watch_arrival(ARRIVAL_SECONDS)
            if self._has_audience:
                await asyncio.sleep(LAST_LOOK_SECONDS)

    async def stay_open(self, until: asyncio.Event) -> None:
        """Keep hub and stands open until `until` is set, and tell what the screens say. Raises DidNotCome."""
        async with self._watching(self._stage.stands):
            while not until.is_set():
                self._stage.town.look()
                with suppress(TimeoutError):
                    await asyncio.wait_for(until.wait(), LOOK_SECONDS)

    async def close_stands(self) -> None:
        """Close both stands."""
        for stand in self._stage.stands:
            status = await stand.close()
            self._checks.append(Check(f"{stand.name}: status at the end", 0, status))
            self._narrator.say(f"{stand.name}を閉じました", "booth closed; the rest was sent")
        if self._is_joined_in:
            self._narrator.say(
                "番号を入れた人がいるので、だれが来たかとの照合ははぶきます",
                "somebody typed numbers: what everybody had to come to is not compared; all else is",
            )

    async def send_again(self) -> None:
        """Post a batch of each stand a second time, byte for byte as its cable has carried it, straight to the hub."""
        store = self._stage.town.store
        before = picture_of(store)
        for stand in self._stage.stands:
            batches = [one for one in batches_in(map(bytes, stand.cable.sent)) if read_batch(one).entries]
            with_grants = [one for one in batches if grants_in(read_batch(one).entries)]
            if batches:
                await asyncio.to_thread(self._post, self._pace.choice(with_grants or batches))
                self._duplicates_sent += 1
        after = picture_of(store)
        self._checks += [
            Check("batches sent twice", len(self._stage.stands), self._duplicates_sent),
            Check(
                "what changes when a batch is sent twice", [], [name for name in before if before[name] != after[name]]
            ),
        ]
        self._narrator.say(f"同じ送信分をもう一度送りました({self._duplicates_sent}回)", "batches sent twice")

    async def open_stands_again(self) -> None:
        """Open both stands as on the next day, for whoever wants to try them. Raises DidNotCome."""
        async with asyncio.TaskGroup() as tasks:
            for stand in self._stage.stands:
                tasks.create_task(stand.open(self._stage.town.events[0], ACTIVITY))
        person = self._story.people + 1
        number = printed(self._stage.town.member(person))
        self._narrator.say("受付をもう一度開きました", "the booths are open again")
        self._narrator.say(f"番号を入れてためせます: {number}(見本{person})", "type this number at a screen")
        self._tell_addresses()

    async def close_hub(self) -> None:
        """Close the hub."""
        self._checks.append(Check("hub: status at the end", 0, await self._stage.town.close()))

    def result(self) -> Result:
        """Count everything from the files."""
        stands = self._stage.stands
        journals = [stand.journal for stand in stands]
        books = read_books(journals, self._stage.town.store)
        sums = recount(books)
        found = [*self._checks, *checks(books, sums), *chain_checks(journals)]
        found += screen_checks(books, self._stage.identities, [stand.scans for stand in stands])
        found.append(Check("what the audit of the hub objects to", [], self._stage.town.defects()))
        found.append(Check("kills", {"booth": 1, "hub": 1}, dict(self._kills)))
        if not self._source and not self._is_joined_in:
            town = self._stage.town
            played = Played(self._story, self._shown, self._stage.identities, town.members, town.events[1])
            found += cast_checks(played, books, sums)
        return Result(
            sums={stand.name: sums[kiosk] for stand, kiosk in zip(stands, self._stage.identities, strict=True)},
            checks=found,
            scans=sum(len(stand.scans) for stand in stands),
            offline_seconds=self._offline_seconds,
            duplicates_sent=self._duplicates_sent,
            kills=self._kills,
            seed=self._seed,
        )

    async def strike(self) -> None:
        """End every process, whatever has happened."""
        await self._stage.strike()

    @property
    def _is_joined_in(self) -> bool:
        """Tell whether somebody has typed numbers at a screen, which nobody in the story does."""
        return self._has_audience and any(is_typed(scan) for stand in self._stage.stands for scan in stand.scans)

    def _tell_addresses(self) -> None:
        """Tell where desk and screens are."""
        first, *others = self._stage.stands
        self._narrator.say("ブラウザーで開いてください", "open these in a browser")
        self._narrator.address("窓口(1回だけのリンク)", "the desk; this link signs in once", self._opening.desk)
        self._narrator.address(f"{first.name}の画面", "a booth's screen", first.page)
        for stand in others:
            self._narrator.address(f"{stand.name}の画面", "the other booth's screen", stand.page)

    async def _play_chapter(self, chapter: Chapter) -> None:
        self._narrator.heading(*HEADINGS[chapter])
        seconds = self._seconds_for(chapter)
        if chapter is Chapter.OFFLINE:
            self._cut()
        async with asyncio.TaskGroup() as tasks:
            for number in range(STANDS):
                tasks.create_task(self._receive(chapter, number, seconds))
            if chapter is Chapter.HUB_KILLED:
                tasks.create_task(self._kill_hub(seconds))
            if chapter is Chapter.JOINED:
                tasks.create_task(self._watch_arrival(seconds))
        if chapter is Chapter.OFFLINE:
            self._join()

    def _seconds_for(self, chapter: Chapter) -> float:
        """Return how long a chapter may take, so that the story ends on time."""
        later = list(SHARES)[list(SHARES).index(chapter) :]
        left = max(self._seconds - self._narrator.seconds, 0.0)
        return left * SHARES[chapter] / sum(SHARES[one] for one in later)

    async def _receive(self, chapter: Chapter, number: int, seconds: float) -> None:
        """Let the people of one chapter come to one stand, one after another, at times chance chooses."""
        stand = self._stage.stands[number]
        if chapter is Chapter.MORNING and number == self._story.wrong_stand:
            await self._choose_right_event(number)
        visits = self._story.at(chapter, number)
        begins = self._narrator.seconds
        for place, visit in enumerate(visits):
            due = begins + (place + self._pace.random() * 0.5) * seconds / len(visits)
            await asyncio.sleep(max(0.0, due - self._narrator.seconds))
            if visit.is_interrupted:
                await self._kill_stand(visit)
            else:
                self._note(visit, await stand.show(self._stage.codes[visit]))

    async def _choose_right_event(self, number: int) -> None:
        """Somebody notices after the first person that the stand is set to another event, and opens it anew."""
        stand = self._stage.stands[number]
        for visit in self._story.at(Chapter.WRONG_EVENT, number):
            self._note(visit, await stand.show(self._stage.codes[visit]))
        self._checks.append(Check(f"{stand.name}: status at the change of event", 0, await stand.close()))
        await stand.open(self._stage.town.events[0], ACTIVITY)
        self._narrator.say(f"{stand.name}: イベントを選びなおしました", "the right event is chosen")

    async def _kill_stand(self, visit: Visit) -> None:
        """Take a stand's power away while somebody stands there; whoever got no answer is served when it is back."""
        stand, code = self._stage.stands[visit.stand], self._stage.codes[visit]
        stand.hold_up(code)
        await asyncio.sleep(self._pace.random() * KILL_WITHIN_SECONDS)
        said = await stand.kill()
        self._kills["booth"] += 1
        for scan in said[:1]:
            self._note(visit, scan)
        self._narrator.say(f"{stand.name}の電源が切れました", "kill -9 of the booth")
        await stand.open(self._stage.town.events[0], ACTIVITY)
        self._narrator.say(f"{stand.name}が動きだしました", "the booth is back")
        if not said:
            self._note(visit, await stand.show(code))

    async def _kill_hub(self, seconds: float) -> None:
        """Take the hub's power away while kiosks send, and start it again at the same address. Before it is back, a
        card is reported lost; the stands cannot know of it, they have no newer manifest.
        """
        town = self._stage.town
        await asyncio.sleep(self._pace.uniform(0.1, 0.6) * seconds)
        await town.kill()
        self._kills["hub"] += 1
        self._narrator.say("センターの電源が切れました", "kill -9 of the hub; the booths go on")
        person = self._story.person_with(Part.LOST_LATER)
        town.report_lost(person)
        self._narrator.say(f"紛失の届け: 見本{person}のカード", "a card is reported lost; the booths cannot know yet")
        self._opening = await town.open(self._opening.address[1])
        self._narrator.say("センターが動きだしました", "the hub is back")
        self._narrator.address("窓口(新しいリンク)", "its desk asks to sign in anew", self._opening.desk)

    def _cut(self) -> None:
        for stand in self._stage.stands:
            stand.cable.cut()
        self._cut_at = self._narrator.seconds
        self._carried = [stand.cable.bytes_to_hub for stand in self._stage.stands]
        self._narrator.say("ケーブルを切りました", "both cables are cut; nobody told the booths")

    def _join(self) -> None:
        carried = [stand.cable.bytes_to_hub for stand in self._stage.stands]
        self._checks.append(Check("bytes sent through cut cables", self._carried, carried))
        for stand in self._stage.stands:
            stand.cable.join()
        self._offline_seconds += self._narrator.seconds - self._cut_at
        self._narrator.say("ケーブルをつなぎました", f"joined after {self._offline_seconds:.1f} s offline")

    @asynccontextmanager
    async def _watching(self, stands: Iterable[Stand]) -> AsyncIterator[None]:
        """Meanwhile tell what stands say to which nobody is sent."""
        async with asyncio.TaskGroup() as beside:
            tasks = [beside.create_task(self._watch(stand)) for stand in stands]
            yield
            for task in tasks:
                task.cancel()

    async def _watch(self, stand: Stand) -> None:
        while (scan := await stand.next_scan()) is not None:
            self._narrator.scan(stand.name, "番号" if is_typed(scan) else "カメラ", scan)
        self._narrator.say(f"{stand.name}: 映像が終わりました", "the pictures have ended")

    async def _watch_arrival(self, seconds: float) -> None:
        """Tell how the grants arrive, until all have or `seconds` are over."""
        until, told = self._narrator.seconds + seconds, -1
        while self._narrator.seconds < until:
            promised = sum(scan["outcome"] in OK_WORDS for stand in self._stage.stands for scan in stand.scans)
            arrived = sum(counted_at_hub(self._stage.town.store).values())
            if arrived != told:
                self._narrator.say(f"センターに届いた付与 {arrived}/{promised}", "grants at the hub")
                told = arrived
            if arrived >= promised:
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _post(self, batch: bytes) -> None:
        """Post a batch; an answer that is no good receipt is what the checks then name."""
        hub = self._stage.town.hub
        carrier = own_carrier(hub.keyring, hub.random_bytes(32), hub.wall_ms())
        with closing(HttpTransport("http://{}:{}".format(*self._opening.address), carrier)) as line:
            try:
                answer: object = read_receipt(line.post_batch(batch), hub.keyring.verifying(RECEIPT)).status
            except (HubUnreachable, WireError) as error:
                answer = error
        self._checks.append(Check("how the hub answers a batch sent twice", Status.OK, answer))

    def _note(self, visit: Visit, scan: Line) -> None:
        self._shown.append((visit, str(scan["outcome"])))
        self._narrator.visit(self._stage.stands[visit.stand].name, visit, scan)


HEADINGS = {
    Chapter.MORNING: ("受付を始めます", "both booths open"),
    Chapter.HUB_KILLED: ("センターが落ちます", "the hub goes down"),
    Chapter.OFFLINE: ("ネットワークがなくなります", "the network goes away"),
    Chapter.JOINED: ("ネットワークがもどります", "the network is back"),
}
