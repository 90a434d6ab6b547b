"""Puts together what `kiosk run` runs: the booth at its station, its sources, its uplink, and the page beside them."""

from __future__ import annotations

import random
import secrets
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from types import FrameType
from typing import NamedTuple

import click
import msgspec

from config.clock import Clock, SystemClock
from config.settings import KioskSettings, SettingsError, notify_socket
from kiosk import screen
from kiosk.board import Glance
from kiosk.booth import Booth, Scan
from kiosk.camera import Camera, open_camera
from kiosk.catalogue import read_catalogues
from kiosk.decode import CodeReader
from kiosk.face import Face, new_face
from kiosk.feed import Frames, TypedLines
from kiosk.journal import Journal
from kiosk.run import ScanLoop
from kiosk.scan import Station, has_time
from kiosk.service import notify
from kiosk.sight import CameraState
from kiosk.uplink import UplinkThread
from sync.citytime import city_datetime
from sync.manifest import Manifest

EARLY_MS = 3_600_000
"""How long before and after an event a booth starts without a word."""


class Terminal(NamedTuple):
    """How a run speaks on standard output: of each scan, and once of the page's address."""

    lines_of: Callable[[Scan], list[str]]
    line_of_page: Callable[[str], str]


IN_WORDS = Terminal(screen.lines_of, lambda address: f"画面: {address}")
IN_JSON = Terminal(
    lambda scan: [screen.json_of(scan)], lambda address: msgspec.json.encode({"page": address}).decode("utf-8")
)


def run_booth(chosen: KioskSettings, journal: Journal, terminal: Terminal, *, time_is_confirmed: bool) -> None:
    """Run a booth until told to stop or until its sources have ended; then sign the totals and send what waits.

    Raises CameraError, JournalError, SettingsError and click.UsageError.
    """
    clock, socket = SystemClock(), notify_socket()
    station = Station(chosen.event, chosen.activity, chosen.quantity, chosen.slot, chosen.operator)
    booth = Booth(journal, clock, station)
    _refuse_unusable(chosen, booth.reference.manifest)
    _warn_of_unknown_station(booth.reference.manifest, station)
    _warn_of_another_time(booth.reference.manifest, station, booth.stamp().wall_ms)
    if journal.stopped:
        click.echo(
            "この端末は登録しなおしが必要です。記録は送ります。 / Enrol this kiosk anew; it still sends.", err=True
        )
    face = new_face()
    camera_state = CameraState.STARTING if chosen.camera else CameraState.NONE
    face.board.show(Glance(), camera_state, booth.standing(), clock.monotonic_ms())
    with ExitStack() as stack:
        is_stopped = stack.enter_context(until_told_to_stop())
        page = _page(chosen, face, clock) if chosen.page else nullcontext("")
        with page as address:  # it goes before the last records are sent: nobody shows a card to it any more
            if address:
                click.echo(terminal.line_of_page(address))
            booth.open(time_is_confirmed=time_is_confirmed)
            frames = stack.enter_context(Frames(_opener(chosen.camera), clock, _complain))
            lines = TypedLines(sys.stdin.fileno() if chosen.typed else None)
            uplink = _uplink(chosen, journal, clock)
            stack.callback(uplink.stop)
            stack.callback(booth.end_day)
            uplink.start()
            loop = ScanLoop(
                booth,
                frames,
                lines,
                CodeReader().sight,
                clock,
                lambda scan: _echo(terminal.lines_of(scan)),
                face,
                runs_on=not (chosen.camera or chosen.typed),
            )
            notify(socket, "READY=1")
            loop.run(is_stopped, lambda: notify(socket, "WATCHDOG=1"))
            notify(socket, "STOPPING=1")


@contextmanager
def _page(chosen: KioskSettings, face: Face, clock: Clock) -> Iterator[str]:
    """Serve the participant's screen; give its address."""
    from kiosk.page.app import Screen, create_app  # a booth without a page starts without them
    from kiosk.page.serving import PortTaken, served
    from kiosk.page.streams import Streams

    catalogues = read_catalogues(complain=_complain)
    if chosen.lang not in catalogues:
        raise SettingsError(
            f"ことば「{chosen.lang}」は ありません。 / There is no language {chosen.lang}: {', '.join(catalogues)}"
        )
    streams = Streams(face.board, clock)
    app = create_app(Screen(face, streams, catalogues, chosen.lang, secrets.token_hex(8)))
    try:
        with served(app, chosen.port, streams.end) as address:
            yield address
    except PortTaken as error:
        raise click.UsageError(str(error)) from error


