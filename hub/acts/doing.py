"""What every act has in common: who does it, under which form number, with which reason, and the row it leaves.

An act is one function whose first argument is `Doing`; the decorator `act` makes it one. It writes its row and its
effect in the transaction it is handed. The form's number is the act's key: the same form sent twice is done once.
`perform` opens the transaction; `preview` does the same and takes it back.
"""

from __future__ import annotations

import hashlib
import hmac
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Concatenate, Generic, NamedTuple, ParamSpec, TypeVar

import cbor2
import sqlalchemy as sa

from hub.acts.refusals import ActRefused, Refusal, holds_unseen
from hub.intake.backlog import finish_backlog
from hub.ledger.posting import Moved
from hub.service import Hub
from hub.store.database import insert, row

Arguments = ParamSpec("Arguments")
Made = TypeVar("Made")

NUMBER_LENGTH = 16
_RANDOM_LENGTH = 8


class Role(Enum):
    """Who may do an act. Sign-in with roles comes later; until then whoever is at the desk is a clerk."""

    CLERK = "clerk"
    ADMINISTRATOR = "administrator"


class Person(NamedTuple):
    """Who does an act: a name that means something in the office ("担当 1", "hub cards"), never a citizen's."""

    name: str
    role: Role = Role.CLERK


@dataclass(frozen=True)
class Doing:
    """One act while it is done: the hub, the open transaction, and what the act row says of it."""

    hub: Hub
    connection: sa.Connection
    person: Person
    reason: str
    number: bytes
    now_ms: int
    is_preview: bool = False


class Done(NamedTuple, Generic[Made]):
    """What came of an act: what it made (a number, a kiosk …), how points moved, and whether this very form had done it
    before, so that nothing was done now.
    """

    act: bytes
    made: Made
    moved: Moved = Moved()
    was_done_before: bool = False


class Outcome(NamedTuple, Generic[Made]):
    """What the body of an act returns."""

    made: Made
    moved: Moved = Moved()


class Declared(NamedTuple):
    """An act as it is declared: who may take it, whether it will need a second person, whether it can take posted
    points back (then it is previewed), and the act that takes it back ("" where none is needed).
    """

    kind: str
    roles: frozenset[Role]
    counter: str
    needs_second: bool
    takes_points: bool
    function: Callable[..., Done[Any]]


SEEN = "seen"
"""The argument that says which version of its subject a form has shown; None where nobody was shown any. It is a
condition and no part of what is done.
"""

ACTS: dict[str, Declared] = {}
"""All acts by kind, in the order of their declaration."""

_TYPED = frozenset(
    {"kiosk", "seq", "hash", "first_seq", "last_seq", "event", "activity", "member", "issue"}
    | {"organisation", "allotment", "points", "entries", "enrolment", "takes_back"}
)
"""The columns of an act row that are filled from arguments of the same name."""


def act(
    kind: str,
    *,
    counter: str,
    roles: Iterable[Role] = (Role.CLERK,),
    needs_second: bool = False,
    takes_points: bool = False,
    makes: str = "",
    again: Callable[..., Any] | None = None,
    text: Callable[..., str] = lambda **_: "",
) -> Callable[
    [Callable[Concatenate[Doing, Arguments], Outcome[Made]]], Callable[Concatenate[Doing, Arguments], Done[Made]]
]:
    """Make a function an act. `text` makes the line that is shown in the list of acts, from the same arguments; `makes`
    names the typed column that takes what the act has made (a number, a kiosk); `again` reads from the records what it
    made, where no column holds that.
    """

    def declare(
        body: Callable[Concatenate[Doing, Arguments], Outcome[Made]],
    ) -> Callable[Concatenate[Doing, Arguments], Done[Made]]:
        signature = inspect.signature(body)

        def whole(doing: Doing, /, *arguments: Arguments.args, **named: Arguments.kwargs) -> Done[Made]:
            bound = signature.bind(doing, *arguments, **named)
            bound.apply_defaults()
            values = {name: value for name, value in bound.arguments.items() if name not in {"doing", SEEN}}
            content = content_of(kind, values)
            before = _done_before(doing, kind, content)
            if before is not None:
                raise DoneBefore(again(doing, **values) if again else _made(before, makes))
            outcome = body(doing, *arguments, **named)
            typed = {**values, makes: outcome.made} if makes else values
            _write(doing, kind, content, typed, text(**values))
            return Done(doing.number, outcome.made, outcome.moved)

        whole.__name__, whole.__doc__, whole.__module__ = body.__name__, body.__doc__, body.__module__
        whole.__signature__ = signature  # type: ignore[attr-defined]  # read by inspect
        ACTS[kind] = Declared(kind, frozenset(roles), counter, needs_second, takes_points, whole)
        whole.kind = kind  # type: ignore[attr-defined]  # read by kind_of
        return whole

    return declare


