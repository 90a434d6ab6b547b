"""Sets the stage of the demo: hub, cables, kiosks enrolled as in an office, and the pictures of everybody who comes.

When it is set, every process of the story is real and nothing has been granted yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from pathlib import Path
from random import Random

import segno

from config.clock import Clock
from demo.cable import Cable
from demo.cast import Part, Story, Visit
from demo.narrator import Narrator
from demo.processes import Child, DidNotCome, Family
from demo.stand import Code, Stand
from demo.town import START_SECONDS, Opening, Town

SAMPLES = 5
"""Members who do not come: cards for whoever plays with a camera of their own, and a number to type."""

FILMS = "films"
PICTURES_TOLD = 10
ENROL_TRIES = 3


class Stage:
    """A hub with two stands, in a folder. `source` is a camera of the first stand's own, or ""."""

    def __init__(
        self, folder: Path, story: Story, narrator: Narrator, clock: Clock, random: Random, *, source: str = ""
    ) -> None:
        self.folder = folder
        self.story = story
        self.family = Family()
        self.town = Town(folder / "hub", self.family, clock, random)
        self.stands: list[Stand] = []
        self.identities: list[bytes] = []
        self.codes: dict[Visit, Code] = {}
        self._narrator = narrator
        self._random = random
        self._source = source
        self._cables = contextlib.ExitStack()
        self._drawn = 0

    async def set_up(self) -> Opening:
        """Found the hub, enrol both kiosks, draw everybody. Return where the hub is."""
        await self.town.found(self.story.people + SAMPLES)
        self.town.report_lost(self.story.person_with(Part.LOST_LISTED))
        opening = await self.town.open()
        self._narrator.say("センターが開きました", "the hub is open")
        self._make_stands(opening)
        self._write_codes()
        async with asyncio.TaskGroup() as tasks:
            enrolled = [tasks.create_task(self._set_up_stand(number)) for number in range(len(self.stands))]
        self.identities = [task.result() for task in enrolled]
        return opening

    async def strike(self) -> None:
        """End every process and take away what nobody keeps: pipes and pictures."""
        await self.family.end()
        self._cables.close()
        self.town.end()
        for stand in self.stands:
            stand.clear()
        shutil.rmtree(self.folder / FILMS, ignore_errors=True)

    def _make_stands(self, opening: Opening) -> None:
        for number in (1, 2):
            cable = self._cables.enter_context(Cable(opening.address, records=True))
            seed, source = self._random.getrandbits(31), self._source if number == 1 else ""
            folder = self.folder / f"booth{number}"
            self.stands.append(Stand(f"受付{number}", folder, self.family, cable, seed=seed, source=source))

    def _write_codes(self) -> None:
        """Give everybody their card, and those with a camera of their own some cards to hold before it."""
        films = self.folder / FILMS
        films.mkdir()
        for number, visit in enumerate(self.story.visits):
            make = self.town.forged_card_of if visit.part is Part.FORGED else self.town.card_of
            self.codes[visit] = Code(make(visit.person), visit.kind, films / f"{number}.mjpeg")
        if self._source:
            cards = self.folder / "cards"
            cards.mkdir()
            for person in range(self.story.people + 1, self.story.people + SAMPLES + 1):
                code = segno.make(self.town.card_of(person), error="m", boost_error=False)
                code.save(str(cards / f"見本{person}.png"), scale=8, border=4)
            self._narrator.say(f"見本カードの画像: {cards}", "show these codes to your camera")

    async def _set_up_stand(self, number: int) -> bytes:
        """Enrol one kiosk and draw who comes to it; return its identity."""
        stand = self.stands[number]
        enrolment, invitation = self.town.invite(stand.name, stand.cable.address)
        child, digits = await self._ask_for_enrolment(stand, invitation)
        identity = await self.town.approve(enrolment, digits)
        self._narrator.say(f"{stand.name}を登録しました 番号 {digits}", "enrolled after comparing these digits")
        await self._draw_people(number)
        await child.ended(START_SECONDS)
        return identity

    async def _ask_for_enrolment(self, stand: Stand, invitation: str) -> tuple[Child, str]:
        """Hold the hub's code before the kiosk's camera, again if the picture came out too bad."""
        for _ in range(ENROL_TRIES - 1):
            with contextlib.suppress(DidNotCome):
                return await stand.ask_for_enrolment(invitation)
            self._narrator.say(f"{stand.name}: 登録コードの写真を撮りなおします", "another picture of the code")
        return await stand.ask_for_enrolment(invitation)

    async def _draw_people(self, number: int) -> None:
        stand, wanted = self.stands[number], len(self.codes)
        for visit, code in self.codes.items():
            if visit.stand == number:
                await asyncio.to_thread(stand.draw, code)
                self._drawn += 1
                if self._drawn % PICTURES_TOLD == 0 or self._drawn == wanted:
                    self._narrator.say(f"見本の人の写真を描いています {self._drawn}/{wanted}", "drawing people")
