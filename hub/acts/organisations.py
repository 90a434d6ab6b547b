"""Acts on organisations and their allotments."""

from __future__ import annotations

from hub.acts.checks import want_allotment, want_name, want_open, want_organisation
from hub.acts.doing import Doing, Outcome, act
from hub.acts.money import give_budget, take_budget, want_points
from hub.acts.refusals import ActRefused, Refusal
from hub.register.numbers import next_allotment, next_organisation
from hub.register.organisations import (
    CLOSED,
    OPEN,
    Allotment,
    Organisation,
    write_allotment,
    write_organisation,
)
from sync.citytime import fiscal_year

KINDS = frozenset({"grants", "serves", "both"})


@act("add organisation", counter="close organisation", makes="organisation", text=lambda **told: told["name"])
def add_organisation(doing: Doing, name: str, kind: str) -> Outcome[int]:
    """Add an organisation that grants points, takes them for a service, or both; return its number."""
    number = next_organisation(doing.connection)
    write_organisation(doing.connection, Organisation(number, 1, want_name(name), _want_kind(kind), OPEN), doing.number)
    return Outcome(number)


@act("change organisation", counter="change organisation", text=lambda **told: told["name"])
def change_organisation(doing: Doing, organisation: int, version: int, name: str, kind: str) -> Outcome[None]:
    """Call an organisation otherwise, or say anew whether it grants, serves or both."""
    newest = _newest(doing, organisation, version)
    changed = newest._replace(version=version + 1, name=want_name(name), kind=_want_kind(kind))
    if changed[2:] == newest[2:]:
        raise ActRefused(Refusal.STANDS_SO, what=newest.name)
    write_organisation(doing.connection, changed, doing.number)
    return Outcome(None)


@act("close organisation", counter="reopen organisation")
def close_organisation(doing: Doing, organisation: int, version: int) -> Outcome[None]:
    """Close an organisation: nothing new is begun for it. What it has given stays."""
    return _turn(doing, organisation, version, CLOSED)


@act("reopen organisation", counter="close organisation")
def reopen_organisation(doing: Doing, organisation: int, version: int) -> Outcome[None]:
    """Open a closed organisation again."""
    return _turn(doing, organisation, version, OPEN)


@act("add allotment", counter="lower allotment", makes="allotment", text=lambda **told: told["name"])
def add_allotment(doing: Doing, organisation: int, name: str, points: int) -> Outcome[int]:
    """Give an organisation an allotment for this fiscal year, out of the city's issue; return its number."""
    want_open(doing.connection, organisation)
    number = next_allotment(doing.connection)
    allotment = Allotment(number, organisation, fiscal_year(doing.now_ms), want_name(name))
    write_allotment(doing.connection, allotment, doing.number)
    give_budget(doing, number, want_points(points))
    return Outcome(number)


@act("raise allotment", counter="lower allotment")
def raise_allotment(doing: Doing, allotment: int, points: int) -> Outcome[None]:
    """Add points to an allotment."""
    want_allotment(doing.connection, allotment)
    give_budget(doing, allotment, want_points(points))
    return Outcome(None)


@act("lower allotment", counter="raise allotment")
def lower_allotment(doing: Doing, allotment: int, points: int) -> Outcome[None]:
    """Take points out of an allotment, as far as it holds them."""
    want_allotment(doing.connection, allotment)
    take_budget(doing, allotment, want_points(points))
    return Outcome(None)


def _want_kind(kind: str) -> str:
    if kind not in KINDS:
        raise ActRefused(Refusal.NOT_READABLE, what=kind)
    return kind


def _newest(doing: Doing, organisation: int, version: int) -> Organisation:
    newest = want_organisation(doing.connection, organisation)
    if newest.version != version:
        raise ActRefused(Refusal.GROUND_CHANGED, what=newest.name)
    return newest


def _turn(doing: Doing, organisation: int, version: int, state: str) -> Outcome[None]:
    newest = _newest(doing, organisation, version)
    if newest.state == state:
        raise ActRefused(Refusal.STANDS_SO, what=newest.name)
    changed = newest._replace(version=version + 1, state=state)
    write_organisation(doing.connection, changed, doing.number)
    return Outcome(None)