def kind_of(function: Callable[..., Any]) -> str:
    """Return the kind of an act's function."""
    return str(function.kind)  # type: ignore[attr-defined]  # set by the decorator


def content_of(kind: str, values: Mapping[str, Any]) -> bytes:
    """Return the hash of what an act says, so that the same form can be told from another under its number."""
    plain = [(name, _plain(value)) for name, value in sorted(values.items())]
    return hashlib.sha256(cbor2.dumps([kind, plain])).digest()


def new_number(hub: Hub, person: Person, kind: str, subject: str = "") -> bytes:
    """Return a fresh form number, bound to the person, the kind of act and its subject."""
    fresh = hub.random_bytes(_RANDOM_LENGTH)
    return fresh + _bond(hub, fresh, person, kind, subject)


def is_number_for(hub: Hub, number: bytes, person: Person, kind: str, subject: str = "") -> bool:
    """Tell whether this hub gave a form's number to this person for this act and subject."""
    fresh, bond = number[:_RANDOM_LENGTH], number[_RANDOM_LENGTH:]
    return len(number) == NUMBER_LENGTH and hmac.compare_digest(bond, _bond(hub, fresh, person, kind, subject))


def perform(
    hub: Hub,
    person: Person,
    number: bytes,
    reason: str,
    function: Callable[Concatenate[Doing, Arguments], Done[Made]],
    *arguments: Arguments.args,
    **named: Arguments.kwargs,
) -> Done[Made]:
    """Do an act in a transaction of its own, then what it left to be judged. Raises ActRefused; nothing is done then.

    The same number with the same content returns the act that was done, with `was_done_before`.
    """
    return perform_within(hub, person, number, reason, None, function, *arguments, **named)


def perform_within(
    hub: Hub,
    person: Person,
    number: bytes,
    reason: str,
    shown: Moved | None,
    function: Callable[Concatenate[Doing, Arguments], Done[Made]],
    *arguments: Arguments.args,
    **named: Arguments.kwargs,
) -> Done[Made]:
    """Do an act if it takes back no more than was `shown` in its preview. Raises ActRefused(TAKES_MORE) otherwise."""

    def work(connection: sa.Connection) -> Done[Made]:
        doing = Doing(hub, connection, person, reason, number, _moment(hub, connection))
        try:
            if shown is not None:
                _refuse_more(doing, shown, function, *arguments, **named)
            return function(doing, *arguments, **named)
        except DoneBefore as before:
            return Done(number, before.made, was_done_before=True)

    try:
        done = hub.store.run(work)
    except ActRefused:
        if not _is_written(hub, number):
            raise
        # The same form at the same moment: its twin was quicker, and this one was refused for what that has done.
        done = hub.store.run(work)
    finish_backlog(hub)
    hub.watched.touched.append(done.moved.touched)
    return done


def _refuse_more(
    doing: Doing,
    shown: Moved,
    function: Callable[Concatenate[Doing, Arguments], Done[Made]],
    *arguments: Arguments.args,
    **named: Arguments.kwargs,
) -> None:
    """Raise ActRefused(TAKES_MORE) where an act would take back more than was shown. It is tried behind a savepoint:
    a large act leaves its judging for later, and does not tell by itself.
    """
    trial = doing.connection.begin_nested()
    try:
        moved = function(replace(doing, is_preview=True), *arguments, **named).moved
    finally:
        trial.rollback()
    if moved.taken > shown.taken or moved.points_taken > shown.points_taken:
        raise ActRefused(Refusal.TAKES_MORE)


