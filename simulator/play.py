"""Plays a chapter: founds its city, takes its steps, lets all faults stop at the end, and sees that everything that can
still be read has arrived and has a verdict.
"""

from __future__ import annotations

import shutil
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hub.acts import decisions
from hub.acts.refusals import ActRefused
from hub.intake import backlog, judging
from hub.intake.facts import accepted_holes
from hub.store.database import rows
from kiosk.journal import Journal
from kiosk.journal_file import JournalError
from kiosk.journal_open import JournalSetAside, open_journal, read_journal
from kiosk.journal_reader import JournalReader
from kiosk.uplink import UplinkThread
from simulator.booths import Machine
from simulator.checks import check_reckoning, is_rolled_back_now, whole_look
from simulator.clerks import Way
from simulator.deeds import unknown_acts
from simulator.digest import digest_of, picture
from simulator.enrolling import found_city, let_in
from simulator.hub import HubCrashed
from simulator.machines import MACHINE_STEPS
from simulator.shelf import Shelves
from simulator.stage import Stage
from simulator.steps import HUB_STEPS
from simulator.story import Chapter, Step
from simulator.town import Impossible, Picks, Violated, Violation
from sync.citytime import DAY_MS
from sync.engine import HubUnreachable, waiting
from sync.entry import hash_of

IDLE_ROUNDS = 5
"""Exchanges in a row that bring nothing, when nothing is in the way any more: then a booth is asked what keeps it."""

SMALL_LIMIT, SMALL_RUN, SMALL_FOLD = 12, 5, 20

STEPS = {**HUB_STEPS, **MACHINE_STEPS}


@dataclass
class Ended:
    """What a chapter has come to. `digest` is "" where it ended at a violation."""

    counts: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    entries: int = 0
    violation: Violation | None = None
    digest: str = ""


