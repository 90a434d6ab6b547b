"""A city in which a story is played: the hub's house, the road to it, machines, clerks; and the looks at the hub after
everything that changes it.
"""

from __future__ import annotations

from pathlib import Path

from hub.acts.doing import Done
from hub.service import Hub, Pace
from simulator.booths import Machine
from simulator.carriers import Road, SimulatedLine
from simulator.checks import check_hub, check_reckoning, keys_of_batch
from simulator.clerks import Clerks
from simulator.hub import HubHouse
from simulator.office import City
from simulator.shelf import Shelf
from simulator.story import Step
from simulator.town import Impossible, World

PACES = (7, 40, 200)
"""How many entries a batch may hold: one of these in each story, so that journals are sent in pieces."""


class Stage:
    """A city in which a story is played: the hub's house, the road, machines and clerks."""

    def __init__(self, seed: str, folder: Path, shelf: Shelf) -> None:
        self.world = World(seed)
        self.folder = folder
        first = self.world.random_bytes(1)[0]
        self.house = HubHouse(self.world, folder, shelf, Pace(30, PACES[first % len(PACES)]))
        self.city = City(self.world)
        self.road = Road(self.world, self.house, folder, self._looked_at)
        self.clerks = Clerks(self.world, self.city)
        self.lines: dict[str, SimulatedLine] = {}

    def add_machine(self, name: str, *, is_clone: bool = False) -> Machine:
        """Put up one more booth; its card is still empty."""
        machine = Machine(self.world, self.folder, name, is_clone)
        self.city.machines.append(machine)
        self.lines[name] = SimulatedLine(self.road, machine)
        return machine

    def close(self) -> None:
        """End everything that runs."""
        for machine in self.city.machines:
            machine.kill()
        self.house.stop()

    def hub(self) -> Hub:
        """Return the hub. Raises Impossible while it is down."""
        if self.house.hub is None:
            raise Impossible
        return self.house.hub

    def machine(self, step: Step) -> Machine:
        """Return the machine a step is about. Raises Impossible where there is none: a clone that was not made."""
        if step.who >= len(self.city.machines):
            raise Impossible
        return self.city.machines[step.who]

    def after_act(self, done: Done[object] | None) -> None:
        """Look at the keys an act has touched."""
        hub = self.house.hub
        if hub is not None:
            check_reckoning(hub)
            check_hub(hub, done.moved.touched if done is not None else ())

    def send(self, machine: Machine, rounds: int) -> None:
        """Let a booth exchange with the hub, again at once while entries are on their way."""
        for _ in range(rounds):
            if machine.uplink is None or machine.uplink.turn() > 0:
                return

    def _looked_at(self, encoded: bytes) -> None:
        hub = self.house.hub
        if hub is not None:
            check_reckoning(hub)
            if self.world.step % 5 == 0:
                check_hub(hub, keys_of_batch(encoded))
