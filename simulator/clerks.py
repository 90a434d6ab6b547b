"""Clerks of a simulated city: they open forms, look at what an act would take back, send forms at once, later, twice,
or with other content under a number that was used.

An act that is refused is fine, and counted. An exception, a preview that said something else than what came of it, or a
form that did something twice is a violation.
"""

from __future__ import annotations

from collections import Counter
from enum import IntEnum
from typing import Any, NamedTuple

from hub.acts.doing import ACTS, Declared, Done, Person, new_number, perform, perform_within, preview
from hub.acts.refusals import ActRefused, Refusal
from hub.ledger.posting import Moved
from hub.register.enrolments import invitation_of
from hub.service import Hub
from hub.store.database import row, rows
from simulator.deeds import Filled, fill
from simulator.office import City, Desk
from simulator.town import Picks, Violated, World

DRAWER_SIZE = 8
"""Forms that lie open at most."""


class Way(IntEnum):
    """How a clerk goes about an act."""

    AT_ONCE = 0
    LOOK_FIRST = 1
    TWICE = 2
    OTHER_CONTENT = 3
    LEAVE_OPEN = 4
    NO_REASON = 5


class Form(NamedTuple):
    """A form that was opened: its number, the act and what was filled in; `shown` is what a preview said."""

    person: Person
    kind: str
    number: bytes
    filled: Filled
    shown: Moved | None


class Clerks:
    """The clerks and the drawer of their open forms."""

    def __init__(self, world: World, city: City) -> None:
        self.world = world
        self.city = city
        self.drawer: list[Form] = []
        self.sent: list[Form] = []
        self.refused: Counter[str] = Counter()

    def act(self, hub: Hub, who: int, kind: str, way: Way, picks: Picks) -> Done[Any] | None:
        """Do an act in some way; return what came of it, None where it was refused or left open. Raises Impossible."""
        person = Person(f"担当 {who}")
        with hub.store.reading() as connection:
            filled = fill(kind, Desk(hub, self.city, connection), picks)
        form = Form(person, kind, new_number(hub, person, kind), filled, None)
        if way is Way.LEAVE_OPEN and len(self.drawer) < DRAWER_SIZE:
            self.drawer.append(form)
            return None
        if way is Way.NO_REASON:
            self._refused_for_no_reason(hub, form)
        if way is Way.LOOK_FIRST or ACTS[kind].takes_points:
            return self._look_and_send(hub, form)
        done = self.send(hub, form)
        if done is not None and way is Way.TWICE:
            self._send_again(hub, form, done)
        if done is not None and way is Way.OTHER_CONTENT:
            self._send_other_content(hub, form, picks)
        return done

    def send_from_drawer(self, hub: Hub, which: int) -> Done[Any] | None:
        """Send a form that was opened some time ago; much may have changed since."""
        form = self.drawer.pop(which % len(self.drawer))
        if ACTS[form.kind].takes_points and which % 2:
            return self._look_and_send(hub, form)
        return self.send(hub, form)

    def send_sent_one(self, hub: Hub, which: int) -> Done[Any] | None:
        """Send a form again that was sent some time ago, as from a browser's history."""
        return self.send(hub, self.sent[which % len(self.sent)])

    def send(self, hub: Hub, form: Form) -> Done[Any] | None:
        """Send a form; return what came of it, None where it was refused."""
        declared = ACTS[form.kind]
        self.sent = [*self.sent, form][-DRAWER_SIZE:]
        try:
            if form.shown is not None:
                done = perform_within(
                    hub, form.person, form.number, "見本の理由", form.shown, declared.function, *form.filled
                )
            else:
                done = perform(hub, form.person, form.number, "見本の理由", declared.function, *form.filled)
        except ActRefused as refusal:
            self._note(form, refusal)
            return None
        self.world.count("acts")
        self.world.count(f"act: {form.kind}")
        if row_of(hub, form.number) is None:
            raise Violated("an act without its row", form.kind)
        self._remember(hub, form, done)
        return done

    def _look_and_send(self, hub: Hub, form: Form) -> Done[Any] | None:
        """Look at what an act would take back, then do it within that: nothing came between, so it must be the same."""
        declared = ACTS[form.kind]
        try:
            shown = preview(hub, form.person, "見本の理由", declared.function, *form.filled)
        except ActRefused as refusal:
            self._note(form, refusal)
            return None
        self.world.count("previews")
        done = self.send(hub, form._replace(shown=shown))
        is_told = self._last_refusal is Refusal.NOT_SIGNED  # a preview signs nothing, so it cannot tell
        if done is None and not is_told:
            raise Violated("a preview was done, the act refused", f"{form.kind}: {self._last_words}")
        if done is not None and not done.was_done_before and _net(shown) != _net_of_act(hub, form.number):
            seen = f"{form.kind}: {_net(shown)} / {_net_of_act(hub, form.number)}"
            raise Violated("a preview said something else", seen)
        return done

    def _send_again(self, hub: Hub, form: Form, done: Done[Any]) -> None:
        """Send the same form again, as by a double click: it shows what was done, and does nothing."""
        before = _rows_of_acts(hub)
        again = self.send(hub, form)
        if again is None or not again.was_done_before or again.made != done.made:
            raise Violated("the same form was not known again", f"{form.kind}: {done} / {again}")
        if _rows_of_acts(hub) != before:
            raise Violated("the same form did something twice", form.kind)

    def _send_other_content(self, hub: Hub, form: Form, picks: Picks) -> None:
        """Send other content under a number that was used: it must be refused."""
        other = _changed(form.filled, picks)
        if other == form.filled:
            return
        done = self.send(hub, form._replace(filled=other))
        if done is not None:
            raise Violated("other content was taken under a used number", f"{form.kind}: {other}")
        if self._last_refusal is not Refusal.FORM_USED:
            raise Violated("other content under a used number was refused for something else", f"{form.kind}")

    def _refused_for_no_reason(self, hub: Hub, form: Form) -> None:
        declared: Declared = ACTS[form.kind]
        number = new_number(hub, form.person, form.kind)
        try:
            perform(hub, form.person, number, "  ", declared.function, *form.filled)
        except ActRefused:
            return
        raise Violated("an act without a reason", form.kind)

    _last_refusal: Refusal | None = None
    _last_words = ""

    def _note(self, form: Form, refusal: ActRefused) -> None:
        self._last_refusal, self._last_words = refusal.refusal, str(refusal)
        self.refused[f"{form.kind}: {refusal.refusal.name}"] += 1
        self.world.count("refused")

    def _remember(self, hub: Hub, form: Form, done: Done[Any]) -> None:
        """Remember what outsiders know of an act: the numbers on cards that were handed out, an invitation's QR."""
        if done.was_done_before:
            return
        if form.kind == "add members":
            self.city.members += list(done.made)
        if form.kind == "invite kiosk":
            with hub.store.reading() as connection:
                invitation = invitation_of(hub, connection, done.made, "http://127.0.0.1:1")
            if invitation is not None:
                self.city.invitations = [*self.city.invitations, (done.made, invitation)][-DRAWER_SIZE:]


