"""What happens to the hub, on the road and at the desk: one function a kind of step. What happens at booths is in
`simulator/machines.py`.

A step that cannot be taken as things stand raises Impossible and is passed over, so that a story stays one when steps
are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hub.acts.doing import Done
from hub.service import Hub
from simulator.checks import whole_look
from simulator.clerks import Form, Way
from simulator.enrolling import apply_and_wait
from simulator.hub import Crash, HubCrashed
from simulator.stage import Stage
from simulator.story import Step, weather_of
from simulator.town import HOUR_MS, Impossible, Picks
from sync.citytime import DAY_MS
from sync.engine import HubUnreachable

ROUNDS = 4
"""Exchanges in one sending at most."""


def _act(stage: Stage, step: Step) -> None:
    hub = stage.hub()
    way, picks = Way(step.picks[0]), Picks(step.picks[1:])
    try:
        done = stage.clerks.act(hub, step.who, step.what, way, picks)
    except HubCrashed:
        stage.road.crashed()
        done = None
    stage.after_act(done)


def _old_form(stage: Stage, step: Step) -> None:
    _send_form(stage, step, stage.clerks.drawer, stage.clerks.send_from_drawer)


def _sent_form(stage: Stage, step: Step) -> None:
    _send_form(stage, step, stage.clerks.sent, stage.clerks.send_sent_one)


def _send_form(stage: Stage, step: Step, forms: list[Form], send: Callable[[Hub, int], Done[Any] | None]) -> None:
    hub = stage.hub()
    if not forms:
        raise Impossible
    try:
        done = send(hub, step.picks[0])
    except HubCrashed:
        stage.road.crashed()
        done = None
    stage.after_act(done)


def _send(stage: Stage, step: Step) -> None:
    machine = stage.machine(step)
    machine.usable()
    stage.lines[machine.name].weather = weather_of(step.picks)
    try:
        stage.send(machine, ROUNDS)
    finally:
        stage.lines[machine.name].weather = []


def _somebody_applies(stage: Stage, step: Step) -> None:
    apply_and_wait(stage, Picks(step.picks))


def _deliver_late(stage: Stage, step: Step) -> None:
    if not stage.road.bag:
        raise Impossible
    stage.world.count("faults")
    stage.road.deliver_late(step.picks[0])


def _export(stage: Stage, step: Step) -> None:
    if not stage.road.export(stage.machine(step)):
        raise Impossible
    stage.world.count("faults")


def _import(stage: Stage, step: Step) -> None:
    try:
        if not stage.road.import_stick(stays=Picks(step.picks).chance(2)):
            raise Impossible
    except HubUnreachable as error:
        raise Impossible from error
    stage.world.count("faults")


def _take_answers(stage: Stage, step: Step) -> None:
    if not stage.road.take_answers(stage.machine(step)):
        raise Impossible
    stage.world.count("faults")


def _crash(stage: Stage, step: Step) -> None:
    """Let the hub end at one of its next commits: before it, or after it and before the receipt; in the middle of what
    an act has left to be judged.
    """
    picks = Picks(step.picks)
    stage.hub()
    stage.house.crash_at(Crash(1 + picks.below(3), is_committed=picks.chance(2)))
    stage.world.count("faults")


def _restart(stage: Stage, _step: Step) -> None:
    stage.house.stop()
    stage.house.start()
    stage.world.count("faults")


def _hub_clock(stage: Stage, step: Step) -> None:
    """Set the hub's clock: slow by an hour, ahead by a day, a little off, or right again."""
    picks = Picks(step.picks)
    stage.house.ahead_ms = picks.one_of((0, 0, -HOUR_MS, DAY_MS, -20_000, 120_000))
    if picks.chance(3):
        stage.house.stop()
        stage.house.start()
    stage.world.count("faults")


def _trust_clock(stage: Stage, step: Step) -> None:
    """Let a clerk look at the hub's clock: mostly it is put right first."""
    if Picks(step.picks).below(4):
        stage.house.ahead_ms = 0
    _act(stage, step._replace(what="trust clock", picks=(Way.AT_ONCE, *step.picks)))


def _keep_copy(stage: Stage, _step: Step) -> None:
    stage.hub()
    stage.house.spare()
    stage.house.keep_copy()
    stage.world.count("faults")


def _put_copy_back(stage: Stage, step: Step) -> None:
    """Put the hub back from its copy: a new instance at once, or only when it was shown its own future."""
    if not stage.house.has_copy:
        raise Impossible
    stage.house.put_back()
    if Picks(step.picks).chance(3):
        stage.house.start()
    else:
        stage.house.open_instance()
    stage.world.count("faults")


def _whole_look(stage: Stage, _step: Step) -> None:
    stage.house.start()
    stage.house.spare()
    whole_look(stage.hub())


HUB_STEPS: dict[str, Callable[[Stage, Step], None]] = {
    "act": _act,
    "old form": _old_form,
    "sent form": _sent_form,
    "send": _send,
    "somebody applies": _somebody_applies,
    "deliver late": _deliver_late,
    "export": _export,
    "import": _import,
    "take answers": _take_answers,
    "crash": _crash,
    "restart": _restart,
    "hub clock": _hub_clock,
    "trust clock": _trust_clock,
    "keep copy": _keep_copy,
    "put copy back": _put_copy_back,
    "whole look": _whole_look,
}
