"""Turns a journal into what a volunteer or the clerk asks of a booth: how much waits, since when, how the hub stands to
it. Reads only.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from kiosk.boothtime import BootTime
from kiosk.journal_file import JournalMissing
from kiosk.journal_reader import JournalReader
from kiosk.lookup import Reference, reference_of
from sync.citytime import city_datetime
from sync.codec import WireError
from sync.enrolment import in_fours
from sync.entry import Trust
from sync.envelope import RECEIPT
from sync.keys import read_key_list
from sync.receipt import Status, read_receipt

WARN_AT_PERCENT = 80
"""From how much of a share on the panel warns."""

_CLOCK_WORDS = {
    Trust.NONE: "たしかめていません",
    Trust.CONFIRMED: "係の人が たしかめました",
    Trust.HUB: "センターと 合っています",
}
_HUB_WORDS = {
    Status.OK: "この端末を 受けつけています",
    Status.FENCED: "センターが たしかめています(記録は できます)",
    Status.REVOKED: "センターが 止めています(記録は できます)",
    Status.UNKNOWN: "センターに まだ 知られていません",
}
_STOP_WORDS = "この 端末は 登録しなおしが 必要です(kiosk enrol --anew)"


@dataclass(frozen=True)
class ShareLeft:
    """One share: what it holds with its reserve, what was drawn, what is left."""

    allotment: int
    total: int
    reserve: int
    used: int
    left: int
    is_short: bool


@dataclass(frozen=True)
class BoothStatus:
    """Everything `kiosk status` says; `damage` is None where the whole chain was not checked, "" where it is whole."""

    kiosk: str
    head: int
    arrived: int
    waiting: int
    waiting_since_ms: int | None
    clock: str
    hub: str
    last_contact_ms: int | None
    stopped: str
    refused: str
    label: str
    manifest: int | None
    shares: list[ShareLeft]
    grants: int
    points: int
    voids: int
    damage: str | None = None


def status_of(journal: JournalReader, boot: bytes) -> BoothStatus:
    """Return how the booth stands."""
    uplink = journal.uplink()
    reference = reference_of(journal)
    totals = journal.totals()
    waiting = max(0, journal.head().seq - uplink.cursor_seq)
    oldest = journal.stamp_of(uplink.cursor_seq + 1) if waiting else None
    return BoothStatus(
        kiosk=journal.kiosk.hex(),
        head=journal.head().seq,
        arrived=uplink.cursor_seq,
        waiting=waiting,
        waiting_since_ms=oldest.wall_ms if oldest is not None else None,
        clock=trust_of(journal.boot_time(boot)).name.lower(),
        hub=uplink.status.value,
        last_contact_ms=_last_contact_ms(journal),
        stopped=journal.stopped,
        refused=f"{uplink.refused[0]}: {uplink.refused[1]}" if uplink.refused is not None else "",
        label=reference.label,
        manifest=reference.manifest.version if reference.manifest is not None else None,
        shares=_shares(journal, reference),
        grants=totals.grants,
        points=totals.points,
        voids=totals.voids,
    )


def trust_of(known: BootTime) -> Trust:
    """Return how far the clock is to be believed in this boot."""
    if known.sample is not None:
        return Trust.HUB
    return Trust.CONFIRMED if known.confirmed is not None else Trust.NONE


def as_plain(status: BoothStatus) -> dict[str, object]:
    """Return the status as plain values, for JSON."""
    return asdict(status)


def lines_of(status: BoothStatus) -> list[str]:
    """Return the status in plain Japanese."""
    return [
        f"端末: {in_fours(status.kiosk)}{' (見本)' if status.label else ''}",
        f"記録: {status.head}件 (付与 {status.grants}件 {status.points}ポイント、取り消し {status.voids}件)",
        _waiting_line(status),
        _hub_line(status),
        f"時計: {_CLOCK_WORDS[Trust[status.clock.upper()]]}",
        "設定: " + (f"第{status.manifest}版" if status.manifest is not None else "まだ 届いていません"),
        *(_share_line(share) for share in status.shares),
        *([f"とどかなかった記録: {status.refused}"] if status.refused else []),
        *([_STOP_WORDS] if status.stopped else []),
        *([_damage_line(status.damage)] if status.damage is not None else []),
    ]


def _hub_line(status: BoothStatus) -> str:
    """What the hub said last, and when: whether it can be reached now is not known here."""
    hub = Status(status.hub)
    if status.last_contact_ms is not None:
        return f"センター: {_HUB_WORDS[hub]}(最後の連絡 {city_datetime(status.last_contact_ms):%m月%d日 %H:%M})"
    return "センター: " + ("連絡の記録が まだ ありません" if hub is Status.OK else _HUB_WORDS[hub])


def _waiting_line(status: BoothStatus) -> str:
    since = (
        f"({city_datetime(status.waiting_since_ms):%m月%d日 %H:%M}から)" if status.waiting_since_ms is not None else ""
    )
    return f"送信まち: {status.waiting}件{since}"


def _share_line(share: ShareLeft) -> str:
    warning = " ← のこりが 少なくなりました" if share.is_short else ""
    return f"端末枠 {share.allotment}: のこり {share.left}ポイント ({share.total} + 予備 {share.reserve}){warning}"


def _damage_line(damage: str) -> str:
    return f"記録簿の検査: こわれています({damage})" if damage else "記録簿の検査: すべて 正しく つながっています"


def _last_contact_ms(journal: JournalReader) -> int | None:
    """Return the hub's time in the last receipt that was believed, which is still one the key list stands behind."""
    encoded = journal.last_receipt()
    if encoded is None:
        return None
    try:
        keys = read_key_list(journal.key_list(), journal.root_public_key)
        return read_receipt(encoded, keys.verifying(RECEIPT)).hub_ms
    except (JournalMissing, WireError):
        return None


def _shares(journal: JournalReader, reference: Reference) -> list[ShareLeft]:
    if reference.manifest is None:
        return []
    return [
        ShareLeft(
            allotment,
            total,
            reserve,
            used := journal.share_used(allotment),
            max(0, total + reserve - used),
            used * 100 >= total * WARN_AT_PERCENT,
        )
        for allotment, total, reserve in reference.manifest.shares
    ]