def row_of(hub: Hub, number: bytes) -> Any:
    """Return the row of an act by its form's number, or None."""
    with hub.store.reading() as connection:
        return row(connection, "SELECT * FROM act WHERE act = :act", act=number)


def _rows_of_acts(hub: Hub) -> tuple[int, int, int]:
    """Return how much there is of what an act leaves behind."""
    with hub.store.reading() as connection:
        text = (
            "SELECT (SELECT count(*) FROM act) AS acts, (SELECT count(*) FROM movement) AS movements, "
            "(SELECT count(*) FROM transfer) AS transfers"
        )
        found = row(connection, text)
    return (found.acts, found.movements, found.transfers)


def _net(moved: Moved) -> dict[int, int]:
    """Return what members lose and get by a preview."""
    return {member: net for member, net in sorted(moved.net.items()) if net}


def _net_of_act(hub: Hub, number: bytes) -> dict[int, int]:
    """Return what members lost and got by an act, at once and in what it left to be judged."""
    with hub.store.reading() as connection:
        found = rows(
            connection,
            """
            SELECT member, sum(points) AS net FROM transfer WHERE act = :act GROUP BY member HAVING sum(points) <> 0
            ORDER BY member
            """,
            act=number,
        )
    return {one.member: int(one.net) for one in found}


def _changed(filled: Filled, picks: Picks) -> Filled:
    """Return arguments of which one differs."""
    places = [place for place, value in enumerate(filled) if type(value) in {int, str}]
    if not places:
        return filled
    place = picks.one_of(places)
    value = filled[place]
    other = value + 1 if isinstance(value, int) else value + "2"
    return (*filled[:place], other, *filled[place + 1 :])