def play(chapter: Chapter, folder: Path, shelves: Shelves) -> Ended:
    """Play a chapter in a fresh folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    stage = Stage(chapter.seed, folder, shelves.fresh(folder))
    ended = Ended(stage.world.counts, stage.clerks.refused)
    try:
        with small_sizes(are_small=stage.world.random_bytes(1)[0] % 2 == 0):
            set_up(stage, chapter.kiosks)
            for step in chapter.steps:
                take(stage, step)
            come_to_rest(stage)
        ended.digest = _digest(stage)
        ended.entries = _entries(stage)
    except Violated as violated:
        ended.violation = Violation(stage.world.step, violated.rule, violated.seen)
    except Exception as error:  # noqa: BLE001  # whatever is raised in a story is what it has found
        where = traceback.extract_tb(error.__traceback__)[-1]
        rule = f"exception: {type(error).__name__} in {Path(where.filename).name}:{where.name}"
        ended.violation = Violation(stage.world.step, rule, "".join(traceback.format_exception(error))[-3_000:])
    finally:
        stage.close()
    return ended


@contextmanager
def small_sizes(*, are_small: bool) -> Iterator[None]:
    """In every other story: let an act leave to be judged later, and folds be kept, at sizes that a story reaches."""
    small = {
        (judging, "RUN_LIMIT"): SMALL_LIMIT,
        (decisions, "RUN_LIMIT"): SMALL_LIMIT,
        (judging, "FOLD_EVERY"): SMALL_FOLD,
        (backlog, "RUN_LENGTH"): SMALL_RUN,
    }
    kept = {(module, name): getattr(module, name) for module, name in small}
    try:
        for (module, name), size in small.items() if are_small else ():
            setattr(module, name, size)
        yield
    finally:
        for (module, name), size in kept.items():
            setattr(module, name, size)


def set_up(stage: Stage, kiosks: int) -> None:
    """Found the city and let its booths in. Raises Violated where there is an act that no clerk here can do."""
    forgotten = unknown_acts()
    if forgotten:
        raise Violated("acts that the simulator does not know how to do", ", ".join(forgotten))
    stage.house.found()
    found_city(stage)
    for number in range(kiosks):
        machine = stage.add_machine(f"booth-{number + 1}")
        let_in(stage, machine, Picks(tuple(stage.world.random_bytes(6))))


def take(stage: Stage, step: Step) -> None:
    """Take one step; one that cannot be taken is passed over. Raises Violated."""
    stage.world.begin(step.number, step.at_ms)
    try:
        STEPS[step.kind](stage, step)
    except Impossible:
        stage.world.count("passed over")
    except HubCrashed:
        stage.road.crashed()


def come_to_rest(stage: Stage) -> None:
    """Stop all faults, let everything be sent, and look at the whole. Raises Violated."""
    stage.world.begin(stage.world.step + 1, stage.world.now_ms)
    stage.house.ahead_ms = 0
    stage.house.stop()
    stage.house.start()
    stage.world.now_ms += 2 * DAY_MS
    _trust_clock(stage)
    _deliver_all(stage)
    for machine in stage.city.machines:
        _drain(stage, machine)
    hub = stage.hub()
    check_reckoning(hub)
    whole_look(hub)
    _all_has_arrived(stage)


def _trust_clock(stage: Stage) -> None:
    try:
        stage.clerks.act(stage.hub(), 1, "trust clock", Way.AT_ONCE, Picks((1,)))
    except (Impossible, ActRefused):
        return


def _deliver_all(stage: Stage) -> None:
    while stage.road.bag:
        stage.road.deliver_late(0)
    if is_rolled_back_now(stage.hub()):
        stage.house.open_instance()
    try:
        stage.road.import_stick(stays=False)
    except HubUnreachable as error:
        raise Violated("a stick is not taken in although nothing is in the way", str(error)) from error


def _drain(stage: Stage, machine: Machine) -> None:
    """Let a booth send what is on its card, and what was salvaged from cards before it."""
    machine.offline_until_ms = 0
    line = stage.lines[machine.name]
    line.weather = []
    if machine.journal is None and machine.path.exists():
        try:
            machine.start(0)
            machine.journal = open_journal(machine.path, accept_volatile=True)
        except JournalSetAside as aside:
            machine.salvaged.append(aside.salvaged.path)
        except JournalError:
            machine.journal = None
    if machine.journal is not None and machine.journal.certificate() is not None:
        _send_all(stage, machine, machine.journal)
    for path in machine.salvaged:
        _send_salvaged(stage, machine, path)


def _send_salvaged(stage: Stage, machine: Machine, path: Path) -> None:
    try:
        journal = open_journal(path, accept_volatile=True)
    except JournalError:
        return  # nothing in it says whose it is
    kept, machine.journal = machine.journal, journal
    try:
        if journal.certificate() is not None:
            _send_all(stage, machine, journal)
    finally:
        machine.journal = kept
        journal.close()


def _send_all(stage: Stage, machine: Machine, journal: Journal) -> None:
    uplink = UplinkThread(journal, stage.lines[machine.name], machine.clock, lambda: 0.5)
    idle = 0
    while idle < IDLE_ROUNDS:
        if is_rolled_back_now(stage.hub()):
            stage.house.open_instance()
        before = journal.uplink()
        uplink.turn()
        known = journal.uplink()
        is_sent = known.resent_seq >= journal.head().seq if known.stopped else waiting(journal) == 0
        if is_sent and not uplink.state.failures:
            return
        has_moved = (known.cursor_seq, known.beyond, known.resent_seq, known.stopped) != (
            before.cursor_seq,
            before.beyond,
            before.resent_seq,
            before.stopped,
        )
        idle = 0 if has_moved else idle + 1
    if not journal.uplink().beyond and not journal.stopped and not journal.uplink().refused:
        raise Violated("faults have stopped, and it is not sent", f"{machine.name}: {uplink.state} {journal.uplink()}")


def _all_has_arrived(stage: Stage) -> None:
    """Everything that can still be read on any card must be in the hub, or in a hole that a person has accepted. Raises
    Violated.
    """
    with stage.hub().store.reading() as connection:
        arrived = {bytes(one.hash) for one in rows(connection, "SELECT hash FROM entry")}
        for machine in stage.city.machines:
            for path in [machine.path, *machine.salvaged]:
                kiosk, entries = _readable(machine, path)
                holes = accepted_holes(connection, kiosk)
                for seq, entry_hash in entries:
                    is_given_up = any(first <= seq <= last for first, last in holes.items())
                    if entry_hash not in arrived and not is_given_up:
                        raise Violated("readable, and not arrived", f"{machine.name} {path.name}: entry {seq}")


def _readable(machine: Machine, path: Path) -> tuple[bytes, list[tuple[int, bytes]]]:
    """Return the kiosk on a card, and its entries that are whole, where the journal may still be sent."""
    if path == machine.path and machine.journal is not None:
        return _whole(machine.journal)
    if not path.exists():
        return b"", []
    try:
        reader = read_journal(path)
    except JournalError:
        return b"", []
    try:
        return _whole(reader)
    finally:
        reader.close()


def _whole(reader: JournalReader) -> tuple[bytes, list[tuple[int, bytes]]]:
    if reader.certificate() is None:
        return reader.kiosk, []
    return reader.kiosk, [(one.seq, one.hash) for one in reader.rows(1) if hash_of(one.encoded) == one.hash]


def _digest(stage: Stage) -> str:
    with stage.hub().store.reading() as connection:
        return digest_of(picture(connection))


def _entries(stage: Stage) -> int:
    with stage.hub().store.reading() as connection:
        return len(rows(connection, "SELECT seq FROM entry"))
