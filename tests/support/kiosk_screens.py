"""The participant's screen for tests and pictures: every scene it can show, and a real server with a board to show them
on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import wire_samples as wire
from kiosk_booth import HandClock

from kiosk.always_shown import Place, Standing, Waiting
from kiosk.board import Glance, Result, Showing
from kiosk.booth import Scan
from kiosk.catalogue import read_catalogues
from kiosk.face import Face, new_face
from kiosk.page.app import Screen, create_app
from kiosk.page.serving import served
from kiosk.page.streams import Streams
from kiosk.scan import AlreadyReceived, CallStaff, Later, NotUsable, Outcome, Reason, Received, Recorded, TodaysLimit
from kiosk.sight import CameraState, Hint
from sync.entry import Trust

QUIET: Final = Glance()
NOON_MS: Final = wire.MORNING_MS + 3 * 3_600_000
PLACE: Final = Place("秋の公園まつり", "落ち葉ひろい", 10)
STANDING: Final = Standing(PLACE, Waiting(), Trust.HUB, NOON_MS, is_share_short=False, is_stopped=False, is_demo=False)
KEPT: Final = STANDING._replace(waiting=Waiting(37, NOON_MS - 88 * 60_000))

OUTCOMES: Final[dict[str, Outcome]] = {
    "received": Received(wire.grant()),
    "recorded": Recorded(wire.grant(), Later.SHARE),
    "already_received": AlreadyReceived(NOON_MS - 88 * 60_000, PLACE.activity, 10),
    "todays_limit": TodaysLimit(3),
    "not_usable": NotUsable(Reason.FOREIGN_CODE),
    "call_staff": CallStaff(Reason.LOST_CARD),
}


def result_of(outcome: Outcome, number: int = 1) -> Result:
    """Return a result on the screen since the moment the hand clock begins with."""
    return Result(Scan(number, outcome, None, wire.EVENT, 0), HandClock().monotonic_ms())


def _good(glance: Glance = QUIET, *, result: Result | None = None, standing: Standing = STANDING) -> Showing:
    return Showing(glance, result, CameraState.GOOD, standing)


RESULTS: Final = {name: _good(result=result_of(outcome)) for name, outcome in OUTCOMES.items()}
HINTS: Final = {
    f"hint_{hint.value.replace(' ', '_')}": _good(Glance(is_seen=True, hint=hint, is_lively=True)) for hint in Hint
}
TROUBLES: Final = {
    f"camera_{state.value}": Showing(Glance(), None, state, STANDING)
    for state in CameraState
    if state is not CameraState.GOOD
}
SCENES: Final = {
    "idle": _good(),
    "seen": _good(Glance(is_seen=True, is_lively=True)),
    **HINTS,
    **RESULTS,
    "others_wait": _good(Glance(others_wait=True), result=RESULTS["received"].result),
    "waiting": _good(standing=KEPT),
    **TROUBLES,
    "everything_at_once": _good(
        standing=KEPT._replace(trust=Trust.NONE, is_share_short=True, is_demo=True, is_stopped=True)
    ),
}
"""Everything the board can bring about, by a name."""
REASONS: Final = {
    **{f"recorded_{later.name.lower()}": _good(result=result_of(Recorded(wire.grant(), later))) for later in Later},
    **{
        f"{kind.__name__.lower()}_{reason.name.lower()}": _good(result=result_of(kind(reason)))
        for kind, reasons in (
            (NotUsable, (Reason.FOREIGN_CODE, Reason.UNKNOWN_KEY, Reason.BAD_CODE, Reason.EXPIRED)),
            (
                CallStaff,
                (
                    Reason.LOST_CARD,
                    Reason.NUMBER_UNREADABLE,
                    Reason.NOT_SET_UP,
                    Reason.NO_POINTS,
                    Reason.ENROL_ANEW,
                    Reason.NOT_KEPT,
                ),
            ),
        )
        for reason in reasons
    },
}
"""Every reason a result may have; the longest of them must fit too."""


@dataclass
class Booth:
    """A page with a board that a test writes on."""

    address: str
    streams: Streams
    face: Face = field(default_factory=new_face)
    clock: HandClock = field(default_factory=HandClock)

    def show(self, showing: Showing) -> None:
        """Put a whole scene on the board."""
        self.face.board._put(showing)


@contextmanager
def booth_page(
    *, port: int = 0, lang: str = "ja", run: str = "run 1", face: Face | None = None, clock: HandClock | None = None
) -> Iterator[Booth]:
    """Serve the screen of a board; everything is real but the clock."""
    face, clock = face or new_face(), clock or HandClock()
    streams = Streams(face.board, clock)
    app = create_app(Screen(face, streams, read_catalogues(), lang, run))
    with served(app, port, streams.end) as address:
        yield Booth(address, streams, face, clock)