def preview(
    hub: Hub,
    person: Person,
    reason: str,
    function: Callable[Concatenate[Doing, Arguments], Done[Made]],
    *arguments: Arguments.args,
    **named: Arguments.kwargs,
) -> Moved:
    """Return how points would move if an act were done now. It is done and taken back: nothing is kept, nothing signed.

    Raises ActRefused where the act would be refused.
    """
    number = hub.random_bytes(NUMBER_LENGTH)

    def work(connection: sa.Connection) -> Moved:
        doing = Doing(hub, connection, person, reason or "preview", number, _moment(hub, connection), is_preview=True)
        raise _TakenBack(function(doing, *arguments, **named).moved)

    try:
        return hub.store.run(work)
    except _TakenBack as taken_back:
        return taken_back.moved


def _moment(hub: Hub, connection: sa.Connection) -> int:
    """Return the hub's time, but never one before the newest act: a clock may be set back in between."""
    newest = row(connection, "SELECT done_ms FROM act ORDER BY done_ms DESC LIMIT 1")
    return max(hub.wall_ms(), newest.done_ms if newest is not None else 0)


class DoneBefore(Exception):
    """The very same form has done its act already."""

    def __init__(self, made: Any) -> None:
        super().__init__("done before")
        self.made = made


class _TakenBack(Exception):
    """Ends a preview's transaction without a commit."""

    def __init__(self, moved: Moved) -> None:
        super().__init__("preview")
        self.moved = moved


def _is_written(hub: Hub, number: bytes) -> bool:
    """Tell whether a form's act has been done."""
    with hub.store.reading() as connection:
        return row(connection, "SELECT 1 FROM act WHERE act = :act", act=number) is not None


def _done_before(doing: Doing, kind: str, content: bytes) -> Any:  # a row
    """Return the act's row where this form has done this very act, else None. Raises ActRefused where the form has done
    another, or has no reason.
    """
    if not doing.reason.strip():
        raise ActRefused(Refusal.NO_REASON)
    if holds_unseen(doing.reason):
        raise ActRefused(Refusal.UNSEEN)
    before = row(doing.connection, "SELECT * FROM act WHERE act = :act", act=doing.number)
    if before is not None and (before.kind, bytes(before.content)) != (kind, content):
        raise ActRefused(Refusal.FORM_USED)
    return before


def _made(before: Any, makes: str) -> Any:  # a row; a number or a kiosk
    """Return what an act has made, out of its typed column."""
    made = getattr(before, makes) if makes else None
    return bytes(made) if isinstance(made, memoryview) else made


def _write(doing: Doing, kind: str, content: bytes, values: Mapping[str, Any], text: str) -> None:
    """Write the act's row: the arguments that have a column of their own, how many entries it names, and which if it is
    one.
    """
    typed = {name: value for name, value in values.items() if name in _TYPED and not isinstance(value, tuple | list)}
    if isinstance(values.get("entries"), tuple | list):
        named = set(values["entries"])
        typed["entries"] = len(named)
        if len(named) == 1:
            typed["seq"], typed["hash"] = named.pop()
    insert(
        doing.connection,
        "act",
        act=doing.number,
        kind=kind,
        done_by=doing.person.name,
        role=doing.person.role.value,
        reason=doing.reason.strip(),
        done_ms=doing.now_ms,
        content=content,
        text=text,
        **typed,
    )


def _bond(hub: Hub, fresh: bytes, person: Person, kind: str, subject: str) -> bytes:
    said = cbor2.dumps([fresh, person.name, kind, subject])
    return hmac.digest(hub.keyring.nonce_secret, b"kumapo/form/1" + said, "sha256")[: NUMBER_LENGTH - _RANDOM_LENGTH]


def _plain(value: Any) -> Any:  # whatever an act's arguments are made of
    """Return a value as CBOR writes it, the same for equal values."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, set | frozenset):
        return sorted(_plain(one) for one in value)
    return value