def _complain(trouble: str) -> None:
    click.echo(trouble, err=True)


def _echo(lines: list[str]) -> None:
    for line in lines:
        click.echo(line)


def _uplink(chosen: KioskSettings, journal: Journal, clock: Clock) -> UplinkThread:
    from sync.http import HttpTransport

    line = HttpTransport(chosen.hub or journal.address, journal, clock.monotonic_ms)
    return UplinkThread(journal, line, clock, random.random, prune=chosen.prune)


def _opener(source: str) -> Callable[[], Camera] | None:
    return (lambda: open_camera(source)) if source else None


def _refuse_unusable(chosen: KioskSettings, manifest: Manifest | None) -> None:
    if not (chosen.event and chosen.activity):
        raise click.UsageError("\n".join(_choices(manifest)))
    if not (chosen.camera or chosen.typed or chosen.page):
        raise click.UsageError("--camera か --typed を指定してください。 / Give --camera or --typed.")


def _warn_of_unknown_station(manifest: Manifest | None, station: Station) -> None:
    """Say loudly that every card will go to the staff; the booth starts all the same, for settings may still come."""
    event = manifest.event(station.event) if manifest is not None else None
    activity = event.activity(station.activity) if event is not None else None
    if activity is not None and has_time(activity, station.slot):
        return
    named = f"--event {station.event} --activity {station.activity}"
    if activity is not None:
        named += f" --slot {station.slot}"
    warning = (
        f"注意: {named} は この端末の設定に ありません。このままでは どのカードも スタッフを よびます。"
        f" / {named} is not in this kiosk's settings: every card will call the staff."
    )
    click.secho(warning, fg="white", bg="red", err=True)
    known = list(_stations(manifest)) or ["  (まだ ひとつも 届いていません / none has come yet)"]
    click.echo("\n".join(["設定にあるもの / those in the settings:", *known]), err=True)


def _warn_of_another_time(manifest: Manifest | None, station: Station, now_ms: int) -> None:
    """Say that the event is not now, by this machine's clock. Nobody is refused for it: clocks are wrong, booths
    overrun, and the hub judges the time.
    """
    event = manifest.event(station.event) if manifest is not None else None
    if event is None or event.starts_ms - EARLY_MS <= now_ms <= event.ends_ms + EARLY_MS:
        return
    now, starts, ends = map(city_datetime, (now_ms, event.starts_ms, event.ends_ms))
    warning = (
        f"注意: {event.name}は {starts:%m月%d日 %H:%M} から {ends:%m月%d日 %H:%M} までです。"
        f"この端末の時計は {now:%Y年%m月%d日 %H:%M} です。イベントか時計をたしかめてください。"
        " / The event is at another time than this machine's clock says."
    )
    click.secho(warning, fg="white", bg="red", err=True)


def _choices(manifest: Manifest | None) -> Iterator[str]:
    yield "--event と --activity を指定してください。 / Give --event and --activity:"
    yield from _stations(manifest)


def _stations(manifest: Manifest | None) -> Iterator[str]:
    for event in manifest.events if manifest is not None else ():
        for activity in event.activities:
            options, name = f"  --event {event.event} --activity {activity.activity}", f"{event.name} {activity.name}"
            if activity.slots:
                yield from (f"{options} --slot {slot.slot}  {name} {slot.name}" for slot in activity.slots)
            else:
                yield f"{options}  {name}"


@contextmanager
def until_told_to_stop() -> Iterator[Callable[[], bool]]:
    """Let SIGTERM and Ctrl-C end the loop after the scan it is in."""
    told = threading.Event()

    def tell(_number: int, _frame: FrameType | None) -> None:
        told.set()

    before = {number: signal.signal(number, tell) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield told.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
