"""Turns the recount of a run into the reconciliation table for people and the one JSON object for programs. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from demo.cast import Total
from demo.recount import Check, KioskSums, sum_of

_COLUMNS = (
    ("署名", "signed"),
    ("到着", "arrived"),
    ("処理待ち", "waiting"),
    ("反映済み", "posted"),
    ("重複", "duplicate"),
    ("要確認", "held"),
    ("取り消し", "dismissed"),
    ("未着", "missing"),
)
_WIDTH = 10
_NAME_WIDTH = 22


class Result(NamedTuple):
    """Everything a run came to. `sums` is by the kiosks' names; `missing` counts entries of any kind."""

    sums: Mapping[str, KioskSums]
    checks: Sequence[Check]
    scans: int
    offline_seconds: float
    duplicates_sent: int
    kills: Mapping[str, int]
    seed: int

    @property
    def missing(self) -> int:
        """Return how many entries of the journals the hub does not have."""
        return sum_of(self.sums.values()).missing

    @property
    def failed(self) -> list[Check]:
        """Return what did not hold."""
        return [check for check in self.checks if not check.holds]

    @property
    def is_good(self) -> bool:
        """Tell whether everything has arrived and everything that must hold does."""
        return self.missing == 0 and not self.failed


def as_object(result: Result) -> dict[str, object]:
    """Return the result as plain values for JSON; sums are counts of grants."""
    sums = sum_of(result.sums.values())
    return {
        "scans": result.scans,
        "signed": sums.signed.grants,
        "arrived": sums.arrived.grants,
        "waiting": sums.waiting.grants,
        "posted": sums.posted.grants,
        "duplicate": sums.duplicate.grants,
        "held": sums.held.grants,
        "dismissed": sums.dismissed.grants,
        "missing": result.missing,
        "offline_seconds": round(result.offline_seconds, 1),
        "balanced": not result.failed,
        "points": {column: getattr(sums, column).points for _, column in _COLUMNS[:-1]},
        "seed": result.seed,
        "kills": dict(result.kills),
        "duplicates_sent": result.duplicates_sent,
        "checks": len(result.checks),
        "failed": [str(check) for check in result.failed],
    }


def table(sums: Mapping[str, KioskSums]) -> str:
    """Return the reconciliation table: a line of counts and a line of points for each kiosk, and for all."""
    lines = [
        _line("", [japanese for japanese, _ in _COLUMNS]),
        _line("", [english for _, english in _COLUMNS]),
    ]
    for name, kiosk in [*sums.items(), ("合計 / all", sum_of(sums.values()))]:
        totals: list[Total] = [getattr(kiosk, column) for _, column in _COLUMNS[:-1]]
        lines.append(_line(f"{name} 件", [f"{total.grants:,}" for total in totals] + [f"{kiosk.missing:,}"]))
        lines.append(_line("  ポイント / points", [f"{total.points:,}" for total in totals] + [""]))
    return "\n".join(lines)


def _line(name: str, cells: Sequence[str]) -> str:
    return (_padded(name, -_NAME_WIDTH) + "".join(_padded(cell, _WIDTH) for cell in cells)).rstrip()


def _padded(text: str, width: int) -> str:
    """Pad with spaces to `width` columns of a terminal: on the left, or for a negative width on the right."""
    # UAX #11: wide and full-width characters take two columns.
    columns = sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
    spaces = " " * max(0, abs(width) - columns)
    return text + spaces if width < 0 else spaces + text
