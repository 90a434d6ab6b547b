"""Tells on the terminal what happens in the demo, in plain Japanese with a little English, each line with its time."""

from __future__ import annotations

from collections.abc import Callable

import click

from config.clock import Clock
from demo.cast import Part, Visit
from demo.processes import Line

_SCREENS = {
    "received": "うけとりました",
    "recorded": "記録しました(ポイントは あとで)",
    "already_received": "もう うけとっています",
    "todays_limit": "きょうは ここまでです",
    "not_usable": "ここでは つかえません",
    "call_staff": "スタッフを よんでください",
}
_KINDS = {"card": "カード", "phone": "スマホ"}
_NOTES = {
    Part.VISITOR: "",
    Part.AGAIN: "2回目 / again",
    Part.BOTH: "もう一方の受付にも来た人 / was at the other booth",
    Part.FORGED: "にせのカード / forged",
    Part.LOST_LISTED: "紛失届のあるカード / listed as lost",
    Part.LOST_LATER: "端末がまだ知らない紛失カード / lost, not yet known here",
    Part.OTHER_EVENT: "開催中でないイベントのまま / wrong event chosen",
}


class Narrator:
    """Prints lines as the story goes on. `write` is handed in; a test collects what is said."""

    def __init__(self, clock: Clock, write: Callable[[str], None] = click.echo) -> None:
        self._clock = clock
        self._write = write
        self._start_ms = clock.monotonic_ms()

    @property
    def seconds(self) -> float:
        """Return how long the demo has been running."""
        return (self._clock.monotonic_ms() - self._start_ms) / 1000

    def say(self, japanese: str, english: str = "") -> None:
        """Tell one thing that has happened."""
        self._write(f"[{self.seconds:5.1f}s] {japanese}" + (f" / {english}" if english else ""))

    def heading(self, japanese: str, english: str) -> None:
        """Begin a chapter."""
        self.say(f"── {japanese} ──", english)

    def address(self, japanese: str, english: str, address: str) -> None:
        """Tell what a page shows, and on a line of its own where it is."""
        self._write(f"  {japanese} / {english}\n    {address}")

    def visit(self, stand: str, visit: Visit, scan: Line) -> None:
        """Tell who came and what the screen said."""
        self.scan(stand, f"見本{visit.person} {_KINDS[visit.kind]}", scan, _NOTES[visit.part])

    def scan(self, stand: str, who: str, scan: Line, note: str = "") -> None:
        """Tell what a screen said to somebody."""
        outcome = str(scan["outcome"])
        points = f" +{scan['points']}" if scan.get("points") else ""
        waiting = f"(送信まち {scan['waiting']})" if scan.get("waiting") else ""
        remark = f"  … {note}" if note else ""
        self.say(f"{stand} [{who}] → {_SCREENS.get(outcome, outcome)}{points}{waiting}{remark}")

    def plain(self, text: str) -> None:
        """Print something as it is."""
        self._write(text)
