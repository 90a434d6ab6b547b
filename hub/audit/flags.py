"""Checks the flags and the rows of `placed` against what is expected: both follow from the standings alone."""

from __future__ import annotations

import heapq
from collections.abc import Container, Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from hub.audit.expected import Expected, Identity
from hub.audit.findings import Findings
from hub.audit.reading import stream

Flag = tuple[bytes, int, bytes, str]


def check_flags(
    kept: Iterable[Any], expected: Iterable[Flag], altered: Container[Identity], findings: Findings
) -> None:
    """Hold rows of the table flag, in the order of their key, against what is expected, in the same order."""
    for flag, has_row, is_wanted in _side_by_side(
        ((bytes(one.kiosk), one.seq, bytes(one.hash), one.flag) for one in kept), expected
    ):
        if flag[:3] in altered or has_row == is_wanted:
            continue
        name = dict(zip(("kiosk", "seq", "hash", "flag"), flag, strict=True))
        findings.defect("flag", "nothing speaks for it" if has_row else "missing", **name)


def _side_by_side(kept: Iterable[Flag], expected: Iterable[Flag]) -> Iterable[tuple[Flag, bool, bool]]:
    merged = heapq.merge(((one, True) for one in kept), ((one, False) for one in expected))
    flag: Flag | None = None
    has_row = is_wanted = False
    for one, is_row in merged:
        if one != flag:
            if flag is not None:
                yield flag, has_row, is_wanted
            flag, has_row, is_wanted = one, False, False
        has_row, is_wanted = has_row or is_row, is_wanted or not is_row
    if flag is not None:
        yield flag, has_row, is_wanted


_PLACE = ("event", "bucket", "member", "activity", "occasion", "points", "allotment")


def check_placed(
    connection: sa.Connection,
    kiosk: bytes,
    elsewhere: Mapping[tuple[int, bytes], Expected],
    altered: Container[Identity],
    findings: Findings,
) -> None:
    """Check the table placed for one kiosk: which grants lie elsewhere than the signed grant and its manifest say."""
    left = dict(elsewhere)
    for one in stream(connection, "SELECT * FROM placed WHERE kiosk = :kiosk ORDER BY seq, hash", kiosk=kiosk):
        place = (one.seq, bytes(one.hash))
        name = {"kiosk": kiosk, "seq": place[0], "hash": place[1]}
        if (kiosk, *place) in altered:
            continue
        wanted = left.pop(place, None)
        if wanted is None:
            findings.defect("placed", "lies where its grant and manifest say", **name)
        elif any(getattr(one, column) != getattr(wanted, column) for column in _PLACE):
            where = ", ".join(f"{column} {getattr(wanted, column)}" for column in _PLACE)
            findings.defect("placed", f"is to lie at {where}", **name)
    for (seq, entry_hash), wanted in sorted(left.items()):
        if wanted.identity not in altered:
            findings.defect("placed", "missing: lies elsewhere than signed", kiosk=kiosk, seq=seq, hash=entry_hash)
